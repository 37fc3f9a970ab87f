// SPDX-License-Identifier: Apache-2.0
// safetensors: the file format in which weights travel. Byte-compatible with Hugging Face's library both ways.
//
//   8 bytes   length n of the header, little-endian
//   n bytes   JSON: {"__metadata__": {text: text}, name: {"dtype", "shape", "data_offsets": [begin, end]}, ...}
//   the rest  the tensors' bytes, row-major and little-endian; offsets count from here
//
// A file is taken only when its tensors cover the data exactly: no hole, no overlap, nothing twice.
#pragma once
#include <lumigrad/engine/dictionary.h>
#include <lumigrad/engine/files/limits.h>
#include <lumigrad/engine/tensor.h>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lumigrad {

/// Tensors and remarks of one file.
struct TensorFile {
  Dictionary<Tensor> tensors;
  Dictionary<std::string> metadata;
};

/// Reads a file, or bytes in memory. F64, F32, F16, BF16, I64, I32, U16, U8 and BOOL keep their type; I8 and I16 become
/// i32, U32 and U64 become i64 (a U64 beyond 2^63 - 1 is refused). Throws FormatError for anything the format forbids.
LUMIGRAD_API TensorFile read_safetensors(const std::string& path, const TensorFileLimits& limits = {});
LUMIGRAD_API TensorFile read_safetensors(std::span<const std::byte> bytes, const TensorFileLimits& limits = {});
/// The tensors alone.
LUMIGRAD_API Dictionary<Tensor> load_safetensors(const std::string& path, const TensorFileLimits& limits = {});
LUMIGRAD_API Dictionary<Tensor> load_safetensors(std::span<const std::byte> bytes, const TensorFileLimits& limits = {});

/// Writes tensors (of any layout) under a temporary name and renames it. Throws IoError, leaving nothing behind;
/// FormatError for a name that is not UTF-8 or is "__metadata__".
LUMIGRAD_API void save_safetensors(const std::string& path, const Dictionary<Tensor>& tensors,
                                   const Dictionary<std::string>& metadata = {});
/// The bytes that save_safetensors writes.
LUMIGRAD_API std::vector<std::byte> encode_safetensors(const Dictionary<Tensor>& tensors,
                                                       const Dictionary<std::string>& metadata = {});

}  // namespace lumigrad
