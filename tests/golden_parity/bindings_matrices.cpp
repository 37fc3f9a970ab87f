// SPDX-License-Identifier: Apache-2.0
// torch.linalg and what goes with it. Where factors are defined up to a sign the stored outputs are forms that do not
// depend on it (sizes of entries, the product of the factors), and the results are brought into those forms here.
#include <lumigrad/engine/ops.h>
#include <limits>
#include "binding.h"

namespace lumigrad::parity {
namespace {

std::vector<double> list_of(const nlohmann::json& json) {
  return json.is_array() ? json.get<std::vector<double>>() : std::vector<double>{json.get<double>()};
}

// Infinite exponents are words.
void exponent(const GoldenCase& golden, const char* name, Values& values) {
  const auto order = golden.params.find(name);
  if (order != golden.params.end() && order->is_string())
    values.set("p", (*order == "-inf" ? -1 : 1) * std::numeric_limits<double>::infinity());
}

void norm_of_vectors(const GoldenCase& golden, Values& values) {
  exponent(golden, "ord", values);
  const auto dim = golden.params.find("dim");
  if (dim != golden.params.end() && !dim->is_null()) values.set("axes", list_of(*dim));
}

void norm_of_matrices(const GoldenCase& golden, Values& values) {
  const auto order = golden.params.find("ord");
  if (order != golden.params.end() && order->is_number())
    values.set("norm", std::to_string(static_cast<int>(order->get<double>())));
  const auto dim = golden.params.find("dim");
  if (dim == golden.params.end() || !dim->is_array()) return;
  const Tensor& a = golden.inputs.at("A");
  const auto axes = dim->get<std::vector<int>>();
  const int m = (axes.at(0) + a.rank()) % a.rank(), n = (axes.at(1) + a.rank()) % a.rank();
  std::vector<int> order_of_axes;
  for (int axis = 0; axis < a.rank(); ++axis)
    if (axis != m && axis != n) order_of_axes.push_back(axis);
  order_of_axes.insert(order_of_axes.end(), {m, n});
  values.set("a", permute(a, std::span<const int>(order_of_axes)));
}

std::vector<Tensor> sizes_of_factors(const GoldenCase&, const std::vector<Tensor>& y) {
  return {y[1], matmul(mul(y[0], unsqueeze(y[1], -2)), y[2]), abs(y[0]), abs(y[2])};
}
std::vector<Tensor> sizes_of_vectors(const GoldenCase&, const std::vector<Tensor>& y) { return {y[0], abs(y[1])}; }

}  // namespace

std::vector<Binding> matrix_bindings() {
  std::vector<Binding> all;
  for (const auto& [name, op] : Rename{{"det", "det"},
                                       {"slogdet", "slogdet"},
                                       {"cholesky", "cholesky"},
                                       {"qr", "qr"},
                                       {"svdvals", "svdvals"},
                                       {"matrix_exp", "matrix_exp"}})
    all.push_back({"torch.linalg." + name, "engine." + op, {{"A", "a"}, {"mode", ""}, {"driver", ""}}});
  all.push_back({"torch.linalg.pinv", "engine.pinv", {{"A", "a"}, {"rcond", "rtol"}, {"hermitian", ""}}});
  all.push_back({"torch.linalg.lstsq", "engine.lstsq", {{"A", "a"}, {"B", "b"}, {"rcond", ""}, {"driver", ""}}});
  all.push_back({.golden = "torch.linalg.svd",
                 .op = "engine.svd",
                 .names = {{"A", "a"}, {"full_matrices", ""}, {"driver", ""}},
                 .rearrange = sizes_of_factors});
  all.push_back({.golden = "torch.linalg.eigh",
                 .op = "engine.eigh",
                 .names = {{"A", "a"}, {"UPLO", ""}},
                 .rearrange = sizes_of_vectors});
  all.push_back({"torch.cholesky_solve",
                 "engine.cholesky_solve",
                 {{"B", "b"}, {"L", "l"}, {"upper", ""}},
                 [](const GoldenCase& golden, Values& values) {
                   if (golden.param("upper", false)) values.set("l", transpose(golden.inputs.at("L"), -1, -2));
                 }});
  all.push_back({"torch.linalg.vector_norm",
                 "engine.vector_norm",
                 {{"ord", "p"}, {"dim", ""}, {"keepdim", "keep"}},
                 norm_of_vectors});
  all.push_back({"torch.linalg.matrix_norm",
                 "engine.matrix_norm",
                 {{"A", "a"}, {"ord", "norm"}, {"dim", ""}, {"keepdim", "keep"}},
                 norm_of_matrices});
  all.push_back({"torch.linalg.cross", "engine.cross", {{"input", "a"}, {"other", "b"}, {"dim", "axis"}}});
  all.push_back({"torch.cdist",
                 "engine.cdist",
                 {{"x1", "a"}, {"x2", "b"}, {"compute_mode", ""}},
                 [](const GoldenCase& golden, Values& values) { exponent(golden, "p", values); }});
  all.push_back({"torch.einsum", "engine.einsum"});
  return all;
}

}  // namespace lumigrad::parity
