// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <lumigrad/engine/families/bilateral.h>
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/vision/filters/edges.h>
#include <lumigrad/vision/filters/smoothing.h>
#include <cmath>

using namespace lumigrad;

TEST_CASE("second differences of a volume have the signs of the derivatives") {
  // In the middle of x^2, y^2, z^2, x y, y z and x z; the mixed differences are four times the derivative.
  const Tensor at = Tensor::arange(3, DType::f64);
  const Tensor x = reshape(at, {1, 1, 3}), y = reshape(at, {1, 3, 1}), z = reshape(at, {3, 1, 1});
  const std::vector<std::pair<Tensor, Tensor>> products = {{x, x}, {y, y}, {z, z}, {x, y}, {y, z}, {x, z}};
  for (std::size_t i = 0; i < products.size(); ++i) {
    const Tensor whole = add(mul(products[i].first, products[i].second), Tensor::zeros({1, 3, 3, 3}, DType::f64));
    const std::vector<double> slopes = filters::spatial_gradient3d(whole, 2).values();
    for (std::size_t k = 0; k < products.size(); ++k) {
      INFO(i << " by " << k);
      CHECK(slopes[27 * k + 13] == (k != i ? 0 : i < 3 ? 2 : 4));
    }
  }
}

TEST_CASE("edges: one line along a step, and weak ones only where a chain leads to a strong one") {
  // Left dark; right of the step ever brighter downwards, so that the edge is weak above and strong below.
  const std::int64_t h = 24, w = 16;
  Tensor image = Tensor::zeros({1, 1, h, w}, DType::f64);
  double* p = image.mutable_data<double>();
  for (std::int64_t y = 0; y < h; ++y)
    for (std::int64_t x = w / 2; x < w; ++x) p[y * w + x] = 0.05 + 0.01 * static_cast<double>(y);
  const filters::Canny options{.low = 0.15, .high = 0.6};
  const std::vector<double> linked = filters::canny(image, options).edges.values();
  filters::Canny alone = options;
  alone.hysteresis = false;
  const std::vector<double> marks = filters::canny(image, alone).edges.values();
  double strong = 0, weak = 0, kept = 0;
  for (std::size_t i = 0; i < linked.size(); ++i) {
    strong += marks[i] == 1;
    weak += marks[i] == 0.5;
    kept += linked[i];
    CHECK((linked[i] == 0 || marks[i] > 0));
  }
  CHECK(strong > 3);
  CHECK(weak > 3);
  CHECK(kept == strong + weak);  // the weak part hangs together with the strong one
  alone.hysteresis = true;
  alone.high = 10;
  CHECK(sum(filters::canny(image, alone).edges).item() == 0);
}

TEST_CASE("a bilateral blur is its definition") {
  const Tensor image = uniform({3, 1}, {1, 2, 5, 6}, 0, 1, DType::f64);
  const std::vector<double> x = image.values();
  const filters::BilateralBlur options{.kernel = {3, 5},
                                       .sigma_color = 0.4,
                                       .sigma_space = {1.2, 0.8},
                                       .border = Border::circular,
                                       .distance = filters::ColorDistance::l2};
  const std::vector<double> y = filters::bilateral_blur(image, options).values();
  const auto at = [&](int c, int r, int j) {
    return x[static_cast<std::size_t>(c * 30 + (r + 5) % 5 * 6 + (j + 6) % 6)];
  };
  for (int r = 0; r < 5; ++r)
    for (int j = 0; j < 6; ++j) {
      double total = 0, sums[2] = {0, 0};
      for (int a = -1; a <= 1; ++a)
        for (int b = -2; b <= 2; ++b) {
          double far = 0;
          for (int c = 0; c < 2; ++c) far += std::pow(at(c, r + a, j + b) - at(c, r, j), 2);
          const double weight = std::exp(-0.5 * (a * a / 1.44 + b * b / 0.64 + far / 0.16));
          total += weight;
          for (int c = 0; c < 2; ++c) sums[c] += weight * at(c, r + a, j + b);
        }
      for (int c = 0; c < 2; ++c)
        CHECK(y[static_cast<std::size_t>(c * 30 + r * 6 + j)] == doctest::Approx(sums[c] / total).epsilon(1e-12));
    }
}

TEST_CASE("bilateral kernels agree with their operators, across tiles and to second order") {
  // f64 goes by operators, f32 by kernels; larger than a tile, and windows that are not symmetric.
  for (const bool joint : {false, true}) {
    std::vector<Tensor> found[2];
    for (const DType dtype : {DType::f64, DType::f32}) {
      const auto leaf = [&](std::uint64_t seed, const Shape& shape, double low, double high) {
        return uniform({seed, 1}, shape, low, high, DType::f64).to(dtype).requires_grad();
      };
      const Tensor image = leaf(1, {2, 3, 19, 259}, 0, 1), guide = leaf(2, {2, 2, 19, 259}, 0, 1);
      const Tensor color = leaf(3, {2}, 0.3, 0.6), space = leaf(4, {2, 2}, 0.8, 1.5);
      const filters::BilateralBlur options{.kernel = {4, 3},
                                           .sigma_color = color,
                                           .sigma_space = space,
                                           .distance = joint ? filters::ColorDistance::l2 : filters::ColorDistance::l1};
      const Tensor y =
          joint ? filters::joint_bilateral_blur(image, guide, options) : filters::bilateral_blur(image, options);
      std::vector<Tensor> leaves = {image, color, space};
      if (joint) leaves.push_back(guide);
      const Tensor seed = uniform({5, 1}, y.shape(), -1, 1, DType::f64).to(dtype);
      const std::vector<Tensor> plain = grad({y}, leaves, {.seeds = {seed}, .retain_graph = true});
      const std::vector<Tensor> first = grad({y}, leaves, {.seeds = {seed}, .create_graph = true});
      Tensor loss = sum(square(first[1]));
      for (const Tensor& g : first) loss = add(loss, sum(square(g)));
      const std::vector<Tensor> second = grad({loss}, leaves);
      std::vector<Tensor>& all = found[dtype == DType::f32];
      all = {y};
      for (const auto* part : {&plain, &first, &second}) all.insert(all.end(), part->begin(), part->end());
    }
    for (std::size_t k = 0; k < found[0].size(); ++k) {
      const auto largest = [](const Tensor& x) { return max(abs(x)).item(); };
      const double most = largest(found[0][k]), off = largest(sub(found[1][k].to(DType::f64), found[0][k]));
      CAPTURE(k);
      CHECK(off < 2e-5 * most);
      CHECK(most > 0);
    }
  }
}

TEST_CASE("a bilateral mean by the image itself is the same whether the image is named as the guide or not") {
  Tensor x = uniform({6, 1}, {1, 2, 12, 40}).requires_grad();
  const Tensor sharpness = Tensor::full({1, 1, 1, 1}, -2, DType::f32), line = Tensor::ones({1, 3}, DType::f32);
  const auto gradient = [&](const Tensor& guide) {
    const Tensor y = bilateral("mean", x, guide, sharpness, line, line, {.rows = 3, .columns = 3}, {});
    return grad({y}, {x}, {.seeds = {uniform({7, 1}, y.shape())}})[0].values();
  };
  const std::vector<double> unnamed = gradient({}), named = gradient(x);
  CHECK(named == unnamed);
}
