// SPDX-License-Identifier: Apache-2.0
// Pictures as the subcommands take and give them: any image format the library reads, and .npy arrays.
#pragma once
#include <lumigrad/engine/tensor.h>

#include <string>

namespace lumigrad::command {

/// An image [C, H, W] (C from 1 to 4; u8, u16 or f32 as in the file), and the bits its numbers need: 8, 16, or 32 where
/// they leave [0, 1].
struct Picture {
  Tensor image;
  int bits = 8;
};

/// Reads an image file, or an array [H, W] or [C, H, W] when the name ends in .npy.
Picture read_picture(const std::string& path);
/// [H, W], nonzero where pixels are to be used; alpha is ignored.
Tensor read_mask(const std::string& path);
/// The channels that registration looks at: without alpha.
Tensor without_alpha(const Tensor& image);
/// Writes by the name's ending: .png and .tif keep 8 or 16 bits, .jpg, and .npy floats. Throws Usage for other endings.
void write_picture(const std::string& path, const Picture& picture);

/// A folder to write to, made when it is missing; IoError when it cannot be.
void make_folder(const std::string& path);

/// Whether a path ends so, in either case; `ending` in lower case.
bool ends_with(const std::string& path, std::string_view ending);

}  // namespace lumigrad::command
