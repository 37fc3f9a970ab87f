// SPDX-License-Identifier: Apache-2.0
// Layouts, threads and levels of a warp. Work is cut into rows of tiles and images; the splat is cut into bands of
// image rows, each of which walks the tiles that touch it in the same order, so that the bands can be as many as there
// are threads without a pixel ever being added to in another order.
#include <lumigrad/engine/families/sample_call.h>

#include <lumigrad/engine/copy.h>
#include <lumigrad/engine/machine.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/stored_pixels.h>
#include <algorithm>
#include <limits>

namespace lumigrad {

namespace {

template <class T>
const SampleKernels<T>& kernels() {
  if constexpr (std::is_same_v<T, float>) {
    return sample_kernels_f32(simd_level());
  } else {
    return sample_kernels_f64();
  }
}

std::int64_t tiles_along(std::int64_t extent) { return (extent + sample_tile - 1) / sample_tile; }

Size size_of_shape(const Shape& shape) { return {shape[0], shape[1]}; }

// One call's tensors in the form kernels take, and a task for each image of the batch.
template <class T>
class Tasks {
 public:
  Tasks(const Warp& warp, const Tensor& image, const Shape& size, std::int64_t channels, const Tensor& map)
      : warp_(warp),
        size_(size_of_shape(size)),
        channels_(channels),
        image_(image),
        map_(map),
        fill_(fill_of<T>(warp, channels)) {
    require_countable(warp, channels, size);
    if (image_.defined()) image_ = with_adjacent_pixels(image_, dtype_of<T>);
    if (warp.kind == MapKind::grid) {
      map_ = map_.to(dtype_of<T>).detach();
    } else {
      matrices_ = map_.values();
    }
  }

  SampleTask<T> at(std::int64_t n) const {
    SampleTask<T> task;
    task.height = static_cast<int>(size_.height);
    task.width = static_cast<int>(size_.width);
    task.channels = static_cast<int>(channels_);
    if (image_.defined()) {
      const Strides& s = image_.strides();
      task.image = image_.data<T>() + n * s[0];
      task.channel_stride = s[1];
      task.row_stride = s[2];
    } else {
      task.row_stride = size_.width;
      task.channel_stride = size_.width * size_.height;
    }
    task.out_height = static_cast<int>(warp_.out[0]);
    task.out_width = static_cast<int>(warp_.out[1]);
    task.kind = warp_.kind;
    if (warp_.kind == MapKind::grid) {
      const Strides& s = map_.strides();
      task.grid_x = map_.data<T>() + n * s[0];
      task.grid_y = task.grid_x + s[3];
      task.grid_row = s[1];
      task.grid_pixel = s[2];
    } else {
      const int count = warp_.kind == MapKind::affine ? 6 : 9;
      for (int k = 0; k < count; ++k) task.matrix[k] = matrices_[static_cast<std::size_t>(n * count + k)];
    }
    task.mode = warp_.options.mode;
    task.border = warp_.options.border;
    task.order_x = warp_.order[0];
    task.order_y = warp_.order[1];
    task.cubic = warp_.options.cubic;
    task.fill = fill_.empty() ? nullptr : fill_.data();
    return task;
  }

 private:
  const Warp& warp_;
  Size size_;
  std::int64_t channels_;
  Tensor image_, map_;
  std::vector<double> matrices_;
  std::vector<T> fill_;
};

// Calls body(n, first, last) for every row of tiles of every image.
template <class Body>
void each_tile_row(std::int64_t batch, const Shape& shape, std::int64_t channels, Body body) {
  const Size out = size_of_shape(shape);
  const std::int64_t down = tiles_along(out.height), across = tiles_along(out.width);
  const double microseconds = 1e-3 * static_cast<double>(sample_tile * out.width * channels);
  parallel_for(
      batch * down,
      [&](std::int64_t chunk) {
        const std::int64_t row = chunk % down;
        body(chunk / down, row * across, (row + 1) * across);
      },
      microseconds);
}

template <class T>
Tensor forward_of(const Warp& warp, const Tensor& image, const Tensor& map) {
  const std::int64_t batch = image.size(0), channels = image.size(1);
  Tensor out = Tensor::empty({batch, channels, warp.out[0], warp.out[1]}, dtype_of<T>);
  if (out.numel() == 0) return out;
  const Tasks<T> tasks(warp, image, {image.size(2), image.size(3)}, channels, map);
  T* to = out.mutable_data<T>();
  const std::int64_t step = out.numel() / batch;
  const bool stream = out.numel() * std::int64_t{sizeof(T)} > stream_threshold();
  each_tile_row(batch, warp.out, channels, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
    SampleTask<T> task = tasks.at(n);
    task.stream = stream;
    kernels<T>().forward(task, to + n * step, first, last);
  });
  return out;
}

template <class T>
Tensor splat_of(const Warp& warp, const Tensor& cotangent, const Tensor& map, const Shape& size) {
  const std::int64_t batch = cotangent.size(0), channels = cotangent.size(1), height = size[0];
  Tensor gradient = Tensor::zeros({batch, channels, height, size[1]}, dtype_of<T>);
  if (gradient.numel() == 0 || cotangent.numel() == 0) return gradient;
  const Tasks<T> tasks(warp, Tensor(), size, channels, map);
  const Tensor dense = cotangent.detach().contiguous();
  const T* from = dense.data<T>();
  T* to = gradient.mutable_data<T>();
  const std::int64_t step = dense.numel() / batch, stride = gradient.numel() / batch;
  const std::int64_t tiles = tiles_along(warp.out[0]) * tiles_along(warp.out[1]);
  const double microseconds = 3e-3 * static_cast<double>(step);

  // One band an image while there are images enough; else as many as threads, which changes no bit of the result.
  const std::int64_t threads = num_threads();
  const std::int64_t bands = batch >= threads ? 1 : std::min(threads, tiles_along(height));
  std::vector<std::int32_t> rows;
  if (bands > 1) {
    rows.resize(static_cast<std::size_t>(2 * batch * tiles));
    each_tile_row(batch, warp.out, 1, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
      kernels<T>().rows(tasks.at(n), first, last, rows.data() + 2 * n * tiles);
    });
  }
  parallel_for(
      batch * bands,
      [&](std::int64_t chunk) {
        const std::int64_t n = chunk / bands, band = chunk % bands;
        kernels<T>().splat(tasks.at(n), from + n * step, to + n * stride, static_cast<int>(height * band / bands),
                           static_cast<int>(height * (band + 1) / bands),
                           bands > 1 ? rows.data() + 2 * n * tiles : nullptr);
      },
      microseconds / static_cast<double>(bands));
  return gradient;
}

template <class T>
Tensor map_adjoint_of(const Warp& warp, const Tensor& image, const Tensor& map, const Tensor& cotangent) {
  const std::int64_t batch = image.size(0), channels = image.size(1);
  const bool grid = warp.kind == MapKind::grid;
  if (cotangent.numel() == 0 || image.numel() == 0 || warp.options.mode == Interpolation::nearest)
    return Tensor::zeros(map.shape(), map.dtype());
  Tensor gradient = Tensor::empty(map.shape(), grid ? dtype_of<T> : DType::f64);
  const std::int64_t pixels = warp.out[0] * warp.out[1];
  const bool planes = grid && map.strides()[2] == 1;  // x and y apart, as in the map
  if (planes) gradient = gradient.with_layout(map.shape(), Strides{2 * pixels, warp.out[1], 1, pixels}, 0);
  const Tasks<T> tasks(warp, image, {image.size(2), image.size(3)}, channels, map);
  const Tensor dense = cotangent.detach().contiguous();
  const T* from = dense.data<T>();
  const std::int64_t step = dense.numel() / batch;
  const std::int64_t tiles = tiles_along(warp.out[0]) * tiles_along(warp.out[1]);
  std::vector<double> sums(grid ? 0 : static_cast<std::size_t>(9 * batch * tiles));
  T* to = grid ? gradient.mutable_data<T>() : nullptr;
  each_tile_row(batch, warp.out, channels, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
    SampleTask<T> task = tasks.at(n);
    if (planes) task.gradient_pixel = 1, task.gradient_y = pixels;
    kernels<T>().map_adjoint(task, from + n * step, first, last, grid ? nullptr : sums.data() + 9 * n * tiles,
                             grid ? to + n * gradient.numel() / batch : nullptr);
  });
  if (grid) return gradient.to(map.dtype());
  const int count = warp.kind == MapKind::affine ? 6 : 9;
  double* total = gradient.mutable_data<double>();
  for (std::int64_t n = 0; n < batch; ++n) {
    for (int k = 0; k < count; ++k) {
      double sum = 0;
      for (std::int64_t tile = 0; tile < tiles; ++tile)
        sum += sums[static_cast<std::size_t>(9 * (n * tiles + tile) + k)];
      total[n * count + k] = sum;
    }
  }
  return gradient.to(map.dtype());
}

}  // namespace

Tensor with_adjacent_pixels(const Tensor& image, DType dtype) {
  if (image.dtype() == dtype &&
      (image.strides()[static_cast<std::size_t>(image.rank() - 1)] == 1 || image.size(-1) <= 1))
    return image.detach();
  if (!is_floating(image.dtype())) {
    const Tensor numbers = numbers_of_pixels(image.detach());
    return dtype == DType::f32 ? numbers : numbers.to(dtype);
  }
  Tensor dense = Tensor::empty(image.shape(), dtype);
  copy_values(image.detach(), dense);
  return dense;
}

Shape shape_of_planes(const Tensor& x, const Shape& size) {
  std::vector<std::int64_t> extents{x.size(0), x.size(1)};
  for (const std::int64_t extent : size) extents.push_back(extent);
  return Shape(extents);
}

DType arithmetic_of(const Tensor& x) { return x.dtype() == DType::f64 ? DType::f64 : DType::f32; }

void require_countable(const Warp& warp, std::int64_t channels, const Shape& size) {
  const auto check = [&](std::int64_t extent) {
    require<ShapeError>(extent <= (std::int64_t{1} << 29), warp.name, ": expected extents of at most 2^29, got ",
                        extent);
  };
  for (const std::int64_t extent : size) check(extent);
  for (const std::int64_t extent : warp.out) check(extent);
  check(channels);
}

Tensor warp_forward(const Warp& warp, const Tensor& image, const Tensor& map) {
  if (warp.options.mode == Interpolation::nearest && warp.orders() > 0)  // constant between its jumps
    return Tensor::zeros(shape_of_planes(image, warp.out), arithmetic_of(image), image.device());
  if (image.device() != Device()) return warp_forward_on_device(warp, image, map);
  if (warp.axes == 3) return warp_volume_forward(warp, image, map);
  return image.dtype() == DType::f64 ? forward_of<double>(warp, image, map) : forward_of<float>(warp, image, map);
}

Tensor warp_splat(const Warp& warp, const Tensor& cotangent, const Tensor& map, const Shape& size) {
  if (warp.options.mode == Interpolation::nearest && warp.orders() > 0)
    return Tensor::zeros(shape_of_planes(cotangent, size), arithmetic_of(cotangent), cotangent.device());
  if (cotangent.device() != Device()) return warp_splat_on_device(warp, cotangent, map, size);
  if (warp.axes == 3) return warp_volume_splat(warp, cotangent, map, size);
  return cotangent.dtype() == DType::f64 ? splat_of<double>(warp, cotangent, map, size)
                                         : splat_of<float>(warp, cotangent, map, size);
}

Tensor warp_map_adjoint(const Warp& warp, const Tensor& image, const Tensor& map, const Tensor& cotangent) {
  if (image.device() != Device()) return warp_map_adjoint_on_device(warp, image, map, cotangent);
  if (warp.axes == 3) return warp_volume_map_adjoint(warp, image, map, cotangent);
  return cotangent.dtype() == DType::f64 ? map_adjoint_of<double>(warp, image, map, cotangent)
                                         : map_adjoint_of<float>(warp, image, map, cotangent);
}

}  // namespace lumigrad
