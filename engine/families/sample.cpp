// SPDX-License-Identifier: Apache-2.0
// Warps on the tape: what is checked, what is saved, and the closure table of sample.h in code.
#include <lumigrad/engine/families/sample.h>

#include <lumigrad/engine/families/sample_call.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <limits>

namespace lumigrad {
namespace {

Tensor sample_on_tape(Warp warp, const Tensor& image, const Tensor& map, Here here);
Tensor splat_on_tape(Warp warp, const Tensor& values, const Tensor& grid, Size size, Here here);

// The coordinates of output pixels along an axis, shaped to broadcast over [N, h, w].
Tensor pixels_along(std::int64_t extent, bool columns, DType dtype) {
  const Tensor ramp = Tensor::arange(extent, dtype);
  return columns ? reshape(ramp, {1, 1, extent}) : reshape(ramp, {1, extent, 1});
}

// A homogeneous map written with recorded operators.
struct RecordedMap {
  Tensor u, v;     // output pixels
  Tensor a, b, w;  // [N, h, w]; w undefined for an affine map, and 1 where it is zero
  Tensor whole;    // not zero where w is not zero

  RecordedMap(const Tensor& matrix, Size size, Here here) {
    u = pixels_along(size.width, true, matrix.dtype());
    v = pixels_along(size.height, false, matrix.dtype());
    const auto row = [&](int r) {
      const auto entry = [&](int k) {
        return reshape(slice(slice(matrix, 1, r, r + 1), 2, k, k + 1), {matrix.size(0), 1, 1});
      };
      return add(add(mul(entry(0), u, here), mul(entry(1), v, here), here), entry(2), here);
    };
    a = row(0);
    b = row(1);
    if (matrix.size(1) == 2) return;
    w = row(2);
    whole = sign(w.detach());
    w = where(whole, w, Tensor(1.0), here);
  }
  Tensor divided(const Tensor& by_w, Here here) const { return w.defined() ? div(by_w, w, here) : by_w; }
  Tensor position(Here here) const {
    Tensor x = divided(a, here), y = divided(b, here);
    if (w.defined()) x = where(whole, x, Tensor(std::numeric_limits<double>::quiet_NaN()), here);
    return stack({x, y}, 3, here);
  }
};

// From the gradient of positions [N, h, w, 2] to that of the matrix: with r = 1 / w,
// d(a r) = r da - x r dw and d(b r) = r db - y r dw, and da, db, dw are sums over (u, v, 1).
Tensor matrix_gradient(const Tensor& matrix, const Tensor& positions, Size size, Here here) {
  const RecordedMap map(matrix, size, here);
  const Tensor gx = map.divided(select(positions, 3, 0), here), gy = map.divided(select(positions, 3, 1), here);
  std::vector<Tensor> entries;
  const auto add_row = [&](const Tensor& g) {
    entries.push_back(sum(mul(g, map.u, here), {1, 2}, false, here));
    entries.push_back(sum(mul(g, map.v, here), {1, 2}, false, here));
    entries.push_back(sum(g, {1, 2}, false, here));
  };
  add_row(gx);
  add_row(gy);
  if (map.w.defined()) {
    const Tensor x = map.divided(map.a, here), y = map.divided(map.b, here);
    add_row(neg(add(mul(gx, x, here), mul(gy, y, here), here), here));
  }
  return reshape(stack(entries, 1, here), matrix.shape(), here);
}

// sum over channels of cotangent times the slopes of the image: the gradient of positions, recorded.
Tensor position_gradient(const Warp& warp, const Tensor& image, const Tensor& grid, const Tensor& cotangent,
                         Here here) {
  Warp along_x = warp, along_y = warp;
  along_x.kind = along_y.kind = MapKind::grid;
  ++along_x.order_x;
  ++along_y.order_y;
  const Tensor gx = sum(mul(cotangent, sample_on_tape(along_x, image, grid, here), here), {1}, false, here);
  const Tensor gy = sum(mul(cotangent, sample_on_tape(along_y, image, grid, here), here), {1}, false, here);
  return stack({gx, gy}, 3, here);
}

// Third derivatives are where the table ends.
void require_slope(const Warp& warp) {
  require<GraphError>(warp.order_x + warp.order_y < 2, warp.name,
                      ": expected at most second derivatives in the positions, got a third; they are not defined");
}

struct SampleNode final : Node {
  using Node::Node;
  Warp warp;
  Size size;
  Saved kept[3];  // image (where the map wants a gradient), map, fill
  std::span<Saved> saved() override { return kept; }

  void adjoint(std::span<const Tensor> cotangents, std::span<Tensor> gradients) override {
    const Tensor& g = cotangents[0];
    const Tensor map = kept[1].get(*this);
    const bool filled = inputs().size() > 2 && wants(2);
    Warp plain = warp;
    plain.options.fill = inputs().size() > 2 ? kept[2].get(*this) : Tensor();
    const bool moved = wants(1) && warp.options.mode != Interpolation::nearest;
    if (moved) require_slope(warp);
    Tensor splatted;
    if (recording()) {
      plain.kind = MapKind::grid;
      const Tensor grid = warp.kind == MapKind::grid ? map : position_grid(map, warp.out, here()).to(g.dtype());
      if (wants(0) || filled) {
        Warp without_fill = plain;
        without_fill.options.fill = Tensor();
        splatted = splat_on_tape(without_fill, g, grid, size, here());
      }
      if (moved) {
        gradients[1] = position_gradient(plain, kept[0].get(*this), grid, g, here());
        if (warp.kind != MapKind::grid)
          gradients[1] = matrix_gradient(map, gradients[1].to(map.dtype()), warp.out, here());
      }
    } else {
      if (wants(0) || filled) splatted = warp_splat(plain, g, map, size);
      if (moved) gradients[1] = warp_map_adjoint(plain, kept[0].get(*this), map, g);
    }
    if (wants(1) && !moved) gradients[1] = Tensor::zeros(map.shape(), map.dtype());
    if (wants(0)) gradients[0] = splatted;
    if (filled) {
      // The weights sum to one (their derivatives to zero), so what was not read inside was read from the fill.
      Tensor rest = neg(sum(splatted, {0, 2, 3}, false, here()), here());
      if (warp.order_x + warp.order_y == 0) rest = add(rest, sum(g, {0, 2, 3}, false, here()), here());
      const Tensor fill = kept[2].get(*this);
      gradients[2] = reshape(fill.numel() == 1 ? sum(rest, here()) : rest, fill.shape()).to(fill.dtype());
    }
  }
};

struct SplatNode final : Node {
  using Node::Node;
  Warp warp;
  Saved kept[2];  // values, grid
  std::span<Saved> saved() override { return kept; }

  void adjoint(std::span<const Tensor> cotangents, std::span<Tensor> gradients) override {
    const Tensor& u = cotangents[0];
    const Tensor grid = kept[1].get(*this);
    const bool moved = wants(1) && warp.options.mode != Interpolation::nearest;
    if (moved) require_slope(warp);
    if (wants(0)) gradients[0] = sample_on_tape(warp, u, grid, here());
    if (moved) {
      const Tensor values = kept[0].get(*this);
      gradients[1] =
          recording() ? position_gradient(warp, u, grid, values, here()) : warp_map_adjoint(warp, u, grid, values);
    } else if (wants(1)) {
      gradients[1] = Tensor::zeros(grid.shape(), grid.dtype());
    }
  }
};

Tensor sample_on_tape(Warp warp, const Tensor& image, const Tensor& map, Here here) {
  Tensor out = warp_forward(warp, image, map);
  const Tensor fill = warp.options.fill;
  const Tensor* sources[3] = {&image, &map, &fill};
  if (auto node = record<SampleNode>(warp.name, here, std::span(sources, fill.defined() ? 3u : 2u))) {
    if (node->wants(1)) node->kept[0] = node->save_input(0, image);
    node->kept[1] = node->save_input(1, map);
    if (fill.defined()) node->kept[2] = node->save_input(2, fill);
    node->size = {image.size(2), image.size(3)};
    node->warp = std::move(warp);
    node->warp.options.fill = Tensor();
    node->attach(out);
  }
  return out;
}

Tensor splat_on_tape(Warp warp, const Tensor& values, const Tensor& grid, Size size, Here here) {
  Tensor image = warp_splat(warp, values, grid, size);
  if (auto node = record<SplatNode>(warp.name, here, {&values, &grid})) {
    if (node->wants(1)) node->kept[0] = node->save_input(0, values);
    node->kept[1] = node->save_input(1, grid);
    node->warp = std::move(warp);
    node->attach(image);
  }
  return image;
}

// A batch of one stands for any number of the same.
Tensor with_batch(const Tensor& x, std::int64_t batch, Here here) {
  return x.size(0) == batch ? x : expand(x, x.shape().with(0, batch), here);
}

Tensor checked_sample(Warp warp, Tensor image, Tensor map, Here here) {
  const char* name = warp.name;
  require<ShapeError>(image.rank() == 4, name, ": expected an image [N, C, H, W], got ", image.shape());
  if (map.is_weak()) map = map.to(image.dtype() == DType::f64 ? DType::f64 : DType::f32, here);
  require<DTypeError>(is_differentiable(image.dtype()) || image.dtype() == DType::u8 || image.dtype() == DType::u16,
                      name, ": expected an image of f32, f64, u8 or u16, got ", image.dtype());
  require<DTypeError>(is_differentiable(map.dtype()), name, ": expected positions of f32 or f64, got ", map.dtype());
  if (warp.kind == MapKind::grid) {
    require<ShapeError>(map.rank() == 4 && map.size(3) == 2, name, ": expected a grid [N, h, w, 2], got ", map.shape());
    warp.out = {map.size(1), map.size(2)};
    const DType wanted = image.dtype() == DType::f64 ? DType::f64 : DType::f32;
    map = map.to(wanted, here);
  } else {
    const std::int64_t rows = warp.kind == MapKind::affine ? 2 : 3;
    require<ShapeError>(map.rank() == 3 && map.size(1) == rows && map.size(2) == 3, name, ": expected a matrix [N, ",
                        rows, ", 3], got ", map.shape());
    require<ShapeError>(warp.out.height >= 0 && warp.out.width >= 0, name, ": expected a size of at least 0, got ",
                        warp.out.height, " x ", warp.out.width);
  }
  const std::int64_t batch = map.size(0) == 1 ? image.size(0) : map.size(0);
  require<ShapeError>(image.size(0) == batch || image.size(0) == 1, name,
                      ": expected as many maps as images (or one), got ", map.size(0), " and ", image.size(0));
  if (warp.options.fill.defined()) {
    require<ShapeError>(warp.options.border == Border::zeros, name,
                        ": expected Border::zeros where a fill value is given, got another border");
    Tensor& fill = warp.options.fill;
    if (fill.is_weak()) fill = fill.to(image.dtype() == DType::f64 ? DType::f64 : DType::f32, here);
    require<DTypeError>(is_differentiable(fill.dtype()), name, ": expected a fill value of f32 or f64, got ",
                        fill.dtype());
    require<ShapeError>(fill.numel() == 1 || (fill.rank() == 1 && fill.size(0) == image.size(1)), name,
                        ": expected one fill value or one for each of ", image.size(1), " channels, got ",
                        fill.shape());
  }
  require<GraphError>(warp.order_x >= 0 && warp.order_y >= 0 && warp.order_x + warp.order_y <= 2, name,
                      ": expected derivatives of order 0 to 2 in all, got ", warp.order_x, " and ", warp.order_y);
  return sample_on_tape(std::move(warp), with_batch(image, batch, here), with_batch(map, batch, here), here);
}

}  // namespace

Tensor sample(const Tensor& image, const Tensor& grid, const SampleOptions& options, Here here) {
  return checked_sample({"sample", MapKind::grid, {}, options}, image, grid, here);
}

Tensor sample_affine(const Tensor& image, const Tensor& matrix, Size size, const SampleOptions& options, Here here) {
  return checked_sample({"sample_affine", MapKind::affine, size, options}, image, matrix, here);
}

Tensor sample_homography(const Tensor& image, const Tensor& matrix, Size size, const SampleOptions& options,
                         Here here) {
  return checked_sample({"sample_homography", MapKind::homography, size, options}, image, matrix, here);
}

Tensor sample_slopes(const Tensor& image, const Tensor& grid, int order_x, int order_y, const SampleOptions& options,
                     Here here) {
  return checked_sample({"sample_slopes", MapKind::grid, {}, options, order_x, order_y}, image, grid, here);
}

Tensor splat(const Tensor& values, const Tensor& grid, Size size, const SampleOptions& options, Here here) {
  return splat_slopes(values, grid, 0, 0, size, options, here);
}

Tensor splat_slopes(const Tensor& values, const Tensor& grid, int order_x, int order_y, Size size,
                    const SampleOptions& options, Here here) {
  const char* name = order_x + order_y == 0 ? "splat" : "splat_slopes";
  require<ShapeError>(values.rank() == 4, name, ": expected values [N, C, h, w], got ", values.shape());
  require<ShapeError>(
      grid.rank() == 4 && grid.size(3) == 2 && grid.size(1) == values.size(2) && grid.size(2) == values.size(3), name,
      ": expected a grid [N, ", values.size(2), ", ", values.size(3), ", 2], got ", grid.shape());
  require<DTypeError>(is_differentiable(values.dtype()) && is_differentiable(grid.dtype()), name,
                      ": expected values and a grid of f32 or f64, got ", values.dtype(), " and ", grid.dtype());
  require<ShapeError>(size.height >= 0 && size.width >= 0, name, ": expected a size of at least 0, got ", size.height,
                      " x ", size.width);
  require<ShapeError>(!options.fill.defined(), name, ": expected no fill value, got one");
  require<GraphError>(order_x >= 0 && order_y >= 0 && order_x + order_y <= 2, name,
                      ": expected derivatives of order 0 to 2 in all, got ", order_x, " and ", order_y);
  const std::int64_t batch = grid.size(0) == 1 ? values.size(0) : grid.size(0);
  require<ShapeError>(values.size(0) == batch || values.size(0) == 1, name,
                      ": expected as many grids as images (or one), got ", grid.size(0), " and ", values.size(0));
  Warp warp{name, MapKind::grid, {grid.size(1), grid.size(2)}, options, order_x, order_y};
  return splat_on_tape(std::move(warp), with_batch(values, batch, here),
                       with_batch(grid.to(values.dtype(), here), batch, here), size, here);
}

Tensor position_grid(const Tensor& matrix, Size size, Here here) {
  require<ShapeError>(matrix.rank() == 3 && (matrix.size(1) == 2 || matrix.size(1) == 3) && matrix.size(2) == 3,
                      "position_grid: expected a matrix [N, 2, 3] or [N, 3, 3], got ", matrix.shape());
  require<DTypeError>(is_differentiable(matrix.dtype()), "position_grid: expected f32 or f64, got ", matrix.dtype());
  Tensor grid = RecordedMap(matrix, size, here).position(here);
  return grid;
}

}  // namespace lumigrad
