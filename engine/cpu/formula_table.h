// SPDX-License-Identifier: Apache-2.0
// Where the compiled kernels of a formula are found.
//
// Each header of formulas ends with the list of those that are operators; an area joins its headers' lists in its
// formulas.h, inside its own namespace:
//
//     using ColorFormulas = decltype(GrayFormulas() + HsvFormulas());
//     LUMIGRAD_FORMULA_TABLE(color, ColorFormulas);
//
// and compiles them in a level source, in the same namespace (cpu/pixel_kernels.h):
//
//     LUMIGRAD_COMPILE_FORMULAS(color, ColorFormulas);
//
// After that `kernels_of(RgbToHsv{})`, found by argument-dependent lookup, is the record of machine code for the
// processor at hand. Tables are constants: nothing runs when the library is loaded.
#pragma once
#include <type_traits>

#include <lumigrad/engine/cpu/kernels.h>
#include <lumigrad/engine/formula.h>

namespace lumigrad {

/// The kernels of N formulas at one instruction level.
template <int N>
struct KernelTable {
  PixelKernels entry[N];
};

/// One formula's kernels at every level that exists on this architecture (null where it does not).
struct KernelLevels {
  const PixelKernels* level[level_count];
};

/// The kernels of the level in use; what v4 leaves out comes from v3. `list` and `number` name the formula to devices.
__attribute__((visibility("default"))) PixelKernels resolve(const KernelLevels& levels, const char* list, int number);

}  // namespace lumigrad

#define LUMIGRAD_PASTE_(a, b) a##_##b
#define LUMIGRAD_TABLE_NAME(area, level) LUMIGRAD_PASTE_(area, level)
#define LUMIGRAD_TABLE_AT_(area, List, level) \
  extern __attribute__((visibility("default"))) const ::lumigrad::KernelTable<List::size> LUMIGRAD_PASTE_(area, level)

#if defined(__x86_64__)
#define LUMIGRAD_TABLES_(area, List)        \
  LUMIGRAD_TABLE_AT_(area, List, baseline); \
  LUMIGRAD_TABLE_AT_(area, List, v3);       \
  LUMIGRAD_TABLE_AT_(area, List, v4)
#define LUMIGRAD_ENTRIES_(area, i)                                                  \
  {                                                                                 \
    &LUMIGRAD_PASTE_(area, baseline).entry[i], &LUMIGRAD_PASTE_(area, v3).entry[i], \
        &LUMIGRAD_PASTE_(area, v4).entry[i]                                         \
  }
#else
#define LUMIGRAD_TABLES_(area, List) LUMIGRAD_TABLE_AT_(area, List, baseline)
#define LUMIGRAD_ENTRIES_(area, i) \
  { &LUMIGRAD_PASTE_(area, baseline).entry[i], nullptr, nullptr }
#endif

/// Declares the tables `<area>_kernels_<level>` of a list and `kernels_of` for each of its formulas.
#define LUMIGRAD_FORMULA_TABLE(area, List)                                     \
  LUMIGRAD_TABLES_(area##_kernels, List);                                      \
  template <class F, std::enable_if_t<List::template contains<F>, int> = 0>    \
  const ::lumigrad::PixelKernels& kernels_of(F) {                              \
    constexpr int i = List::template index<F>();                               \
    static const ::lumigrad::PixelKernels kernels =                            \
        ::lumigrad::resolve({LUMIGRAD_ENTRIES_(area##_kernels, i)}, #area, i); \
    return kernels;                                                            \
  }                                                                            \
  static_assert(true, "")
