// SPDX-License-Identifier: Apache-2.0
// Interleaved integers to planes of floats and back. A pixel of three bytes fits no power of two, so each step reads a
// few bytes too many, behind its own pixels or, where the row ends, before them. The last step of a row makes some
// pixels again that are made already; rows shorter than a step run through a padded copy.
#include <lumigrad/engine/cpu/pixel_rows.h>
#include <lumigrad/engine/cpu/simd.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

using V = Vec<float>;
using I = Int<float>;
constexpr std::size_t width = static_cast<std::size_t>(V::width);
constexpr std::size_t slack = 6;  // pixels of three bytes that a step may touch behind its own, or before them
typedef std::uint8_t Bytes __attribute__((vector_size(V::width)));
typedef std::uint16_t Words __attribute__((vector_size(2 * V::width)));

// n / largest, correctly rounded, without a division: 1 / largest in two parts, of which the first times n is exact.
// (For these two, and every n up to them, the sum rounds to the same number; a test tries them all.)
template <int largest>
LUMIGRAD_SIMD V share_of(const V& n) {
  static_assert(largest == 255 || largest == 65535);
  constexpr float most = largest == 255 ? 0x1.01p-8f : 0x1p-16f,
                  rest = largest == 255 ? 0x1.010102p-24f : 0x1.0001p-32f;
  return fma(n, V(most), n * V(rest));
}

// The bytes of `width` pixels, four pixels to each 16-byte quarter of the register. `last`: nothing lies behind them.
template <int C, bool last>
LUMIGRAD_SIMD I load_pixels(const std::uint8_t* from) {
  I pixels;
  if constexpr (C == 4) {
    __builtin_memcpy(&pixels.raw[0], from, 4 * width);
  } else {
#if LUMIGRAD_VECTOR_BYTES == 64
    const __m512i quarters = last ? _mm512_setr_epi32(4, 5, 6, 7, 7, 8, 9, 10, 10, 11, 12, 13, 13, 14, 15, 15)
                                  : _mm512_setr_epi32(0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12);
    pixels.raw[0] = I::Bits(_mm512_permutexvar_epi32(quarters, _mm512_loadu_si512(from - (last ? 16 : 0))));
#elif LUMIGRAD_VECTOR_BYTES == 32
    const __m256i halves = last ? _mm256_setr_epi32(2, 3, 4, 5, 5, 6, 7, 7) : _mm256_setr_epi32(0, 1, 2, 3, 3, 4, 5, 6);
    const auto* bytes = reinterpret_cast<const __m256i*>(from - (last ? 8 : 0));
    pixels.raw[0] = I::Bits(_mm256_permutevar8x32_epi32(_mm256_loadu_si256(bytes), halves));
#else
    for (std::size_t i = 0; i < width; ++i) {  // a pixel to each lane
      std::uint32_t pixel;
      __builtin_memcpy(&pixel, from + 3 * i - (last ? 1 : 0), 4);
      pixels.raw[0][i] = static_cast<std::int32_t>(last ? pixel >> 8 : pixel);
    }
#endif
  }
  return pixels;
}

// Channel c of each of them, one a lane, as shares of 255.
template <int C>
LUMIGRAD_SIMD V shares_of(const I& pixels, int c) {
#if LUMIGRAD_VECTOR_BYTES == 64
  // n / 255 is 0.nnnn.. to the base of 256. Four of the digits make a whole number of which a float keeps the upper
  // bits from the first 1 on. What it drops starts with the first 1 of a digit again: half of what is kept last, or
  // more, and of n = 0 nothing. So to round upwards is to round correctly.
  const auto place = [c](int pixel) { return 0x01010101 * (C * pixel + c); };
  const __m128i spread = _mm_setr_epi32(place(0), place(1), place(2), place(3));
  const __m512i digits = _mm512_shuffle_epi8(__m512i(pixels.raw[0]), _mm512_broadcast_i32x4(spread));
  V whole;
  whole.raw[0] = native::F(_mm512_cvt_roundepu32_ps(digits, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC));
  return whole * V(0x1p-32f);
#else
  I channel;
#if LUMIGRAD_VECTOR_BYTES == 32
  const auto place = [c](int pixel) { return static_cast<char>(C * pixel + c); };
  const __m128i spread =
      _mm_setr_epi8(place(0), -1, -1, -1, place(1), -1, -1, -1, place(2), -1, -1, -1, place(3), -1, -1, -1);
  channel.raw[0] = I::Bits(_mm256_shuffle_epi8(__m256i(pixels.raw[0]), _mm256_broadcastsi128_si256(spread)));
#else
  channel = (pixels >> (8 * c)) & I(255);
#endif
  return share_of<255>(V::from_int(channel));
#endif
}

// Nearest integer to largest * clamp(x, 0, 1), ties to even, in the lowest 16 bits: adding 2^23 leaves it there.
LUMIGRAD_SIMD I quantised(const V& x, int largest) {
  const V inside = min(V(1), max(V(0), x));
  return bits(inside * V(largest) + V(0x1p23f));
}

// Writes pixels of C shares.
template <int C>
LUMIGRAD_SIMD void store_pixels(const V* x, std::uint8_t* to) {
#if LUMIGRAD_VECTOR_BYTES >= 32
  // Narrowing saturates, which is the limit at 0, and for NaN too: it became the least integer. Each quarter of the
  // register then has four pixels channel by channel, and they are put into the order of memory.
  const auto whole = [](const V& v) { return I::Bits(LUMIGRAD_X86(cvtps_epi32)((min(v, V(1)) * V(255)).raw[0])); };
#if LUMIGRAD_VECTOR_BYTES == 64
  using Raw = __m512i;
#else
  using Raw = __m256i;
#endif
  const Raw first = LUMIGRAD_X86(packs_epi32)(Raw(whole(x[0])), Raw(whole(x[1])));
  const Raw second = LUMIGRAD_X86(packs_epi32)(Raw(whole(x[2])), Raw(whole(x[C - 1])));
  const Raw planar = LUMIGRAD_X86(packus_epi16)(first, second);
  const __m128i order = C == 3 ? _mm_setr_epi8(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, -1, -1, -1, -1)
                               : _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
#if LUMIGRAD_VECTOR_BYTES == 64
  const __m512i pixels = _mm512_shuffle_epi8(planar, _mm512_broadcast_i32x4(order));
  if constexpr (C == 4) {
    __builtin_memcpy(to, &pixels, sizeof pixels);
    return;
  }
  const __m512i quarters = _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
  const __m512i bytes = _mm512_permutexvar_epi32(quarters, pixels);
  const __m256i low = _mm512_castsi512_si256(bytes);
  const __m128i high = _mm512_extracti32x4_epi32(bytes, 2);
  __builtin_memcpy(to, &low, 32);
  __builtin_memcpy(to + 32, &high, 16);
#else
  const __m256i pixels = _mm256_shuffle_epi8(planar, _mm256_broadcastsi128_si256(order));
  if constexpr (C == 4) {
    __builtin_memcpy(to, &pixels, sizeof pixels);
    return;
  }
  const __m256i bytes = _mm256_permutevar8x32_epi32(pixels, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
  const __m128i low = _mm256_castsi256_si128(bytes), high = _mm256_extracti128_si256(bytes, 1);
  __builtin_memcpy(to, &low, 16);
  __builtin_memcpy(to + 16, &high, 8);
#endif
#else
  I pixels = quantised(x[0], 255);  // above the 16 bits stands what a fourth channel would meet
  if constexpr (C == 4) pixels = pixels & I(255);
  for (int c = 1; c < C; ++c) pixels = pixels | (quantised(x[c], 255) << (8 * c));
  if constexpr (C == 4) {
    __builtin_memcpy(to, &pixels.raw[0], 4 * width);
  } else {
    for (std::size_t i = 0; i < width; ++i) {
      const std::int32_t pixel = pixels.raw[0][i];
      __builtin_memcpy(to + 3 * i, &pixel, 4);
    }
  }
#endif
}

// The lowest byte of each lane.
LUMIGRAD_SIMD void store_lowest_bytes(const I& numbers, std::uint8_t* to) {
#if LUMIGRAD_VECTOR_BYTES == 64
  const __m128i bytes = _mm512_cvtepi32_epi8(__m512i(numbers.raw[0]));
  __builtin_memcpy(to, &bytes, width);
#elif LUMIGRAD_VECTOR_BYTES == 32
  const __m256i gather =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
  const __m256i quarters = _mm256_shuffle_epi8(__m256i(numbers.raw[0]), gather);
  const __m256i bytes = _mm256_permutevar8x32_epi32(quarters, _mm256_setr_epi32(0, 4, 1, 1, 1, 1, 1, 1));
  __builtin_memcpy(to, &bytes, width);
#else
  const Bytes bytes = __builtin_convertvector(numbers.raw[0], Bytes);
  __builtin_memcpy(to, &bytes, width);
#endif
}

template <int C, bool last>
LUMIGRAD_SIMD void planes_step(const std::uint8_t* from, float* const* to, std::size_t at) {
  if constexpr (C == 1) {
    I numbers;
#if LUMIGRAD_VECTOR_BYTES == 64
    __m128i bytes;
    __builtin_memcpy(&bytes, from, sizeof bytes);
    numbers.raw[0] = I::Bits(_mm512_cvtepu8_epi32(bytes));
#elif LUMIGRAD_VECTOR_BYTES == 32
    long long bytes;
    __builtin_memcpy(&bytes, from, sizeof bytes);
    numbers.raw[0] = I::Bits(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(bytes)));
#else
    Bytes bytes;
    __builtin_memcpy(&bytes, from, sizeof bytes);
    numbers.raw[0] = __builtin_convertvector(bytes, I::Bits);
#endif
    share_of<255>(V::from_int(numbers)).store(to[0] + at);
  } else {
    const I pixels = load_pixels<C, last>(from);
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
    store_pixels<C>(x, to);
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
  constexpr std::size_t behind = C == 3 && vector_bytes == 16 ? 1 : 0;  // otherwise a step writes its own bytes alone
  std::size_t i = 0;
  for (; i + width + behind <= n; i += width) bytes_step<C>(from, to + C * i, i);
  if (i > 0 && behind == 0) {
    if (i < n) bytes_step<C>(from, to + C * (n - width), n - width);
    return;
  }
  while (i < n) {
    const std::size_t rest = n - i < width ? n - i : width;
    std::uint8_t padded[C * (width + slack)];
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

}  // namespace

extern const PixelRows pixel_row_table = {planes_from_bytes, planes_from_words, bytes_from_planes, words_from_planes};

}  // namespace lumigrad::LUMIGRAD_LEVEL
