// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/inspect.h>
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

namespace lumigrad {
namespace {

// 0, 1, ..., 25, 26, ... as a, b, ..., z, aa, ...
std::string letters(std::size_t k) {
  std::string text;
  for (++k; k > 0; k = (k - 1) / 26) text.insert(text.begin(), static_cast<char>('a' + (k - 1) % 26));
  return text;
}

// Control characters and quotes as C writes them, so that a name never breaks a line or a string.
std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      safe += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      constexpr const char* digits = "0123456789abcdef";
      safe += {'\\', 'x', digits[c >> 4 & 15], digits[c & 15]};
    } else {
      safe += c;
    }
  }
  return safe;
}

class Numbers {
 public:
  explicit Numbers(const Tape& tape) {
    for (std::size_t i = 0; i < tape.size(); ++i) of_.emplace(&tape[i], i);
  }
  std::size_t operator[](const Node* node) const { return of_.at(node); }

 private:
  std::unordered_map<const Node*, std::size_t> of_;
};

std::string output_name(const std::string& node, int output, std::size_t outputs) {
  return outputs > 1 ? message(node, ".", output) : node;
}

std::string call(const Node& node, const std::vector<std::string>& names, const Numbers& numbers) {
  std::string text = node.name();
  if (node.is_leaf()) return text;
  text += '(';
  for (const Edge& edge : node.inputs()) {
    if (text.back() != '(') text += ", ";
    text += edge.node ? output_name(escaped(names[numbers[edge.node.get()]]), edge.output, edge.node->outputs().size())
                      : "_";
  }
  return text + ')';
}

std::string shapes(const Node& node) {
  std::string text;
  for (const Node::Output& output : node.outputs()) {
    if (!text.empty()) text += ' ';
    text += message(output.dtype, output.shape);
  }
  return text;
}

std::size_t saved_bytes(const Node& node) {
  std::size_t bytes = 0;
  for (const Saved& value : const_cast<Node&>(node).saved()) bytes += value.bytes();
  return bytes;
}

bool has_source(const Node& node) { return node.here().file && *node.here().file; }

std::string source(const Node& node) {
  if (!has_source(node)) return "";
  const char* slash = std::strrchr(node.here().file, '/');
  return message(slash ? slash + 1 : node.here().file, ":", node.here().line);
}

nlohmann::json place(const Edge& edge, const Numbers& numbers) {
  if (!edge.node) return nullptr;
  return {{"node", numbers[edge.node.get()]}, {"output", edge.output}};
}

}  // namespace

std::vector<std::string> names_of(const Tape& tape) {
  std::vector<std::string> names(tape.size());
  std::set<std::string> taken;
  for (std::size_t i = 0; i < tape.size(); ++i) {
    if (!tape[i].label || tape[i].label->empty()) continue;
    names[i] = *tape[i].label;
    for (int k = 2; !taken.insert(names[i]).second; ++k) names[i] = message(*tape[i].label, "#", k);
  }
  std::size_t next = 0;
  for (std::string& name : names)
    if (name.empty()) do {
        name = letters(next++);
      } while (!taken.insert(name).second);
  return names;
}

std::string to_text(const Tape& tape) {
  const std::vector<std::string> names = names_of(tape);
  const Numbers numbers(tape);
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> widths(5);
  for (std::size_t i = 0; i < tape.size(); ++i) {
    const std::size_t bytes = saved_bytes(tape[i]);
    rows.push_back({std::to_string(i), escaped(names[i]) + " = " + call(tape[i], names, numbers), shapes(tape[i]),
                    tape[i].released() ? "released"
                    : bytes            ? message("saves ", bytes, " B")
                                       : "",
                    source(tape[i])});
    for (std::size_t c = 0; c < widths.size(); ++c) widths[c] = std::max(widths[c], rows.back()[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    text.append(widths[0] - row[0].size(), ' ').append(row[0]);  // numbers stand to the right
    std::size_t pending = 0;
    for (std::size_t c = 1; c < row.size(); ++c) {
      if (widths[c] == 0) continue;
      pending += 2;
      if (!row[c].empty()) {
        text.append(pending, ' ').append(row[c]);
        pending = 0;
      }
      pending += widths[c] - row[c].size();
    }
    text += '\n';
  }
  return text;
}

std::string to_dot(const Tape& tape) {
  const std::vector<std::string> names = names_of(tape);
  const Numbers numbers(tape);
  std::string text = "digraph tape {\n  node [fontname=\"monospace\"];\n";
  for (std::size_t i = 0; i < tape.size(); ++i) {
    const Node& node = tape[i];
    const std::string name = escaped(names[i]);
    text += message("  n", i, " [shape=", node.is_leaf() ? "ellipse" : "box", ", label=\"",
                    node.is_leaf() ? name : message(name, " = ", escaped(node.name())), "\\n", shapes(node), "\"];\n");
    for (const Edge& edge : node.inputs()) {
      if (!edge.node) continue;
      text += message("  n", numbers[edge.node.get()], " -> n", i);
      if (edge.node->outputs().size() > 1) text += message(" [label=\"", edge.output, "\"]");
      text += ";\n";
    }
  }
  return text + "}\n";
}

std::string to_json(const Tape& tape) {
  const std::vector<std::string> names = names_of(tape);
  const Numbers numbers(tape);
  nlohmann::json nodes = nlohmann::json::array(), outputs = nlohmann::json::array();
  for (std::size_t i = 0; i < tape.size(); ++i) {
    const Node& node = tape[i];
    nlohmann::json inputs = nlohmann::json::array(), results = nlohmann::json::array(), from;
    for (const Edge& edge : node.inputs()) inputs.push_back(place(edge, numbers));
    for (const Node::Output& output : node.outputs())
      results.push_back({{"shape", std::vector<std::int64_t>(output.shape.begin(), output.shape.end())},
                         {"dtype", to_string(output.dtype)}});
    if (has_source(node)) from = {{"file", node.here().file}, {"line", node.here().line}};
    nodes.push_back({{"id", i},
                     {"name", names[i]},
                     {"operator", node.name()},
                     {"leaf", node.is_leaf()},
                     {"inputs", inputs},
                     {"outputs", results},
                     {"saved_bytes", saved_bytes(node)},
                     {"released", node.released()},
                     {"source", from}});
  }
  for (const Tensor& output : tape.outputs())
    outputs.push_back(output.needs_grad() ? place({output.state().node, output.state().output}, numbers)
                                          : nlohmann::json());
  const nlohmann::json whole = {{"schema", "lumigrad.tape"}, {"version", 1}, {"nodes", nodes}, {"outputs", outputs}};
  return whole.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void write_json(const Tape& tape, const std::string& path) {
  write_file(path, to_json(tape));
}

}  // namespace lumigrad
