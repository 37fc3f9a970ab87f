// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/tape_numbers.h>
#include <algorithm>
#include <cstring>
#include <set>

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

std::string source(const Node& node) {
  if (!has_source(node)) return "";
  const char* slash = std::strrchr(node.here().file, '/');
  return message(slash ? slash + 1 : node.here().file, ":", node.here().line);
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

}  // namespace lumigrad
