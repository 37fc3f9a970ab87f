// SPDX-License-Identifier: Apache-2.0
// Radix two, decimation in frequency. The one-dimensional transforms run down the columns, so that every butterfly
// works on two whole rows with one twiddle factor and vectorises over x; a transposition, which also undoes the bit
// reversal, turns the other axis into columns.
#include <lumigrad/vision/registration/fourier.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lumigrad::registration {

Spectrum::Spectrum(int s) : side(s), re(static_cast<std::size_t>(s) * static_cast<std::size_t>(s)), im(re.size()) {}

Fourier::Fourier(int side) : side_(side), work_(side) {
  int bits = 0;
  while (1 << bits < side) ++bits;
  for (int i = 0; i < side; ++i) {
    int r = 0;
    for (int b = 0; b < bits; ++b) r |= (i >> b & 1) << (bits - 1 - b);
    reversed_.push_back(r);
    cosine_.push_back(static_cast<float>(std::cos(-2 * std::numbers::pi * i / side)));
    sine_.push_back(static_cast<float>(std::sin(-2 * std::numbers::pi * i / side)));
  }
}

void Fourier::columns(Spectrum& a) const {
  const auto butterfly = plane_kernels(simd_level()).butterfly;
  const auto n = static_cast<std::size_t>(side_);
  for (int half = side_ / 2; half >= 1; half /= 2)
    for (int block = 0; block < side_; block += 2 * half)
      for (int k = 0; k < half; ++k) {
        const auto p = static_cast<std::size_t>(block + k) * n, q = static_cast<std::size_t>(block + k + half) * n;
        const auto twiddle = static_cast<std::size_t>(k * (side_ / (2 * half)));
        butterfly(&a.re[p], &a.im[p], &a.re[q], &a.im[q], cosine_[twiddle], sine_[twiddle], n);
      }
}

void Fourier::transform(Spectrum& a) {
  const auto n = static_cast<std::size_t>(side_);
  auto transpose = [&](const std::vector<float>& from, std::vector<float>& to) {
    constexpr std::size_t block = 16;
    for (std::size_t y0 = 0; y0 < n; y0 += block)
      for (std::size_t x0 = 0; x0 < n; x0 += block)
        for (std::size_t y = y0; y < std::min(n, y0 + block); ++y) {
          const float* row = &from[static_cast<std::size_t>(reversed_[y]) * n];
          for (std::size_t x = x0; x < std::min(n, x0 + block); ++x) to[x * n + y] = row[x];
        }
  };
  columns(a);
  transpose(a.re, work_.re);
  transpose(a.im, work_.im);
  columns(work_);
  for (std::size_t y = 0; y < n; ++y) {
    const auto from = static_cast<std::ptrdiff_t>(static_cast<std::size_t>(reversed_[y]) * n);
    std::copy_n(work_.re.begin() + from, n, a.re.begin() + static_cast<std::ptrdiff_t>(y * n));
    std::copy_n(work_.im.begin() + from, n, a.im.begin() + static_cast<std::ptrdiff_t>(y * n));
  }
}

}  // namespace lumigrad::registration
