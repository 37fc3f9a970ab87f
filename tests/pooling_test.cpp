// SPDX-License-Identifier: Apache-2.0
// Pooling and margins against what they mean in terms of windows and indices.
#include <doctest/doctest.h>
#include <lumigrad/engine/families/gather.h>
#include <lumigrad/engine/families/interpolation.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/padding.h>
#include <lumigrad/engine/pooling.h>
#include <lumigrad/engine/random.h>
#include <limits>

using namespace lumigrad;

namespace {

void check_near(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  const std::vector<double> x = a.values(), y = b.values();
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(x[i] == doctest::Approx(y[i]).epsilon(1e-12));
}

}  // namespace

TEST_CASE("pooling is the mean and the maximum of the columns of unfold") {
  const Tensor x = uniform({4, 1}, {2, 3, 9, 11}, -1, 1, DType::f64);
  const std::int64_t kernels[][2] = {{2, 2}, {3, 2}, {1, 4}, {3, 3}}, strides[][2] = {{2, 2}, {1, 3}, {2, 1}, {3, 2}};
  for (const auto& kernel : kernels)
    for (const auto& stride : strides) {
      const Extents k{kernel[0], kernel[1]}, s{stride[0], stride[1]}, p{kernel[0] / 2, kernel[1] / 2};
      const std::int64_t taps = kernel[0] * kernel[1];
      const Tensor mean_of = avg_pool2d(x, k, {.stride = s, .padding = p}),
                   best = max_pool2d(x, k, {.stride = s}).values;
      const auto columns = [&](const Extents& padding) {
        const Tensor all = unfold(x, kernel, {.stride = s, .padding = padding});
        return reshape(all, {2, 3, taps, all.size(2)});
      };
      check_near(reshape(mean_of, {2, 3, -1}), mean(columns(p), {2}));
      check_near(reshape(best, {2, 3, -1}), amax(columns(0), {2}));
    }
}

TEST_CASE("an index of a maximum says where it stands, and a NaN wins") {
  Tensor x = uniform({4, 2}, {2, 2, 4, 6, 5});
  x.mutable_data<float>()[37] = std::numeric_limits<float>::quiet_NaN();
  const Selection s = max_pool3d(x, {2, 3, 2}, {.stride = {1, 2, 2}, .padding = {1, 1, 0}});
  const Tensor flat = reshape(x, {2, 2, 120});
  const std::vector<double> there = gather(flat, 2, reshape(s.indices, {2, 2, -1})).values(),
                            values = s.values.values();
  int missing = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    missing += values[i] != values[i];
    CHECK((values[i] == there[i] || (values[i] != values[i] && there[i] != there[i])));
  }
  CHECK(missing > 0);
}

TEST_CASE("margins hold what their rule says, in any dtype") {
  const Tensor x = uniform({4, 3}, {5, 4}, 0, 200, DType::f64).to(DType::u8);
  const std::vector<double> values = x.values();
  for (const Border mode : {Border::zeros, Border::border, Border::reflection, Border::symmetric, Border::circular}) {
    const Tensor y = pad(x, {6, 3, 1, 9}, {.mode = mode, .value = 7});
    REQUIRE(y.shape() == Shape{15, 13});
    REQUIRE(y.dtype() == DType::u8);
    const std::vector<double> padded = y.values();
    for (std::int64_t i = 0; i < 15; ++i)
      for (std::int64_t j = 0; j < 13; ++j) {
        const std::int64_t a = index_at_border(i - 1, 5, mode), b = index_at_border(j - 6, 4, mode);
        const double expected = a < 0 || b < 0 ? 7 : values[static_cast<std::size_t>(a * 4 + b)];
        CHECK(padded[static_cast<std::size_t>(i * 13 + j)] == expected);
      }
  }
}
