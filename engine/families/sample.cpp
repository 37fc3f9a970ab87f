// SPDX-License-Identifier: Apache-2.0
// Warps on the tape: what is checked, what is saved, and the closure table of sample.h in code, the same for images and
// volumes.
#include <lumigrad/engine/families/sample.h>

#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/sample_call.h>
#include <lumigrad/engine/families/sample_volume.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <limits>

namespace lumigrad {
namespace {

Tensor sample_on_tape(Warp warp, const Tensor& image, const Tensor& map, Here here);
Tensor splat_on_tape(Warp warp, const Tensor& values, const Tensor& grid, const Shape& size, Here here);

// The axes of an image over which pixels are summed.
constexpr int pixel_axes[] = {1, 2, 3};               // of a plane [N, h, w], of a space [N, d, h, w]
constexpr int pixel_axes_and_batch[] = {0, 2, 3, 4};  // of an image with channels

// The coordinate of output pixels along an axis (x: 0), shaped to broadcast over [N, h, w] or [N, d, h, w].
Tensor pixels_along(const Shape& out, int coordinate, const Tensor& like) {
  const int axis = out.rank() - 1 - coordinate;
  std::vector<std::int64_t> extents(static_cast<std::size_t>(out.rank() + 1), 1);
  extents[static_cast<std::size_t>(axis + 1)] = out[axis];
  return reshape(Tensor::arange(out[axis], like.dtype(), like.device()), extents);
}

// A homogeneous map written with recorded operators.
struct RecordedMap {
  int axes;
  std::vector<Tensor> pixel;  // coordinates of output pixels
  std::vector<Tensor> plain;  // the first rows of the matrix times (pixel, 1)
  Tensor w;                   // the last row; undefined for an affine map, and 1 where it is zero
  Tensor whole;               // not zero where w is not zero

  RecordedMap(const Tensor& matrix, const Shape& out, Here here) : axes(out.rank()) {
    for (int k = 0; k < axes; ++k) pixel.push_back(pixels_along(out, k, matrix));
    std::vector<std::int64_t> one_a_map(static_cast<std::size_t>(axes + 1), 1);
    one_a_map[0] = matrix.size(0);
    const auto row = [&](int r) {
      const auto entry = [&](int k) { return reshape(slice(slice(matrix, 1, r, r + 1), 2, k, k + 1), one_a_map); };
      Tensor total = mul(entry(0), pixel[0], here);
      for (int k = 1; k < axes; ++k) total = add(total, mul(entry(k), pixel[static_cast<std::size_t>(k)], here), here);
      return add(total, entry(axes), here);
    };
    for (int r = 0; r < axes; ++r) plain.push_back(row(r));
    if (matrix.size(1) == axes) return;
    w = row(axes);
    whole = sign(w.detach());
    w = where(whole, w, Tensor(1.0), here);
  }
  Tensor divided(const Tensor& by_w, Here here) const { return w.defined() ? div(by_w, w, here) : by_w; }
  Tensor position(Here here) const {
    std::vector<Tensor> positions;
    for (const Tensor& a : plain) positions.push_back(divided(a, here));
    if (w.defined()) positions[0] = where(whole, positions[0], Tensor(std::numeric_limits<double>::quiet_NaN()), here);
    return stack(positions, -1, here);
  }
};

// From the gradient of positions [N, h, w, 2] to that of the matrix: with r = 1 / w,
// d(a r) = r da - x r dw and d(b r) = r db - y r dw, and da, db, dw are sums over (u, v, 1). In space with one more.
Tensor matrix_gradient(const Tensor& matrix, const Tensor& positions, const Shape& out, Here here) {
  const RecordedMap map(matrix, out, here);
  const std::span<const int> pixels(pixel_axes, static_cast<std::size_t>(map.axes));
  std::vector<Tensor> entries;
  const auto add_row = [&](const Tensor& g) {
    for (const Tensor& u : map.pixel) entries.push_back(sum(mul(g, u, here), pixels, false, here));
    entries.push_back(sum(g, pixels, false, here));
  };
  Tensor last;
  for (int k = 0; k < map.axes; ++k) {
    const Tensor g = map.divided(select(positions, -1, k), here);
    add_row(g);
    if (!map.w.defined()) continue;
    const Tensor moved = mul(g, map.divided(map.plain[static_cast<std::size_t>(k)], here), here);
    last = last.defined() ? add(last, moved, here) : moved;
  }
  if (map.w.defined()) add_row(neg(last, here));
  return reshape(stack(entries, 1, here), matrix.shape(), here);
}

// sum over channels of cotangent times the slopes of the image: the gradient of positions, recorded.
Tensor position_gradient(const Warp& warp, const Tensor& image, const Tensor& grid, const Tensor& cotangent,
                         Here here) {
  std::vector<Tensor> slopes;
  for (std::size_t k = 0; k < static_cast<std::size_t>(warp.axes); ++k) {
    Warp along = warp;
    along.kind = MapKind::grid;
    ++along.order[k];
    slopes.push_back(sum(mul(cotangent, sample_on_tape(along, image, grid, here), here), {1}, false, here));
  }
  return stack(slopes, -1, here);
}

// Third derivatives are where the table ends.
void require_slope(const Warp& warp) {
  require<GraphError>(warp.orders() < 2, warp.name,
                      ": expected at most second derivatives in the positions, got a third; they are not defined");
}

Shape pixels_of(const Tensor& image) { return Shape(image.shape().extents().subspan(2)); }

struct SampleNode final : Node {
  using Node::Node;
  Warp warp;
  Shape size;
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
      const Tensor grid =
          warp.kind == MapKind::grid ? map : RecordedMap(map, warp.out, here()).position(here()).to(g.dtype());
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
    if (wants(1) && !moved) gradients[1] = Tensor::zeros(map.shape(), map.dtype(), map.device());
    if (wants(0)) gradients[0] = splatted;
    if (filled) {
      // The weights sum to one (their derivatives to zero), so what was not read inside was read from the fill.
      const std::span<const int> pixels(pixel_axes_and_batch, static_cast<std::size_t>(warp.axes + 1));
      Tensor rest = neg(sum(splatted, pixels, false, here()), here());
      if (warp.orders() == 0) rest = add(rest, sum(g, pixels, false, here()), here());
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
      gradients[1] = Tensor::zeros(grid.shape(), grid.dtype(), grid.device());
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
    node->size = pixels_of(image);
    node->warp = std::move(warp);
    node->warp.options.fill = Tensor();
    node->attach(out);
  }
  return out;
}

Tensor splat_on_tape(Warp warp, const Tensor& values, const Tensor& grid, const Shape& size, Here here) {
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

// What arguments look like, of images and of volumes.
struct Words {
  const char *image, *values, *grid, *extents;
};
const Words& words_of(const Warp& warp) {
  static constexpr Words words[] = {
      {"an image [N, C, H, W]", "values [N, C, h, w]", "a grid [N, h, w, 2]", "h, w"},
      {"a volume [N, C, D, H, W]", "values [N, C, d, h, w]", "a grid [N, d, h, w, 3]", "d, h, w"}};
  return words[warp.axes - 2];
}

void require_options(const Warp& warp) {
  require<GraphError>(warp.order[0] >= 0 && warp.order[1] >= 0 && warp.order[2] >= 0 && warp.orders() <= 2, warp.name,
                      ": expected derivatives of order 0 to 2 in all, got ", warp.order[0], ", ", warp.order[1],
                      " and ", warp.order[2]);
  require<NumericError>(warp.axes == 2 || warp.options.mode != Interpolation::bicubic, warp.name,
                        ": expected nearest or bilinear for a volume, got bicubic");
}

Tensor checked_sample(Warp warp, Tensor image, Tensor map, Here here) {
  const char* name = warp.name;
  const Words& words = words_of(warp);
  Tensor& fill = warp.options.fill;
  const Device device = fill.defined() ? device::device_of({&image, &map, &fill}) : device::device_of({&image, &map});
  image = device::on_device(name, image, device, here);
  map = device::on_device(name, map, device, here);
  if (fill.defined()) fill = device::on_device(name, fill, device, here);
  require<ShapeError>(image.rank() == warp.axes + 2, name, ": expected ", words.image, ", got ", image.shape());
  if (map.is_weak()) map = map.to(image.dtype() == DType::f64 ? DType::f64 : DType::f32, here);
  require<DTypeError>(is_differentiable(image.dtype()) || image.dtype() == DType::u8 || image.dtype() == DType::u16,
                      name, ": expected an image of f32, f64, u8 or u16, got ", image.dtype());
  require<DTypeError>(is_differentiable(map.dtype()), name, ": expected positions of f32 or f64, got ", map.dtype());
  if (warp.kind == MapKind::grid) {
    require<ShapeError>(map.rank() == warp.axes + 2 && map.size(-1) == warp.axes, name, ": expected ", words.grid,
                        ", got ", map.shape());
    warp.out = Shape(map.shape().extents().subspan(1, static_cast<std::size_t>(warp.axes)));
    const DType wanted = image.dtype() == DType::f64 ? DType::f64 : DType::f32;
    map = map.to(wanted, here);
  } else {
    const std::int64_t rows = warp.kind == MapKind::affine ? warp.axes : warp.axes + 1, columns = warp.axes + 1;
    require<ShapeError>(map.rank() == 3 && map.size(1) == rows && map.size(2) == columns, name,
                        ": expected a matrix [N, ", rows, ", ", columns, "], got ", map.shape());
  }
  const std::int64_t batch = map.size(0) == 1 ? image.size(0) : map.size(0);
  require<ShapeError>(image.size(0) == batch || image.size(0) == 1, name,
                      ": expected as many maps as images (or one), got ", map.size(0), " and ", image.size(0));
  if (fill.defined()) {
    require<ShapeError>(warp.options.border == Border::zeros, name,
                        ": expected Border::zeros where a fill value is given, got another border");
    if (fill.is_weak()) fill = fill.to(image.dtype() == DType::f64 ? DType::f64 : DType::f32, here);
    require<DTypeError>(is_differentiable(fill.dtype()), name, ": expected a fill value of f32 or f64, got ",
                        fill.dtype());
    require<ShapeError>(fill.numel() == 1 || (fill.rank() == 1 && fill.size(0) == image.size(1)), name,
                        ": expected one fill value or one for each of ", image.size(1), " channels, got ",
                        fill.shape());
  }
  require_options(warp);
  return sample_on_tape(std::move(warp), with_batch(image, batch, here), with_batch(map, batch, here), here);
}

Tensor checked_splat(Warp warp, Tensor values, Tensor grid, const Shape& size, Here here) {
  const char* name = warp.name;
  const Words& words = words_of(warp);
  const Device device = device::device_of({&values, &grid});
  values = device::on_device(name, values, device, here);
  grid = device::on_device(name, grid, device, here);
  require<ShapeError>(values.rank() == warp.axes + 2, name, ": expected ", words.values, ", got ", values.shape());
  warp.out = pixels_of(values);
  require<ShapeError>(grid.rank() == warp.axes + 2 && grid.size(-1) == warp.axes &&
                          Shape(grid.shape().extents().subspan(1, static_cast<std::size_t>(warp.axes))) == warp.out,
                      name, ": expected ", words.grid, " with (", words.extents, ") those of the values, ", warp.out,
                      ", got ", grid.shape());
  require<DTypeError>(is_differentiable(values.dtype()) && is_differentiable(grid.dtype()), name,
                      ": expected values and a grid of f32 or f64, got ", values.dtype(), " and ", grid.dtype());
  require<ShapeError>(!warp.options.fill.defined(), name, ": expected no fill value, got one");
  require_options(warp);
  const std::int64_t batch = grid.size(0) == 1 ? values.size(0) : grid.size(0);
  require<ShapeError>(values.size(0) == batch || values.size(0) == 1, name,
                      ": expected as many grids as images (or one), got ", grid.size(0), " and ", values.size(0));
  return splat_on_tape(std::move(warp), with_batch(values, batch, here),
                       with_batch(grid.to(values.dtype(), here), batch, here), size, here);
}

Tensor checked_positions(const char* name, int axes, const Tensor& matrix, const Shape& out, Here here) {
  require<ShapeError>(
      matrix.rank() == 3 && (matrix.size(1) == axes || matrix.size(1) == axes + 1) && matrix.size(2) == axes + 1, name,
      ": expected a matrix [N, ", axes, ", ", axes + 1, "] or [N, ", axes + 1, ", ", axes + 1, "], got ",
      matrix.shape());
  require<DTypeError>(is_differentiable(matrix.dtype()), name, ": expected f32 or f64, got ", matrix.dtype());
  return RecordedMap(matrix, out, here).position(here);
}

Shape checked_extents(const char* name, std::initializer_list<std::int64_t> extents) {
  for (const std::int64_t extent : extents)
    require<ShapeError>(extent >= 0, name, ": expected a size of at least 0, got ", extent);
  return extents;
}
Shape shape_of(const char* name, Size size) { return checked_extents(name, {size.height, size.width}); }
Shape shape_of(const char* name, VolumeSize size) {
  return checked_extents(name, {size.depth, size.height, size.width});
}

}  // namespace

Tensor sample(const Tensor& image, const Tensor& grid, const SampleOptions& options, Here here) {
  return checked_sample({"sample", MapKind::grid, 2, {}, options}, image, grid, here);
}

Tensor sample_affine(const Tensor& image, const Tensor& matrix, Size size, const SampleOptions& options, Here here) {
  const char* name = "sample_affine";
  return checked_sample({name, MapKind::affine, 2, shape_of(name, size), options}, image, matrix, here);
}

Tensor sample_homography(const Tensor& image, const Tensor& matrix, Size size, const SampleOptions& options,
                         Here here) {
  const char* name = "sample_homography";
  return checked_sample({name, MapKind::homography, 2, shape_of(name, size), options}, image, matrix, here);
}

Tensor sample_slopes(const Tensor& image, const Tensor& grid, int order_x, int order_y, const SampleOptions& options,
                     Here here) {
  return checked_sample({"sample_slopes", MapKind::grid, 2, {}, options, {order_x, order_y}}, image, grid, here);
}

Tensor splat(const Tensor& values, const Tensor& grid, Size size, const SampleOptions& options, Here here) {
  return splat_slopes(values, grid, 0, 0, size, options, here);
}

Tensor splat_slopes(const Tensor& values, const Tensor& grid, int order_x, int order_y, Size size,
                    const SampleOptions& options, Here here) {
  const char* name = order_x + order_y == 0 ? "splat" : "splat_slopes";
  return checked_splat({name, MapKind::grid, 2, {}, options, {order_x, order_y}}, values, grid, shape_of(name, size),
                       here);
}

Tensor position_grid(const Tensor& matrix, Size size, Here here) {
  const char* name = "position_grid";
  return checked_positions(name, 2, matrix, shape_of(name, size), here);
}

Tensor sample_volume(const Tensor& volume, const Tensor& grid, const SampleOptions& options, Here here) {
  return checked_sample({"sample_volume", MapKind::grid, 3, {}, options}, volume, grid, here);
}

Tensor sample_volume_affine(const Tensor& volume, const Tensor& matrix, VolumeSize size, const SampleOptions& options,
                            Here here) {
  const char* name = "sample_volume_affine";
  return checked_sample({name, MapKind::affine, 3, shape_of(name, size), options}, volume, matrix, here);
}

Tensor sample_volume_homography(const Tensor& volume, const Tensor& matrix, VolumeSize size,
                                const SampleOptions& options, Here here) {
  const char* name = "sample_volume_homography";
  return checked_sample({name, MapKind::homography, 3, shape_of(name, size), options}, volume, matrix, here);
}

Tensor sample_volume_slopes(const Tensor& volume, const Tensor& grid, std::array<int, 3> order,
                            const SampleOptions& options, Here here) {
  return checked_sample({"sample_volume_slopes", MapKind::grid, 3, {}, options, order}, volume, grid, here);
}

Tensor splat_volume(const Tensor& values, const Tensor& grid, VolumeSize size, const SampleOptions& options,
                    Here here) {
  return splat_volume_slopes(values, grid, {}, size, options, here);
}

Tensor splat_volume_slopes(const Tensor& values, const Tensor& grid, std::array<int, 3> order, VolumeSize size,
                           const SampleOptions& options, Here here) {
  const char* name = order == std::array<int, 3>{} ? "splat_volume" : "splat_volume_slopes";
  return checked_splat({name, MapKind::grid, 3, {}, options, order}, values, grid, shape_of(name, size), here);
}

Tensor volume_position_grid(const Tensor& matrix, VolumeSize size, Here here) {
  const char* name = "volume_position_grid";
  return checked_positions(name, 3, matrix, shape_of(name, size), here);
}

}  // namespace lumigrad
