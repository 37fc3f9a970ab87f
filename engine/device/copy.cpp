// SPDX-License-Identifier: Apache-2.0
// Numbers between devices. Bytes cross the bus as they lie, dense; layouts and dtypes change on the device, whichever
// way they go, so that what crosses is never more than what is wanted.
#include <lumigrad/engine/copy.h>

#include <lumigrad/engine/device/module.h>

namespace lumigrad {
namespace {

std::size_t bytes_of(const Tensor& dense) { return static_cast<std::size_t>(dense.numel()) * size_of(dense.dtype()); }

void copy_on(Device device, const Tensor& source, const Tensor& target) {
  const device::Array to = device::array_of(target), from = device::array_of(source);
  device::check("copy", device, device::table(device).copy.copy(device::place_of(device), &to, &from));
}

}  // namespace

void copy_across(const Tensor& source, const Tensor& target) {
  const Device from = source.device(), to = target.device();
  if (from == to) return copy_on(to, source, target);
  if (from == Device()) {
    const Tensor dense = source.detach().contiguous();
    const bool direct = target.is_contiguous() && target.dtype() == source.dtype();
    const Tensor arrived = direct ? target : Tensor::empty(source.shape(), source.dtype(), to);
    device::check("to", to,
                  device::table(to).memory.to_device(device::place_of(to), arrived.device_data(), dense.bytes(),
                                                     bytes_of(dense)));
    if (!direct) copy_on(to, arrived, target);
    return;
  }
  if (to != Device()) return copy_across(source.detach().to(Device()), target);
  const bool ready = source.is_contiguous() && source.dtype() == target.dtype();
  Tensor dense = source.detach();
  if (!ready) {
    dense = Tensor::empty(source.shape(), target.dtype(), from);
    copy_on(from, source, dense);
  }
  const bool direct = target.is_contiguous();
  const Tensor arrived = direct ? target : Tensor::empty(target.shape(), target.dtype());
  device::check("to", from,
                device::table(from).memory.to_host(device::place_of(from), const_cast<std::byte*>(arrived.bytes()),
                                                   dense.device_data(), bytes_of(dense)));
  if (!direct) copy_values(arrived, target);
}

void fill_values(const Tensor& target, double value) {
  if (target.numel() == 0) return;
  const Device device = target.device();
  const device::Array to = device::array_of(target);
  device::check("full", device, device::table(device).copy.fill(device::place_of(device), &to, value));
}

void count_up(const Tensor& target) {
  if (target.numel() == 0) return;
  const Device device = target.device();
  const device::Array to = device::array_of(target);
  device::check("arange", device, device::table(device).copy.count_up(device::place_of(device), &to));
}

}  // namespace lumigrad
