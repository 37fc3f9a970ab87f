// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/inline_vector.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/photometry.h>

namespace lumigrad {

void require_image(const char* name, const Tensor& x, std::int64_t channels) {
  if (channels == 0) {
    require<ShapeError>(x.rank() >= 3, name, ": expected images [.., C, H, W], got shape ", x.shape());
  } else {
    require<ShapeError>(x.rank() >= 3 && x.size(-3) == channels, name, ": expected images [.., ", channels,
                        ", H, W], got shape ", x.shape());
  }
}

void require_at_least(const char* name, const char* what, const Tensor& x, double least) {
  for (const double value : x.values())
    require<NumericError>(value >= least, name, ": expected ", what, " >= ", least, ", got ", value);
}

Tensor each_value(const char* name, const PixelKernels& kernels, std::span<const Tensor> images,
                  std::span<const Tensor> params, Here here) {
  bool bytes = false;
  for (const Tensor& image : images) {
    require_image(name, image);
    require<ShapeError>(image.shape() == images[0].shape(), name, ": expected images of one shape, got ",
                        images[0].shape(), " and ", image.shape());
    bytes = bytes || image.dtype() == DType::u8 || image.dtype() == DType::u16;
  }
  for (const Tensor& p : params)
    require<ShapeError>(p.numel() == 1 || images[0].rank() >= 4, name,
                        ": expected a parameter of one number for images ", images[0].shape(), ", got shape ",
                        p.shape());
  if (!bytes) return pixel(name, kernels, Lanes::elements, images, params, here);
  // Only the lanes of planes know what a stored byte stands for: every channel becomes an image of one channel.
  InlineVector<Tensor, 4> planes;
  for (const Tensor& image : images) planes.push_back(unsqueeze(image, -3, here));
  return squeeze(pixel(name, kernels, Lanes::planes, {planes.data(), planes.size()}, params, here), -3, here);
}

Tensor leading_as_one(const Tensor& x, int kept, Here here) {
  const int rank = x.rank();
  InlineVector<std::int64_t, max_rank> extents;
  std::int64_t count = 1;
  for (int i = 0; i < rank - kept; ++i) count *= x.size(i);
  extents.push_back(count);
  for (int i = rank - kept; i < rank; ++i) extents.push_back(x.size(i));
  return reshape(x, std::span<const std::int64_t>(extents.data(), extents.size()), here);
}

Tensor per_image(const char* name, const Tensor& x, const Shape& images, int kept, Here here) {
  const int leading = images.rank() - kept;
  if (x.numel() == 1) return x;
  require<ShapeError>(leading >= 1 && x.numel() == images[0], name,
                      ": expected a parameter of one number, or one an image, got shape ", x.shape(), " for images ",
                      images);
  if (leading == 1) return x;
  std::int64_t count = 1;
  for (int i = 1; i < leading; ++i) count *= images[i];
  const Tensor columns = expand(reshape(x, {images[0], 1}, here), Shape{images[0], count}, here);
  return reshape(columns, {images[0] * count}, here);
}

}  // namespace lumigrad
