// SPDX-License-Identifier: Apache-2.0
// Tensors that go to another device together: all of them, or none.
//
// Copies are made first, and may fail. Then the tensors take their copies over, which cannot. To the tape that is a
// change in place like any other: a value saved before is not there any more, so the version goes on from what it was.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

class Moves {
 public:
  /// Copies the values, and the gradient that a leaf has collected, to a device; nothing where they are there already.
  /// Throws GraphError for what was computed from a leaf.
  void add(const Tensor& tensor, Device device);
  /// All tensors added take their copies over.
  void finish() noexcept;

 private:
  struct Move {
    Tensor tensor, values, gradient;
  };
  std::vector<Move> list_;
};

}  // namespace lumigrad
