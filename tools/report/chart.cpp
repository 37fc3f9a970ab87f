// SPDX-License-Identifier: Apache-2.0
#include "chart.h"

#include "page.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lumigrad::report {
namespace {

std::string text(double x, double y, const char* anchor, const std::string& words) {
  return "<text x=\"" + number(x, 6) + "\" y=\"" + number(y, 6) + "\" text-anchor=\"" + anchor + "\">" + words +
         "</text>";
}

std::string line(double x0, double y0, double x1, double y1, const char* how) {
  return "<line x1=\"" + number(x0, 6) + "\" y1=\"" + number(y0, 6) + "\" x2=\"" + number(x1, 6) + "\" y2=\"" +
         number(y1, 6) + "\" " + how + "/>";
}

std::string svg(double width, double height, const std::string& label) {
  return "<svg role=\"img\" aria-label=\"" + label + "\" viewBox=\"0 0 " + number(width, 6) + " " + number(height, 6) +
         "\">";
}

/// 1, 2 or 5 times a power of ten, at most x.
double round_below(double x) {
  const double power = std::pow(10.0, std::floor(std::log10(x)));
  return (x >= 5 * power ? 5 : x >= 2 * power ? 2 : 1) * power;
}

struct Point {
  double x = 0, y = 0;
};

Point mapped(const std::array<double, 9>& h, Point p) {
  const double w = h[6] * p.x + h[7] * p.y + h[8];
  return {(h[0] * p.x + h[1] * p.y + h[2]) / w, (h[3] * p.x + h[4] * p.y + h[5]) / w};
}

/// Half axes (standard deviations) and direction of the longer one, from a symmetric 2x2 matrix.
struct Ellipse {
  double longer, shorter, angle;
};
Ellipse ellipse_of(const std::array<double, 64>& covariance, int corner) {
  const auto k = static_cast<std::size_t>(2 * corner);
  const double a = covariance[k * 8 + k], b = covariance[k * 8 + k + 1], d = covariance[k * 8 + 8 + k + 1];
  if (!std::isfinite(a) || !std::isfinite(b) || !std::isfinite(d)) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    return {nan, nan, 0};
  }
  const double middle = 0.5 * (a + d), spread = std::hypot(0.5 * (a - d), b);
  return {std::sqrt(std::max(0.0, middle + spread)), std::sqrt(std::max(0.0, middle - spread)),
          0.5 * std::atan2(2 * b, a - d)};
}

}  // namespace

std::string curve(const std::vector<double>& values, const std::vector<std::size_t>& breaks, const std::string& across,
                  const std::string& up) {
  std::vector<double> heights;
  std::vector<std::size_t> begins;  // lines, by their first height
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::find(breaks.begin(), breaks.end(), i) != breaks.end()) begins.push_back(heights.size());
    if (std::isfinite(values[i])) heights.push_back(values[i]);
  }
  if (heights.size() < 2) return {};
  const auto [least, most] = std::minmax_element(heights.begin(), heights.end());
  double low = *least, high = *most;
  const bool logarithmic = low > 0 && high > 20 * low;
  auto scaled = [&](double v) { return logarithmic ? std::log10(v) : v; };
  low = scaled(low);
  high = scaled(high);
  const double room = high > low ? 0.08 * (high - low) : 1e-9 + 0.1 * std::fabs(high);
  low -= room;
  high += room;
  // As many digits as tell one line of the grid from the next, and two more.
  const double apart = 4 * std::max(std::fabs(low), std::fabs(high)) / (high - low);
  const int digits = logarithmic ? 3 : std::clamp(static_cast<int>(std::ceil(std::log10(apart))) + 2, 3, 9);

  const double width = 520, height = 300, left = 70 + 8.5 * (digits - 3), right = 16, top = 20, bottom = 46;
  const auto steps = static_cast<double>(heights.size() - 1);
  auto x_of = [&](double index) { return left + (width - left - right) * index / steps; };
  auto y_of = [&](double v) { return top + (height - top - bottom) * (high - v) / (high - low); };

  std::string s = svg(width, height, up);
  for (int k = 0; k <= 4; ++k) {
    const double v = low + (high - low) * k / 4, y = y_of(v);
    s += line(left, y, width - right, y, "stroke=\"var(--line)\"");
    s += text(left - 8, y + 4, "end", number(logarithmic ? std::pow(10.0, v) : v, digits));
  }
  const auto stride = std::max(1.0, std::ceil(steps / 8));
  for (double i = 0; i <= steps; i += stride) s += text(x_of(i), height - bottom + 20, "middle", number(i, 6));
  s += text((left + width - right) / 2, height - 8, "middle", across);
  s += text(left, top - 6, "start", logarithmic ? up + " (logarithmic)" : up);
  const std::string begin = "<polyline fill=\"none\" stroke=\"var(--accent)\" stroke-width=\"2\" points=\"";
  std::string lines = begin, marks;
  for (std::size_t i = 0; i < heights.size(); ++i) {
    const std::string x = number(x_of(static_cast<double>(i)), 6), y = number(y_of(scaled(heights[i])), 6);
    if (std::find(begins.begin(), begins.end(), i) != begins.end()) lines += "\"/>" + begin;
    lines += x + "," + y + " ";
    if (heights.size() <= 60) marks += "<circle cx=\"" + x + "\" cy=\"" + y + "\" r=\"3.5\" fill=\"var(--accent)\"/>";
  }
  return s + lines + "\"/>" + marks + "</svg>";
}

std::array<double, 2> corner_deviations(const std::array<double, 64>& covariance, int corner) {
  const Ellipse e = ellipse_of(covariance, corner);
  return {e.longer, e.shorter};
}

CornerDrawing corner_ellipses(const CornerView& v) {
  const double fw = static_cast<double>(v.fixed_width - 1), fh = static_cast<double>(v.fixed_height - 1);
  const double mw = static_cast<double>(v.moving_width - 1), mh = static_cast<double>(v.moving_height - 1);
  const Point from[4] = {{0, 0}, {fw, 0}, {fw, fh}, {0, fh}};
  Point corner[4];
  double x0 = 0, y0 = 0, x1 = mw, y1 = mh, largest = 0;
  const double reach = 4 * std::max({mw, mh, fw, fh, 1.0});  // a motion that throws corners further is not drawn
  for (int k = 0; k < 4; ++k) {
    corner[k] = mapped(v.matrix, from[k]);
    if (!(std::fabs(corner[k].x) < reach && std::fabs(corner[k].y) < reach)) return {};
    x0 = std::min(x0, corner[k].x), x1 = std::max(x1, corner[k].x);
    y0 = std::min(y0, corner[k].y), y1 = std::max(y1, corner[k].y);
    const Ellipse e = ellipse_of(v.covariance, k);
    largest = std::isfinite(e.longer) ? std::max(largest, e.longer) : std::numeric_limits<double>::infinity();
  }
  const double width = 520, margin = 52;
  const double unit = std::min((width - 2 * margin) / std::max(1.0, x1 - x0), 420 / std::max(1.0, y1 - y0));
  const double height = unit * (y1 - y0) + 2 * margin, left = 0.5 * (width - unit * (x1 - x0));
  auto px = [&](double x) { return left + unit * (x - x0); };
  auto py = [&](double y) { return margin + unit * (y - y0); };

  CornerDrawing drawing;
  if (std::isfinite(largest) && largest > 0) drawing.enlarged = round_below(44 / (2 * largest * unit));
  std::string s = svg(width, height, "corners of the fixed image in the moving image");
  s += "<rect x=\"" + number(px(0), 6) + "\" y=\"" + number(py(0), 6) + "\" width=\"" + number(unit * mw, 6) +
       "\" height=\"" + number(unit * mh, 6) + "\" fill=\"var(--tint)\" stroke=\"var(--line)\"/>";
  s += text(px(0.5 * mw), py(0.5 * mh) + 4, "middle", "moving image");
  std::string outline;
  for (const Point& p : corner) outline += number(px(p.x), 6) + "," + number(py(p.y), 6) + " ";
  s += "<polygon fill=\"none\" stroke=\"var(--accent)\" stroke-width=\"1.5\" points=\"" + outline + "\"/>";
  for (int k = 0; k < 4; ++k) {
    const std::string x = number(px(corner[k].x), 6), y = number(py(corner[k].y), 6);
    if (drawing.enlarged > 0) {
      const Ellipse e = ellipse_of(v.covariance, k);
      const double scale = 2 * drawing.enlarged * unit;
      s += "<ellipse cx=\"" + x + "\" cy=\"" + y + "\" rx=\"" + number(std::max(0.5, e.longer * scale), 6) +
           "\" ry=\"" + number(std::max(0.5, e.shorter * scale), 6) + "\" transform=\"rotate(" +
           number(e.angle * 57.29577951308232, 6) + " " + x + " " + y +
           ")\" fill=\"var(--warm)\" fill-opacity=\"0.25\" stroke=\"var(--warm)\" stroke-width=\"1.5\"/>";
    }
    s += "<circle cx=\"" + x + "\" cy=\"" + y + "\" r=\"2.5\" fill=\"var(--accent)\"/>";
  }
  drawing.svg = s + "</svg>";
  return drawing;
}

}  // namespace lumigrad::report
