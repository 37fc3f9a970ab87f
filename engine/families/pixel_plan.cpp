// SPDX-License-Identifier: Apache-2.0
// What a call means: which tensors are cut into which lanes, over which domain.
#include <lumigrad/engine/families/pixel_call.h>
#include <lumigrad/engine/families/pixel_lanes.h>
#include <algorithm>
#include <cstdlib>

namespace lumigrad {

namespace {

std::int64_t channels(const Tensor& x) { return x.size(-3); }

// Shape of a planes input without its channel axis.
Shape pixels_of(const Tensor& x) { return x.shape().without(-3); }

// Strides of x over the domain, zero where it is broadcast.
Strides over_domain(const Shape& domain, const Shape& shape, const Strides& strides) {
  Strides result{};
  const int shift = domain.rank() - shape.rank();
  for (int i = 0; i < shape.rank(); ++i)
    if (shape[i] != 1) result[static_cast<std::size_t>(i + shift)] = strides[static_cast<std::size_t>(i)];
  return result;
}

// A new tensor whose elements follow one another in memory as those of x do where x lies there without gaps, row by
// row: axes turned round, or the outer ones exchanged. What x is a view of then gets its gradient without another pass.
Tensor laid_out_like(const Tensor& x, const Shape& shape, DType dtype, Device device) {
  Tensor plain = Tensor::empty(shape, dtype, device);
  if (shape != x.shape() || x.is_contiguous() || shape.numel() == 0) return plain;
  const auto step = [&](int axis) { return std::abs(x.strides()[static_cast<std::size_t>(axis)]); };
  InlineVector<int, max_rank> axes;
  for (int i = 0; i < shape.rank(); ++i)
    if (shape[i] > 1) axes.push_back(i);
  if (axes.empty() || step(axes[axes.size() - 1]) != 1) return plain;
  std::sort(axes.begin(), axes.end(), [&](int a, int b) { return step(a) < step(b); });
  std::int64_t dense = 1, first = 0;
  for (const int axis : axes) {
    if (step(axis) != dense) return plain;
    dense *= shape[axis];
    if (x.strides()[static_cast<std::size_t>(axis)] < 0) first += step(axis) * (shape[axis] - 1);
  }
  return plain.with_layout(shape, x.strides(), first);
}

}  // namespace

DType pixel_dtype(const char* name, Lanes lanes, std::span<const Tensor> inputs) {
  DType dtype = DType::f64;
  bool strong = false;
  for (const Tensor& x : inputs) {
    const bool pixels = lanes == Lanes::planes && (x.dtype() == DType::u8 || x.dtype() == DType::u16);
    const DType own = pixels || x.dtype() == DType::f16 || x.dtype() == DType::bf16 ? DType::f32 : x.dtype();
    require<DTypeError>(is_differentiable(own), name, ": expected f32 or f64",
                        lanes == Lanes::planes ? " (or u8, u16 pixels)" : "", ", got ", x.dtype());
    if (x.is_weak()) continue;
    require<DTypeError>(!strong || own == dtype, name, ": expected tensors of one dtype, got ", dtype, " and ", own,
                        "; convert one with to()");
    dtype = own;
    strong = true;
  }
  return strong ? dtype : DType::f64;
}

PixelPlan plan_pixel(const char* name, const PixelKernels& kernels, Lanes lanes, std::span<const Tensor> inputs,
                     std::span<const Tensor> params) {
  PixelPlan plan{name, &kernels, lanes, pixel_dtype(name, lanes, inputs), {}, {}};
  require<ShapeError>(kernels.inputs + 1 <= max_lanes && kernels.outputs <= max_lanes, name, ": too many lanes");
  if (lanes == Lanes::elements) {
    require<ShapeError>(static_cast<int>(inputs.size()) == kernels.inputs, name, ": expected ", kernels.inputs,
                        " tensors, got ", inputs.size());
    Shape shape = inputs.empty() ? Shape() : inputs[0].shape();
    for (std::size_t i = 1; i < inputs.size(); ++i) shape = broadcast(name, shape, inputs[i].shape());
    plan.domain.shape = shape;
    plan.result = kernels.outputs == 1 ? shape : shape.inserted(-1, kernels.outputs);
  } else {
    std::int64_t total = 0;
    for (const Tensor& x : inputs) {
      require<ShapeError>(x.rank() >= 3, name, ": expected images [.., C, H, W], got shape ", x.shape());
      total += channels(x);
    }
    require<ShapeError>(total == kernels.inputs, name, ": expected [.., C, H, W] with ", kernels.inputs, " channels",
                        inputs.size() > 1 ? " altogether" : "", ", got shape ", inputs[0].shape());
    Shape shape = pixels_of(inputs[0]);
    for (std::size_t i = 1; i < inputs.size(); ++i) shape = broadcast(name, shape, pixels_of(inputs[i]));
    plan.domain.shape = shape;
    plan.result = shape.inserted(shape.rank() - 2, kernels.outputs);
  }
  require<ShapeError>(static_cast<int>(params.size()) == kernels.params, name, ": expected ", kernels.params,
                      " parameters, got ", params.size());
  const Shape& shape = plan.domain.shape;
  bool per_image = false;
  for (const Tensor& p : params) {
    require<DTypeError>(is_differentiable(p.dtype()), name, ": expected parameters of f32 or f64, got ", p.dtype());
    if (p.numel() == 1) continue;
    require<ShapeError>(shape.rank() > 0 && p.numel() == shape[0] && (lanes == Lanes::elements || shape.rank() > 2),
                        name, ": expected a parameter of one number, or one an image, got shape ", p.shape(),
                        " for images ", inputs[0].shape());
    per_image = true;
  }
  plan.domain.images = per_image ? shape[0] : 1;
  plan.domain.extent = plan.domain.images == 0 ? 0 : shape.numel() / plan.domain.images;
  for (std::span<const Tensor> list : {inputs, params})  // one device, beside numbers (meet_on_device)
    for (const Tensor& t : list)
      if (t.device() != Device()) plan.device = t.device();
  return plan;
}

int input_lanes(const PixelPlan& plan, std::span<const Tensor> tensors, Lane* to) {
  int k = 0;
  for (const Tensor& x : tensors) {
    auto* base = x.device_data();
    if (plan.lanes == Lanes::elements) {
      to[k++] = {base, over_domain(plan.domain.shape, x.shape(), x.strides()), x.dtype(), 1};
      continue;
    }
    Strides strides{};  // x without its channel axis
    const int channel_axis = x.rank() - 3;
    for (int i = 0, j = 0; i < x.rank(); ++i)
      if (i != channel_axis) strides[static_cast<std::size_t>(j++)] = x.strides()[static_cast<std::size_t>(i)];
    const Strides steps = over_domain(plan.domain.shape, pixels_of(x), strides);
    const std::int64_t channel_step =
        x.strides()[static_cast<std::size_t>(channel_axis)] * static_cast<std::int64_t>(size_of(x.dtype()));
    const double scale = x.dtype() == DType::u8 ? 1.0 / 255 : x.dtype() == DType::u16 ? 1.0 / 65535 : 1.0;
    for (std::int64_t c = 0; c < channels(x); ++c) to[k++] = {base + c * channel_step, steps, x.dtype(), scale};
  }
  return k;
}

void result_lanes(const PixelPlan& plan, const Tensor& y, Lane* to) {
  const int axis = plan.lanes == Lanes::planes ? y.rank() - 3 : plan.kernels->outputs == 1 ? -1 : y.rank() - 1;
  Strides strides{};
  for (int i = 0, j = 0; i < y.rank(); ++i)
    if (i != axis) strides[static_cast<std::size_t>(j++)] = y.strides()[static_cast<std::size_t>(i)];
  const auto size = static_cast<std::int64_t>(size_of(y.dtype()));
  const std::int64_t step = axis < 0 ? 0 : y.strides()[static_cast<std::size_t>(axis)] * size;
  for (int m = 0; m < plan.kernels->outputs; ++m) to[m] = {y.device_data() + m * step, strides, y.dtype(), 1};
}

void gradient_lanes(const PixelPlan& plan, std::span<const Tensor> inputs, std::span<const bool> wants,
                    std::span<Tensor> gradients, Lane* to) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool planes = plan.lanes == Lanes::planes;
    const std::int64_t count = planes ? channels(inputs[i]) : 1;
    if (wants[i]) {
      const Shape& shape = plan.domain.shape;
      gradients[i] =
          laid_out_like(inputs[i], planes ? shape.inserted(shape.rank() - 2, count) : shape, plan.dtype, plan.device);
      input_lanes(plan, {&gradients[i], 1}, to);
    } else {
      for (std::int64_t c = 0; c < count; ++c) to[c].base = nullptr;
    }
    to += count;
  }
}

}  // namespace lumigrad
