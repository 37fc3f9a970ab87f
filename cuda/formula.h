// SPDX-License-Identifier: Apache-2.0
// Formulas of your own on a device, with one line.
//
//     // vignette.cu, compiled by nvcc and linked with the program
//     #include <lumigrad/cuda/formula.h>
//     #include "vignette.h"  // the formula, as formula.h describes
//     LUMIGRAD_DEVICE_FORMULA(mine::Vignette);
//
// Values, gradients in inputs and parameters, sums and second order are compiled from the same formula as on the CPU,
// where LUMIGRAD_USER_FORMULA (engine/formula_simd.h) stands beside it. `pixel(mine::Vignette{}, {image}, {strength})`
// then runs wherever the image is. Without the line a device answers with DeviceError.
//
// nvcc needs -std=c++20 --expt-relaxed-constexpr --extended-lambda, lumigrad's include folder, and -fmad=false if
// results are to agree with the CPU's to the last digits; samples/device_formula is the whole of it. A host compiler
// given -DLUMIGRAD_STANDIN compiles the same file for the stand-in device of tests.
#pragma once
#include <lumigrad/cuda/formula_list.h>
#include <lumigrad/cuda/status.h>
#include <typeinfo>

namespace lumigrad::cuda {

#if !defined(LUMIGRAD_STANDIN)
inline Status launched() { return status_of(cudaGetLastError()); }
#endif

/// Makes a formula known to the library while the program starts.
template <class F>
struct AddedFormula {
  static constexpr device::DeviceFormula entry = pixels::device_formula<F>();
  AddedFormula() { device::add_formulas({typeid(F).name(), 1, &entry, device::formula_version, pixels::made_for}); }
};

}  // namespace lumigrad::cuda

#define LUMIGRAD_JOINED_(a, b) a##b
#define LUMIGRAD_JOINED(a, b) LUMIGRAD_JOINED_(a, b)
/// At namespace scope outside all namespaces, once in a program.
#define LUMIGRAD_DEVICE_FORMULA(F) \
  static const ::lumigrad::cuda::AddedFormula<F> LUMIGRAD_JOINED(lumigrad_added_formula_, __COUNTER__)
