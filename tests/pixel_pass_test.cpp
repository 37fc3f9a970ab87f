// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/families/patches.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/color/color.h>
#include <lumigrad/vision/color/steps.h>
#include <lumigrad/vision/enhance/steps.h>
#include <lumigrad/vision/filters/steps.h>
#include <lumigrad/vision/geometry/steps.h>
#include <lumigrad/vision/image_io/pixel_pass.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

using namespace lumigrad;

namespace {

struct Work {
  const char* what;
  std::vector<ImageStep> steps;
  std::function<Tensor(const Tensor&)> operators;
};

// Every kind of step, borders of every rule, windows larger than small images, and steps after one another.
std::vector<Work> works() {
  namespace c = color::steps;
  namespace e = enhance::steps;
  namespace f = filters::steps;
  namespace g = geometry::steps;
  const Tensor edge = Tensor::from(std::vector<float>{-1, 0.5f, 2, -1, 3, 1, 0, -2, 0.25f, 1, 1, -1}, {4, 3});
  std::vector<Work> all = {
      {"a colour", {c::rgb_to_hsv()}, [](const Tensor& x) { return color::rgb_to_hsv(x); }},
      {"fewer channels", {c::rgb_to_grayscale()}, [](const Tensor& x) { return color::rgb_to_grayscale(x); }},
      {"a chain",
       {e::adjust_gamma(1.3), c::rgb_to_ycbcr(), e::adjust_brightness(0.1), e::invert()},
       [](const Tensor& x) {
         return enhance::invert(enhance::adjust_brightness(color::rgb_to_ycbcr(enhance::adjust_gamma(x, 1.3)), 0.1));
       }},
      {"a kernel",
       {f::filter2d(edge, {.border = Border::zeros, .normalized = true, .convolve = true})},
       [=](const Tensor& x) {
         return filters::filter2d(x, edge, {.border = Border::zeros, .normalized = true, .convolve = true});
       }},
      {"half the size",
       {g::resize({.scale_y = 0.5, .scale_x = 0.5})},
       [](const Tensor& x) { return geometry::resize(x, {.scale_y = 0.5, .scale_x = 0.5}); }},
      {"another size",
       {g::resize({.size = {45, 1300}, .mode = geometry::Resampling::bicubic})},
       [](const Tensor& x) {
         return geometry::resize(x, {.size = {45, 1300}, .mode = geometry::Resampling::bicubic});
       }},
      {"a pyramid", {g::pyrdown(), g::pyrup()}, [](const Tensor& x) { return geometry::pyrup(geometry::pyrdown(x)); }},
      {"all of it",
       {c::rgb_to_linear_rgb(), f::gaussian_blur2d(),
        g::resize({.size = {9, 300}, .antialias = geometry::Antialias::support}),
        f::box_blur({.kernel = {2, 5}, .border = Border::symmetric}), c::rgb_to_ycbcr(), e::adjust_contrast(1.5)},
       [](const Tensor& x) {
         const Tensor small = geometry::resize(filters::gaussian_blur2d(color::rgb_to_linear_rgb(x)),
                                               {.size = {9, 300}, .antialias = geometry::Antialias::support});
         return enhance::adjust_contrast(
             color::rgb_to_ycbcr(filters::box_blur(small, {.kernel = {2, 5}, .border = Border::symmetric})), 1.5);
       }}};
  for (const Border border : {Border::zeros, Border::border, Border::reflection, Border::symmetric, Border::circular})
    all.push_back({"a blur",
                   {f::gaussian_blur2d({.kernel = {7, 11}, .sigma = {1.5, 3}, .border = border})},
                   [=](const Tensor& x) {
                     return filters::gaussian_blur2d(x, {.kernel = {7, 11}, .sigma = {1.5, 3}, .border = border});
                   }});
  return all;
}

PixelFormat of_floats(std::int64_t channels) { return channels == 1 ? PixelFormat::grey_f32 : PixelFormat::rgb_f32; }

}  // namespace

TEST_CASE("an image through steps is the image through operators, bit for bit") {
  const int threads = num_threads();
  for (const Shape& extents : {Shape{2, 2}, Shape{5, 3}, Shape{37, 61}, Shape{70, 1100}}) {
    const std::int64_t height = extents[0], width = extents[1];
    const std::int64_t row = width * 4 * 2 + 10;
    std::vector<std::uint8_t> memory(static_cast<std::size_t>(height * row));
    for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<std::uint8_t>(i * 2654435761u >> 13);
    for (const PixelFormat format :
         {PixelFormat::rgb_u8, PixelFormat::bgr_u8, PixelFormat::bgra_u8, PixelFormat::rgb_u16}) {
      const Tensor image = image_from(memory.data(), height, width, row, format),
                   numbers = unsqueeze(to_float(image), 0);
      for (const Work& work : works()) {
        CAPTURE(work.what);
        CAPTURE(extents);
        const Tensor expected = select(work.operators(numbers), 0, 0);
        const std::int64_t channels = expected.size(0), h = expected.size(1), w = expected.size(2);
        const auto bytes = static_cast<std::size_t>(h * w * channels * 4);
        std::vector<std::uint8_t> one(bytes, 1), other(bytes, 2);
        image_to(expected, one.data(), 4 * w * channels, of_floats(channels));
        for (const int count : {1, 3}) {
          set_num_threads(count);
          image_to(image, work.steps, other.data(), 4 * w * channels, of_floats(channels));
          CHECK(std::memcmp(one.data(), other.data(), bytes) == 0);
        }
        const PixelFormat stored = channels == 1 ? PixelFormat::grey_u8 : PixelFormat::bgra_u8;
        const std::int64_t gap = 4 * w + 3;
        std::vector<std::uint8_t> rows(static_cast<std::size_t>(h * gap), 7), passed = rows;
        image_to(expected, rows.data(), gap, stored);
        image_to(unsqueeze(image, 0), work.steps, passed.data(), gap, stored);
        CHECK(rows == passed);
      }
    }
  }
  set_num_threads(threads);
}

TEST_CASE("the size of a patch is not in the result") {
  const std::int64_t height = 41, width = 67;
  std::vector<float> memory(static_cast<std::size_t>(3 * height * width));
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<float>(i * 2654435761u >> 20) / 4096;
  const Tensor image = image_from(memory.data(), height, width, 12 * width, PixelFormat::rgb_f32);
  for (const Work& work : works()) {
    CAPTURE(work.what);
    const Tensor expected = select(work.operators(unsqueeze(to_float(image), 0)), 0, 0);
    for (const Shape& patch : {Shape{1, 1}, Shape{1, 64}, Shape{3, 7}, Shape{41, 5}, Shape{100, 2000}}) {
      if (patch.numel() == 1 && expected.numel() > 30000) continue;
      std::vector<double> found(static_cast<std::size_t>(expected.numel()));
      Patches patches(image, work.steps, {});
      const std::int64_t w = patches.width(), h = patches.height(), channels = patches.channels();
      REQUIRE(Shape{channels, h, w} == expected.shape());
      patches.run(
          [&](std::int64_t y, std::int64_t x, std::int64_t count, const float* const* lines) {
            for (std::int64_t c = 0; c < channels; ++c)
              for (std::int64_t i = 0; i < count; ++i)
                found[static_cast<std::size_t>((c * h + y) * w + x + i)] = static_cast<double>(lines[c][i]);
          },
          patch[0], patch[1]);
      CHECK(found == expected.values());
    }
  }
}

namespace {

// Bytes of an image in some format, rows apart by more than they need.
struct Bytes {
  std::int64_t height, width, gap;
  PixelFormat format;
  std::vector<std::uint8_t> memory;

  Bytes(std::int64_t h, std::int64_t w, PixelFormat f)
      : height(h), width(w), gap(w * pixel_channels(f) + 5), format(f), memory(static_cast<std::size_t>(h * gap), 7) {}
  void fill() {
    for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<std::uint8_t>(i * 2654435761u >> 13);
    for (std::size_t i = 0; i < memory.size() / 5; ++i) memory[i * 3] = i % 2 ? 255 : 0;
  }
  Tensor view() { return image_from(memory.data(), height, width, gap, format); }
  // Steps from these bytes alone into others, which must be the short way.
  bool run(const std::vector<ImageStep>& steps, Bytes& to) {
    Patches patches(view(), steps, {});
    return patches.run_bytes({to.memory.data(), to.gap, pixel_channels(to.format), is_bgr(to.format)});
  }
  // The bytes as numbers, double precision.
  Tensor numbers() { return unsqueeze(view().to(DType::f64), 0); }
};

}  // namespace

TEST_CASE("short formulas take bytes to bytes in registers, bit for bit") {
  namespace c = color::steps;
  const Work chains[] = {
      {"grey", {c::rgb_to_grayscale()}, [](const Tensor& x) { return color::rgb_to_grayscale(x); }},
      {"a colour", {c::rgb_to_hsv()}, [](const Tensor& x) { return color::rgb_to_hsv(x); }},
      {"values", {enhance::steps::invert()}, [](const Tensor& x) { return enhance::invert(x); }},
      {"beyond the limits",
       {enhance::steps::adjust_brightness(0.4), c::rgb_to_ycbcr(), enhance::steps::adjust_contrast(3)},
       [](const Tensor& x) {
         return enhance::adjust_contrast(color::rgb_to_ycbcr(enhance::adjust_brightness(x, 0.4)), 3);
       }},
      {"grey in the end", {enhance::steps::invert(), c::rgb_to_grayscale()}, [](const Tensor& x) {
         return color::rgb_to_grayscale(enhance::invert(x));
       }}};
  for (const std::int64_t width : {1, 15, 16, 31, 32, 33, 47, 64, 95, 200})
    for (const PixelFormat format : {PixelFormat::rgb_u8, PixelFormat::bgr_u8}) {
      Bytes image(3, width, format);
      image.fill();
      for (const Work& work : chains) {
        CAPTURE(work.what);
        CAPTURE(width);
        const Tensor expected = select(work.operators(unsqueeze(to_float(image.view()), 0)), 0, 0);
        for (const PixelFormat to : {PixelFormat::rgb_u8, PixelFormat::bgr_u8, PixelFormat::grey_u8}) {
          if (pixel_channels(to) < expected.size(0)) continue;
          Bytes one(3, width, to), other = one;
          image_to(expected, one.memory.data(), one.gap, to);
          const bool short_way = width >= 32 && pixel_channels(to) == expected.size(0);
          if (short_way && simd_level() != Level::baseline) {
            CHECK(image.run(work.steps, other));
            CHECK(one.memory == other.memory);
          }
          image_to(image.view(), work.steps, other.memory.data(), other.gap, to);
          CHECK(one.memory == other.memory);
        }
      }
    }
}

TEST_CASE("bytes of half the size are means, and what ends in .5 goes to even") {
  const int threads = num_threads();
  for (const PixelFormat format :
       {PixelFormat::grey_u8, PixelFormat::rgb_u8, PixelFormat::bgr_u8, PixelFormat::rgba_u8})
    for (const std::int64_t w : {1, 7, 16, 17, 40, 64, 65, 130, 700}) {
      const std::int64_t h = 90, channels = pixel_channels(format);
      Bytes image(2 * h, 2 * w, format), half(h, w, format);
      image.fill();
      std::vector<std::uint8_t> expected = half.memory;
      for (std::int64_t y = 0; y < h; ++y)
        for (std::int64_t i = 0; i < w * channels; ++i) {
          int sum = 0;
          for (const std::int64_t at : {2 * y * image.gap, (2 * y + 1) * image.gap})
            for (const std::int64_t next : {std::int64_t{0}, channels})
              sum += image.memory[static_cast<std::size_t>(at + i / channels * 2 * channels + i % channels + next)];
          const int up = sum % 4 == 3 || (sum % 4 == 2 && sum / 4 % 2 == 1);
          expected[static_cast<std::size_t>(y * half.gap + i)] = static_cast<std::uint8_t>(sum / 4 + up);
        }
      for (const int count : {1, 3}) {
        set_num_threads(count);
        CHECK(image.run({geometry::steps::resize({.size = {h, w}})}, half));
        CAPTURE(w);
        CAPTURE(channels);
        CHECK(half.memory == expected);
      }
    }
  set_num_threads(threads);
}

TEST_CASE("a column and a row filter bytes as numbers, rounded once") {
  const int threads = num_threads();
  const Shape sizes[] = {{1, 70}, {3, 5}, {9, 66}, {70, 33}, {41, 700}};
  const Shape kernels[] = {{1, 1}, {3, 5}, {7, 2}, {5, 23}, {12, 17}};
  for (const PixelFormat format :
       {PixelFormat::grey_u8, PixelFormat::rgb_u8, PixelFormat::bgr_u8, PixelFormat::rgba_u8})
    for (const Border border : {Border::zeros, Border::border, Border::reflection, Border::symmetric, Border::circular})
      for (std::size_t s = 0; s < std::size(sizes); ++s) {
        const Shape size = sizes[s], kernel = kernels[(s + static_cast<std::size_t>(border)) % std::size(kernels)];
        const bool valid = border == Border::zeros && kernel[0] <= size[0];
        const auto weights = [](std::int64_t taps, double sharp) {  // some of them negative: results beyond the limits
          std::vector<double> w(static_cast<std::size_t>(taps), (1 - sharp) / static_cast<double>(taps));
          w[w.size() / 2] += sharp;
          return Tensor::from(w, {taps}).to(DType::f32);
        };
        const Tensor down = weights(kernel[0], 1.5), along = weights(kernel[1], -0.25);
        const FilterOptions options{.border = border, .valid = valid};
        Bytes image(size[0], size[1], format);
        image.fill();
        const Tensor exact =
            select(filter_separable(image.numbers(), down.to(DType::f64), along.to(DType::f64), options), 0, 0);
        Bytes result(exact.size(1), exact.size(2), format);
        std::vector<std::uint8_t> before;
        for (const int count : {1, 3}) {
          set_num_threads(count);
          CHECK(image.run({ImageStep("blur", down, along, options)}, result));
          if (count == 1) before = result.memory;
        }
        CAPTURE(size);
        CAPTURE(kernel);
        CAPTURE(static_cast<int>(border));
        CHECK(result.memory == before);
        const std::vector<double> values = exact.values(), found = result.numbers().values();
        double worst = 0;
        for (std::size_t i = 0; i < values.size(); ++i)
          worst = std::max(worst, std::abs(std::clamp(values[i], 0.0, 255.0) - found[i]));
        CHECK(worst < 0.5 + 3e-4);
        for (std::int64_t y = 0; y < result.height; ++y)  // nothing behind the rows
          for (std::int64_t i = result.gap - 5; i < result.gap; ++i)
            CHECK(result.memory[static_cast<std::size_t>(y * result.gap + i)] == 7);
      }
  set_num_threads(threads);
}

TEST_CASE("a filter of bytes rounds what ends in .5 to even, whatever the width") {
  const Tensor pair = Tensor::from(std::vector<float>{0.5f, 0.5f}, {2}), one = Tensor::ones({1});
  for (const std::int64_t width : {1, 2, 15, 63, 64, 200}) {
    Bytes image(5, width + 1, PixelFormat::grey_u8), result(5, width, PixelFormat::grey_u8);
    image.fill();
    CHECK(image.run({ImageStep("mean", one, pair, {.valid = true})}, result));
    for (std::int64_t y = 0; y < 5; ++y)
      for (std::int64_t x = 0; x < width; ++x) {
        const auto at = static_cast<std::size_t>(y * image.gap + x);
        const int sum = image.memory[at] + image.memory[at + 1];
        CHECK(int{result.memory[static_cast<std::size_t>(y * result.gap + x)]} == sum / 2 + (sum % 4 == 3));
      }
  }
}

TEST_CASE("bytes in an order of their own keep it") {
  // A, B, G, R in memory, read backwards as four channels.
  std::uint8_t memory[4 * 128 * 2], half[4 * 64], back[4 * 64];
  for (std::size_t i = 0; i < sizeof memory; ++i) memory[i] = static_cast<std::uint8_t>(10 * (i % 4 + 1));
  const Tensor image = Tensor::view(memory + 3, {4, 2, 128}, {-1, 512, 4}, nullptr);
  image_to(image, {geometry::steps::resize({.size = {1, 64}})}, half, sizeof half, PixelFormat::bgra_u8);
  image_to(slice(slice(image, 1, 0, 1), 2, 0, 64), back, sizeof back, PixelFormat::bgra_u8);
  for (std::size_t i = 0; i < sizeof half; ++i) CHECK(half[i] == back[i]);
}

TEST_CASE("a result may stand beside its image in the rows of one picture, not on it") {
  std::uint8_t frame[6 * 48], alone[6 * 24];  // two images of 8 columns side by side
  for (std::size_t i = 0; i < sizeof frame; ++i) frame[i] = static_cast<std::uint8_t>(7 * i);
  const Tensor left = image_from(frame, 6, 8, 48, PixelFormat::rgb_u8);
  image_to(left, {filters::steps::gaussian_blur2d()}, alone, 24, PixelFormat::rgb_u8);
  for (const std::int64_t columns : {0, 1, 7})
    CHECK_THROWS_AS(image_to(left, {filters::steps::gaussian_blur2d()}, frame + 3 * columns, 48, PixelFormat::rgb_u8),
                    ShapeError);
  image_to(left, {filters::steps::gaussian_blur2d()}, frame + 24, 48, PixelFormat::rgb_u8);
  for (std::size_t y = 0; y < 6; ++y) CHECK(std::memcmp(frame + 48 * y + 24, alone + 24 * y, 24) == 0);
}

TEST_CASE("what does not fit is refused before anything is written") {
  std::uint8_t memory[48] = {}, to[48];
  std::memset(to, 9, sizeof to);
  const Tensor image = image_from(memory, 4, 4, 12, PixelFormat::rgb_u8);
  namespace f = filters::steps;
  CHECK_THROWS_AS(image_to(image, {color::steps::rgb_to_hsv()}, to, 4, PixelFormat::grey_u8), ShapeError);
  CHECK_THROWS_AS(image_to(image, {color::steps::rgb_to_hsv()}, to, 11, PixelFormat::rgb_u8), ShapeError);
  CHECK_THROWS_AS(
      image_to(image, {color::steps::rgb_to_grayscale(), color::steps::rgb_to_hsv()}, to, 12, PixelFormat::rgb_u8),
      ShapeError);
  CHECK_THROWS_AS(image_to(image, {f::gaussian_blur2d({.sigma = {-1, 1}})}, to, 12, PixelFormat::rgb_u8), NumericError);
  CHECK_THROWS_AS(image_to(image, {f::filter2d(Tensor::zeros({5, 5}), {.valid = true})}, to, 12, PixelFormat::rgb_u8),
                  ShapeError);
  CHECK_THROWS_AS(image_to(image, {f::filter2d(Tensor::zeros({2, 3, 3}))}, to, 12, PixelFormat::rgb_u8), ShapeError);
  CHECK_THROWS_AS(image_to(image, {f::gaussian_blur2d({.sigma = Tensor::ones({2, 2})})}, to, 12, PixelFormat::rgb_u8),
                  ShapeError);
  CHECK_THROWS_AS(image_to(image, {geometry::steps::resize({.size = {-1, 2}})}, to, 12, PixelFormat::rgb_u8),
                  ShapeError);
  CHECK_THROWS_AS(image_to(image, {color::steps::sepia()}, nullptr, 12, PixelFormat::rgb_u8), ShapeError);
  CHECK_THROWS_AS(image_to(image, {color::steps::sepia()}, memory, 12, PixelFormat::rgb_u8), ShapeError);
  CHECK_THROWS_AS(image_to(slice(image, 1, 2, 4), {color::steps::sepia()}, memory + 23, -12, PixelFormat::rgb_u8),
                  ShapeError);
  image_to(slice(image, 1, 2, 4), {color::steps::sepia()}, memory + 12, -12, PixelFormat::rgb_u8);  // the rows above
  for (const std::uint8_t byte : to) CHECK(byte == 9);
  const Tensor nothing = image_from(nullptr, 0, 4, 12, PixelFormat::rgb_u8);
  image_to(nothing, {color::steps::sepia(), f::box_blur()}, nullptr, 12, PixelFormat::rgb_u8);
  image_to(image, {}, to, 12, PixelFormat::rgb_u8);
  for (std::size_t i = 0; i < sizeof to; ++i) CHECK(to[i] == memory[i]);
}
