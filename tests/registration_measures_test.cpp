// SPDX-License-Identifier: Apache-2.0
// Pictures that do not share their grey levels, and losses of one's own.
#include "registration_scene.h"

#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/losses/similarity.h>
#include <lumigrad/vision/registration/by_loss.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace lumigrad;
using namespace lumigrad::registration;

namespace {

constexpr int height = 128, width = 160;

Matrix3 tilted() {
  Matrix3 m = scene::turned(height, width, 5, 1.04, 4.3, -3.2);
  m[6] = 2e-4, m[7] = -1e-4;
  return m;
}

/// The picture with every grey level, given its place in [-1, 1], replaced.
template <class F>
Tensor changed(const Tensor& image, F f) {
  Tensor to = image.clone();
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      float& v = to.mutable_data<float>()[y * width + x];
      v = static_cast<float>(f(static_cast<double>(v), 2.0 * x / width - 1, 2.0 * y / height - 1));
    }
  return to;
}

Tensor absolute(const Tensor& fixed, const Tensor& moved, const Tensor& counts) {
  return sum(counts * abs(fixed - moved)) / sum(counts);
}

double error(const Result& r, const Matrix3& truth) { return corner_distance(r.matrix, truth, height, width); }

}  // namespace

TEST_CASE("every measure finds a plain motion") {
  const scene::Texture texture(101);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width),
               moving = scene::moved(texture, tilted(), height, width);
  for (Measure m : {Measure::lncc, Measure::gradient_correlation, Measure::census, Measure::mutual_information}) {
    CAPTURE(name(m));
    const Result r = register_images(fixed, moving, {.measure = m});
    CHECK(r.converged());
    CHECK(error(r, tilted()) < (m == Measure::mutual_information ? 0.1 : 0.02));
    CHECK(parse_measure(name(m)) == m);
  }
}

TEST_CASE("mutual information registers a negative and a relation that is not monotonic") {
  const scene::Texture texture(102);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width),
               moving = scene::moved(texture, tilted(), height, width);
  const auto negative = [](double v, double, double) { return 0.9 - 0.8 * v; };
  const auto folded = [](double v, double, double) { return 0.1 + 8 * (v - 0.5) * (v - 0.5); };
  const struct {
    const char* what;
    Tensor moving;
  } views[] = {{"negative", changed(moving, negative)}, {"folded", changed(moving, folded)}};
  for (const auto& view : views) {
    CAPTURE(view.what);
    const Result r = register_images(fixed, view.moving, {.measure = Measure::mutual_information});
    CHECK(r.converged());
    CHECK(error(r, tilted()) < 0.05);
    // What makes the case hard: grey levels do not agree at all.
    CHECK(!register_images(fixed, view.moving).converged());
  }
}

TEST_CASE("local correlation, gradients and comparisons stand strong vignetting, gradients and gamma") {
  const scene::Texture texture(103);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width),
               moving = scene::moved(texture, tilted(), height, width);
  const auto vignetted = [](double v, double x, double y) { return v / (1 + 1.5 * (x * x + y * y)); };
  const auto shaded = [](double v, double x, double y) { return v + 0.3 * std::sin(2 * x) * y; };
  const auto gamma = [](double v, double, double) { return std::pow(v, 2.6); };
  for (Measure m : {Measure::lncc, Measure::gradient_correlation, Measure::census}) {
    CAPTURE(name(m));
    const Options options{.measure = m};
    const Result dark = register_images(fixed, changed(moving, vignetted), options);
    CHECK(dark.converged());
    CHECK(error(dark, tilted()) < 0.2);  // four times darker in the corners
    const Result slope = register_images(fixed, changed(moving, shaded), options);
    CHECK(slope.converged());
    CHECK(error(slope, tilted()) < 0.1);
    const Result bent = register_images(fixed, changed(moving, gamma), options);
    CHECK(bent.converged());
    CHECK(error(bent, tilted()) < 0.05);
  }
}

TEST_CASE("unrelated pictures do not converge, by any measure or a loss of one's own") {
  const Tensor fixed = scene::seen(scene::Texture(104), unit_matrix, height, width);
  for (Measure m : {Measure::lncc, Measure::gradient_correlation, Measure::census, Measure::mutual_information})
    for (std::uint64_t seed : {105, 106, 107}) {
      CAPTURE(name(m));
      const Tensor moving = scene::seen(scene::Texture(seed), unit_matrix, height, width);
      const Result r = register_images(fixed, moving, {.measure = m});
      CAPTURE(r.correlation);
      CHECK(!r.converged());
    }
  for (std::uint64_t seed : {105, 106, 107}) {
    const Result r = register_by(absolute, fixed, scene::seen(scene::Texture(seed), unit_matrix, height, width),
                                 {.model = Model::affine});
    CAPTURE(r.correlation);
    CHECK(!r.converged());
  }
}

TEST_CASE("a loss of one's own goes down the pyramid, by L-BFGS or by any other optimiser") {
  const scene::Texture texture(108);
  const Matrix3 truth = scene::turned(height, width, 8, 1.05, 12, -9);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width),
               moving = scene::moved(texture, truth, height, width);
  for (Model model : {Model::similarity, Model::affine, Model::homography}) {
    CAPTURE(name(model));
    const Result r = register_by(absolute, fixed, moving, {.model = model});
    CHECK(r.converged());
    CHECK(error(r, truth) < 0.1);
    CHECK(r.levels.size() == 3);
    CHECK(r.loss < 0.01);
  }
  const auto adam = [](std::vector<Tensor> unknowns) -> std::unique_ptr<GradientOptimizer> {
    return std::make_unique<Adam>(std::move(unknowns), AdamOptions{.learning_rate = 0.1});
  };
  const Result r = register_by(absolute, fixed, moving, {.model = Model::affine, .optimizer = adam, .iterations = 120});
  CHECK(error(r, truth) < 0.3);
}

TEST_CASE("simple models stay what they are under a loss of one's own") {
  const scene::Texture texture(109);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width);
  const Matrix3 shift = {1, 0, 9.3, 0, 1, -6.4, 0, 0, 1}, turn = scene::turned(height, width, 9, 1, 3, 4);
  const Result t =
      register_by(absolute, fixed, scene::moved(texture, shift, height, width), {.model = Model::translation});
  CHECK(error(t, shift) < 0.1);
  CHECK(t.matrix[0] == doctest::Approx(1).epsilon(1e-12));
  CHECK(std::fabs(t.matrix[3]) < 1e-12);
  const Result r = register_by(absolute, fixed, scene::moved(texture, turn, height, width), {.model = Model::rigid});
  CHECK(error(r, turn) < 0.1);
  CHECK(r.matrix[0] * r.matrix[0] + r.matrix[3] * r.matrix[3] == doctest::Approx(1).epsilon(1e-9));
}

TEST_CASE("masks and NaN keep pixels out of a loss of one's own; colours stay apart in it") {
  const scene::Texture texture(110), other(111);
  const Matrix3 truth = scene::turned(height, width, 3, 1, 4, 2);
  const Tensor fixed = scene::seen(texture, unit_matrix, height, width);
  Tensor moving = scene::moved(texture, truth, height, width), spoilt = moving.clone();
  Tensor mask = Tensor::ones({height, width}, DType::u8);
  const Tensor cover = scene::seen(other, unit_matrix, height, width);
  for (int i = 40 * width; i < 70 * width; ++i) {
    spoilt.mutable_data<float>()[i] = cover.data<float>()[i];
    mask.mutable_data<std::uint8_t>()[i] = 0;
  }
  const LossOptions plain{.model = Model::affine}, masked{.model = Model::affine, .moving_mask = mask};
  const Result a = register_by(absolute, fixed, moving, masked), b = register_by(absolute, fixed, spoilt, masked);
  CHECK(a.matrix == b.matrix);
  CHECK(error(a, truth) < 0.1);
  for (int i = 40 * width; i < 70 * width; ++i) spoilt.mutable_data<float>()[i] = std::nanf("");
  CHECK(register_by(absolute, fixed, spoilt, plain).matrix == a.matrix);

  const Tensor colours = stack({fixed, cover, fixed}, 0);
  std::int64_t seen = 0;
  const auto counting = [&](const Tensor& f, const Tensor& m, const Tensor& counts) {
    seen = f.size(1);
    return absolute(f, m, counts);
  };
  register_by(counting, colours, colours, {.model = Model::translation, .start = Start::identity});
  CHECK(seen == 3);
}

TEST_CASE("what is no loss and no image is refused") {
  const Tensor image = scene::seen(scene::Texture(112), unit_matrix, 40, 50);
  const auto many = [](const Tensor& f, const Tensor& m, const Tensor&) { return f - m; };
  CHECK_THROWS_AS(register_by(many, image, image), ShapeError);
  CHECK_THROWS_AS(register_by(absolute, image, stack({image, image}, 0)), ShapeError);
  CHECK_THROWS_AS(register_by(absolute, image.to(DType::i64), image), DTypeError);
  CHECK_THROWS_AS(parse_measure("sameness"), FormatError);
  CHECK(register_by(absolute, Tensor::ones({4, 4}), Tensor::ones({4, 4})).status == Status::no_gradient);
  const Tensor flat = Tensor::full({40, 50}, 0.5);
  CHECK(!register_by(absolute, flat, flat).converged());
}
