// SPDX-License-Identifier: Apache-2.0
// A chain in one pass is the operators one after the other: bit for bit in values and image gradients, and to rounding
// where sums of parameters are cut into other blocks.
#include <doctest/doctest.h>
#include <lumigrad/lumigrad.h>
#include <cstring>

using namespace lumigrad;
namespace es = enhance::steps;
namespace cs = color::steps;

namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  const Tensor x = a.contiguous(), y = b.contiguous();
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(x.bytes(), y.bytes(), static_cast<std::size_t>(a.numel()) * size_of(a.dtype())) == 0;
}

double distance(const Tensor& a, const Tensor& b) {
  double largest = 0, scale = 1e-30;
  const std::vector<double> x = a.values(), y = b.values();
  for (std::size_t i = 0; i < x.size(); ++i) {
    largest = std::max(largest, std::abs(x[i] - y[i]));
    scale = std::max(scale, std::abs(y[i]));
  }
  return largest / scale;
}

// Steps of one case, and the operators that they stand for.
struct Case {
  std::string name;
  std::int64_t channels;
  std::vector<Tensor> params;
  std::vector<PixelStep> (*steps)(const std::vector<Tensor>&);
};

Tensor apart(const Tensor& x, std::span<const PixelStep> steps) {
  Tensor y = x;
  for (const PixelStep& step : steps) y = fuse(y, {step});
  return y;
}

std::vector<Case> cases(std::int64_t images, DType dtype) {
  const auto each = [&](std::uint32_t k, double low, double high) {
    return uniform({11, k}, {images}, low, high, DType::f64).to(dtype);
  };
  const auto one = [&](double value) { return Tensor::full({}, value, dtype); };
  return {
      {"single values, one number each",
       4,
       {one(0.1), one(1.3), one(0.8), one(0.45)},
       [](const std::vector<Tensor>& p) {
         return std::vector{es::adjust_brightness(p[0], {.clip = false}), es::adjust_gamma(p[1], p[2]), es::invert(),
                            es::adjust_sigmoid({.cutoff = p[3]})};
       }},
      {"single values, one an image",
       2,
       {each(0, -0.2, 0.2), each(1, 0.7, 1.6)},
       [](const std::vector<Tensor>& p) {
         return std::vector{es::adjust_brightness(p[0]), es::rescale(p[1])};
       }},
      {"values and colours",
       3,
       {one(1.2), each(2, 0.5, 1.5), each(3, -1, 1), one(0.9)},
       [](const std::vector<Tensor>& p) {
         return std::vector{es::adjust_contrast(p[0]), es::adjust_saturation(p[1]), es::adjust_hue(p[2]),
                            es::adjust_gamma(p[3])};
       }},
      {"the number of channels changes",
       3,
       {each(4, 0.5, 1.5), one(0.7)},
       [](const std::vector<Tensor>& p) {
         return std::vector{es::adjust_saturation(p[0]), cs::rgb_to_grayscale(), es::adjust_gamma(p[1])};
       }},
      {"to another space and back",
       3,
       {one(0.3)},
       [](const std::vector<Tensor>& p) {
         return std::vector{cs::rgb_to_hsv(), es::adjust_hue_raw(p[0]), cs::hsv_to_rgb(), es::invert(1.0)};
       }},
  };
}

}  // namespace

TEST_CASE("a chain gives the values and gradients of its operators, at every shape, layout and dtype") {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const Shape& size : {Shape{2, 7, 5}, Shape{1, 1, 1}, Shape{3, 37, 71}, Shape{2, 40, 128}, Shape{2, 0, 4}})
      for (const bool strided : {false, true})
        for (const Case& c : cases(size[0], dtype)) {
          CAPTURE(c.name);
          CAPTURE(to_string(size));
          const Shape shape{size[0], c.channels, size[1], size[2]};
          Tensor data = uniform({5, 1}, shape, 0, 1, DType::f64).to(dtype);
          if (strided) data = transpose(transpose(data, -1, -2).contiguous(), -1, -2);
          Tensor images[2], y[2];
          std::vector<Tensor> params[2], gradients[2];
          for (const int k : {0, 1}) {
            images[k] = data.detach().requires_grad();
            for (const Tensor& p : c.params) params[k].push_back(p.detach().requires_grad());
            const auto steps = c.steps(params[k]);
            y[k] = k == 0 ? fuse(images[k], steps) : apart(images[k], steps);
            const Tensor seed = uniform({6, 2}, y[k].shape(), 0, 1, DType::f64).to(dtype);
            std::vector<Tensor> inputs = {images[k]};
            inputs.insert(inputs.end(), params[k].begin(), params[k].end());
            gradients[k] = grad({y[k]}, inputs, {.seeds = {seed}});
          }
          CHECK(same_bits(y[0], y[1]));
          CHECK(same_bits(gradients[0][0], gradients[1][0]));
          for (std::size_t i = 1; i < gradients[0].size(); ++i) {
            CHECK(distance(gradients[0][i], gradients[1][i]) < (dtype == DType::f32 ? 1e-4 : 1e-12));
          }
        }
}

TEST_CASE("a chain hands out the gradients that are asked for, the same ones whichever others are") {
  for (const Case& c : cases(2, DType::f32)) {
    CAPTURE(c.name);
    const Tensor data = uniform({15, 1}, {2, c.channels, 61, 83}, 0, 1, DType::f64).to(DType::f32);
    const std::size_t all = 1 + c.params.size();
    std::vector<Tensor> every[2];
    for (std::size_t only = 0; only <= all; ++only) {  // the last: every one of them
      for (const int k : {0, 1}) {
        const auto wanted = [&](const Tensor& t, std::size_t i) {
          return only == all || only == i ? t.detach().requires_grad() : t.detach();
        };
        const Tensor image = wanted(data, 0);
        std::vector<Tensor> params, inputs;
        for (std::size_t i = 0; i < c.params.size(); ++i) params.push_back(wanted(c.params[i], 1 + i));
        for (const Tensor& t : params)
          if (t.needs_grad()) inputs.push_back(t);
        if (image.needs_grad()) inputs.insert(inputs.begin(), image);
        const auto steps = c.steps(params);
        const Tensor y = k == 0 ? fuse(image, steps) : apart(image, steps);
        const auto g = grad({y}, inputs, {.seeds = {uniform({16, 2}, y.shape(), 0, 1, DType::f64).to(DType::f32)}});
        if (only == all)
          for (std::size_t i = 0; i < all; ++i) CHECK(same_bits(g[i], every[k][i]));
        else
          every[k].push_back(g[0]);
      }
    }
    CHECK(same_bits(every[0][0], every[1][0]));
    for (std::size_t i = 1; i < all; ++i) CHECK(distance(every[0][i], every[1][i]) < 1e-4);
  }
}

TEST_CASE("chains of many steps are cut, and come out the same at any number of threads and in any layout") {
  const int threads = num_threads();
  for (const std::int64_t channels : {2, 3}) {
    const Tensor data = uniform({17, 3}, {2, channels, 130, 201}, 0, 1, DType::f64).to(DType::f32);
    const auto run = [&](const Tensor& image, bool whole) {
      std::vector<Tensor> inputs = {image.detach().requires_grad()};
      std::vector<PixelStep> steps;
      for (int k = 0; k < 40; ++k) {
        const Tensor p = Tensor::full({}, k % 2 ? 0.98 + 0.001 * k : 0.01 * (k % 5), DType::f32).requires_grad();
        inputs.push_back(p);
        if (k % 13 == 7)
          steps.push_back(channels == 3 ? es::adjust_hue(p) : es::adjust_gamma(p));
        else if (k % 7 == 5 && channels == 3)
          steps.push_back(es::adjust_saturation_with_gray_subtraction(p));
        else
          steps.push_back(k % 2 ? es::rescale(p) : es::adjust_brightness(p, {.clip = k % 3 == 0}));
      }
      std::vector<Tensor> results = {whole ? fuse(inputs[0], steps) : apart(inputs[0], steps)};
      const auto g = grad({results[0]}, inputs, {.seeds = {uniform({18, 1}, data.shape(), 0, 1).to(DType::f32)}});
      results.insert(results.end(), g.begin(), g.end());
      return results;
    };
    set_num_threads(1);
    const std::vector<Tensor> once = run(data, true), singly = run(data, false);
    CHECK(same_bits(once[0], singly[0]));
    CHECK(same_bits(once[1], singly[1]));
    for (std::size_t i = 2; i < once.size(); ++i) CHECK(distance(once[i], singly[i]) < 1e-4);
    set_num_threads(3);
    const Tensor turned = transpose(transpose(data, -1, -2).contiguous(), -1, -2);
    for (const Tensor& image : {data, turned}) {
      const std::vector<Tensor> again = run(image, true);
      for (std::size_t i = 0; i < once.size(); ++i) CHECK(same_bits(once[i], again[i]));
    }
    set_num_threads(threads);
  }
}

TEST_CASE("stored images enter a chain without a pass of their own") {
  for (const DType dtype : {DType::u8, DType::u16}) {
    const Tensor stored = (uniform({3, 0}, {2, 3, 9, 31}, 0, 1, DType::f64) * 255.0).to(dtype);
    for (const Case& c : cases(2, DType::f32)) {
      if (c.channels != 3 && c.channels != 2) continue;
      CAPTURE(c.name);
      const Tensor image = c.channels == 3 ? stored : slice(stored, 1, 0, 2);
      std::vector<Tensor> params;
      for (const Tensor& p : c.params) params.push_back(p.detach().requires_grad());
      const auto steps = c.steps(params);
      const Tensor whole = fuse(image, steps), parts = apart(image, steps);
      CHECK(whole.dtype() == DType::f32);
      CHECK(same_bits(whole, parts));
      const Tensor seed = Tensor::ones(whole.shape(), DType::f32);
      const auto a = grad({whole}, params, {.seeds = {seed}}), b = grad({parts}, params, {.seeds = {seed}});
      for (std::size_t i = 0; i < a.size(); ++i) CHECK(distance(a[i], b[i]) < 1e-4);
    }
  }
}

TEST_CASE("the second derivative of a chain is that of its operators") {
  for (const Case& c : cases(2, DType::f64)) {
    CAPTURE(c.name);
    const Tensor data = uniform({8, 0}, {2, c.channels, 3, 5}, 0, 1, DType::f64) * 0.6 + 0.2;
    std::vector<Tensor> second[2];
    for (const int k : {0, 1}) {
      const Tensor image = data.detach().requires_grad();
      std::vector<Tensor> inputs = {image};
      for (const Tensor& p : c.params) inputs.push_back(p.detach().requires_grad());
      const auto steps = c.steps({inputs.begin() + 1, inputs.end()});
      const Tensor y = k == 0 ? fuse(image, steps) : apart(image, steps);
      const auto first = grad({sum(square(y))}, inputs, {.create_graph = true});
      Tensor total = sum(sin(first[0] * 3));
      for (std::size_t i = 1; i < first.size(); ++i) total = total + sum(square(first[i]));
      second[k] = grad({total}, inputs);
    }
    for (std::size_t i = 0; i < second[0].size(); ++i) CHECK(distance(second[0][i], second[1][i]) < 1e-11);
  }
}

TEST_CASE("a step may be taken by some images only") {
  const Tensor data = uniform({9, 0}, {3, 3, 17, 33}, 0, 1, DType::f64);
  const auto gates =
      std::vector{Tensor::from(std::vector{1.0, 0.0, 1.0}, {3}), Tensor::from(std::vector{0.0, 0.0, 1.0}, {3})};
  const auto chain = [&](const std::vector<Tensor>& p) {
    PixelStep first = es::adjust_brightness(p[0]), second = es::adjust_hue(p[1]);
    first.applies = gates[0];
    second.applies = gates[1];
    return std::vector{first, second};
  };
  for (const bool second_order : {false, true}) {
    const Tensor image = data.detach().requires_grad();
    std::vector<Tensor> p = {Tensor(0.2).requires_grad(),
                             Tensor::from(std::vector{0.1, 0.2, 0.3}, {3}).requires_grad()};
    const Tensor y = fuse(image, chain(p));
    CHECK(same_bits(select(y, 0, 1), select(image, 0, 1)));
    CHECK(same_bits(select(y, 0, 0), enhance::adjust_brightness(select(image, 0, 0), 0.2)));
    CHECK(same_bits(select(y, 0, 2), enhance::adjust_hue(enhance::adjust_brightness(select(image, 0, 2), 0.2), 0.3)));
    const auto g = grad({sum(square(y))}, {image, p[0], p[1]}, {.create_graph = second_order});
    CHECK(same_bits(select(g[0], 0, 1), select(image, 0, 1) * 2.0));
    CHECK(g[2].values()[0] == 0);
    CHECK(g[2].values()[1] == 0);
    CHECK(g[2].values()[2] != 0);
    const Tensor alone = slice(data, 0, 0, 1).detach();
    const Tensor factor = Tensor(0.2).requires_grad();
    const Tensor third = slice(data, 0, 2, 3).detach();
    const Tensor loss = sum(square(enhance::adjust_brightness(alone, factor))) +
                        sum(square(enhance::adjust_hue(enhance::adjust_brightness(third, factor), 0.3)));
    CHECK(grad({loss}, {factor})[0].item() == doctest::Approx(g[1].item()).epsilon(1e-12));
  }
}

TEST_CASE("a chain says which step does not fit") {
  const Tensor image = Tensor::zeros({2, 3, 4, 4}, DType::f32), gray = Tensor::zeros({2, 1, 4, 4}, DType::f32);
  CHECK_THROWS_WITH_AS(fuse(image, {cs::rgb_to_grayscale(), es::adjust_hue(0.1)}),
                       doctest::Contains("enhance.adjust_hue: expected [.., C, H, W] with 3 channels, got"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(fuse(gray, {es::invert(), es::adjust_gamma(Tensor::ones({3}, DType::f32))}),
                       doctest::Contains("enhance.adjust_gamma: expected a parameter of one number"), ShapeError);
  CHECK_THROWS_AS(fuse(image, std::span<const PixelStep>()), ShapeError);
  PixelStep gated = cs::rgb_to_grayscale();
  gated.applies = Tensor(1.0);
  CHECK_THROWS_WITH_AS(fuse(image, {gated}), doctest::Contains("color.rgb_to_grayscale: expected `applies`"),
                       ShapeError);
  CHECK_THROWS_AS(fuse(Tensor::zeros({3, 4}, DType::f32), {es::invert()}), ShapeError);
}
