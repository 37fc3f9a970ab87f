// SPDX-License-Identifier: Apache-2.0
// How much a file may ask for before anything is done for it.
#pragma once
#include <cstdint>

namespace lumigrad {

/// What a reader of tensor files may be made to do; beyond it: ResourceError.
struct TensorFileLimits {
  std::uint64_t file_bytes = std::uint64_t{1} << 40;    ///< length of the file
  std::uint64_t header_bytes = 100'000'000;             ///< length of a safetensors header
  std::uint64_t tensor_bytes = std::uint64_t{1} << 40;  ///< of the tensor of a .npy; unpacked, of a whole .npz
};

}  // namespace lumigrad
