// SPDX-License-Identifier: Apache-2.0
// NIfTI-1: the file of medical volumes, .nii or packed .nii.gz. One file holds one array and where it lies in the
// world. R. Cox and others, A (sort of) new image data format standard: NIfTI-1, 2004 (nifti1.h).
#pragma once
#include <lumigrad/engine/files/limits.h>
#include <lumigrad/engine/tensor.h>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lumigrad {

/// An array and its place.
struct NiftiVolume {
  /// The file's fastest axis (x, to the right of the subject if the affine is diagonal) is the tensor's last: [D, H,
  /// W], [T, D, H, W] for a series; up to seven axes. `volume[None, None]` of the warps is unsqueeze(unsqueeze(data,
  /// 0), 0).
  Tensor data;
  /// Voxel (x, y, z, 1) to world (x to the right, y to the front, z upwards, usually in millimetres), row-major 4 x 4.
  std::array<double, 16> affine = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  std::string description = {};  ///< at most 79 bytes
};

/// Reads a file (or its bytes), packed or not, of either byte order. Numbers of 8, 16, 32 and 64 bits keep their type
/// as in load_npy; where the header has a scale (slope, intercept) other than (1, 0) they become slope value +
/// intercept, f64 where they were stored in 32 bits of integer or 64, f32 otherwise. The affine map is the header's
/// sform, else its qform, else the distances between voxels. Refused with FormatError: pairs of .hdr and .img, NIfTI-2,
/// complex numbers and colours, and a file that is longer or shorter than its header says.
LUMIGRAD_API NiftiVolume load_nifti(const std::string& path, const TensorFileLimits& limits = {});
LUMIGRAD_API NiftiVolume load_nifti(std::span<const std::byte> bytes, const TensorFileLimits& limits = {});

/// Writes under a temporary name, little-endian, packed if the path ends with ".gz". Rank 1 to 7, extents up to 32767;
/// bool becomes u8, f16 and bf16 become f32, which loses nothing. The same volume gives the same bytes.
LUMIGRAD_API void save_nifti(const std::string& path, const NiftiVolume& volume);
/// The bytes that save_nifti writes.
LUMIGRAD_API std::vector<std::byte> encode_nifti(const NiftiVolume& volume, bool packed = false);

}  // namespace lumigrad
