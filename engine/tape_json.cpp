// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/files/base64.h>
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/tape_json.h>
#include <lumigrad/engine/trace_page.h>
#include <charconv>

namespace lumigrad {
namespace {

using Json = nlohmann::json;

Json place(const Node* node, int output, const Numbers& numbers) {
  if (!node) return nullptr;
  return {{"node", numbers[node]}, {"output", output}};
}

// Seven digits: as many as a float has, and the same text for a float and for a double that holds one.
Json shortened(double value) {
  if (!std::isfinite(value)) return nullptr;
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::general, 7).ptr;
  std::from_chars(text, end, value);
  return value;
}

// What a node keeps, as members of the graph: a result carries the node that saved it, an input the one it came from.
std::vector<Tensor> kept_values(const Node& node) {
  std::vector<Tensor> values;
  if (node.released()) return values;
  Recording on(true);
  for (const Saved& saved : const_cast<Node&>(node).saved()) {
    if (!saved.defined()) continue;
    try {
      values.push_back(saved.get(node));
    } catch (const GraphError&) {  // changed in place since: backward will say so
      continue;
    }
  }
  return values;
}

Json described(const Node& node, std::size_t id, const std::string& name, const Numbers& numbers) {
  Json inputs = Json::array(), results = Json::array(), from;
  for (const Edge& edge : node.inputs()) inputs.push_back(place(edge.node.get(), edge.output, numbers));
  for (const Node::Output& output : node.outputs())
    results.push_back({{"shape", std::vector<std::int64_t>(output.shape.begin(), output.shape.end())},
                       {"dtype", to_string(output.dtype)}});
  if (has_source(node)) from = {{"file", node.here().file}, {"line", node.here().line}};
  const Json unknown(node.outputs().size(), nullptr);
  return {{"id", id},
          {"name", name},
          {"operator", node.name()},
          {"leaf", node.is_leaf()},
          {"inputs", inputs},
          {"outputs", results},
          {"saved_bytes", saved_bytes(node)},
          {"released", node.released()},
          {"source", from},
          {"kept", Json::array()},
          {"values", unknown},
          {"gradients", unknown}};
}

}  // namespace

Json json_of(const Thumbnail& thumbnail) {
  Json json = {{"block", thumbnail.block}, {"finite", thumbnail.finite}};
  if (thumbnail.is_picture()) {
    json["picture"] = base64(std::as_bytes(std::span(thumbnail.pixels)));
    json["width"] = thumbnail.width;
    json["height"] = thumbnail.height;
    json["channels"] = thumbnail.channels;
    json["low"] = shortened(thumbnail.low);
    json["high"] = shortened(thumbnail.high);
  } else {
    Json& numbers = json["numbers"] = Json::array();
    for (const double number : thumbnail.numbers) numbers.push_back(shortened(number));
  }
  return json;
}

Json json_of(const Tape& tape) {
  const std::vector<std::string> names = names_of(tape);
  const Numbers numbers(tape);
  Json nodes = Json::array(), outputs = Json::array();
  std::unordered_map<const Buffer*, std::size_t> storages;
  for (std::size_t i = 0; i < tape.size(); ++i) nodes.push_back(described(tape[i], i, names[i], numbers));
  for (std::size_t i = 0; i < tape.size(); ++i) {
    for (const Tensor& value : kept_values(tape[i])) {
      const TensorState& state = value.state();
      const std::size_t storage = storages.emplace(state.buffer.get(), storages.size()).first->second;
      const std::size_t bytes = static_cast<std::size_t>(value.numel()) * size_of(value.dtype());
      nodes[i]["kept"].push_back({{"of", place(state.node.get(), state.output, numbers)},
                                  {"storage", storage},
                                  {"bytes", std::min(bytes, state.buffer->bytes())}});
      if (!state.node) continue;
      Json& seen = nodes[numbers[state.node.get()]]["values"][static_cast<std::size_t>(state.output)];
      if (seen.is_null()) seen = json_of(thumbnail(value, Scale::values));
    }
    if (!tape[i].is_leaf()) continue;
    if (const Tensor& grad = static_cast<const Leaf&>(tape[i]).grad; grad.defined())
      nodes[i]["gradients"] = {json_of(thumbnail(grad, Scale::gradients))};
  }
  for (const Tensor& output : tape.outputs())
    outputs.push_back(output.needs_grad() ? place(output.state().node.get(), output.state().output, numbers) : Json());
  return {{"schema", "lumigrad.tape"}, {"version", 1}, {"nodes", nodes}, {"outputs", outputs}, {"sweep", nullptr}};
}

std::string text_of(const Json& json) { return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n"; }

std::string to_json(const Tape& tape) { return text_of(json_of(tape)); }
void write_json(const Tape& tape, const std::string& path) { write_file(path, to_json(tape)); }
void write_html(const Tape& tape, const std::string& path) { write_file(path, page_of(to_json(tape))); }

}  // namespace lumigrad
