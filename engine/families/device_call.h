// SPDX-License-Identifier: Apache-2.0
// How a call of the pixel family is put together for a device: its lanes over joined axes, numbers that stay on the
// CPU, room for sums. Shared by single formulas (pixel_device.cpp) and chains (chain_device.cpp).
#pragma once
#include <lumigrad/engine/device/pixel.h>
#include <lumigrad/engine/families/pixel_lanes.h>

namespace lumigrad {

/// Lanes over the joined axes of a domain.
struct DeviceLanes {
  device::PixelDomain domain;
  InlineVector<device::PixelLane, 16> lanes;
};

/// A call as it is put together: lanes as the CPU cuts them, and what those without memory read as.
class DeviceCall {
 public:
  explicit DeviceCall(const PixelPlan& plan) : plan_(plan) {}
  /// Lanes of inputs. One that is not on the device is a number.
  void inputs(std::span<const Tensor> tensors);
  /// Lanes that read as zero, as many as x has.
  void nothing(const Tensor& x);
  void result(const Tensor& y);
  /// New gradient tensors where they are wanted, and lanes that go nowhere where not.
  void gradients(std::span<const Tensor> tensors, std::span<const bool> wants, std::span<Tensor> to);
  /// Axes that lie behind one another in every lane become one.
  DeviceLanes joined() const;

 private:
  Lane* add(int count);
  int lanes_of(const Tensor& x) const { return plan_.lanes == Lanes::planes ? static_cast<int>(x.size(-3)) : 1; }

  const PixelPlan& plan_;
  InlineVector<Lane, 16> lanes_;
  InlineVector<double, 16> numbers_;
};

/// True for a tensor of the CPU in a call on a device: a number that wants no gradient (meet_on_device).
inline bool is_number(const PixelPlan& plan, const Tensor& x) { return x.device() != plan.device; }

/// Parameters as a kernel of `dtype` reads them. `kept` holds converted ones until the call is queued.
InlineVector<device::PixelNumber, 8> device_numbers(const PixelPlan& plan, std::span<const Tensor> params, DType dtype,
                                                    TensorList& kept);

/// Room for the sums of a call, cut as its kernel cuts it: [images][chunks][width].
struct SumsRoom {
  std::int64_t chunks;
  Tensor room;
  SumsRoom(const PixelPlan& plan, const device::PixelDomain& domain, int group, std::int64_t width);
  double* data() const { return reinterpret_cast<double*>(room.device_data()); }
};
/// Sums of chunks become numbers in tensors.
void add_totals(const PixelPlan& plan, const SumsRoom& sums, const device::PixelDomain& domain,
                std::span<const device::PixelTotal> totals, double scale);
/// Gradients of the parameters that are wanted, each in its own shape and dtype.
void add_parameter_totals(const PixelPlan& plan, const SumsRoom& sums, const device::PixelDomain& domain,
                          std::span<const Tensor> params, std::span<const bool> wants, std::span<Tensor> gradients);

/// 0 for f32, 1 for f64: the index of a kernel's number type.
inline int device_index(DType dtype) { return dtype == DType::f32 ? 0 : 1; }
inline bool is_empty(const device::PixelDomain& domain) {
  return domain.images == 0 || domain.rows == 0 || domain.run == 0;
}

}  // namespace lumigrad
