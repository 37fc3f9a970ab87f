// SPDX-License-Identifier: Apache-2.0
// Products and decompositions on devices.
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/matrices.h>

namespace lumigrad {

namespace {

// Rows or columns next to one another, as libraries of products want them; anything else is copied.
Tensor with_runs(const Tensor& x) {
  const std::int64_t row = x.strides()[static_cast<std::size_t>(x.rank() - 2)],
                     column = x.strides()[static_cast<std::size_t>(x.rank() - 1)];
  const bool runs = (column == 1 && (row >= x.size(-1) || x.size(-2) == 1)) ||
                    (row == 1 && (column >= x.size(-2) || x.size(-1) == 1));
  return runs ? x.detach() : x.detach().clone();
}

}  // namespace

void multiply_there(const Tensor& a, const Tensor& b, const Tensor& y, const Shape& batch) {
  if (y.numel() == 0) return;
  const Device device = y.device();
  const Tensor left = expand(with_runs(a), matrix_shape(batch, a.size(-2), a.size(-1))),
               right = expand(with_runs(b), matrix_shape(batch, b.size(-2), b.size(-1)));
  const device::ProductCall call{device::array_of(left), device::array_of(right), device::array_of(y)};
  device::check("matmul", device, device::table(device).contract.multiply(device::place_of(device), &call));
}

void decompose_there(const char* name, device::MatrixMethod method, const Tensor& a, const Tensor& b,
                     std::initializer_list<const Tensor*> results, std::int64_t m) {
  const Device device = a.device();
  const Tensor left = dense(a), right = b.defined() ? dense(b) : Tensor();
  device::MatrixCall call{method,
                          a.dtype(),
                          batch_of(a).numel(),
                          m,
                          a.size(-1),
                          left.device_data(),
                          right.defined() ? right.device_data() : nullptr,
                          {}};
  std::size_t k = 0;
  for (const Tensor* y : results) call.y[k++] = y->device_data();
  if (call.count == 0) return;
  device::check(name, device, device::table(device).contract.decompose(device::place_of(device), &call));
}

}  // namespace lumigrad
