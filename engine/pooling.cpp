// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/gather.h>
#include <lumigrad/engine/families/picks.h>
#include <lumigrad/engine/families/resample.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/pooling.h>
#include <lumigrad/engine/requirements.h>
#include <lumigrad/engine/views.h>
#include <algorithm>

namespace lumigrad {
namespace {

/// The pixels begin, begin + step, ... below end of an axis, and the number a mean divides by.
struct Window {
  std::int64_t begin, end, step, count;
};
/// The windows along one axis, and the rule of their list.
struct WindowAxis {
  std::int64_t extent = 1;
  std::vector<Window> windows = {{0, 1, 1, 1}};
  device::PoolAxis rule = {};
};

void check(const char* name, int axes, const Tensor& x) {
  require_real(name, x);
  require<ShapeError>(x.rank() == axes + 2 || x.rank() == axes + 1, name, ": expected [N, C, ..] or [C, ..] with ",
                      axes, " axes, got shape ", x.shape());
}

WindowAxis sliding(const char* name, std::int64_t extent, std::int64_t kernel, std::int64_t stride,
                   std::int64_t padding, std::int64_t dilation, bool ceil, bool count_padding) {
  constexpr std::int64_t most = std::int64_t{1} << 28;
  require<ShapeError>(kernel >= 1 && kernel < most && stride >= 1 && stride < most && dilation >= 1 && dilation < most,
                      name, ": expected a kernel, stride and dilation of at least 1, got ", kernel, ", ", stride,
                      " and ", dilation);
  require<ShapeError>(padding >= 0 && 2 * padding <= kernel, name, ": expected a padding of at most half the kernel ",
                      kernel, ", got ", padding);
  const std::int64_t reach = dilation * (kernel - 1) + 1, room = extent + 2 * padding - reach + (ceil ? stride - 1 : 0);
  require<ShapeError>(room >= 0 && extent > 0, name, ": expected an image as large as the window, ", reach, ", got ",
                      extent);
  std::int64_t results = room / stride + 1;
  if (ceil && (results - 1) * stride >= extent + padding) --results;
  WindowAxis axis{extent, {}, {extent, results, stride, padding, reach, dilation}};
  for (std::int64_t i = 0; i < results; ++i) {
    const std::int64_t first = i * stride - padding;
    Window w{first, std::min(first + reach, extent), dilation, 0};
    if (first < 0) w.begin = first + (-first + dilation - 1) / dilation * dilation;
    require<ShapeError>(w.begin < w.end, name, ": expected windows that meet the image, got one between ", first,
                        " and ", first + reach, " of ", extent);
    w.count = count_padding ? std::min(first + kernel, extent + padding) - first : w.end - w.begin;
    axis.windows.push_back(w);
  }
  return axis;
}

WindowAxis parts(const char* name, std::int64_t extent, std::int64_t size) {
  // Windows are listed: more of them than pixels are meant to be few.
  constexpr std::int64_t most = std::int64_t{1} << 24;
  require<ShapeError>(size >= 0 && (extent > 0 || size == 0) && (size <= most || size <= extent), name,
                      ": expected a size from 0 to ", most, " of an image, got ", size, " of ", extent);
  WindowAxis axis{extent, {}, {extent, size, 0, 0, 1, 1}};
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t begin = i * extent / size, end = ((i + 1) * extent + size - 1) / size;
    axis.windows.push_back({begin, end, 1, end - begin});
  }
  return axis;
}

Tensor averages(const Tensor& x, const std::vector<WindowAxis>& axes, std::int64_t divisor, Here here) {
  Tensor y = x;
  for (std::size_t a = 0; a < axes.size(); ++a) {
    auto band = std::make_shared<Band>(axes[a].extent);
    for (const Window& w : axes[a].windows) {
      const std::int64_t by = divisor == 0 ? w.count : a == 0 ? divisor : 1;
      band->start_row();
      for (std::int64_t i = w.begin; i < w.end; ++i) band->add(i, 1 / static_cast<double>(by));
    }
    y = resample(y, x.rank() - static_cast<int>(axes.size() - a), std::move(band), here);
  }
  return y;
}

// Where the largest number of each window of a plane stands.
template <class T>
void find_largest(const T* x, const WindowAxis (&axis)[3], std::int64_t* index) {
  for (const Window& u : axis[0].windows)
    for (const Window& v : axis[1].windows)
      for (const Window& w : axis[2].windows) {
        std::int64_t at = (u.begin * axis[1].extent + v.begin) * axis[2].extent + w.begin;
        T best = x[at];
        for (std::int64_t a = u.begin; a < u.end; a += u.step)
          for (std::int64_t b = v.begin; b < v.end; b += v.step) {
            const std::int64_t line = (a * axis[1].extent + b) * axis[2].extent;
            for (std::int64_t c = w.begin; c < w.end; c += w.step)
              if (const T value = x[line + c]; value > best || (value != value && best == best)) {
                best = value;
                at = line + c;
              }
          }
        *index++ = at;
      }
}

// The same where x [planes, pixels] is on a device; the gradient asks each pixel for the windows that it won.
Picker find_on_device(const Tensor& x, const WindowAxis (&axis)[3], std::int64_t results) {
  const Device device = x.device();
  const Tensor from = x.detach().contiguous(), index = Tensor::empty({x.size(0), results}, DType::i64, device);
  device::PoolCall call{
      {axis[0].rule, axis[1].rule, axis[2].rule}, x.size(0), device::array_of(from), device::array_of(index)};
  if (index.numel() > 0)
    device::check("max_pool", device, device::table(device).stencil.largest(device::place_of(device), &call));
  const auto back = [call, index, pixels = x.size(1)](const Tensor& z) {
    const Device there = z.device();
    const Tensor dense = z.detach().contiguous(), image = Tensor::empty({z.size(0), pixels}, z.dtype(), there);
    const device::UnpoolCall collect{{call.axis[0], call.axis[1], call.axis[2]},
                                     call.planes,
                                     device::array_of(dense),
                                     device::array_of(index),
                                     device::array_of(image)};
    if (image.numel() > 0)
      device::check("max_pool", there, device::table(there).stencil.unpool(device::place_of(there), &collect));
    return image;
  };
  return {index, x.size(1), back};
}

Selection largest(const Tensor& x, const std::vector<WindowAxis>& axes, Here here) {
  WindowAxis three[3];
  std::copy(axes.begin(), axes.end(), three + 3 - axes.size());
  const auto lead = x.shape().extents().first(static_cast<std::size_t>(x.rank()) - axes.size());
  std::vector<std::int64_t> extents(lead.begin(), lead.end());
  std::int64_t plane = 1, results = 1, planes = Shape(lead).numel();
  for (const WindowAxis& axis : axes) {
    const auto count = static_cast<std::int64_t>(axis.windows.size());
    extents.push_back(count);
    plane *= axis.extent;
    results *= count;
  }
  const Shape shape(extents);
  if (x.device() != Device()) {
    const Tensor lines = reshape(x, {planes, plane}, here);
    const Picker found = find_on_device(lines, three, results);
    return {reshape(pick(lines, found, here), shape, here), reshape(found.index, shape)};
  }
  Tensor index = Tensor::empty({planes, results}, DType::i64);
  if (index.numel() > 0) {
    const Tensor from = x.detach().contiguous();
    auto* to = index.mutable_data<std::int64_t>();
    parallel_for(
        planes,
        [&](std::int64_t i) {
          if (x.dtype() == DType::f32)
            find_largest(from.data<float>() + i * plane, three, to + i * results);
          else
            find_largest(from.data<double>() + i * plane, three, to + i * results);
        },
        1e-3 * static_cast<double>(results * 4));
  }
  return {reshape(gather(reshape(x, {planes, plane}, here), 1, index, here), shape, here), reshape(index, shape)};
}

std::vector<WindowAxis> mean_windows(const char* name, int axes, const Tensor& x, const Extents& kernel,
                                     const AvgPoolOptions& options) {
  check(name, axes, x);
  require<ShapeError>(options.divisor >= 0, name, ": expected a divisor above 0, or 0 for none, got ", options.divisor);
  std::vector<WindowAxis> all;
  for (int a = 0; a < axes; ++a)
    all.push_back(sliding(name, x.size(a - axes), kernel.at(a, axes, name),
                          (options.stride.given() ? options.stride : kernel).at(a, axes, name),
                          options.padding.at(a, axes, name), 1, options.ceil, options.count_padding));
  return all;
}
std::vector<WindowAxis> maximum_windows(const char* name, int axes, const Tensor& x, const Extents& kernel,
                                        const MaxPoolOptions& options) {
  check(name, axes, x);
  std::vector<WindowAxis> all;
  for (int a = 0; a < axes; ++a)
    all.push_back(sliding(name, x.size(a - axes), kernel.at(a, axes, name),
                          (options.stride.given() ? options.stride : kernel).at(a, axes, name),
                          options.padding.at(a, axes, name), options.dilation.at(a, axes, name), options.ceil, false));
  return all;
}
std::vector<WindowAxis> adaptive_windows(const char* name, int axes, const Tensor& x, const Extents& size) {
  check(name, axes, x);
  std::vector<WindowAxis> all;
  for (int a = 0; a < axes; ++a) all.push_back(parts(name, x.size(a - axes), size.at(a, axes, name)));
  return all;
}

}  // namespace

Tensor avg_pool1d(const Tensor& x, Extents kernel, const AvgPoolOptions& options, Here here) {
  return averages(x, mean_windows("avg_pool1d", 1, x, kernel, options), options.divisor, here);
}
Tensor avg_pool2d(const Tensor& x, Extents kernel, const AvgPoolOptions& options, Here here) {
  return averages(x, mean_windows("avg_pool2d", 2, x, kernel, options), options.divisor, here);
}
Tensor avg_pool3d(const Tensor& x, Extents kernel, const AvgPoolOptions& options, Here here) {
  return averages(x, mean_windows("avg_pool3d", 3, x, kernel, options), options.divisor, here);
}
Selection max_pool1d(const Tensor& x, Extents kernel, const MaxPoolOptions& options, Here here) {
  return largest(x, maximum_windows("max_pool1d", 1, x, kernel, options), here);
}
Selection max_pool2d(const Tensor& x, Extents kernel, const MaxPoolOptions& options, Here here) {
  return largest(x, maximum_windows("max_pool2d", 2, x, kernel, options), here);
}
Selection max_pool3d(const Tensor& x, Extents kernel, const MaxPoolOptions& options, Here here) {
  return largest(x, maximum_windows("max_pool3d", 3, x, kernel, options), here);
}
Tensor adaptive_avg_pool1d(const Tensor& x, Extents size, Here here) {
  return averages(x, adaptive_windows("adaptive_avg_pool1d", 1, x, size), 0, here);
}
Tensor adaptive_avg_pool2d(const Tensor& x, Extents size, Here here) {
  return averages(x, adaptive_windows("adaptive_avg_pool2d", 2, x, size), 0, here);
}
Tensor adaptive_avg_pool3d(const Tensor& x, Extents size, Here here) {
  return averages(x, adaptive_windows("adaptive_avg_pool3d", 3, x, size), 0, here);
}
Selection adaptive_max_pool1d(const Tensor& x, Extents size, Here here) {
  return largest(x, adaptive_windows("adaptive_max_pool1d", 1, x, size), here);
}
Selection adaptive_max_pool2d(const Tensor& x, Extents size, Here here) {
  return largest(x, adaptive_windows("adaptive_max_pool2d", 2, x, size), here);
}
Selection adaptive_max_pool3d(const Tensor& x, Extents size, Here here) {
  return largest(x, adaptive_windows("adaptive_max_pool3d", 3, x, size), here);
}

Tensor pixel_shuffle(const Tensor& x, std::int64_t factor, Here here) {
  constexpr std::int64_t most = std::int64_t{1} << 24;
  require<ShapeError>(x.rank() >= 3 && factor >= 1 && factor < most && x.size(-3) % (factor * factor) == 0,
                      "pixel_shuffle: expected [.., C ", factor, " ", factor, ", H, W], got shape ", x.shape());
  const std::int64_t c = x.size(-3) / factor / factor, h = x.size(-2), w = x.size(-1);
  const Shape shape = x.shape().with(-3, c).with(-2, h * factor).with(-1, w * factor);
  const std::int64_t lead = Shape(x.shape().extents().first(static_cast<std::size_t>(x.rank() - 3))).numel();
  const Tensor split = reshape(x, {lead * c, factor, factor, h, w}, here);
  return reshape(permute(split, {0, 3, 1, 4, 2}, here), shape, here);
}

Tensor pixel_unshuffle(const Tensor& x, std::int64_t factor, Here here) {
  require<ShapeError>(x.rank() >= 3 && factor >= 1 && x.size(-2) % factor == 0 && x.size(-1) % factor == 0,
                      "pixel_unshuffle: expected [.., C, ", factor, " H, ", factor, " W], got shape ", x.shape());
  const std::int64_t c = x.size(-3), h = x.size(-2) / factor, w = x.size(-1) / factor;
  const Shape shape = x.shape().with(-3, c * factor * factor).with(-2, h).with(-1, w);
  const std::int64_t lead = Shape(x.shape().extents().first(static_cast<std::size_t>(x.rank() - 3))).numel();
  const Tensor split = reshape(x, {lead * c, h, factor, w, factor}, here);
  return reshape(permute(split, {0, 2, 4, 1, 3}, here), shape, here);
}

}  // namespace lumigrad
