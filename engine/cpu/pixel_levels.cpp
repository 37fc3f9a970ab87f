// SPDX-License-Identifier: Apache-2.0
// Interleaved integers to planes of floats and back. The last step of a row makes some pixels again that are made
// already; rows shorter than a step run through a padded copy.
#include <lumigrad/engine/cpu/pixel_bytes.h>
#include <lumigrad/engine/cpu/pixel_rows.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

using V = Numbers;
using I = Integers;
constexpr std::size_t width = pixel_width;
constexpr std::size_t slack = 6;  // pixels of three bytes that a step may touch behind its own, or before them
typedef std::uint16_t Words __attribute__((vector_size(2 * V::width)));

template <int C, bool last>
LUMIGRAD_SIMD void planes_step(const std::uint8_t* from, float* const* to, std::size_t at) {
  if constexpr (C == 1) {
    share_of<255>(numbers_of(from)).store(to[0] + at);
  } else {
    const I pixels = load_bytes<C, last>(from);
    for (int c = 0; c < C; ++c)
      if (to[c]) shares_of<C>(pixels, c).store(to[c] + at);
  }
}

template <int C>
LUMIGRAD_SIMD void bytes_step(const float* const* from, std::uint8_t* to, std::size_t at) {
  V x[C];
  for (int c = 0; c < C; ++c) x[c] = V::load(from[c] + at);
  if constexpr (C == 1) {
    store_lowest_bytes(quantised(x[0], 255), to);
  } else {
    store_bytes<C>(x, to);
  }
}

template <int C>
LUMIGRAD_SIMD void planes_of_row(const std::uint8_t* from, float* const* to, std::size_t n) {
  constexpr std::size_t behind = C == 3 ? slack : 0;
  std::size_t i = 0;
  for (; i + width + behind <= n; i += width) planes_step<C, false>(from + C * i, to, i);
  if (i > 0) {
    for (; i < n; i += width) {
      if (i + width > n) i = n - width;
      planes_step<C, true>(from + C * i, to, i);
    }
    return;
  }
  while (i < n) {
    const std::size_t rest = n - i < width ? n - i : width;
    std::uint8_t padded[C * (width + slack)] = {};
    float values[C][width];
    float* planes[C];
    __builtin_memcpy(padded, from + C * i, C * rest);
    for (int c = 0; c < C; ++c) planes[c] = values[c];
    planes_step<C, false>(padded, planes, 0);
    for (int c = 0; c < C; ++c)
      if (to[c]) __builtin_memcpy(to[c] + i, values[c], sizeof(float) * rest);
    i += rest;
  }
}

template <int C>
LUMIGRAD_SIMD void bytes_of_row(const float* const* from, std::uint8_t* to, std::size_t n) {
  std::size_t i = 0;
  for (; i + width <= n; i += width) bytes_step<C>(from, to + C * i, i);
  if (i > 0) {
    if (i < n) bytes_step<C>(from, to + C * (n - width), n - width);
    return;
  }
  while (i < n) {
    const std::size_t rest = n - i < width ? n - i : width;
    std::uint8_t padded[C * width];
    float values[C][width] = {};
    const float* planes[C];
    for (int c = 0; c < C; ++c) {
      __builtin_memcpy(values[c], from[c] + i, sizeof(float) * rest);
      planes[c] = values[c];
    }
    bytes_step<C>(planes, padded, 0);
    __builtin_memcpy(to + C * i, padded, C * rest);
    i += rest;
  }
}

void planes_from_bytes(const std::uint8_t* from, int channels, float* const* to, std::size_t n) {
  if (channels == 1)
    planes_of_row<1>(from, to, n);
  else if (channels == 3)
    planes_of_row<3>(from, to, n);
  else
    planes_of_row<4>(from, to, n);
}

void bytes_from_planes(const float* const* from, int channels, std::uint8_t* to, std::size_t n) {
  if (channels == 1)
    bytes_of_row<1>(from, to, n);
  else if (channels == 3)
    bytes_of_row<3>(from, to, n);
  else
    bytes_of_row<4>(from, to, n);
}

void planes_from_words(const std::uint16_t* from, int channels, float* const* to, std::size_t n) {
  std::size_t i = 0;
  if (channels == 1) {
    for (; i + width <= n; i += width) {
      Words words;
      __builtin_memcpy(&words, from + i, sizeof words);
      I numbers;
      numbers.raw[0] = __builtin_convertvector(words, I::Bits);
      share_of<65535>(V::from_int(numbers)).store(to[0] + i);
    }
  }
  const auto step = static_cast<std::size_t>(channels);
  for (std::size_t c = 0; c < step; ++c) {
    if (!to[c]) continue;
    for (std::size_t k = i; k < n; ++k) to[c][k] = static_cast<float>(from[step * k + c]) / 65535.0f;
  }
}

void words_from_planes(const float* const* from, int channels, std::uint16_t* to, std::size_t n) {
  const auto step = static_cast<std::size_t>(channels);
  for (std::size_t i = 0; i < n; i += width) {
    const std::size_t rest = n - i < width ? n - i : width;
    for (std::size_t c = 0; c < step; ++c) {
      float values[width] = {};
      std::int32_t numbers[width];
      __builtin_memcpy(values, from[c] + i, sizeof(float) * rest);
      (quantised(V::load(values), 65535) & I(0xffff)).store(numbers);
      for (std::size_t k = 0; k < rest; ++k) to[step * (i + k) + c] = static_cast<std::uint16_t>(numbers[k]);
    }
  }
}

// A quarter of a sum of four bytes, to nearest; what ends in .5 goes up from odd numbers only.
template <class N>
LUMIGRAD_SIMD N quarter_of(const N& sum) {
  return (sum + 1 + (sum >> 2 & 1)) >> 2;
}

#if LUMIGRAD_VECTOR_BYTES >= 32
typedef std::uint16_t Sums __attribute__((vector_size(vector_bytes)));

// A word for each pair of pixels and channel. C > 1: four words a pair, eight a quarter of the register.
template <int C, bool last>
LUMIGRAD_SIMD Sums sums_of_pairs(const std::uint8_t* from) {
  ByteRegister bytes;
  if constexpr (C == 1) {
    __builtin_memcpy(&bytes, from, sizeof bytes);
  } else {
    const __m128i pairs = C == 3 ? _mm_setr_epi8(0, 3, 1, 4, 2, 5, -1, -1, 6, 9, 7, 10, 8, 11, -1, -1)
                                 : _mm_setr_epi8(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
    bytes = in_quarters(load_bytes<C, last>(from).raw[0], pairs);
  }
  return Sums(LUMIGRAD_X86(maddubs_epi16)(bytes, LUMIGRAD_X86(set1_epi8)(1)));
}

template <int C>
constexpr std::size_t halves_a_step = C == 1 ? vector_bytes : width;

template <int C>
LUMIGRAD_SIMD void halving_step(const std::uint8_t* above, const std::uint8_t* below, std::uint8_t* to) {
  constexpr std::size_t half = C * halves_a_step<C>;  // of the bytes that a row of the step has
  const Sums first = quarter_of(sums_of_pairs<C, false>(above) + sums_of_pairs<C, false>(below)),
             second = quarter_of(sums_of_pairs<C, true>(above + half) + sums_of_pairs<C, true>(below + half));
  // Each quarter of the register has eight bytes of the first half, then eight of the second.
  const ByteRegister halves = ByteRegister(LUMIGRAD_X86(packus_epi16)(ByteRegister(first), ByteRegister(second)));
#if LUMIGRAD_VECTOR_BYTES == 64
  const ByteRegister means = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), halves);
#else
  const ByteRegister means = _mm256_permute4x64_epi64(halves, 0xd8);
#endif
  if constexpr (C == 3) {
    store_twelves(in_quarters(means, _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1)), to);
  } else {
    __builtin_memcpy(to, &means, sizeof means);
  }
}
#endif

template <int C>
LUMIGRAD_SIMD void halve_row(const std::uint8_t* above, const std::uint8_t* below, std::uint8_t* to, std::size_t n) {
#if LUMIGRAD_VECTOR_BYTES >= 32
  constexpr std::size_t step = halves_a_step<C>;
  std::uint8_t padded[2][2 * C * step] = {}, means[C * step];
  std::uint8_t* const whole = to;
  if (n < step) {
    __builtin_memcpy(padded[0], above, 2 * C * n);
    __builtin_memcpy(padded[1], below, 2 * C * n);
    above = padded[0], below = padded[1], to = means;
  }
  for (std::size_t i = 0; i < n; i += step) {
    if (i + step > n && i > 0) i = n - step;
    halving_step<C>(above + 2 * C * i, below + 2 * C * i, to + C * i);
  }
  if (n < step) __builtin_memcpy(whole, means, C * n);
#else
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 2 * C * i; c < 2 * C * i + C; ++c)
      to[c - C * i] = static_cast<std::uint8_t>(quarter_of(above[c] + above[c + C] + below[c] + below[c + C]));
#endif
}

void halved_bytes(const std::uint8_t* above, const std::uint8_t* below, int channels, std::uint8_t* to, std::size_t n) {
  if (channels == 1)
    halve_row<1>(above, below, to, n);
  else if (channels == 3)
    halve_row<3>(above, below, to, n);
  else
    halve_row<4>(above, below, to, n);
}

}  // namespace

extern const PixelRows pixel_row_table = {planes_from_bytes, planes_from_words, bytes_from_planes, words_from_planes,
                                          halved_bytes};

}  // namespace lumigrad::LUMIGRAD_LEVEL
