// SPDX-License-Identifier: Apache-2.0
// Rows of pooling, of pixels made from channels, and of margins.
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/padding.h>
#include <lumigrad/engine/pooling.h>
#include <algorithm>

namespace lumigrad::rows {
namespace {

using Kind = Argument::Kind;
using List = std::vector<double>;
using I = std::int64_t;
using Results = std::vector<Tensor>;

std::vector<I> whole(const List& values) { return {values.begin(), values.end()}; }
Extents extents(const Values& v, const char* name) { return Extents(whole(v.list(name))); }
Argument list(const char* name, const char* doc, const char* otherwise = "", bool optional = false) {
  return {.name = name, .kind = Kind::list, .doc = doc, .otherwise = otherwise, .optional = optional};
}
Argument flag(const char* name, const char* doc, const char* otherwise) {
  return {.name = name, .kind = Kind::flag, .doc = doc, .otherwise = otherwise};
}
Argument integer(const char* name, const char* doc, const char* otherwise = "") {
  return {.name = name, .kind = Kind::integer, .doc = doc, .otherwise = otherwise};
}

struct Case {
  const char* name;
  Shape shape;
  Values rest;
};

// Numbers in random order that are well apart, so that small changes leave the largest where it is.
Tensor apart(const Generator& generator, const Shape& shape) {
  const std::vector<double> order = permutation(generator, shape.numel()).values();
  std::vector<double> values;
  for (const double at : order) values.push_back(0.05 * at - 1);
  return Tensor::from(values, shape);
}

Operator row(const std::string& label, const char* doc, std::vector<Argument> rest, Results (*call)(const Values&),
             const std::vector<Case>& cases, bool selects) {
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = {
      tensor("x", "[N, C, ..] or [C, ..]", selects ? Differentiability::almost_everywhere : Differentiability::exact)};
  op.arguments.insert(op.arguments.end(), rest.begin(), rest.end());
  op.linear = !selects;
  if (selects) op.outputs = {"values", "indices"};
  op.call = call;
  op.samples = [=](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const Case& c : cases) {
      const Generator generator{seed, operation_id(label), samples.size()};
      Values values = c.rest;
      values.set("x", selects ? apart(generator, c.shape) : numbers(generator, 0, c.shape, -1, 1));
      samples.push_back({c.name, values});
    }
    return samples;
  };
  return op;
}

void refuse(Operator& op, const char* name, const Shape& shape, const Values& rest, DType dtype = DType::f64) {
  Values values = rest;
  values.set("x", Tensor::ones(shape, dtype));
  op.refusals.push_back({name, values, op.name.substr(7) + ": expected"});
}

// A kernel or size list with one number for each of `axes` axes.
Value each(int axes, double number) { return List(static_cast<std::size_t>(axes), number); }
// [lead.., extents..] with as many of the extents as there are axes, the last ones.
Shape image(std::initializer_list<I> lead, int axes, std::initializer_list<I> of_three) {
  std::vector<I> all(lead);
  all.insert(all.end(), of_three.end() - axes, of_three.end());
  return Shape(all);
}
std::string numbered(const char* name, int axes) { return name + std::to_string(axes) + "d"; }

template <class Options>
Options pool_options(const Values& v) {
  Options options;
  if (v.has("stride") && !v.list("stride").empty()) options.stride = extents(v, "stride");
  options.padding = extents(v, "padding");
  options.ceil = v.flag("ceil");
  return options;
}

using AvgPool = Tensor (*)(const Tensor&, Extents, const AvgPoolOptions&, Here);
using MaxPool = Selection (*)(const Tensor&, Extents, const MaxPoolOptions&, Here);

template <AvgPool pool>
Results call_average(const Values& v) {
  AvgPoolOptions options = pool_options<AvgPoolOptions>(v);
  options.count_padding = v.flag("count_padding");
  options.divisor = v.integer("divisor");
  return {pool(v.tensor("x"), extents(v, "kernel"), options, {})};
}
template <MaxPool pool>
Results call_maximum(const Values& v) {
  MaxPoolOptions options = pool_options<MaxPoolOptions>(v);
  options.dilation = extents(v, "dilation");
  const Selection s = pool(v.tensor("x"), extents(v, "kernel"), options, {});
  return {s.values, s.indices};
}
template <Tensor (*pool)(const Tensor&, Extents, Here)>
Results call_adaptive(const Values& v) {
  return {pool(v.tensor("x"), extents(v, "size"), {})};
}
template <Selection (*pool)(const Tensor&, Extents, Here)>
Results call_adaptive(const Values& v) {
  const Selection s = pool(v.tensor("x"), extents(v, "size"), {});
  return {s.values, s.indices};
}

std::vector<Argument> window_arguments() {
  return {list("kernel", "extents of a window: one number, or one an axis"),
          list("stride", "from one window to the next; left out: the kernel", "", true),
          list("padding", "on both sides, at most half the kernel", "0"),
          flag("ceil", "round the number of windows up", "false")};
}

std::vector<Case> window_cases(int axes) {
  return {{"odd", image({1, 2}, axes, {3, 5, 7}), {{"kernel", I{2}}}},
          {"batch of two, even", image({2, 1}, axes, {2, 4, 6}), {{"kernel", each(axes, 2)}}},
          {"overlapping", image({1, 1}, axes, {3, 4, 5}), {{"kernel", I{2}}, {"stride", each(axes, 1)}}},
          {"padded", image({1, 1}, axes, {3, 4, 6}), {{"kernel", I{3}}, {"stride", I{2}}, {"padding", I{1}}}},
          {"rounded up", image({1, 2}, axes, {3, 5, 4}), {{"kernel", I{2}}, {"stride", I{3}}, {"ceil", true}}},
          {"padded and rounded up",
           image({1, 1}, axes, {2, 5, 7}),
           {{"kernel", I{2}}, {"stride", I{2}}, {"padding", I{1}}, {"ceil", true}}},
          {"single pixels", image({1, 2}, axes, {2, 3, 4}), {{"kernel", I{1}}}},
          {"no batch", image({2}, axes, {2, 3, 6}), {{"kernel", I{2}}}},
          {"empty", image({0, 2}, axes, {2, 3, 6}), {{"kernel", I{2}}}}};
}

void refuse_windows(Operator& op, int axes) {
  refuse(op, "a window larger than the image", image({1, 1}, axes, {3, 3, 3}), {{"kernel", I{4}}});
  refuse(op, "a padding above half the kernel", image({1, 1}, axes, {4, 4, 4}), {{"kernel", I{2}}, {"padding", I{2}}});
  refuse(op, "stride 0", image({1, 1}, axes, {4, 4, 4}), {{"kernel", I{2}}, {"stride", I{0}}});
  refuse(op, "a kernel of four axes", image({1, 1}, axes, {4, 4, 4}), {{"kernel", List{2, 2, 2, 2}}});
  refuse(op, "too few axes", {4}, {{"kernel", I{2}}});
  refuse(op, "integers", image({1, 1}, axes, {4, 4, 4}), {{"kernel", I{2}}}, DType::i64);
}

void benchmark(Operator& op, Values rest, double read) {
  op.bench = [rest](const Shape& shape, DType dtype) {
    Values values = rest;
    values.set("x", uniform({7, 1}, shape, 0, 1, dtype));
    return values;
  };
  op.bench_bytes = [read](const Shape& shape, DType dtype) {
    const double plane = static_cast<double>(shape.numel()) * static_cast<double>(size_of(dtype));
    return std::pair(read * plane, 2 * read * plane);
  };
}

Tensor square_of_nine() { return Tensor::from(List{1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 3, 3}); }

Operator average_row(int axes, Results (*call)(const Values&)) {
  std::vector<Argument> rest = window_arguments();
  rest.push_back(flag("count_padding", "zeros of the padding count as pixels", "true"));
  rest.push_back(integer("divisor", "divide by this; 0: by the number of pixels", "0"));
  std::vector<Case> cases = window_cases(axes);
  cases.push_back({"padding not counted",
                   image({2, 1}, axes, {2, 4, 5}),
                   {{"kernel", I{3}}, {"stride", I{2}}, {"padding", I{1}}, {"ceil", true}, {"count_padding", false}}});
  cases.push_back({"a divisor", image({1, 1}, axes, {2, 3, 4}), {{"kernel", I{2}}, {"divisor", I{3}}}});
  Operator op = row(numbered("avg_pool", axes), "Means over windows.", rest, call, cases, false);
  refuse_windows(op, axes);
  refuse(op, "a negative divisor", image({1, 1}, axes, {4, 4, 4}), {{"kernel", I{2}}, {"divisor", I{-1}}});
  if (axes != 2) return op;
  op.golden = {{"hand calculation",
                {{"x", square_of_nine()}, {"kernel", I{2}}, {"stride", I{1}}},
                {Tensor::from(List{3, 4, 6, 7}, {1, 1, 2, 2})},
                1e-14}};
  benchmark(op, {{"kernel", I{2}}}, 1.25);
  return op;
}

Operator maximum_row(int axes, Results (*call)(const Values&)) {
  std::vector<Argument> rest = window_arguments();
  rest.push_back(list("dilation", "from one pixel of a window to the next", "1"));
  std::vector<Case> cases = window_cases(axes);
  cases.push_back({"dilated",
                   image({1, 2}, axes, {4, 5, 6}),
                   {{"kernel", I{2}}, {"stride", I{1}}, {"dilation", I{2}}, {"padding", I{1}}}});
  Operator op = row(numbered("max_pool", axes), "The largest number of each window, and where it stands.", rest, call,
                    cases, true);
  refuse_windows(op, axes);
  refuse(op, "windows that miss the image", image({1, 1}, axes, {1, 1, 1}),
         {{"kernel", I{2}}, {"padding", I{1}}, {"dilation", I{2}}});
  if (axes != 2) return op;
  op.golden = {{"hand calculation",
                {{"x", square_of_nine()}, {"kernel", I{2}}, {"stride", I{1}}},
                {Tensor::from(List{5, 6, 8, 9}, {1, 1, 2, 2}), Tensor::from(std::vector<I>{4, 5, 7, 8}, {1, 1, 2, 2})},
                0}};
  op.kinks = {{"equal numbers: the first has it all",
               {{"x", Tensor::ones({1, 1, 2, 4}, DType::f64)}, {"kernel", I{2}}},
               Tensor::from(List{2, 3}, {1, 1, 1, 2}),
               "x",
               Tensor::from(List{2, 0, 3, 0, 0, 0, 0, 0}, {1, 1, 2, 4})}};
  benchmark(op, {{"kernel", I{2}}}, 1.75);
  return op;
}

Operator adaptive_row(const char* name, const char* doc, int axes, Results (*call)(const Values&), bool selects) {
  Operator op = row(numbered(name, axes), doc,
                    {list("size", "how many parts each axis is cut into: one number, or one an axis")}, call,
                    {{"odd", image({1, 2}, axes, {3, 5, 7}), {{"size", I{2}}}},
                     {"batch of two, even", image({2, 1}, axes, {2, 4, 6}), {{"size", each(axes, 2)}}},
                     {"overlapping", image({1, 2}, axes, {3, 5, 7}), {{"size", each(axes, 3)}}},
                     {"one for all", image({2, 2}, axes, {2, 3, 4}), {{"size", I{1}}}},
                     {"larger than the image", image({1, 1}, axes, {2, 3, 2}), {{"size", I{4}}}},
                     {"as it is", image({1, 1}, axes, {3, 3, 3}), {{"size", I{3}}}},
                     {"no batch", image({2}, axes, {2, 3, 6}), {{"size", I{2}}}},
                     {"nothing wanted", image({1, 2}, axes, {2, 3, 6}), {{"size", I{0}}}},
                     {"empty", image({0, 2}, axes, {2, 3, 6}), {{"size", I{2}}}}},
                    selects);
  refuse(op, "a negative size", image({1, 1}, axes, {4, 4, 4}), {{"size", I{-1}}});
  refuse(op, "more parts than can be listed", image({1, 1}, axes, {4, 4, 4}), {{"size", I{1} << 40}});
  refuse(op, "an image without pixels", image({1, 1}, axes, {0, 0, 0}), {{"size", I{2}}});
  refuse(op, "a size of four axes", image({1, 1}, axes, {4, 4, 4}), {{"size", List{2, 2, 2, 2}}});
  refuse(op, "integers", image({1, 1}, axes, {4, 4, 4}), {{"size", I{2}}}, DType::i64);
  return op;
}

Operator shuffle_row(const char* name, const char* doc, Results (*call)(const Values&),
                     const std::vector<Case>& cases) {
  Operator op = row(name, doc, {integer("factor", "how much larger or smaller the image becomes")}, call, cases, false);
  op.f32_bound = op.grad_bound = 0;
  op.bound_reason = "nothing is computed";
  refuse(op, "extents that do not divide", {1, 3, 3, 3}, {{"factor", I{2}}});
  refuse(op, "a factor of 0", {1, 4, 4, 4}, {{"factor", I{0}}});
  refuse(op, "a factor beyond all measure", {1, 4, 4, 4}, {{"factor", I{1} << 40}});
  refuse(op, "too few axes", {4, 4}, {{"factor", I{2}}});
  return op;
}

Border border_of(const std::string& mode) {
  if (mode == "reflect") return Border::reflection;
  if (mode == "symmetric") return Border::symmetric;
  if (mode == "replicate") return Border::border;
  return mode == "circular" ? Border::circular : Border::zeros;
}

Operator pad_row() {
  const std::vector<Case> cases = {
      {"constant", {2, 2, 3, 4}, {{"widths", List{2, 1, 1, 3}}}},
      {"a value", {1, 3, 4}, {{"widths", List{1, 2}}, {"value", 0.7}}},
      {"reflect", {1, 2, 4, 5}, {{"widths", List{2, 1, 1, 3}}, {"mode", "reflect"}}},
      {"symmetric", {2, 1, 4, 3}, {{"widths", List{3, 2, 0, 4}}, {"mode", "symmetric"}}},
      {"replicate", {1, 2, 3, 5}, {{"widths", List{2, 1, 4, 0}}, {"mode", "replicate"}}},
      {"circular", {1, 1, 4, 5}, {{"widths", List{1, 3, 2, 1}}, {"mode", "circular"}}},
      {"wider than the axis", {2, 3}, {{"widths", List{7, 8}}, {"mode", "reflect"}}},
      {"round and round", {2, 3}, {{"widths", List{7, 4}}, {"mode", "circular"}}},
      {"taken off", {2, 2, 4, 5}, {{"widths", List{-1, 2, 1, -2}}, {"value", -0.5}}},
      {"reflect, one side taken off", {1, 5, 4}, {{"widths", List{-1, 2, 2, -1}}, {"mode", "reflect"}}},
      {"reflect, taken off to the last", {2, 3}, {{"widths", List{2, -2}}, {"mode", "reflect"}}},
      {"replicate, nothing of it left", {2, 1, 3}, {{"widths", List{1, 0, -2, 2}}, {"mode", "replicate"}}},
      {"circular, one side taken off", {2, 5}, {{"widths", List{-1, 2}}, {"mode", "circular"}}},
      {"three axes", {1, 2, 2, 3, 2}, {{"widths", List{1, 1, 0, 2, 1, 0}}, {"mode", "replicate"}}},
      {"one row", {1, 9}, {{"widths", List{2, 2}}, {"mode", "reflect"}}},
      {"a vector", {4}, {{"widths", List{1, 2}}, {"value", 1.5}}},
      {"no widths", {2, 3}, {{"widths", List{}}}},
      {"only a margin", {0, 2}, {{"widths", List{1, 0, 2, 1}}, {"value", 2.0}}}};
  Operator op = row(
      "pad", "Margins around a tensor, of a value or by a rule.",
      {list("widths", "(before, after) of the last axis, then of the one before it, ..; negative: off"),
       {.name = "mode",
        .kind = Kind::choice,
        .doc = "what stands in the margins",
        .otherwise = "\"constant\"",
        .choices = {"constant", "reflect", "symmetric", "replicate", "circular"}},
       tensor("value", "the constant", Differentiability::exact, "", "0")},
      [](const Values& v) {
        const std::vector<I> widths = whole(v.list("widths"));
        return Results{pad(v.tensor("x"), widths, {.mode = border_of(v.choice("mode")), .value = v.tensor("value")})};
      },
      cases, false);
  op.arguments[0].doc = "any shape";
  op.linear = false;  // a value is added
  refuse(op, "an odd number of widths", {3, 3}, {{"widths", List{1}}});
  refuse(op, "widths for more axes", {3}, {{"widths", List{1, 1, 1, 1}}});
  refuse(op, "more taken off than there is", {3, 3}, {{"widths", List{-2, -2}}});
  refuse(op, "nothing to repeat", {2, 0}, {{"widths", List{1, 1}}, {"mode", "replicate"}});
  refuse(op, "values", {3, 3}, {{"widths", List{1, 1}}, {"value", List{1, 2}}});
  op.golden = {{"hand calculation",
                {{"x", Tensor::from(List{1, 2, 3}, {3})}, {"widths", List{2, 1}}, {"mode", "reflect"}},
                {Tensor::from(List{3, 2, 1, 2, 3, 2}, {6})},
                0}};
  benchmark(op, {{"widths", List{2, 2, 2, 2}}, {"mode", "reflect"}}, 2);
  return op;
}

}  // namespace

std::vector<Operator> pooling() {
  const char* adaptive = "Means over equal parts of an image.";
  const char* selecting = "The largest number of each of equal parts of an image, and where it stands.";
  return {average_row(1, call_average<avg_pool1d>),
          average_row(2, call_average<avg_pool2d>),
          average_row(3, call_average<avg_pool3d>),
          maximum_row(1, call_maximum<max_pool1d>),
          maximum_row(2, call_maximum<max_pool2d>),
          maximum_row(3, call_maximum<max_pool3d>),
          adaptive_row("adaptive_avg_pool", adaptive, 1, call_adaptive<adaptive_avg_pool1d>, false),
          adaptive_row("adaptive_avg_pool", adaptive, 2, call_adaptive<adaptive_avg_pool2d>, false),
          adaptive_row("adaptive_avg_pool", adaptive, 3, call_adaptive<adaptive_avg_pool3d>, false),
          adaptive_row("adaptive_max_pool", selecting, 1, call_adaptive<adaptive_max_pool1d>, true),
          adaptive_row("adaptive_max_pool", selecting, 2, call_adaptive<adaptive_max_pool2d>, true),
          adaptive_row("adaptive_max_pool", selecting, 3, call_adaptive<adaptive_max_pool3d>, true),
          shuffle_row("pixel_shuffle", "Channels become pixels.",
                      [](const Values& v) { return Results{pixel_shuffle(v.tensor("x"), v.integer("factor"))}; },
                      {{"twice", {1, 8, 3, 4}, {{"factor", I{2}}}},
                       {"batch of two", {2, 4, 2, 3}, {{"factor", I{2}}}},
                       {"three times", {1, 9, 2, 2}, {{"factor", I{3}}}},
                       {"as it is", {2, 3, 4, 5}, {{"factor", I{1}}}},
                       {"one row", {1, 4, 1, 5}, {{"factor", I{2}}}},
                       {"no batch", {4, 3, 3}, {{"factor", I{2}}}},
                       {"two batch axes", {2, 1, 4, 2, 2}, {{"factor", I{2}}}},
                       {"empty", {0, 4, 2, 2}, {{"factor", I{2}}}}}),
          shuffle_row("pixel_unshuffle", "Pixels become channels.",
                      [](const Values& v) { return Results{pixel_unshuffle(v.tensor("x"), v.integer("factor"))}; },
                      {{"twice", {1, 2, 4, 6}, {{"factor", I{2}}}},
                       {"batch of two", {2, 1, 2, 4}, {{"factor", I{2}}}},
                       {"three times", {1, 1, 6, 3}, {{"factor", I{3}}}},
                       {"as it is", {2, 3, 4, 5}, {{"factor", I{1}}}},
                       {"one row", {1, 4, 2, 10}, {{"factor", I{2}}}},
                       {"no batch", {2, 4, 4}, {{"factor", I{2}}}},
                       {"two batch axes", {2, 1, 1, 2, 2}, {{"factor", I{2}}}},
                       {"empty", {0, 1, 2, 2}, {{"factor", I{2}}}}}),
          pad_row()};
}

}  // namespace lumigrad::rows
