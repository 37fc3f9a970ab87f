// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/color/formulas.h>
#include <lumigrad/vision/color/steps.h>

namespace lumigrad::color::steps {

PixelStep rgb_to_grayscale() { return pixel_step("color.rgb_to_grayscale", Grayscale{}); }
PixelStep rgb_to_hsv(const Tensor& eps) { return pixel_step("color.rgb_to_hsv", RgbToHsv{}, {eps}); }
PixelStep hsv_to_rgb() { return pixel_step("color.hsv_to_rgb", HsvToRgb{}); }
PixelStep rgb_to_hls(const Tensor& eps) { return pixel_step("color.rgb_to_hls", RgbToHls{}, {eps}); }
PixelStep hls_to_rgb() { return pixel_step("color.hls_to_rgb", HlsToRgb{}); }
PixelStep rgb_to_xyz() { return pixel_step("color.rgb_to_xyz", RgbToXyz{}); }
PixelStep xyz_to_rgb() { return pixel_step("color.xyz_to_rgb", XyzToRgb{}); }
PixelStep rgb_to_lab() { return pixel_step("color.rgb_to_lab", RgbToLab{}); }
PixelStep rgb_to_luv(const Tensor& eps) { return pixel_step("color.rgb_to_luv", RgbToLuv{}, {eps}); }
PixelStep luv_to_rgb(const Tensor& eps) { return pixel_step("color.luv_to_rgb", LuvToRgb{}, {eps}); }
PixelStep rgb_to_ycbcr() { return pixel_step("color.rgb_to_ycbcr", RgbToYcbcr{}); }
PixelStep ycbcr_to_rgb() { return pixel_step("color.ycbcr_to_rgb", YcbcrToRgb{}); }
PixelStep rgb_to_yuv() { return pixel_step("color.rgb_to_yuv", RgbToYuv{}); }
PixelStep yuv_to_rgb() { return pixel_step("color.yuv_to_rgb", YuvToRgb{}); }
PixelStep sepia() { return pixel_step("color.sepia", Sepia{}); }

PixelStep lab_to_rgb(bool clip) {
  return clip ? pixel_step("color.lab_to_rgb", LabToRgb<true>{}) : pixel_step("color.lab_to_rgb", LabToRgb<false>{});
}

PixelStep rgb_to_linear_rgb() { return pixel_step("color.rgb_to_linear_rgb", ToLinear{}); }
PixelStep linear_rgb_to_rgb() { return pixel_step("color.linear_rgb_to_rgb", FromLinear{}); }

}  // namespace lumigrad::color::steps
