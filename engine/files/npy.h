// SPDX-License-Identifier: Apache-2.0
// NumPy's files: .npy holds one array, .npz is a ZIP archive of them by name.
#pragma once
#include <lumigrad/engine/dictionary.h>
#include <lumigrad/engine/files/limits.h>
#include <lumigrad/engine/tensor.h>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lumigrad {

/// Reads a .npy file of version 1, 2 or 3 (or its bytes). Fortran order and big-endian numbers are converted; f2, f4,
/// f8, u1, u2, i4, i8 and b1 keep their type, i1 and i2 become i32, u4 and u8 become i64. Object arrays, texts, records
/// and complex numbers are refused with FormatError, as is a file that is longer or shorter than its header says.
LUMIGRAD_API Tensor load_npy(const std::string& path, const TensorFileLimits& limits = {});
LUMIGRAD_API Tensor load_npy(std::span<const std::byte> bytes, const TensorFileLimits& limits = {});

/// Writes version 1, row-major, little-endian, under a temporary name. NumPy has no bf16: such values become f4, which
/// loses nothing.
LUMIGRAD_API void save_npy(const std::string& path, const Tensor& tensor);
/// The bytes that save_npy writes.
LUMIGRAD_API std::vector<std::byte> encode_npy(const Tensor& tensor);

/// Reads every array of an archive, stored or deflated, ZIP64 included. Names lose their ".npy".
LUMIGRAD_API Dictionary<Tensor> load_npz(const std::string& path, const TensorFileLimits& limits = {});
LUMIGRAD_API Dictionary<Tensor> load_npz(std::span<const std::byte> bytes, const TensorFileLimits& limits = {});

struct NpzOptions {
  bool compress = false;  ///< deflate, as numpy.savez_compressed does
};
/// Writes an archive under a temporary name. The same tensors give the same bytes.
LUMIGRAD_API void save_npz(const std::string& path, const Dictionary<Tensor>& tensors, const NpzOptions& options = {});

}  // namespace lumigrad
