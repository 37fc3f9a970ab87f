// SPDX-License-Identifier: Apache-2.0
// Row kernels of grey planes, compiled once per instruction level (see plane_kernels.h). The loops are written so that
// the compiler vectorises them over x: no reductions, no aliasing, constant strides.
#include <lumigrad/engine/cpu/plane_kernels.h>
#include <lumigrad/engine/cpu/simd.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

static int clamped(int i, int n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }

using V = native::F;
typedef V VU __attribute__((aligned(4), may_alias));
constexpr int block = 2 * vector_bytes / 4;  // pixels whose sums stay in two registers

/// out[x] = t0 mid[x] + sum over k of t[k] (before_k[x] + after_k[x]) for n pixels, n a multiple of 32.
static void correlate(const float* const* before, const float* const* after, const float* mid, const float* taps,
                      int radius, float* out, int n) {
  auto load = [](const float* p) __attribute__((always_inline)) { return V(*reinterpret_cast<const VU*>(p)); };
  for (int x = 0; x < n; x += block) {
    V first = taps[0] * load(mid + x), second = taps[0] * load(mid + x + block / 2);
    for (int k = 1; k <= radius; ++k) {
      const float *p = before[k] + x, *q = after[k] + x;
      first += taps[k] * (load(p) + load(q));
      second += taps[k] * (load(p + block / 2) + load(q + block / 2));
    }
    *reinterpret_cast<VU*>(out + x) = first;
    *reinterpret_cast<VU*>(out + x + block / 2) = second;
  }
}

static void smooth(const PlaneView& from, float* to, std::ptrdiff_t stride, const float* taps, int radius,
                   bool replicate, float* row) {
  const int w = from.width, h = from.height, pad = longest_smoothing, whole = (w + 31) / 32 * 32;
  const float* before[longest_smoothing + 1];
  const float* after[longest_smoothing + 1];
  const float nan = __builtin_nanf("");
  float* mid = row + pad;
  for (int y = 0; y < h; ++y) {
    float* out = to + y * stride;
    if (!replicate && (y < radius || y + radius >= h)) {
      for (int x = 0; x < w; ++x) out[x] = nan;
      continue;
    }
    for (int k = 1; k <= radius; ++k) {
      before[k] = from.data + clamped(y - k, h) * from.stride;
      after[k] = from.data + clamped(y + k, h) * from.stride;
    }
    const float* centre = from.data + y * from.stride;
    correlate(before, after, centre, taps, radius, mid, w / 32 * 32);
    for (int x = w / 32 * 32; x < w; ++x) {
      float sum = taps[0] * centre[x];
      for (int k = 1; k <= radius; ++k) sum += taps[k] * (before[k][x] + after[k][x]);
      mid[x] = sum;
    }
    for (int k = 1; k <= radius; ++k) mid[-k] = replicate ? mid[0] : nan;
    for (int x = w; x < whole + radius; ++x) mid[x] = replicate ? mid[w - 1] : nan;
    for (int k = 1; k <= radius; ++k) before[k] = mid - k, after[k] = mid + k;
    correlate(before, after, mid, taps, radius, out, w / 32 * 32);
    for (int x = w / 32 * 32; x < w; ++x) {
      float sum = taps[0] * mid[x];
      for (int k = 1; k <= radius; ++k) sum += taps[k] * (mid[x - k] + mid[x + k]);
      out[x] = sum;
    }
  }
}

static void halve(const PlaneView& from, float* to, std::ptrdiff_t stride, float* row) {
  const int w = from.width, h = from.height, out_w = w / 2, out_h = h / 2;
  float* __restrict mid = row + 16;
  for (int y = 0; y < out_h; ++y) {
    const float* a = from.data + clamped(2 * y - 1, h) * from.stride;
    const float* b = from.data + 2 * y * from.stride;
    const float* c = b + from.stride;
    const float* d = from.data + clamped(2 * y + 2, h) * from.stride;
    for (int x = 0; x < w; ++x) mid[x] = 0.375f * (b[x] + c[x]) + 0.125f * (a[x] + d[x]);
    mid[-1] = mid[0];
    mid[w] = mid[w - 1];
    float* __restrict out = to + y * stride;
    for (int x = 0; x < out_w; ++x)
      out[x] = 0.375f * (mid[2 * x] + mid[2 * x + 1]) + 0.125f * (mid[2 * x - 1] + mid[2 * x + 2]);
  }
}

static void doubled_row(const float* near, const float* far, float* __restrict to, std::size_t n, float* row) {
  const std::size_t half = n / 2;
  float* __restrict mid = row + 16;
  for (std::size_t x = 0; x < half; ++x) mid[x] = 0.75f * near[x] + 0.25f * far[x];
  mid[-1] = mid[0];
  mid[half] = mid[half - 1];
  for (std::size_t x = 0; x < half; ++x) {
    to[2 * x] = 0.75f * mid[x] + 0.25f * mid[x - 1];
    to[2 * x + 1] = 0.75f * mid[x] + 0.25f * mid[x + 1];
  }
  if (n % 2) to[n - 1] = mid[half - 1];
}

static void grey(const float* r, const float* g, const float* b, float* __restrict to, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) to[i] = 0.299f * r[i] + 0.587f * g[i] + 0.114f * b[i];
}

static void local_contrast(float* __restrict value, const float* mean, const float* square, float floor,
                           std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    float variance = square[i] - mean[i] * mean[i];
    variance = variance < 0.0f ? 0.0f : variance;
    value[i] = (value[i] - mean[i]) / (__builtin_sqrtf(variance) + floor);
  }
}

static void butterfly(float* __restrict a_re, float* __restrict a_im, float* __restrict b_re, float* __restrict b_im,
                      float c, float s, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    float re = a_re[i] - b_re[i], im = a_im[i] - b_im[i];
    a_re[i] += b_re[i];
    a_im[i] += b_im[i];
    b_re[i] = re * c - im * s;
    b_im[i] = re * s + im * c;
  }
}

}  // namespace

extern const PlaneKernels plane_table = {smooth, halve, doubled_row, grey, local_contrast, butterfly};

}  // namespace lumigrad::LUMIGRAD_LEVEL
