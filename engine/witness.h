// SPDX-License-Identifier: Apache-2.0
// Somebody who looks on while a program is recorded. A node keeps what its adjoint needs and nothing else, so a value
// that is to be shown later has to be seen when it passes by: node.cpp shows each value to the witness of its thread
// when it is attached to a node, and again when a node takes it as an input (a leaf is attached to nothing).
#pragma once
#include <lumigrad/engine/node.h>

namespace lumigrad {

class Witness {
 public:
  virtual ~Witness() = default;
  /// `value` is the output-th result of `node`. It may not be kept: that would keep the graph.
  virtual void saw(const Node& node, int output, const Tensor& value) = 0;
};

/// Who looks on in this thread; null: nobody.
extern constinit thread_local Witness* witness;

}  // namespace lumigrad
