// SPDX-License-Identifier: Apache-2.0
// torch.* references of the engine's own operators.
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/views.h>
#include <limits>
#include <map>
#include "binding.h"

namespace lumigrad::parity {
namespace {

const Rename unary = {{"input", "x"}};
const Rename binary = {{"input", "a"}, {"other", "b"}};

// torch's `dim` (one number, a list, or absent for all axes) as the row's `axes`.
void axes_from_dim(const GoldenCase& golden, Values& values) {
  std::vector<double> axes;
  const auto dim = golden.params.find("dim");
  if (dim != golden.params.end() && dim->is_array() && !dim->empty())
    axes = dim->get<std::vector<double>>();
  else if (dim != golden.params.end() && dim->is_number())
    axes = {dim->get<double>()};
  else
    for (int axis = 0; axis < golden.inputs.at("input").rank(); ++axis) axes.push_back(axis);
  values.set("axes", axes);
}

// A missing bound of clamp is an infinite one; tensors broadcast from the last axis on.
void open_bounds(const GoldenCase& golden, Values& values) {
  for (const char* name : {"low", "high"}) {
    Tensor bound = values.has(name) ? values.tensor(name) : Tensor(0.0);
    while (bound.numel() > 1 && bound.rank() < golden.inputs.at("input").rank()) bound = unsqueeze(bound, 0);
    if (bound.numel() > 1) values.set(name, bound);
  }
  if (!values.has("low")) values.set("low", -std::numeric_limits<double>::infinity());
  if (!values.has("high")) values.set("high", std::numeric_limits<double>::infinity());
}

// matmul of torch takes vectors: a row on the left, a column on the right, and drops those axes again.
void vectors_to_matrices(const GoldenCase& golden, Values& values) {
  const Tensor &a = golden.inputs.at("input"), &b = golden.inputs.at("other");
  if (a.rank() == 1) values.set("a", unsqueeze(a, 0));
  if (b.rank() == 1) values.set("b", unsqueeze(b, 1));
}
std::vector<Tensor> matrices_to_vectors(const GoldenCase& golden, const std::vector<Tensor>& results) {
  Tensor y = results[0];
  if (golden.inputs.at("other").rank() == 1) y = squeeze(y, -1);
  if (golden.inputs.at("input").rank() == 1) y = squeeze(y, golden.inputs.at("other").rank() == 1 ? -1 : -2);
  return {y};
}

// solve of torch takes a vector as the right-hand side.
bool vector_side(const GoldenCase& golden) {
  const Tensor &a = golden.inputs.at("A"), &b = golden.inputs.at("B");
  return b.rank() == 1 || (b.rank() == a.rank() - 1 && b.shape() == a.shape().without(-1));
}

// The tensors of a list argument, in the order of the call.
void parts_in_order(const GoldenCase& golden, Values& values) {
  const char* names[] = {"a", "b", "c", "d"};
  for (std::size_t i = 0; i < golden.order.size() && i < 4; ++i)
    values.set(names[i], golden.inputs.at(golden.order[i]));
  values.set("axis", golden.param<std::int64_t>("dim", 0));
}

// interpolate: "nearest" is the floor of the position, "nearest-exact" the closest pixel; lines and volumes have other
// names for what is bilinear here.
void way_of_interpolating(const GoldenCase& golden, Values& values) {
  const std::map<std::string, std::string> ways = {
      {"nearest", "floor"}, {"nearest-exact", "nearest"}, {"linear", "bilinear"}, {"trilinear", "bilinear"}};
  const auto way = golden.param("mode", std::string("nearest"));
  const auto renamed = ways.find(way);
  values.set("mode", renamed == ways.end() ? way : renamed->second);
  values.set("antialias", std::string(golden.param("antialias", false) ? "support" : "none"));
}

// One number is for every axis. A line is an image of one row.
void extents_of_all_axes(const GoldenCase& golden, Values& values, const char* factors) {
  const Tensor& x = golden.inputs.at("input");
  for (const auto& [name, to] : Rename{{"size", "size"}, {"scale_factor", factors}}) {
    const auto given = golden.params.find(name);
    if (given == golden.params.end() || given->is_null()) continue;
    std::vector<double> list =
        given->is_array() ? given->get<std::vector<double>>() : std::vector<double>(x.rank() - 2, given->get<double>());
    if (x.rank() == 3) list.insert(list.begin(), 1.0);
    values.set(to, list);
  }
  if (x.rank() == 3) values.set("image", unsqueeze(x, 2));
}

std::vector<Tensor> image_to_line(const GoldenCase& golden, const std::vector<Tensor>& results) {
  return golden.inputs.at("input").rank() == 3 ? std::vector{squeeze(results[0], 2)} : results;
}

}  // namespace

std::vector<Binding> torch_bindings() {
  std::vector<Binding> all;
  for (const char* name : {"abs",   "acos",    "asin",  "atan", "cos",   "cosh",   "erf",     "exp",        "expm1",
                           "floor", "log",     "log1p", "ceil", "trunc", "lgamma", "digamma", "reciprocal", "round",
                           "rsqrt", "sigmoid", "sign",  "sin",  "sinh",  "sqrt",   "square",  "tan",        "tanh"})
    all.push_back({std::string("torch.") + name, std::string("engine.") + name, unary});
  for (const char* name : {"elu", "gelu", "relu", "silu", "softplus", "logsigmoid", "softsign"})
    all.push_back(
        {std::string("torch.nn.functional.") + name, std::string("engine.") + name, {{"input", "x"}, {"inplace", ""}}});
  all.push_back({"torch.div", "engine.div", {{"input", "a"}, {"other", "b"}, {"rounding_mode", "rounding"}}});
  for (const char* name : {"add", "sub"})
    all.push_back({std::string("torch.") + name,
                   std::string("engine.") + name,
                   {{"input", "a"}, {"other", "b"}, {"alpha", ""}},
                   [](const GoldenCase& golden, Values& values) {
                     if (golden.params.contains("alpha"))
                       values.set("b", mul(values.tensor("b"), golden.param("alpha", 1.0)));
                   }});
  for (const char* name : {"mul", "maximum", "minimum", "hypot", "fmod", "remainder"})
    all.push_back({std::string("torch.") + name, std::string("engine.") + name, binary});

  all.push_back({"torch.nn.functional.leaky_relu",
                 "engine.leaky_relu",
                 {{"input", "x"}, {"negative_slope", "slope"}, {"inplace", ""}}});
  all.push_back({"torch.atan2", "engine.atan2", {{"input", "y"}, {"other", "x"}}});
  all.push_back({"torch.pow", "engine.pow", {{"input", "base"}}});
  all.push_back({"torch.lerp", "engine.lerp", {{"input", "a"}, {"end", "b"}, {"weight", "t"}}});
  all.push_back({"torch.where", "engine.where", {{"condition", "mask"}, {"x", "a"}, {"y", "b"}}});
  all.push_back({"torch.clamp", "engine.clamp", {{"input", "x"}, {"min", "low"}, {"max", "high"}}, open_bounds});

  const Rename reduction = {{"input", "x"}, {"dim", ""}, {"keepdim", "keep"}};
  all.push_back({"torch.sum", "engine.sum", reduction, axes_from_dim});
  all.push_back({"torch.mean", "engine.mean", reduction, axes_from_dim});

  all.push_back({"torch.matmul", "engine.matmul", binary, vectors_to_matrices, matrices_to_vectors});
  all.push_back({"torch.bmm", "engine.matmul", {{"input", "a"}, {"mat2", "b"}}});
  all.push_back({"torch.linalg.inv", "engine.inverse", {{"A", "a"}}});
  all.push_back({.golden = "torch.linalg.solve",
                 .op = "engine.solve",
                 .names = {{"A", "a"}, {"B", "b"}, {"left", ""}},
                 .arrange =
                     [](const GoldenCase& golden, Values& values) {
                       if (!golden.param("left", true)) {  // X A = B, turned over
                         values.set("a", transpose(golden.inputs.at("A"), -1, -2));
                         values.set("b", transpose(golden.inputs.at("B"), -1, -2));
                       } else if (vector_side(golden))
                         values.set("b", unsqueeze(golden.inputs.at("B"), -1));
                     },
                 .rearrange =
                     [](const GoldenCase& golden, const std::vector<Tensor>& results) {
                       if (!golden.param("left", true)) return std::vector{transpose(results[0], -1, -2)};
                       return vector_side(golden) ? std::vector{squeeze(results[0], -1)} : results;
                     }});

  const Rename list = {{"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}, {"dim", ""}};
  all.push_back({"torch.cat", "engine.concat", list, parts_in_order});
  all.push_back({"torch.stack", "engine.stack", list, parts_in_order});
  all.push_back({"torch.flip", "engine.flip", {{"input", "x"}, {"dims", "axes"}}});
  const Rename interpolation = {{"input", "image"}, {"scale_factor", ""}, {"recompute_scale_factor", ""}};
  all.push_back({.golden = "torch.nn.functional.interpolate",
                 .op = "geometry.rescale",
                 .names = interpolation,
                 .arrange =
                     [](const GoldenCase& golden, Values& values) {
                       way_of_interpolating(golden, values);
                       extents_of_all_axes(golden, values, "factor");
                     },
                 .rearrange = image_to_line,
                 .when = [](const GoldenCase& golden) { return golden.param("recompute_scale_factor", false); }});
  all.push_back({.golden = "torch.nn.functional.interpolate",
                 .op = "geometry.resize",
                 .names = interpolation,
                 .arrange =
                     [](const GoldenCase& golden, Values& values) {
                       way_of_interpolating(golden, values);
                       extents_of_all_axes(golden, values, "scale");
                     },
                 .rearrange = image_to_line,
                 .when = [](const GoldenCase& golden) { return !golden.param("recompute_scale_factor", false); }});
  return all;
}

}  // namespace lumigrad::parity
