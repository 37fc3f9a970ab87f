// SPDX-License-Identifier: Apache-2.0
#include "registration_scene.h"

#include <lumigrad/engine/parallel.h>
#include <lumigrad/vision/registration/mosaic.h>
#include <lumigrad/vision/registration/registration.h>

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

using namespace lumigrad;
using namespace lumigrad::registration;

namespace {

/// Cheap enough for many pixels: three products of waves.
double height_at(Point p) {
  return 0.5 + 0.12 * std::sin(0.31 * p.x) * std::cos(0.23 * p.y + 0.11 * p.x) +
         0.15 * std::sin(0.043 * p.x + 0.067 * p.y) + 0.1 * std::sin(0.0071 * p.x * 0.9) * std::cos(0.0113 * p.y);
}

Plane seen(const Matrix3& view, int height, int width) {
  Plane plane(height, width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      plane.row(y)[x] = static_cast<float>(height_at(apply(view, {static_cast<double>(x), static_cast<double>(y)})));
  return plane;
}

Plane part_of(const Plane& whole, Box b) {
  Plane part(b.y1 - b.y0, b.x1 - b.x0);
  part.masked = whole.masked;
  for (int y = b.y0; y < b.y1; ++y)
    std::memcpy(part.row(y - b.y0), whole.row(y) + b.x0, static_cast<std::size_t>(b.x1 - b.x0) * sizeof(float));
  return part;
}

LargeImage in_parts(const Plane& whole) {
  return {whole.height(), whole.width(), [&whole](Box b) { return part_of(whole, b); }};
}

bool same(const Plane& a, const Plane& b) {
  if (a.height() != b.height() || a.width() != b.width()) return false;
  for (int y = 0; y < a.height(); ++y)
    if (std::memcmp(a.row(y), b.row(y), static_cast<std::size_t>(a.width()) * sizeof(float)) != 0) return false;
  return true;
}

constexpr Matrix3 truth = {1.01, -0.03, 25.3, 0.028, 0.99, -17.8, 2e-6, -1.5e-6, 1};

}  // namespace

TEST_CASE("an image halved in bands is the image halved at once") {
  Plane whole = seen(unit_matrix, 1357, 2403);
  for (const bool holes : {false, true}) {
    CAPTURE(holes);
    if (holes) {
      whole.masked = true;
      for (int y = 300; y < 700; ++y) whole.row(y)[2 * y] = std::numeric_limits<float>::quiet_NaN();
    }
    Plane once = halved(whole), twice = halved(once), thrice = halved(twice);
    CHECK(same(reduced(in_parts(whole), 1), once));
    CHECK(same(reduced(in_parts(whole), 3), thrice));
  }
}

TEST_CASE("large is what has eight megapixels or more and no short side") {
  CHECK(halvings_for(2000, 3000, 2000, 3000) == 0);
  CHECK(halvings_for(10000, 10000, 500, 500) == 1);
  CHECK(halvings_for(10000, 10000, 10000, 10000) == 3);
  CHECK(halvings_for(100, 65535 * 2, 100, 65535) == 0);
}

TEST_CASE("tiles refine what the reduced images found, whatever the light, and say how sure that is") {
  constexpr int height = 1100, width = 1300;
  const Plane fixed = seen(unit_matrix, height, width);
  Plane moving = seen(inverse(truth), height, width);
  for (int y = 0; y < height; ++y)  // a ramp from 0.9 to 1.1
    for (int x = 0; x < width; ++x) moving.row(y)[x] *= 0.9f + 0.2f * static_cast<float>(x) / width;
  const LargeImage f = in_parts(fixed), m = in_parts(moving);
  for (const Model model : {Model::homography, Model::affine}) {
    set_num_threads(2);
    const Alignment a = align_large(f, m, reduced(f, 1), reduced(m, 1), 1, {.model = model});
    CHECK(a.status == Status::converged);
    CHECK(a.levels.back().height == height);
    const double error = corner_distance(a.matrix, truth, height, width);
    if (model == Model::homography) {
      CHECK(error < 0.01);
      CHECK(a.covariance[0] > 1e-9);
      CHECK(a.covariance[0] < 1e-3);
    } else {
      CHECK(error > 0.05);  // the motion is none
      CHECK(a.matrix[6] == 0);
    }
    set_num_threads(1);
    const Alignment again = align_large(f, m, reduced(f, 1), reduced(m, 1), 1, {.model = model});
    CHECK(again.matrix == a.matrix);
    CHECK(again.covariance == a.covariance);
    set_num_threads(0);
  }
}

TEST_CASE("a large pair of bytes is registered by its tiles, and masked pixels have no influence") {
  constexpr int height = 2900, width = 3000;
  Tensor fixed = Tensor::empty({1, height, width}, DType::u8), moving = Tensor::empty({1, height, width}, DType::u8);
  const Matrix3 back = inverse(truth);
  parallel_for(
      height,
      [&](std::int64_t y) {
        for (int x = 0; x < width; ++x) {
          const Point p{static_cast<double>(x), static_cast<double>(y)};
          fixed.mutable_data<std::uint8_t>()[y * width + x] = static_cast<std::uint8_t>(255 * height_at(p) + 0.5);
          moving.mutable_data<std::uint8_t>()[y * width + x] =
              static_cast<std::uint8_t>(255 * height_at(apply(back, p)) + 0.5);
        }
      },
      1e5);
  Tensor mask = Tensor::ones({height, width}, DType::u8);
  for (int y = 0; y < height; ++y) std::memset(mask.mutable_data<std::uint8_t>() + y * width + 1400, 0, 333);
  const Result r = register_images(fixed, moving, {.fixed_mask = mask});
  CHECK(r.converged());
  CHECK(corner_distance(r.matrix, truth, height, width) < 0.01);
  CHECK(r.levels.back().width == width);
  for (int y = 0; y < height; ++y) std::memset(fixed.mutable_data<std::uint8_t>() + y * width + 1400, y % 251, 333);
  CHECK(register_images(fixed, moving, {.fixed_mask = mask}).matrix == r.matrix);
}
