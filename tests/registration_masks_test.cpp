// SPDX-License-Identifier: Apache-2.0
#include "registration_scene.h"

#include <lumigrad/vision/registration/registration.h>

#include <doctest/doctest.h>

#include <limits>

using namespace lumigrad;
using namespace lumigrad::registration;

namespace {
constexpr int height = 144, width = 192;

/// 1 but for columns first .. last.
Tensor all_but_columns(int first, int last) {
  Tensor mask = Tensor::ones({height, width});
  float* m = mask.mutable_data<float>();
  for (int y = 0; y < height; ++y)
    for (int x = first; x < last; ++x) m[y * width + x] = 0;
  return mask;
}

void paint_columns(Tensor& image, int first, int last, float value) {
  float* v = image.mutable_data<float>();
  for (int y = 0; y < height; ++y)
    for (int x = first; x < last; ++x) v[y * width + x] = value + 0.3f * static_cast<float>((x * 7 + y * 13) % 11) / 11;
}
}  // namespace

TEST_CASE("masked pixels of either image have no influence on a single bit") {
  const scene::Texture texture(21);
  const Matrix3 truth = scene::turned(height, width, 3, 1.02, 4, -2);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width);
  const Tensor moving = scene::moved(texture, truth, height, width);
  const Tensor mask = all_but_columns(60, 90);
  for (bool on_fixed : {false, true}) {
    CAPTURE(on_fixed);
    Options options{.model = Model::affine};
    (on_fixed ? options.fixed_mask : options.moving_mask) = mask;
    const Result plain = register_images(fixed, moving, options);
    CHECK(plain.converged());
    CHECK(corner_distance(plain.matrix, truth, height, width) < 0.005);
    Tensor spoilt = (on_fixed ? fixed : moving).clone();
    paint_columns(spoilt, 60, 90, -3.0f);
    const Result same = register_images(on_fixed ? spoilt : fixed, on_fixed ? moving : spoilt, options);
    CHECK(same.matrix == plain.matrix);
    CHECK(same.covariance == plain.covariance);
    CHECK(same.loss == plain.loss);
    CHECK(same.correlation == plain.correlation);
  }
}

TEST_CASE("a band that moves with the camera is ignored under a mask") {
  const scene::Texture texture(22);
  const Matrix3 truth = scene::turned(height, width, -2, 1, 7, 3);
  Tensor fixed = scene::seen(texture, unit_matrix, height, width);
  Tensor moving = scene::moved(texture, truth, height, width);
  paint_columns(fixed, 0, 50, 0.5f);
  paint_columns(moving, 0, 50, 0.5f);
  const Tensor mask = all_but_columns(0, 50);
  const Result r = register_images(fixed, moving, {.model = Model::rigid, .fixed_mask = mask, .moving_mask = mask});
  CHECK(r.converged());
  CHECK(corner_distance(r.matrix, truth, height, width) < 0.005);
}

TEST_CASE("three hundredths of a large image are enough") {
  constexpr int side = 1000, top = 400, left = 300;
  const scene::Texture texture(25);
  // What is not seen is NaN, which counts as masked.
  const auto island = [&](int margin, double dx, double dy) {
    const int size = 170 + 2 * margin, y0 = top - margin, x0 = left - margin;
    const Tensor seen = scene::seen(texture, {1, 0, x0 + dx, 0, 1, y0 + dy, 0, 0, 1}, size, size);
    Tensor image = Tensor::full({side, side}, std::numeric_limits<float>::quiet_NaN());
    for (int y = 0; y < size; ++y)
      for (int x = 0; x < size; ++x)
        image.mutable_data<float>()[(y0 + y) * side + x0 + x] = seen.data<float>()[y * size + x];
    return image;
  };
  const Result r = register_images(island(0, 0, 0), island(20, 1.3, -2.6), {.model = Model::affine});
  CHECK(r.converged());
  CHECK(corner_distance(r.matrix, {1, 0, -1.3, 0, 1, 2.6, 0, 0, 1}, side, side) < 0.01);
}

TEST_CASE("NaN and infinite pixels count as masked out") {
  const scene::Texture texture(23);
  const Matrix3 truth = scene::turned(height, width, 2, 1, 3, 3);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width);
  Tensor holes = scene::moved(texture, truth, height, width), masked = holes.clone();
  Tensor mask = Tensor::ones({height, width}, DType::u8);
  scene::Dice dice(1);
  for (int k = 0; k < 60; ++k) {
    const int at = static_cast<int>(dice.next() * height * width);
    holes.mutable_data<float>()[at] =
        k % 2 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
    mask.mutable_data<std::uint8_t>()[at] = 0;
  }
  const Result r = register_images(fixed, holes, {.model = Model::similarity});
  CHECK(r.converged());
  CHECK(corner_distance(r.matrix, truth, height, width) < 0.01);
  const Result same = register_images(fixed, masked, {.model = Model::similarity, .moving_mask = mask});
  CHECK(same.matrix == r.matrix);
}

TEST_CASE("masks of the wrong shape are refused") {
  const Tensor image = Tensor::zeros({20, 30});
  CHECK_THROWS_AS(register_images(image, image, {.fixed_mask = Tensor::ones({30, 20})}), ShapeError);
  CHECK_THROWS_AS(register_images(image, image, {.moving_mask = Tensor::ones({1, 20, 30})}), ShapeError);
}
