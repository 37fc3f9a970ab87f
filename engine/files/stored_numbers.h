// SPDX-License-Identifier: Apache-2.0
// Numbers as files keep them, and the tensors they become. Files know more types than tensors do; the others widen to
// the next that holds them.
#pragma once
#include <lumigrad/engine/files/byte_reader.h>
#include <lumigrad/engine/tensor.h>
#include <vector>

namespace lumigrad {

/// The type of numbers in a file.
struct Stored {
  /// Types without a tensor type of their own, beside those of DType.
  enum Wide : std::uint8_t { none, signed_8, signed_16, unsigned_32, unsigned_64 };
  DType dtype = DType::f32;  ///< of the tensor that is made
  Wide wide = none;

  constexpr Stored(DType d) : dtype(d) {}
  constexpr Stored(Wide w) : dtype(w <= signed_16 ? DType::i32 : DType::i64), wide(w) {}
  friend constexpr bool operator==(Stored a, Stored b) { return a.dtype == b.dtype && a.wide == b.wide; }

  /// Bytes of one number in the file.
  constexpr std::size_t bytes() const { return wide == none ? size_of(dtype) : std::size_t{1} << (wide - 1); }
};

/// A Shape from extents in a file; FormatError where Shape would throw ShapeError.
Shape checked_shape(std::string_view format, const std::vector<std::uint64_t>& extents);

/// The tensor whose row-major numbers fill `data`. Bools other than 0 and 1 become 1.
Tensor tensor_from_stored(std::string_view format, Stored stored, const Shape& shape, ByteReader data, ByteOrder order);

/// The bytes of a dense tensor.
inline std::span<const std::byte> stored_bytes(const Tensor& dense) {
  return {dense.bytes(), static_cast<std::size_t>(dense.numel()) * size_of(dense.dtype())};
}

}  // namespace lumigrad
