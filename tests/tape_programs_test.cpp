// SPDX-License-Identifier: Apache-2.0
// Random programs against finite differences: operators of all families in every order and combination, values shared,
// shapes broadcast, first and second order.
//
// Differences say nothing across a kink. Operators that choose (abs, maximum, sort, ...) report how far their operands
// are from where the choice changes, and a program that comes nearer than differences reach is left out and counted.
// Warps move images by fractions of a pixel that stay away from whole ones by construction.
#include <doctest/doctest.h>
#include <lumigrad/engine/derivative_modes.h>
#include <lumigrad/engine/einsum.h>
#include <lumigrad/engine/families/filter.h>
#include <lumigrad/engine/families/filter_rank.h>
#include <lumigrad/engine/families/gather.h>
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/families/scan.h>
#include <lumigrad/engine/families/stencil.h>
#include <lumigrad/engine/finite_differences.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/statistics.h>
#include <lumigrad/vision/enhance/steps.h>
#include <lumigrad/vision/geometry/resize.h>
#include <lumigrad/vision/geometry/transform.h>
#include <cmath>
#include <map>
#include <set>
#include <string>

using namespace lumigrad;

namespace {

// Numbers below n, one after the other, from a key.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : stream_(seed, operation_id("programs"), 0) {}
  std::size_t below(std::size_t n) { return stream_.below(n, next_++); }

 private:
  Stream stream_;
  std::uint64_t next_ = 0;
};

// How near a run of a program came to a kink, and where.
struct Kinks {
  bool watch = true;
  double least = INFINITY;
  const char* at = "";
  std::set<std::size_t> seen = {};  // operators

  void near(const char* name, const Tensor& distance) {
    if (!watch) return;
    for (const double d : distance.values())
      if (std::abs(d) < least) least = std::abs(d), at = name;
  }
  // Numbers of one row (or column) among one another.
  void among(const char* name, const Tensor& x, int axis) {
    if (!watch) return;
    for (std::int64_t i = 0; i < x.size(axis); ++i)
      for (std::int64_t j = 0; j < i; ++j) near(name, select(x, axis, i) - select(x, axis, j));
  }
};

// Values that were equal by construction (a row repeated) no longer are.
Tensor apart(const Tensor& x) { return x + Tensor::from(std::vector{0.0, 0.13, 0.29, 0.41, -0.17, -0.36}, {2, 3}); }

Tensor image_of(const Tensor& x) { return reshape(x, {1, 1, 2, 3}); }
Tensor back(const Tensor& image) { return reshape(image, {2, 3}); }
Tensor numbers_of(std::vector<std::int64_t> values, const Shape& shape) { return Tensor::from(values, shape); }

// [[1, 0, s], [0, 1, t]] with s and t in (0.2, 0.4): a shift that never reaches a whole pixel.
Tensor small_shift(const Tensor& x) {
  const Tensor s = 0.3 + 0.1 * tanh(mean(x)), t = 0.3 + 0.1 * sin(sum(x));
  const Tensor one = Tensor::ones({}, x.dtype()), zero = Tensor::zeros({}, x.dtype());
  return reshape(stack({one, zero, s, zero, one, t}, 0), {1, 2, 3});
}

constexpr std::size_t operators = 54;

// A [2, 3] tensor from one or two others; every branch keeps values within a few units.
Tensor step(std::size_t which, Dice& dice, const Tensor& a, const Tensor& b, Kinks& kinks) {
  switch (which) {
    // element by element
    case 0:
      return 0.5 * (a + b);
    case 1:
      return a - 0.5 * b;
    case 2:
      return tanh(a * b);
    case 3:
      return a / (1 + square(b));
    case 4:
      return sin(a);
    case 5:
      return exp(-square(a));
    case 6:
      return log(1 + square(a) + square(b));
    case 7:
      return sqrt(1 + square(a));
    case 8:
      return sigmoid(a) * b;
    case 9:
      return atan2(a, 2 + square(b));
    case 10:
      return hypot(a, 1 + square(b));
    case 11:
      return pow(1 + square(a), sigmoid(b));
    case 12:
      return lerp(a, b, sigmoid(a));
    case 13:
      return softplus(a) - b * 0.25;
    case 14:
      return gelu(a) + 0.1 * cos(b);
    case 15:
      return erf(a) * 0.5 + silu(b) * 0.5;
    // with a choice in them
    case 16:
      kinks.near("abs", a);
      return abs(a) - 0.5 * b;
    case 17:
      kinks.near("relu", a);
      return relu(a) + 0.2 * b;
    case 18:
      kinks.near("maximum", a - apart(0.8 * b));
      return maximum(a, apart(0.8 * b));
    case 19:
      kinks.near("minimum", apart(0.7 * a) - b);
      return minimum(apart(0.7 * a), b);
    case 20:
      kinks.near("clamp", a + 0.8);
      kinks.near("clamp", a - 0.9);
      return clamp(a, -0.8, 0.9);
    case 21:
      kinks.near("where", a);
      return where(relu(a).detach(), b, sin(a));
    // reductions and statistics
    case 22:
      return a - mean(b, {1}, true);
    case 23:
      return 0.3 * sum(a, {0}, true) + tanh(b);
    case 24:
      return softmax(a, 1) * b;
    case 25:
      return a - logsumexp(b, std::array{0}, true);
    case 26:
      return a * sqrt(0.1 + variance(b, std::array{1}, true));
    case 27:
      return normalize(a + 0.1 * b, 2, 1, 1e-3);
    // matrices
    case 28:
      return 0.3 * matmul(a, matmul(transpose(b, 0, 1), a));
    case 29:
      return matmul(inverse(matmul(a, transpose(a, 0, 1)) + 3 * Tensor::eye(2, a.dtype())), b);
    case 30:
      return tanh(einsum("ij,kj,kl->il", {a, b, a}));
    // views
    case 31:
      return concat({slice(a, 1, 1), slice(b, 1, 0, 1)}, 1);
    case 32:
      return flip(a, std::array{1}) * cos(b);
    case 33:
      return reshape(transpose(reshape(a, {3, 2}), 0, 1), {2, 3}) + 0.1 * b;
    case 34:
      return expand(select(a, 0, 1), {2, 3}) * sigmoid(b);
    case 35:
      return stack({select(a, 0, 0), select(b, 0, 1)}, 0);
    case 36:
      return slice(concat({a, b}, 0), 0, 3, {}, -2);
    // indices, ranks, scans
    case 37:
      return index_select(a, 1, numbers_of({2, 0, 2}, {3})) + 0.3 * b;
    case 38:
      return scatter_add(0.5 * a, 1, numbers_of({1, 1, 0, 2, 0, 0}, {2, 3}), 0.5 * b);
    case 39:
      return take_along_dim(a, numbers_of({0, 1, 1, 1, 0, 0}, {2, 3}), 0) * sigmoid(b);
    case 40:
      kinks.among("sort", apart(a), 1);
      return sort(apart(a), 1).values + 0.2 * b;
    case 41:
      kinks.among("median", apart(a), 1);
      return median(apart(a), 1, true).values - 0.5 * b;
    case 42:
      kinks.among("amax", apart(a), 0);
      return amax(apart(a), std::array{0}, true) * sigmoid(b);
    case 43:
      return 0.5 * cumsum(a, 1) - 0.3 * b;
    case 44:
      return cumprod(tanh(a), 1) + 0.4 * b;
    // stencils
    case 45:
      return back(filter(image_of(a), reshape(slice(b, 1, 0, 2), {2, 2}) * 0.4, 2));
    case 46:
      return back(filter_separable(image_of(a), reshape(slice(select(b, 0, 0), 0, 0, 2), {2}) * 0.5,
                                   softmax(select(b, 0, 1), 0), {.border = Border::border}));
    case 47:
      return tanh(back(conv2d(image_of(a), reshape(b, {1, 1, 2, 3}), {.bias = reshape(mean(a), {1}), .same = true})));
    case 48:
      return 0.3 * back(slice(slice(conv_transpose2d(image_of(a), reshape(b, {1, 1, 2, 3})), 2, 0, 2), 3, 1, 4));
    case 49: {
      kinks.among("window_max", reshape(apart(a), {6}), 0);
      return back(window_max(image_of(apart(a)), {.rows = 2, .columns = 2, .anchor_y = 0, .anchor_x = 0})) - 0.3 * b;
    }
    // warps
    case 50:
      return back(geometry::warp_affine(image_of(a), small_shift(b))) + 0.2 * b;
    case 51:
      return back(geometry::warp_affine(image_of(a), small_shift(b),
                                        {.mode = Interpolation::bicubic, .border = Border::border}));
    case 52:
      return back(geometry::resize(geometry::resize(image_of(a), {.size = {4, 5}}), {.size = {2, 3}})) * cos(b);
    // a chain in one pass
    default: {
      namespace steps = enhance::steps;
      const Tensor scale = 1 + 0.3 * tanh(mean(b));
      return back(fuse(image_of(a), {steps::rescale(scale), steps::adjust_sigmoid({.cutoff = 0.2, .gain = scale}),
                                     steps::adjust_brightness(0.1 * mean(a), {.clip = false})})) +
             0.3 * b;
    }
  }
  (void)dice;
}

// 10 to 40 operators, each on values that were computed before.
std::vector<Tensor> program(std::uint64_t seed, const std::vector<Tensor>& inputs, Kinks& kinks) {
  Dice dice(seed);
  std::vector<Tensor> pool = inputs;
  const std::size_t steps = 10 + dice.below(31);
  for (std::size_t i = 0; i < steps; ++i) {
    // the last values half of the time, so that programs are deep as well as wide
    const auto pick = [&] {
      return dice.below(2) ? pool.size() - 1 - dice.below(std::min<std::size_t>(pool.size(), 3))
                           : dice.below(pool.size());
    };
    const Tensor a = pool[pick()], b = pool[pick()];
    const std::size_t which = dice.below(operators);
    kinks.seen.insert(which);
    pool.push_back(step(which, dice, a, b, kinks));
  }
  return {pool.back() + 0.1 * pool[pool.size() - 2], mean(pool.back() * pool[dice.below(pool.size())])};
}

std::vector<Tensor> inputs_of(std::uint64_t seed) {
  const Generator generator{seed, operation_id("inputs")};
  return {uniform(generator.then(0), {2, 3}, -1.5, 1.5, DType::f64),
          uniform(generator.then(1), {2, 3}, -1.5, 1.5, DType::f64)};
}

// One number of a program, with random weights: what is differentiated.
TensorFunction weighted(std::uint64_t seed) {
  return [seed](const std::vector<Tensor>& inputs) {
    Kinks ignored{.watch = false};
    const std::vector<Tensor> y = program(seed, inputs, ignored);
    return sum(y[0] * uniform({seed, 1}, {2, 3}, -1, 1, DType::f64)) + y[1];
  };
}

// An estimate by differences says how far it can be trusted; where that is not far, smaller steps are tried.
differences::Estimate slope(const std::function<double(double)>& f) {
  differences::Estimate best;
  for (double h = 1e-4; h > 1e-7 && best.noise > 1e-7 * (1e-2 + std::abs(best.value)); h /= 8) {
    const auto at = differences::slopes(
        [&](double t) {
          const double value = f(t);
          return differences::Heights{{value}, {std::abs(value)}};
        },
        h)[0];
    if (at.noise < best.noise) best = at;
  }
  return best;
}

double dot(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += sum(a[i] * b[i]).item();
  return total;
}

bool agrees(double exact, const differences::Estimate& estimate) {
  const double size = std::max(std::abs(exact), std::abs(estimate.value));
  return std::abs(exact - estimate.value) <= 1e-8 + 1e-6 * size + std::min(estimate.noise, 1e-5 * std::max(size, 1e-2));
}

// The slope along u, and the slope along u of the gradient's part along v. A wrong gradient passes with probability 0.
void check(std::uint64_t seed) {
  const TensorFunction f = weighted(seed);
  const std::vector<Tensor> x = inputs_of(seed), u = inputs_of(seed + (1u << 20)), v = inputs_of(seed + (1u << 21));
  const HessianProduct exact = hvp(f, x, u);
  const auto moved = [&](double t) { return std::vector<Tensor>{x[0] + t * u[0], x[1] + t * u[1]}; };
  const differences::Estimate first = slope([&](double t) { return f(moved(t)).item(); });
  const Tensor one = Tensor::ones({}, DType::f64);
  const differences::Estimate second = slope([&](double t) { return dot(vjp(f, moved(t), one).gradients, v); });
  INFO("program " << seed << ": slope " << dot(exact.gradients, u) << ", by differences " << first.value << " +- "
                  << first.noise << "; second " << dot(exact.products, v) << ", " << second.value << " +- "
                  << second.noise);
  CHECK(agrees(dot(exact.gradients, u), first));
  CHECK(agrees(dot(exact.products, v), second));
}

}  // namespace

TEST_CASE("2,000 random programs have the first and second derivatives that finite differences find") {
  constexpr double reach = 1e-3;  // differences move values by less, or shrink until they do
  std::map<std::string, int> skipped;
  std::set<std::size_t> seen;
  int checked = 0;
  for (std::uint64_t seed = 0; checked < 2000; ++seed) {
    Kinks kinks;
    program(seed, inputs_of(seed), kinks);
    if (kinks.least < reach) {
      ++skipped[kinks.at];
      continue;
    }
    check(seed);
    seen.insert(kinks.seen.begin(), kinks.seen.end());
    ++checked;
  }
  int all = 0;
  std::string why;
  for (const auto& [name, count] : skipped) all += count, why += " " + name + " " + std::to_string(count);
  MESSAGE(checked << " programs checked; " << all << " left out because they came within " << reach << " of a kink, of"
                  << why);
  CHECK(all < checked / 5);
  CHECK(seen.size() == operators);
}
