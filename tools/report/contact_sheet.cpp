// SPDX-License-Identifier: Apache-2.0
#include "contact_sheet.h"

#include <lumigrad/engine/views.h>
#include <lumigrad/vision/geometry/resize.h>

#include <algorithm>
#include <cmath>

#include "picture.h"

namespace lumigrad::report {
namespace {

constexpr float paper = 0.93f, box_colour[3] = {1.0f, 0.85f, 0.1f}, point_colour[3] = {0.1f, 0.9f, 1.0f};
constexpr std::int64_t gap = 6;

/// Sets one pixel if it lies in the picture.
void paint(Tensor& picture, float* to, double x, double y, const float (&colour)[3]) {
  const std::int64_t h = picture.size(1), w = picture.size(2);
  if (!(x >= 0 && y >= 0 && x < static_cast<double>(w) && y < static_cast<double>(h))) return;
  for (std::int64_t c = 0; c < 3; ++c)
    to[(c * h + static_cast<std::int64_t>(y)) * w + static_cast<std::int64_t>(x)] = colour[c];
}

/// The outline of a half-open box in pixels of the picture.
void outline(Tensor& picture, float* to, double x0, double y0, double x1, double y1) {
  const auto width = static_cast<double>(picture.size(2)), height = static_cast<double>(picture.size(1));
  for (double x = std::max(x0, 0.0); x < std::min(x1, width); ++x)
    for (const double y : {y0, y1 - 1}) paint(picture, to, x, y, box_colour);
  for (double y = std::max(y0, 0.0); y < std::min(y1, height); ++y)
    for (const double x : {x0, x1 - 1}) paint(picture, to, x, y, box_colour);
}

}  // namespace

Tensor contact_picture(const Tensor& image, const Tensor& boxes, const Tensor& points) {
  const double scale =
      std::min(1.0, static_cast<double>(contact_side) / static_cast<double>(std::max(image.size(1), image.size(2))));
  const auto side = [&](std::int64_t n) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(n) * scale));
  };
  Tensor picture = colours(image);
  if (scale < 1)
    picture = squeeze(geometry::resize(unsqueeze(picture, 0), {.size = {side(image.size(1)), side(image.size(2))},
                                                               .mode = geometry::Resampling::area}),
                      0)
                  .contiguous();
  auto* to = picture.mutable_data<float>();
  if (boxes.defined())
    for (std::int64_t i = 0; i < boxes.size(0); ++i) {
      const std::vector<double> b = select(boxes, 0, i).values();
      outline(picture, to, b[0] * scale, b[1] * scale, b[2] * scale, b[3] * scale);
    }
  if (points.defined())
    for (std::int64_t i = 0; i < points.size(0); ++i) {
      const std::vector<double> p = select(points, 0, i).values();
      for (int k = -2; k <= 2; ++k) {
        paint(picture, to, (p[0] + 0.5) * scale + k, (p[1] + 0.5) * scale, point_colour);
        paint(picture, to, (p[0] + 0.5) * scale, (p[1] + 0.5) * scale + k, point_colour);
      }
    }
  return picture;
}

Tensor contact_sheet(const std::vector<std::vector<Tensor>>& rows) {
  std::int64_t width = gap, height = gap;
  std::vector<std::int64_t> heights;
  for (const auto& row : rows) {
    std::int64_t tallest = 0;
    for (const Tensor& picture : row)
      if (picture.defined()) tallest = std::max(tallest, picture.size(1));
    heights.push_back(tallest);
    width = std::max(width, gap + static_cast<std::int64_t>(row.size()) * (contact_side + gap));
    height += tallest + gap;
  }
  Tensor sheet = Tensor::full({3, height, width}, static_cast<double>(paper));
  auto* to = sheet.mutable_data<float>();
  std::int64_t y0 = gap;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t k = 0; k < rows[r].size(); ++k) {
      const Tensor& picture = rows[r][k];
      if (!picture.defined()) continue;
      const std::int64_t h = picture.size(1), w = picture.size(2);
      const std::int64_t x0 = gap + static_cast<std::int64_t>(k) * (contact_side + gap) + (contact_side - w) / 2;
      const auto* from = picture.data<float>();
      for (std::int64_t c = 0; c < 3; ++c)
        for (std::int64_t y = 0; y < h; ++y)
          std::copy_n(from + (c * h + y) * w, w, to + (c * height + y0 + y) * width + x0);
    }
    y0 += heights[r] + gap;
  }
  return sheet;
}

}  // namespace lumigrad::report
