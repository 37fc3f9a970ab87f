// SPDX-License-Identifier: Apache-2.0
// Runs a formula's compiled kernels at a level of the test's choice.
#pragma once
#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/formulas.h>
#include <lumigrad/vision/color/formulas.h>
#include <lumigrad/vision/enhance/formulas.h>

#include <vector>

namespace lumigrad::test {

template <class T>
using Lanes = std::vector<std::vector<T>>;

/// The levels this machine can run.
inline std::vector<Level> levels() {
  std::vector<Level> found;
  for (Level level : {Level::baseline, Level::v3, Level::v4}) {
    if (available(level)) found.push_back(level);
  }
  return found;
}

/// The kernels of a compiled formula at one level.
template <class F>
const PixelKernels& kernels_at(Level level, F) {
  constexpr bool elementwise = ElementwiseFormulas::contains<F>;
  if constexpr (elementwise) {
    constexpr int i = ElementwiseFormulas::index<F>();
#if defined(__x86_64__)
    if (level == Level::v4) return elementwise_kernels_v4.entry[i];
    if (level == Level::v3) return elementwise_kernels_v3.entry[i];
#endif
    return elementwise_kernels_baseline.entry[i];
  } else if constexpr (color::ColorFormulas::contains<F>) {
    constexpr int i = color::ColorFormulas::index<F>();
#if defined(__x86_64__)
    if (level == Level::v4) return color::color_kernels_v4.entry[i];
    if (level == Level::v3) return color::color_kernels_v3.entry[i];
#endif
    return color::color_kernels_baseline.entry[i];
  } else if constexpr (enhance::EnhanceFormulas::contains<F>) {
    constexpr int i = enhance::EnhanceFormulas::index<F>();
#if defined(__x86_64__)
    if (level == Level::v4) return enhance::enhance_kernels_v4.entry[i];
    if (level == Level::v3) return enhance::enhance_kernels_v3.entry[i];
#endif
    return enhance::enhance_kernels_baseline.entry[i];
  } else if constexpr (GammaFormulas::contains<F>) {  // at the baseline only
    constexpr int i = GammaFormulas::index<F>();
#if defined(__x86_64__)
    if (level == Level::v4) return gamma_kernels_v4.entry[i];
    if (level == Level::v3) return gamma_kernels_v3.entry[i];
#endif
    return gamma_kernels_baseline.entry[i];
  } else {
    constexpr int i = ActivationFormulas::index<F>();
#if defined(__x86_64__)
    if (level == Level::v4) return activation_kernels_v4.entry[i];
    if (level == Level::v3) return activation_kernels_v3.entry[i];
#endif
    return activation_kernels_baseline.entry[i];
  }
}

template <class T>
const PixelKernel<T>& kernel_of(const PixelKernels& kernels) {
  if constexpr (sizeof(T) == 4) {
    return kernels.f32;
  } else {
    return kernels.f64;
  }
}

template <class T>
std::vector<const T*> pointers(const Lanes<T>& lanes) {
  std::vector<const T*> p;
  for (const auto& lane : lanes) p.push_back(lane.data());
  return p;
}
template <class T>
std::vector<T*> pointers(Lanes<T>& lanes) {
  std::vector<T*> p;
  for (auto& lane : lanes) p.push_back(lane.data());
  return p;
}

template <class T>
Lanes<T> run_forward(const PixelKernels& k, const Lanes<T>& x, const std::vector<T>& p = {}) {
  Lanes<T> y(k.outputs, std::vector<T>(x[0].size()));
  kernel_of<T>(k).forward(pointers(x).data(), p.data(), pointers(y).data(), x[0].size(), 0);
  return y;
}
template <class T>
Lanes<T> run_vjp(const PixelKernels& k, const Lanes<T>& x, const std::vector<T>& p, const Lanes<T>& w) {
  Lanes<T> g(k.inputs, std::vector<T>(x[0].size()));
  kernel_of<T>(k).vjp(pointers(x).data(), p.data(), pointers(w).data(), pointers(g).data(), x[0].size(), 0);
  return g;
}

}  // namespace lumigrad::test
