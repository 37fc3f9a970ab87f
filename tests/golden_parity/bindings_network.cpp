// SPDX-License-Identifier: Apache-2.0
// torch.* references of what networks are made of: statistics, normalisations, losses.
#include <limits>
#include "binding.h"

namespace lumigrad::parity {
namespace {

// torch's `dim` (one number, a list, or absent for all axes) as the row's `axes`.
void axes_from_dim(const GoldenCase& golden, Values& values) {
  const auto dim = golden.params.find("dim");
  if (dim == golden.params.end() || dim->is_null()) return;
  const auto axes = dim->is_array() ? dim->get<std::vector<double>>() : std::vector<double>{dim->get<double>()};
  if (!axes.empty()) values.set("axes", axes);  // an empty list means all of them, too
}

// `unbiased` takes one off the number of elements; its newer form says how much.
void correction_of(const GoldenCase& golden, Values& values) {
  axes_from_dim(golden, values);
  const bool unbiased = golden.param("unbiased", true);
  values.set("correction", golden.param("correction", unbiased ? 1.0 : 0.0));
}

// Left out, `dim` is 0 for inputs of 0, 1 or 3 axes and 1 for others.
void axis_of_softmax(const GoldenCase& golden, Values& values) {
  const int rank = golden.inputs.at("input").rank();
  const std::int64_t otherwise = rank == 0 || rank == 1 || rank == 3 ? 0 : 1;
  values.set("axis", golden.param("dim", otherwise));
}

std::vector<Binding> statistics() {
  std::vector<Binding> all;
  all.push_back(
      {"torch.logsumexp", "engine.logsumexp", {{"input", "x"}, {"dim", ""}, {"keepdim", "keep"}}, axes_from_dim});
  const Rename spread = {{"input", "x"}, {"dim", ""}, {"keepdim", "keep"}, {"unbiased", ""}, {"correction", ""}};
  all.push_back({"torch.var", "engine.variance", spread, correction_of});
  all.push_back({"torch.std", "engine.standard_deviation", spread, correction_of});
  const Rename soft = {{"input", "x"}, {"dim", ""}, {"_stacklevel", ""}, {"dtype", ""}};
  for (const char* name : {"softmax", "softmin", "log_softmax"})
    all.push_back({std::string("torch.nn.functional.") + name, std::string("engine.") + name, soft, axis_of_softmax});
  all.push_back({"torch.nn.functional.normalize",
                 "engine.normalize",
                 {{"input", "x"}, {"dim", "axis"}, {"out", ""}},
                 [](const GoldenCase& golden, Values& values) {  // an infinite exponent is a word
                   const auto p = golden.params.find("p");
                   if (p != golden.params.end() && p->is_string())
                     values.set("p", std::numeric_limits<double>::infinity());
                 }});
  all.push_back({"torch.nn.functional.cosine_similarity",
                 "engine.cosine_similarity",
                 {{"x1", "a"}, {"x2", "b"}, {"dim", "axis"}}});
  return all;
}

// Running statistics count only in evaluation.
void statistics_of(const GoldenCase& golden, Values& values, bool of_input) {
  for (const auto& [theirs, ours] : Rename{{"running_mean", "mean"}, {"running_var", "variance"}}) {
    const auto found = golden.inputs.find(theirs);
    if (!of_input && found != golden.inputs.end()) values.set(ours, found->second);
  }
}

std::vector<Binding> normalisations() {
  const Rename running = {{"input", "x"},   {"running_mean", ""}, {"running_var", ""},
                          {"training", ""}, {"momentum", ""},     {"use_input_stats", ""}};
  std::vector<Binding> all;
  all.push_back(
      {"torch.nn.functional.batch_norm", "engine.batch_norm", running, [](const GoldenCase& golden, Values& values) {
         const bool given = golden.inputs.contains("running_mean");
         statistics_of(golden, values, golden.param("training", !given));
       }});
  all.push_back({"torch.nn.functional.instance_norm", "engine.instance_norm", running,
                 [](const GoldenCase& golden, Values& values) {
                   statistics_of(golden, values, golden.param("use_input_stats", true));
                 }});
  all.push_back({"torch.nn.functional.group_norm", "engine.group_norm", {{"input", "x"}, {"num_groups", "groups"}}});
  all.push_back(
      {"torch.nn.functional.layer_norm", "engine.layer_norm", {{"input", "x"}, {"normalized_shape", "shape"}}});
  all.push_back({"torch.nn.functional.linear", "engine.linear", {{"input", "x"}}});
  return all;
}

// The losses of one difference stand in losses.h. A huber scale of 0 in smooth_l1_loss is the l1 loss.
std::vector<Binding> differences() {
  const Rename pair = {{"input", "a"}, {"target", "b"}, {"size_average", ""}, {"reduce", ""}};
  const auto with = [&](const char* theirs) {
    Rename names = pair;
    names[theirs] = "scale";
    return names;
  };
  std::vector<Binding> all;
  for (const char* name : {"mse_loss", "l1_loss"})
    all.push_back({std::string("torch.nn.functional.") + name, std::string("losses.") + name, pair});
  Rename flat = pair;
  flat["beta"] = "";
  all.push_back({.golden = "torch.nn.functional.smooth_l1_loss",
                 .op = "losses.l1_loss",
                 .names = flat,
                 .when = [](const GoldenCase& golden) { return golden.param("beta", 1.0) == 0; }});
  all.push_back({"torch.nn.functional.smooth_l1_loss", "losses.smooth_l1_loss", with("beta")});
  all.push_back({"torch.nn.functional.huber_loss", "losses.huber_loss", with("delta")});
  return all;
}

// Targets of whole numbers are classes, others are probabilities.
void classes_or_probabilities(const GoldenCase& golden, Values& values) {
  const Tensor& target = golden.inputs.at("target");
  values.set(is_floating(target.dtype()) ? "probabilities" : "classes", target);
}

std::vector<Binding> classification() {
  const Rename old = {{"input", "logits"}, {"ignore_index", "ignore"}, {"size_average", ""}, {"reduce", ""}};
  const auto with = [&](Rename more) {
    more.insert(old.begin(), old.end());
    return more;
  };
  std::vector<Binding> all;
  all.push_back(
      {"torch.nn.functional.cross_entropy", "engine.cross_entropy", with({{"target", ""}}), classes_or_probabilities});
  all.push_back({"torch.nn.functional.nll_loss", "engine.nll_loss",
                 with({{"input", "log_probabilities"}, {"target", "classes"}})});
  all.push_back({"torch.nn.functional.binary_cross_entropy_with_logits", "engine.binary_cross_entropy_with_logits",
                 with({{"pos_weight", "positive_weight"}})});
  all.push_back({"torch.nn.functional.kl_div", "engine.kl_div", with({{"input", "log_probabilities"}})});
  return all;
}

}  // namespace

std::vector<Binding> network_bindings() {
  std::vector<Binding> all;
  for (const auto& part : {statistics(), normalisations(), differences(), classification()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace lumigrad::parity
