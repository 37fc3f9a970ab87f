// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <lumigrad/engine/families/sample.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/tape.h>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

using namespace lumigrad;

namespace {

Tensor noise(const Shape& shape, DType dtype, unsigned seed, double low = 0, double high = 1) {
  std::mt19937_64 engine(seed);
  std::uniform_real_distribution<double> draw(low, high);
  std::vector<double> values(static_cast<std::size_t>(shape.numel()));
  for (double& v : values) v = draw(engine);
  return Tensor::from(values, shape).to(dtype);
}

double dot(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = a.values(), y = b.values();
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

// Gradients of <w, f> against central differences along one random direction for each argument.
void check_gradients(const Function& f, const std::vector<Tensor>& at, double step = 1e-6, double bound = 1e-6) {
  std::vector<Tensor> leaves;
  for (const Tensor& t : at) leaves.push_back(t.clone().requires_grad());
  const Tensor y = f(leaves);
  const Tensor w = noise(y.shape(), DType::f64, 99, -1, 1);
  const std::vector<Tensor> g = grad({y}, leaves, {.seeds = {w}});
  for (std::size_t i = 0; i < at.size(); ++i) {
    CAPTURE(i);
    const Tensor u = noise(at[i].shape(), DType::f64, 100 + static_cast<unsigned>(i), -1, 1);
    std::vector<Tensor> up = at, down = at;
    up[i] = at[i] + u * step;
    down[i] = at[i] - u * step;
    const double numeric = (dot(f(up), w) - dot(f(down), w)) / (2 * step);
    CHECK(dot(g[i], u) == doctest::Approx(numeric).epsilon(bound).scale(1));
  }
}

// The gradient itself, as a function of the same arguments: its gradients are second derivatives.
Function gradient_of(const Function& f, std::size_t argument) {
  return [f, argument](const std::vector<Tensor>& given) {
    std::vector<Tensor> x = given;
    for (Tensor& t : x)
      if (!t.needs_grad()) t = t.clone().requires_grad();
    const Tensor y = f(x);
    const Tensor w = noise(y.shape(), DType::f64, 77, -1, 1);
    return grad({y}, {x[argument]}, {.seeds = {w}, .create_graph = true})[0];
  };
}

// Digits that put no position on a kink.
const std::vector<double> mild = {0.8312, 0.2134,  0.3571, -0.1719, 0.7533, 1.1371,  0.0113,  -0.0071, 1.0217,
                                  1.1037, -0.2093, 1.2717, 0.2231,  0.9071, -0.6013, -0.0107, 0.0043,  0.9731};
Tensor homographies() { return Tensor::from(mild, {2, 3, 3}); }
Tensor affinities() { return slice(homographies(), 1, 0, 2).clone(); }

const Interpolation all_modes[] = {Interpolation::nearest, Interpolation::bilinear, Interpolation::bicubic};
const Border all_borders[] = {Border::zeros, Border::border, Border::reflection, Border::symmetric, Border::circular};

}  // namespace

TEST_CASE("splat is the transpose of sample") {
  for (DType dtype : {DType::f32, DType::f64}) {
    for (Interpolation mode : all_modes) {
      for (Border border : all_borders) {
        const SampleOptions options{.mode = mode, .border = border};
        const Tensor image = noise({2, 5, 41, 37}, dtype, 1);
        const Tensor cotangent = noise({2, 5, 50, 66}, dtype, 2, -1, 1);
        Tensor leaf = image.clone().requires_grad();
        const Tensor out = sample_homography(leaf, homographies(), {50, 66}, options);
        const Tensor back = grad({out}, {leaf}, {.seeds = {cotangent}})[0];
        CHECK(std::abs(dot(out, cotangent) - dot(back, image)) < (dtype == DType::f32 ? 1e-4 : 1e-11));
      }
    }
  }
}

TEST_CASE("gradients of matrices add up over all tiles and images") {
  // 70 x 50 outputs are six tiles. A grid of positions has the same gradient, pixel by pixel, and the matrix behind it
  // gets its own through recorded arithmetic.
  const Tensor image = noise({2, 3, 61, 83}, DType::f64, 41), w = noise({2, 3, 50, 70}, DType::f64, 42, -1, 1);
  for (const Tensor& matrix : {homographies(), affinities()}) {
    Tensor whole = matrix.clone().requires_grad(), by_grid = matrix.clone().requires_grad();
    const Tensor fused =
        matrix.size(1) == 3 ? sample_homography(image, whole, {50, 70}) : sample_affine(image, whole, {50, 70});
    const Tensor a = grad({fused}, {whole}, {.seeds = {w}})[0];
    const Tensor b = grad({sample(image, position_grid(by_grid, {50, 70}))}, {by_grid}, {.seeds = {w}})[0];
    const std::vector<double> x = a.values(), y = b.values();
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(x[i] == doctest::Approx(y[i]).epsilon(1e-9));
  }
}

TEST_CASE("gradients to image, map and fill agree with differences, in every mode") {
  const Tensor image = noise({2, 2, 9, 11}, DType::f64, 3), fill = noise({2}, DType::f64, 4);
  const Tensor grid = noise({2, 7, 6, 2}, DType::f64, 5, -3, 13);
  for (Interpolation mode : {Interpolation::bilinear, Interpolation::bicubic}) {
    for (Border border : all_borders) {
      CAPTURE(int(mode));
      CAPTURE(int(border));
      const SampleOptions options{.mode = mode, .border = border};
      check_gradients(
          [&](auto& x) {
            return sample_homography(x[0], x[1], {8, 10}, options);
          },
          {image, homographies()}, 1e-7);
      check_gradients(
          [&](auto& x) {
            return sample_affine(x[0], x[1], {8, 10}, options);
          },
          {image, affinities()}, 1e-7);
      check_gradients([&](auto& x) { return sample(x[0], x[1], options); }, {image, grid}, 1e-7);
    }
    check_gradients(
        [&](auto& x) {
          return sample_homography(x[0], x[1], {8, 10}, {.mode = mode, .fill = x[2]});
        },
        {image, homographies(), fill}, 1e-7);
  }
}

TEST_CASE("slopes and their splats are differentiable where the table goes on") {
  const Tensor image = noise({1, 2, 9, 11}, DType::f64, 3), grid = noise({1, 7, 6, 2}, DType::f64, 5, -1, 10);
  const Tensor values = noise({1, 2, 7, 6}, DType::f64, 6);
  const SampleOptions options{.mode = Interpolation::bicubic};
  for (int a = 0; a < 2; ++a) {
    check_gradients([&](auto& x) { return sample_slopes(x[0], x[1], a, 1 - a, options); }, {image, grid}, 1e-6, 1e-5);
    check_gradients(
        [&](auto& x) {
          return splat_slopes(x[0], x[1], a, 1 - a, {9, 11}, options);
        },
        {values, grid}, 1e-6, 1e-5);
  }
  Tensor leaf = grid.clone().requires_grad();
  const Tensor y = sum(sample_slopes(image, leaf, 1, 1, options));
  CHECK_THROWS_WITH_AS(grad({y}, {leaf}), doctest::Contains("third"), GraphError);
}

TEST_CASE("a warp can be differentiated twice") {
  const Tensor image = noise({2, 2, 9, 11}, DType::f64, 3), grid = noise({2, 7, 6, 2}, DType::f64, 5, -1, 10);
  for (Interpolation mode : {Interpolation::bilinear, Interpolation::bicubic}) {
    for (Border border : {Border::zeros, Border::reflection}) {
      CAPTURE(int(mode));
      const SampleOptions options{.mode = mode, .border = border};
      const Function by_homography = [&](auto& x) { return sample_homography(x[0], x[1], {8, 10}, options); };
      const Function by_affinity = [&](auto& x) { return sample_affine(x[0], x[1], {8, 10}, options); };
      const Function by_grid = [&](auto& x) { return sample(x[0], x[1], options); };
      for (std::size_t argument : {0u, 1u}) {
        CAPTURE(argument);
        check_gradients(gradient_of(by_homography, argument), {image, homographies()}, 1e-7, 1e-5);
        check_gradients(gradient_of(by_affinity, argument), {image, affinities()}, 1e-7, 1e-5);
        check_gradients(gradient_of(by_grid, argument), {image, grid}, 1e-7, 1e-5);
      }
    }
  }
}

TEST_CASE("threads and batches change no bit of a gradient") {
  const Tensor image = noise({1, 3, 130, 141}, DType::f32, 7);
  const Tensor grid = noise({1, 90, 77, 2}, DType::f32, 8, -20, 160);
  const Tensor m = slice(homographies(), 0, 0, 1).clone();
  for (Border border : all_borders) {
    for (Interpolation mode : all_modes) {
      const auto gradients = [&](int threads) {
        set_num_threads(threads);
        std::vector<Tensor> result;
        for (bool by_grid : {false, true}) {
          Tensor x = image.clone().requires_grad(), p = (by_grid ? grid : m).clone().requires_grad();
          const SampleOptions options{.mode = mode, .border = border};
          const Tensor y = by_grid ? sample(x, p, options) : sample_homography(x, p, {150, 133}, options);
          for (const Tensor& g : grad({y}, {x, p}, {.seeds = {noise(y.shape(), DType::f32, 9, -1, 1)}}))
            result.push_back(g);
        }
        set_num_threads(0);
        return result;
      };
      const std::vector<Tensor> one = gradients(1);
      for (int threads : {2, 3, 7}) {
        const std::vector<Tensor> many = gradients(threads);
        for (std::size_t i = 0; i < one.size(); ++i) CHECK(many[i].values() == one[i].values());
      }
    }
  }
}

TEST_CASE("where a map hardly stretches the image gets what single additions give it, whatever the threads") {
  const Tensor image = noise({1, 3, 171, 158}, DType::f32, 11), w = noise({1, 3, 128, 96}, DType::f32, 12, -1, 1);
  const std::vector<double> maps[] = {{1, 0, 20, 0, 1, 17, 0, 0, 1},
                                      {1, 0, 20.3, 0, 1, 17.8, 0, 0, 1},
                                      {0.99, 0.12, 20, -0.12, 0.99, 30, 1e-5, 2e-5, 1},
                                      {0.95, -0.11, 31, 0.13, 0.96, 15, 0, 0, 1},
                                      {1.05, 0.06, 12, -0.01, 1.04, 13, 1e-5, -1e-5, 1},
                                      {1.03, -0.12, 29, 0.1, 0.9, 14, 0, 1e-4, 1}};
  for (const std::vector<double>& map : maps) {
    CAPTURE(map);
    const auto gradient = [&](const Tensor& x, const Tensor& cotangent) {
      const Tensor leaf = x.clone().requires_grad();
      const Tensor y = sample_homography(leaf, Tensor::from(map, {1, 3, 3}), {128, 96});
      return grad({y}, {leaf}, {.seeds = {cotangent}})[0].values();
    };
    set_num_threads(1);
    const std::vector<double> one = gradient(image, w);
    const std::vector<double> exact = gradient(image.to(DType::f64), w.to(DType::f64));
    double worst = 0;
    for (std::size_t i = 0; i < one.size(); ++i) worst = std::max(worst, std::abs(one[i] - exact[i]));
    CHECK(worst < 1e-4);
    set_num_threads(3);
    CHECK(gradient(image, w) == one);
    set_num_threads(0);
    // An output that is not finite spoils the pixels it was read from, and no other.
    Tensor broken = w.clone();
    broken.mutable_data<float>()[(128 + 70) * 96 + 41] = std::numeric_limits<float>::quiet_NaN();
    int spoilt = 0;
    for (const double v : gradient(image, broken)) spoilt += std::isnan(v);
    CHECK(spoilt == 4);
  }
}

TEST_CASE("positions that are not finite have value and gradient zero") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  Tensor image = Tensor::ones({1, 1, 5, 5}, DType::f64).requires_grad();
  Tensor grid =
      Tensor::from(std::vector<double>{nan, 1, 1, inf, -inf, 2, 1e300, 1, 2.5, 2.5}, {1, 1, 5, 2}).requires_grad();
  for (Border border : all_borders) {
    const Tensor y = sample(image, grid, {.border = border});
    CHECK(y.values() == std::vector<double>{0, 0, 0, 0, 1});
    const std::vector<Tensor> g = grad({sum(y)}, {image, grid});
    double total = 0;
    for (double v : g[0].values()) total += v;
    CHECK(total == 1);
    for (double v : g[1].values()) CHECK(v == 0);
  }
  // A horizon through the output: w = 0 along a column.
  Tensor m = Tensor::from(std::vector<double>{1, 0, 0, 0, 1, 0, 1, 0, -2}, {1, 3, 3}).requires_grad();
  const Tensor y = sample_homography(image, m, {5, 5}, {.border = Border::border});
  for (const Tensor& first : grad({sum(y)}, {image, m}, {.create_graph = true})) {
    for (double v : first.values()) CHECK(std::isfinite(v));
    for (const Tensor& second : grad({sum(first)}, {image, m}, {.retain_graph = true}))
      for (double v : second.values()) CHECK(std::isfinite(v));
  }
}

TEST_CASE("one map for many images, and one image for many maps") {
  const Tensor image = noise({2, 2, 9, 11}, DType::f64, 3), one = slice(image, 0, 0, 1).clone();
  check_gradients(
      [&](auto& x) {
        return sample_homography(x[0], x[1], {8, 10});
      },
      {image, slice(homographies(), 0, 0, 1).clone()}, 1e-7);
  check_gradients([&](auto& x) { return sample_homography(x[0], x[1], {8, 10}); }, {one, homographies()}, 1e-7);
}

TEST_CASE("the gradient of a fill value has the dtype of the fill value") {
  const Tensor grid = Tensor::full({1, 4, 4, 2}, -5);
  for (const DType of_image : {DType::u8, DType::f32, DType::f64})
    for (const DType of_fill : {DType::f32, DType::f64}) {
      const Tensor image = Tensor::ones({1, 1, 4, 4}, of_image);
      Tensor fill = Tensor::full({1}, 0.5, of_fill).requires_grad();
      for (const bool recorded : {false, true}) {
        const Tensor out = sample(image, grid, {.fill = fill});
        const Tensor g = grad({sum(out)}, {fill}, {.create_graph = recorded})[0];
        CHECK(g.dtype() == of_fill);
        CHECK(g.item() == 16);
      }
    }
  const Tensor image = Tensor::ones({1, 1, 4, 4});
  CHECK_THROWS_AS(sample(image, grid, {.fill = Tensor::full({1}, 7, DType::u8)}), DTypeError);
}
