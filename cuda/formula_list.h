// SPDX-License-Identifier: Apache-2.0
// One line compiles a list of formulas for devices:
//
//     namespace lumigrad::color {
//     LUMIGRAD_CUDA_FORMULAS(color, ColorFormulas);
//     }
//
// It stands in a .cu of its own, in the namespace of the list, and makes `color_on_devices`. area is the name under
// which LUMIGRAD_FORMULA_TABLE declares the list. A formula added to the list is compiled with it; nothing else
// changes.
#pragma once
#include <lumigrad/cuda/pixel_launch.cuh>

namespace lumigrad::cuda::pixels {

template <class List>
struct FormulaListEntries;
template <class... F>
struct FormulaListEntries<FormulaList<F...>> {
  static constexpr DeviceFormula entries[] = {device_formula<F>()...};
};

}  // namespace lumigrad::cuda::pixels

#define LUMIGRAD_CUDA_FORMULAS(area, List)                                            \
  extern const ::lumigrad::device::FormulaEntries area##_on_devices;                  \
  const ::lumigrad::device::FormulaEntries area##_on_devices = {                      \
      #area, List::size, ::lumigrad::cuda::pixels::FormulaListEntries<List>::entries, \
      ::lumigrad::device::formula_version, ::lumigrad::cuda::pixels::made_for}
