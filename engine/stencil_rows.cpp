// SPDX-License-Identifier: Apache-2.0
// Rows of convolutions and of windows as columns.
#include <lumigrad/engine/families/stencil.h>
#include <lumigrad/engine/operator_rows.h>

namespace lumigrad::rows {
namespace {

using Kind = Argument::Kind;
using List = std::vector<double>;
using I = std::int64_t;

std::vector<I> whole(const List& values) { return {values.begin(), values.end()}; }
Extents extents(const Values& v, const char* name) { return Extents(whole(v.list(name))); }
Argument list(const char* name, const char* doc, const char* otherwise = "") {
  return {.name = name, .kind = Kind::list, .doc = doc, .otherwise = otherwise};
}
Argument integer(const char* name, const char* doc, const char* otherwise) {
  return {.name = name, .kind = Kind::integer, .doc = doc, .otherwise = otherwise};
}

Tensor ones(const Shape& shape) { return Tensor::ones(shape, DType::f64); }

struct Example {
  const char* name;
  Shape x, weight;
  Values rest;
  bool bias = true;
};

using Conv = Tensor (*)(const Tensor&, const Tensor&, const ConvOptions&, Here);
using ConvTranspose = Tensor (*)(const Tensor&, const Tensor&, const ConvTransposeOptions&, Here);

Operator row(const char* name, const char* doc, const char* weight, const std::vector<Example>& examples,
             bool transposed) {
  const std::string label = name;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = {tensor("x", "[N, in, ..] or [in, ..]"),
                  tensor("weight", weight),
                  tensor("bias", "[out]"),
                  list("stride", "from one window to the next: one number, or one an axis", "1"),
                  list("padding", transposed ? "taken off both sides" : "zeros on both sides", "0"),
                  list("dilation", "from one tap to the next", "1"),
                  integer("groups", "parts of the channels that do not meet", "1")};
  op.arguments[2].optional = true;
  op.samples = [=](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const Example& example : examples) {
      const Generator generator{seed, operation_id(label), samples.size()};
      Values values = example.rest;
      values.set("x", numbers(generator, 0, example.x, -1, 1));
      values.set("weight", numbers(generator, 1, example.weight, -1, 1));
      const I groups = values.has("groups") ? values.integer("groups") : 1;
      const I out = transposed ? example.weight[1] * groups : example.weight[0];
      if (example.bias) values.set("bias", numbers(generator, 2, {out}, -1, 1));
      samples.push_back({example.name, values});
    }
    return samples;
  };
  return op;
}

Operator conv_row(const char* name, const char* doc, Conv call, const std::vector<Example>& examples) {
  Operator op = row(name, doc, "[out, in / groups, taps ..]", examples, false);
  op.arguments.push_back({.name = "same",
                          .kind = Kind::flag,
                          .doc = "as many zeros as keep the size, instead of padding",
                          .otherwise = "false"});
  op.call = [call](const Values& v) {
    return std::vector{call(v.tensor("x"), v.tensor("weight"),
                            {.bias = v.has("bias") ? v.tensor("bias") : Tensor(),
                             .stride = extents(v, "stride"),
                             .padding = extents(v, "padding"),
                             .dilation = extents(v, "dilation"),
                             .groups = v.integer("groups"),
                             .same = v.flag("same")},
                            {})};
  };
  return op;
}

Operator transposed_row(const char* name, const char* doc, ConvTranspose call, const std::vector<Example>& examples) {
  Operator op = row(name, doc, "[in, out / groups, taps ..]", examples, true);
  op.arguments.push_back(list("output_padding", "added to the end of each axis", "0"));
  op.call = [call](const Values& v) {
    return std::vector{call(v.tensor("x"), v.tensor("weight"),
                            {.bias = v.has("bias") ? v.tensor("bias") : Tensor(),
                             .stride = extents(v, "stride"),
                             .padding = extents(v, "padding"),
                             .output_padding = extents(v, "output_padding"),
                             .dilation = extents(v, "dilation"),
                             .groups = v.integer("groups")},
                            {})};
  };
  return op;
}

std::vector<Refusal> wrong_numbers(const char* name, const Shape& x, const Shape& weight) {
  const std::string expected = std::string(name) + ": expected";
  const auto with = [&](const char* option, Value value) {
    return Values{{"x", ones(x)}, {"weight", ones(weight)}, {option, std::move(value)}};
  };
  return {{"integers", {{"x", Tensor::ones(x, DType::i64)}, {"weight", Tensor::ones(weight, DType::i64)}}, expected},
          {"two dtypes", {{"x", ones(x)}, {"weight", Tensor::ones(weight, DType::f32)}}, expected},
          {"too few axes", {{"x", ones({3})}, {"weight", ones(weight)}}, expected},
          {"stride 0", with("stride", I{0}), expected},
          {"dilation 0", with("dilation", I{0}), expected},
          {"a negative padding", with("padding", I{-1}), expected},
          {"a padding beyond all measure", with("padding", 1e15), expected},
          {"groups that do not divide", with("groups", I{5}), expected},
          {"a bias too long", with("bias", ones({99})), expected},
          {"strides for more axes", with("stride", List{1, 1, 1, 1}), expected}};
}

Operator conv2d_row() {
  Operator op = conv_row(
      "conv2d", "Images correlated with learnable windows.", conv2d,
      {{"odd", {1, 2, 5, 7}, {3, 2, 3, 3}, {}},
       {"batch of two, padded, strided", {2, 2, 6, 5}, {3, 2, 3, 2}, {{"stride", List{2, 1}}, {"padding", List{1, 2}}}},
       {"even window, no bias", {1, 1, 4, 6}, {2, 1, 2, 4}, {}, false},
       {"dilated", {2, 2, 7, 6}, {2, 2, 2, 3}, {{"dilation", List{2, 1}}, {"padding", I{1}}}},
       {"groups", {2, 4, 4, 5}, {6, 2, 3, 3}, {{"padding", I{1}}, {"groups", I{2}}}},
       {"depthwise", {1, 3, 5, 5}, {6, 1, 2, 3}, {{"groups", I{3}}, {"stride", I{2}}}},
       {"same size", {1, 2, 4, 5}, {2, 2, 2, 3}, {{"same", true}, {"dilation", List{3, 1}}}},
       {"one row", {1, 2, 1, 9}, {2, 2, 1, 3}, {}},
       {"one pixel windows", {2, 3, 4, 3}, {2, 3, 1, 1}, {}},
       {"windows apart", {1, 1, 7, 8}, {1, 1, 2, 2}, {{"stride", I{3}}}},
       {"no batch", {2, 5, 4}, {3, 2, 3, 3}, {}},
       {"empty", {0, 2, 5, 4}, {3, 2, 3, 3}, {}}});
  op.refusals = wrong_numbers("conv2d", {1, 2, 5, 5}, {3, 2, 3, 3});
  op.refusals.push_back({"windows larger than the image",
                         {{"x", ones({1, 2, 2, 5})}, {"weight", ones({3, 2, 3, 3})}},
                         "conv2d: expected an image of at least 3"});
  op.refusals.push_back(
      {"weights for other channels", {{"x", ones({1, 2, 5, 5})}, {"weight", ones({3, 3, 3, 3})}}, "conv2d: expected"});
  op.refusals.push_back(
      {"windows without taps", {{"x", ones({1, 2, 5, 5})}, {"weight", ones({3, 2, 0, 3})}}, "kernel"});
  op.refusals.push_back({"the same size with a stride",
                         {{"x", ones({1, 2, 5, 5})}, {"weight", ones({3, 2, 3, 3})}, {"same", true}, {"stride", I{2}}},
                         "conv2d: expected stride 1"});
  op.golden = {{"hand calculation",
                {{"x", Tensor::from(List{1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 3, 3})},
                 {"weight", Tensor::from(List{1, 0, 0, -1}, {1, 1, 2, 2})},
                 {"bias", List{10}}},
                {Tensor::from(List{6, 6, 6, 6}, {1, 1, 2, 2})},
                0}};
  op.bench = [](const Shape& shape, DType dtype) {
    const I c = shape[1];
    return Values{{"x", uniform({7, 1}, shape, 0, 1, dtype)},
                  {"weight", uniform({7, 2}, {c, c, 3, 3}, -1, 1, dtype)},
                  {"padding", I{1}}};
  };
  op.bench_bytes = elementwise_bytes(1);
  return op;
}

Operator unfold_row() {
  Operator op;
  op.name = "engine.unfold";
  op.doc = "The windows of an image as columns.";
  op.arguments = {tensor("x", "[N, C, ..] or [C, ..]"), list("kernel", "extents of the window, one an axis"),
                  list("stride", "from one window to the next", "1"), list("padding", "zeros on both sides", "0"),
                  list("dilation", "from one tap to the next", "1")};
  op.linear = true;
  op.call = [](const Values& v) {
    const std::vector<I> kernel = whole(v.list("kernel"));
    return std::vector{
        unfold(v.tensor("x"), kernel,
               {.stride = extents(v, "stride"), .padding = extents(v, "padding"), .dilation = extents(v, "dilation")})};
  };
  op.samples = [](std::uint64_t seed) {
    const std::vector<std::pair<const char*, std::pair<Shape, Values>>> cases = {
        {"odd", {{1, 2, 5, 7}, {{"kernel", List{3, 3}}}}},
        {"batch of two, even", {{2, 3, 4, 6}, {{"kernel", List{2, 2}}, {"stride", I{2}}}}},
        {"padded, dilated", {{2, 2, 4, 5}, {{"kernel", List{2, 3}}, {"padding", I{1}}, {"dilation", List{2, 1}}}}},
        {"apart", {{1, 1, 7, 8}, {{"kernel", List{2, 2}}, {"stride", List{3, 4}}}}},
        {"one row", {{1, 2, 1, 9}, {{"kernel", List{1, 3}}}}},
        {"a line", {{2, 2, 9}, {{"kernel", List{3}}, {"stride", I{2}}}}},
        {"a volume", {{1, 2, 3, 4, 3}, {{"kernel", List{2, 2, 2}}, {"padding", List{0, 1, 0}}}}},
        {"no batch", {{2, 4, 5}, {{"kernel", List{2, 3}}}}},
        {"empty", {{0, 2, 4, 5}, {{"kernel", List{2, 3}}}}}};
    std::vector<Sample> samples;
    for (const auto& [what, one] : cases) {
      Values values = one.second;
      values.set("x", numbers({seed, operation_id("unfold"), samples.size()}, 0, one.first, -1, 1));
      samples.push_back({what, values});
    }
    return samples;
  };
  op.refusals = {
      {"windows larger than the image", {{"x", ones({1, 1, 3, 3})}, {"kernel", List{4, 2}}}, "unfold: expected"},
      {"a kernel of other axes", {{"x", ones({1, 1, 3, 3})}, {"kernel", List{2}}}, "unfold: expected"},
      {"no kernel", {{"x", ones({1, 1})}, {"kernel", List{}}}, "unfold: expected"},
      {"integers", {{"x", Tensor::ones({1, 1, 3, 3}, DType::i64)}, {"kernel", List{2, 2}}}, "unfold: expected"}};
  op.bench = [](const Shape& shape, DType dtype) {
    return Values{{"x", uniform({7, 1}, shape, 0, 1, dtype)}, {"kernel", List{3, 3}}, {"padding", I{1}}};
  };
  op.bench_bytes = [](const Shape& shape, DType dtype) {
    const double plane = static_cast<double>(shape.numel()) * static_cast<double>(size_of(dtype));
    return std::pair(10 * plane, 20 * plane);
  };
  return op;
}

Operator fold_row() {
  Operator op;
  op.name = "engine.fold";
  op.doc = "Windows added up in an image: the adjoint of unfold.";
  op.arguments = {tensor("columns", "[N, C taps, places] or [C taps, places]"),
                  list("size", "extents of the image"),
                  list("kernel", "extents of the window, one an axis"),
                  list("stride", "from one window to the next", "1"),
                  list("padding", "taken off both sides", "0"),
                  list("dilation", "from one tap to the next", "1")};
  op.linear = true;
  op.call = [](const Values& v) {
    const std::vector<I> size = whole(v.list("size")), kernel = whole(v.list("kernel"));
    return std::vector{
        fold(v.tensor("columns"), size, kernel,
             {.stride = extents(v, "stride"), .padding = extents(v, "padding"), .dilation = extents(v, "dilation")})};
  };
  op.samples = [](std::uint64_t seed) {
    const std::vector<std::pair<const char*, std::pair<Shape, Values>>> cases = {
        {"overlapping", {{1, 12, 9}, {{"size", List{4, 5}}, {"kernel", List{2, 3}}}}},
        {"batch of two, tiles", {{2, 4, 6}, {{"size", List{4, 6}}, {"kernel", List{2, 2}}, {"stride", I{2}}}}},
        {"padded", {{1, 9, 20}, {{"size", List{4, 5}}, {"kernel", List{3, 3}}, {"padding", I{1}}}}},
        {"dilated", {{2, 8, 6}, {{"size", List{4, 4}}, {"kernel", List{2, 2}}, {"dilation", List{2, 1}}}}},
        {"apart", {{1, 1, 4}, {{"size", List{4, 4}}, {"kernel", List{1, 1}}, {"stride", I{2}}}}},
        {"a line", {{1, 6, 4}, {{"size", List{9}}, {"kernel", List{3}}, {"stride", I{2}}}}},
        {"one row", {{1, 3, 5}, {{"size", List{1, 7}}, {"kernel", List{1, 3}}}}},
        {"no batch", {{4, 4}, {{"size", List{3, 3}}, {"kernel", List{2, 2}}}}},
        {"empty", {{0, 4, 4}, {{"size", List{3, 3}}, {"kernel", List{2, 2}}}}}};
    std::vector<Sample> samples;
    for (const auto& [what, one] : cases) {
      Values values = one.second;
      values.set("columns", numbers({seed, operation_id("fold"), samples.size()}, 0, one.first, -1, 1));
      samples.push_back({what, values});
    }
    return samples;
  };
  const auto wrong = [](const char* what, const Shape& shape, List size, List kernel) {
    return Refusal{
        what, {{"columns", ones(shape)}, {"size", std::move(size)}, {"kernel", std::move(kernel)}}, "fold: expected"};
  };
  op.refusals = {wrong("another number of places", {1, 4, 5}, {3, 3}, {2, 2}),
                 wrong("rows that are no windows", {1, 5, 4}, {3, 3}, {2, 2}),
                 wrong("a size of other axes", {1, 4, 4}, {3}, {2, 2})};
  return op;
}

}  // namespace

std::vector<Operator> stencils() {
  std::vector<Operator> all = {conv2d_row()};
  all.push_back(conv_row("conv1d", "Lines correlated with learnable windows.", conv1d,
                         {{"odd", {1, 2, 9}, {3, 2, 3}, {}},
                          {"batch of two, strided", {2, 3, 8}, {2, 3, 3}, {{"stride", I{2}}, {"padding", I{1}}}},
                          {"even window, no bias", {1, 1, 6}, {2, 1, 4}, {}, false},
                          {"dilated", {2, 2, 9}, {2, 2, 3}, {{"dilation", I{2}}}},
                          {"groups", {2, 4, 6}, {4, 2, 2}, {{"groups", I{2}}}},
                          {"same size", {1, 1, 7}, {1, 1, 4}, {{"same", true}}},
                          {"one element", {1, 2, 1}, {2, 2, 1}, {}},
                          {"longer than a block", {1, 1, 900}, {1, 1, 2}, {}},
                          {"no batch", {2, 6}, {2, 2, 3}, {}}}));
  all.back().refusals = wrong_numbers("conv1d", {1, 2, 9}, {3, 2, 3});
  all.push_back(conv_row("conv3d", "Volumes correlated with learnable windows.", conv3d,
                         {{"odd", {1, 2, 3, 4, 5}, {2, 2, 3, 2, 3}, {}},
                          {"padded", {1, 2, 3, 3, 2}, {2, 2, 2, 3, 3}, {{"padding", I{1}}}},
                          {"batch of two, strided", {2, 1, 4, 3, 4}, {2, 1, 2, 2, 2}, {{"stride", List{1, 2, 2}}}},
                          {"dilated, no bias", {1, 1, 4, 3, 3}, {1, 1, 2, 2, 2}, {{"dilation", List{2, 1, 2}}}, false},
                          {"groups", {1, 2, 3, 3, 3}, {4, 1, 2, 2, 3}, {{"groups", I{2}}}},
                          {"same size", {1, 1, 2, 3, 3}, {1, 1, 3, 2, 1}, {{"same", true}}},
                          {"flat", {1, 2, 1, 3, 3}, {2, 2, 1, 3, 3}, {}},
                          {"no batch", {1, 2, 3, 3}, {1, 1, 2, 2, 2}, {}}}));
  all.back().refusals = wrong_numbers("conv3d", {1, 2, 3, 3, 3}, {3, 2, 2, 2, 2});
  all.push_back(transposed_row(
      "conv_transpose1d", "The adjoint of conv1d to its lines, with learnable windows.", conv_transpose1d,
      {{"plain", {1, 2, 5}, {2, 3, 3}, {}},
       {"batch of two, strided", {2, 2, 4}, {2, 1, 3}, {{"stride", I{2}}, {"padding", I{1}}, {"output_padding", I{1}}}},
       {"no bias", {1, 1, 4}, {1, 2, 2}, {}, false},
       {"dilated", {1, 2, 4}, {2, 2, 3}, {{"dilation", I{2}}}},
       {"groups", {1, 4, 3}, {4, 2, 2}, {{"groups", I{2}}, {"stride", I{3}}}},
       {"one element", {1, 1, 1}, {1, 1, 1}, {}},
       {"longer than a block", {1, 1, 400}, {1, 1, 3}, {{"stride", I{2}}}},
       {"no batch", {2, 5}, {2, 2, 3}, {}}}));
  all.back().refusals = wrong_numbers("conv_transpose1d", {1, 2, 9}, {2, 3, 3});
  all.push_back(transposed_row(
      "conv_transpose2d", "The adjoint of conv2d to its images, with learnable windows.", conv_transpose2d,
      {{"plain", {1, 2, 4, 5}, {2, 3, 3, 3}, {}},
       {"strided", {2, 2, 3, 4}, {2, 2, 3, 3}, {{"stride", I{2}}, {"padding", I{1}}, {"output_padding", I{1}}}},
       {"no bias, even window", {1, 1, 3, 3}, {1, 2, 2, 4}, {{"stride", List{1, 3}}}, false},
       {"dilated groups", {1, 4, 3, 4}, {4, 2, 2, 3}, {{"dilation", I{2}}, {"groups", I{2}}}},
       {"stride and dilation", {1, 1, 3, 3}, {1, 1, 3, 2}, {{"dilation", List{3, 2}}, {"stride", List{2, 4}}}},
       {"depthwise", {2, 3, 3, 3}, {3, 1, 3, 3}, {{"groups", I{3}}, {"padding", I{1}}}},
       {"one row", {1, 2, 1, 5}, {2, 1, 1, 3}, {}},
       {"windows apart", {1, 1, 2, 3}, {1, 1, 1, 2}, {{"stride", I{3}}}},
       {"no batch", {2, 3, 4}, {2, 2, 3, 3}, {}},
       {"empty", {0, 2, 3, 4}, {2, 2, 3, 3}, {}}}));
  all.back().refusals = wrong_numbers("conv_transpose2d", {1, 2, 5, 5}, {2, 3, 3, 3});
  all.back().refusals.push_back({"an output padding as large as the stride",
                                 {{"x", ones({1, 2, 5, 5})}, {"weight", ones({2, 3, 3, 3})}, {"output_padding", I{1}}},
                                 "conv_transpose2d: expected an output_padding"});
  all.push_back(transposed_row(
      "conv_transpose3d", "The adjoint of conv3d to its volumes, with learnable windows.", conv_transpose3d,
      {{"plain", {1, 2, 2, 3, 2}, {2, 1, 2, 2, 3}, {}},
       {"strided", {1, 1, 2, 2, 3}, {1, 2, 3, 2, 3}, {{"stride", List{2, 1, 2}}, {"output_padding", List{1, 0, 1}}}},
       {"batch of two, padded", {2, 2, 2, 2, 3}, {2, 1, 3, 3, 3}, {{"padding", I{1}}}},
       {"no bias", {1, 1, 2, 2, 2}, {1, 1, 2, 2, 2}, {}, false},
       {"groups", {1, 2, 2, 2, 2}, {2, 1, 2, 1, 2}, {{"groups", I{2}}}},
       {"dilated", {1, 1, 2, 2, 2}, {1, 1, 2, 2, 2}, {{"dilation", List{1, 2, 3}}}},
       {"flat", {1, 1, 1, 3, 3}, {1, 1, 1, 2, 2}, {}},
       {"no batch", {1, 2, 2, 2}, {1, 1, 2, 2, 2}, {}}}));
  all.back().refusals = wrong_numbers("conv_transpose3d", {1, 2, 3, 3, 3}, {2, 3, 2, 2, 2});
  all.push_back(unfold_row());
  all.push_back(fold_row());
  return all;
}

}  // namespace lumigrad::rows
