// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/device_call.h>
#include <lumigrad/engine/stored_pixels.h>

namespace lumigrad {
namespace {

// Rows of fewer elements than this are counted by 31 bits whatever the formula takes at a time.
constexpr std::int64_t most_elements = std::int64_t{1} << 30;

// What a one-element tensor stands for as an input.
double input_number(const PixelPlan& plan, const Tensor& x) {
  return plan.lanes == Lanes::planes ? x.item() / largest_of(x.dtype()) : x.item();
}

// The step of a parameter from image to image, in elements; 0 where it is one number.
std::int64_t image_step(const Tensor& p) {
  for (int i = 0; i < p.rank(); ++i)
    if (p.size(i) != 1) return p.strides()[static_cast<std::size_t>(i)];
  return 0;
}

DeviceLanes joined_lanes(const Domain& domain, std::span<const Lane> lanes, std::span<const double> numbers) {
  DeviceLanes result;
  device::PixelDomain& to = result.domain;
  int axes[max_rank], count = 0;  // those that stay, in order; the extent of each below
  std::int64_t extents[max_rank];
  const auto stride = [&](std::size_t k, int axis) { return lanes[k].strides[static_cast<std::size_t>(axis)]; };
  const int first = domain.images > 1 ? 1 : 0;
  for (int i = first; i < domain.shape.rank(); ++i) {
    const std::int64_t extent = domain.shape[i];
    if (extent == 1) continue;
    bool joins = count > 0;
    for (std::size_t k = 0; k < lanes.size() && joins; ++k)
      joins = !lanes[k].base || stride(k, axes[count - 1]) == stride(k, i) * extent;
    if (joins) {
      extents[count - 1] *= extent;
      axes[count - 1] = i;
    } else {
      extents[count] = extent;
      axes[count++] = i;
    }
  }
  to.images = domain.images;
  int begin = 0, image_axis = first ? 0 : -1;
  if (to.images == 1 && count > 1 && domain.extent > most_elements) {  // more than a grid counts: by images, then
    image_axis = axes[0];
    to.images = extents[0];
    begin = 1;
  }
  to.run = count > begin ? extents[count - 1] : 1;
  to.rows = 1;
  for (int a = begin; a + 1 < count; ++a) {
    to.extents[to.axes++] = extents[a];
    to.rows *= extents[a];
  }
  for (std::size_t k = 0; k < lanes.size(); ++k) {
    device::PixelLane lane;
    lane.base = lanes[k].base;
    lane.dtype = lanes[k].dtype;
    lane.largest = lanes[k].scale == 1 ? 1 : largest_of(lanes[k].dtype);
    lane.number = numbers[k];
    if (image_axis >= 0) lane.image_step = stride(k, image_axis);
    for (int a = 0; a < to.axes; ++a) lane.steps[a] = stride(k, axes[begin + a]);
    if (count > begin) lane.run_step = stride(k, axes[count - 1]);
    result.lanes.push_back(lane);
  }
  return result;
}

}  // namespace

Lane* DeviceCall::add(int count) {
  const std::size_t first = lanes_.size();
  lanes_.resize(first + static_cast<std::size_t>(count));
  numbers_.resize(lanes_.size());
  return lanes_.data() + first;
}

void DeviceCall::inputs(std::span<const Tensor> tensors) {
  for (const Tensor& x : tensors) {
    const auto first = numbers_.size();
    Lane* to = add(lanes_of(x));
    input_lanes(plan_, {&x, 1}, to);
    if (!is_number(plan_, x)) continue;
    for (int c = 0; c < lanes_of(x); ++c) to[c].base = nullptr;
    for (std::size_t k = first; k < numbers_.size(); ++k) numbers_[k] = input_number(plan_, x);
  }
}

void DeviceCall::nothing(const Tensor& x) {
  Lane* to = add(lanes_of(x));
  for (int c = 0; c < lanes_of(x); ++c) to[c] = {nullptr, {}, plan_.dtype, 1};
}

void DeviceCall::result(const Tensor& y) { result_lanes(plan_, y, add(plan_.kernels->outputs)); }

void DeviceCall::gradients(std::span<const Tensor> tensors, std::span<const bool> wants, std::span<Tensor> to) {
  int count = 0;
  for (const Tensor& x : tensors) count += lanes_of(x);
  gradient_lanes(plan_, tensors, wants, to, add(count));
}

DeviceLanes DeviceCall::joined() const {
  return joined_lanes(plan_.domain, {lanes_.data(), lanes_.size()}, {numbers_.data(), numbers_.size()});
}

InlineVector<device::PixelNumber, 8> device_numbers(const PixelPlan& plan, std::span<const Tensor> params, DType dtype,
                                                    TensorList& kept) {
  InlineVector<device::PixelNumber, 8> numbers;
  for (const Tensor& p : params) {
    device::PixelNumber number;
    if (p.defined() && p.numel() > 0) {
      if (is_number(plan, p)) {
        number.number = p.item();
      } else {
        kept.push_back(p.detach().to(dtype));
        number.base = kept[kept.size() - 1].device_data();
        number.image_step = image_step(kept[kept.size() - 1]);
      }
    }
    numbers.push_back(number);
  }
  return numbers;
}

SumsRoom::SumsRoom(const PixelPlan& plan, const device::PixelDomain& domain, int group, std::int64_t width)
    : chunks(device::pixel_chunks(domain, group)),
      room(Tensor::empty({domain.images * chunks, width}, DType::f64, plan.device)) {}

void add_totals(const PixelPlan& plan, const SumsRoom& sums, const device::PixelDomain& domain,
                std::span<const device::PixelTotal> totals, double scale) {
  const device::PixelTotals call{sums.data(),
                                 domain.images,
                                 is_empty(domain) ? 0 : sums.chunks /* an empty sum is 0 */,
                                 static_cast<std::int32_t>(totals.size()),
                                 totals.data(),
                                 scale};
  device::check(plan.name, plan.device, device::table(plan.device).pixel.totals(device::place_of(plan.device), &call));
}

void add_parameter_totals(const PixelPlan& plan, const SumsRoom& sums, const device::PixelDomain& domain,
                          std::span<const Tensor> params, std::span<const bool> wants, std::span<Tensor> gradients) {
  InlineVector<device::PixelTotal, 8> totals(params.size());
  for (std::size_t k = 0; k < params.size(); ++k) {
    if (!wants[k]) continue;
    gradients[k] = Tensor::empty(params[k].shape(), params[k].dtype(), plan.device);
    totals[k] = {gradients[k].device_data(), params[k].dtype(), params[k].numel() != 1, 1};
    if (params[k].numel() == 0) totals[k].base = nullptr;
  }
  add_totals(plan, sums, domain, {totals.data(), totals.size()}, 1);
}

}  // namespace lumigrad
