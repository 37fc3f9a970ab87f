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

// The axes of `a` with those of the matrices last.
std::vector<int> matrices_last(const GoldenCase& golden) {
  const int rank = golden.inputs.at("A").rank();
  std::vector<int> order, last = {rank - 2, rank - 1};
  if (const auto dim = golden.params.find("dim"); dim != golden.params.end() && dim->is_array())
    last = {(dim->at(0).get<int>() + rank) % rank, (dim->at(1).get<int>() + rank) % rank};
  for (int axis = 0; axis < rank; ++axis)
    if (axis != last[0] && axis != last[1]) order.push_back(axis);
  order.insert(order.end(), last.begin(), last.end());
  return order;
}

void norm_of_matrices(const GoldenCase& golden, Values& values) {
  const auto order = golden.params.find("ord");
  if (order != golden.params.end() && order->is_number())
    values.set("norm", std::to_string(static_cast<int>(order->get<double>())));
  values.set("a", permute(golden.inputs.at("A"), std::span<const int>(matrices_last(golden))));
}

// Axes that are kept stand where they were.
std::vector<Tensor> axes_in_their_places(const GoldenCase& golden, const std::vector<Tensor>& results) {
  if (!golden.param("keepdim", false)) return results;
  const std::vector<int> order = matrices_last(golden);
  std::vector<int> back(order.size());
  for (std::size_t k = 0; k < order.size(); ++k) back[static_cast<std::size_t>(order[k])] = static_cast<int>(k);
  return {permute(results[0], std::span<const int>(back))};
}

std::vector<Tensor> sizes_of_factors(const GoldenCase&, const std::vector<Tensor>& y) {
  return {y[1], matmul(mul(y[0], unsqueeze(y[1], -2)), y[2]), abs(y[0]), abs(y[2])};
}
std::vector<Tensor> sizes_of_vectors(const GoldenCase&, const std::vector<Tensor>& y) { return {y[0], abs(y[1])}; }

}  // namespace

std::vector<Binding> matrix_bindings() {
  std::vector<Binding> all;
  for (const auto& [name, op] : Rename{
           {"det", "det"}, {"slogdet", "slogdet"}, {"qr", "qr"}, {"svdvals", "svdvals"}, {"matrix_exp", "matrix_exp"}})
    all.push_back({"torch.linalg." + name, "engine." + op, {{"A", "a"}, {"mode", ""}, {"driver", ""}}});
  all.push_back({.golden = "torch.linalg.cholesky",
                 .op = "engine.cholesky",
                 .names = {{"A", "a"}, {"upper", ""}},
                 .rearrange = [](const GoldenCase& golden, const std::vector<Tensor>& y) {
                   return golden.param("upper", false) ? std::vector{transpose(y[0], -1, -2)} : y;
                 }});
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
  all.push_back({.golden = "torch.linalg.matrix_norm",
                 .op = "engine.matrix_norm",
                 .names = {{"A", "a"}, {"ord", "norm"}, {"dim", ""}, {"keepdim", "keep"}},
                 .arrange = norm_of_matrices,
                 .rearrange = axes_in_their_places});
  all.push_back({"torch.linalg.cross", "engine.cross", {{"input", "a"}, {"other", "b"}, {"dim", "axis"}}});
  all.push_back({"torch.cdist",
                 "engine.cdist",
                 {{"x1", "a"}, {"x2", "b"}, {"compute_mode", ""}},
                 [](const GoldenCase& golden, Values& values) { exponent(golden, "p", values); }});
  all.push_back({"torch.einsum", "engine.einsum"});
  return all;
}

}  // namespace lumigrad::parity
