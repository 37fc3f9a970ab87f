// SPDX-License-Identifier: Apache-2.0
// Rows of pixels whose channels are neighbours in memory.
#pragma once
#include <cstddef>
#include <cstdint>

namespace lumigrad {

/// `first` is the lowest byte of row 0. `reversed`: channels stand in the order B, G, R.
template <class Byte>
struct InterleavedPixels {
  Byte* first;
  std::ptrdiff_t row_bytes;
  int channels;
  bool reversed;
};
/// The same from row y on. (Not for kernels: an inline function of theirs must not be one of others.)
template <class Byte>
InterleavedPixels<Byte> from_row(const InterleavedPixels<Byte>& pixels, std::ptrdiff_t y) {
  return {pixels.first + y * pixels.row_bytes, pixels.row_bytes, pixels.channels, pixels.reversed};
}

}  // namespace lumigrad
