// SPDX-License-Identifier: Apache-2.0
#include "registration_scene.h"

#include <lumigrad/vision/registration/registration.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace lumigrad;
using namespace lumigrad::registration;

namespace {
constexpr int height = 160, width = 200;

struct Case {
  Model model;
  Matrix3 truth;
};

std::vector<Case> cases() {
  Matrix3 sheared = scene::turned(height, width, 4, 1.03, 3.3, -2.2);
  sheared[1] += 0.03;
  Matrix3 tilted = sheared;
  tilted[6] = 2e-4, tilted[7] = -1.5e-4;
  return {{Model::translation, {1, 0, 5.37, 0, 1, -3.81, 0, 0, 1}},
          {Model::rigid, scene::turned(height, width, 6, 1, 4.2, 1.7)},
          {Model::similarity, scene::turned(height, width, -5, 1.08, -3.1, 2.6)},
          {Model::affine, sheared},
          {Model::homography, tilted}};
}
}  // namespace

TEST_CASE("every model is recovered to a few thousandths of a pixel from a noiseless view") {
  const scene::Texture texture(3);
  for (const Case& c : cases()) {
    CAPTURE(name(c.model));
    const Result r = register_images(scene::seen(texture, unit_matrix, height, width),
                                     scene::moved(texture, c.truth, height, width), {.model = c.model});
    CHECK(r.status == Status::converged);
    CHECK(corner_distance(r.matrix, c.truth, height, width) < 0.005);
    CHECK(r.correlation > 0.97);
    CHECK(r.inlier_ratio > 0.9);
    CHECK(r.overlap > 0.8);
    CHECK(r.start == "identity");
    CHECK(r.matrix[8] == 1);
  }
}

TEST_CASE("a result stays within its model") {
  const scene::Texture texture(4);
  const Matrix3 truth = scene::turned(height, width, 7, 1.0, 2, 3);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width);
  const Tensor moving = scene::moved(texture, truth, height, width);
  const Matrix3 t = register_images(fixed, moving, {.model = Model::translation}).matrix;
  CHECK(t[0] == 1);
  CHECK(t[1] == 0);
  CHECK(t[6] == 0);
  const Matrix3 r = register_images(fixed, moving, {.model = Model::rigid}).matrix;
  CHECK(r[0] * r[0] + r[3] * r[3] == doctest::Approx(1).epsilon(1e-9));
  CHECK(r[0] == doctest::Approx(r[4]).epsilon(1e-9));
  CHECK(r[1] == doctest::Approx(-r[3]).epsilon(1e-9));
}

TEST_CASE("gain, bias and gamma do not move the answer") {
  const scene::Texture texture(5);
  const Matrix3 truth = cases()[4].truth;
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width);
  for (double gamma : {1.0, 1.6}) {
    Tensor moving = scene::moved(texture, truth, height, width);
    float* v = moving.mutable_data<float>();
    for (int i = 0; i < height * width; ++i)
      v[i] = static_cast<float>(0.7 * std::pow(static_cast<double>(v[i]), gamma) + 0.1);
    const Result r = register_images(fixed, moving);
    CHECK(r.converged());
    CHECK(corner_distance(r.matrix, truth, height, width) < 0.01);
    if (gamma == 1) CHECK(r.gain == doctest::Approx(1 / 0.7).epsilon(0.01));
  }
}

TEST_CASE("large turns, scales and shifts are found without a hint") {
  const scene::Texture texture(6);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width);
  const struct {
    double degrees, scale, dx, dy;
  } motions[] = {{0, 1, 60, -40}, {35, 1, 0, 5}, {90, 1, 8, 0}, {-170, 0.8, 0, 0}, {10, 1.6, 0, 0}};
  for (const auto& m : motions) {
    CAPTURE(m.degrees);
    CAPTURE(m.scale);
    const Matrix3 truth = scene::turned(height, width, m.degrees, m.scale, m.dx, m.dy);
    const Result r = register_images(fixed, scene::moved(texture, truth, height, width), {.model = Model::similarity});
    CHECK(r.converged());
    CHECK(corner_distance(r.matrix, truth, height, width) < 0.02);
    CHECK(r.start != "identity");
  }
}

TEST_CASE("a given start is used, and only it") {
  const scene::Texture texture(7);
  const Matrix3 truth = scene::turned(height, width, 100, 1, 0, 0), near = scene::turned(height, width, 97, 1.02, 2, 1);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width);
  const Tensor moving = scene::moved(texture, truth, height, width);
  const Result good = register_images(fixed, moving, {.model = Model::affine, .start = Start::given, .initial = near});
  CHECK(good.converged());
  CHECK(good.start == "given");
  CHECK(corner_distance(good.matrix, truth, height, width) < 0.01);
  const Result lost = register_images(fixed, moving, {.model = Model::affine, .start = Start::identity});
  CHECK(!lost.converged());
}

TEST_CASE("images of different size, dtype and colour register alike") {
  const scene::Texture texture(8);
  const Matrix3 truth = cases()[3].truth;
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width);
  const Tensor moving = scene::moved(texture, truth, height + 37, width - 21);
  const Options options{.model = Model::affine};
  CHECK(corner_distance(register_images(fixed, moving, options).matrix, truth, height, width) < 0.005);

  // Three equal channels are the same picture; 255 levels cost a little.
  Tensor colour = Tensor::empty({3, height, width});
  Tensor bytes = Tensor::empty({height, width}, DType::u8);
  const float* from = fixed.data<float>();
  for (int i = 0; i < height * width; ++i) {
    for (int c = 0; c < 3; ++c) colour.mutable_data<float>()[c * height * width + i] = from[i];
    bytes.mutable_data<std::uint8_t>()[i] = static_cast<std::uint8_t>(std::lround(255 * static_cast<double>(from[i])));
  }
  CHECK(corner_distance(register_images(colour, moving, options).matrix, truth, height, width) < 0.005);
  CHECK(corner_distance(register_images(bytes, moving, options).matrix, truth, height, width) < 0.02);
  CHECK(corner_distance(register_images(fixed.to(DType::f64), moving, options).matrix, truth, height, width) < 0.005);
}

TEST_CASE("the same images give the same bits, alone and in a batch") {
  const scene::Texture texture(9);
  Tensor fixed = Tensor::empty({2, 1, height, width}), moving = Tensor::empty({2, 1, height, width});
  for (int k = 0; k < 2; ++k) {
    const Tensor f = scene::seen(texture, scene::turned(height, width, 3.0 * k, 1, 0, 0), height, width);
    const Tensor m = scene::moved(texture, cases()[4].truth, height, width);
    std::copy_n(f.data<float>(), height * width, fixed.mutable_data<float>() + k * height * width);
    std::copy_n(m.data<float>(), height * width, moving.mutable_data<float>() + k * height * width);
  }
  const std::vector<Result> batch = register_batch(fixed, moving), again = register_batch(fixed, moving);
  REQUIRE(batch.size() == 2);
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK(batch[k].matrix == again[k].matrix);
    CHECK(batch[k].covariance == again[k].covariance);
    CHECK(batch[k].loss_curve == again[k].loss_curve);
    CHECK(batch[k].converged());
  }
  CHECK(batch[0].matrix != batch[1].matrix);
}
