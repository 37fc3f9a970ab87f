// SPDX-License-Identifier: Apache-2.0
// Filters on the tape: what is checked, what is saved, and which filter is the gradient of which.
#include <lumigrad/engine/families/filter.h>
#include <lumigrad/engine/requirements.h>

#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/filter_device.h>
#include <lumigrad/engine/families/filter_plan.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/views.h>

namespace lumigrad {
namespace {

constexpr const char* name = "filter";

void require_number(const Tensor& x, int axes) {
  require<DTypeError>(is_differentiable(x.dtype()), name, ": expected f32 or f64, got ", x.dtype(), advice(x.dtype()));
  require<ShapeError>(x.rank() >= axes, name, ": expected at least ", axes, " axes, got shape ", x.shape());
}
void require_same(const Tensor& a, const Tensor& b) {
  require<DTypeError>(a.dtype() == b.dtype(), name, ": expected one dtype, got ", a.dtype(), " and ", b.dtype());
}

// Both on one device: that of x.
Tensor beside(const Tensor& x, const Tensor& other, Here here) {
  return device::on_device(name, other, x.device(), here);
}

// [K, extents..], K the number of kernels: from a kernel with or without that axis.
Tensor with_count(const Tensor& kernel, int axes, const Tensor& x, Here here) {
  require<ShapeError>(kernel.rank() == axes || kernel.rank() == axes + 1, name, ": expected a kernel of ", axes,
                      " axes, or one an image, got shape ", kernel.shape());
  if (kernel.rank() == axes) return unsqueeze(kernel, 0, here);
  require<ShapeError>(kernel.size(0) == 1 || (x.rank() > axes && kernel.size(0) == x.size(0)), name,
                      ": expected one kernel, or one an image, got ", kernel.shape(), " for images ", x.shape());
  return kernel;
}

// How x meets kernels [K, taps of each axis]. `image` is the shape of the filtered images.
FilterPlan plan_of(const Shape& image, std::int64_t kernels, std::span<const std::int64_t> taps,
                   const FilterOptions& options) {
  const int axes = static_cast<int>(taps.size());
  FilterPlan plan;
  plan.border = options.border;
  plan.planes = 1;
  for (int i = 0; i < image.rank() - axes; ++i) plan.planes *= image[i];
  plan.planes_a_kernel = kernels == 0 ? 0 : plan.planes / kernels;
  for (int a = 0; a < axes; ++a) {
    FilterAxis& axis = plan.axis[3 - axes + a];
    axis.image = image[image.rank() - axes + a];
    axis.taps = taps[static_cast<std::size_t>(a)];
    require<ShapeError>(axis.taps >= 1, name, ": expected a kernel with weights along each axis, got ", axis.taps);
    require<ShapeError>(!options.valid || axis.taps <= axis.image, name,
                        ": expected an image at least as large as the ", "kernel, got ", axis.image, " pixels for ",
                        axis.taps, " weights");
    axis = filter_axis(axis.image, axis.taps, options.valid);
  }
  return plan;
}

// The shape of the images whose results have this one, and the other way round.
Shape grown(Shape shape, std::span<const std::int64_t> taps, const FilterOptions& options, int sign) {
  const int axes = static_cast<int>(taps.size());
  if (options.valid)
    for (int a = 0; a < axes; ++a) {
      const int axis = shape.rank() - axes + a;
      shape = shape.with(axis, shape[axis] + sign * (taps[static_cast<std::size_t>(a)] - 1));
    }
  return shape;
}

template <class F>
void for_dtype(DType dtype, const F& f) {
  if (dtype == DType::f32) {
    f(float{});
  } else {
    f(double{});
  }
}

Tensor on_tape(FilterPart made, const Tensor& a, const Tensor& b, const Shape& extents, bool of_each,
               const FilterOptions& options, Here here);

struct FilterNode final : Node {
  using Node::Node;
  FilterPart made{};
  FilterOptions options;
  Shape extents;  // of a kernel
  bool of_each = false;
  Saved kept[2];
  std::span<Saved> saved() override { return kept; }

  void adjoint(std::span<const Tensor> cotangents, std::span<Tensor> gradients) override {
    const Tensor& w = cotangents[0];
    const auto with = [&](FilterPart what, const Tensor& a, const Tensor& b) {
      return on_tape(what, a, b, extents, of_each, options, here());
    };
    // Each is made of the two that stand before it in (image, result, kernel), the made one left out.
    if (made == FilterPart::result) {  // of image and kernel
      if (wants(0)) gradients[0] = with(FilterPart::image, w, kept[1].get(*this));
      if (wants(1)) gradients[1] = with(FilterPart::kernel, kept[0].get(*this), w);
    } else if (made == FilterPart::image) {  // of result and kernel
      if (wants(0)) gradients[0] = with(FilterPart::result, w, kept[1].get(*this));
      if (wants(1)) gradients[1] = with(FilterPart::kernel, w, kept[0].get(*this));
    } else {  // of image and result
      if (wants(0)) gradients[0] = with(FilterPart::image, kept[1].get(*this), w);
      if (wants(1)) gradients[1] = with(FilterPart::result, kept[0].get(*this), w);
    }
  }
};

// a and b in the order (image, result, kernel); kernels as [K, extents..].
Tensor on_tape(FilterPart made, const Tensor& a, const Tensor& b, const Shape& extents, bool of_each,
               const FilterOptions& options, Here here) {
  require_same(a, b);
  const Tensor first = a.contiguous(here), second = b.contiguous(here);
  const std::span<const std::int64_t> taps = extents.extents();
  const Shape image = made == FilterPart::image ? grown(a.shape(), taps, options, 1) : a.shape();
  const std::int64_t kernels = made != FilterPart::kernel ? b.size(0) : of_each ? image[0] : 1;
  const FilterPlan plan = plan_of(image, kernels, taps, options);
  Shape shape = made == FilterPart::result ? grown(image, taps, options, -1) : image;
  if (made == FilterPart::kernel) shape = extents.inserted(0, kernels);
  const Device device = a.device();
  Tensor y = made == FilterPart::kernel && plan.planes == 0 ? Tensor::zeros(shape, a.dtype(), device)
                                                            : Tensor::empty(shape, a.dtype(), device);
  static constexpr const char* names[] = {"filter_spread", "filter", "filter_sums"};
  const char* made_by = names[static_cast<int>(made)];
  if (plan.planes > 0 && device != Device())
    filter_on_device(made_by, made, plan, first, second, {}, y);
  else if (plan.planes > 0)
    for_dtype(a.dtype(), [&]<class T>(T) {
      const T *p = first.data<T>(), *q = second.data<T>();
      T* to = y.mutable_data<T>();
      if (made == FilterPart::result) filter_apply(plan, p, q, to);
      if (made == FilterPart::image) filter_spread(plan, p, q, to);
      if (made == FilterPart::kernel) filter_kernel_sums(plan, p, q, to);
    });
  if (auto node = record<FilterNode>(made_by, here, {&first, &second})) {
    node->made = made;
    node->options = options;
    node->extents = extents;
    node->of_each = made == FilterPart::kernel ? of_each : b.size(0) != 1;
    if (node->wants(1)) node->kept[0] = node->save_input(0, first);
    if (node->wants(0)) node->kept[1] = node->save_input(1, second);
    node->attach(y);
  }
  return y;
}

Shape last(const Shape& shape, int count) { return Shape(shape.extents().last(static_cast<std::size_t>(count))); }

// Kernels that are products: the form has four arguments, but the image and the result still change places.
Tensor separable_on_tape(bool back, const Tensor& from, const Tensor& column, const Tensor& row,
                         const FilterOptions& options, Here here);

struct SeparableNode final : Node {
  using Node::Node;
  bool back = false;  // from results to images
  FilterOptions options;
  Saved kept[3];
  std::span<Saved> saved() override { return kept; }

  void adjoint(std::span<const Tensor> cotangents, std::span<Tensor> gradients) override {
    const Tensor from = kept[0].defined() ? kept[0].get(*this) : Tensor(), column = kept[1].get(*this),
                 row = kept[2].get(*this);
    if (wants(0)) gradients[0] = separable_on_tape(!back, cotangents[0], column, row, options, here());
    const Tensor &image = back ? cotangents[0] : from, &result = back ? from : cotangents[0];
    const std::int64_t down = column.size(1), across = row.size(1);
    const Tensor as_column = reshape(column, {column.size(0), down, 1}, here());
    const Tensor as_row = reshape(row, {row.size(0), 1, across}, here());
    const bool of_each = column.size(0) != 1;
    if (wants(1)) {  // the column sees the image filtered by the row
      const Tensor seen = on_tape(FilterPart::result, image, as_row, {1, across}, of_each, options, here());
      gradients[1] =
          reshape(on_tape(FilterPart::kernel, seen, result, {down, 1}, of_each, options, here()), column.shape());
    }
    if (wants(2)) {  // and the row what the column passes back to it
      const Tensor passed = on_tape(FilterPart::image, result, as_column, {down, 1}, of_each, options, here());
      gradients[2] =
          reshape(on_tape(FilterPart::kernel, image, passed, {1, across}, of_each, options, here()), row.shape());
    }
  }
};

Tensor separable_on_tape(bool back, const Tensor& from, const Tensor& column, const Tensor& row,
                         const FilterOptions& options, Here here) {
  const Tensor dense = from.contiguous(here), c = column.contiguous(here), r = row.contiguous(here);
  const std::int64_t taps[] = {column.size(1), row.size(1)};
  const Shape image = back ? grown(from.shape(), taps, options, 1) : from.shape();
  const FilterPlan plan = plan_of(image, column.size(0), taps, options);
  Tensor y = Tensor::empty(back ? image : grown(image, taps, options, -1), from.dtype(), from.device());
  const char* made_by = back ? "filter_separable_spread" : "filter_separable";
  if (plan.planes > 0 && from.device() != Device())
    filter_on_device(made_by, back ? FilterPart::image : FilterPart::result, plan, dense, c, r, y);
  else if (plan.planes > 0)
    for_dtype(from.dtype(), [&]<class T>(T) {
      const auto make = back ? filter_spread_separable<T> : filter_apply_separable<T>;
      make(plan, dense.data<T>(), c.data<T>(), r.data<T>(), y.mutable_data<T>());
    });
  if (auto node = record<SeparableNode>(made_by, here, {&dense, &c, &r})) {
    node->back = back;
    node->options = options;
    if (node->wants(1) || node->wants(2)) node->kept[0] = node->save_input(0, dense);
    node->kept[1] = node->save_input(1, c);
    node->kept[2] = node->save_input(2, r);
    node->attach(y);
  }
  return y;
}

}  // namespace

Tensor filter(const Tensor& x, const Tensor& kernel, int axes, const FilterOptions& options, Here here) {
  require<ShapeError>(axes == 2 || axes == 3, name, ": expected 2 or 3 axes, got ", axes);
  require_number(x, axes);
  const Tensor kernels = with_count(beside(x, kernel, here), axes, x, here);
  return on_tape(FilterPart::result, x, kernels, last(kernels.shape(), axes), false, options, here);
}

Tensor filter_spread(const Tensor& cotangent, const Tensor& kernel, int axes, const FilterOptions& options, Here here) {
  require<ShapeError>(axes == 2 || axes == 3, name, ": expected 2 or 3 axes, got ", axes);
  require_number(cotangent, axes);
  const Tensor kernels = with_count(beside(cotangent, kernel, here), axes, cotangent, here);
  return on_tape(FilterPart::image, cotangent, kernels, last(kernels.shape(), axes), false, options, here);
}

Tensor filter_sums(const Tensor& x, const Tensor& cotangent, const Shape& extents, bool of_each,
                   const FilterOptions& options, Here here) {
  const int axes = extents.rank();
  require<ShapeError>(axes == 2 || axes == 3, name, ": expected a kernel of 2 or 3 axes, got ", axes);
  require_number(x, axes);
  require<ShapeError>(!of_each || x.rank() > axes, name, ": expected images to have a kernel each, got ", x.shape());
  const Shape wanted = grown(x.shape(), extents.extents(), options, -1);
  require<ShapeError>(cotangent.shape() == wanted, name, ": expected a cotangent ", wanted, ", got ",
                      cotangent.shape());
  return on_tape(FilterPart::kernel, x, beside(x, cotangent, here), extents, of_each, options, here);
}

Tensor filter_separable(const Tensor& x, const Tensor& column, const Tensor& row, const FilterOptions& options,
                        Here here) {
  require_number(x, 2);
  Tensor c = with_count(beside(x, column, here), 1, x, here), r = with_count(beside(x, row, here), 1, x, here);
  require_same(x, c);
  require_same(x, r);
  const auto repeated = [&](const Tensor& k, const Tensor& other) {
    return k.size(0) == 1 && other.size(0) > 1 ? expand(k, Shape{other.size(0), k.size(1)}, here) : k;
  };
  return separable_on_tape(false, x, repeated(c, r), repeated(r, c), options, here);
}

}  // namespace lumigrad
