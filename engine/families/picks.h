// SPDX-License-Identifier: Apache-2.0
// What was picked from lines by an index that a kernel made, on a device, and back.
//
//     pick      z[n, i] = x[n, index[n, i]], and 0 where the index is the extent of x: nothing was picked
//     collect   x[n, j] = sum of z[n, i] over those i with index[n, i] = j
//
// Each is the other's adjoint. gather and scatter_add (families/gather.h) do the same for any index, which they look at
// first; this one is known to be right. And where windows picked, who asks a pixel need ask few windows (`collect`), so
// that no sum has several owners.
#pragma once
#include <lumigrad/engine/callable.h>
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// An index on a device and how its adjoint is computed, outside the graph.
struct Picker {
  Tensor index;  ///< i64 [lines, count]
  std::int64_t extent = 0;
  Callable<Tensor(const Tensor& z)> collect;  ///< [lines, count] to [lines, extent]
};
/// x [lines, extent] to [lines, count], and back. Gradients to every order.
Tensor pick(const Tensor& x, const Picker& picker, Here here);
Tensor collect(const Tensor& z, const Picker& picker, Here here);

}  // namespace lumigrad
