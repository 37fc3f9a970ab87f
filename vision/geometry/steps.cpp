// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/geometry/steps.h>

#include <lumigrad/vision/geometry/axis_bands.h>

namespace lumigrad::geometry::steps {
namespace {

// A step of what bands_of makes for an image.
template <class F>
ImageStep step(const char* name, const F& bands_of) {
  return {name, [bands_of](std::int64_t height, std::int64_t width) {
            std::vector<Band> bands = bands_of(Shape{height, width});
            return BandPair{std::move(bands[0]), std::move(bands[1])};
          }};
}

}  // namespace

ImageStep resize(const ResizeOptions& options) {
  require<ShapeError>(options.depth == 0, "resize: expected a volume [N, C, D, H, W] for a depth, got images");
  return step("geometry.resize", [options](const Shape& image) { return resize_bands(image, options); });
}
ImageStep pyrdown(double factor, const PyramidOptions& options) {
  return step("geometry.pyrdown", [=](const Shape& image) { return pyrdown_bands(image, factor, options); });
}
ImageStep pyrup(const PyramidOptions& options) {
  return step("geometry.pyrup", [=](const Shape& image) { return pyrup_bands(image, options); });
}

}  // namespace lumigrad::geometry::steps
