// SPDX-License-Identifier: Apache-2.0
// Conversions between colour spaces.
//
// Images are [.., C, H, W] with any leading axes, RGB in [0, 1] unless said otherwise, f32 or f64; u8 and u16 images
// stand for value / 255 and value / 65535 and give f32. Values outside the range are converted by the same formulas.
// Every conversion is differentiable in the image, and in each option that is a Tensor, to second order. Wrong channel
// counts throw ShapeError.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad::color {

/// Grey levels [.., 1, H, W]: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
LUMIGRAD_API Tensor rgb_to_grayscale(const Tensor& image, Here here = {});
/// Grey levels with three weights of the caller's own.
LUMIGRAD_API Tensor rgb_to_grayscale(const Tensor& image, const Tensor& weights, Here here = {});
LUMIGRAD_API Tensor bgr_to_grayscale(const Tensor& image, Here here = {});
/// The luma of rgb_to_ycbcr, the same numbers as rgb_to_grayscale.
LUMIGRAD_API Tensor rgb_to_y(const Tensor& image, Here here = {});
/// Three equal channels; a view that takes no memory.
LUMIGRAD_API Tensor grayscale_to_rgb(const Tensor& image, Here here = {});

/// Channels in the opposite order; a view.
LUMIGRAD_API Tensor rgb_to_bgr(const Tensor& image, Here here = {});
LUMIGRAD_API Tensor bgr_to_rgb(const Tensor& image, Here here = {});
/// A fourth channel: one number, one an image, or an image [.., 1, H, W].
LUMIGRAD_API Tensor rgb_to_rgba(const Tensor& image, const Tensor& alpha, Here here = {});
/// The same after bringing the channels into the order RGB.
LUMIGRAD_API Tensor bgr_to_rgba(const Tensor& image, const Tensor& alpha, Here here = {});
/// What shows in front of a background, alpha c + (1 - alpha) background: three numbers, an image [.., 3, H, W], or
/// white where it is left out.
LUMIGRAD_API Tensor rgba_to_rgb(const Tensor& image, const Tensor& background = {}, Here here = {});
LUMIGRAD_API Tensor rgba_to_bgr(const Tensor& image, const Tensor& background = {}, Here here = {});

/// Hue in radians, [0, 2 pi] (2 pi itself only by rounding); saturation chroma / (value + eps); value. A grey pixel has
/// hue 0 and slope 0; where channels tie, the first in the order R, G, B counts as the extreme one.
LUMIGRAD_API Tensor rgb_to_hsv(const Tensor& image, const Tensor& eps = 1e-8, Here here = {});
/// The inverse; any hue, taken modulo 2 pi.
LUMIGRAD_API Tensor hsv_to_rgb(const Tensor& image, Here here = {});
/// Hue in radians, lightness, saturation (channels H, L, S); hue and saturation of a grey pixel are 0 with slope 0.
LUMIGRAD_API Tensor rgb_to_hls(const Tensor& image, const Tensor& eps = 1e-8, Here here = {});
LUMIGRAD_API Tensor hls_to_rgb(const Tensor& image, Here here = {});

/// Light of an sRGB image (IEC 61966-2-1), and back; slopes at the joint are those of the straight part.
LUMIGRAD_API Tensor rgb_to_linear_rgb(const Tensor& image, Here here = {});
LUMIGRAD_API Tensor linear_rgb_to_rgb(const Tensor& image, Here here = {});
/// CIE XYZ of linear RGB (white D65), and back. The transfer curve is not applied.
LUMIGRAD_API Tensor rgb_to_xyz(const Tensor& image, Here here = {});
LUMIGRAD_API Tensor xyz_to_rgb(const Tensor& image, Here here = {});

/// Whether results are limited to [0, 1]. What is limited has slope 0, the ends have slope 1.
struct Clipping {
  bool clip = true;
};
/// CIE L*a*b* of an sRGB image, white D65: L in [0, 100], a and b in about [-110, 110].
LUMIGRAD_API Tensor rgb_to_lab(const Tensor& image, Here here = {});
LUMIGRAD_API Tensor lab_to_rgb(const Tensor& image, Clipping options = {}, Here here = {});
/// CIE L*u*v* of an sRGB image, white D65: L in [0, 100]. eps is added to the divisors that vanish for black.
LUMIGRAD_API Tensor rgb_to_luv(const Tensor& image, const Tensor& eps = 1e-12, Here here = {});
LUMIGRAD_API Tensor luv_to_rgb(const Tensor& image, const Tensor& eps = 1e-12, Here here = {});

/// Y, Cb, Cr of ITU-R BT.601 in full range, differences centred on 0.5: in bytes on 127.5, where OpenCV's are on 128 and
/// in the order Cr, Cb.
LUMIGRAD_API Tensor rgb_to_ycbcr(const Tensor& image, Here here = {});
/// The inverse, limited to [0, 1].
LUMIGRAD_API Tensor ycbcr_to_rgb(const Tensor& image, Here here = {});
/// Y, U, V of ITU-R BT.601, and back.
LUMIGRAD_API Tensor rgb_to_yuv(const Tensor& image, Here here = {});
LUMIGRAD_API Tensor yuv_to_rgb(const Tensor& image, Here here = {});
/// A luma plane [.., 1, H, W] and two chroma planes at a lower resolution.
struct Yuv {
  Tensor y, uv;
};
/// Chroma averaged over 2 x 2 pixels: uv [.., 2, H / 2, W / 2]. Height and width must be even (ShapeError).
LUMIGRAD_API Yuv rgb_to_yuv420(const Tensor& image, Here here = {});
/// Chroma averaged over pairs of columns: uv [.., 2, H, W / 2].
LUMIGRAD_API Yuv rgb_to_yuv422(const Tensor& image, Here here = {});
/// The inverses; chroma is repeated.
LUMIGRAD_API Tensor yuv420_to_rgb(const Tensor& y, const Tensor& uv, Here here = {});
LUMIGRAD_API Tensor yuv422_to_rgb(const Tensor& y, const Tensor& uv, Here here = {});

/// The brown of old photographs, by the usual matrix; results may exceed 1. Unlike Kornia's default, they are not
/// divided by their largest value.
LUMIGRAD_API Tensor sepia(const Tensor& image, Here here = {});

/// 255 x limited to [0, 255], and x / 255. Float images only: bytes stand for value / 255 already (DTypeError).
LUMIGRAD_API Tensor rgb_to_rgb255(const Tensor& image, Here here = {});
LUMIGRAD_API Tensor rgb255_to_rgb(const Tensor& image, Here here = {});
/// Unit vectors (components in [-1, 1]) coded in [0, 255], and back to unit length; a code without direction gives 0.
LUMIGRAD_API Tensor normals_to_rgb255(const Tensor& image, Here here = {});
LUMIGRAD_API Tensor rgb255_to_normals(const Tensor& image, Here here = {});

}  // namespace lumigrad::color
