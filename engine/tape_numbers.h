// SPDX-License-Identifier: Apache-2.0
// What every description of a tape needs to know about its nodes.
#pragma once
#include <lumigrad/engine/inspect.h>
#include <unordered_map>

namespace lumigrad {

/// Where in the tape a node stands.
class Numbers {
 public:
  explicit Numbers(const Tape& tape) {
    for (std::size_t i = 0; i < tape.size(); ++i) of_.emplace(&tape[i], i);
  }
  std::size_t operator[](const Node* node) const { return of_.at(node); }

 private:
  std::unordered_map<const Node*, std::size_t> of_;
};

inline std::size_t saved_bytes(const Node& node) {
  std::size_t bytes = 0;
  for (const Saved& value : const_cast<Node&>(node).saved()) bytes += value.bytes();
  return bytes;
}

inline bool has_source(const Node& node) { return node.here().file && *node.here().file; }

}  // namespace lumigrad
