// SPDX-License-Identifier: Apache-2.0
// Registration on a device: the same motions as on the CPU, one by one, in batches and replayed.
#include <doctest/doctest.h>
#include <lumigrad/engine/capture.h>
#include <lumigrad/engine/device_memory.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/registration/batch.h>
#include <cmath>

using namespace lumigrad;
using namespace lumigrad::registration;

namespace {

const Device gpu{Device::Kind::cuda, 0};

// A smooth scene as a function of the plane, so that a moved view is exact: sums of waves.
double scene(double x, double y) {
  return 0.5 + 0.12 * std::sin(0.11 * x + 0.05 * y) + 0.1 * std::sin(0.07 * y - 0.13 * x + 1) +
         0.08 * std::sin(0.31 * x + 0.2) * std::sin(0.23 * y) + 0.05 * std::sin(0.45 * x + 0.38 * y + 2);
}

struct Motion {
  double m[9];
};

// moving(m x) = fixed(x): the moving view of the scene shows at m x what the fixed one shows at x.
Tensor view_of(const Motion& motion, std::int64_t h, std::int64_t w, double gain, double bias) {
  // inverse by adjugate
  const double* m = motion.m;
  const double a[9] = {m[4] * m[8] - m[5] * m[7], m[2] * m[7] - m[1] * m[8], m[1] * m[5] - m[2] * m[4],
                       m[5] * m[6] - m[3] * m[8], m[0] * m[8] - m[2] * m[6], m[2] * m[3] - m[0] * m[5],
                       m[3] * m[7] - m[4] * m[6], m[1] * m[6] - m[0] * m[7], m[0] * m[4] - m[1] * m[3]};
  std::vector<float> pixels;
  for (std::int64_t y = 0; y < h; ++y)
    for (std::int64_t x = 0; x < w; ++x) {
      const auto u = static_cast<double>(x), v = static_cast<double>(y), s = a[6] * u + a[7] * v + a[8];
      pixels.push_back(
          static_cast<float>(gain * scene((a[0] * u + a[1] * v + a[2]) / s, (a[3] * u + a[4] * v + a[5]) / s) + bias));
    }
  return Tensor::from(pixels, {1, 1, h, w});
}

double worst_corner(const std::array<double, 9>& found, const Motion& truth, double h, double w) {
  double worst = 0;
  for (const auto& [x, y] : {std::pair{0.0, 0.0}, {w - 1, 0.0}, {w - 1, h - 1}, {0.0, h - 1}}) {
    const auto at = [&](const auto& m, int row) {
      return (m[3 * row] * x + m[3 * row + 1] * y + m[3 * row + 2]) / (m[6] * x + m[7] * y + m[8]);
    };
    std::array<double, 9> t;
    std::copy(truth.m, truth.m + 9, t.begin());
    worst = std::max(worst, std::hypot(at(found, 0) - at(t, 0), at(found, 1) - at(t, 1)));
  }
  return worst;
}

constexpr Motion unit{{1, 0, 0, 0, 1, 0, 0, 0, 1}};

}  // namespace

TEST_CASE("every model is found on the device") {
  const std::int64_t h = 121, w = 160;
  const double c = std::cos(0.05), s = std::sin(0.05);
  const std::pair<Model, Motion> cases[] = {
      {Model::translation, {{1, 0, 3.3, 0, 1, -2.1, 0, 0, 1}}},
      {Model::rigid, {{c, -s, 4, s, c, -3, 0, 0, 1}}},
      {Model::similarity, {{1.03 * c, -1.03 * s, 4, 1.03 * s, 1.03 * c, -6, 0, 0, 1}}},
      {Model::affine, {{1.02, 0.03, -2, -0.01, 0.98, 3, 0, 0, 1}}},
      {Model::homography, {{1.01, 0.02, -2, -0.01, 0.99, 1, 1e-4, -5e-5, 1}}}};
  for (const auto& [model, motion] : cases) {
    CAPTURE(name(model));
    const Tensor fixed = view_of(unit, h, w, 1, 0).to(gpu), moving = view_of(motion, h, w, 0.8, 0.1).to(gpu);
    const Result result = align_batch(fixed, moving, {.model = model}).results().at(0);
    CHECK(result.converged());
    CHECK(worst_corner(result.matrix, motion, static_cast<double>(h), static_cast<double>(w)) < 0.03);
    CHECK(result.gain == doctest::Approx(1.25).epsilon(0.01));
    CHECK(result.bias == doctest::Approx(-0.125).epsilon(0.05));
    CHECK(result.overlap > 0.85);
    CHECK(result.correlation > 0.9);
    CHECK(result.covariance[0] > 0);
    const Result one = register_images(squeeze(fixed, 0), squeeze(moving, 0), {.model = model});
    CHECK(one.matrix == result.matrix);
  }
}

TEST_CASE(
    "every robust function finds the motion on the device, and those that redescend see past what covers a part") {
  const std::int64_t h = 100, w = 120;
  const Motion motion{{1.01, 0.01, 2, -0.01, 1, -1.5, 0, 0, 1}};
  const Tensor fixed = view_of(unit, h, w, 1, 0).to(gpu), moving = view_of(motion, h, w, 1, 0);
  Tensor covered = moving.clone();
  for (std::int64_t y = 20; y < 40; ++y)
    for (std::int64_t x = 30; x < 60; ++x) covered.mutable_data<float>()[y * w + x] = 0.9f;
  const auto error_of = [&](const Tensor& image, Robust loss) {
    const Result found = align_batch(fixed, image.to(gpu), {.model = Model::affine, .loss = loss}).results()[0];
    return worst_corner(found.matrix, motion, static_cast<double>(h), static_cast<double>(w));
  };
  for (const Robust loss : {Robust::l2, Robust::huber, Robust::charbonnier, Robust::tukey, Robust::geman_mcclure}) {
    CAPTURE(name(loss));
    CHECK(error_of(moving, loss) < 0.03);
    if (loss == Robust::tukey || loss == Robust::geman_mcclure) CHECK(error_of(covered, loss) < 0.05);
  }
}

TEST_CASE("a pair of a batch is what it is alone, and a captured batch what it is when asked for") {
  const std::int64_t h = 96, w = 128;
  std::vector<Tensor> fixed, moving;
  std::vector<Motion> motions;
  for (int i = 0; i < 5; ++i) {
    const double t = i;
    motions.push_back({{1 + 0.004 * t, 0.01, t - 2, -0.005 * t, 1, 1.5 - t, 0, 0, 1}});
    fixed.push_back(view_of(unit, h, w, 1, 0));
    moving.push_back(view_of(motions.back(), h, w, 1, 0));
  }
  const Tensor all_fixed = concat(fixed, 0).to(gpu), all_moving = concat(moving, 0).to(gpu);
  const Options options{.model = Model::affine};
  const std::vector<Result> together = align_batch(all_fixed, all_moving, options).results();
  for (std::size_t i = 0; i < together.size(); ++i) {
    const Result alone = align_batch(fixed[i].to(gpu), moving[i].to(gpu), options).results().at(0);
    CHECK(alone.matrix == together[i].matrix);
    CHECK(worst_corner(alone.matrix, motions[i], static_cast<double>(h), static_cast<double>(w)) < 0.03);
  }
  Tensor source = all_moving.clone();
  Tensor found = Tensor::zeros({5, 3, 3}, DType::f64, gpu);
  CapturedStep step(gpu, [&] { found.assign(align_batch(all_fixed, source, options).matrices()); });
  source.assign(all_fixed);  // now nothing has moved
  step.replay();
  const std::vector<double> still = found.values();
  for (int i = 0; i < 5; ++i) CHECK(std::fabs(still[static_cast<std::size_t>(9 * i + 2)]) < 1e-3);
  source.assign(all_moving);
  step.replay();
  std::vector<double> expected;
  for (const Result& r : together) expected.insert(expected.end(), r.matrix.begin(), r.matrix.end());
  CHECK(found.values() == expected);
}

TEST_CASE("images that cannot be registered end in a status on the device too") {
  const std::int64_t h = 80, w = 96;
  const Tensor flat = Tensor::full({1, 1, h, w}, 0.5, DType::f32, gpu), view = view_of(unit, h, w, 1, 0).to(gpu);
  const Tensor nothing = Tensor::full({1, 1, h, w}, std::nan(""), DType::f32, gpu);
  const Tensor noise = uniform({3, operation_id("noise")}, {1, 1, h, w}, 0, 1, DType::f32, gpu),
               other = uniform({4, operation_id("noise")}, {1, 1, h, w}, 0, 1, DType::f32, gpu);
  for (const Model model : {Model::translation, Model::homography}) {
    CHECK(!align_batch(flat, flat, {.model = model}).results()[0].converged());
    CHECK(!align_batch(view, flat, {.model = model}).results()[0].converged());
    CHECK(align_batch(view, nothing, {.model = model}).results()[0].status == Status::low_overlap);
    CHECK(!align_batch(noise, other, {.model = model}).results()[0].converged());
  }
  const Tensor dot = Tensor::ones({1, 1, 1, 1}, DType::f32, gpu);
  CHECK(!align_batch(dot, dot).results()[0].converged());
  CHECK_THROWS_AS(align_batch(view.to(Device()), view.to(Device())), DeviceError);
  CHECK_THROWS_AS(align_batch(squeeze(view, 0), view), ShapeError);
}

TEST_CASE("masked pixels have no influence on the device") {
  const std::int64_t h = 100, w = 120;
  const Motion motion{{1.01, 0, 2, 0, 1, -1.5, 0, 0, 1}};
  const Tensor fixed = view_of(unit, h, w, 1, 0), moving = view_of(motion, h, w, 1, 0);
  Tensor mask = Tensor::ones({h, w}, DType::u8), spoiled = moving.clone();
  for (std::int64_t y = 30; y < 60; ++y)
    for (std::int64_t x = 40; x < 80; ++x) {
      mask.mutable_data<std::uint8_t>()[y * w + x] = 0;
      spoiled.mutable_data<float>()[y * w + x] = static_cast<float>((x * 7 + y * 13) % 5);
    }
  const Options options{.model = Model::affine, .moving_mask = mask.to(gpu)};
  const Result clean = align_batch(fixed.to(gpu), moving.to(gpu), options).results()[0],
               dirty = align_batch(fixed.to(gpu), spoiled.to(gpu), options).results()[0];
  CHECK(clean.matrix == dirty.matrix);
  CHECK(worst_corner(dirty.matrix, motion, static_cast<double>(h), static_cast<double>(w)) < 0.03);
}
