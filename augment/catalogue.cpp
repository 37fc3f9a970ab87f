// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/augment/catalogue.h>
#include <lumigrad/augment/registry.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/photometric_rows.h>
#include <algorithm>
#include <cmath>

namespace lumigrad {
namespace {

using augment::Draw;
using augment::Kind;
constexpr auto almost = Differentiability::almost_everywhere;

/// The choices of an option that is a text.
std::vector<std::string> choices_of(const Kind& kind, const std::string& option) {
  if (option == "mode" && kind.volume) return {"bilinear", "nearest"};
  if (option == "mode") return {"bilinear", "nearest", "bicubic"};
  if (option == "border") return {"zeros", "border", "reflection", "symmetric", "circular"};
  std::vector<std::string> orders;
  std::string order = "bchs";
  do orders.push_back(order);
  while (std::next_permutation(order.begin(), order.end()));
  return orders;
}

/// Results of an augmentation under the numbers of a call.
std::vector<Tensor> applied(const Kind& kind, const Values& v) {
  const auto augmentation = kind.make();
  for (const auto& [name, setting] : augmentation->settings()) {
    if (setting.if_flag()) augmentation->set(name, v.flag(name));
    if (setting.if_number()) augmentation->set(name, v.number(name));
    if (setting.if_text()) augmentation->set(name, v.choice(name));
  }
  const Tensor image = v.tensor("image");
  Draw draw;
  draw.gate = v.tensor("gate");
  for (const auto& parameter : augmentation->drawn()) draw.values[parameter.name] = v.tensor(parameter.name);
  std::vector<Tensor> results = {augmentation->apply(image, draw)};
  if (augmentation->is_geometric()) results.push_back(augmentation->transform_matrix(draw, image.shape()));
  return results;
}

std::vector<Argument> arguments_of(const augment::Augmentation& augmentation, const Kind& kind) {
  std::vector<Argument> all = {{.name = "image",
                                .doc = kind.volume ? "volumes [N, C, D, H, W]" : "images [N, C, H, W] in [0, 1]",
                                .gradient = almost}};
  for (const auto& p : augmentation.drawn()) {
    const bool bounded = std::isfinite(p.domain.lowest) || std::isfinite(p.domain.highest);
    all.push_back({.name = p.name,
                   .doc = "one number, or one an image",
                   .gradient = p.differentiable ? almost : Differentiability::none,
                   .range = bounded ? message("[", p.domain.lowest, ", ", p.domain.highest, "]") : "",
                   .otherwise = to_string(p.domain.neutral)});
  }
  all.push_back({.name = "gate",
                 .doc = "one an image: 1 applied, 0 left alone, in between a mixture",
                 .gradient = Differentiability::exact,
                 .range = "[0, 1]",
                 .optional = true});
  for (const auto& [name, setting] : augmentation.settings()) {
    if (const auto* flag = setting.if_flag())
      all.push_back({.name = name, .kind = Argument::Kind::flag, .otherwise = *flag ? "true" : "false"});
    if (const auto* number = setting.if_number())
      all.push_back({.name = name, .kind = Argument::Kind::number, .otherwise = to_string(*number)});
    if (const auto* text = setting.if_text())
      all.push_back({.name = name,
                     .kind = Argument::Kind::choice,
                     .otherwise = "\"" + *text + "\"",
                     .choices = choices_of(kind, name)});
  }
  return all;
}

std::vector<Sample> samples_of_kind(const Kind& kind, std::uint64_t seed) {
  const auto augmentation = kind.make();
  std::vector<Sample> all;
  const std::vector<std::pair<const char*, Shape>> planes = {
      {"odd size", {1, 3, 5, 7}},      {"two, even size", {2, 3, 4, 6}}, {"one row", {1, 3, 1, 9}},
      {"one column", {2, 3, 7, 1}},    {"three", {3, 3, 6, 5}},          {"wide", {1, 3, 4, 11}},
      {"two, odd size", {2, 3, 5, 5}}, {"tall", {1, 3, 9, 4}},           {"two, larger", {2, 3, 8, 9}}};
  for (std::size_t i = 0; i < planes.size(); ++i) {
    Shape shape = planes[i].second;
    if (kind.volume) shape = shape.with(1, 1).inserted(2, 2 + static_cast<std::int64_t>(i % 3));
    const bool apart = kind.volume || std::string_view(kind.name) == "median_blur";  // no two values alike
    Values values = {{"image", apart ? uniform({seed, static_cast<std::uint32_t>(i)}, shape, 0, 1, DType::f64)
                                     : rows::image(seed + i, shape, 0.3, 0.62, {0.48})}};
    for (const auto& p : augmentation->drawn()) {
      const Tensor u =
          uniform(Generator{seed, static_cast<std::uint32_t>(i)}.then(p.name), {shape[0]}, 0, 1, DType::f64);
      std::vector<double> numbers = u.values();
      for (double& x : numbers) x = p.usual.first + (p.usual.second - p.usual.first) * x;
      values.set(p.name, i % 3 == 2 && shape[0] == 1 ? Tensor::full({}, numbers[0], DType::f64)
                                                     : Tensor::from(numbers, {shape[0]}));
    }
    if (i % 3 == 1) values.set("gate", uniform({seed, 77}, {shape[0]}, 0.6, 0.95, DType::f64));
    if (i == 4) values.set("gate", Tensor::from(std::vector<double>{1, 0, 1}, {3}));
    for (const auto& [name, setting] : augmentation->settings()) {
      if (setting.if_flag()) values.set(name, i % 4 != 1);
      if (name == "fill" && i % 4 == 2) values.set(name, 0.75);
      if (name.starts_with("kernel") && i % 2 == 1) values.set(name, name == "kernel_width" ? 5.0 : 4.0);
      if (setting.if_text()) {
        const std::vector<std::string> known = choices_of(kind, name);
        values.set(name, known[(name == "order"                 ? 5 * i
                                : name == "mode" && kind.volume ? std::size_t{i == 3}
                                                                : i) %
                               known.size()]);
      }
    }
    all.push_back({planes[i].first, values});
  }
  return all;
}

Operator row_of(const Kind& kind) {
  const auto augmentation = kind.make();
  Operator row = {.name = message("augment.", kind.name),
                  .doc = kind.doc,
                  .arguments = arguments_of(*augmentation, kind),
                  .call = [kind](const Values& v) { return applied(kind, v); },
                  .samples = [kind](std::uint64_t seed) { return samples_of_kind(kind, seed); }};
  if (augmentation->is_geometric()) row.outputs = {"out", "matrix"};
  row.refusals = {
      {"too few axes", {{"image", Tensor::ones({3, 4})}}, "expected images"},
      {"another number of gates",
       {{"image", Tensor::ones(kind.volume ? Shape{2, 1, 3, 3, 3} : Shape{2, 3, 4, 4})}, {"gate", Tensor::ones({3})}},
       "expected a draw of gate"},
      {"bytes",
       {{"image", Tensor::zeros(kind.volume ? Shape{1, 1, 3, 3, 3} : Shape{1, 3, 4, 4}, DType::u8)}},
       "expected images of f32 or f64"}};
  if (!kind.volume) {
    row.bench = [kind](const Shape& image, DType dtype) {
      Values values = {{"image", uniform({5, 5}, image, 0.1, 0.9, dtype)}};
      const auto augmentation = kind.make();
      for (const auto& p : augmentation->drawn())
        values.set(p.name, Tensor::full({image[0]}, 0.3 * p.usual.first + 0.7 * p.usual.second, dtype));
      return values;
    };
    row.bench_bytes = [](const Shape& image, DType dtype) {
      const double plane = static_cast<double>(image.numel()) * static_cast<double>(size_of(dtype));
      return std::pair(2 * plane, 5 * plane);
    };
  }
  const std::string name = kind.name;
  if (name == "hue" || name == "color_jiggle" || name == "color_jitter" || name == "saturation") {
    row.grad_bound = 1e-3;
    row.bound_reason = "hue divides by chroma";
  }
  return row;
}

}  // namespace

const std::vector<Operator>& augment_operators() {
  static const std::vector<Operator> all = [] {
    std::vector<Operator> rows;
    for (const Kind& kind : augment::kinds()) rows.push_back(row_of(kind));
    for (Operator& row : augment::annotation_rows()) rows.push_back(std::move(row));
    return rows;
  }();
  return all;
}

}  // namespace lumigrad
