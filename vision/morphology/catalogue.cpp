// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/morphology/catalogue.h>
#include <lumigrad/vision/morphology/morphology.h>
#include <lumigrad/vision/photometric_rows.h>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace lumigrad {
namespace {

using namespace morphology;
constexpr auto almost = Differentiability::almost_everywhere;

const std::vector<std::string> borders = {"zeros", "border", "reflection", "symmetric", "circular", "geodesic"};

Morphology options_of(const Values& v) {
  Morphology o;
  if (v.has("structuring_element")) o.structuring_element = v.tensor("structuring_element");
  const auto at = std::find(borders.begin(), borders.end(), v.choice("border")) - borders.begin();
  o.geodesic = at == 5;
  if (!o.geodesic) o.border = static_cast<Border>(at);
  o.border_value = v.number("border_value");
  if (const double infinity = v.number("infinity"); infinity != 0) o.infinity = infinity;
  const std::vector<double> origin = v.has("origin") ? v.list("origin") : std::vector<double>{};
  require<FormatError>(origin.empty() || origin.size() == 2, "origin: expected two numbers, got ", origin.size());
  if (!origin.empty()) {
    o.origin_y = static_cast<std::int64_t>(origin[0]);
    o.origin_x = static_cast<std::int64_t>(origin[1]);
  }
  return o;
}

// All values apart from one another.
Tensor ranked(const Shape& shape, std::uint64_t seed) {
  const auto n = static_cast<std::size_t>(shape.numel());
  std::vector<double> values(n);
  std::iota(values.begin(), values.end(), 0.5);
  const Stream draw = Generator{seed, operation_id("order")}.stream(0);
  for (std::size_t i = n; i-- > 1;) std::swap(values[i], values[draw.below(i + 1, i)]);
  for (double& v : values) v /= static_cast<double>(n);
  return Tensor::from(values, shape);
}
// Heights of which no two differ by as much as another two: an opening takes some off and adds others.
Tensor element(std::int64_t rows, std::int64_t columns, double step) {
  std::vector<double> values;
  for (std::int64_t t = 1; t <= rows * columns; ++t) {
    const double cube = static_cast<double>(t * t * t) * std::numbers::phi;
    values.push_back(7 * step * (cube - std::floor(cube)));
  }
  return Tensor::from(values, {rows, columns});
}

Values sample_values(std::uint64_t seed, const Shape& shape, std::size_t i, bool twice) {
  const std::pair<std::int64_t, std::int64_t> windows[] = {{3, 3}, {1, 4}, {5, 3}, {2, 2}};
  const auto [rows, columns] = windows[i % 4];
  std::vector<double> marks(static_cast<std::size_t>(rows * columns), 1.0);
  if (i % 2 == 0) marks[0] = 0;
  Values v{{"image", ranked(shape, seed + i)}, {"kernel", Tensor::from(marks, {rows, columns})}};
  // Eroded twice, flat windows meet the same pixel again: equal values, and the same gradient whichever is taken.
  const double step = 1.0 / static_cast<double>(std::max<std::int64_t>(shape.numel(), 1));
  if (i % 3 != 1 && shape.numel() > 3) v.set("structuring_element", element(rows, columns, twice ? 0.4 * step : step));
  v.set("border", borders[(i + 5) % 6]);
  if (borders[(i + 5) % 6] == "zeros") v.set("border_value", 0.503 + 0.1 * step);
  if (i % 5 == 3) v.set("origin", std::vector<double>{0, static_cast<double>(columns - 1)});
  if (i % 5 == 3) v.set("border", std::string("border"));
  if (i % 4 == 2) v.set("infinity", 100.0);
  return v;
}

Operator row(const char* name, const char* doc, Tensor (*call)(const Tensor&, const Tensor&, const Morphology&, Here),
             bool twice) {
  Operator op;
  op.name = std::string("morphology.") + name;
  op.doc = doc;
  op.arguments = {
      {.name = "image", .doc = "[.., C, H, W]", .gradient = almost},
      {.name = "kernel", .doc = "[rows, columns], not zero where a place belongs to the window"},
      {.name = "structuring_element", .doc = "heights [rows, columns]", .gradient = almost, .optional = true},
      rows::choice("border", "what lies outside; geodesic: nothing", borders, "geodesic"),
      {.name = "border_value",
       .kind = Argument::Kind::number,
       .doc = "with zeros: the value outside",
       .otherwise = "0"},
      {.name = "origin",
       .kind = Argument::Kind::list,
       .doc = "(y, x) of the place on the pixel; [] for the middle",
       .otherwise = "[]"},
      {.name = "infinity",
       .kind = Argument::Kind::number,
       .doc = "by how much places outside of the window fall short; 0: infinitely",
       .otherwise = "0"}};
  op.call = [call](const Values& v) {
    return std::vector{call(v.tensor("image"), v.tensor("kernel"), options_of(v), Here())};
  };
  op.samples = [twice](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const auto& [what, shape] : rows::image_shapes(3))
      samples.push_back({what, sample_values(seed, shape, samples.size(), twice)});
    return samples;
  };
  if (twice) {
    op.grad_bound = 1e-3;
    op.bound_reason = "what erosion and dilation say of the structuring element often cancels";
  }
  const Tensor image = Tensor::ones({1, 1, 4, 4}, DType::f64);
  op.refusals = {
      {"no image", {{"image", Tensor::ones({5})}, {"kernel", Tensor::ones({3, 3})}}, op.name + ": expected"},
      {"no window", {{"image", image}, {"kernel", Tensor::zeros({3, 3})}}, "at least one place"},
      {"whole numbers",
       {{"image", Tensor::ones({1, 1, 4, 4}, DType::i64)}, {"kernel", Tensor::ones({3, 3})}},
       op.name + ": expected"},
      {"another shape",
       {{"image", image}, {"kernel", Tensor::ones({3, 3})}, {"structuring_element", Tensor::ones({3, 2})}},
       "the kernel's shape"},
      {"no infinity", {{"image", image}, {"kernel", Tensor::ones({3, 3})}, {"infinity", -1.0}}, "an infinity above 0"}};
  op.bench = [](const Shape& shape, DType dtype) {
    return Values{{"image", uniform({7, 1}, shape, 0, 1, dtype)}, {"kernel", Tensor::ones({3, 3}, dtype)}};
  };
  return op;
}

std::vector<Operator> all_rows() {
  std::vector<Operator> all = {row("dilation", "The greatest value of a window, turned round.", dilation, false),
                               row("erosion", "The least value of a window.", erosion, false),
                               row("opening", "Eroded, then dilated.", opening, true),
                               row("closing", "Dilated, then eroded.", closing, true),
                               row("gradient", "Dilated less eroded.", gradient, false),
                               row("top_hat", "The image less its opening.", top_hat, true),
                               row("bottom_hat", "Its closing less the image.", bottom_hat, true)};
  // A plateau: the first of the window in row-major order has all of the gradient.
  const Tensor flat = Tensor::ones({1, 1, 1, 3}, DType::f64),
               seed = Tensor::from(std::vector<double>{0, 1, 0}, {1, 1, 1, 3});
  for (const std::size_t i : {0, 1})
    all[i].kinks.push_back({"equal values",
                            {{"image", flat}, {"kernel", Tensor::ones({1, 3}, DType::f64)}},
                            seed,
                            "image",
                            Tensor::from(std::vector<double>{1, 0, 0}, {1, 1, 1, 3})});
  // The window is the pixel to the right of the dilated one, to the left of the eroded one; at an end it sees nothing.
  const auto line = [](double a, double b, double c) {
    return Tensor::from(std::vector<double>{a, b, c}, {1, 1, 1, 3});
  };
  const Values aside{
      {"image", line(1, 2, 4)}, {"kernel", Tensor::from(std::vector<double>{1, 0, 0}, {1, 3})}, {"infinity", 1e4}};
  all[0].golden.push_back({"nothing to the right", aside, {line(2, 4, -9996)}});
  all[1].golden.push_back({"nothing to the left", aside, {line(10000, 1, 2)}});
  return all;
}

}  // namespace

const std::vector<Operator>& morphology_operators() {
  static const std::vector<Operator> all = all_rows();
  return all;
}

}  // namespace lumigrad
