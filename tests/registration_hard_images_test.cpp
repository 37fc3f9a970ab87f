// SPDX-License-Identifier: Apache-2.0
#include "registration_scene.h"

#include <lumigrad/vision/registration/registration.h>
#include <lumigrad/vision/registration/samples.h>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace lumigrad;
using namespace lumigrad::registration;

namespace {

void check_finite(const Result& r) {
  for (double v : r.matrix) CHECK(std::isfinite(v));
  CHECK(std::isfinite(r.loss));
  CHECK(std::isfinite(r.correlation));
  CHECK(r.inlier_ratio >= 0);
  CHECK(r.inlier_ratio <= 1);
  for (double v : r.covariance) CHECK(!std::isnan(v));
}

}  // namespace

TEST_CASE("images without structure have no gradient") {
  const scene::Texture texture(31);
  const Tensor scene_image = scene::seen(texture, unit_matrix, 60, 80);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Tensor& empty : {Tensor::full({60, 80}, 0.4), Tensor::full({60, 80}, static_cast<double>(nan)),
                              Tensor::zeros({60, 80}, DType::u8), Tensor::ones({1, 1}), Tensor::zeros({0, 5})}) {
    for (bool first : {false, true}) {
      const Result r = register_images(first ? empty : scene_image, first ? scene_image : empty);
      CHECK(r.status == Status::no_gradient);
      check_finite(r);
    }
    CHECK(register_images(empty, empty).status == Status::no_gradient);
  }
}

TEST_CASE("any size down to a pixel and any shape comes back with a status") {
  const scene::Texture texture(32);
  for (int h : {1, 2, 3, 4, 7, 8, 9, 16, 33, 41, 79})
    for (int w : {1, 3, 8, 10, 40, 90}) {
      CAPTURE(h);
      CAPTURE(w);
      for (Model model : {Model::translation, Model::homography})
        check_finite(register_images(scene::seen(texture, unit_matrix, h, w),
                                     scene::seen(texture, {1, 0, 1.3, 0, 1, 0.4, 0, 0, 1}, w, h), {.model = model}));
    }
}

TEST_CASE("unrelated images do not converge") {
  int claimed = 0;
  for (std::uint64_t k = 0; k < 6; ++k) {
    const scene::Texture one(40 + k), other(60 + k);
    const Result r = register_images(scene::seen(one, unit_matrix, 96, 128), scene::seen(other, unit_matrix, 96, 128));
    check_finite(r);
    claimed += r.converged();
  }
  CHECK(claimed == 0);
}

TEST_CASE("extreme grey levels are taken in their stride") {
  const scene::Texture texture(33);
  const Matrix3 truth = scene::turned(90, 120, 2, 1, 3, -2);
  for (double unit : {1e-6, 1e4, 1e30}) {
    Tensor fixed = scene::seen(texture, unit_matrix, 90, 120), moving = scene::moved(texture, truth, 90, 120);
    for (Tensor* t : {&fixed, &moving})
      for (int i = 0; i < 90 * 120; ++i) t->mutable_data<float>()[i] *= static_cast<float>(unit);
    const Result r = register_images(fixed, moving, {.model = Model::rigid});
    CHECK(r.converged());
    CHECK(corner_distance(r.matrix, truth, 90, 120) < 0.01);
  }
}

TEST_CASE("gain, bias and trust in grey levels hold for floats of any size") {
  const scene::Texture texture(34);
  const Matrix3 truth = scene::turned(90, 120, 0, 1, 3.3, -2.1);
  const auto toned = [](Tensor image, double gain, double bias) {
    float* v = image.mutable_data<float>();
    for (int i = 0; i < 90 * 120; ++i) v[i] = static_cast<float>(gain * static_cast<double>(v[i]) + bias);
    return image;
  };
  const Tensor fixed = scene::seen(texture, unit_matrix, 90, 120), moving = scene::moved(texture, truth, 90, 120);
  for (const double unit : {1.0, 255.0, 1e-3}) {
    CAPTURE(unit);
    const Result r =
        register_images(toned(fixed.clone(), unit, 0), toned(moving.clone(), 4, 0.8), {.model = Model::translation});
    CHECK(r.converged());
    CHECK(corner_distance(r.matrix, truth, 90, 120) < 0.01);
    CHECK(r.gain == doctest::Approx(unit / 4).epsilon(0.01));
    CHECK(r.bias == doctest::Approx(-0.2 * unit).epsilon(0.02));
  }
  // One bright pixel on either side of where floats are scaled.
  for (const float spot : {2.0f, 4.5f, 9.0f})
    for (const double unit : {3.9, 5.0, 0.06}) {
      CAPTURE(spot);
      CAPTURE(unit);
      Tensor spotted = toned(moving.clone(), unit, 0);
      spotted.mutable_data<float>()[5] = spot;
      const Result r =
          register_images(toned(fixed.clone(), unit, 0), spotted, {.model = Model::translation, .gain_bias = false});
      CHECK(r.converged());
      CHECK(corner_distance(r.matrix, truth, 90, 120) < 0.01);
      CHECK(r.inlier_ratio > 0.9);
      CHECK(r.gain == 1);
      CHECK(r.bias == 0);
    }
}

TEST_CASE("gain and bias are those of the scene where something covers much of a flat one") {
  Samples samples;
  scene::Dice dice(36);
  for (int k = 0; k < 1000; ++k) {
    const double scene_level = k < 650 ? 0.65 + 0.01 * dice.normal() : 0.3 + 0.5 * dice.next();
    const bool covered = k >= 350 && k < 650;
    samples.fixed.push_back(static_cast<float>(scene_level));
    samples.moving.push_back(static_cast<float>(covered ? 0.9 * dice.next() : scene_level + 0.003 * dice.normal()));
  }
  const Tone tone = best_tone(samples);
  CHECK(tone.gain == doctest::Approx(1).epsilon(0.02));
  CHECK(tone.bias == doctest::Approx(0).epsilon(0.02));
  CHECK(std::fabs(fit_tone(samples).gain - 1) > 0.2);  // what the second start is for
}

TEST_CASE("a polish that leads astray is given up, and what is told is told of the motion returned") {
  const scene::Texture texture(35);
  const Matrix3 truth = scene::turned(90, 120, 1, 1, 3.3, -2.1);
  Tensor moving = scene::moved(texture, truth, 90, 120);
  for (int i = 0; i < 90 * 120; ++i) moving.mutable_data<float>()[i] = 0.3f * moving.data<float>()[i] + 0.5f;
  const Result r = register_images(scene::seen(texture, unit_matrix, 90, 120), moving,
                                   {.model = Model::affine, .loss = Robust::l2, .gain_bias = false});
  CHECK(corner_distance(r.matrix, truth, 90, 120) < 0.2);
  CHECK(r.inlier_ratio > 0.9);
  CHECK(r.status == Status::stalled);
  CHECK(r.gain == 1);
  CHECK(r.loss_curve == std::vector<double>{r.loss});
  check_finite(r);
}

TEST_CASE("what is no image is refused in words") {
  const Tensor image = Tensor::zeros({20, 30});
  CHECK_THROWS_AS(register_images(Tensor(), image), ShapeError);
  CHECK_THROWS_AS(register_images(Tensor::zeros({2, 20, 30}), image), ShapeError);
  CHECK_THROWS_AS(register_images(Tensor::zeros({20}), image), ShapeError);
  CHECK_THROWS_AS(register_images(Tensor::zeros({20, 30}, DType::i64), image), DTypeError);
  CHECK_THROWS_AS(register_batch(image, image), ShapeError);
  Options options{.start = Start::given};
  options.initial[0] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(register_images(image, image, options), NumericError);
  CHECK_THROWS_AS(parse_model("projective"), FormatError);
  CHECK(parse_loss("tukey") == Robust::tukey);
  CHECK(parse_model("rigid") == Model::rigid);
}
