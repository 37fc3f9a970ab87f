// SPDX-License-Identifier: Apache-2.0
// Warps of volumes against positions written down here, where the golden reference divides by w + 1e-8 and exchanges
// axes, and what must hold to the bit.
#include <doctest/doctest.h>

#include <lumigrad/engine/math.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/vision/geometry/matrices3d.h>
#include <lumigrad/vision/geometry/resize.h>
#include <lumigrad/vision/geometry/thin_plate.h>
#include <lumigrad/vision/geometry/transform.h>
#include <lumigrad/vision/geometry/transform3d.h>
#include <algorithm>
#include <array>
#include <cmath>

using namespace lumigrad;
using namespace lumigrad::geometry;

namespace {

double max_difference(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = a.values(), y = b.values();
  REQUIRE(x.size() == y.size());
  double most = 0;
  for (std::size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(x[i] - y[i]));
  return most;
}

using Matrix = std::array<double, 16>;

std::array<double, 3> carried(const Matrix& m, const std::array<double, 3>& p) {
  std::array<double, 4> q{};
  for (std::size_t r = 0; r < 4; ++r) q[r] = m[4 * r] * p[0] + m[4 * r + 1] * p[1] + m[4 * r + 2] * p[2] + m[4 * r + 3];
  return {q[0] / q[3], q[1] / q[3], q[2] / q[3]};
}

// A volume that trilinear interpolation reproduces everywhere: a product of lines.
double field(const std::array<double, 3>& p) { return (2 + p[0]) * (1 - 0.3 * p[1]) * (0.5 + 0.7 * p[2]); }

Tensor sampled_field(VolumeSize s) {
  std::vector<double> values;
  for (int z = 0; z < s.depth; ++z)
    for (int y = 0; y < s.height; ++y)
      for (int x = 0; x < s.width; ++x) values.push_back(field({double(x), double(y), double(z)}));
  return Tensor::from(values, {1, 1, s.depth, s.height, s.width});
}

const Matrix tilted = {0.83, 0.11,  -0.07, 0.9, -0.09, 0.79,   0.06,  0.8,
                       0.05, -0.08, 0.71,  0.7, 0.004, -0.003, 0.005, 1.03};
constexpr VolumeSize size{6, 7, 9};

// The largest difference between `out` and the field at positions(x, y, z), over positions inside the volume.
template <class Positions>
double worst(const Tensor& out, Positions positions) {
  const std::vector<double> got = out.values();
  double most = 0;
  int inside = 0;
  std::size_t i = 0;
  for (int z = 0; z < out.size(2); ++z)
    for (int y = 0; y < out.size(3); ++y)
      for (int x = 0; x < out.size(4); ++x, ++i) {
        const std::array<double, 3> p = positions(std::array<double, 3>{double(x), double(y), double(z)});
        if (p[0] < 0 || p[1] < 0 || p[2] < 0 || p[0] > 8 || p[1] > 6 || p[2] > 5) continue;
        ++inside;
        most = std::max(most, std::abs(got[i] - field(p)));
      }
  CHECK(inside > 40);
  return most;
}

}  // namespace

TEST_CASE("projective warps of volumes read exactly where their matrix says") {
  const Tensor volume = sampled_field(size);
  const Tensor matrix = Tensor::from(std::vector<double>(tilted.begin(), tilted.end()), {1, 4, 4});
  const auto plain = [](const std::array<double, 3>& p) { return carried(tilted, p); };
  CHECK(worst(warp_perspective3d(volume, matrix, {.inverse_map = true}), plain) < 1e-12);
  CHECK(worst(warp_perspective3d(volume, inverse(matrix)), plain) < 1e-12);
  CHECK(worst(warp_perspective3d(volume, inverse(matrix), {.size = {5, 6, 7}, .align_corners = false}),
              [](const std::array<double, 3>& p) {
                std::array<double, 3> q = carried(tilted, p);
                const double n[] = {9, 7, 6};
                for (std::size_t k = 0; k < 3; ++k) q[k] = q[k] * n[k] / (n[k] - 1) - 0.5;
                return q;
              }) < 1e-12);
  for (const bool align : {true, false})
    CHECK(worst(homography_warp3d(volume, matrix, {.size = {5, 8, 7}, .align_corners = align}),
                [align](const std::array<double, 3>& p) {
                  const std::array<double, 3> q = carried(tilted, {p[0] / 3 - 1, p[1] / 3.5 - 1, p[2] / 2 - 1});
                  const auto pixel = [align](double g, double n) {
                    return align ? (g + 1) * (n - 1) / 2 : ((g + 1) * n - 1) / 2;
                  };
                  return std::array<double, 3>{pixel(q[0], 9), pixel(q[1], 7), pixel(q[2], 6)};
                }) < 1e-12);
}

TEST_CASE("crops make their own map: its direction is not an option") {
  const Tensor volume = uniform({5, 7}, {1, 2, 5, 6, 19}, -1, 1, DType::f64);
  CHECK(center_crop3d(volume, {.size = {3, 4, 5}, .inverse_map = true}).values() ==
        center_crop3d(volume, {.size = {3, 4, 5}}).values());
  const Tensor image = select(volume, 2, 0);
  CHECK(center_crop(image, {.size = {4, 5}, .inverse_map = true}).values() ==
        slice(slice(image, 2, 1, 5), 3, 7, 12).values());
  const Tensor box = Tensor::from(std::vector<double>{3, 1, 7, 1, 7, 4, 3, 4}, {1, 4, 2});
  CHECK(crop_and_resize(image, box, {.size = {4, 5}, .inverse_map = true}).values() ==
        crop_and_resize(image, box, {.size = {4, 5}}).values());
}

TEST_CASE("identities, whole translations and mirrors of volumes are exact to the bit") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor volume = uniform({5, 6}, {2, 2, 5, 6, 19}, -1, 1, dtype);
    const Tensor none = Tensor::from(std::vector<double>{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}, {1, 3, 4});
    CHECK(warp_affine3d(volume, none).values() == volume.values());
    CHECK(warp_perspective3d(volume, convert_affinematrix_to_homography3d(none)).values() == volume.values());
    CHECK(rotate3d(volume, {0.0, 0.0, 0.0}).values() == volume.values());
    CHECK(center_crop3d(volume, {.size = {3, 4, 5}}).values() ==
          slice(slice(slice(volume, 2, 1, 4), 3, 1, 5), 4, 7, 12).values());
    const Tensor moved = warp_affine3d(volume, slice(get_affine_matrix3d({.translation = {3.0, -1.0, 2.0}}), 1, 0, 3));
    CHECK(slice(slice(slice(moved, 2, 2), 3, 0, 5), 4, 3).values() ==
          slice(slice(slice(volume, 2, 0, 3), 3, 1), 4, 0, 16).values());
    CHECK(resize(volume, {.size = {6, 19}, .depth = 5}).values() == volume.values());
    const Tensor mirror = Tensor::from(std::vector<double>{-1, 0, 0, 18, 0, 1, 0, 0, 0, 0, -1, 4}, {1, 3, 4});
    CHECK(warp_affine3d(volume, mirror).values() == dflip3d(hflip3d(volume)).values());
    CHECK(vflip3d(vflip3d(volume)).values() == volume.values());
    // The grid of the identity reads every voxel where it is, in both normalisations.
    for (const bool align : {true, false}) {
      const Tensor grid = affine_grid3d(none, {5, 6, 19}, align).to(dtype);
      const Tensor read = grid_sample(volume, grid, {.align_corners = align});
      CHECK(max_difference(read, volume) < (dtype == DType::f32 ? 1e-5 : 1e-13));
    }
  }
}

TEST_CASE("a turn about an axis of space is the turn of its planes") {
  const Tensor volume = uniform({7, 6}, {1, 2, 3, 9, 9}, 0, 1, DType::f64);
  const Tensor turned = rotate3d(volume, {0.0, 0.0, 0.3});
  for (int z = 0; z < 3; ++z)  // right-handed about z is clockwise as displayed
    CHECK(max_difference(select(turned, 2, z), rotate(select(volume, 2, z), -0.3)) < 1e-13);
  // Orthogonal, of determinant 1, and additive about one axis.
  const Tensor axis = Tensor::from(std::vector<double>{0.3, -0.5, 0.7}, {1, 3});
  const auto linear = [](const Tensor& m) { return slice(m, 2, 0, 3); };
  const Tensor once = linear(get_rotation_matrix3d({0.0, 0.0, 0.0}, axis));
  const Tensor twice = linear(get_rotation_matrix3d({0.0, 0.0, 0.0}, mul(axis, 2.0)));
  CHECK(max_difference(matmul(once, once), twice) < 1e-14);
  CHECK(max_difference(inverse(once), transpose(once, 1, 2)) < 1e-14);
  // The centre stays where it is, under turns and shears.
  const Tensor center = Tensor::from(std::vector<double>{1.5, -2, 4}, {1, 3});
  const Tensor shear = Tensor::from(std::vector<double>{0.1, 0.2, -0.3, 0.4, 0.25, -0.15}, {1, 6});
  const Tensor both = get_affine_matrix3d({.center = center, .scale = 1.3, .axis_angle = axis, .shear = shear});
  const Tensor image = matmul(both, reshape(concat({center, Tensor::ones({1, 1}, DType::f64)}, 1), {1, 4, 1}));
  CHECK(max_difference(slice(image, 1, 0, 3), reshape(center, {1, 3, 1})) < 1e-14);
}

TEST_CASE("a grid under a projective map lies where the division by the last coordinate says") {
  const Tensor matrix = Tensor::from(std::vector<double>(tilted.begin(), tilted.end()), {1, 4, 4});
  const Tensor grid = uniform({8, 6}, {1, 2, 3, 4, 3}, -1, 1, DType::f64);
  const std::vector<double> points = grid.values(), got = warp_grid(grid, matrix).values();
  for (std::size_t i = 0; i < points.size(); i += 3) {
    const std::array<double, 3> q = carried(tilted, {points[i], points[i + 1], points[i + 2]});
    for (std::size_t k = 0; k < 3; ++k) CHECK(std::abs(got[i + k] - q[k]) < 1e-14);
  }
  // In the plane: positions of pixels are what position_grid says.
  const Tensor plane = Tensor::from(std::vector<double>{0.9, 0.1, 1, -0.2, 0.8, 2, 0.01, -0.02, 1.1}, {1, 3, 3});
  const Tensor none = Tensor::from(std::vector<double>{1, 0, 0, 0, 1, 0}, {1, 2, 3});
  CHECK(max_difference(warp_grid(position_grid(none, {4, 5}), plane), position_grid(plane, {4, 5})) < 1e-14);
}

TEST_CASE("a thin-plate spline takes its points to their places, and bends no affine map") {
  const Tensor source = uniform({9, 6}, {2, 6, 2}, -1, 1, DType::f64);
  const Tensor destination = add(source, uniform({10, 6}, {2, 6, 2}, -0.2, 0.2, DType::f64));
  const ThinPlate spline = get_tps_transform(source, destination);
  CHECK(max_difference(warp_points_tps(source, destination, spline), destination) < 1e-10);
  const Tensor image = uniform({11, 6}, {2, 3, 8, 9}, 0, 1, DType::f64);
  const ThinPlate straight = get_tps_transform(source, source);
  CHECK(max_difference(warp_image_tps(image, source, straight, {.border = Border::border}), image) < 1e-10);
}
