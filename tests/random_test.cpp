// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/philox.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/views.h>
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

using namespace lumigrad;

namespace {

bool equals(const Words4& got, std::array<std::uint32_t, 4> wanted) {
  return std::equal(wanted.begin(), wanted.end(), got.word);
}

/// The tail probability of the standard normal distribution below z.
double probability_below(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

struct ThreadsGuard {
  explicit ThreadsGuard(int count) { set_num_threads(count); }
  ~ThreadsGuard() { set_num_threads(0); }
};

double mean(const std::vector<double>& x) { return std::accumulate(x.begin(), x.end(), 0.0) / double(x.size()); }
double moment(const std::vector<double>& x, int power) {
  double sum = 0;
  for (const double value : x) sum += std::pow(value, power);
  return sum / double(x.size());
}

}  // namespace

TEST_CASE("Philox gives the published words") {
  CHECK(equals(philox(0, {{0, 0, 0, 0}}), {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t ones = 0xffffffff;
  CHECK(
      equals(philox(~std::uint64_t{0}, {{ones, ones, ones, ones}}), {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  CHECK(equals(philox(0x299f31d0a4093822, {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}),
               {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST_CASE("uniform numbers reach both ends of [0, 1) and never 1") {
  CHECK(unit_float(0) == 0);
  CHECK(unit_float(0xffffffff) == 1 - 0x1p-24f);
  CHECK(unit_double(0) == 0);
  CHECK(unit_double(~std::uint64_t{0}) == 1 - 0x1p-53);
}

TEST_CASE("the own logarithm is within two units in the last place where it is used") {
  for (double p = 1e-19; p < 0.08; p *= 1.0137) {
    CHECK(std::abs(exact::log(p) / std::log(p) - 1) < 2.3e-16 * 2);
    const auto f = static_cast<float>(p);
    CHECK(std::abs(double(exact::log(f)) / std::log(double(f)) - 1) < 6e-8 * 2);
  }
}

TEST_CASE("the normal quantile inverts the distribution") {
  for (double p = 5e-20; p < 0.5; p *= 1.0713) {
    const double z = normal_quantile_below(p);
    // d log p / dz = density / p, about -z far out: what a few roundings of z, here and in erfc, cost.
    CHECK(std::abs(probability_below(z) / p - 1) < 1e-15 * (2 + z * z));
    if (p < 1e-10) continue;
    const auto f = static_cast<float>(p);
    CHECK(std::abs(double(normal_quantile_below(f)) - normal_quantile_below(double(f))) < 6e-7 * (1 - z));
  }
  CHECK(normal_quantile_below(0.5) == 0);
  CHECK(normal_quantile_below(0.5f) == 0);
}

TEST_CASE("the bits of the normal numbers are fixed") {
  // The same words come out on every level, compiler and device.
  const auto bits = [](float x) { return std::bit_cast<std::uint32_t>(x); };
  const std::uint32_t seeds[] = {0, 1, 0x7fffffff, 0x80000000, 0x12345678, 0xdeadbeef, 0xffffffff};
  std::uint32_t hash = 0;
  for (const std::uint32_t seed : seeds) hash = hash * 31 + bits(normal_from(seed));
  for (std::uint32_t i = 0; i < 100000; ++i) hash = hash * 31 + bits(normal_from(i * 42949u));
  CHECK(hash == 3180915730u);
  std::uint64_t wide = 0;
  for (std::uint64_t i = 0; i < 100000; ++i)
    wide = wide * 31 + std::bit_cast<std::uint64_t>(normal_from(i * std::uint64_t{184467440737095}));
  CHECK(wide == 12898430922869919021u);
}

TEST_CASE("moments and correlations are those of the distribution") {
  const Generator generator{.seed = 11};
  const std::int64_t n = 400000;
  const double noise = 1 / std::sqrt(double(n));
  for (const DType dtype : {DType::f32, DType::f64}) {
    const auto u = uniform(generator, {n}, 0, 1, dtype).values();
    CHECK(std::abs(mean(u) - 0.5) < 4 * 0.29 * noise);
    CHECK(std::abs(moment(u, 2) - 1.0 / 3) < 4 * 0.3 * noise);
    const auto z = normal(generator, {1, n}, 0, 1, dtype).values();
    CHECK(std::abs(mean(z)) < 4 * noise);
    CHECK(std::abs(moment(z, 2) - 1) < 4 * 1.42 * noise);
    CHECK(std::abs(moment(z, 3)) < 4 * 3.9 * noise);
    CHECK(std::abs(moment(z, 4) - 3) < 4 * 9.8 * noise);
    double lag = 0;
    for (std::size_t i = 1; i < z.size(); ++i) lag += z[i] * z[i - 1];
    CHECK(std::abs(lag / double(n)) < 4 * noise);
  }
}

TEST_CASE("a draw depends on seed, operation, sample and position, and on nothing else") {
  const Generator a{.seed = 5};
  CHECK(a.stream(3).word(7) == Generator{.seed = 5}.stream(3).word(7));
  CHECK(a.stream(3).word(7) != a.stream(3).word(8));
  CHECK(a.stream(3).word(7) != a.stream(4).word(7));
  CHECK(a.stream(3).word(7) != a.then("noise").stream(3).word(7));
  CHECK(a.stream(3).word(7) != Generator{.seed = 6}.stream(3).word(7));
  CHECK(a.stream(3).word(7) != a.stream(3 + (std::uint64_t{1} << 32)).word(7));
  CHECK(a.from_sample(2).stream(1).word(7) == a.stream(3).word(7));
  CHECK(a.then("x").then(1).operation != a.then("x").then(2).operation);
}

TEST_CASE("bulk draws equal single ones wherever they begin") {
  const Stream stream = Generator{.seed = 9}.stream(2);
  for (std::uint64_t first = 0; first < 6; ++first) {
    std::vector<float> uniforms(13), normals(13);
    std::vector<double> wide_uniforms(13), wide_normals(13);
    stream.fill_uniform(uniforms, first);
    stream.fill_normal(normals, first);
    stream.fill_uniform(wide_uniforms, first);
    stream.fill_normal(wide_normals, first);
    for (std::uint64_t i = 0; i < 13; ++i) {
      CHECK(uniforms[i] == stream.uniform_float(first + i));
      CHECK(normals[i] == stream.normal_float(first + i));
      CHECK(wide_uniforms[i] == stream.uniform(first + i));
      CHECK(wide_normals[i] == stream.normal(first + i));
    }
  }
}

TEST_CASE("tensors are the same at any thread count and batch split") {
  const Generator generator = Generator{.seed = 77}.then("augment.noise");
  const Shape shape{6, 3, 57, 59};
  const auto whole = normal(generator, shape, 1, 2).values();
  const auto whole_integers = integers(generator, shape, -5, 1000).values();
  for (int threads : {1, 2, 3, 7}) {
    const ThreadsGuard guard(threads);
    CHECK(normal(generator, shape, 1, 2).values() == whole);
    CHECK(integers(generator, shape, -5, 1000).values() == whole_integers);
    std::vector<double> parts;
    for (std::uint64_t sample = 0; sample < 6; sample += 2) {
      const auto part = normal(generator.from_sample(sample), {2, 3, 57, 59}, 1, 2).values();
      parts.insert(parts.end(), part.begin(), part.end());
    }
    CHECK(parts == whole);
  }
}

TEST_CASE("integers cover their range evenly") {
  const auto values = integers({.seed = 3}, {70000}, -3, 4, DType::i32).values();
  std::array<int, 7> counts{};
  for (const double value : values) ++counts.at(static_cast<std::size_t>(value + 3));
  for (const int count : counts) CHECK(std::abs(count - 10000) < 400);
  const Stream stream = Generator{.seed = 4}.stream(0);
  // Three quarters of 2^64: a quarter of the words is refused, and without that the lowest third would be twice as
  // likely.
  const std::uint64_t n = std::uint64_t{3} << 62;
  int low = 0;
  for (std::uint64_t i = 0; i < 30000; ++i) {
    const std::uint64_t value = stream.below(n, i);
    REQUIRE(value < n);
    low += value < n / 3;
  }
  CHECK(std::abs(low - 10000) < 350);
  CHECK(stream.below(1, 0) == 0);
  CHECK_THROWS_AS((void)stream.below(0, 0), NumericError);
}

TEST_CASE("a permutation holds every index once, and all orders appear") {
  auto order = permutation({.seed = 1}, 1000).values();
  CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) REQUIRE(order[i] == double(i));
  std::array<int, 6> counts{};
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    const auto p = permutation({.seed = seed}, 3).values();
    ++counts.at(static_cast<std::size_t>(2 * p[0] + (p[1] > p[2])));
  }
  for (const int count : counts) CHECK(std::abs(count - 1000) < 140);
  CHECK(permutation({}, 0).numel() == 0);
}

TEST_CASE("empty and scalar shapes work, wrong requests are refused") {
  CHECK(uniform({}, {0, 3}).numel() == 0);
  CHECK(uniform({.seed = 8}, {}, 2, 3).item() == doctest::Approx(2 + Generator{.seed = 8}.stream(0).uniform_float(0)));
  CHECK_THROWS_AS(uniform({}, {2}, 1, 0), NumericError);
  CHECK_THROWS_AS(uniform({}, {2}, 0, INFINITY), NumericError);
  CHECK_THROWS_AS(uniform({}, {2}, 0, 1, DType::i32), DTypeError);
  CHECK_THROWS_AS(normal({}, {2}, 0, -1), NumericError);
  CHECK_THROWS_AS(normal({}, {2}, NAN, 1), NumericError);
  CHECK_THROWS_AS(integers({}, {2}, 3, 3), NumericError);
  CHECK_THROWS_AS(integers({}, {2}, 0, std::int64_t{1} << 32, DType::i32), NumericError);
  CHECK_THROWS_AS(integers({}, {2}, 0, 5, DType::u8), DTypeError);
  CHECK_THROWS_AS(permutation({}, -1), ShapeError);
}
