// SPDX-License-Identifier: Apache-2.0
// Layouts, threads and levels of a warp of volumes. Work is cut into rows of tiles; the splat is cut into slabs of the
// volume, each of which walks the tiles that may touch it in the same order, so that the slabs can be as many as there
// are threads without a voxel ever being added to in another order.
#include <lumigrad/engine/cpu/volume_kernels.h>
#include <lumigrad/engine/families/sample_call.h>
#include <lumigrad/engine/parallel.h>
#include <algorithm>
#include <cmath>

namespace lumigrad {
namespace {

template <class T>
const VolumeKernels<T>& kernels() {
  if constexpr (std::is_same_v<T, float>) {
    return volume_kernels_f32(simd_level());
  } else {
    return volume_kernels_f64();
  }
}

// Tiles of an output [d, h, w], and rows of them.
struct Tiles {
  std::int64_t across, rows;
  explicit Tiles(const Shape& out)
      : across((out[2] + volume_tile_width - 1) / volume_tile_width),
        rows(out[0] * ((out[1] + volume_tile_height - 1) / volume_tile_height)) {}
  std::int64_t count() const { return across * rows; }
};

// One call's tensors in the form kernels take, and a task for each volume of the batch.
template <class T>
class VolumeTasks {
 public:
  VolumeTasks(const Warp& warp, const Tensor& volume, const Shape& size, std::int64_t channels, const Tensor& map)
      : warp_(warp), size_(size), channels_(channels), volume_(volume), map_(map), fill_(fill_of<T>(warp, channels)) {
    require_countable(warp, channels, size);
    if (volume_.defined()) volume_ = with_adjacent_pixels(volume_, dtype_of<T>);
    if (warp.kind == MapKind::grid) {
      map_ = map_.to(dtype_of<T>).detach();
    } else {
      matrices_ = map_.values();
    }
  }

  VolumeTask<T> at(std::int64_t n) const {
    VolumeTask<T> task;
    for (int a = 0; a < 3; ++a) {
      task.extent[a] = static_cast<int>(size_[2 - a]);
      task.out[a] = static_cast<int>(warp_.out[2 - a]);
      task.order[a] = warp_.order[static_cast<std::size_t>(a)];
    }
    task.channels = static_cast<int>(channels_);
    if (volume_.defined()) {
      const Strides& s = volume_.strides();
      task.volume = volume_.data<T>() + n * s[0];
      task.channel_stride = s[1], task.stride[2] = s[2], task.stride[1] = s[3];
    } else {
      task.stride[1] = size_[2], task.stride[2] = size_[1] * size_[2], task.channel_stride = size_.numel();
    }
    task.kind = warp_.kind;
    if (warp_.kind == MapKind::grid) {
      const Strides& s = map_.strides();
      task.grid = map_.data<T>() + n * s[0];
      for (int a = 0; a < 3; ++a) task.grid_stride[a] = s[static_cast<std::size_t>(3 - a)];
      task.grid_coordinate = s[4];
    } else {
      const int count = warp_.kind == MapKind::affine ? 12 : 16;
      for (int k = 0; k < count; ++k) task.matrix[k] = matrices_[static_cast<std::size_t>(n * count + k)];
    }
    task.mode = warp_.options.mode;
    task.border = warp_.options.border;
    task.fill = fill_.empty() ? nullptr : fill_.data();
    return task;
  }

 private:
  const Warp& warp_;
  Shape size_;
  std::int64_t channels_;
  Tensor volume_, map_;
  std::vector<double> matrices_;
  std::vector<T> fill_;
};

// Calls body(n, first, last) for every row of tiles of every volume.
template <class Body>
void each_tile_row(std::int64_t batch, const Shape& out, std::int64_t channels, Body body) {
  const Tiles tiles(out);
  parallel_for(
      batch * tiles.rows,
      [&](std::int64_t chunk) {
        const std::int64_t row = chunk % tiles.rows;
        body(chunk / tiles.rows, row * tiles.across, (row + 1) * tiles.across);
      },
      2e-3 * static_cast<double>(volume_tile_height * out[2] * channels));
}

// The slices of the volume that a tile may touch, a little generously: the lowest, and one past the highest.
struct Slices {
  double low = 0x1p30, high = -0x1p30;
  void add(double z) {
    low = std::min(low, z);
    high = std::max(high, z);
  }
};

template <class T>
Slices slices_of(const VolumeTask<T>& task, std::int64_t index) {
  const std::int64_t across = (task.out[0] + volume_tile_width - 1) / volume_tile_width;
  const std::int64_t down = (task.out[1] + volume_tile_height - 1) / volume_tile_height;
  const std::int64_t x = index % across * volume_tile_width, y = index / across % down * volume_tile_height;
  const std::int64_t z = index / across / down;
  const std::int64_t right = std::min<std::int64_t>(x + volume_tile_width, task.out[0]) - 1;
  const std::int64_t bottom = std::min<std::int64_t>(y + volume_tile_height, task.out[1]) - 1;
  Slices slices;
  if (task.kind == MapKind::grid) {
    const T* coordinate = task.grid + 2 * task.grid_coordinate + z * task.grid_stride[2];
    for (std::int64_t v = y; v <= bottom; ++v)
      for (std::int64_t u = x; u <= right; ++u)
        slices.add(static_cast<double>(coordinate[v * task.grid_stride[1] + u * task.grid_stride[0]]));
    return slices;
  }
  double positive = 0, negative = 0;
  for (const std::int64_t u : {x, right}) {
    for (const std::int64_t v : {y, bottom}) {
      const auto row = [&](int r) {
        const double* m = task.matrix + 4 * r;
        return m[0] * static_cast<double>(u) + m[1] * static_cast<double>(v) + m[2] * static_cast<double>(z) + m[3];
      };
      const double w = row(3);
      positive = std::max(positive, w);
      negative = std::min(negative, w);
      slices.add(row(2) / w);
    }
  }
  // Where w changes its sign, or nearly vanishes, the corners say nothing.
  const double least = 1e-3 * std::max(positive, -negative);
  const bool apart = positive < least || -negative < least;
  if (!apart || !(slices.high - slices.low < 0x1p29)) return {-0x1p30, 0x1p30};
  return slices;
}

template <class T>
void touched_slices(const VolumeTask<T>& task, std::int64_t index, std::int32_t* to) {
  const Slices slices = slices_of(task, index);
  const int depth = task.extent[2];
  const bool mirrored = task.border != Border::zeros && task.border != Border::border;
  if (mirrored && !(slices.low > 2 && slices.high < depth - 3)) {
    to[0] = 0, to[1] = depth;
    return;
  }
  const double low = std::clamp(std::floor(slices.low) - 2, -4.0, static_cast<double>(depth));
  const double high = std::clamp(std::floor(slices.high) + 4, -4.0, static_cast<double>(depth));
  const bool goes_on = task.border == Border::border;
  to[0] = std::clamp(static_cast<int>(low), 0, goes_on ? depth - 1 : depth);
  to[1] = std::clamp(static_cast<int>(high), goes_on ? 1 : 0, depth);
}

template <class T>
Tensor forward_of(const Warp& warp, const Tensor& volume, const Tensor& map) {
  const std::int64_t batch = volume.size(0), channels = volume.size(1);
  Tensor out = Tensor::empty({batch, channels, warp.out[0], warp.out[1], warp.out[2]}, dtype_of<T>);
  if (out.numel() == 0) return out;
  const VolumeTasks<T> tasks(warp, volume, {volume.size(2), volume.size(3), volume.size(4)}, channels, map);
  T* to = out.mutable_data<T>();
  const std::int64_t step = out.numel() / batch;
  each_tile_row(batch, warp.out, channels, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
    kernels<T>().forward(tasks.at(n), to + n * step, first, last);
  });
  return out;
}

template <class T>
Tensor splat_of(const Warp& warp, const Tensor& cotangent, const Tensor& map, const Shape& size) {
  const std::int64_t batch = cotangent.size(0), channels = cotangent.size(1), depth = size[0];
  Tensor gradient = Tensor::zeros({batch, channels, depth, size[1], size[2]}, dtype_of<T>);
  if (gradient.numel() == 0 || cotangent.numel() == 0) return gradient;
  const VolumeTasks<T> tasks(warp, Tensor(), size, channels, map);
  const Tensor dense = cotangent.detach().contiguous();
  const T* from = dense.data<T>();
  T* to = gradient.mutable_data<T>();
  const std::int64_t step = dense.numel() / batch, stride = gradient.numel() / batch;
  const std::int64_t tiles = Tiles(warp.out).count();

  // One slab a volume if there are volumes enough; else as many as threads, which changes no bit of the result.
  const std::int64_t threads = num_threads();
  const std::int64_t slabs = batch >= threads ? 1 : std::min(threads, depth);
  std::vector<std::int32_t> slices(slabs > 1 ? static_cast<std::size_t>(2 * batch * tiles) : 0);
  if (slabs > 1) {
    each_tile_row(batch, warp.out, 1, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
      const VolumeTask<T> task = tasks.at(n);
      for (std::int64_t tile = first; tile < last; ++tile)
        touched_slices(task, tile, slices.data() + 2 * (n * tiles + tile));
    });
  }
  parallel_for(
      batch * slabs,
      [&](std::int64_t chunk) {
        const std::int64_t n = chunk / slabs, slab = chunk % slabs;
        kernels<T>().splat(tasks.at(n), from + n * step, to + n * stride, static_cast<int>(depth * slab / slabs),
                           static_cast<int>(depth * (slab + 1) / slabs),
                           slabs > 1 ? slices.data() + 2 * n * tiles : nullptr);
      },
      5e-3 * static_cast<double>(step) / static_cast<double>(slabs));
  return gradient;
}

template <class T>
Tensor map_adjoint_of(const Warp& warp, const Tensor& volume, const Tensor& map, const Tensor& cotangent) {
  const std::int64_t batch = volume.size(0), channels = volume.size(1);
  const bool grid = warp.kind == MapKind::grid;
  if (cotangent.numel() == 0 || volume.numel() == 0 || warp.options.mode == Interpolation::nearest)
    return Tensor::zeros(map.shape(), map.dtype());
  Tensor gradient = Tensor::empty(map.shape(), grid ? dtype_of<T> : DType::f64);
  const VolumeTasks<T> tasks(warp, volume, {volume.size(2), volume.size(3), volume.size(4)}, channels, map);
  const Tensor dense = cotangent.detach().contiguous();
  const T* from = dense.data<T>();
  const std::int64_t step = dense.numel() / batch, tiles = Tiles(warp.out).count();
  std::vector<double> sums(grid ? 0 : static_cast<std::size_t>(16 * batch * tiles));
  T* to = grid ? gradient.mutable_data<T>() : nullptr;
  each_tile_row(batch, warp.out, 2 * channels, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
    kernels<T>().map_adjoint(tasks.at(n), from + n * step, first, last, grid ? nullptr : sums.data() + 16 * n * tiles,
                             grid ? to + n * gradient.numel() / batch : nullptr);
  });
  if (grid) return gradient.to(map.dtype());
  const int count = warp.kind == MapKind::affine ? 12 : 16;
  double* total = gradient.mutable_data<double>();
  for (std::int64_t n = 0; n < batch; ++n) {
    for (int k = 0; k < count; ++k) {
      double sum = 0;
      for (std::int64_t tile = 0; tile < tiles; ++tile)
        sum += sums[static_cast<std::size_t>(16 * (n * tiles + tile) + k)];
      total[n * count + k] = sum;
    }
  }
  return gradient.to(map.dtype());
}

}  // namespace

Tensor warp_volume_forward(const Warp& warp, const Tensor& volume, const Tensor& map) {
  return volume.dtype() == DType::f64 ? forward_of<double>(warp, volume, map) : forward_of<float>(warp, volume, map);
}

Tensor warp_volume_splat(const Warp& warp, const Tensor& cotangent, const Tensor& map, const Shape& size) {
  return cotangent.dtype() == DType::f64 ? splat_of<double>(warp, cotangent, map, size)
                                         : splat_of<float>(warp, cotangent, map, size);
}

Tensor warp_volume_map_adjoint(const Warp& warp, const Tensor& volume, const Tensor& map, const Tensor& cotangent) {
  return cotangent.dtype() == DType::f64 ? map_adjoint_of<double>(warp, volume, map, cotangent)
                                         : map_adjoint_of<float>(warp, volume, map, cotangent);
}

}  // namespace lumigrad
