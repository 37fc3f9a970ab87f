// SPDX-License-Identifier: Apache-2.0
// An image through steps, a few rows of a strip at a time (families/image_step.h).
//
// A strip is some columns of the result, wide enough for long loops and narrow enough that the rows of it that a filter
// sees together stay in the first cache. It is made from top to bottom. Each step asks the step before it for the rows
// that it reads; those that it read before are still there, so that nothing is made twice but a few columns where
// strips meet and a few rows where one job ends and the next begins.
#pragma once
#include <lumigrad/engine/families/image_step.h>
#include <lumigrad/engine/interleaved_pixels.h>
#include <memory>

namespace lumigrad {

struct PatchStage;

/// Places [begin, end) of an axis.
struct Places {
  std::int64_t begin = 0, end = 0;
  std::int64_t count() const { return end - begin; }
};

class Patches {
 public:
  /// Checks the steps; errors name them. image: [C, H, W] of any dtype and layout, which must outlive this.
  Patches(const Tensor& image, std::span<const ImageStep> steps, Here here);
  ~Patches();
  Patches(const Patches&) = delete;
  Patches& operator=(const Patches&) = delete;

  /// Of the result.
  std::int64_t channels() const;
  std::int64_t height() const;
  std::int64_t width() const;

  /// Gets pixels (x ... x + count - 1, y) of the result, one pointer a channel; from several threads.
  using Taker = FunctionRef<void(std::int64_t y, std::int64_t x, std::int64_t count, const float* const* channels)>;
  /// `rows` are made together, of strips of `columns`; 0: what fits the caches. The result does not depend on it.
  void run(Taker take, std::int64_t rows = 0, std::int64_t columns = 0);

  /// Into interleaved bytes of as many channels as the result has, limited to [0, 1], NaN 0, to nearest, ties to even.
  /// False, and nothing done, unless this is work for which bytes of the same channels need no floats in memory: short
  /// formulas from pixels of three bytes, in rows long enough, the numbers those of run(); and one filter with a column
  /// and a row, or halving, which take the bytes as numbers and round once.
  bool run_bytes(const InterleavedPixels<std::uint8_t>& to);

 private:
  // The part of every stage's result, [image, first step, ...], that a part of the last one's is made of.
  void behind(bool rows, Places of, Places* parts) const;

  std::vector<std::unique_ptr<PatchStage>> stages_;  // the first one reads the image
};

}  // namespace lumigrad
