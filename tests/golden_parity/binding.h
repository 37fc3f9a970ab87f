// SPDX-License-Identifier: Apache-2.0
// How a case of the golden data becomes a call of one catalogue operator.
//
// A binding renames, rearranges and converts units of arguments, and may stand in for a keyword or a constant of the
// reference's own (torch.add's alpha, its 0.70710678 for the root of 1/2); it computes nothing else. What it hands over
// is the name of a row and the row's arguments, and what comes back is compared with the golden outputs in order.
//
//   {"color.rgb_to_hsv", "color.rgb_to_hsv"},                                   names and arguments agree
//   {"torch.sub", "engine.sub", {{"input", "a"}, {"other", "b"}}},              arguments are called differently
//   {"torch.bmm", "engine.matmul", {{"input", "a"}, {"mat2", "b"}}},
//   {"geometry.transform.rotate", "geometry.rotate", {{"tensor", "image"}},
//    [](const GoldenCase&, Values& v) { v.set("angle", radians(v.tensor("angle"))); }},   units differ
//
// Bindings of a module stand in bindings_<module>.cpp and are joined in bindings.cpp.
#pragma once
#include <lumigrad/engine/catalogue.h>
#include <lumigrad/engine/dictionary.h>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>

namespace lumigrad::parity {

/// One case as a binding sees it. Tensors have the dtype of the run (integers stay integers) and are leaves where a
/// gradient is stored.
struct GoldenCase {
  std::string op;
  std::string name;
  nlohmann::json params;           ///< by the reference's keyword names
  Dictionary<Tensor> inputs;       ///< by the reference's argument names
  std::vector<std::string> order;  ///< names of the inputs in the order of the call

  /// A parameter, or `otherwise` when it is absent or null.
  template <class T>
  T param(const std::string& key, const T& otherwise) const {
    const auto found = params.find(key);
    return found == params.end() || found->is_null() ? otherwise : found->template get<T>();
  }
};

using Rename = std::map<std::string, std::string>;

struct Binding {
  std::string golden;  ///< name in the golden data
  std::string op;      ///< row of the catalogue
  /// Golden argument -> argument of the row; arguments that are not listed keep their name, "" leaves one out.
  Rename names = {};
  /// What a rename cannot say: splits, joins and units. `values` already holds the renamed arguments. Tensors may pass
  /// through views, and be scaled between units; gradients flow back through both.
  std::function<void(const GoldenCase& golden, Values& values)> arrange = {};
  /// The row's results in the order and layout of the golden outputs.
  std::function<std::vector<Tensor>(const GoldenCase& golden, const std::vector<Tensor>& results)> rearrange = {};
  /// With several bindings of one golden operator (by mode, say) the first that holds is taken.
  std::function<bool(const GoldenCase& golden)> when = {};
  /// Why a case is deliberately different, or "". Only for a flagged or documented fault of the reference; the sentence
  /// names the test that holds the independent oracle.
  std::function<std::string(const GoldenCase& golden)> difference = {};
};

/// Degrees as the reference takes them, in the radians of the catalogue.
Tensor radians(const Tensor& degrees);
/// The same where the reference's pi is one of single precision, 2.8e-8 of it away: in its plane rotations and hues.
Tensor single_radians(const Tensor& degrees);
/// A golden argument of any kind as a row's value: numbers, flags, names, lists; nested lists become f64 tensors.
Value value_of(const nlohmann::json& json);

/// All bindings.
std::vector<Binding> bindings();

std::vector<Binding> augment_bindings();
std::vector<Binding> color_bindings();
std::vector<Binding> enhance_bindings();
std::vector<Binding> gather_bindings();
std::vector<Binding> filters_bindings();
std::vector<Binding> geometry_bindings();
std::vector<Binding> losses_bindings();
std::vector<Binding> matrix_bindings();
std::vector<Binding> network_bindings();
std::vector<Binding> stencil_bindings();
std::vector<Binding> torch_bindings();
std::vector<Binding> volume_bindings();

}  // namespace lumigrad::parity
