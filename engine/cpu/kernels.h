// SPDX-License-Identifier: Apache-2.0
// The seam between a formula and the machine code made from it.
//
// A formula is compiled once per number type and instruction level (cpu/pixel_kernels.h does it) and what comes out is
// a plain record of function pointers over contiguous lanes. Everything above this seam (shapes, strides, dtypes,
// threads, the tape) is ordinary C++ at the baseline level; everything below is straight-line vector code.
//
// A *lane* is one scalar argument of the formula over all elements: for rgb_to_hsv the three planes of an image, for
// a + b the two tensors. Lanes are contiguous here; strides, broadcasting and other dtypes are staged by the caller.
#pragma once
#include <cstddef>

namespace lumigrad {

/// Instruction levels a kernel can exist at. `baseline` is SSE2 on x86-64 and NEON on aarch64.
enum class Level { baseline = 0, v3 = 1, v4 = 2 };
inline constexpr int level_count = 3;

/// Hint: write the outputs past the caches (large results that nobody reads next).
inline constexpr unsigned stream_outputs = 1u;
/// With stream_outputs: the caller has more to write before anybody reads, so the writes need not be over on return.
inline constexpr unsigned more_follow = 2u;

/// The compiled kernels of one formula for number type T. With x the inputs, p the parameters, y = f(x, p):
template <class T>
struct PixelKernel {
  /// y = f(x, p)
  void (*forward)(const T* const* x, const T* p, T* const* y, std::size_t n, unsigned flags);
  /// gx = w' df/dx
  void (*vjp)(const T* const* x, const T* p, const T* const* w, T* const* gx, std::size_t n, unsigned flags);
  /// gx = w' df/dx (written only where the entry of gx is not null) and gp[k] += sum over n of w' df/dp_k.
  /// Null for formulas without parameters. The sum runs in T over fixed blocks of 1024, the blocks in double, in order.
  void (*vjp_params)(const T* const* x, const T* p, const T* const* w, T* const* gx, double* gp, std::size_t n,
                     unsigned flags);
  /// The adjoint of vjp: with s(x, p, w) = w' (df/dx u + df/dp up), writes gx = ds/dx, gw = ds/dw and adds
  /// gp[k] += sum over n of ds/dp_k. Any of gx, gw, gp may be null as a whole. gw = df/dx u + df/dp up is forward mode:
  /// alone it is what a Jacobian-vector product asks for. Null for float: second order runs in double.
  void (*second)(const T* const* x, const T* p, const T* const* u, const T* up, const T* const* w, T* const* gx,
                 double* gp, T* const* gw, std::size_t n);
};

/// All that is compiled of one formula at one instruction level. What a higher level leaves null, a lower one has.
struct PixelKernels {
  int inputs;
  int outputs;
  int params;
  PixelKernel<float> f32;
  PixelKernel<double> f64;
  /// What a relay of the same level knows of the formula (cpu/relay.h); null where it does not run in one.
  const void* relay = nullptr;
  /// The list that the formula is compiled in and its number there: how a device finds its own machine code for it.
  const char* list = nullptr;
  int number = 0;
};

/// The level in use: the best the processor has, or what LUMIGRAD_SIMD=baseline|v3|v4 asks for. Fixed on first use.
Level simd_level();

}  // namespace lumigrad
