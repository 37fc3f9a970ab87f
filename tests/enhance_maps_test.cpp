// SPDX-License-Identifier: Apache-2.0
// Parameters that vary within images: which shape means what, and what dtype they may have.
#include <doctest/doctest.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/enhance/enhance.h>
#include <string>

using namespace lumigrad;

namespace {

struct Case {
  std::string name;
  Tensor (*call)(const Tensor& image, const Tensor& parameter);
};
const Case cases[] = {
    {"enhance.invert", [](const Tensor& x, const Tensor& p) { return enhance::invert(x, p); }},
    {"enhance.add_weighted",
     [](const Tensor& x, const Tensor& p) {
       return enhance::add_weighted(x, x, {.alpha = p, .beta = 0.25, .gamma = 0.125});
     }},
    {"clamp", [](const Tensor& x, const Tensor& p) { return clamp(x, 0.1, p); }},
};

Tensor numbers(const Shape& shape, DType dtype = DType::f64) { return uniform({3, 1}, shape, 0.2, 0.7, dtype); }
Tensor image_of(const Shape& shape, DType dtype = DType::f64) { return uniform({3, 2}, shape, 0, 1, dtype); }

void check_equal(const Tensor& a, const Tensor& b) {
  CHECK(a.shape() == b.shape());
  CHECK(a.dtype() == b.dtype());
  CHECK(a.values() == b.values());
}

void check_close(const Tensor& a, const Tensor& b, double bound) {
  REQUIRE(a.shape() == b.shape());
  CHECK(a.dtype() == b.dtype());
  CHECK(sum(abs(a.to(DType::f64) - b.to(DType::f64))).item() <= bound);
}

}  // namespace

TEST_CASE("one a channel and one an image are told apart by the axes, not by the extents") {
  const Tensor x = image_of({3, 3, 4, 5}), p = numbers({3});
  const Tensor channels = expand(reshape(p, {3, 1, 1}), x.shape()).contiguous();
  const Tensor images = expand(reshape(p, {3, 1, 1, 1}), x.shape()).contiguous();
  for (const auto& [name, call] : cases) {
    CAPTURE(name);
    check_close(call(x, reshape(p, {3, 1, 1})), call(x, channels), 1e-13);
    check_close(call(x, reshape(p, {1, 3, 1, 1})), call(x, channels), 1e-13);
    check_close(call(x, p), call(x, images), 1e-13);
    check_close(call(x, reshape(p, {3, 1, 1, 1})), call(x, images), 1e-13);
    const Tensor one = image_of({3, 6, 5});
    check_close(call(one, reshape(p, {3, 1, 1})), call(one, expand(reshape(p, {3, 1, 1}), one.shape()).contiguous()),
                1e-13);
    for (const Shape& shape : {Shape{2, 1}, Shape{2, 1, 1}})
      CHECK_THROWS_WITH_AS(call(image_of({2, 3, 4, 5}), numbers(shape)),
                           doctest::Contains((name + ": expected").c_str()), ShapeError);
  }
}

TEST_CASE("one an image beside a map stands along the first axis") {
  const Tensor x = image_of({4, 3, 2, 4}), low = numbers({4}) - 0.2, high = numbers({1, 4}) + 0.1;
  check_equal(clamp(x, low, high), minimum(maximum(x, reshape(low, {4, 1, 1, 1})), high));
  check_equal(enhance::add_weighted(x, x, {.alpha = low, .beta = high}),
              enhance::add_weighted(x, x, {.alpha = reshape(low, {4, 1, 1, 1}), .beta = high}));
  CHECK_THROWS_WITH_AS(enhance::add_weighted(image_of({4, 2, 4}), image_of({4, 2, 4}), {.alpha = low, .beta = high}),
                       doctest::Contains("enhance.add_weighted: expected a parameter of one number"), ShapeError);
}

TEST_CASE("bytes and words with a map are the pixels that they are with a number") {
  const Tensor maximum = Tensor::full({1, 5}, 0.75, DType::f32);
  for (const DType dtype : {DType::u8, DType::u16}) {
    const double largest = dtype == DType::u8 ? 255 : 65535;
    const Tensor a = (image_of({2, 3, 4, 5}) * largest).to(dtype), b = flip(a, std::vector<int>{3});
    check_equal(enhance::invert(a, maximum), enhance::invert(a, 0.75));
    const enhance::Weights maps{.alpha = maximum, .beta = 0.5, .gamma = 0.125}, same{0.75, 0.5, 0.125};
    check_close(enhance::add_weighted(a, b, maps), enhance::add_weighted(a, b, same), 2e-5);
    const Tensor numbers_b = b.to(DType::f32) / largest;
    check_close(enhance::add_weighted(a, numbers_b, maps), enhance::add_weighted(a, b, same), 2e-5);
  }
  for (const auto& [name, call] : cases)
    CHECK_THROWS_WITH_AS(call(Tensor::zeros({2, 3, 4, 5}, DType::i64), maximum),
                         doctest::Contains((name + ": expected f32 or f64").c_str()), DTypeError);
}

TEST_CASE("a map is taken in the dtype of the image, and its gradient comes back in its own") {
  for (const auto& [name, call] : cases) {
    CAPTURE(name);
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Tensor x = image_of({2, 3, 4, 5}, dtype);
      const DType other = dtype == DType::f32 ? DType::f64 : DType::f32;
      Tensor map = numbers({4, 5}, DType::f32).to(other).requires_grad();
      Tensor own = map.detach().to(dtype).requires_grad();
      const Tensor y = call(x, map);
      check_equal(y, call(x, own));
      sum(y).backward();
      sum(call(x, own)).backward();
      CHECK(map.grad().dtype() == other);
      check_equal(map.grad(), own.grad().to(other));
      CHECK(sum(abs(own.grad())).item() > 0);
    }
    CHECK_THROWS_WITH_AS(call(image_of({2, 3, 4, 5}), Tensor::ones({4, 5}, DType::i64)),
                         doctest::Contains((name + ": expected parameters of f32 or f64").c_str()), DTypeError);
  }
  const Tensor x = image_of({4, 5}, DType::f32);  // a number of another dtype beside a map
  CHECK(clamp(x, Tensor::full({1}, 0.1, DType::f64), numbers({1, 5})).dtype() == DType::f32);
}
