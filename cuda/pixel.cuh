// SPDX-License-Identifier: Apache-2.0
// From a formula to kernels of a device: the loops over lanes, one thread a group of neighbouring elements.
//
// The counterpart of cpu/pixel_kernels.h, with the roles of memory turned round. A CPU's kernel wants plain lanes, and
// others are staged for it; here every thread finds its elements itself. It splits its number into image, row and place
// in the row, adds up the lanes' steps, and reads: four numbers in one instruction where a lane lies plainly (a group),
// one by one where it is strided, bytes, or repeated. Which it is does not depend on the thread, so no warp diverges.
// Then the formula runs, or its adjoint, on numbers in registers, and the results go out the same way.
//
// Memory is what these kernels wait for. Short formulas take groups of four so that few threads keep many bytes under
// way; long ones take one element and leave the registers to the formula. A block has 256 threads, never more registers
// than that allows, and no local memory (tools/cuda_resources checks it).
//
// Sums (of results, of parameters' gradients) are added up in double: within a thread, then over the threads of a block
// in fixed order, and each block leaves its part in memory. pixel_totals adds the parts, again in fixed order. Nothing
// is atomic; the same call gives the same bits.
#pragma once
#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/unroll.h>
#include <lumigrad/engine/derivatives.h>
#include <lumigrad/engine/device/pixel.h>
#include <lumigrad/engine/element.h>

namespace lumigrad::cuda::pixels {

#if defined(LUMIGRAD_STANDIN)
inline constexpr char made_for[] = "stand-in";
#else
inline constexpr char made_for[] = "cuda";
#endif

using device::DeviceFormula;
using device::PixelCall;
using device::PixelDomain;
using device::PixelLane;
using device::PixelNumber;

/// n / d for 0 <= n < 2^31 without a division: with m = ceil(2^(32+s) / d) - 2^32 and s = ceil(log2 d),
/// n / d = (n + (n m >> 32)) >> s.
struct Divisor {
  std::uint32_t d = 1, m = 0, shift = 0;

  Divisor() = default;
  explicit Divisor(std::int64_t by) : d(static_cast<std::uint32_t>(by)) {
    while ((std::uint64_t{1} << shift) < d) ++shift;
    m = static_cast<std::uint32_t>(((std::uint64_t{1} << 32) * ((std::uint64_t{1} << shift) - d)) / d + 1);
  }
  LUMIGRAD_INLINE std::uint32_t quotient(std::uint32_t n) const {
    const auto high = static_cast<std::uint32_t>((static_cast<std::uint64_t>(n) * m) >> 32);
    return (high + n) >> shift;
  }
};

/// How a lane is read and written.
enum class LaneKind : std::int32_t {
  number,  ///< no memory: always the same
  plain,   ///< groups lie as they are wanted, aligned
  own,     ///< numbers of the call's type, at steps
  f32,
  f64,
  f16,
  bf16,
  u8,
  u16
};

/// A lane as kernels of T see it.
template <class T>
struct Lane {
  void* base;
  LaneKind kind;
  std::int32_t run_step;
  T number;  ///< what a lane without memory reads as; what bytes and words are shares of
  std::int32_t image_step, steps[device::max_axes - 1];
};

/// The domain as kernels see it. An image has `groups` in all, `in_row` in a row.
struct Groups {
  Divisor chunks;  ///< of an image, a block each
  std::int32_t groups, run;
  Divisor in_row, extents[device::max_axes - 1];
  std::int32_t axes;
};

/// Numbers that a thread reads or writes at once.
template <class T, int W>
struct alignas(sizeof(T) * W) Group {
  T at[W];
};

/// How many elements of formula F a thread takes: as many as put 16 bytes of each lane, or thereabouts, under way,
/// unless the formula is long.
template <class F, class T>
constexpr int group_of() {
  if (sizeof(T) == 8 || transcendental<F> || Recorded<F>::steps > 48) return 1;
  return inputs_of<F> <= 2 ? 4 : 2;
}

// Inlined into every kernel on a device; the stand-in is built sooner with one copy of them.
#if defined(LUMIGRAD_STANDIN)
#define LUMIGRAD_IN_KERNELS [[gnu::noinline]]
#else
#define LUMIGRAD_IN_KERNELS LUMIGRAD_INLINE
#endif

template <class T, int W, class Read>
LUMIGRAD_INLINE void gather(T (&to)[W], std::int64_t at, int step, int count, Read read) {
  LUMIGRAD_UNROLL
  for (int j = 0; j < W; ++j) to[j] = read(at + static_cast<std::int64_t>(j < count ? j : 0) * step);
}

/// Elements at offset `at` of a lane; those from `count` on repeat the first.
template <class T, int W>
LUMIGRAD_IN_KERNELS void load(const Lane<T>& lane, std::int64_t at, int count, T (&to)[W]) {
  if (lane.kind == LaneKind::number) {
    LUMIGRAD_UNROLL
    for (int j = 0; j < W; ++j) to[j] = lane.number;
  } else if (lane.kind == LaneKind::plain && (W == 1 || count == W)) {
    const auto group = *reinterpret_cast<const Group<T, W>*>(static_cast<const T*>(lane.base) + at);
    LUMIGRAD_UNROLL
    for (int j = 0; j < W; ++j) to[j] = group.at[j];
  } else if (lane.kind <= LaneKind::own) {
    gather(to, at, lane.run_step, count, [&](std::int64_t i) { return static_cast<const T*>(lane.base)[i]; });
  } else if (lane.kind == LaneKind::u8) {
    gather(to, at, lane.run_step, count, [&](std::int64_t i) {
      return static_cast<T>(static_cast<const std::uint8_t*>(lane.base)[i]) / lane.number;
    });
  } else if (lane.kind == LaneKind::u16) {
    gather(to, at, lane.run_step, count, [&](std::int64_t i) {
      return static_cast<T>(static_cast<const std::uint16_t*>(lane.base)[i]) / lane.number;
    });
  } else if (sizeof(T) == 8 && lane.kind == LaneKind::f32) {
    gather(to, at, lane.run_step, count,
           [&](std::int64_t i) { return static_cast<T>(static_cast<const float*>(lane.base)[i]); });
  } else {
    const bool half = lane.kind == LaneKind::f16;
    gather(to, at, lane.run_step, count, [&](std::int64_t i) {
      const std::uint16_t bits = static_cast<const std::uint16_t*>(lane.base)[i];
      return static_cast<T>(half ? float_from_half(bits) : float_from_bfloat16(bits));
    });
  }
}

/// Results are f32 or f64; a lane without memory is not wanted.
template <class T, int W>
LUMIGRAD_IN_KERNELS void store(const Lane<T>& lane, std::int64_t at, int count, const T (&from)[W]) {
  if (lane.kind == LaneKind::number) return;
  if (lane.kind == LaneKind::plain && (W == 1 || count == W)) {
    Group<T, W> group;
    LUMIGRAD_UNROLL
    for (int j = 0; j < W; ++j) group.at[j] = from[j];
    *reinterpret_cast<Group<T, W>*>(static_cast<T*>(lane.base) + at) = group;
    return;
  }
  LUMIGRAD_UNROLL
  for (int j = 0; j < W; ++j) {
    if (j >= count) continue;
    const std::int64_t i = at + static_cast<std::int64_t>(j) * lane.run_step;
    if (sizeof(T) == 8 && lane.kind == LaneKind::f32) {
      static_cast<float*>(lane.base)[i] = static_cast<float>(from[j]);
    } else {
      static_cast<T*>(lane.base)[i] = from[j];
    }
  }
}

/// Where a thread's group lies in each of N lanes.
template <class T, int N>
struct Found {
  std::int64_t at[N];
  int count;  ///< of its elements that exist

  LUMIGRAD_IN_KERNELS Found(const Groups& domain, const Lane<T> (&lanes)[N], int image, std::uint32_t group,
                            int width) {
    std::uint32_t row = domain.in_row.quotient(group);
    const int first = static_cast<int>(group - row * domain.in_row.d) * width;
    count = domain.run - first < width ? domain.run - first : width;
    LUMIGRAD_UNROLL
    for (int k = 0; k < N; ++k)
      at[k] =
          static_cast<std::int64_t>(image) * lanes[k].image_step + static_cast<std::int64_t>(first) * lanes[k].run_step;
#if defined(__CUDA_ARCH__)
#pragma unroll 1
#endif
    for (int a = domain.axes - 1; a >= 0; --a) {
      const std::uint32_t rest = domain.extents[a].quotient(row);
      const auto index = static_cast<std::int32_t>(row - rest * domain.extents[a].d);
      LUMIGRAD_UNROLL
      for (int k = 0; k < N; ++k) at[k] += static_cast<std::int64_t>(index) * lanes[k].steps[a];
      row = rest;
    }
  }
};

/// A parameter as kernels of T see it.
template <class T>
struct Number {
  const T* base;
  std::int32_t image_step;
  T number;
  LUMIGRAD_INLINE T of(int image) const { return base ? base[static_cast<std::int64_t>(image) * image_step] : number; }
};

/// Runs step(image, group) over what a block of `length` groups has to do.
template <class B, class Step>
LUMIGRAD_KERNEL void each_group(const Groups& domain, const B& block, int length, const Step& step) {
  const auto index = static_cast<std::uint32_t>(block.index()), image = domain.chunks.quotient(index);
  const int begin = static_cast<int>(index - image * domain.chunks.d) * length;
  const int end = domain.groups - begin < length ? domain.groups : begin + length;
  for (int i = begin + block.thread(); i < end; i += block.threads())
    step(static_cast<int>(image), static_cast<std::uint32_t>(i));
}

/// What every body has: N lanes and the parameters of formula F.
template <class F, class T, int N>
struct Body {
  static constexpr int inputs = inputs_of<F>, outputs = outputs_of<F>, params = params_of<F>;
  static constexpr int width = group_of<F, T>(), lane_count = N;
  Groups domain;
  Lane<T> lanes[N];
  Number<T> numbers[params + 1];

  LUMIGRAD_INLINE void parameters(int image, T* to) const {
    LUMIGRAD_UNROLL
    for (int k = 0; k < params; ++k) to[k] = numbers[k].of(image);
  }
};

/// Calls visit(j, f(x, p)) for the elements j of a group.
template <class F, class T, int W, int N, int L, class Visit>
LUMIGRAD_INLINE void each_value(const Lane<T> (&lanes)[L], const Found<T, N>& found, const T* p, const Visit& visit) {
  constexpr int I = inputs_of<F>;
  T x[I][W];
  LUMIGRAD_UNROLL
  for (int k = 0; k < I; ++k) load(lanes[k], found.at[k], found.count, x[k]);
  LUMIGRAD_UNROLL
  for (int j = 0; j < W; ++j) {
    T xs[I];
    LUMIGRAD_UNROLL
    for (int k = 0; k < I; ++k) xs[k] = x[k][j];
    visit(j, lumigrad::forward<F>(xs, p));
  }
}

template <class F, class T>
struct Forward : Body<F, T, inputs_of<F> + outputs_of<F>> {
  static constexpr int I = inputs_of<F>, M = outputs_of<F>, N = I + M, W = group_of<F, T>();
  template <class B>
  LUMIGRAD_KERNEL void operator()(const B& block) const {
    each_group(this->domain, block, device::pixel_tile, [&](int image, std::uint32_t group) {
      const Found<T, N> found(this->domain, this->lanes, image, group, W);
      T y[M][W], p[params_of<F> + 1];
      this->parameters(image, p);
      each_value<F, T, W>(this->lanes, found, p, [&](int j, const Pixel<T, M>& ys) {
        LUMIGRAD_UNROLL
        for (int m = 0; m < M; ++m) y[m][j] = ys[m];
      });
      LUMIGRAD_UNROLL
      for (int m = 0; m < M; ++m) store(this->lanes[I + m], found.at[I + m], found.count, y[m]);
    });
  }
};

/// One number a block: the threads' sums of `width` numbers to [image][chunk][width].
template <int K, class B>
LUMIGRAD_KERNEL void leave_sums(const B& block, const double* sums, double* to) {
  LUMIGRAD_UNROLL
  for (int k = 0; k < K; ++k) {
    const double total = block.sum(sums[k]);
    if (block.thread() == 0) to[block.index() * K + k] = total;
  }
}

template <class F, class T>
struct Sums : Body<F, T, inputs_of<F>> {
  static constexpr int I = inputs_of<F>, M = outputs_of<F>, W = group_of<F, T>();
  double* to;
  template <class B>
  LUMIGRAD_KERNEL void operator()(const B& block) const {
    double sums[M] = {};
    each_group(this->domain, block, device::pixel_chunk, [&](int image, std::uint32_t group) {
      const Found<T, I> found(this->domain, this->lanes, image, group, W);
      T p[params_of<F> + 1];
      this->parameters(image, p);
      each_value<F, T, W>(this->lanes, found, p, [&](int j, const Pixel<T, M>& ys) {
        if (W > 1 && j >= found.count) return;
        LUMIGRAD_UNROLL
        for (int m = 0; m < M; ++m) sums[m] += static_cast<double>(ys[m]);
      });
    });
    leave_sums<M>(block, sums, to);
  }
};

template <class F, class T>
struct Vjp : Body<F, T, 2 * inputs_of<F> + outputs_of<F>> {
  static constexpr int I = inputs_of<F>, M = outputs_of<F>, K = params_of<F>, N = 2 * I + M, W = group_of<F, T>();
  double* to;
  template <class B>
  LUMIGRAD_KERNEL void operator()(const B& block) const {
    [[maybe_unused]] double sums[K + 1] = {};
    each_group(this->domain, block, K > 0 ? device::pixel_chunk : device::pixel_tile,
               [&](int image, std::uint32_t group) {
                 const Found<T, N> found(this->domain, this->lanes, image, group, W);
                 T x[I + M][W], g[I][W], p[K + 1];
                 this->parameters(image, p);
                 LUMIGRAD_UNROLL
                 for (int k = 0; k < I + M; ++k) load(this->lanes[k], found.at[k], found.count, x[k]);
                 LUMIGRAD_UNROLL
                 for (int j = 0; j < W; ++j) {
                   T xs[I], ws[M], gs[I], gps[K + 1];
                   LUMIGRAD_UNROLL
                   for (int k = 0; k < I; ++k) xs[k] = x[k][j];
                   LUMIGRAD_UNROLL
                   for (int m = 0; m < M; ++m) ws[m] = x[I + m][j];
                   lumigrad::vjp<F, (K > 0)>(xs, p, ws, gs, gps);
                   LUMIGRAD_UNROLL
                   for (int k = 0; k < I; ++k) g[k][j] = gs[k];
                   if (W > 1 && j >= found.count) continue;
                   LUMIGRAD_UNROLL
                   for (int k = 0; k < K; ++k) sums[k] += static_cast<double>(gps[k]);
                 }
                 LUMIGRAD_UNROLL
                 for (int k = 0; k < I; ++k) store(this->lanes[I + M + k], found.at[I + M + k], found.count, g[k]);
               });
    if (to) leave_sums<K>(block, sums, to);
  }
};

/// In double whatever the lanes hold, one element a thread: the longest kernels, and the least used.
template <class F>
struct Second : Body<F, double, 3 * inputs_of<F> + 2 * outputs_of<F>> {
  static constexpr int I = inputs_of<F>, M = outputs_of<F>, K = params_of<F>, N = 3 * I + 2 * M;
  Number<double> directions[K + 1];
  double* to;
  template <class B>
  LUMIGRAD_KERNEL void operator()(const B& block) const {
    [[maybe_unused]] double sums[K + 1] = {};
    each_group(this->domain, block, K > 0 ? device::pixel_chunk : device::pixel_tile,
               [&](int image, std::uint32_t group) {
                 const Found<double, N> found(this->domain, this->lanes, image, group, 1);
                 double x[2 * I + M], p[K + 1], up[K + 1], g[I], gp[K + 1], gw[M];
                 this->parameters(image, p);
                 LUMIGRAD_UNROLL
                 for (int k = 0; k < K; ++k) up[k] = directions[k].of(image);
                 LUMIGRAD_UNROLL
                 for (int k = 0; k < 2 * I + M; ++k) {
                   double one[1];
                   load(this->lanes[k], found.at[k], 1, one);
                   x[k] = one[0];
                 }
                 lumigrad::second<F>(x, p, x + I, up, x + 2 * I, g, gp, gw);
                 LUMIGRAD_UNROLL
                 for (int k = 0; k < I + M; ++k) {
                   const double one[1] = {k < I ? g[k] : gw[k - I]};
                   store(this->lanes[2 * I + M + k], found.at[2 * I + M + k], 1, one);
                 }
                 LUMIGRAD_UNROLL
                 for (int k = 0; k < K; ++k) sums[k] += gp[k];
               });
    if (to) leave_sums<K>(block, sums, to);
  }
};

#undef LUMIGRAD_IN_KERNELS

}  // namespace lumigrad::cuda::pixels
