// SPDX-License-Identifier: Apache-2.0
// Rows of what annotations go through (example.h).
#include <lumigrad/augment/catalogue.h>
#include <lumigrad/augment/example.h>
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/ops.h>

namespace lumigrad::augment {
namespace {

constexpr auto exact = Differentiability::exact;
constexpr auto almost = Differentiability::almost_everywhere;

/// Affine maps near the identity, [n, d + 1, d + 1].
Tensor maps(std::uint64_t seed, std::int64_t n, std::int64_t d) {
  const Tensor around = uniform({seed, 3}, {n, d, d + 1}, -0.3, 0.3, DType::f64);
  const Tensor rows = slice(Tensor::eye(d + 1, DType::f64), 0, 0, d) + around;
  const Tensor last = expand(unsqueeze(slice(Tensor::eye(d + 1, DType::f64), 0, d), 0), {n, 1, d + 1});
  return concat({rows, last}, 1);
}

std::vector<Sample> samples_of(std::uint64_t seed, const char* what, bool boxes) {
  std::vector<Sample> all;
  for (std::uint64_t i = 0; i < 8; ++i) {
    const std::int64_t n = 1 + static_cast<std::int64_t>(i % 2), k = 1 + static_cast<std::int64_t>(i % 4),
                       d = i % 4 == 3 ? 3 : 2;
    Tensor x = uniform({seed + i, 4}, {n, k, d}, 0, 9, DType::f64);
    if (boxes) x = concat({x, x + uniform({seed + i, 5}, {n, k, d}, 2, 5, DType::f64)}, 2);
    all.push_back(
        {message(n, " of ", k, " in ", d, " dimensions"), {{what, x}, {"matrix", maps(seed + i, i < 4 ? n : 1, d)}}});
  }
  return all;
}

Operator row(const char* name, const char* doc, const char* what, const char* shape, Differentiability gradient,
             Tensor (*call)(const Tensor&, const Tensor&)) {
  const bool boxes = gradient == almost;
  return {.name = name,
          .doc = doc,
          .arguments = {{.name = what, .doc = shape, .gradient = gradient},
                        {.name = "matrix", .doc = "[N, d + 1, d + 1], source to destination", .gradient = gradient}},
          .call = [=](const Values& v) { return std::vector{call(v.tensor("matrix"), v.tensor(what))}; },
          .samples = [=](std::uint64_t seed) { return samples_of(seed, what, boxes); },
          .refusals = {{"another dimension",
                        {{what, Tensor::ones({1, 2, boxes ? 4 : 2})}, {"matrix", Tensor::ones({1, 4, 4})}},
                        "transform_points: expected points"}}};
}

}  // namespace

std::vector<Operator> annotation_rows() {
  std::vector<Operator> all;
  all.push_back(row("augment.transform_points", "Points under matrices, divided by the last coordinate.", "points",
                    "[N, K, d]", exact, transform_points));
  all.back().golden = {{"a quarter turn and a shift by (5, 1)",
                        {{"points", Tensor::from(std::vector<double>{2, 3}, {1, 1, 2})},
                         {"matrix", Tensor::from(std::vector<double>{0, -1, 5, 1, 0, 1, 0, 0, 1}, {1, 3, 3})}},
                        {Tensor::from(std::vector<double>{2, 3}, {1, 1, 2})}}};
  all.push_back(row("augment.transform_boxes", "The boxes around moved half-open boxes.", "boxes",
                    "[N, B, 4] (x0, y0, x1, y1), or [N, B, 6]", almost, transform_boxes));
  all.back().golden = {{"[2, 5) x [1, 3) of ten columns, mirrored",
                        {{"boxes", Tensor::from(std::vector<double>{2, 1, 5, 3}, {1, 1, 4})},
                         {"matrix", Tensor::from(std::vector<double>{-1, 0, 9, 0, 1, 0, 0, 0, 1}, {1, 3, 3})}},
                        {Tensor::from(std::vector<double>{5, 1, 8, 3}, {1, 1, 4})}}};
  Operator mask = {
      .name = "augment.transform_mask",
      .doc = "A mask read at the nearest pixel under an affine matrix.",
      .arguments = {{.name = "mask", .doc = "[N, K, H, W], any dtype", .gradient = exact},
                    {.name = "matrix", .doc = "[N, 3, 3], source to destination"},
                    {.name = "fill", .kind = Argument::Kind::number, .doc = "value outside", .otherwise = "0"}},
      .call =
          [](const Values& v) {
            return std::vector{transform_mask(v.tensor("matrix"), v.tensor("mask"), v.number("fill"))};
          },
      .samples =
          [](std::uint64_t seed) {
            std::vector<Sample> all;
            for (std::uint64_t i = 0; i < 8; ++i) {
              const std::int64_t n = 1 + static_cast<std::int64_t>(i % 2), w = 3 + static_cast<std::int64_t>(i);
              Values values = {
                  {"mask", uniform({seed + i, 6}, {n, 1 + static_cast<std::int64_t>(i % 3), 5, w}, 0, 1, DType::f64)},
                  {"matrix", maps(seed + i, n, 2)}};
              if (i % 3 == 1) values.set("fill", 2.0);
              all.push_back({message(n, " of width ", w), values});
            }
            return all;
          }};
  mask.refusals = {
      {"a flat matrix", {{"mask", Tensor::ones({1, 1, 3, 3})}, {"matrix", Tensor::ones({3, 3})}}, "expected"}};
  all.push_back(mask);
  return all;
}

}  // namespace lumigrad::augment
