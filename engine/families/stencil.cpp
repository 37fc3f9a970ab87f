// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/reduce.h>
#include <lumigrad/engine/families/stencil.h>
#include <lumigrad/engine/families/stencil_call.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/views.h>

namespace lumigrad {
namespace {

// A stencil and the number of its axes; the axes that are not there have extent 1.
struct Form {
  const char* name;
  int axes;
  Stencil stencil;
};

std::int64_t extent_of(const StencilAxis& axis, StencilPart part) {
  return part == StencilPart::image ? axis.in : part == StencilPart::weight ? axis.taps : axis.out;
}
Shape shape_of(const Form& form, StencilPart part) {
  const Stencil& s = form.stencil;
  std::vector<std::int64_t> extents = {part == StencilPart::weight ? s.out : s.images,
                                       part == StencilPart::weight  ? s.in / s.groups
                                       : part == StencilPart::image ? s.in
                                                                    : s.out};
  for (int a = 3 - form.axes; a < 3; ++a) extents.push_back(extent_of(s.axis[a], part));
  return Shape(extents);
}

// The two parts that are given when one is missing, in the order image, weight, result.
struct Given {
  StencilPart first, second;
};
Given given(StencilPart missing) {
  using enum StencilPart;
  return {missing == image ? weight : image, missing == result ? weight : result};
}

Tensor evaluate(const Form& form, StencilPart missing, const Tensor& a, const Tensor& b, const Tensor& bias, Here here);

// <u, F without a part> is F with u in that part's place, which is linear in the two others: their gradients are F
// without them.
struct FormNode final : Node {
  using Node::Node;
  Form form{};
  StencilPart missing{};
  Saved kept[2];
  std::span<Saved> saved() override { return kept; }
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    const StencilPart parts[2] = {given(missing).first, given(missing).second};
    for (std::size_t i = 0; i < 2; ++i) {
      if (!wants(i)) continue;
      const Tensor other = kept[1 - i].get(*this);
      const bool cotangent_first = given(parts[i]).first == missing;
      g[i] = evaluate(form, parts[i], cotangent_first ? w[0] : other, cotangent_first ? other : w[0], {}, here());
    }
    if (inputs().size() < 3 || !wants(2)) return;
    std::vector<int> axes = {0};
    for (int a = 2; a < w[0].rank(); ++a) axes.push_back(a);
    g[2] = sum(w[0], axes, false, here());
  }
};

Tensor evaluate(const Form& form, StencilPart missing, const Tensor& a, const Tensor& b, const Tensor& bias,
                Here here) {
  const Tensor first = a.detach().contiguous(), second = b.detach().contiguous();
  Tensor y = missing == StencilPart::result  ? stencil_forward(form.name, form.stencil, first, second, bias)
             : missing == StencilPart::image ? stencil_spread(form.name, form.stencil, first, second, bias)
                                             : stencil_weights(form.name, form.stencil, first, second);
  y = reshape(y, shape_of(form, missing), here);
  const Tensor* inputs[] = {&a, &b, &bias};
  if (auto node = record<FormNode>(form.name, here, std::span(inputs, bias.defined() ? 3u : 2u))) {
    node->form = form;
    node->missing = missing;
    if (node->wants(1)) node->kept[0] = node->save_input(0, a);
    if (node->wants(0)) node->kept[1] = node->save_input(1, b);
    node->attach(y);
  }
  return y;
}

// Whole numbers that fit: sums of a few products of two of them stay far below 2^63.
std::int64_t checked(const char* name, const char* what, std::int64_t value, std::int64_t least) {
  require<ShapeError>(value >= least && value < std::int64_t{1} << 28, name, ": expected a ", what, " of at least ",
                      least, ", got ", value);
  return value;
}

void check_numbers(const char* name, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  require<DTypeError>(is_differentiable(x.dtype()), name, ": expected f32 or f64, got ", x.dtype());
  require<DTypeError>(weight.dtype() == x.dtype(), name, ": expected weights of ", x.dtype(), ", got ", weight.dtype());
  require<DTypeError>(!bias.defined() || bias.dtype() == x.dtype(), name, ": expected a bias of ", x.dtype(), ", got ",
                      bias.defined() ? bias.dtype() : x.dtype());
}

void check_groups(const char* name, int axes, const Tensor& x, const Tensor& weight, std::int64_t groups) {
  require<ShapeError>(x.rank() == axes + 2, name, ": expected [N, C, ..] or [C, ..] with ", axes, " axes, got shape ",
                      x.shape());
  require<ShapeError>(weight.rank() == axes + 2, name, ": expected weights with ", axes, " axes of taps, got shape ",
                      weight.shape());
  require<ShapeError>(groups >= 1 && x.size(1) % groups == 0 && weight.size(0) % groups == 0, name,
                      ": expected groups that divide the channels ", x.size(1), " and ", weight.size(0), ", got ",
                      groups);
}

void check_bias(const char* name, const Tensor& bias, std::int64_t channels) {
  require<ShapeError>(!bias.defined() || bias.shape() == Shape{channels}, name, ": expected a bias [", channels,
                      "], got shape ", bias.defined() ? bias.shape() : Shape{});
}

Tensor conv(const char* name, int axes, const Tensor& x, const Tensor& weight, const ConvOptions& options, Here here) {
  if (x.rank() == axes + 1) return squeeze(conv(name, axes, unsqueeze(x, 0, here), weight, options, here), 0, here);
  if (weight.device() != x.device())
    return conv(name, axes, x, device::on_device(name, weight, x.device(), here), options, here);
  check_numbers(name, x, weight, options.bias);
  check_groups(name, axes, x, weight, options.groups);
  require<ShapeError>(weight.size(1) * options.groups == x.size(1), name, ": expected weights for ",
                      x.size(1) / options.groups, " channels, got shape ", weight.shape());
  check_bias(name, options.bias, weight.size(0));
  Form form{name, axes, {x.size(0), x.size(1), weight.size(0), options.groups, {}}};
  for (int i = 0; i < axes; ++i) {
    StencilAxis& axis = form.stencil.axis[3 - axes + i];
    axis.in = x.size(2 + i);
    axis.taps = checked(name, "kernel", weight.size(2 + i), 1);
    axis.stride = checked(name, "stride", options.stride.at(i, axes, name), 1);
    axis.dilation = checked(name, "dilation", options.dilation.at(i, axes, name), 1);
    axis.before = checked(name, "padding", options.padding.at(i, axes, name), 0);
    const std::int64_t reach = axis.dilation * (axis.taps - 1);
    std::int64_t margin = 2 * axis.before;
    if (options.same) {
      require<ShapeError>(axis.stride == 1, name, ": expected stride 1 with same padding, got ", axis.stride);
      margin = reach;
      axis.before = reach / 2;
    }
    const std::int64_t room = axis.in + margin - reach - 1;
    require<ShapeError>(room >= 0, name, ": expected an image of at least ", reach + 1 - margin, " along axis ", 2 + i,
                        ", got ", axis.in);
    axis.out = room / axis.stride + 1;
  }
  return evaluate(form, StencilPart::result, x, weight, device::on_device(name, options.bias, x.device(), here), here);
}

Tensor conv_transpose(const char* name, int axes, const Tensor& x, const Tensor& weight,
                      const ConvTransposeOptions& options, Here here) {
  if (x.rank() == axes + 1)
    return squeeze(conv_transpose(name, axes, unsqueeze(x, 0, here), weight, options, here), 0, here);
  if (weight.device() != x.device())
    return conv_transpose(name, axes, x, device::on_device(name, weight, x.device(), here), options, here);
  check_numbers(name, x, weight, options.bias);
  check_groups(name, axes, x, weight, options.groups);
  require<ShapeError>(weight.size(0) == x.size(1), name, ": expected weights for ", x.size(1), " channels, got shape ",
                      weight.shape());
  check_bias(name, options.bias, weight.size(1) * options.groups);
  // What spreads here is the result of the stencil, and the weights are written for it.
  Form form{name, axes, {x.size(0), weight.size(1) * options.groups, x.size(1), options.groups, {}}};
  for (int i = 0; i < axes; ++i) {
    StencilAxis& axis = form.stencil.axis[3 - axes + i];
    axis.out = x.size(2 + i);
    axis.taps = checked(name, "kernel", weight.size(2 + i), 1);
    axis.stride = checked(name, "stride", options.stride.at(i, axes, name), 1);
    axis.dilation = checked(name, "dilation", options.dilation.at(i, axes, name), 1);
    axis.before = checked(name, "padding", options.padding.at(i, axes, name), 0);
    const std::int64_t end = checked(name, "output_padding", options.output_padding.at(i, axes, name), 0);
    require<ShapeError>(end < axis.stride || end < axis.dilation, name,
                        ": expected an output_padding below the stride ", axis.stride, " or the dilation ",
                        axis.dilation, ", got ", end);
    axis.in = (axis.out - 1) * axis.stride - 2 * axis.before + axis.dilation * (axis.taps - 1) + end + 1;
    require<ShapeError>(axis.out >= 1 && axis.in >= 1, name, ": expected a result of at least 1 along axis ", 2 + i,
                        ", got ", axis.in);
  }
  return evaluate(form, StencilPart::image, weight, x, device::on_device(name, options.bias, x.device(), here), here);
}

// ---- windows as columns ---------------------------------------------------------------------------------------------

Form window_form(const char* name, const Shape& size, std::span<const std::int64_t> kernel,
                 const UnfoldOptions& options) {
  const int axes = static_cast<int>(kernel.size());
  require<ShapeError>(axes >= 1 && axes <= 3 && size.rank() == axes, name, ": expected a kernel for each of the ",
                      size.rank(), " axes, got ", axes, " extents");
  Form form{name, axes, {}};
  for (int i = 0; i < axes; ++i) {
    StencilAxis& axis = form.stencil.axis[3 - axes + i];
    axis.in = checked(name, "size", size[i], 0);
    axis.taps = checked(name, "kernel", kernel[static_cast<std::size_t>(i)], 1);
    axis.stride = checked(name, "stride", options.stride.at(i, axes, name), 1);
    axis.dilation = checked(name, "dilation", options.dilation.at(i, axes, name), 1);
    axis.before = checked(name, "padding", options.padding.at(i, axes, name), 0);
    const std::int64_t room = axis.in + 2 * axis.before - axis.dilation * (axis.taps - 1) - 1;
    require<ShapeError>(room >= 0, name, ": expected an image as large as the window, got ", axis.in, " along axis ",
                        2 + i);
    axis.out = room / axis.stride + 1;
  }
  return form;
}

// Either direction is the other's adjoint.
Tensor move_windows(const Form& form, bool out, const Tensor& x, Here here);
struct WindowsNode final : Node {
  using Node::Node;
  Form form{};
  bool out = false;
  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    g[0] = move_windows(form, !out, w[0], here());
  }
};
Tensor move_windows(const Form& form, bool out, const Tensor& x, Here here) {
  const Tensor from = x.detach().contiguous();
  Tensor y = out ? stencil_windows(form.name, form.stencil, from)
                 : reshape(stencil_overlay(form.name, form.stencil, from), shape_of(form, StencilPart::image), here);
  if (auto node = record<WindowsNode>(form.name, here, {&x})) {
    node->form = form;
    node->out = out;
    node->attach(y);
  }
  return y;
}

}  // namespace

Extents::Extents(std::initializer_list<std::int64_t> values)
    : Extents(std::span<const std::int64_t>(values.begin(), values.size())) {}

Extents::Extents(std::span<const std::int64_t> values) : count_(static_cast<int>(values.size())) {
  for (std::size_t i = 0; i < values.size() && i < 3; ++i) values_[i] = values[i];
  if (count_ == 1) values_ = {values_[0], values_[0], values_[0]};
}

std::int64_t Extents::at(int axis, int axes, const char* name) const {
  require<ShapeError>(count_ == 1 || count_ == axes, name, ": expected one number or one for each of ", axes,
                      " axes, got ", count_);
  return values_[static_cast<std::size_t>(axis)];
}

Tensor conv1d(const Tensor& x, const Tensor& weight, const ConvOptions& options, Here here) {
  return conv("conv1d", 1, x, weight, options, here);
}
Tensor conv2d(const Tensor& x, const Tensor& weight, const ConvOptions& options, Here here) {
  return conv("conv2d", 2, x, weight, options, here);
}
Tensor conv3d(const Tensor& x, const Tensor& weight, const ConvOptions& options, Here here) {
  return conv("conv3d", 3, x, weight, options, here);
}
Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const ConvTransposeOptions& options, Here here) {
  return conv_transpose("conv_transpose1d", 1, x, weight, options, here);
}
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const ConvTransposeOptions& options, Here here) {
  return conv_transpose("conv_transpose2d", 2, x, weight, options, here);
}
Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const ConvTransposeOptions& options, Here here) {
  return conv_transpose("conv_transpose3d", 3, x, weight, options, here);
}

Tensor unfold(const Tensor& x, std::span<const std::int64_t> kernel, const UnfoldOptions& options, Here here) {
  const auto axes = static_cast<int>(kernel.size());
  if (x.rank() == axes + 1) return squeeze(unfold(unsqueeze(x, 0, here), kernel, options, here), 0, here);
  require<DTypeError>(is_differentiable(x.dtype()), "unfold: expected f32 or f64, got ", x.dtype());
  require<ShapeError>(x.rank() == axes + 2, "unfold: expected [N, C, ..] or [C, ..] with ", axes, " axes, got shape ",
                      x.shape());
  Form form = window_form("unfold", Shape(x.shape().extents().subspan(2)), kernel, options);
  form.stencil.images = x.size(0);
  form.stencil.in = x.size(1);
  return move_windows(form, true, x, here);
}

Tensor fold(const Tensor& columns, std::span<const std::int64_t> size, std::span<const std::int64_t> kernel,
            const UnfoldOptions& options, Here here) {
  if (columns.rank() == 2) return squeeze(fold(unsqueeze(columns, 0, here), size, kernel, options, here), 0, here);
  require<DTypeError>(is_differentiable(columns.dtype()), "fold: expected f32 or f64, got ", columns.dtype());
  Form form = window_form("fold", Shape(size), kernel, options);
  std::int64_t taps = 1, places = 1;
  for (const StencilAxis& axis : form.stencil.axis) {
    taps *= axis.taps;
    places *= axis.out;
  }
  require<ShapeError>(columns.rank() == 3 && columns.size(1) % taps == 0 && columns.size(2) == places,
                      "fold: expected [N, C ", taps, ", ", places, "], got shape ", columns.shape());
  form.stencil.images = columns.size(0);
  form.stencil.in = columns.size(1) / taps;
  return move_windows(form, false, columns, here);
}

}  // namespace lumigrad
