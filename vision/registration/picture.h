// SPDX-License-Identifier: Apache-2.0
// Images as the tape compares them.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad::registration {

/// An image with zeros where it does not count, and 1 where it does, 0 where not.
struct Picture {
  Tensor values;  ///< [1, C, H, W] f32
  Tensor counts;  ///< [1, 1, H, W] f32
};

/// [C, H, W] or [H, W], u8, u16, f32 or f64, with a mask [H, W] or none; `what` names it in errors. NaN and infinite
/// pixels do not count.
Picture picture_of(const Tensor& image, const Tensor& mask, const char* what);
/// The same in grey (Rec. 601) where there are three channels.
Picture grey_picture_of(const Tensor& image, const Tensor& mask, const char* what);

/// Half the size. What touches a pixel that does not count does not count.
Picture halved(const Picture& picture);

}  // namespace lumigrad::registration
