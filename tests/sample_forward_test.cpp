// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/cpu/sample_kernels.h>
#include <lumigrad/engine/families/sample.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/views.h>
#include <cmath>
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

Tensor matrix_of(std::initializer_list<double> entries, std::int64_t rows) {
  return Tensor::from(std::vector<double>(entries), {1, rows, 3});
}

// The reference at one position of one plane.
double reference_at(const std::vector<double>& image, std::int64_t plane, std::int64_t h, std::int64_t w, double x,
                    double y) {
  double sum = 0;
  sample_reference(x, y, h, w, [&](std::int64_t row, std::int64_t column, double weight) {
    sum += weight * image[static_cast<std::size_t>((plane * h + row) * w + column)];
  });
  return sum;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  const Tensor x = a.contiguous(), y = b.contiguous();
  return x.shape() == y.shape() && x.dtype() == y.dtype() &&
         std::equal(x.bytes(), x.bytes() + static_cast<std::size_t>(x.numel()) * size_of(x.dtype()), y.bytes());
}

}  // namespace

TEST_CASE("a homography reads what the reference reads, at every level and in both precisions") {
  const std::int64_t h = 37, w = 53, oh = 45, ow = 71, channels = 3;
  const Tensor image = noise({1, channels, h, w}, DType::f64, 1);
  const std::vector<double> values = image.values();
  const Tensor single = image.to(DType::f32);
  const double m[9] = {0.8, 0.21, -4.3, -0.17, 0.75, 3.1, 0.0011, -0.0007, 1.02};
  const auto run = [&]<class T>(const SampleKernels<T>& kernels, const Tensor& source, double bound) {
    SampleTask<T> task;
    task.image = source.data<T>();
    task.height = h, task.width = w, task.channels = channels;
    task.channel_stride = h * w, task.row_stride = w;
    task.out_height = oh, task.out_width = ow;
    task.kind = MapKind::homography;
    std::copy(m, m + 9, task.matrix);
    std::vector<T> out(static_cast<std::size_t>(channels * oh * ow), T(-1));
    kernels.forward(task, out.data(), 0, 2 * 3);
    double worst = 0;
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t y = 0; y < oh; ++y)
        for (std::int64_t x = 0; x < ow; ++x) {
          const double px = static_cast<double>(x), py = static_cast<double>(y);
          const double q = m[6] * px + m[7] * py + m[8];
          const double at =
              reference_at(values, c, h, w, (m[0] * px + m[1] * py + m[2]) / q, (m[3] * px + m[4] * py + m[5]) / q);
          worst =
              std::max(worst, std::abs(at - static_cast<double>(out[static_cast<std::size_t>((c * oh + y) * ow + x)])));
        }
    CHECK(worst < bound);
  };
  for (Level level : {Level::baseline, Level::v3, Level::v4}) {
    if (!available(level)) continue;
    CAPTURE(name(level));
    run(sample_kernels_f32(level), single, 2e-5);
  }
  run(sample_kernels_f64(), image, 1e-12);
}

TEST_CASE("identity and whole-pixel warps are exact to the bit") {
  for (DType dtype : {DType::f32, DType::f64}) {
    const Tensor image = noise({2, 3, 67, 45}, dtype, 2, -3, 3);
    for (Interpolation mode : {Interpolation::nearest, Interpolation::bilinear, Interpolation::bicubic}) {
      const Tensor same = sample_homography(image, matrix_of({1, 0, 0, 0, 1, 0, 0, 0, 1}, 3), {67, 45}, {.mode = mode});
      CHECK(same_bits(same, image));
      const Tensor moved = sample_affine(image, matrix_of({1, 0, 7, 0, 1, -5}, 2), {67, 45}, {.mode = mode});
      CHECK(same_bits(slice(slice(moved, 2, 5), 3, 0, 38), slice(slice(image, 2, 0, 62), 3, 7)));
      const Tensor outside = slice(moved, 2, 0, 5);
      for (double v : outside.values()) CHECK(v == 0);
    }
  }
}

TEST_CASE("far from the origin single precision keeps its digits") {
  const std::int64_t w = 4000;
  const Tensor image = noise({1, 1, 40, w}, DType::f32, 3);
  const std::vector<double> values = image.values();
  const double turn = 0.01, c = std::cos(turn), s = std::sin(turn);
  const Tensor out = sample_affine(image, matrix_of({c, -s, 0.3, s, c, -30.2}, 2), {40, w});
  const std::vector<double> got = out.values();
  double worst = 0;
  for (int y = 0; y < 40; ++y)
    for (int x = 0; x < w; ++x)
      worst = std::max(worst, std::abs(reference_at(values, 0, 40, w, c * x - s * y + 0.3, s * x + c * y - 30.2) -
                                       got[static_cast<std::size_t>(y * w + x)]));
  CHECK(worst < 1e-5);  // 4000 eps is 5e-4
}

TEST_CASE("borders follow their rules") {
  const Tensor image = Tensor::from(std::vector<double>{1, 2, 3, 4}, {1, 1, 1, 4});
  const auto at = [&](double x, Border border, Interpolation mode = Interpolation::bilinear) {
    return sample(image, Tensor::from(std::vector<double>{x, 0}, {1, 1, 1, 2}), {.mode = mode, .border = border})
        .item();
  };
  CHECK(at(-0.25, Border::zeros) == 0.75);
  CHECK(at(3.5, Border::zeros) == 2);
  CHECK(at(4, Border::zeros) == 0);
  CHECK(at(-7.3, Border::border) == 1);
  CHECK(at(1e6, Border::border) == 4);
  CHECK(at(-0.25, Border::reflection) == 1.25);
  CHECK(at(3.25, Border::reflection) == 3.75);
  CHECK(at(6.5, Border::reflection) == 1.5);
  CHECK(at(-0.25, Border::symmetric) == 1);
  CHECK(at(-1.25, Border::symmetric) == 1.75 - 0.5);
  CHECK(at(4.25, Border::symmetric) == 3.75);
  CHECK(at(0.5, Border::zeros, Interpolation::nearest) == 1);  // half-way: the even index
  CHECK(at(1.5, Border::zeros, Interpolation::nearest) == 3);
  CHECK(at(4.4, Border::reflection, Interpolation::nearest) == 3);
}

TEST_CASE("outside of an image lies the fill value of each channel") {
  const Tensor image = Tensor::ones({1, 2, 3, 3}, DType::f64);
  const Tensor fill = Tensor::from(std::vector<double>{0.25, 5}, {2});
  const Tensor out = sample_affine(image, matrix_of({1, 0, 2.5, 0, 1, 0}, 2), {1, 3}, {.fill = fill});
  CHECK(out.values() == std::vector<double>{0.625, 0.25, 0.25, 3, 5, 5});
}

TEST_CASE("no map makes a warp read outside its image or return anything but numbers") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const Tensor image = noise({1, 2, 19, 33}, DType::f32, 4);
  const std::vector<std::vector<double>> maps = {{nan, 0, 0, 0, 1, 0, 0, 0, 1},
                                                 {0, 0, 0, 0, 0, 0, 0, 0, 0},
                                                 {inf, 1, 0, 0, 1, 0, 0, 0, 1},
                                                 {1, 0, 0, 0, 1, 0, 1, 0, -16},
                                                 {1, 0, 0, 0, 1, 0, 0, 0, 0},
                                                 {1e30, 0, 0, 0, 1e30, 0, 0, 0, 1},
                                                 {1, 0, 1e18, 0, 1, 0, 0, 0, 1},
                                                 {1e-30, 0, 0, 0, 1e-30, 0, 0, 0, 1e-30},
                                                 {1, 0, 0, 0, 1, 0, 1e38, 1e38, 1},
                                                 {1, 0, -1e9, 0, 1, 1e9, 0, 0, 1},
                                                 {-1e-320, 2, 3, 1, 1, 1, 1e-320, 0, 1e-320}};
  for (const auto& m : maps) {
    for (DType dtype : {DType::f32, DType::f64}) {
      for (Interpolation mode : {Interpolation::nearest, Interpolation::bilinear, Interpolation::bicubic}) {
        for (Border border : {Border::zeros, Border::border, Border::reflection, Border::symmetric}) {
          const Tensor matrix = Tensor::from(m, {1, 3, 3});
          const Tensor out = sample_homography(image.to(dtype), matrix, {23, 40}, {.mode = mode, .border = border});
          bool finite = true;
          for (double v : out.values()) finite = finite && std::abs(v) < 4;
          CHECK(finite);
        }
      }
    }
  }
}

TEST_CASE("images of one pixel, empty batches, views and foreign layouts are images") {
  const Tensor dot = Tensor::full({1, 1, 1, 1}, 3, DType::f32);
  for (Border border : {Border::border, Border::reflection, Border::symmetric}) {
    const Tensor out = sample_affine(dot, matrix_of({0.3, 0.1, -4, 0, 1.7, 9}, 2), {5, 7}, {.border = border});
    for (double v : out.values()) CHECK(v == doctest::Approx(3));
  }
  CHECK(sample_affine(Tensor::zeros({0, 3, 4, 4}), matrix_of({1, 0, 0, 0, 1, 0}, 2), {5, 7}).shape() ==
        Shape{0, 3, 5, 7});
  CHECK(sample_affine(Tensor::ones({2, 3, 0, 4}), matrix_of({1, 0, 0, 0, 1, 0}, 2), {2, 2}).values() ==
        std::vector<double>(24, 0));
  CHECK(sample_affine(Tensor::ones({2, 3, 4, 4}), matrix_of({1, 0, 0, 0, 1, 0}, 2), {0, 2}).numel() == 0);

  const Tensor image = noise({2, 3, 40, 50}, DType::f32, 5);
  const Tensor m = matrix_of({0.9, 0.1, 1.5, -0.1, 0.8, 2.25, 0.001, 0, 1}, 3);
  const Tensor whole = sample_homography(image, m, {33, 35});
  const Tensor turned = permute(permute(image, {0, 2, 3, 1}).contiguous(), {0, 3, 1, 2});
  CHECK(same_bits(sample_homography(turned, m, {33, 35}), whole));
  const Tensor every_other = slice(noise({2, 6, 40, 50}, DType::f32, 6), 1, 0, {}, 2);
  CHECK(same_bits(sample_homography(every_other, m, {33, 35}), sample_homography(every_other.clone(), m, {33, 35})));
}

TEST_CASE("threads and batches change no bit of a warp") {
  const Tensor image = noise({3, 2, 70, 81}, DType::f32, 7);
  const Tensor m = matrix_of({0.9, 0.1, 1.5, -0.1, 0.8, 2.25, 0.001, 0, 1}, 3);
  const Tensor whole = sample_homography(image, m, {90, 77});
  for (int threads : {1, 2, 3, 7}) {
    set_num_threads(threads);
    CHECK(same_bits(sample_homography(image, m, {90, 77}), whole));
    for (int n = 0; n < 3; ++n)
      CHECK(same_bits(sample_homography(slice(image, 0, n, n + 1), m, {90, 77}), slice(whole, 0, n, n + 1)));
  }
  set_num_threads(0);
}

TEST_CASE("bytes stand for value / 255") {
  std::vector<std::uint8_t> bytes(2 * 9 * 3);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37);
  const Tensor interleaved = permute(Tensor::from(bytes, {1, 2, 9, 3}), {0, 3, 1, 2});
  const Tensor out = sample_affine(interleaved, matrix_of({1, 0, 0.5, 0, 1, 0.5}, 2), {1, 8});
  CHECK(out.dtype() == DType::f32);
  const std::vector<double> v = interleaved.values(), got = out.values();
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t x = 0; x < 8; ++x) {
      const std::size_t i = c * 18 + x;
      CHECK(got[c * 8 + x] == doctest::Approx((v[i] + v[i + 1] + v[i + 9] + v[i + 10]) / 4 / 255).epsilon(1e-6));
    }
}

TEST_CASE("arguments that do not fit are refused in one clear line") {
  const Tensor image = Tensor::zeros({2, 3, 4, 4}), m = matrix_of({1, 0, 0, 0, 1, 0}, 2);
  CHECK_THROWS_WITH_AS(sample_affine(select(image, 0, 0), m, {4, 4}),
                       doctest::Contains("sample_affine: expected an image"), ShapeError);
  CHECK_THROWS_AS(sample_homography(image, m, {4, 4}), ShapeError);
  CHECK_THROWS_AS(sample_affine(image, Tensor::zeros({3, 2, 3}), {4, 4}), ShapeError);
  CHECK_THROWS_AS(sample_affine(image, m, {-1, 4}), ShapeError);
  CHECK_THROWS_AS(sample_affine(Tensor::zeros({1, 1, 4, 4}, DType::i32), m, {4, 4}), DTypeError);
  CHECK_THROWS_AS(sample_affine(image, m, {4, 4}, {.fill = Tensor::zeros({2})}), ShapeError);
  CHECK_THROWS_AS(sample_affine(image, m, {4, 4}, {.border = Border::border, .fill = 1}), ShapeError);
  CHECK_THROWS_AS(sample_slopes(image, Tensor::zeros({2, 1, 1, 2}), 2, 1), GraphError);
}
