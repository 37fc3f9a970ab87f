// SPDX-License-Identifier: Apache-2.0
// Stencils on a device, off the tape.
#include <lumigrad/engine/families/stencil_call.h>

#include <lumigrad/engine/device/module.h>

namespace lumigrad {
namespace {

using Run = device::Status (*)(device::Place, const device::StencilCall*);

void run(const char* name, Run function, Device device, device::StencilCall call) {
  device::check(name, device, function(device::place_of(device), &call));
}

Tensor dense_bias(const Tensor& bias) { return bias.defined() ? bias.detach().contiguous() : Tensor(); }

}  // namespace

Tensor device_stencil_forward(const char* name, const Stencil& s, const Tensor& x, const Tensor& w,
                              const Tensor& bias) {
  const Device device = x.device();
  const Tensor y = Tensor::empty({s.images, s.out, s.axis[0].out, s.axis[1].out, s.axis[2].out}, x.dtype(), device);
  const Tensor added = dense_bias(bias);
  if (y.numel() > 0)
    run(name, device::table(device).stencil.forward, device,
        {s, device::array_of(x), device::array_of(w), device::array_of(y), device::array_of(added), {}});
  return y;
}

Tensor device_stencil_spread(const char* name, const Stencil& s, const Tensor& w, const Tensor& y, const Tensor& bias) {
  const Device device = y.device();
  const Tensor x = Tensor::empty({s.images, s.in, s.axis[0].in, s.axis[1].in, s.axis[2].in}, y.dtype(), device);
  const Tensor added = dense_bias(bias);
  if (x.numel() > 0)
    run(name, device::table(device).stencil.spread, device,
        {s, device::array_of(x), device::array_of(w), device::array_of(y), device::array_of(added), {}});
  return x;
}

Tensor device_stencil_weights(const char* name, const Stencil& s, const Tensor& x, const Tensor& y) {
  const Device device = x.device();
  const Shape shape = {s.out, s.in / s.groups, s.axis[0].taps, s.axis[1].taps, s.axis[2].taps};
  if (shape.numel() == 0 || y.numel() == 0) return Tensor::zeros(shape, x.dtype(), device);
  const Tensor w = Tensor::empty(shape, x.dtype(), device);
  run(name, device::table(device).stencil.weights, device,
      {s, device::array_of(x), device::array_of(w), device::array_of(y), {}, {}});
  return w;
}

Tensor device_stencil_windows(const char* name, const Stencil& s, const Tensor& x) {
  const Device device = x.device();
  std::int64_t depth = s.in, results = 1;
  for (const StencilAxis& axis : s.axis) {
    depth *= axis.taps;
    results *= axis.out;
  }
  const Tensor columns = Tensor::empty({s.images, depth, results}, x.dtype(), device);
  if (columns.numel() > 0)
    run(name, device::table(device).stencil.windows, device,
        {s, device::array_of(x), {}, {}, {}, device::array_of(columns)});
  return columns;
}

Tensor device_stencil_overlay(const char* name, const Stencil& s, const Tensor& columns) {
  const Device device = columns.device();
  const Tensor x = Tensor::empty({s.images, s.in, s.axis[0].in, s.axis[1].in, s.axis[2].in}, columns.dtype(), device);
  if (x.numel() > 0)
    run(name, device::table(device).stencil.overlay, device,
        {s, device::array_of(x), {}, {}, {}, device::array_of(columns)});
  return x;
}

}  // namespace lumigrad
