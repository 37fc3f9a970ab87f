// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/neighbours.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/losses/formulas.h>
#include <lumigrad/vision/losses/losses.h>
#include <lumigrad/vision/photometry.h>

namespace lumigrad::losses {
namespace {

// Every loss of one difference: elements alone, or the same formula under a sum.
template <class F>
Tensor loss(const char* name, F formula, std::initializer_list<Tensor> inputs, std::initializer_list<Tensor> params,
            Reduction reduction, Here here) {
  if (reduction == Reduction::none) return pixel(formula, inputs, params, name, here);
  double scale = 1;
  if (reduction == Reduction::mean) {
    Shape shape;
    for (const Tensor& x : inputs) shape = broadcast(name, shape, x.shape());
    require<ShapeError>(shape.numel() > 0, name, ": expected something to average, got shape ", shape);
    scale = 1.0 / static_cast<double>(shape.numel());
  }
  return reduce(formula, inputs, params, Segments::all, scale, name, here);
}

const Tensor& scale_of(const char* name, const Robust& options) {
  require<DTypeError>(is_differentiable(options.scale.dtype()), name, ": expected a scale of f32 or f64, got ",
                      options.scale.dtype());
  for (const double scale : options.scale.values())
    require<NumericError>(scale > 0, name, ": expected scale > 0, got ", scale);
  return options.scale;
}

template <class F>
Tensor robust(const char* name, F formula, const Tensor& a, const Tensor& b, const Robust& options, Here here) {
  return loss(name, formula, {a, b}, {scale_of(name, options)}, options.reduction, here);
}

// For formulas of d / scale: one division here instead of some an element in their gradients.
template <class F>
Tensor relative(const char* name, F formula, const Tensor& a, const Tensor& b, const Robust& options, Here here) {
  return loss(name, formula, {a, b}, {reciprocal(scale_of(name, options), here)}, options.reduction, here);
}

// One number for each plane of [.., H, W], back in the shape of the leading axes.
Tensor of_planes(const Tensor& per_plane, const Shape& image, Here here) {
  return reshape(per_plane, Shape(image.extents().first(static_cast<std::size_t>(image.rank() - 2))), here);
}

}  // namespace

Tensor l1_loss(const Tensor& a, const Tensor& b, Reduction reduction, Here here) {
  return loss("losses.l1_loss", Absolute{}, {a, b}, {}, reduction, here);
}

Tensor mse_loss(const Tensor& a, const Tensor& b, Reduction reduction, Here here) {
  return loss("losses.mse_loss", Square{}, {a, b}, {}, reduction, here);
}

Tensor charbonnier_loss(const Tensor& a, const Tensor& b, const Robust& options, Here here) {
  return relative("losses.charbonnier_loss", Charbonnier{}, a, b, options, here);
}

Tensor cauchy_loss(const Tensor& a, const Tensor& b, const Robust& options, Here here) {
  return relative("losses.cauchy_loss", Cauchy{}, a, b, options, here);
}

Tensor geman_mcclure_loss(const Tensor& a, const Tensor& b, const Robust& options, Here here) {
  return relative("losses.geman_mcclure_loss", GemanMcclure{}, a, b, options, here);
}

Tensor welsch_loss(const Tensor& a, const Tensor& b, const Robust& options, Here here) {
  return relative("losses.welsch_loss", Welsch{}, a, b, options, here);
}

Tensor soft_l1_loss(const Tensor& a, const Tensor& b, const Robust& options, Here here) {
  return robust("losses.soft_l1_loss", SoftAbsolute{}, a, b, options, here);
}

Tensor huber_loss(const Tensor& a, const Tensor& b, const Robust& options, Here here) {
  return robust("losses.huber_loss", Huber{}, a, b, options, here);
}

Tensor smooth_l1_loss(const Tensor& a, const Tensor& b, const Robust& options, Here here) {
  return robust("losses.smooth_l1_loss", SmoothAbsolute{}, a, b, options, here);
}

namespace {

// The value in the middle of each image: a level near the data, exact for a constant image.
Tensor middle(const Tensor& images, Here here) {
  Tensor x = images.detach();
  for (int axis = 3; axis >= 1; --axis) x = select(x, axis, x.size(axis) / 2, here);
  return x;
}

Tensor correlation(const char* name, const Tensor& a, const Tensor& b, Here here) {
  require_image(name, a);
  require<ShapeError>(a.shape() == b.shape() && a.dtype() == b.dtype(), name,
                      ": expected images of one shape and dtype, got ", a.shape(), " of ", a.dtype(), " and ",
                      b.shape(), " of ", b.dtype());
  const Tensor u = leading_as_one(a, 3, here), v = leading_as_one(b, 3, here);
  const std::int64_t values = u.size(1) * u.size(2) * u.size(3);
  require<ShapeError>(values > 0, name, ": expected images with pixels, got shape ", a.shape());
  const Tensor moments = reduce(Moments{}, {u, v}, {middle(u, here), middle(v, here)}, Segments::images,
                                1.0 / static_cast<double>(values), name, here);
  const auto moment = [&](std::int64_t i) { return select(moments, 1, i, here); };
  const Tensor rounding = a.dtype() == DType::f32 ? 1e-6 : 1e-14;
  const Tensor r =
      pixel(Correlation{}, {moment(0), moment(1), moment(2), moment(3), moment(4)}, {rounding}, name, here);
  return reshape(r, Shape(a.shape().extents().first(static_cast<std::size_t>(a.rank() - 3))), here);
}

}  // namespace

Tensor ncc(const Tensor& a, const Tensor& b, Here here) { return correlation("losses.ncc", a, b, here); }

Tensor ncc_loss(const Tensor& a, const Tensor& b, Reduction reduction, Here here) {
  return reduced("losses.ncc_loss", sub(1.0, correlation("losses.ncc_loss", a, b, here), here), reduction, here);
}

namespace {

Tensor decibel(const char* name, const Tensor& a, const Tensor& b, const Tensor& peak, Here here) {
  const Tensor mse = loss(name, Square{}, {a, b}, {}, Reduction::mean, here);
  return pixel(Decibel{}, {mse}, {peak}, name, here);
}

}  // namespace

Tensor psnr(const Tensor& a, const Tensor& b, const Tensor& peak, Here here) {
  return decibel("losses.psnr", a, b, peak, here);
}

Tensor psnr_loss(const Tensor& a, const Tensor& b, const Tensor& peak, Here here) {
  return neg(decibel("losses.psnr_loss", a, b, peak, here), here);
}

Tensor total_variation(const Tensor& image, Reduction reduction, Here here) {
  const char* name = "losses.total_variation";
  require<ShapeError>(image.rank() >= 2, name, ": expected images [.., H, W], got shape ", image.shape());
  require<ShapeError>(reduction != Reduction::none, name, ": expected the reduction sum or mean, got none");
  require<DTypeError>(is_differentiable(image.dtype()), name, ": expected f32 or f64, got ", image.dtype());
  const std::int64_t h = image.size(-2), w = image.size(-1);
  const auto steps = [&](std::int64_t down, std::int64_t along) {
    const std::int64_t rows = std::max<std::int64_t>(h - down, 0), columns = std::max<std::int64_t>(w - along, 0);
    require<ShapeError>(reduction == Reduction::sum || rows * columns > 0, name,
                        ": expected neighbours to average, got shape ", image.shape());
    const double scale = reduction == Reduction::mean ? 1.0 / static_cast<double>(rows * columns) : 1.0;
    return NeighbourGroup{{{0, 0, down, along}, {0, 0, 0, 0}}, rows, columns, scale};
  };
  const Tensor planes = unsqueeze(leading_as_one(image, 2, here), 1, here);
  return of_planes(reduce_neighbours(name, kernels_of(Absolute{}), {planes}, {steps(1, 0), steps(0, 1)}, here),
                   image.shape(), here);
}

namespace {

// A depth of one channel beside an image of three: all in one pass.
Tensor color_smoothness(const char* name, const Tensor& depth, const Tensor& image, Here here) {
  const std::int64_t h = depth.size(2), w = depth.size(3);
  const auto term = [&](std::int64_t down, std::int64_t along) {
    const std::int64_t rows = h - down, columns = w - along;
    std::vector<NeighbourLane> lanes = {{0, 0, 0, 0}, {0, 0, down, along}};
    for (const std::int64_t next : {0, 1})
      for (int c = 0; c < 3; ++c) lanes.push_back({1, c, next * down, next * along});
    return NeighbourGroup{lanes, rows, columns, 1.0 / static_cast<double>(depth.size(0) * rows * columns)};
  };
  return sum(reduce_neighbours(name, kernels_of(EdgeAwareColors{}), {depth, image}, {term(0, 1), term(1, 0)}, here),
             here);
}

}  // namespace

Tensor inverse_depth_smoothness_loss(const Tensor& inverse_depth, const Tensor& image, Here here) {
  const char* name = "losses.inverse_depth_smoothness_loss";
  const Shape &d = inverse_depth.shape(), &i = image.shape();
  require<ShapeError>(d.rank() == 4 && i.rank() == 4 && d[0] == i[0] && d[2] == i[2] && d[3] == i[3], name,
                      ": expected [N, C, H, W] and [N, K, H, W], got ", d, " and ", i);
  const DType dtype = inverse_depth.dtype();
  if (d[1] == 1 && i[1] == 3 && d[0] > 0 && std::min(d[2], d[3]) > 1 && is_differentiable(dtype) &&
      dtype == image.dtype() && inverse_depth.device() == image.device())
    return color_smoothness(name, inverse_depth, image, here);
  const auto term = [&](int axis) {
    const auto from = [&](const Tensor& x, std::int64_t first) {
      return slice(x, axis, first, first + x.size(axis) - 1, 1, here);
    };
    const Tensor edges = mean(pixel(Absolute{}, {from(image, 0), from(image, 1)}, {}, name, here), {1}, true, here);
    return loss(name, EdgeAware{}, {from(inverse_depth, 0), from(inverse_depth, 1), edges}, {}, Reduction::mean, here);
  };
  return add(term(3), term(2), here);
}

namespace {

template <class F>
Tensor divergence(const char* name, F formula, const Tensor& prediction, const Tensor& target, Reduction reduction,
                  Here here) {
  const Shape& shape = prediction.shape();
  require<ShapeError>(shape.rank() >= 2 && shape == target.shape(), name,
                      ": expected heat maps [.., H, W] of one shape, got ", shape, " and ", target.shape());
  const Tensor planes = reduce(formula, {leading_as_one(prediction, 2, here), leading_as_one(target, 2, here)}, {},
                               Segments::images, 1, name, here);
  return reduced(name, of_planes(planes, shape, here), reduction, here);
}

}  // namespace

Tensor kl_div_loss_2d(const Tensor& prediction, const Tensor& target, Reduction reduction, Here here) {
  return divergence("losses.kl_div_loss_2d", KullbackLeibler{}, prediction, target, reduction, here);
}

Tensor js_div_loss_2d(const Tensor& prediction, const Tensor& target, Reduction reduction, Here here) {
  return divergence("losses.js_div_loss_2d", JensenShannon{}, prediction, target, reduction, here);
}

}  // namespace lumigrad::losses
