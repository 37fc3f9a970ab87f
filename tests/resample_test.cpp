// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <lumigrad/engine/families/resample.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/geometry/resize.h>
#include <cmath>
#include <random>

using namespace lumigrad;

namespace {

Tensor noise(const Shape& shape, DType dtype, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::uniform_real_distribution<double> draw(-1, 1);
  std::vector<double> values(static_cast<std::size_t>(shape.numel()));
  for (double& v : values) v = draw(engine);
  return Tensor::from(values, shape).to(dtype);
}

std::shared_ptr<const Band> random_band(std::int64_t rows, std::int64_t columns) {
  std::mt19937_64 engine(5);
  std::uniform_real_distribution<double> weight(-1, 1);
  auto band = std::make_shared<Band>(columns);
  for (std::int64_t i = 0; i < rows; ++i) {
    band->start_row();
    for (std::int64_t k = 0; k < i % 5; ++k) band->add((i + 3 * k) % columns, weight(engine));
  }
  return band;
}

double dot(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = a.values(), y = b.values();
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

}  // namespace

TEST_CASE("a band along any axis is the reference along each of its lines") {
  const auto band = random_band(23, 17);
  const Tensor x = noise({3, 17, 17, 17}, DType::f64, 1);
  for (int axis = 1; axis < 4; ++axis) {
    const Tensor y = resample(x, axis, band);
    const Tensor lines = transpose(x, axis, 3).contiguous(), got = transpose(y, axis, 3).contiguous();
    const std::vector<double> from = lines.values(), to = got.values();
    double worst = 0;
    for (std::size_t line = 0; line < from.size() / 17; ++line) {
      const auto at = from.begin() + static_cast<std::ptrdiff_t>(17 * line);
      const std::vector<double> expected = resample_reference<double>({at, at + 17}, *band);
      for (std::size_t i = 0; i < 23; ++i) worst = std::max(worst, std::abs(expected[i] - to[23 * line + i]));
    }
    CHECK(worst < 1e-14);
  }
}

TEST_CASE("along rows, sources near to each other and far apart, at both ends and none at all, are the same sums") {
  for (const std::int64_t columns : {1, 7, 15, 16, 17, 31, 32, 33, 64, 100}) {
    for (const int stride : {0, 1, 2, 3, 7}) {
      auto band = std::make_shared<Band>(columns);
      for (std::int64_t i = 0; i < 53; ++i) {
        band->start_row();
        for (std::int64_t k = 0; k < (i + 2) % 4; ++k)
          band->add((i * stride / 2 + (k == 2 ? 40 : k)) % columns, 0.25 * static_cast<double>(k + 1));
      }
      Tensor x = noise({2, columns}, DType::f32, 3);
      if (columns > 1) x.mutable_data<float>()[columns / 2] = INFINITY;  // met by those alone that read it
      const Tensor y = resample(x, 1, band);
      for (std::int64_t line = 0; line < 2; ++line) {
        const std::vector<double> from = select(x, 0, line).values(), to = select(y, 0, line).values();
        const std::vector<double> expected = resample_reference<double>(from, *band);
        for (std::size_t i = 0; i < 53; ++i) REQUIRE((to[i] == expected[i] || std::abs(to[i] - expected[i]) < 1e-6));
      }
    }
  }
}

TEST_CASE("the adjoint of a band is its transpose") {
  for (int axis = 0; axis < 3; ++axis) {
    const auto band = random_band(31, 29);
    Tensor x = noise({29, 29, 29}, DType::f64, 2).requires_grad();
    const Tensor y = resample(x, axis, band), w = noise(y.shape(), DType::f64, 3);
    CHECK(dot(grad({y}, {x}, {.seeds = {w}})[0], x) == doctest::Approx(dot(y, w)));
  }
}

TEST_CASE("bands multiply as matrices do") {
  const auto a = random_band(11, 13), b = random_band(13, 17);
  const Tensor x = noise({17}, DType::f64, 4);
  const std::vector<double> one = resample(x, 0, std::make_shared<const Band>(a->after(*b))).values();
  const std::vector<double> two = resample(resample(x, 0, b), 0, a).values();
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(one[i] == doctest::Approx(two[i]));
}

TEST_CASE("threads and batches change no bit of a resized image") {
  const Tensor image = noise({2, 3, 61, 83}, DType::f32, 6);
  const geometry::ResizeOptions options{.size = {40, 101}, .mode = geometry::Resampling::bicubic};
  const std::vector<double> whole = geometry::resize(image, options).values();
  for (int threads : {1, 2, 3, 7}) {
    set_num_threads(threads);
    CHECK(geometry::resize(image, options).values() == whole);
    const std::vector<double> second = geometry::resize(slice(image, 0, 1, 2), options).values();
    CHECK(std::equal(second.begin(), second.end(), whole.begin() + static_cast<std::ptrdiff_t>(whole.size() / 2)));
  }
  set_num_threads(0);
}

TEST_CASE("resizing to the same size and reducing by whole factors is what it says") {
  const Tensor image = noise({1, 2, 12, 18}, DType::f32, 7);
  CHECK(geometry::resize(image, {.size = {12, 18}}).values() == image.values());
  const std::vector<double> half = geometry::resize(image, {.size = {6, 9}}).values(), all = image.values();
  CHECK(half[0] == doctest::Approx((all[0] + all[1] + all[18] + all[19]) / 4).epsilon(1e-6));
  CHECK(geometry::pyrdown(Tensor::ones({1, 1, 9, 7})).values() == std::vector<double>(12, 1));
}

TEST_CASE("a Laplacian pyramid keeps extents that halve beside a power of two, and continues others by reflection") {
  const Tensor image = noise({1, 2, 16, 12}, DType::f64, 8);
  const geometry::PyramidOptions zeros{.border = Border::zeros};
  const std::vector<Tensor> levels = geometry::build_laplacian_pyramid(image, 3, zeros);
  CHECK(levels[1].shape() == Shape{1, 2, 8, 6});
  Tensor whole = levels[2];
  for (int i : {1, 0}) whole = add(levels[static_cast<std::size_t>(i)], geometry::pyrup(whole, zeros));
  CHECK(dot(sub(whole, image), sub(whole, image)) < 1e-28);

  CHECK(geometry::build_laplacian_pyramid(image, 4)[0].shape() == Shape{1, 2, 16, 16});
  const Tensor odd = noise({1, 1, 3, 7}, DType::f64, 9);
  const std::vector<double> all = odd.values(), more = geometry::build_laplacian_pyramid(odd, 1, zeros)[0].values();
  REQUIRE(more.size() == 32);
  for (int x : {0, 3, 6}) CHECK(more[static_cast<std::size_t>(24 + x)] == all[static_cast<std::size_t>(7 + x)]);
  CHECK(more[7] == all[5]);
}

TEST_CASE("weights of a band belong to a row and to a column") {
  Band band(4);
  CHECK_THROWS_AS(band.add(0, 1), ShapeError);
  band.start_row();
  CHECK_THROWS_AS(band.add(4, 1), ShapeError);
  CHECK_THROWS_AS(band.add(-1, 0), ShapeError);
  band.add(3, 1);
  CHECK(band.source() == std::vector<std::int32_t>{3});
}
