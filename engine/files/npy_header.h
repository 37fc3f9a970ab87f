// SPDX-License-Identifier: Apache-2.0
// The header of a .npy file: a Python dictionary in one line, read by a grammar of its own that knows nothing else.
#pragma once
#include <lumigrad/engine/files/stored_numbers.h>

namespace lumigrad {

struct NpyHeader {
  Stored stored{DType::f32};
  ByteOrder order = ByteOrder::little;
  bool fortran_order = false;
  std::vector<std::uint64_t> shape;
};

/// Reads magic, version and header; the reader then stands at the first number.
NpyHeader read_npy_header(ByteReader& reader);
/// The same for version 1, as numpy writes it: padded so that the numbers begin at a multiple of 64 bytes.
std::string npy_header(DType dtype, const Shape& shape);

}  // namespace lumigrad
