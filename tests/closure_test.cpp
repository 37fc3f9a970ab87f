// SPDX-License-Identifier: Apache-2.0
// The closure table of engine/families.h against what sweeps record.
#include <doctest/doctest.h>
#include <lumigrad/lumigrad.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

using namespace lumigrad;

namespace {

using Families = std::set<std::string>;

/// The family of a recorded step; empty for views and copies.
std::string family_of(const std::string& node) {
  static const std::map<std::string, Families> families = {
      {"pixel", {"mul", "add", "sub", "div", "neg", "where", "enhance.adjust_gamma", "losses.mse_loss"}},
      {"reduce", {"sum"}},
      {"stencil", {"conv2d", "filter", "filter_spread", "filter_sums", "window_collect"}},
      {"sample", {"sample_homography", "sample_volume_affine", "resample", "resample_planes"}},
      {"contract", {"matmul", "solve_triangular", "inverse"}},
      {"gather", {"gather", "scatter", "cumsum"}},
      {"", {"reshape", "expand", "clone", "slice", "select", "embed", "permute", "concat", "squeeze", "unsqueeze"}}};
  for (const auto& [family, nodes] : families)
    if (nodes.count(node)) return family;
  return "unknown: " + node;
}

/// The families of the steps that a recorded sweep from y to its inputs adds to the graph.
Families adjoint_of(const Tensor& y, const std::vector<Tensor>& inputs) {
  std::set<const Node*> forward;
  const Tape tape({y});
  for (const Node* node : tape) forward.insert(node);
  const Tensor seed = uniform({.seed = 3}, y.shape(), 0.5, 1, y.dtype()).requires_grad();
  const std::vector<Tensor> gradients = grad({y}, inputs, {.seeds = {seed}, .create_graph = true});
  Families found;
  for (const Node* node : Tape(gradients))
    if (!forward.count(node) && !node->is_leaf())
      if (const std::string family = family_of(node->name()); !family.empty()) found.insert(family);
  return found;
}

Tensor leaf(const Shape& shape, std::uint32_t k) {
  return uniform({.seed = 9, .operation = k}, shape, 0.2, 0.9, DType::f64).requires_grad();
}

/// What each row of the table does, by the sentence in its second column.
std::map<std::string, Families> recorded() {
  const Tensor a = leaf({1, 3, 6, 7}, 0), b = leaf({1, 3, 6, 7}, 1), kernel = leaf({3, 3}, 2),
               weights = leaf({4, 3, 3, 3}, 3), map = leaf({1, 3, 3}, 4), gamma = leaf({1}, 5),
               volume = leaf({1, 2, 4, 5, 6}, 6), map3 = leaf({1, 3, 4}, 7), square = leaf({3, 3}, 8);
  const Tensor positive =
      (matmul(square, transpose(square, 0, 1)) + Tensor::eye(3, DType::f64)).detach().requires_grad();
  return {{"a formula at every pixel", adjoint_of(enhance::adjust_gamma(a, gamma), {a, gamma})},
          {"a loss: the sum of a formula", adjoint_of(losses::mse_loss(a, b), {a, b})},
          {"convolution: image and weights", adjoint_of(conv2d(a, weights), {a, weights})},
          {"one kernel over every channel", adjoint_of(filters::filter2d(a, kernel), {a, kernel})},
          {"a window that selects", adjoint_of(morphology::dilation(a, kernel), {a, kernel})},
          {"a warp by a matrix: image and map", adjoint_of(geometry::warp_perspective(a, map), {a, map})},
          {"the same in volumes", adjoint_of(geometry::warp_affine3d(volume, map3), {volume, map3})},
          {"resizing", adjoint_of(geometry::resize(a, {.size = {3, 4}}), {a})},
          {"a product of matrices", adjoint_of(matmul(square, kernel), {square, kernel})},
          {"an inverse", adjoint_of(inverse(positive), {positive})},
          {"a decomposition", adjoint_of(cholesky(positive), {positive})},
          {"elements by an index", adjoint_of(index_select(a, 2, integers({.seed = 1}, {5}, 0, 6)), {a})},
          {"elements by their rank", adjoint_of(sort(a, 3).values, {a})},
          {"a running sum", adjoint_of(cumsum(a, 3), {a})}};
}

}  // namespace

TEST_CASE("every row of the closure table is what a sweep records") {
  std::ifstream header(std::string(LUMIGRAD_TEST_DIR) + "/../engine/families.h");
  const std::set<std::string> six = {"pixel", "reduce", "stencil", "sample", "contract", "gather"};
  const auto found = recorded();
  Families in_table, checked;
  for (std::string line; std::getline(header, line);) {
    std::istringstream words(line);
    std::string slashes, family;
    words >> slashes >> family;
    if (slashes != "//" || !six.count(family) || line.size() < 57) continue;
    std::string what = line.substr(17, 39);
    what.erase(what.find_last_not_of(' ') + 1);
    std::istringstream list(line.substr(56));
    const Families promised((std::istream_iterator<std::string>(list)), std::istream_iterator<std::string>());
    CAPTURE(what);
    REQUIRE(found.count(what) == 1);
    for (const std::string& made_of : found.at(what)) {
      CAPTURE(made_of);
      CHECK(promised.count(made_of) == 1);
    }
    for (const std::string& name : promised) {
      CAPTURE(name);
      CHECK(found.at(what).count(name) == 1);
    }
    in_table.insert(family), checked.insert(what);
  }
  CHECK(in_table == six);
  CHECK(checked.size() == found.size());
}
