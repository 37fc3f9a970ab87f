// SPDX-License-Identifier: Apache-2.0
#include "picture_file.h"

#include <lumigrad/engine/files/npy.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/image_io/image_io.h>
#include <lumigrad/vision/image_io/pixels.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "command.h"

namespace lumigrad::command {
namespace {

/// The fewest bits that hold every value, where floats may stand for bytes: k / 255.
int bits_of(const Tensor& image) {
  if (image.dtype() != DType::f32) return image.dtype() == DType::u8 ? 8 : 16;
  const float* v = image.data<float>();
  bool eight = true;
  for (std::int64_t i = 0; i < image.numel(); ++i) {
    const float k = v[i] * 255.0f;
    if (!(v[i] >= 0 && v[i] <= 1)) return 32;
    eight = eight && std::fabs(k - std::nearbyint(k)) < 1e-4f;
  }
  return eight ? 8 : 16;
}

Tensor read_array(const std::string& path) {
  Tensor array = load_npy(path);
  if (array.rank() == 2) array = unsqueeze(array, 0);
  require<FormatError>(array.rank() == 3 && array.size(0) >= 1 && array.size(0) <= 4 && array.numel() > 0, path,
                       ": expected an array [H, W] or [C, H, W] with 1 to 4 channels, got ", to_string(array.shape()));
  if (array.dtype() == DType::u8 || array.dtype() == DType::u16) return array.contiguous();
  return array.to(DType::f32).contiguous();
}

}  // namespace

bool ends_with(const std::string& path, std::string_view ending) {
  if (path.size() < ending.size()) return false;
  return std::equal(ending.begin(), ending.end(), path.end() - static_cast<std::ptrdiff_t>(ending.size()),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
}

void make_folder(const std::string& path) {
  std::error_code trouble;
  std::filesystem::create_directories(path, trouble);
  if (!trouble && !std::filesystem::is_directory(path, trouble))
    trouble = std::make_error_code(std::errc::not_a_directory);
  require<IoError>(!trouble, "--out ", path, ": ", trouble.message());
}

Picture read_picture(const std::string& path) {
  Picture picture{ends_with(path, ".npy") ? read_array(path) : load_image(path, {.as_stored = true})};
  picture.bits = bits_of(picture.image);
  return picture;
}

Tensor read_mask(const std::string& path) {
  if (!ends_with(path, ".npy")) return select(load_image(path, {.channels = Channels::grey}), 0, 0);
  const Tensor array = read_array(path);
  require<FormatError>(array.size(0) == 1, path, ": expected a mask [H, W], got ", to_string(array.shape()));
  return select(array, 0, 0);
}

Tensor without_alpha(const Tensor& image) { return slice(image, 0, 0, image.size(0) >= 3 ? 3 : 1); }

void write_picture(const std::string& path, const Picture& picture) {
  if (ends_with(path, ".npy")) return save_npy(path, picture.image);
  const bool deep = ends_with(path, ".png") || ends_with(path, ".tif") || ends_with(path, ".tiff");
  if (!deep && !ends_with(path, ".jpg") && !ends_with(path, ".jpeg"))
    throw Usage("--out: expected a name ending in .png, .jpg, .tif or .npy, got " + path);
  const bool floats = picture.bits == 32 && !ends_with(path, ".png");
  save_image(path, picture.image, {.bits = !deep || picture.bits == 8 ? 8 : floats ? 32 : 16});
}

}  // namespace lumigrad::command
