// SPDX-License-Identifier: Apache-2.0
// How the camera was held. Only the first directory of the EXIF data is looked at, and no reference is followed from
// it, so that nothing in a file can send the reader in a circle.
#pragma once
#include <cstddef>
#include <span>

namespace lumigrad {

/// Orientation (1 to 8) in EXIF data that begin with their TIFF header; 1 when there is none or it makes no sense.
int exif_orientation(std::span<const std::byte> exif) noexcept;
/// The same for a whole JPEG file: walks its segments up to the first scan.
int jpeg_orientation(std::span<const std::byte> jpeg) noexcept;

}  // namespace lumigrad
