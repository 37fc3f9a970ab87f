// SPDX-License-Identifier: Apache-2.0
// torch.* references of what networks are made of: statistics, normalisations, losses.
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
  all.push_back({"torch.nn.functional.normalize", "engine.normalize", {{"input", "x"}, {"dim", "axis"}, {"out", ""}}});
  all.push_back({"torch.nn.functional.cosine_similarity",
                 "engine.cosine_similarity",
                 {{"x1", "a"}, {"x2", "b"}, {"dim", "axis"}}});
  return all;
}

}  // namespace

std::vector<Binding> network_bindings() {
  std::vector<Binding> all;
  for (const auto& part : {statistics()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace lumigrad::parity
