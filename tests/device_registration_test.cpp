// SPDX-License-Identifier: Apache-2.0
// Registration on a device: the same motions as on the CPU, one by one, in batches and replayed.
#include <doctest/doctest.h>
#include "registration_scene.h"

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

/// [1, 1, h, w] f32: the moving view of a smooth scene, of which `motion` says where the fixed one's pixels have gone.
Tensor view_of(const Matrix3& motion, int h, int w, double gain, double bias) {
  static const scene::Texture texture(81, 14);
  return reshape(scene::moved(texture, motion, h, w) * gain + bias, {1, 1, h, w});
}

}  // namespace

TEST_CASE("every model is found on the device") {
  constexpr int h = 121, w = 160;
  const double c = std::cos(0.05), s = std::sin(0.05);
  const std::pair<Model, Matrix3> cases[] = {
      {Model::translation, {1, 0, 3.3, 0, 1, -2.1, 0, 0, 1}},
      {Model::rigid, {c, -s, 4, s, c, -3, 0, 0, 1}},
      {Model::similarity, {1.03 * c, -1.03 * s, 4, 1.03 * s, 1.03 * c, -6, 0, 0, 1}},
      {Model::affine, {1.02, 0.03, -2, -0.01, 0.98, 3, 0, 0, 1}},
      {Model::homography, {1.01, 0.02, -2, -0.01, 0.99, 1, 1e-4, -5e-5, 1}}};
  for (const auto& [of_case, motion] : cases) {
    const Model model = of_case;
    CAPTURE(name(model));
    const Tensor fixed = view_of(unit_matrix, h, w, 1, 0).to(gpu), moving = view_of(motion, h, w, 0.8, 0.1).to(gpu);
    const Result result = align_batch(fixed, moving, {.model = model}).results().at(0);
    CHECK(result.converged());
    CHECK(corner_distance(result.matrix, motion, h, w) < 0.03);
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
  constexpr int h = 100, w = 120;
  const Matrix3 motion{1.01, 0.01, 2, -0.01, 1, -1.5, 0, 0, 1};
  const Tensor fixed = view_of(unit_matrix, h, w, 1, 0).to(gpu), moving = view_of(motion, h, w, 1, 0);
  Tensor covered = moving.clone();
  for (std::int64_t y = 20; y < 40; ++y)
    for (std::int64_t x = 30; x < 60; ++x) covered.mutable_data<float>()[y * w + x] = 0.9f;
  const auto error_of = [&](const Tensor& image, Robust loss) {
    const Result found = align_batch(fixed, image.to(gpu), {.model = Model::affine, .loss = loss}).results()[0];
    return corner_distance(found.matrix, motion, h, w);
  };
  for (const Robust loss : {Robust::l2, Robust::huber, Robust::charbonnier, Robust::tukey, Robust::geman_mcclure}) {
    CAPTURE(name(loss));
    CHECK(error_of(moving, loss) < 0.03);
    if (loss == Robust::tukey || loss == Robust::geman_mcclure) CHECK(error_of(covered, loss) < 0.05);
  }
}

TEST_CASE("a pair of a batch is what it is alone, and a captured batch what it is when asked for") {
  constexpr int h = 96, w = 128;
  std::vector<Tensor> fixed, moving;
  std::vector<Matrix3> motions;
  for (int i = 0; i < 5; ++i) {
    const double t = i;
    motions.push_back({1 + 0.004 * t, 0.01, t - 2, -0.005 * t, 1, 1.5 - t, 0, 0, 1});
    fixed.push_back(view_of(unit_matrix, h, w, 1, 0));
    moving.push_back(view_of(motions.back(), h, w, 1, 0));
  }
  const Tensor all_fixed = concat(fixed, 0).to(gpu), all_moving = concat(moving, 0).to(gpu);
  const Options options{.model = Model::affine};
  const std::vector<Result> together = align_batch(all_fixed, all_moving, options).results();
  for (std::size_t i = 0; i < together.size(); ++i) {
    const Result alone = align_batch(fixed[i].to(gpu), moving[i].to(gpu), options).results().at(0);
    CHECK(alone.matrix == together[i].matrix);
    CHECK(corner_distance(alone.matrix, motions[i], h, w) < 0.03);
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
  constexpr int h = 80, w = 96;
  const Tensor flat = Tensor::full({1, 1, h, w}, 0.5, DType::f32, gpu), view = view_of(unit_matrix, h, w, 1, 0).to(gpu);
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
  const Tensor there = squeeze(view, 0), here = there.to(Device());
  CHECK_THROWS_WITH_AS(register_images(here, there),
                       "register_images: expected two images on one device, got cpu and cuda:0; move one with to()",
                       DeviceError);
  CHECK_THROWS_WITH_AS(register_images(there, here),
                       "register_images: expected two images on one device, got cuda:0 and cpu; move one with to()",
                       DeviceError);
  CHECK_THROWS_AS(register_images(there, Tensor()), ShapeError);
  CHECK_THROWS_AS(register_images(Tensor(), there), ShapeError);
}

TEST_CASE("masked pixels have no influence on the device") {
  constexpr int h = 100, w = 120;
  const Matrix3 motion{1.01, 0, 2, 0, 1, -1.5, 0, 0, 1};
  const Tensor fixed = view_of(unit_matrix, h, w, 1, 0), moving = view_of(motion, h, w, 1, 0);
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
  CHECK(corner_distance(dirty.matrix, motion, h, w) < 0.03);
}

TEST_CASE("grey levels far from [0, 1] are registered on the device as those within") {
  constexpr int h = 100, w = 120;
  const Matrix3 motion{1.01, 0, 2, 0, 1, -1.5, 0, 0, 1};
  const Tensor fixed = reshape(view_of(unit_matrix, h, w, 1, 0), {h, w}).to(gpu),
               moving = reshape(view_of(motion, h, w, 0.8, 0.1), {h, w}).to(gpu);
  for (const std::array<double, 2>& unit : {std::array{1e18, 1e18}, {1e-18, 1e-18}, {1.0, 1e-18}, {1e18, 1.0}}) {
    const double of_fixed = unit[0], of_moving = unit[1];
    CAPTURE(of_fixed);
    CAPTURE(of_moving);
    const Tensor f = fixed * of_fixed, m = moving * of_moving;
    const Result found = register_images(f, m, {.model = Model::affine});
    CHECK(found.converged());
    CHECK(corner_distance(found.matrix, motion, h, w) < 0.03);
    CHECK(found.gain * of_moving / of_fixed == doctest::Approx(1.25).epsilon(0.01));
    CHECK(found.bias / of_fixed == doctest::Approx(-0.125).epsilon(0.05));
    CHECK(found.start == "identity");
    if (of_fixed != of_moving) continue;
    const Tensor like = reshape(view_of(motion, h, w, of_moving, 0), {h, w}).to(gpu);
    const Result same = register_images(f, like, {.model = Model::affine, .gain_bias = false});
    CHECK(same.converged());
    CHECK(corner_distance(same.matrix, motion, h, w) < 0.03);
    CHECK(same.gain == 1);
    CHECK(same.bias == 0);
  }
}

TEST_CASE("beside a float image that has to be scaled, integers stay shares of their largest number on the device") {
  constexpr int h = 100, w = 120;
  const Matrix3 motion{1, 0, 3.3, 0, 1, -2.1, 0, 0, 1};
  const Tensor fixed = reshape(view_of(unit_matrix, h, w, 1, 0), {h, w});
  Tensor moving = reshape(view_of(motion, h, w, 1, 0), {h, w});
  moving.mutable_data<float>()[50 * w + 60] = 10;  // one hot pixel, and [0, 1] is left
  const Options options{.model = Model::translation, .start = Start::identity, .gain_bias = false};
  for (const DType dtype : {DType::u8, DType::u16}) {
    CAPTURE(to_string(dtype));
    const Tensor levels = round(fixed * (dtype == DType::u8 ? 255 : 65535)).to(dtype);
    const std::pair<Tensor, Tensor> orders[] = {{levels, moving}, {moving, levels}};
    for (const auto& [first, second] : orders) {
      const Matrix3 expected = first.dtype() == dtype ? motion : inverse(motion);
      const Result here = register_images(first, second, options),
                   there = register_images(first.to(gpu), second.to(gpu), options);
      // No word of the status: to the correlation by which the device judges, a pixel as bright is structure.
      CHECK(corner_distance(there.matrix, expected, h, w) < 0.03);
      CHECK(corner_distance(there.matrix, here.matrix, h, w) < 0.02);
      CHECK(there.gain == 1);
      CHECK(there.bias == 0);
    }
  }
}

TEST_CASE("after a step that lost the overlap, the next one is not judged by a loss of another scale on the device") {
  // As in registration_pass_test.cpp: a strip of eight columns, a first step that changes the scale, a second that
  // leaves the strip.
  constexpr int h = 60, w = 70, strip = 8;
  const scene::Texture texture(13);
  const Tensor fixed = reshape(scene::seen(texture, unit_matrix, h, w), {1, 1, h, w}).to(gpu),
               moving = reshape(scene::seen(texture, unit_matrix, h, strip), {1, 1, h, strip}).to(gpu);
  for (const Robust loss : {Robust::l2, Robust::geman_mcclure}) {
    const Options options{.model = Model::translation,
                          .start = Start::given,
                          .initial = {1, 0, -9, 0, 1, 0, 0, 0, 1},
                          .loss = loss,
                          .gain_bias = false};
    CHECK(corner_distance(align_batch(fixed, moving, options).results()[0].matrix, unit_matrix, h, w) < 0.01);
  }
}
