// SPDX-License-Identifier: Apache-2.0
// torch.* references of indexing, ranks and running sums.
#include <lumigrad/engine/ops.h>
#include "binding.h"

namespace lumigrad::parity {
namespace {

// One number stands for a list of one.
void lists_of_one(const GoldenCase& golden, Values& values) {
  for (const auto& [from, to] : Rename{{"shifts", "shifts"}, {"dims", "axes"}, {"dim", "axes"}}) {
    const auto given = golden.params.find(from);
    if (given != golden.params.end() && given->is_number()) values.set(to, std::vector{given->get<double>()});
  }
}

// Without an axis the reference repeats all elements in row-major order.
void elements_without_axis(const GoldenCase& golden, Values& values) {
  if (!values.has("axis")) values.set("x", reshape(golden.inputs.at("input"), {-1}));
}

}  // namespace

std::vector<Binding> gather_bindings() {
  std::vector<Binding> all;
  const Rename along = {{"input", "x"},       {"dim", "axis"},     {"src", "source"},
                        {"indices", "index"}, {"sparse_grad", ""}, {"output_size", ""}};
  for (const char* name : {"gather", "index_select", "scatter_add", "take_along_dim"})
    all.push_back({std::string("torch.") + name, std::string("engine.") + name, along});
  all.push_back({"torch.index_add",
                 "engine.index_add",
                 {{"input", "x"}, {"dim", "axis"}, {"alpha", ""}},
                 [](const GoldenCase& golden, Values& values) {
                   if (golden.params.contains("alpha"))
                     values.set("source", mul(golden.inputs.at("source"), golden.param("alpha", 1.0)));
                 }});
  all.push_back({"torch.repeat_interleave", "engine.repeat_interleave", along, elements_without_axis});
  for (const char* name : {"tril", "triu"})
    all.push_back({std::string("torch.") + name, std::string("engine.") + name, {{"input", "x"}}});
  all.push_back({"torch.roll", "engine.roll", {{"input", "x"}, {"dims", "axes"}}, lists_of_one});
  const Rename reduced = {{"input", "x"}, {"dim", "axis"}, {"keepdim", "keep"}, {"interpolation", "rule"},
                          {"sorted", ""}, {"stable", ""}};
  for (const char* name :
       {"sort", "argsort", "topk", "median", "quantile", "argmax", "argmin", "cumsum", "cumprod", "prod"})
    all.push_back({std::string("torch.") + name, std::string("engine.") + name, reduced});
  for (const auto& [name, elementwise] : Rename{{"max", "maximum"}, {"min", "minimum"}}) {
    all.push_back({.golden = "torch." + name,
                   .op = "engine." + elementwise,
                   .names = {{"input", "a"}, {"other", "b"}},
                   .when = [](const GoldenCase& golden) { return golden.inputs.count("other") > 0; }});
    all.push_back({"torch." + name, "engine." + name, reduced});
  }
  for (const char* name : {"amax", "amin"})
    all.push_back({std::string("torch.") + name,
                   std::string("engine.") + name,
                   {{"input", "x"}, {"dim", "axes"}, {"keepdim", "keep"}},
                   lists_of_one});
  return all;
}

}  // namespace lumigrad::parity
