// SPDX-License-Identifier: Apache-2.0
// A contact sheet: many small pictures in rows on one.
#pragma once
#include <lumigrad/engine/tensor.h>

#include <vector>

namespace lumigrad::report {

/// Side of the square that holds a picture, px.
inline constexpr std::int64_t contact_side = 160;

/// A small picture [3, h, w], h and w at most contact_side, of an image [C, H, W] in [0, 1]. Boxes [n, 4] (half-open,
/// pixels of the image) are outlined and points [n, 2] marked; both may be undefined.
Tensor contact_picture(const Tensor& image, const Tensor& boxes, const Tensor& points);

/// Pictures of contact_picture() as a grid [3, H, W], a row each; undefined ones leave their place empty.
Tensor contact_sheet(const std::vector<std::vector<Tensor>>& rows);

}  // namespace lumigrad::report
