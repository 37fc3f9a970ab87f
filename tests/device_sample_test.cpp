// SPDX-License-Identifier: Apache-2.0
// Warps and products with bands on a device against the CPU: values and both adjoints, over maps, borders, weights and
// their derivatives, in both precisions. Runs on whatever module LUMIGRAD_CUDA_MODULE names.
#include <doctest/doctest.h>
#include <lumigrad/engine/families/resample.h>
#include <lumigrad/engine/families/sample_call.h>
#include <lumigrad/engine/ops.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

using namespace lumigrad;

namespace {

const Device gpu{Device::Kind::cuda, 0};

struct Draws {
  std::mt19937_64 engine{7};
  double operator()(double low, double high) { return std::uniform_real_distribution<double>(low, high)(engine); }
  Tensor tensor(const Shape& shape, DType dtype, double low = -1, double high = 1) {
    std::vector<double> values(static_cast<std::size_t>(shape.numel()));
    for (double& v : values) v = (*this)(low, high);
    return Tensor::from(values, shape).to(dtype);
  }
};

// The largest difference, as a share of the largest number.
double difference(const Tensor& there, const Tensor& here) {
  REQUIRE(there.device() == gpu);
  REQUIRE(there.shape() == here.shape());
  REQUIRE(there.dtype() == here.dtype());
  const std::vector<double> a = there.values(), b = here.values();
  double most = 0, largest = 1e-30;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    const double apart = a[i] == b[i] ? 0 : std::abs(a[i] - b[i]);
    most = apart <= most ? most : apart;  // a NaN on one side alone stays
    if (std::isfinite(b[i])) largest = std::max(largest, std::abs(b[i]));
  }
  return most / largest;
}

Warp on_device(Warp warp) {
  if (warp.options.fill.defined()) warp.options.fill = warp.options.fill.to(gpu);
  return warp;
}

void compare(const Warp& warp, const Tensor& image, const Tensor& map, const Tensor& cotangent, double tolerance) {
  const Warp there = on_device(warp);
  const Shape size(image.shape().extents().subspan(2));
  CHECK(difference(warp_forward(there, image.to(gpu), map.to(gpu)), warp_forward(warp, image, map)) < tolerance);
  // A position that rounding moves across a pixel centre reads the slope on the other side.
  const double kinks = tolerance < 1e-8 ? 10 * tolerance : 1e-2;
  if (warp.orders() < 2)
    CHECK(difference(warp_map_adjoint(there, image.to(gpu), map.to(gpu), cotangent.to(gpu)),
                     warp_map_adjoint(warp, image, map, cotangent)) < kinks);
  Warp bare = warp;
  bare.options.fill = Tensor();
  CHECK(difference(warp_splat(bare, cotangent.to(gpu), map.to(gpu), size), warp_splat(bare, cotangent, map, size)) <
        tolerance);
}

// Matrices [N, axes (+ 1), axes + 1] near a turn by `angle` about the middle of an image with `extent` pixels a side.
Tensor matrices(Draws& draw, int n, int axes, bool homography, double angle, double scale, double perspective,
                double extent) {
  const int rows = homography ? axes + 1 : axes;
  std::vector<double> values;
  for (int i = 0; i < n; ++i) {
    std::vector<double> m(static_cast<std::size_t>((axes + 1) * (axes + 1)), 0.0);
    const auto at = [&](int r, int k) -> double& { return m[static_cast<std::size_t>(r * (axes + 1) + k)]; };
    const double turn = angle + draw(-0.1, 0.1);
    for (int r = 0; r <= axes; ++r) at(r, r) = r < axes ? scale : 1;
    at(0, 0) = at(1, 1) = scale * std::cos(turn);
    at(0, 1) = -scale * std::sin(turn), at(1, 0) = scale * std::sin(turn);
    for (int r = 0; r < axes; ++r) {
      at(r, axes) = extent / 2 + draw(-2, 2);
      for (int k = 0; k < axes; ++k) at(r, axes) -= at(r, k) * extent / 2;
      at(axes, r) = perspective * draw(0.5, 1);
    }
    values.insert(values.end(), m.begin(), m.begin() + rows * (axes + 1));
  }
  return Tensor::from(values, {n, rows, axes + 1});
}

Tensor cotangent_for(Draws& draw, const Warp& warp, const Tensor& image, DType dtype) {
  std::vector<std::int64_t> extents{image.size(0), image.size(1)};
  for (const std::int64_t extent : warp.out) extents.push_back(extent);
  return draw.tensor(Shape(extents), dtype);
}

double tolerance_of(DType dtype) { return dtype == DType::f64 ? 1e-10 : 2e-5; }

}  // namespace

TEST_CASE("warps of images by matrices on a device") {
  Draws draw;
  for (const DType dtype : {DType::f64, DType::f32}) {
    // turn, scale, perspective: from plain to maps that have the fixed-point splat do the work (enlarged a hundred
    // times, a horizon in the picture, nothing but one point)
    const double maps[][3] = {{0, 1, 0},      {0.7, 1, 1e-4}, {0.3, 0.4, 0},     {-2, 3, 1e-3},
                              {0.1, 0.01, 0}, {0.2, 1, 0.05}, {0.2, 1, -0.0143}, {0, 0, 0}};
    for (const auto& m : maps) {
      for (const Interpolation mode : {Interpolation::nearest, Interpolation::bilinear, Interpolation::bicubic}) {
        for (const Border border : {Border::zeros, Border::reflection}) {
          const Tensor image = draw.tensor({2, 3, 45, 70}, dtype);
          for (const bool homography : {false, true}) {
            Warp warp{"sample", homography ? MapKind::homography : MapKind::affine, 2, {53, 67}, {.mode = mode}};
            warp.options.border = border;
            CAPTURE(m[0]);
            CAPTURE(m[1]);
            CAPTURE(m[2]);
            CAPTURE(static_cast<int>(mode));
            CAPTURE(homography);
            CAPTURE(to_string(dtype));
            const bool wild = m[2] > 0.01 || m[2] < 0;  // positions run to infinity: single precision is not compared
            if (wild && (dtype == DType::f32 || !homography)) continue;
            const Tensor map = matrices(draw, 2, 2, homography, m[0], m[1], m[2], 45);
            compare(warp, image, map, cotangent_for(draw, warp, image, dtype), tolerance_of(dtype) * (wild ? 1e3 : 1));
          }
        }
      }
    }
  }
}

TEST_CASE("warps of images by grids on a device, with every border, weight, derivative and fill") {
  Draws draw;
  for (const DType dtype : {DType::f64, DType::f32}) {
    const Tensor image = draw.tensor({2, 2, 9, 13}, dtype), grid = draw.tensor({2, 35, 34, 2}, dtype, -6, 16);
    for (const Border border :
         {Border::zeros, Border::border, Border::reflection, Border::symmetric, Border::circular}) {
      for (const Interpolation mode : {Interpolation::nearest, Interpolation::bilinear, Interpolation::bicubic}) {
        for (const auto& order : {std::array<int, 3>{}, {1, 0, 0}, {0, 1, 0}, {1, 1, 0}, {2, 0, 0}}) {
          CAPTURE(static_cast<int>(border));
          CAPTURE(static_cast<int>(mode));
          CAPTURE(order[0]);
          CAPTURE(order[1]);
          CAPTURE(to_string(dtype));
          Warp warp{"sample", MapKind::grid, 2, {35, 34}, {.mode = mode, .border = border}, order};
          if (border == Border::zeros) warp.options.fill = draw.tensor({2}, dtype);
          compare(warp, image, grid, cotangent_for(draw, warp, image, dtype), tolerance_of(dtype));
        }
      }
    }
  }
}

TEST_CASE("warps of volumes on a device") {
  Draws draw;
  for (const DType dtype : {DType::f64, DType::f32}) {
    const Tensor volume = draw.tensor({2, 2, 11, 12, 37}, dtype);
    for (const Interpolation mode : {Interpolation::nearest, Interpolation::bilinear}) {
      for (const Border border : {Border::zeros, Border::symmetric}) {
        for (const int kind : {0, 1, 2}) {
          CAPTURE(kind);
          CAPTURE(static_cast<int>(mode));
          CAPTURE(static_cast<int>(border));
          CAPTURE(to_string(dtype));
          Warp warp{"sample_volume", static_cast<MapKind>(kind), 3, {9, 14, 40}, {.mode = mode, .border = border}};
          const Tensor map = warp.kind == MapKind::grid ? draw.tensor({2, 9, 14, 40, 3}, dtype, -3, 15)
                                                        : matrices(draw, 2, 3, kind == 1, 0.4, 0.8, kind * 1e-3, 11);
          compare(warp, volume, map, cotangent_for(draw, warp, volume, dtype), tolerance_of(dtype));
        }
      }
    }
  }
}

TEST_CASE("warps by whole pixels are exact on a device, and many channels and bytes are read") {
  Draws draw;
  const Tensor image = draw.tensor({1, 37, 20, 33}, DType::f32);
  const Warp warp{"sample_affine", MapKind::affine, 2, {20, 33}, {}};
  const Tensor moved = Tensor::from(std::vector<double>{1, 0, 3, 0, 1, -2}, {1, 2, 3});
  CHECK(warp_forward(warp, image.to(gpu), moved.to(gpu)).values() == warp_forward(warp, image, moved).values());
  CHECK(warp_splat(warp, image.to(gpu), moved.to(gpu), {20, 33}).values() ==
        warp_splat(warp, image, moved, {20, 33}).values());
  for (const DType dtype : {DType::u8, DType::u16}) {  // interleaved, as cameras hand them out
    const Tensor bytes = permute(draw.tensor({1, 20, 33, 3}, DType::f64, 0, 255).to(dtype), {0, 3, 1, 2});
    const Tensor there = permute(permute(bytes, {0, 2, 3, 1}).to(gpu), {0, 3, 1, 2});
    CHECK(warp_forward(warp, there, moved.to(gpu)).values() == warp_forward(warp, bytes, moved).values());
  }
  const Tensor strided = permute(image.to(gpu), {0, 1, 3, 2});
  CHECK(difference(warp_forward(warp, strided, moved.to(gpu)),
                   warp_forward(warp, permute(image, {0, 1, 3, 2}), moved)) == 0);
}

TEST_CASE("what is not a number stays where it belongs on a device") {
  Draws draw;
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (const DType dtype : {DType::f64, DType::f32}) {
    for (const Border border : {Border::zeros, Border::border}) {
      Tensor cotangent = draw.tensor({1, 2, 24, 24}, DType::f64);
      cotangent.mutable_data<double>()[30] = nan;
      cotangent.mutable_data<double>()[200] = infinity;
      cotangent = cotangent.to(dtype);
      const Warp warp{"sample_affine", MapKind::affine, 2, {24, 24}, {.border = border}};
      const Tensor turned = matrices(draw, 1, 2, false, 0.3, 1, 0, 24);
      CHECK(difference(warp_splat(warp, cotangent.to(gpu), turned.to(gpu), {24, 24}),
                       warp_splat(warp, cotangent, turned, {24, 24})) < tolerance_of(dtype));
      const Tensor lost = Tensor::from(std::vector<double>{nan, 0, 0, 0, 1, 0}, {1, 2, 3});
      CHECK(difference(warp_splat(warp, cotangent.to(gpu), lost.to(gpu), {24, 24}),
                       warp_splat(warp, cotangent, lost, {24, 24})) == 0);
      CHECK(difference(warp_forward(warp, cotangent.to(gpu), lost.to(gpu)), warp_forward(warp, cotangent, lost)) == 0);
    }
  }
}

TEST_CASE("numbers of very different size are summed on a device") {
  Draws draw;
  const Warp warp{"sample", MapKind::grid, 2, {16, 16}, {.border = Border::border}};
  const Tensor grid = draw.tensor({1, 16, 16, 2}, DType::f32, -2, 18);
  for (const double size : {1e-38, 1e-20, 1e20, 1e38}) {
    const Tensor cotangent = draw.tensor({1, 1, 16, 16}, DType::f32, 0, size);
    CHECK(difference(warp_splat(warp, cotangent.to(gpu), grid.to(gpu), {16, 16}),
                     warp_splat(warp, cotangent, grid, {16, 16})) < 2e-5);
  }
  const Tensor nothing = Tensor::zeros({1, 1, 16, 16});
  CHECK(warp_splat(warp, nothing.to(gpu), grid.to(gpu), {16, 16}).values() == std::vector<double>(256, 0.0));
}

TEST_CASE("products with bands on a device, narrow and wide, along every axis and along two at once") {
  Draws draw;
  for (const DType dtype : {DType::f64, DType::f32}) {
    const Tensor x = draw.tensor({2, 3, 17, 70}, dtype);
    for (const int taps : {1, 2, 3, 5, 6, 9}) {
      const auto band = [&](std::int64_t columns, std::int64_t rows) {
        auto made = std::make_shared<Band>(columns);
        for (std::int64_t i = 0; i < rows; ++i) {
          made->start_row();
          for (int k = 0; k < taps; ++k) made->add((i * 3 + k) % columns, i % 4 == 0 && k > 0 ? 0 : draw(-1, 1));
        }
        return std::shared_ptr<const Band>(std::move(made));
      };
      CAPTURE(taps);
      for (int axis = 0; axis < 4; ++axis) {
        const auto along = band(x.size(axis), axis == 3 ? 90 : 5);
        CHECK(difference(resample(x.to(gpu), axis, along), resample(x, axis, along)) < tolerance_of(dtype));
      }
      const auto rows = band(17, 40), columns = band(70, 33);
      CHECK(difference(resample_planes(x.to(gpu), rows, columns), resample_planes(x, rows, columns)) <
            tolerance_of(dtype));
      Tensor here = x.detach().requires_grad(), there = x.to(gpu).detach().requires_grad();
      const Tensor up = draw.tensor({2, 3, 40, 33}, dtype);
      resample_planes(here, rows, columns).backward(up);
      resample_planes(there, rows, columns).backward(up.to(gpu));
      CHECK(difference(there.grad(), here.grad()) < tolerance_of(dtype));
    }
  }
}
