// SPDX-License-Identifier: Apache-2.0
// Pixel operators and sums on a device: what the catalogue's samples do not reach (they run there too, by
// `op check --device cuda`). Lanes of every layout, numbers that stay on the CPU, a program's own formulas.
#include <doctest/doctest.h>
#include <lumigrad/cuda/formula.h>
#include <lumigrad/engine/angle.h>
#include <lumigrad/engine/formula_simd.h>
#include <lumigrad/lumigrad.h>
#include <cmath>

using namespace lumigrad;

namespace tested {
LUMIGRAD_WORDS;

struct Bend {  // two inputs, two results, two parameters
  template <class V>
  LUMIGRAD_HD Pixel<V, 2> operator()(V a, V b, Params<V, 2> p) const {
    return {{pow(abs(a) + V(0.5), p[0]) * b, sin(a * p[1]) - b * b}};
  }
};
LUMIGRAD_USER_FORMULA(Bend);

struct Unknown {
  template <class V>
  LUMIGRAD_HD V operator()(V a) const {
    return a;
  }
};
LUMIGRAD_USER_FORMULA(Unknown);
}  // namespace tested
LUMIGRAD_DEVICE_FORMULA(tested::Bend);

namespace {

const Device gpu{Device::Kind::cuda, 0};

void check_close(const Tensor& a, const Tensor& b, double bound) {
  CHECK(a.shape() == b.shape());
  CHECK(a.dtype() == b.dtype());
  const std::vector<double> x = a.values(), y = b.values();
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) worst = std::max(worst, std::fabs(x[i] - y[i]) / (1 + std::fabs(y[i])));
  CHECK(worst <= bound);
}

// f on the CPU and on the device: values, gradients, and gradients of gradients.
template <class F>
void check_both(const F& f, std::vector<Tensor> inputs, double bound) {
  const auto run = [&](Device device) {
    std::vector<Tensor> x, results;
    for (const Tensor& t : inputs) x.push_back(t.to(device).detach().requires_grad());
    const Tensor y = f(x);
    results.push_back(y);
    const std::vector<Tensor> g = grad({y}, x, {.create_graph = true});
    Tensor length;
    for (const Tensor& t : g) {
      results.push_back(t);
      const Tensor own = sum(t * t);
      length = length.defined() ? length + own : own;
    }
    for (const Tensor& t : grad({length}, x)) results.push_back(t);
    return results;
  };
  const std::vector<Tensor> here = run({}), there = run(gpu);
  for (std::size_t i = 0; i < here.size(); ++i) {
    CAPTURE(i);
    CHECK(there[i].device() == gpu);
    check_close(there[i], here[i], bound);
  }
}

}  // namespace

TEST_CASE("lanes of any layout reach a device's kernels") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const double bound = dtype == DType::f32 ? 2e-5 : 1e-12;
    const Tensor x = (uniform(Generator{1}, {3, 5, 7, 6}) - 0.5).to(dtype),
                 y = uniform(Generator{2}, {5, 1, 6}).to(dtype) + 0.5;
    check_both([](std::span<const Tensor> t) { return sum(t[0] * t[1] / (t[0] * t[0] + 1)); }, {x, y}, bound);
    check_both(
        [](std::span<const Tensor> t) {
          return sum(exp(permute(t[0], {3, 1, 0, 2}) * slice(t[1], 0, 1, 2)));
        },
        {x, uniform(Generator{3}, {2, 5, 3, 7}).to(dtype)}, bound);
    check_both(
        [](std::span<const Tensor> t) {
          return sum(sin(flip(t[0], std::vector<int>{3})) * expand(t[1], {3, 5, 7, 6}));
        },
        {x, y}, bound);
  }
}

TEST_CASE("bytes are pixels on a device too, and parameters belong to images") {
  const Tensor bytes = (uniform(Generator{5}, {4, 3, 9, 11}) * 255).to(DType::u8);
  for (const Tensor& image : {bytes, slice(bytes, 3, 1, 10), bytes.to(DType::u16)})
    check_close(color::rgb_to_grayscale(image.to(gpu)), color::rgb_to_grayscale(image), 1e-6);
  const Tensor image = uniform(Generator{6}, {4, 3, 9, 11}).to(DType::f64);
  check_both([](std::span<const Tensor> t) { return sum(enhance::adjust_gamma(t[0] + 0.1, t[1])); },
             {image, Tensor({0.5, 1.0, 2.0, 3.0}).to(DType::f64)}, 1e-10);
}

TEST_CASE("numbers of the CPU are handed to a device, and a learned one gets its gradient back") {
  Tensor factor = Tensor(1.5).to(DType::f32).requires_grad();
  const Tensor x = uniform(Generator{7}, {64, 64}), there = x.to(gpu);
  const Tensor y = sum(there * factor + 0.25);
  y.backward();
  CHECK(factor.grad().device() == Device());
  CHECK(factor.grad().item() == doctest::Approx(sum(x).item()).epsilon(1e-6));
  CHECK((2 - there).device() == gpu);
  CHECK_THROWS_WITH_AS(there + x, doctest::Contains("add: expected"), DeviceError);
  const Tensor fine = x.to(DType::f64);
  check_close(quantile(fine.to(gpu), {0.25, 0.75}, 1), quantile(fine, {0.25, 0.75}, 1), 1e-15);
}

TEST_CASE("maps of parameters are on the device of their images, numbers beside them need not be") {
  const Tensor bytes = (uniform(Generator{8}, {2, 3, 4, 5}) * 255).to(DType::u8);
  const Tensor image = uniform(Generator{9}, {2, 3, 4, 5}), map = uniform(Generator{10}, {4, 5});
  const Tensor each = uniform(Generator{11}, {2});
  const enhance::Weights mixed{.alpha = map, .beta = each, .gamma = 0.5};
  const enhance::Weights there{.alpha = map.to(gpu), .beta = each, .gamma = 0.5};
  check_close(enhance::invert(bytes.to(gpu), map.to(gpu)), enhance::invert(bytes, map), 1e-6);
  check_close(enhance::add_weighted(image.to(gpu), bytes.to(gpu), there), enhance::add_weighted(image, bytes, mixed),
              1e-6);
  check_close(clamp(image.to(gpu), each - 0.5, map.to(gpu)), clamp(image, each - 0.5, map), 0);
  const auto refused = [](const char* what) { return doctest::Contains(what); };
  CHECK_THROWS_WITH_AS(enhance::invert(image.to(gpu), map), refused("enhance.invert: expected"), DeviceError);
  CHECK_THROWS_WITH_AS(enhance::invert(image, map.to(gpu)), refused("enhance.invert: expected"), DeviceError);
  CHECK_THROWS_WITH_AS(enhance::add_weighted(image.to(gpu), image.to(gpu), mixed),
                       refused("enhance.add_weighted: expected"), DeviceError);
  CHECK_THROWS_WITH_AS(clamp(image.to(gpu), 0, map), refused("clamp: expected"), DeviceError);
}

TEST_CASE("sums over axes take every way through a device's memory") {
  const Tensor x = uniform(Generator{8}, {5, 40, 3, 33}).to(DType::f64);
  for (const std::vector<int>& axes : std::vector<std::vector<int>>{{0}, {1}, {2}, {3}, {0, 3}, {1, 2}, {0, 1, 2, 3}})
    for (const Tensor& view : {x, permute(x, {3, 1, 0, 2}), slice(x, 1, 3, 4), slice(x, 1, 3, 3)}) {
      const std::span<const int> over(axes);
      check_close(sum(view.to(gpu), over), sum(view, over), 1e-13);
      check_close(sum(view.to(gpu).to(DType::f32), over, true), sum(view.to(DType::f32), over, true), 1e-6);
    }
  const Tensor large = uniform(Generator{9}, {100000}).to(gpu), wide = uniform(Generator{10}, {3000, 50}).to(gpu);
  CHECK(sum(large).item() == doctest::Approx(sum(large.to(Device())).item()).epsilon(1e-6));
  check_close(sum(wide, {0}), sum(wide.to(Device()), {0}), 1e-6);
  CHECK(sum(large).item() == sum(large).item());
}

TEST_CASE("losses are summed where the images are") {
  const Tensor a = uniform(Generator{11}, {2, 3, 40, 50}), b = uniform(Generator{12}, {2, 3, 40, 50});
  const Tensor there = losses::charbonnier_loss(a.to(gpu), b.to(gpu));
  CHECK(there.device() == gpu);
  check_close(there, losses::charbonnier_loss(a, b), 1e-6);
}

TEST_CASE("a program's own formula runs on a device after one line, and without it says so") {
  check_both(
      [](std::span<const Tensor> t) {
        return sum(pixel(tested::Bend{}, {t[0], t[1]}, {t[2], t[3]}));
      },
      {uniform(Generator{13}, {6, 50}).to(DType::f64), uniform(Generator{14}, {50}).to(DType::f64),
       Tensor({1.0, 1.5, 2.0, 0.5, 0.1, 3.0}).to(DType::f64), Tensor(0.7).to(DType::f64)},
      1e-10);
  CHECK_THROWS_WITH_AS(pixel(tested::Unknown{}, {Tensor::ones({2}, DType::f32, gpu)}),
                       doctest::Contains("pixel: expected a formula that is compiled for cuda:0"), DeviceError);
}

TEST_CASE("sin and cos for devices are right at any size of the angle") {
  for (int i = 0; i < 4000; ++i) {
    const double x = (i % 2 ? 1 : -1) * std::exp2(i * 0.25 - 40) * (1 + 0.37 * std::sin(i));
    CHECK(std::fabs(angle::sine(x, 0) - std::sin(x)) <= 4e-16);
    CHECK(std::fabs(angle::sine(x, 1) - std::cos(x)) <= 4e-16);
    const auto f = static_cast<float>(std::fmod(i * 0.25, 160) < 150 ? std::exp2(i * 0.03 - 40) : x);
    if (!std::isfinite(f)) continue;
    CHECK(std::fabs(static_cast<double>(angle::sine(f, 0)) - std::sin(static_cast<double>(f))) <= 2e-7);
    CHECK(std::fabs(static_cast<double>(angle::sine(f, 1)) - std::cos(static_cast<double>(f))) <= 2e-7);
  }
  CHECK(std::isnan(angle::sine(HUGE_VAL, 0)));
  CHECK(std::isnan(angle::sine(HUGE_VALF, 1)));
}
