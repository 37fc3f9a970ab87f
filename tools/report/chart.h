// SPDX-License-Identifier: Apache-2.0
// Drawings for pages, as <svg> elements that take their colours from the page.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace lumigrad::report {

/// Values over their index with marked points; the vertical axis is logarithmic where the values span more than a
/// factor of 20 and are positive. The line breaks before the places of `breaks`. Empty for fewer than two values.
std::string curve(const std::vector<double>& values, const std::vector<std::size_t>& breaks, const std::string& across,
                  const std::string& up);

/// Where a motion puts the corners of the fixed image, and how surely.
struct CornerView {
  std::int64_t fixed_width, fixed_height, moving_width, moving_height;
  std::array<double, 9> matrix;       ///< fixed -> moving
  std::array<double, 64> covariance;  ///< of the corners' positions, px^2
};

/// A drawing, and what its ellipses (two standard deviations, 86 % of the probability) were enlarged by; 0 where the
/// covariance is not known.
struct CornerDrawing {
  std::string svg;
  double enlarged = 0;
};
CornerDrawing corner_ellipses(const CornerView& view);

/// Standard deviations of a corner's position along the axes of its ellipse, the longer first; NaN when not known.
std::array<double, 2> corner_deviations(const std::array<double, 64>& covariance, int corner);

}  // namespace lumigrad::report
