// SPDX-License-Identifier: Apache-2.0
#include "registration_scene.h"

#include <lumigrad/vision/registration/registration.h>

#include <doctest/doctest.h>

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
