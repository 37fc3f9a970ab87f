// SPDX-License-Identifier: Apache-2.0
// Kernels for formulas of your own, at the vector width of your own compile flags.
//
//     namespace mine {
//     LUMIGRAD_WORDS;
//     struct Gamma {
//       template <class V>
//       LUMIGRAD_HD V operator()(V x, lumigrad::Params<V, 1> p) const { return pow(x, p[0]); }
//     };
//     LUMIGRAD_USER_FORMULA(Gamma);
//     }
//     ...
//     lumigrad::Tensor y = lumigrad::pixel(mine::Gamma{}, {image}, {2.2});
//
// Compile the file with -O2 or more, -march=native for the machine at hand, and -ffp-contract=off if results must not
// depend on the optimiser. Opt-in, because the header is machine code in disguise: a program built for a newer
// processor does not run on an older one, whereas the library's own formulas choose at run time.
#pragma once
#if !defined(LUMIGRAD_LEVEL)
#define LUMIGRAD_LEVEL program
#endif
#include <typeinfo>

#include <lumigrad/engine/cpu/pixel_kernels.h>

/// In the namespace of the formula: makes `kernels_of(F)` with all derivatives, in float and double. A device knows the
/// formula by the name of its type (cuda/formula.h).
#define LUMIGRAD_USER_FORMULA(F)                                                              \
  [[maybe_unused]] static const ::lumigrad::PixelKernels& kernels_of(F) {                     \
    static const ::lumigrad::PixelKernels kernels = [] {                                      \
      ::lumigrad::PixelKernels of_formula =                                                   \
          ::lumigrad::LUMIGRAD_LEVEL::kernels<F, ::lumigrad::LUMIGRAD_LEVEL::Kernels::all>(); \
      of_formula.list = typeid(F).name();                                                     \
      return of_formula;                                                                      \
    }();                                                                                      \
    return kernels;                                                                           \
  }                                                                                           \
  static_assert(true, "")
