// SPDX-License-Identifier: Apache-2.0
#include "case_run.h"
#include <lumigrad/engine/tape.h>
#include <algorithm>
#include <cmath>
#include <map>

namespace lumigrad::parity {
namespace {

using Json = nlohmann::json;

struct Tolerance {
  double relative = 0, absolute = 0;
};

Tolerance tolerance_of(const Json& entry, DType dtype, const char* part) {
  const Json& of = entry.at("tol").at(dtype == DType::f32 ? "float32" : "float64").at(part);
  return {of.at("rtol").get<double>(), of.at("atol").get<double>()};
}

bool flagged(const Json& entry, const std::string& flag) {
  for (const auto& item : entry.at("flags"))
    if (item == flag) return true;
  return false;
}

// What must not be compared at all, and why.
std::string exclusion(const Json& entry, DType dtype) {
  if (flagged(entry, "tie_sensitive")) return "tie_sensitive";
  if (dtype == DType::f32)
    for (const char* flag : {"no_float32", "float32_unstable"})
      if (flagged(entry, flag)) return flag;
  return {};
}

// How much further than allowed `value` is away, or 0 where it agrees.
double excess(double value, double reference, double allowed) {
  if (std::isnan(reference)) return std::isnan(value) ? 0 : INFINITY;
  if (std::isinf(reference)) return value == reference ? 0 : INFINITY;
  const double off = std::fabs(value - reference);
  return off <= allowed ? 0 : std::isnan(off) ? INFINITY : off / std::max(allowed, 1e-300);
}

// Compares and keeps the worst entry; true when all agree. Entries whose reference is not finite are the reference's
// own trouble where `finite_only`.
bool compare(const std::string& what, const Tensor& got, const Tensor& wanted, Tolerance tolerance, bool finite_only,
             Result& result) {
  if (got.shape() != wanted.shape()) {
    result.reason = message(what, ": expected shape ", wanted.shape(), ", got ", got.shape());
    return false;
  }
  const std::vector<double> a = got.values(), b = wanted.values();
  bool agrees = true;
  double worst = -1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (finite_only && !std::isfinite(b[i])) continue;
    const double allowed = tolerance.absolute + tolerance.relative * std::fabs(b[i]);
    const double off = std::fabs(a[i] - b[i]), over = excess(a[i], b[i], allowed);
    agrees &= over == 0;
    const double badness = over > 0 ? over : std::isfinite(off) ? off / std::max(allowed, 1e-300) : 0;
    if (badness <= worst) continue;
    worst = badness;
    const Deviation here = {what, off, allowed, a[i], b[i], static_cast<std::int64_t>(i)};
    const auto fit = [](const Deviation& d) { return d.absolute / std::max(d.allowed, 1e-300); };
    if (!result.worst || !(fit(here) <= fit(*result.worst))) result.worst = here;
  }
  return agrees;
}

// The arguments of a case in the dtype of the run; leaves where a gradient is stored.
GoldenCase golden_case(const Json& entry, const Dictionary<Tensor>& tensors, DType dtype,
                       const std::map<std::string, std::string>& gradients) {
  GoldenCase golden{entry.at("op"), entry.at("case"), entry.at("params"), {}, {}};
  for (const Json& input : entry.at("inputs")) {
    const std::string name = input.at("name");
    Tensor tensor = tensors.at(input.at("tensor").get<std::string>()).detach();
    if (is_differentiable(tensor.dtype()))
      tensor = tensor.to(dtype);
    else if (input.value("kornia_dtype", "") == "bool")
      tensor = tensor.to(DType::boolean);
    if (gradients.count(name)) tensor = tensor.clone().requires_grad();
    golden.inputs[name] = tensor;
    golden.order.push_back(name);
  }
  return golden;
}

Values arguments_of(const Binding& binding, const GoldenCase& golden, DType dtype) {
  Values values;
  const auto set = [&](const std::string& name, Value value) {
    const auto renamed = binding.names.find(name);
    const std::string& to = renamed == binding.names.end() ? name : renamed->second;
    if (!to.empty()) values.set(to, std::move(value));
  };
  for (const auto& [name, json] : golden.params.items()) {
    Value value = value_of(json);
    if (auto* tensor = std::get_if<Tensor>(&value)) *tensor = tensor->to(dtype);
    if (!std::holds_alternative<std::monostate>(value)) set(name, std::move(value));
  }
  for (const auto& [name, tensor] : golden.inputs) set(name, tensor);
  if (binding.arrange) binding.arrange(golden, values);
  return values;
}

// A row that takes part in parity has a gradient where the reference has one that is not flagged zero.
std::string missing_gradient(const Binding& binding, const Operator& row, const Json& entry,
                             const std::map<std::string, std::string>& gradients) {
  for (const auto& [name, tensor] : gradients) {
    const auto renamed = binding.names.find(name);
    const std::string& to = renamed == binding.names.end() ? name : renamed->second;
    for (const Argument& argument : row.arguments)
      if (argument.name == to && !flagged(entry, "zero_grad:" + name) &&
          argument.gradient != Differentiability::exact && argument.gradient != Differentiability::almost_everywhere)
        return message("argument ", to, " of ", row.name, " is not differentiable in its row");
  }
  return {};
}

// The gradients to compare with: argument -> tensor. Where the reference's own sweep is wrong, finite differences.
std::map<std::string, std::string> stored_gradients(const Json& entry) {
  std::map<std::string, std::string> gradients;
  for (const char* part : {"grads", "fd_grads"})
    if (entry.contains(part))
      for (const auto& [name, tensor] : entry.at(part).items()) gradients[name] = tensor;
  return gradients;
}

bool compare_gradients(const Json& entry, const Dictionary<Tensor>& tensors, const GoldenCase& golden,
                       const std::vector<Tensor>& outputs, const std::map<std::string, std::string>& gradients,
                       DType dtype, Result& result) {
  std::vector<Tensor> live, leaves;
  GradOptions options;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const Json& stored = entry.at("outputs")[k];
    if (!stored.contains("upstream") || !outputs[k].needs_grad()) continue;
    live.push_back(outputs[k]);
    options.seeds.push_back(tensors.at(stored.at("upstream").get<std::string>()).to(outputs[k].dtype()));
  }
  for (const auto& [name, tensor] : gradients) leaves.push_back(golden.inputs.at(name));
  const std::vector<Tensor> got = grad(live, leaves, options);
  bool agrees = true;
  std::size_t i = 0;
  for (const auto& [name, key] : gradients) {
    const Tensor wanted = tensors.at(key);
    Tolerance tolerance = tolerance_of(entry, dtype, "grad");
    if (entry.contains("fd_grads") && entry.at("fd_grads").contains(name)) {  // good to about 1e-6 of the largest
      double largest = 0;
      for (const double v : wanted.values()) largest = std::max(largest, std::fabs(v));
      tolerance.relative = std::max(tolerance.relative, 1e-5);
      tolerance.absolute = std::max(tolerance.absolute, 1e-5 * largest);
    }
    agrees &=
        compare("gradient of " + name, got[i++], wanted, tolerance, flagged(entry, "nonfinite_grad:" + name), result);
  }
  return agrees;
}

// Zero gradients that the row does not promise (a straight-through slope, or none) are not compared.
void drop_unpromised_zeros(const Binding& binding, const Operator& row, const Json& entry,
                           std::map<std::string, std::string>& gradients) {
  std::erase_if(gradients, [&](const auto& item) {
    const bool replaced = entry.contains("fd_grads") && entry.at("fd_grads").contains(item.first);
    if (replaced || !flagged(entry, "zero_grad:" + item.first)) return false;
    const auto renamed = binding.names.find(item.first);
    const std::string& to = renamed == binding.names.end() ? item.first : renamed->second;
    for (const Argument& argument : row.arguments)
      if (argument.name == to)
        return argument.gradient == Differentiability::none || argument.gradient == Differentiability::surrogate;
    return false;
  });
}

Verdict compare_case(const Binding& binding, const Operator& row, const Json& entry, const Dictionary<Tensor>& tensors,
                     DType dtype, Device device, Result& result) {
  std::map<std::string, std::string> gradients = stored_gradients(entry);
  drop_unpromised_zeros(binding, row, entry, gradients);
  const GoldenCase golden = golden_case(entry, tensors, dtype, gradients);
  if (binding.difference) {
    result.reason = binding.difference(golden);
    if (!result.reason.empty()) return Verdict::skipped;
  }
  result.reason = missing_gradient(binding, row, entry, gradients);
  if (!result.reason.empty()) return Verdict::failed;

  Values values = arguments_of(binding, golden, dtype);
  const Values given = values;
  for (const auto& [name, value] : given.items())
    if (const auto* tensor = std::get_if<Tensor>(&value); tensor && tensor->defined() && !tensor->is_weak())
      values.set(name, tensor->to(device));
  std::vector<Tensor> outputs = run(row, values);
  for (Tensor& output : outputs) output = output.to(Device());
  if (binding.rearrange) outputs = binding.rearrange(golden, outputs);
  const Json& stored = entry.at("outputs");
  if (outputs.size() != stored.size()) {
    result.reason = message("expected ", stored.size(), " outputs, got ", outputs.size());
    return Verdict::failed;
  }
  bool agrees = true;
  for (std::size_t k = 0; k < outputs.size(); ++k)
    agrees &= compare(message("output ", stored[k].at("name").get<std::string>()), outputs[k],
                      tensors.at(stored[k].at("tensor").get<std::string>()), tolerance_of(entry, dtype, "forward"),
                      false, result);
  if (!gradients.empty() && result.reason.empty())
    agrees &= compare_gradients(entry, tensors, golden, outputs, gradients, dtype, result);
  return agrees ? Verdict::passed : Verdict::failed;
}

}  // namespace

Result run_case(const Bound& bound, const Json& entry, const Dictionary<Tensor>& tensors, DType dtype, Device device) {
  Result result{entry.at("op"), entry.at("case")};
  const auto [first, last] = bound.bindings.equal_range(result.op);
  if (first == last) {
    result.verdict = Verdict::unbound;
    return result;
  }
  result.reason = exclusion(entry, dtype);
  if (!result.reason.empty()) {
    result.verdict = Verdict::skipped;
    return result;
  }
  result.verdict = Verdict::failed;
  try {
    const GoldenCase shown = golden_case(entry, tensors, dtype, {});
    const auto taken = std::find_if(first, last, [&](const auto& b) { return !b.second.when || b.second.when(shown); });
    if (taken == last) {
      result.reason = "no binding takes these parameters";
    } else if (const auto row = bound.rows.find(taken->second.op); row == bound.rows.end()) {
      result.reason = "no row " + taken->second.op + " in the catalogue";
    } else {
      result.verdict = compare_case(taken->second, *row->second, entry, tensors, dtype, device, result);
    }
  } catch (const std::exception& error) {
    result.reason = error.what();
  }
  return result;
}

}  // namespace lumigrad::parity
