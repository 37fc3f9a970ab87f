// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/lines.h>
#include <lumigrad/engine/families/scan.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>

namespace lumigrad {
namespace {

Tensor scan(const char* name, const Tensor& a, const Tensor& b, int axis, bool reverse, Here here);

// Entry j of x at j + by, zeros where nothing comes from; by is 1 or -1.
Tensor shifted(const Tensor& x, int axis, int by, Here here) {
  const std::int64_t extent = x.size(axis);
  if (extent == 0) return x;
  const Tensor rest = by > 0 ? slice(x, axis, 0, extent - 1, 1, here) : slice(x, axis, 1, extent, 1, here);
  return embed(rest, axis, by > 0 ? 1 : 0, 1, extent, here);
}

struct ScanNode final : Node {
  using Node::Node;
  Saved kept[2];  // a (undefined: 1) and s
  int axis = 0;
  bool reverse = false;
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const int by = reverse ? -1 : 1;
    if (!kept[0].defined()) {
      g[0] = scan(name(), {}, w[0], axis, !reverse, here());
      return;
    }
    const Tensor a = kept[0].get(*this);
    const Tensor t = scan(name(), shifted(a, axis, -by, here()), w[0], axis, !reverse, here());
    if (wants(0)) g[0] = t;
    if (wants(1)) g[1] = mul(t, shifted(kept[1].get(*this), axis, by, here()), here());
  }
};

template <class T>
void run(const T* a, const T* b, T* s, const Lines& lines, bool reverse) {
  constexpr std::int64_t width = 512;
  each_block(lines, width, 2.0, [&](const LineBlock& block) {
    if (block.count == 1) {
      const std::int64_t step = reverse ? -lines.inner : lines.inner;
      std::int64_t at = block.outer * lines.extent * lines.inner + block.first;
      if (reverse) at += (lines.extent - 1) * lines.inner;
      double state = 0;
      for (std::int64_t j = 0; j < lines.extent; ++j, at += step) {
        state = (a == nullptr || j == 0 ? state : a[at] * state) + b[at];
        s[at] = static_cast<T>(state);
      }
      return;
    }
    double state[width];
    for (std::int64_t step = 0; step < lines.extent; ++step) {
      const std::int64_t j = reverse ? lines.extent - 1 - step : step;
      const std::int64_t row = (block.outer * lines.extent + j) * lines.inner + block.first;
      if (step == 0)
        for (std::int64_t i = 0; i < block.count; ++i) state[i] = b[row + i];
      else if (a == nullptr)
        for (std::int64_t i = 0; i < block.count; ++i) state[i] += b[row + i];
      else
        for (std::int64_t i = 0; i < block.count; ++i) state[i] = a[row + i] * state[i] + b[row + i];
      for (std::int64_t i = 0; i < block.count; ++i) s[row + i] = static_cast<T>(state[i]);
    }
  });
}

Tensor scan(const char* name, const Tensor& a, const Tensor& b, int axis, bool reverse, Here here) {
  Tensor s = Tensor::empty(b.shape(), b.dtype(), b.device());
  s.state().weak = b.is_weak();
  const Tensor terms = b.detach().contiguous(), factors = a.defined() ? a.detach().contiguous() : Tensor();
  if (b.numel() == 0) {
    // nothing to add up
  } else if (b.device() != Device()) {
    const Lines lines(b.shape(), axis);
    const device::LinesCall call{.dtype = b.dtype(),
                                 .outer = lines.outer,
                                 .extent = lines.extent,
                                 .inner = lines.inner,
                                 .a = factors.defined() ? factors.device_data() : nullptr,
                                 .x = terms.device_data(),
                                 .y = s.device_data(),
                                 .flag = reverse};
    device::check(name, b.device(), device::table(b.device()).scan.scan(device::place_of(b.device()), &call));
  } else {
    by_differentiable_dtype(b.dtype(), [&](auto t) {
      using T = decltype(t);
      run(factors.defined() ? elements<T>(factors) : nullptr, elements<T>(terms), new_elements<T>(s),
          Lines(b.shape(), axis), reverse);
    });
  }
  const Tensor* sources[] = {&b, &a};
  if (auto node = record<ScanNode>(name, here, std::span(sources).first(a.defined() ? 2 : 1))) {
    if (a.defined()) {
      node->kept[0] = node->save_input(1, a);
      node->kept[1] = node->save_output(0, s);
    }
    node->axis = axis;
    node->reverse = reverse;
    node->attach(s);
  }
  return s;
}

int checked_line(const char* name, const Tensor& x, int axis) {
  require<DTypeError>(is_differentiable(x.dtype()), name, ": expected f32 or f64, got ", x.dtype(),
                      "; convert it with to()");
  return checked_axis(name, axis, x.rank());
}

Tensor running_product(const char* name, const Tensor& x, int axis, Here here) {
  if (x.size(axis) == 0) return x;
  return scan(name, x, embed(slice(x, axis, 0, 1, 1, here), axis, 0, 1, x.size(axis), here), axis, false, here);
}

}  // namespace

Tensor linear_recurrence(const Tensor& a, const Tensor& b, int axis, bool reverse, Here here) {
  axis = checked_line("linear_recurrence", b, axis);
  if (a.is_weak() && !b.is_weak())
    return linear_recurrence(a.to(b.dtype(), here).to(b.device(), here), b, axis, reverse, here);
  require<DTypeError>(a.dtype() == b.dtype(), "linear_recurrence: expected tensors of one dtype, got ", a.dtype(),
                      " and ", b.dtype());
  require<DeviceError>(a.device() == b.device(), "linear_recurrence: expected tensors on one device, got ", a.device(),
                       " and ", b.device());
  require<ShapeError>(a.shape() == b.shape(), "linear_recurrence: expected factors and terms of one shape, got ",
                      a.shape(), " and ", b.shape());
  return scan("linear_recurrence", a, b, axis, reverse, here);
}

Tensor cumsum(const Tensor& x, int axis, Here here) {
  return scan("cumsum", {}, x, checked_line("cumsum", x, axis), false, here);
}

Tensor cumprod(const Tensor& x, int axis, Here here) {
  return running_product("cumprod", x, checked_line("cumprod", x, axis), here);
}

Tensor prod(const Tensor& x, int axis, bool keep, Here here) {
  axis = checked_line("prod", x, axis);
  const Shape kept = x.shape().with(axis, 1);
  if (x.size(axis) == 0) return Tensor::ones(keep ? kept : x.shape().without(axis), x.dtype(), x.device());
  const Tensor last = slice(running_product("prod", x, axis, here), axis, -1, {}, 1, here);
  return keep ? last : squeeze(last, axis, here);
}

Tensor prod(const Tensor& x, Here here) { return prod(reshape(x, {-1}, here), 0, false, here); }

}  // namespace lumigrad
