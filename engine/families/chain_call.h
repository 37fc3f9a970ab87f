// SPDX-License-Identifier: Apache-2.0
// A call of a chain: understood (Chain), then run over blocks, forward and back. No tape here; chain.cpp puts it on it.
#pragma once
#include <lumigrad/engine/families/chain.h>
#include <lumigrad/engine/families/pixel_call.h>
#include <lumigrad/engine/interleaved_pixels.h>
#include <lumigrad/engine/views.h>

namespace lumigrad {

inline bool stores_bytes(const Tensor& x) { return x.dtype() == DType::u8 || x.dtype() == DType::u16; }
inline bool takes_each_value(const PixelKernels& kernels) { return kernels.inputs == 1 && kernels.outputs == 1; }

/// A step as the blocks see it.
struct Link {
  const PixelKernels* kernels;
  bool each;            // one input, one result: runs on every lane by itself
  int inputs, outputs;  // lanes before and after
  std::size_t first;    // its parameters in the list of all
  std::ptrdiff_t gate;  // where `applies` stands in that list; -1: there is none
};

/// What plan_pixel and the lanes know a formula by: the chain as if it were one.
struct Chain {
  std::vector<Link> links;
  PixelKernels whole{};
  const char* name;       // in errors about the image
  std::size_t block = 0;  // pixels that go through together
  Lanes lanes = Lanes::planes;
  bool by_value = true;  // all formulas take each value
  Tensor images;         // as they are cut into lanes
  TensorList params;     // of all steps, and their gates

  Chain(const Tensor& x, std::span<const PixelStep> steps, Here here);
  PixelPlan plan() const { return plan_pixel(name, whole, lanes, {&images, 1}, params); }
  Tensor restored(const Tensor& y, Here here) const {
    return by_value && lanes == Lanes::planes ? squeeze(y, -3, here) : y;
  }
};

/// A chain of f32 made ready for one image, whose pixels may come in any stretches.
class ChainRun {
 public:
  explicit ChainRun(const Chain& chain);
  ~ChainRun();
  /// n pixels through all steps: lanes of plain numbers in and out. A result may stand where its pixel stood.
  void operator()(float* const* x, float* const* y, std::size_t n) const;
  /// Whether bytes() does it too, for images of three channels.
  bool takes_bytes() const;
  /// The same from pixels of three bytes into bytes, without floats in memory. columns: at least shortest_bytes().
  void bytes(const InterleavedPixels<const std::uint8_t>& x, const InterleavedPixels<std::uint8_t>& y, std::size_t rows,
             std::size_t columns) const;
  static std::size_t shortest_bytes();

 private:
  int inputs_, outputs_;
  std::unique_ptr<struct ChainCourses> courses_;
};

Tensor chain_forward(const Chain& chain, DType dtype);
/// w: the cotangent, cut into lanes as the result is. wants and gradients: the image, then every parameter of the list.
void chain_adjoint(const Chain& chain, const Tensor& w, std::span<const bool> wants, std::span<Tensor> gradients);

}  // namespace lumigrad
