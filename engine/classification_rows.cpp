// SPDX-License-Identifier: Apache-2.0
// Rows of losses of classifiers and between distributions.
#include <lumigrad/engine/classification.h>
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/option_rows.h>
#include <cmath>
#include <numbers>

namespace lumigrad::rows {
namespace {

constexpr auto exact = Differentiability::exact;
constexpr auto almost = Differentiability::almost_everywhere;
constexpr auto none = Differentiability::none;
using List = std::vector<double>;

Tensor filled(const Shape& shape, const List& values) { return Tensor::from(values, shape); }
Tensor classes(const std::vector<std::int64_t>& values) {
  return Tensor::from(values, {static_cast<std::int64_t>(values.size())});
}

Argument optional(Argument argument) {
  argument.optional = true;
  return argument;
}
Tensor given(const Values& v, const char* name) { return v.has(name) ? v.tensor(name) : Tensor(); }

Argument reduction(bool per_sample = false) {
  Argument argument = {.name = "reduction",
                       .kind = Argument::Kind::choice,
                       .doc = "of the losses",
                       .otherwise = "\"mean\"",
                       .choices = {"none", "mean", "sum"}};
  if (per_sample) argument.choices.push_back("batchmean");
  return argument;
}
Reduction reduction_of(const Values& v) {
  const std::string name = v.choice("reduction");
  return name == "none" ? Reduction::none : name == "sum" ? Reduction::sum : Reduction::mean;
}

struct Case {
  const char* what;
  Shape shape;
};
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {{"batch of two", {2, 3}},
                                        {"one sample", {1, 5}},
                                        {"no batch", {4}},
                                        {"images", {2, 3, 4, 5}},
                                        {"one image", {1, 4, 3, 3}},
                                        {"one class", {3, 1, 2}},
                                        {"lines", {3, 2, 7}},
                                        {"odd", {7, 5}},
                                        {"longer than a block", {2, 2, 600}}};
  return all;
}

// Predictions and true classes, of which one is ignored in every other case.
Values class_case(const char* first, const Generator& generator, const Shape& shape, std::size_t i) {
  const int axis = shape.rank() == 1 ? 0 : 1;
  const std::int64_t C = shape[axis];
  Tensor truth = integers(generator.then(7), shape.without(axis), 0, C);
  Values values;
  if (i % 2 && truth.numel() > 1) {
    truth.mutable_data<std::int64_t>()[1] = 77;
    values.set("ignore", std::int64_t{77});
  }
  values.set("classes", i % 3 ? truth : truth.to(DType::i32));
  values.set(first, numbers(generator, 0, shape, -2, 2));
  if (i % 3 != 1) values.set("weight", numbers(generator, 1, {C}, 0.5, 2));
  constexpr const char* names[] = {"mean", "none", "sum"};
  values.set("reduction", std::string(names[i % 3]));
  return values;
}

Argument ignored() { return integer("ignore", "the class of samples that do not count", "-100"); }

Operator nll_row() {
  Operator op;
  op.name = "engine.nll_loss";
  op.doc = "Minus the logarithm of the true class's probability.";
  op.arguments = {tensor("log_probabilities", "[N, C, ...] or [C]"),
                  tensor("classes", "[N, ...], whole numbers in [0, C)", none), optional(tensor("weight", "[C]")),
                  ignored(), reduction()};
  op.call = [](const Values& v) {
    return std::vector{nll_loss(v.tensor("log_probabilities"), v.tensor("classes"),
                                {given(v, "weight"), reduction_of(v), v.integer("ignore")})};
  };
  op.samples = [](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const auto& [what, shape] : cases()) {
      const Generator generator{seed, operation_id("nll_loss"), samples.size()};
      samples.push_back({what, class_case("log_probabilities", generator, shape, samples.size())});
    }
    return samples;
  };
  const Tensor two = filled({2, 2}, {-1, -2, -3, -5});
  op.golden = {{"hand calculation", {{"log_probabilities", two}, {"classes", classes({0, 1})}}, {number(3)}, 1e-15},
               {"weights",
                {{"log_probabilities", two}, {"classes", classes({0, 1})}, {"weight", filled({2}, {1, 3})}},
                {number(4)},
                1e-15},
               {"ignored", {{"log_probabilities", two}, {"classes", classes({-100, 1})}}, {number(5)}, 1e-15}};
  op.refusals = {{"a class that is not there",
                  {{"log_probabilities", two}, {"classes", classes({0, 2})}},
                  "nll_loss: expected classes in [0, 2), got 2"},
                 {"a negative class",
                  {{"log_probabilities", two}, {"classes", classes({-1, 0})}},
                  "nll_loss: expected classes in"},
                 {"classes that are no integers",
                  {{"log_probabilities", two}, {"classes", filled({2}, {0, 1})}},
                  "nll_loss: expected classes of an integer dtype"},
                 {"another number of samples",
                  {{"log_probabilities", two}, {"classes", classes({0})}},
                  "nll_loss: expected classes [2]"},
                 {"another number of weights",
                  {{"log_probabilities", two}, {"classes", classes({0, 1})}, {"weight", filled({3}, {1, 1, 1})}},
                  "nll_loss: expected a weight"},
                 {"nothing to average",
                  {{"log_probabilities", Tensor::ones({0, 2}, DType::f64)}, {"classes", classes({})}},
                  "nll_loss: expected something"}};
  return op;
}

Operator cross_entropy_row() {
  Operator op;
  op.name = "engine.cross_entropy";
  op.doc = "Minus the expected logarithm of softmax: of one true class, or of probabilities.";
  op.arguments = {tensor("logits", "[N, C, ...] or [C]"),
                  optional(tensor("classes", "[N, ...], whole numbers in [0, C); or:", none)),
                  optional(tensor("probabilities", "in the shape of the logits")),
                  optional(tensor("weight", "[C]")),
                  tensor("label_smoothing", "share spread over all classes; one number", exact, "[0, 1]", "0"),
                  ignored(),
                  reduction()};
  op.call = [](const Values& v) {
    return std::vector{
        cross_entropy(v.tensor("logits"), v.has("probabilities") ? v.tensor("probabilities") : v.tensor("classes"),
                      {given(v, "weight"), v.tensor("label_smoothing"), reduction_of(v), v.integer("ignore")})};
  };
  op.samples = [](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const bool soft : {false, true})
      for (const auto& [what, shape] : cases()) {
        if (shape.numel() > 1000 && soft) continue;
        const Generator generator{seed, operation_id("cross_entropy"), samples.size()};
        Values values = class_case("logits", generator, shape, samples.size());
        if (soft) {
          values.set("classes", std::monostate());
          values.set("probabilities", numbers(generator, 3, shape, 0, 1));
        }
        values.set("label_smoothing", number(samples.size() % 2 ? 0.2 : 0.01));
        samples.push_back({message(what, soft ? ", probabilities" : ", classes"), values});
      }
    return samples;
  };
  const Tensor one = filled({1, 2}, {0, std::log(3)});
  const double quarter = std::log(4), most = std::log(4.0 / 3);
  op.golden = {{"closed form", {{"logits", one}, {"classes", classes({0})}}, {number(quarter)}, 1e-14},
               {"smoothed",
                {{"logits", one}, {"classes", classes({0})}, {"label_smoothing", number(0.5)}},
                {number(0.75 * quarter + 0.25 * most)},
                1e-14},
               {"probabilities",
                {{"logits", one}, {"probabilities", filled({1, 2}, {0.5, 0.5})}},
                {number((quarter + most) / 2)},
                1e-14},
               {"far out",
                {{"logits", filled({2}, {1000, -1000})}, {"classes", Tensor::full({}, 1, DType::i64)}},
                {number(2000)},
                1e-12}};
  op.refusals = {{"a class that is not there",
                  {{"logits", one}, {"classes", classes({2})}},
                  "cross_entropy: expected classes in [0, 2), got 2"},
                 {"other probabilities",
                  {{"logits", one}, {"probabilities", filled({2}, {0.5, 0.5})}},
                  "cross_entropy: expected probabilities"},
                 {"a share above 1",
                  {{"logits", one}, {"classes", classes({0})}, {"label_smoothing", number(1.5)}},
                  "cross_entropy: expected one share"},
                 {"integers",
                  {{"logits", Tensor::ones({1, 2}, DType::i64)}, {"classes", classes({0})}},
                  "cross_entropy: expected f32 or f64"}};
  return op;
}

const std::vector<std::pair<const char*, Shape>>& plain_shapes() {
  static const std::vector<std::pair<const char*, Shape>> all = {
      {"odd vector", {7}},     {"vector", {5}},  {"one row", {1, 9}}, {"batch of two", {2, 3, 4}},
      {"image", {1, 2, 3, 5}}, {"even", {4, 6}}, {"odd", {3, 1, 7}},  {"longer than a block", {1100}}};
  return all;
}

Operator binary_row() {
  Operator op;
  op.name = "engine.binary_cross_entropy_with_logits";
  op.doc = "Minus the logarithm of the truth's probability, sigmoid of the logits, for targets in [0, 1].";
  op.arguments = {tensor("logits", "any shape"), tensor("target", "of that shape", exact, "[0, 1]"),
                  optional(tensor("weight", "of each element; broadcasts")),
                  optional(tensor("positive_weight", "of the term of the true ones; broadcasts")), reduction()};
  op.call = [](const Values& v) {
    return std::vector{binary_cross_entropy_with_logits(
        v.tensor("logits"), v.tensor("target"), {given(v, "weight"), given(v, "positive_weight"), reduction_of(v)})};
  };
  op.samples = [](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const auto& [what, shape] : plain_shapes()) {
      const std::size_t i = samples.size();
      const Generator generator{seed, operation_id("binary_cross_entropy_with_logits"), i};
      Values values = {{"logits", numbers(generator, 0, shape, -3, 3)}, {"target", numbers(generator, 1, shape, 0, 1)}};
      const Shape last = shape.rank() == 0 ? shape : Shape{shape[-1]};
      if (i % 3) values.set("weight", numbers(generator, 2, shape, 0.5, 2));
      if (i % 2) values.set("positive_weight", numbers(generator, 3, last, 0.5, 2));
      constexpr const char* names[] = {"mean", "none", "sum"};
      values.set("reduction", std::string(names[i % 3]));
      samples.push_back({what, values});
    }
    return samples;
  };
  const double soft = std::log1p(std::exp(-1.0));
  op.golden = {{"closed form", {{"logits", number(0)}, {"target", number(0.3)}}, {number(std::numbers::ln2)}, 1e-15},
               {"closed form",
                {{"logits", filled({2}, {1, -1})}, {"target", filled({2}, {1, 0})}, {"positive_weight", number(3)}},
                {number(2 * soft)},
                1e-14},
               {"far out", {{"logits", number(-800)}, {"target", number(1)}}, {number(800)}, 1e-12}};
  op.refusals = {{"another shape",
                  {{"logits", Tensor::ones({2, 3}, DType::f64)}, {"target", Tensor::ones({3}, DType::f64)}},
                  "binary_cross_entropy_with_logits: expected targets"},
                 {"nothing to average",
                  {{"logits", Tensor::ones({0}, DType::f64)}, {"target", Tensor::ones({0}, DType::f64)}},
                  "binary_cross_entropy_with_logits: expected something"},
                 {"integers",
                  {{"logits", classes({1})}, {"target", classes({1})}},
                  "binary_cross_entropy_with_logits: expected f32 or f64"}};
  return op;
}

Operator kl_row() {
  Operator op;
  op.name = "engine.kl_div";
  op.doc = "t (log t - log p), the terms of Kullback's and Leibler's divergence.";
  op.arguments = {tensor("log_probabilities", "any shape; broadcasts"),
                  tensor("target", "probabilities, or their logarithms; broadcasts", almost, ">= 0 unless logarithms"),
                  flag("log_target", "the target is a logarithm, too", "false"), reduction(true)};
  op.call = [](const Values& v) {
    return std::vector{kl_div(v.tensor("log_probabilities"), v.tensor("target"),
                              {v.flag("log_target"), v.choice("reduction") == "batchmean", reduction_of(v)})};
  };
  op.samples = [](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const auto& [what, shape] : plain_shapes()) {
      const std::size_t i = samples.size();
      const Generator generator{seed, operation_id("kl_div"), i};
      const bool log_target = i % 2;
      constexpr const char* names[] = {"mean", "batchmean", "none", "sum"};
      samples.push_back({what,
                         {{"log_probabilities", numbers(generator, 0, shape, -3, 0)},
                          {"target", numbers(generator, 1, shape, log_target ? -3 : 0.1, log_target ? 0 : 1)},
                          {"log_target", log_target},
                          {"reduction", std::string(names[(i / 2 + (i == 0 ? 0 : 1)) % 4])}}});
    }
    return samples;
  };
  const double e = std::numbers::e;
  op.golden = {{"closed form", {{"log_probabilities", number(-1)}, {"target", number(1)}}, {number(1)}, 1e-15},
               {"nothing expected", {{"log_probabilities", number(-1)}, {"target", number(0)}}, {number(0)}, 0},
               {"logarithms",
                {{"log_probabilities", number(-1)}, {"target", number(1)}, {"log_target", true}},
                {number(2 * e)},
                1e-14}};
  op.kinks = {
      {"nothing expected", {{"log_probabilities", number(-1)}, {"target", number(0)}}, number(1), "target", number(1)}};
  op.refusals = {
      {"shapes that do not broadcast",
       {{"log_probabilities", Tensor::ones({2}, DType::f64)}, {"target", Tensor::ones({3}, DType::f64)}},
       "expected"},
      {"samples of a scalar",
       {{"log_probabilities", number(-1)}, {"target", number(1)}, {"reduction", std::string("batchmean")}},
       "kl_div: expected samples"},
      {"integers", {{"log_probabilities", classes({1})}, {"target", classes({1})}}, "kl_div: expected f32 or f64"}};
  return op;
}

}  // namespace

std::vector<Operator> classification() { return {nll_row(), cross_entropy_row(), binary_row(), kl_row()}; }

}  // namespace lumigrad::rows
