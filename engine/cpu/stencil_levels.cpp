// SPDX-License-Identifier: Apache-2.0
// Windows of an image, compiled per instruction level. Columns of neighbouring results lie behind one another in the
// source, so everything here works on runs: as many columns as one row of the image has.
#include <lumigrad/engine/cpu/simd.h>
#include <lumigrad/engine/cpu/stencil_kernels.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

// Walks over the columns of a window matrix, run by run.
template <class T>
struct Columns {
  const Windows<T>& windows;
  std::int64_t at[4];

  LUMIGRAD_SIMD Columns(const Windows<T>& of, std::int64_t j) : windows(of), at{} {
    for (int a = 3; a > 0 && j > 0; --a) {
      at[a] = j % of.extent[a];
      j /= of.extent[a];
    }
    at[0] = j;
  }
  LUMIGRAD_SIMD const T* source() const {
    const std::int64_t* stride = windows.stride;
    return windows.source + at[0] * stride[0] + at[1] * stride[1] + at[2] * stride[2] + at[3];
  }
  /// The next run, of at most `most` columns.
  LUMIGRAD_SIMD std::int64_t run(std::int64_t most) const {
    const std::int64_t left = windows.extent[3] - at[3];
    return left < most ? left : most;
  }
  LUMIGRAD_SIMD void skip(std::int64_t count) {
    at[3] += count;
    for (int a = 3; a > 0 && at[a] == windows.extent[a]; --a) {
      at[a] = 0;
      ++at[a - 1];
    }
  }
};

// Two moves of this many bytes, which overlap where the run is shorter than both.
template <int bytes, class T>
LUMIGRAD_SIMD void move_ends(const T* from, T* to, std::int64_t n) {
  constexpr auto size = bytes / std::int64_t(sizeof(T));
  char first[bytes], last[bytes];
  __builtin_memcpy(first, from, bytes);
  __builtin_memcpy(last, from + n - size, bytes);
  __builtin_memcpy(to, first, bytes);
  __builtin_memcpy(to + n - size, last, bytes);
}

#if LUMIGRAD_VECTOR_BYTES == 64  // the first n lanes of a register
LUMIGRAD_SIMD void copy_lanes(const float* from, float* to, std::int64_t n) {
  const auto lanes = static_cast<__mmask16>((1u << n) - 1u);
  _mm512_mask_storeu_ps(to, lanes, _mm512_maskz_loadu_ps(lanes, from));
}
LUMIGRAD_SIMD void copy_lanes(const double* from, double* to, std::int64_t n) {
  const auto lanes = static_cast<__mmask8>((1u << n) - 1u);
  _mm512_mask_storeu_pd(to, lanes, _mm512_maskz_loadu_pd(lanes, from));
}
#endif

// A run shorter than a register.
template <class T>
LUMIGRAD_SIMD void copy_short(const T* from, T* to, std::int64_t n) {
#if LUMIGRAD_VECTOR_BYTES == 64
  copy_lanes(from, to, n);
#else
  constexpr auto of_bytes = [](int bytes) { return bytes / std::int64_t(sizeof(T)); };
  if (n >= of_bytes(16)) {
    move_ends<16>(from, to, n);
  } else if (n >= of_bytes(8)) {
    move_ends<8>(from, to, n);
  } else {
    to[0] = from[0];
  }
#endif
}

template <class T>
LUMIGRAD_SIMD void copy_run(const T* from, T* to, std::int64_t n) {
  constexpr int width = Vec<T>::width;
  if (n >= width) {
    std::int64_t i = 0;
    for (; i + width <= n; i += width) Vec<T>::load(from + i).store(to + i);
    if (i < n) Vec<T>::load(from + n - width).store(to + n - width);
  } else {
    copy_short(from, to, n);
  }
}

template <class T>
void copy_rows(const T* from, std::int64_t from_row, std::int64_t from_step, T* to, std::int64_t to_row,
               std::int64_t to_step, std::int64_t rows, std::int64_t n) {
  for (std::int64_t i = 0; n > 0 && i < rows; ++i, from += from_row, to += to_row) {
    if (from_step == 1 && to_step == 1)
      copy_run(from, to, n);
    else if (from_step == 2)
      for (std::int64_t j = 0; j < n; ++j) to[j] = from[2 * j];
    else if (from_step > 2)
      for (std::int64_t j = 0; j < n; ++j) to[j] = from[j * from_step];
    else
      for (std::int64_t j = 0; j < n; ++j) to[j * to_step] = from[j];
  }
}

template <class T>
void fill(const void* matrix, std::int64_t p, std::int64_t steps, std::int64_t j, std::int64_t columns,
          std::int64_t width, T* to) {
  const auto& windows = *static_cast<const Windows<T>*>(matrix);
  const std::int64_t* row = windows.row + p;
  Columns<T> at(windows, j);
  for (std::int64_t done = 0; done < columns;) {
    const std::int64_t column = done % width;
    const std::int64_t run = at.run(width - column < columns - done ? width - column : columns - done);
    const T* from = at.source();
    T* into = to + (done - column) * steps + column;
    for (std::int64_t r = 0; r < steps; ++r) copy_run(from + row[r], into + r * width, run);
    at.skip(run);
    done += run;
  }
  if (const std::int64_t some = columns % width; some > 0) {
    T* last = to + (columns - some) * steps;
    for (std::int64_t r = 0; r < steps; ++r)
      for (std::int64_t c = some; c < width; ++c) last[r * width + c] = T(0);
  }
}

template <class T, int K>
LUMIGRAD_SIMD Vec<T, K> weighed(const T* from, const std::int64_t* row, const T* weight, std::int64_t rows) {
  Vec<T, K> sum(0);
  for (std::int64_t r = 0; r < rows; ++r) sum = fma(Vec<T, K>::splat(weight[r]), Vec<T, K>::load(from + row[r]), sum);
  return sum;
}

template <class T>
void weigh(const Windows<T>& windows, const T* weight, std::int64_t rows, std::int64_t first, std::int64_t count,
           T* y) {
  constexpr int width = Vec<T>::width;
  Columns<T> at(windows, first);
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t run = at.run(count - done);
    const T* from = at.source();
    T* to = y + done;
    std::int64_t i = 0;
    for (; i + 4 * width <= run; i += 4 * width) weighed<T, 4>(from + i, windows.row, weight, rows).store(to + i);
    for (; i + width <= run; i += width) weighed<T, 1>(from + i, windows.row, weight, rows).store(to + i);
    if (i < run && run >= width) {
      weighed<T, 1>(from + run - width, windows.row, weight, rows).store(to + run - width);
    } else {
      for (; i < run; ++i) {  // one lane of the same arithmetic
        Vec<T> sum(0);
        for (std::int64_t r = 0; r < rows; ++r)
          sum = fma(Vec<T>::splat(weight[r]), Vec<T>::splat(from[i + windows.row[r]]), sum);
        to[i] = sum.raw[0][0];
      }
    }
    at.skip(run);
    done += run;
  }
}

// The lanes added by halves.
template <int n, class T>
LUMIGRAD_SIMD T sum_by_halves(T* lanes) {
  if constexpr (n == 1) {
    return lanes[0];
  } else {
    for (int i = 0; i < n / 2; ++i) lanes[i] += lanes[i + n / 2];
    return sum_by_halves<n / 2>(lanes);
  }
}

// R rows of a by dot_rows rows of b.
template <class T, int R>
LUMIGRAD_SIMD void add_dots(const T* a, std::int64_t a_row, const T* b, std::int64_t b_row, std::int64_t n,
                            std::int64_t count, double* sums) {
  constexpr int C = int(dot_rows), width = Vec<T>::width;
  Vec<T> sum[R][C];
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c) sum[r][c] = Vec<T>(0);
  const auto add = [&](const T* x, std::int64_t x_row, const T* y, std::int64_t y_row) __attribute__((always_inline)) {
    Vec<T> u[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) u[r] = Vec<T>::load(x + r * x_row);
#pragma GCC unroll 6
    for (int c = 0; c < C; ++c) {
      const Vec<T> v = Vec<T>::load(y + c * y_row);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) sum[r][c] = fma(u[r], v, sum[r][c]);
    }
  };
  std::int64_t p = 0;
  for (; p + width <= count; p += width) add(a + p, a_row, b + p, b_row);
  if (p < count) {
    T x[R * width] = {}, y[C * width] = {};
    for (std::int64_t i = p; i < count; ++i) {
      for (int r = 0; r < R; ++r) x[r * width + i - p] = a[r * a_row + i];
      for (int c = 0; c < C; ++c) y[c * width + i - p] = b[c * b_row + i];
    }
    add(x, width, y, width);
  }
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c) {
      T lanes[width];
      sum[r][c].store(lanes);
      sums[r * n + c] += static_cast<double>(sum_by_halves<width>(lanes));
    }
}

template <class T>
void dots(const T* a, std::int64_t a_row, std::int64_t m, const T* b, std::int64_t b_row, std::int64_t n,
          std::int64_t count, double* sums) {
  constexpr int R = vector_bytes == 64 ? 4 : 2;  // all sums fit into the registers
  for (std::int64_t j = 0; j < n; j += dot_rows) {
    std::int64_t i = 0;
    for (; i + R <= m; i += R) add_dots<T, R>(a + i * a_row, a_row, b + j * b_row, b_row, n, count, sums + i * n + j);
    for (; i < m; ++i) add_dots<T, 1>(a + i * a_row, a_row, b + j * b_row, b_row, n, count, sums + i * n + j);
  }
}

}  // namespace

extern const StencilKernels stencils = {{fill<float>, weigh<float>, copy_rows<float>, dots<float>},
                                        {fill<double>, weigh<double>, copy_rows<double>, dots<double>}};

}  // namespace lumigrad::LUMIGRAD_LEVEL
