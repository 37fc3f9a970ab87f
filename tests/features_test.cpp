// SPDX-License-Identifier: Apache-2.0
#include "registration_scene.h"

#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/cpu/product_kernels.h>
#include <lumigrad/vision/features/feature_kernels.h>
#include <lumigrad/vision/features/features.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace lumigrad;
using namespace lumigrad::features;
using scene::Point;

namespace {

constexpr int height = 200, width = 240;

Point place(const Keypoint& k) { return {static_cast<double>(k.x), static_cast<double>(k.y)}; }

double distance(Point a, Point b) { return std::hypot(a.x - b.x, a.y - b.y); }

/// Points at random places and where a motion takes them, the first `right` of them; the rest go anywhere.
struct Scattered {
  Features a, b;
  std::vector<Match> matches;
};
Scattered scattered(int count, int right, const scene::Matrix3& truth, double noise) {
  scene::Dice dice(11);
  Scattered s;
  for (int i = 0; i < count; ++i) {
    const Point p = {width * dice.next(), height * dice.next()};
    Point q = apply(truth, p);
    q = i < right ? Point{q.x + noise * dice.normal(), q.y + noise * dice.normal()}
                  : Point{width * dice.next(), height * dice.next()};
    // Sizes and directions say nothing, so that nothing but four matches at once can tell.
    s.a.points.push_back({static_cast<float>(p.x), static_cast<float>(p.y), 2, static_cast<float>(6 * dice.next()), 1});
    s.b.points.push_back({static_cast<float>(q.x), static_cast<float>(q.y), 3, static_cast<float>(6 * dice.next()), 1});
    s.matches.push_back({i, i, 0.5f, static_cast<float>(dice.next())});
  }
  std::stable_sort(s.matches.begin(), s.matches.end(),
                   [](const Match& p, const Match& q) { return p.ratio < q.ratio; });
  return s;
}

}  // namespace

TEST_CASE("keypoints are found again in a turned and enlarged view, with their size and direction") {
  const scene::Texture texture(81);
  const double degrees = 50, scale = 1.4;
  const scene::Matrix3 truth = scene::turned(height, width, degrees, scale, 3, -5);
  const Features a = sift(scene::seen(texture, unit_matrix, height, width));
  const Features b = sift(scene::moved(texture, truth, height, width));
  const std::vector<Match> matches = match(a, b);
  REQUIRE(matches.size() > 40);
  std::size_t right = 0, framed = 0;
  for (const Match& m : matches) {
    const Keypoint &p = a.points[static_cast<std::size_t>(m.a)], &q = b.points[static_cast<std::size_t>(m.b)];
    if (distance(apply(truth, place(p)), place(q)) > 2) continue;
    ++right;
    const double turn =
        std::remainder(static_cast<double>(q.angle - p.angle) + degrees * 0.017453292519943295, 6.2831853);
    framed += std::fabs(turn) < 0.2 && std::fabs(std::log(static_cast<double>(q.scale / p.scale) / scale)) < 0.2;
  }
  CHECK(right > matches.size() * 9 / 10);
  CHECK(framed > right * 9 / 10);
  const Consensus found = consensus(a, b, matches);
  CHECK(found.inliers.size() >= right * 9 / 10);
  CHECK(registration::corner_distance(found.matrix, truth, height, width) < 0.7);
}

TEST_CASE("descriptors have length one and are strongest first") {
  const Features f = sift(scene::seen(scene::Texture(82), unit_matrix, height, width), {.most = 150});
  REQUIRE(f.size() == 150);
  REQUIRE(f.descriptors.size() == f.size() * descriptor_length);
  for (std::size_t i = 0; i < f.size(); ++i) {
    double squares = 0;
    for (std::size_t k = 0; k < descriptor_length; ++k) {
      const double v = static_cast<double>(f.descriptors[i * descriptor_length + k]);
      squares += v * v;
    }
    CHECK(squares == doctest::Approx(1).epsilon(1e-5));
    if (i > 0) CHECK(f.points[i].response <= f.points[i - 1].response);
  }
}

TEST_CASE("bytes give the keypoints that floats give, and pixels that do not count give none") {
  Tensor image = scene::seen(scene::Texture(83), unit_matrix, height, width);
  Tensor bytes = Tensor::empty({1, height, width}, DType::u8);
  for (int i = 0; i < height * width; ++i)
    bytes.mutable_data<std::uint8_t>()[i] =
        static_cast<std::uint8_t>(std::lround(255 * static_cast<double>(image.data<float>()[i])));
  const Features plain = sift(image), coarse = sift(bytes);
  std::size_t common = 0;
  for (const Keypoint& k : coarse.points)
    common += std::any_of(plain.points.begin(), plain.points.end(),
                          [&](const Keypoint& p) { return distance(place(p), place(k)) < 0.3; });
  CHECK(common > coarse.size() * 9 / 10);

  for (int y = 60; y < 140; ++y)
    for (int x = 80; x < 180; ++x) image.mutable_data<float>()[y * width + x] = std::numeric_limits<float>::quiet_NaN();
  const Features masked = sift(image);
  CHECK(masked.size() > 50);
  for (const Keypoint& k : masked.points) {
    CHECK(std::isfinite(k.x + k.y + k.angle));
    const bool inside = k.x > 80 && k.x < 179 && k.y > 60 && k.y < 139;
    CHECK(!inside);
  }
  CHECK(sift(Tensor::full({40, 40}, static_cast<double>(std::numeric_limits<float>::quiet_NaN()))).size() == 0);
  CHECK(sift(Tensor::full({40, 40}, 0.3)).size() == 0);
  CHECK(sift(Tensor::zeros({0, 7})).size() == 0);
  CHECK_THROWS_AS(sift(Tensor::zeros({3, 8, 8})), ShapeError);
  CHECK_THROWS_AS(sift(Tensor::zeros({8, 8}, DType::f64)), DTypeError);
}

TEST_CASE("a homography is found among four times as many wrong matches as right ones") {
  scene::Matrix3 truth = scene::turned(height, width, 25, 0.9, 8, 3);
  truth[6] = 6e-4, truth[7] = -3e-4;
  const Scattered s = scattered(400, 80, truth, 0.4);
  const Consensus found = consensus(s.a, s.b, s.matches, {.trials = 20000});
  CHECK(registration::corner_distance(found.matrix, truth, height, width) < 1);
  std::size_t right = 0;
  for (int i : found.inliers) right += s.matches[static_cast<std::size_t>(i)].a < 80;
  CHECK(right > 74);
  CHECK(found.inliers.size() < right + 12);
  const Consensus again = consensus(s.a, s.b, s.matches, {.trials = 20000});
  CHECK(again.matrix == found.matrix);
  CHECK(again.inliers == found.inliers);
}

TEST_CASE("simpler motions stay what they are, and nothing is made of noise") {
  const scene::Matrix3 truth = scene::turned(height, width, -40, 1.3, 0, 9);
  const Scattered s = scattered(100, 60, truth, 0.3);
  const Consensus turned = consensus(s.a, s.b, s.matches, {.motion = Planar::similarity});
  CHECK(turned.matrix[0] == doctest::Approx(turned.matrix[4]).epsilon(1e-9));
  CHECK(turned.matrix[1] == doctest::Approx(-turned.matrix[3]).epsilon(1e-9));
  CHECK(turned.matrix[6] == doctest::Approx(0).epsilon(1e-12));
  CHECK(registration::corner_distance(turned.matrix, truth, height, width) < 0.5);
  const Consensus sheared = consensus(s.a, s.b, s.matches, {.motion = Planar::affine});
  CHECK(std::fabs(sheared.matrix[6]) < 1e-12);
  CHECK(registration::corner_distance(sheared.matrix, truth, height, width) < 0.7);
  const Scattered noise = scattered(200, 0, truth, 0);
  CHECK(consensus(noise.a, noise.b, noise.matches).inliers.size() < 15);
  CHECK(consensus(s.a, s.b, {}).inliers.empty());
}

TEST_CASE("products and extrema are what plain loops give, at every instruction level") {
  scene::Dice dice(5);
  constexpr int product_rows = 4, product_columns = 16;
  std::vector<float> a(product_rows * 20), b(20 * product_columns), out(product_rows * product_columns);
  std::vector<float> room(static_cast<std::size_t>(product_room<float>(20, product_columns, product_rows)));
  for (float& v : a) v = static_cast<float>(dice.next());
  for (float& v : b) v = static_cast<float>(dice.next());
  constexpr int count = 70;
  std::vector<std::vector<float>> layers(9, std::vector<float>(count + 32));
  const float* rows[9];
  for (std::size_t k = 0; k < 9; ++k) {
    for (float& v : layers[k]) v = static_cast<float>(std::floor(9 * dice.next()) - 4);
    if (k != 4)
      for (float& v : layers[k]) v *= 0.6f;
    rows[k] = layers[k].data();
  }
  std::vector<int> expected;
  for (int x = 3; x < count - 3; ++x) {
    bool above = true, below = true;
    for (int k = 0; k < 9; ++k)
      for (int i = -1; i <= 1; ++i)
        if (k != 4 || i != 0) above &= rows[4][x] > rows[k][x + i], below &= rows[4][x] < rows[k][x + i];
    if ((above && rows[4][x] > 0.5f) || (below && rows[4][x] < -0.5f)) expected.push_back(x);
  }
  REQUIRE(expected.size() > 2);
  for (Level level : {Level::baseline, Level::v3, Level::v4}) {
    if (!available(level)) continue;
    CAPTURE(name(level));
    const FeatureKernels& kernels = feature_kernels(level);
    LUMIGRAD_AT(level, products)
        .f32.multiply({a.data(), 20, 1}, {b.data(), product_columns, 1}, {out.data(), product_columns, 1}, product_rows,
                      20, product_columns, room.data());
    for (int r = 0; r < product_rows; ++r)
      for (int c = 0; c < product_columns; ++c) {
        double sum = 0;
        for (int k = 0; k < 20; ++k)
          sum += static_cast<double>(a[static_cast<std::size_t>(r * 20 + k)]) *
                 static_cast<double>(b[static_cast<std::size_t>(k * product_columns + c)]);
        CHECK(static_cast<double>(out[static_cast<std::size_t>(r * product_columns + c)]) ==
              doctest::Approx(sum).epsilon(1e-5));
      }
    std::vector<int> columns(count);
    columns.resize(static_cast<std::size_t>(kernels.extrema(rows, 0.5f, 3, count - 3, columns.data())));
    CHECK(columns == expected);
  }
}
