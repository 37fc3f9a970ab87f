// SPDX-License-Identifier: Apache-2.0
// The filter table: from calls to bodies.
#include <lumigrad/cuda/tables.h>
#include <lumigrad/cuda/edges.cuh>
#include <lumigrad/cuda/filter_adjoint.cuh>
#include <lumigrad/cuda/filter_select.cuh>
#include <limits>

namespace lumigrad::cuda {
namespace {

using device::CollectCall;
using device::EdgeCall;
using device::FilterCall;
using device::SelectCall;

constexpr int most_sums = 1024;  // blocks that add up kernel gradients

// Indices of one plane's axes are 32 bits, twice an extent among them.
Status checked(const FilterPlan& plan) {
  constexpr std::int64_t most = 1 << 29;
  bool fits = plan.planes < most;
  for (const FilterAxis& axis : plan.axis)
    fits = fits && axis.image < most && axis.result < most && axis.taps < most && axis.front < most;
  return fits ? Status{} : Status{Code::unsupported, "images or windows of 2^29 or more along an axis"};
}

Correlation correlation(const FilterPlan& plan) {
  Correlation c;
  for (int a = 0; a < 3; ++a) {
    const FilterAxis& axis = plan.axis[a];
    c.axis[a] = {static_cast<int>(axis.image), static_cast<int>(axis.result), static_cast<int>(axis.taps),
                 static_cast<int>(axis.front)};
  }
  c.planes_a_kernel = static_cast<int>(plan.planes_a_kernel);
  c.border = plan.border;
  return c;
}
// The transposed filter where it reads nothing but results: a correlation of these.
Correlation transposed(Correlation c) {
  for (Reach& axis : c.axis) axis = {axis.result, axis.image, axis.taps, axis.taps - 1 - axis.front};
  c.border = Border::zeros;
  c.turned = true;
  return c;
}

template <class T>
Status run_window(Place place, const Correlation& c, std::int64_t planes, const T* image, const T* kernel, T* result) {
  const std::size_t bytes = WindowFilter<T, 0>::shared_bytes(c);
  const auto run = [&]<int N>(std::integral_constant<int, N>) {
    return for_each_block(place, planes * c.tiles(window_width, window_height), window_threads, bytes,
                          WindowFilter<T, N>{c, image, kernel, result});
  };
  if (bytes <= shared_room) switch (c.axis[1].taps) {
      case 3:
        return run(std::integral_constant<int, 3>());
      case 5:
        return run(std::integral_constant<int, 5>());
      default:
        return run(std::integral_constant<int, 0>());
    }
  return for_each(place, planes * c.result_numel(), WideFilter<T>{c, image, kernel, result});
}

template <class T, int N>
Status run_separable(Place place, const Correlation& c, std::int64_t planes, const T* image, const T* column,
                     const T* row, T* result, int height) {
  return for_each_block(place, planes * c.tiles(separable_width, height), 256,
                        SeparableFilter<T, N>::shared_bytes(c, height),
                        SeparableFilter<T, N>{c, image, column, row, result, height});
}
template <class T>
Status run_separable(Place place, const Correlation& c, std::int64_t planes, const T* image, const T* column,
                     const T* row, T* result) {
  int height = 128 / sizeof(T);
  while (height > strip &&
         (height >= 2 * c.axis[1].result || SeparableFilter<T, 0>::shared_bytes(c, height) > shared_room))
    height /= 2;
  if (SeparableFilter<T, 0>::shared_bytes(c, height) > shared_room) {  // one pass for each axis
    Correlation down = c, along = c;
    down.axis[2] = {c.axis[2].image, c.axis[2].image, 1, 0};
    along.axis[1] = {c.axis[1].result, c.axis[1].result, 1, 0};
    const Scratch lines(place, static_cast<std::size_t>(planes * down.result_numel()) * sizeof(T));
    LUMIGRAD_TRY(lines.status());
    LUMIGRAD_TRY(for_each(place, planes * down.result_numel(), WideFilter<T>{down, image, column, lines.as<T>()}));
    return for_each(place, planes * along.result_numel(), WideFilter<T>{along, lines.as<T>(), row, result});
  }
  const auto run = [&]<int N>(std::integral_constant<int, N>) {
    return run_separable<T, N>(place, c, planes, image, column, row, result, height);
  };
  switch (c.axis[1].taps == c.axis[2].taps ? c.axis[1].taps : 0) {
    case 3:
      return run(std::integral_constant<int, 3>());
    case 5:
      return run(std::integral_constant<int, 5>());
    case 7:
      return run(std::integral_constant<int, 7>());
    case 11:
      return run(std::integral_constant<int, 11>());
    default:
      return run(std::integral_constant<int, 0>());
  }
}

template <class T>
Status fold(Place place, const Correlation& c, std::int64_t planes, const FilterCall& call) {
  const std::int64_t pixels = Frame(c).count();
  if (c.border == Border::zeros || pixels == 0) return {};
  if (call.row.data)
    return for_each(
        place, planes * pixels,
        FoldedMargins<T, true>{c, in<T>(call.result), in<T>(call.kernel), in<T>(call.row), out<T>(call.image)});
  return for_each(place, planes * pixels,
                  FoldedMargins<T, false>{c, in<T>(call.result), in<T>(call.kernel), nullptr, out<T>(call.image)});
}

template <class T>
Status sums(Place place, const Correlation& c, std::int64_t planes, const FilterCall& call) {
  const std::int64_t kernels = planes / c.planes_a_kernel;
  if (KernelSums<T>::shared_bytes(c) > shared_room)
    return for_each_block(place, kernels * c.taps(), 256, 0,
                          WideKernelSums<T>{c, in<T>(call.image), in<T>(call.result), out<T>(call.kernel)});
  const std::int64_t tiles = static_cast<std::int64_t>(c.planes_a_kernel) * c.tiles(sum_width, sum_height);
  std::int64_t chunks = kernels < most_sums ? most_sums / kernels : 1;
  if (chunks > tiles) chunks = tiles < 1 ? 1 : tiles;
  if (tiles >= std::numeric_limits<std::int32_t>::max()) return {Code::unsupported, "more tiles than a grid can have"};
  const Scratch parts(place, static_cast<std::size_t>(kernels * chunks * c.taps()) * sizeof(double));
  LUMIGRAD_TRY(parts.status());
  LUMIGRAD_TRY(for_each_block(place, kernels * chunks, sum_threads, KernelSums<T>::shared_bytes(c),
                              KernelSums<T>{c, in<T>(call.image), in<T>(call.result), parts.as<double>(),
                                            static_cast<int>(tiles), static_cast<int>(chunks)}));
  return for_each(place, kernels * c.taps(),
                  ChunkTotals<T>{parts.as<double>(), out<T>(call.kernel), static_cast<int>(chunks), c.taps()});
}

Status apply(Place place, const FilterCall* call) {
  LUMIGRAD_TRY(checked(call->plan));
  const Correlation c = correlation(call->plan);
  return by_dtype(call->image, [&]<class T>(T) {
    return run_window<T>(place, c, call->plan.planes, in<T>(call->image), in<T>(call->kernel), out<T>(call->result));
  });
}

Status spread(Place place, const FilterCall* call) {
  LUMIGRAD_TRY(checked(call->plan));
  const Correlation c = correlation(call->plan);
  return by_dtype(call->image, [&]<class T>(T) -> Status {
    LUMIGRAD_TRY(run_window<T>(place, transposed(c), call->plan.planes, in<T>(call->result), in<T>(call->kernel),
                               out<T>(call->image)));
    return fold<T>(place, c, call->plan.planes, *call);
  });
}

Status apply_separable(Place place, const FilterCall* call) {
  LUMIGRAD_TRY(checked(call->plan));
  const Correlation c = correlation(call->plan);
  return by_dtype(call->image, [&]<class T>(T) {
    return run_separable<T>(place, c, call->plan.planes, in<T>(call->image), in<T>(call->kernel), in<T>(call->row),
                            out<T>(call->result));
  });
}

Status spread_separable(Place place, const FilterCall* call) {
  LUMIGRAD_TRY(checked(call->plan));
  const Correlation c = correlation(call->plan);
  return by_dtype(call->image, [&]<class T>(T) -> Status {
    LUMIGRAD_TRY(run_separable<T>(place, transposed(c), call->plan.planes, in<T>(call->result), in<T>(call->kernel),
                                  in<T>(call->row), out<T>(call->image)));
    return fold<T>(place, c, call->plan.planes, *call);
  });
}

Status kernel_sums(Place place, const FilterCall* call) {
  LUMIGRAD_TRY(checked(call->plan));
  const Correlation c = correlation(call->plan);
  return by_dtype(call->image, [&]<class T>(T) { return sums<T>(place, c, call->plan.planes, *call); });
}

Status select(Place place, const SelectCall* call) {
  LUMIGRAD_TRY(checked(call->plan));
  const Correlation c = correlation(call->plan);
  return by_dtype(call->image, [&]<class T>(T) { return run_select<T>(place, c, *call); });
}

Status collect_pixels(Place place, const CollectCall* call) {
  LUMIGRAD_TRY(checked(call->plan));
  const Correlation c = correlation(call->plan);
  return by_dtype(call->result, [&]<class T>(T) {
    return for_each(place, call->plan.planes * c.image_numel(),
                    PixelSums<T>{c, in<T>(call->result), in<std::int64_t>(call->index), out<T>(call->sums)});
  });
}

Status collect_taps(Place place, const CollectCall* call) {
  LUMIGRAD_TRY(checked(call->plan));
  const Correlation c = correlation(call->plan);
  return by_dtype(call->result,
                  [&]<class T>(T) { return run_tap_sums<T>(place, c, call->plan.planes * c.result_numel(), *call); });
}

Status edges(Place place, const EdgeCall* call) {
  return by_dtype(call->magnitude, [&]<class T>(T) { return run_edges<T>(place, *call); });
}

}  // namespace

const device::FilterTable filter_table = {
    apply, spread, apply_separable, spread_separable, kernel_sums, select, collect_pixels, collect_taps, edges};

}  // namespace lumigrad::cuda
