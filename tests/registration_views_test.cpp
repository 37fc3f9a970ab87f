// SPDX-License-Identifier: Apache-2.0
// Views that share little: keypoints have to find the start.
#include "registration_scene.h"

#include <lumigrad/vision/registration/registration.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace lumigrad;
using namespace lumigrad::registration;

namespace {
constexpr int height = 180, width = 220;

/// How a plane seen from the front looks to a camera that went round it by `degrees`.
Matrix3 tilted(double degrees, double focal) {
  const double a = degrees * 0.017453292519943295, c = std::cos(a), s = std::sin(a);
  const double x = 0.5 * (width - 1), y = 0.5 * (height - 1);
  const Matrix3 centre = {1, 0, -x, 0, 1, -y, 0, 0, 1}, back = {1, 0, x, 0, 1, y, 0, 0, 1};
  return scaled_to_unit(back * Matrix3{c, 0, 0, 0, 1, 0, s / focal, 0, 1} * centre);
}

/// Mean error over the part of the fixed image that the moving one shows.
double error_in_view(const Matrix3& found, const Matrix3& truth) {
  double sum = 0, count = 0;
  for (int y = 0; y < height; y += 6)
    for (int x = 0; x < width; x += 6) {
      const Point p = {static_cast<double>(x), static_cast<double>(y)}, q = apply(truth, p), r = apply(found, p);
      if (!(q.x >= 0 && q.y >= 0 && q.x < width && q.y < height)) continue;
      sum += std::hypot(q.x - r.x, q.y - r.y), ++count;
    }
  return sum / count;
}
}  // namespace

TEST_CASE("close-ups, overviews, steep views and small overlaps are found through keypoints") {
  const scene::Texture texture(91);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width);
  const struct {
    const char* what;
    Matrix3 truth;
  } views[] = {{"2.6 times closer, turned", scene::turned(height, width, 70, 2.6, 4, 6)},
               {"2.6 times further, turned", scene::turned(height, width, -120, 1 / 2.6, 4, 6)},
               {"from 60 degrees aside", tilted(60, 320)},
               {"a third in common, turned", scene::turned(height, width, 40, 1, 120, 40)}};
  for (const auto& view : views) {
    CAPTURE(view.what);
    const Result r = register_images(fixed, scene::moved(texture, view.truth, height, width));
    CHECK(r.converged());
    CHECK(r.start == "keypoints");
    CHECK(error_in_view(r.matrix, view.truth) < 0.03);
  }
}

TEST_CASE("keypoints keep to the model") {
  const scene::Texture texture(92);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width);
  for (Model model : {Model::rigid, Model::similarity, Model::affine}) {
    CAPTURE(name(model));
    const Matrix3 truth = scene::turned(height, width, 65, 1, 100, 60);
    const Result r = register_images(fixed, scene::moved(texture, truth, height, width), {.model = model});
    CHECK(r.converged());
    CHECK(error_in_view(r.matrix, truth) < 0.03);
    CHECK(r.matrix[6] == 0);
    if (model == Model::rigid) CHECK(r.matrix[0] * r.matrix[0] + r.matrix[3] * r.matrix[3] == doctest::Approx(1));
  }
}

TEST_CASE("what lies under a mask does not reach the keypoints") {
  const scene::Texture texture(93), other(94);
  const Matrix3 truth = scene::turned(height, width, 60, 2.4, 5, -3);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width);
  Tensor mask = Tensor::ones({height, width}, DType::u8);
  std::fill_n(mask.mutable_data<std::uint8_t>(), 60 * width, std::uint8_t{0});
  Matrix3 found[2];
  for (int k = 0; k < 2; ++k) {
    Tensor moving = scene::moved(texture, truth, height, width);
    const Tensor cover = scene::seen(k == 0 ? texture : other, unit_matrix, height, width);
    std::copy_n(cover.data<float>(), 60 * width, moving.mutable_data<float>());
    const Result r = register_images(fixed, moving, {.moving_mask = mask});
    CHECK(r.converged());
    CHECK(r.start == "keypoints");
    found[k] = r.matrix;
  }
  CHECK(found[0] == found[1]);
  CHECK(error_in_view(found[0], truth) < 0.05);
}
