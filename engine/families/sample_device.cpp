// SPDX-License-Identifier: Apache-2.0
// Warps on a device (cuda/sample.cuh), of images and of volumes.
#include <lumigrad/engine/device/determinism.h>
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/sample_call.h>

#include <cstdlib>
#include <cstring>

namespace lumigrad {

bool device::deterministic() {
  static const bool kept = [] {
    const char* asked = std::getenv("LUMIGRAD_DETERMINISTIC");
    return asked == nullptr || std::strcmp(asked, "0") != 0;
  }();
  return kept;
}

namespace {

// A call's record, and the tensors that it points to.
class WarpOnDevice {
 public:
  WarpOnDevice(const Warp& warp, const Tensor& map, DType dtype) : warp_(warp), device_(map.device()) {
    map_ = warp.kind == MapKind::grid ? map.detach().to(dtype) : map.detach();
    if (warp.options.fill.defined()) fill_ = warp.options.fill.detach().to(dtype);
    call.axes = warp.axes;
    call.kind = warp.kind;
    call.mode = warp.options.mode;
    call.border = warp.options.border;
    for (std::size_t axis = 0; axis < 3; ++axis) call.order[axis] = warp.order[axis];
    call.cubic = warp.options.cubic;
    call.any_order = !device::deterministic();
    call.map = device::array_of(map_);
    call.fill = device::array_of(fill_);
  }
  // What is read: bytes and 16-bit numbers as they lie, others with the pixels of a row side by side.
  void read(const Tensor& image) {
    const bool adjacent = image.strides().back() == 1 || image.size(-1) <= 1;
    image_ = adjacent || !is_floating(image.dtype()) ? image.detach() : image.detach().clone();
    call.image = device::array_of(image_);
  }
  void run(device::Status (*step)(device::Place, const device::WarpCall*)) const {
    require_countable(warp_, call.out.extents[1], sizes(call.image));
    device::check(warp_.name, device_, step(device::place_of(device_), &call));
  }
  const device::SampleTable& table() const { return device::table(device_).sample; }

  device::WarpCall call;

 private:
  Shape sizes(const device::Array& image) const {
    return Shape(std::span(image.extents + 2, static_cast<std::size_t>(warp_.axes)));
  }
  const Warp& warp_;
  Device device_;
  Tensor image_, map_, fill_;
};

}  // namespace

Tensor warp_forward_on_device(const Warp& warp, const Tensor& image, const Tensor& map) {
  const DType dtype = arithmetic_of(image);
  Tensor out = Tensor::empty(shape_of_planes(image, warp.out), dtype, image.device());
  if (out.numel() == 0) return out;
  WarpOnDevice warped(warp, map, dtype);
  warped.read(image);
  warped.call.out = device::array_of(out);
  warped.run(warped.table().forward);
  return out;
}

Tensor warp_splat_on_device(const Warp& warp, const Tensor& cotangent, const Tensor& map, const Shape& size) {
  const DType dtype = arithmetic_of(cotangent);
  const Shape shape = shape_of_planes(cotangent, size);
  if (shape.numel() == 0 || cotangent.numel() == 0) return Tensor::zeros(shape, dtype, cotangent.device());
  Tensor gradient = Tensor::empty(shape, dtype, cotangent.device());
  WarpOnDevice warped(warp, map, dtype);
  const Tensor values = cotangent.detach();
  warped.call.image = device::array_of(gradient);
  warped.call.out = device::array_of(values);
  warped.run(warped.table().splat);
  return gradient;
}

Tensor warp_map_adjoint_on_device(const Warp& warp, const Tensor& image, const Tensor& map, const Tensor& cotangent) {
  if (cotangent.numel() == 0 || image.numel() == 0 || warp.options.mode == Interpolation::nearest)
    return Tensor::zeros(map.shape(), map.dtype(), map.device());
  const DType dtype = arithmetic_of(cotangent);
  Tensor gradient = Tensor::empty(map.shape(), warp.kind == MapKind::grid ? dtype : map.dtype(), map.device());
  WarpOnDevice warped(warp, map, dtype);
  const Tensor values = cotangent.detach();
  warped.read(image);
  warped.call.out = device::array_of(values);
  warped.call.gradient = device::array_of(gradient);
  warped.run(warped.table().map_adjoint);
  return gradient.to(map.dtype());
}

}  // namespace lumigrad
