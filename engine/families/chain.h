// SPDX-License-Identifier: Apache-2.0
// Chains of pixel operators in one pass over memory.
//
// Six operators on a photograph read and write it six times, and memory is what they wait for: a multiplication and a
// clamp take a tenth of the time that the bytes under them take to arrive. But pixels do not meet, so the order may be
// turned round. Instead of all pixels through one operator, then all through the next,
//
//   for each block of pixels:  for each step:  block = step(block)
//
// runs the compiled kernels of all steps over a block in the first caches, those of short formulas without leaving the
// registers (cpu/relay.h). Every byte of the image comes from memory once and every byte of the result goes there once,
// however long the chain. The adjoint keeps nothing but the image: it computes a block's values again, as far as some
// adjoint reads them, then sweeps back: up to twice the arithmetic, where arithmetic is what there is enough of.
//
// The steps are known at run time only (an augmentation draws them), so no formula is compiled for a chain: the kernels
// of single operators serve, called on a block instead of an image.
#pragma once
#include <lumigrad/engine/families/pixel.h>

namespace lumigrad {

/// One step of a chain: what an operator is made of, its formula and its parameters, but for the image.
/// enhance::steps and color::steps name those of the operators; pixel_step makes one from any formula.
struct PixelStep {
  const char* name = nullptr;  ///< in errors: "enhance.adjust_gamma". Must outlive the graph, as literals do.
  const PixelKernels* kernels = nullptr;
  std::vector<Tensor> params = {};  ///< one number each, or one an image [N]
  /// The images that take the step: undefined for all, one number, or one an image [N]; where it is 0 the image stays
  /// as it is. Not differentiated. Needs a step that keeps the number of channels.
  Tensor applies = {};
  /// False for none (`PixelStep()`), which no chain takes.
  explicit operator bool() const { return kernels != nullptr; }
};

/// A formula and its parameters as a step.
template <class F>
PixelStep pixel_step(const char* name, F formula, std::vector<Tensor> params = {}) {
  return {name, &kernels_of(formula), std::move(params), {}};
}

/// steps[n - 1](.. steps[1](steps[0](images))) in one pass. images: [.., C, H, W] of f32 or f64, or of u8 and u16,
/// which stand for value / 255 and value / 65535 and are converted on the way into the first step. A formula of one
/// input and one result applies to every channel; any other takes as many channels as it has inputs and leaves as many
/// as it has results. Parameters are one number, or one an image [N] (N the first axis of at least four).
///
/// Values and gradients of the image are those of the operators one after the other, bit for bit; gradients of
/// parameters are sums over the same terms, in a fixed order that depends on the size of the problem alone. Second
/// order records the operators one after the other. Errors name the step: ShapeError for channels or parameters that do
/// not fit, DTypeError, and ShapeError for a chain without steps.
LUMIGRAD_API Tensor fuse(const Tensor& images, std::span<const PixelStep> steps, Here here = {});
LUMIGRAD_API Tensor fuse(const Tensor& images, std::initializer_list<PixelStep> steps, Here here = {});

}  // namespace lumigrad
