// SPDX-License-Identifier: Apache-2.0
// Interleaved integers to planes of floats and back. A pixel of three bytes fits no power of two, so each step reads
// (writes) a few bytes too many, which the next step reads (writes) again; the end of a row runs through a padded copy.
#include <lumigrad/engine/cpu/simd.h>
#include <lumigrad/vision/image_io/pixel_rows.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

using V = Vec<float>;
using I = Int<float>;
constexpr std::size_t width = static_cast<std::size_t>(V::width);
constexpr std::size_t slack = 2;  // pixels that a step may touch behind its own
typedef std::uint8_t Bytes __attribute__((vector_size(V::width)));
typedef std::uint16_t Words __attribute__((vector_size(2 * V::width)));

// Lane i holds pixel i, its first channel lowest.
template <int C>
LUMIGRAD_SIMD I load_pixels(const std::uint8_t* from) {
  I pixels;
  if constexpr (C == 4) {
    __builtin_memcpy(&pixels.raw[0], from, 4 * width);
  } else {
#if LUMIGRAD_VECTOR_BYTES >= 32
    // Four pixels of three bytes in each 16-byte quarter, spread by one shuffle. (Through registers: quarters written
    // to memory and read back whole would wait for one another.)
    const __m128i spread = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    __m128i part[width / 4];
    for (std::size_t q = 0; q < width / 4; ++q) __builtin_memcpy(&part[q], from + 12 * q, 16);
#if LUMIGRAD_VECTOR_BYTES == 64
    __m512i all = _mm512_inserti32x4(_mm512_castsi128_si512(part[0]), part[1], 1);
    all = _mm512_inserti32x4(_mm512_inserti32x4(all, part[2], 2), part[3], 3);
    pixels.raw[0] = I::Bits(_mm512_shuffle_epi8(all, _mm512_broadcast_i32x4(spread)));
#else
    const __m256i all = _mm256_inserti128_si256(_mm256_castsi128_si256(part[0]), part[1], 1);
    pixels.raw[0] = I::Bits(_mm256_shuffle_epi8(all, _mm256_broadcastsi128_si256(spread)));
#endif
#else
    for (std::size_t i = 0; i < width; ++i) {
      std::int32_t pixel;
      __builtin_memcpy(&pixel, from + 3 * i, 4);
      pixels.raw[0][i] = pixel;
    }
#endif
  }
  return pixels;
}

template <int C>
LUMIGRAD_SIMD void store_pixels(const I& pixels, std::uint8_t* to) {
  if constexpr (C == 4) {
    __builtin_memcpy(to, &pixels.raw[0], 4 * width);
  } else {
#if LUMIGRAD_VECTOR_BYTES >= 32
    const __m128i gather = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    for (std::size_t q = 0; q < width / 4; ++q) {
      __m128i part;
      __builtin_memcpy(&part, reinterpret_cast<const char*>(&pixels.raw[0]) + 16 * q, 16);
      part = _mm_shuffle_epi8(part, gather);
      __builtin_memcpy(to + 12 * q, &part, 16);
    }
#else
    for (std::size_t i = 0; i < width; ++i) {
      const std::int32_t pixel = pixels.raw[0][i];
      __builtin_memcpy(to + 3 * i, &pixel, 4);
    }
#endif
  }
}

// Nearest integer to largest * clamp(x, 0, 1), ties to even: adding 2^23 leaves it in the lowest bits of the sum.
LUMIGRAD_SIMD I quantised(const V& x, int largest) {
  const V inside = min(V(1), max(V(0), x));
  return bits(inside * V(largest) + V(0x1p23f)) & I(0xffff);
}

template <int C>
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
    (V::from_int(numbers) / V(255)).store(to[0] + at);
  } else {
    const I pixels = load_pixels<C>(from);
    for (int c = 0; c < C; ++c)
      if (to[c]) (V::from_int((pixels >> (8 * c)) & I(255)) / V(255)).store(to[c] + at);
  }
}

template <int C>
LUMIGRAD_SIMD void bytes_step(const float* const* from, std::uint8_t* to, std::size_t at) {
  I pixels = quantised(V::load(from[0] + at), 255);
  if constexpr (C == 1) {
    const Bytes bytes = __builtin_convertvector(pixels.raw[0], Bytes);
    __builtin_memcpy(to, &bytes, sizeof bytes);
  } else {
    for (int c = 1; c < C; ++c) pixels = pixels | (quantised(V::load(from[c] + at), 255) << (8 * c));
    store_pixels<C>(pixels, to);
  }
}

template <int C>
LUMIGRAD_SIMD void planes_of_row(const std::uint8_t* from, float* const* to, std::size_t n) {
  std::size_t i = 0;
  for (; i + width + slack <= n; i += width) planes_step<C>(from + C * i, to, i);
  while (i < n) {
    const std::size_t rest = n - i < width ? n - i : width;
    std::uint8_t padded[C * (width + slack)] = {};
    float values[C][width];
    float* planes[C];
    __builtin_memcpy(padded, from + C * i, C * rest);
    for (int c = 0; c < C; ++c) planes[c] = values[c];
    planes_step<C>(padded, planes, 0);
    for (int c = 0; c < C; ++c)
      if (to[c]) __builtin_memcpy(to[c] + i, values[c], sizeof(float) * rest);
    i += rest;
  }
}

template <int C>
LUMIGRAD_SIMD void bytes_of_row(const float* const* from, std::uint8_t* to, std::size_t n) {
  std::size_t i = 0;
  for (; i + width + slack <= n; i += width) bytes_step<C>(from, to + C * i, i);
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
      (V::from_int(numbers) / V(65535)).store(to[0] + i);
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
      quantised(V::load(values), 65535).store(numbers);
      for (std::size_t k = 0; k < rest; ++k) to[step * (i + k) + c] = static_cast<std::uint16_t>(numbers[k]);
    }
  }
}

}  // namespace

extern const PixelRows pixel_row_table = {planes_from_bytes, planes_from_words, bytes_from_planes, words_from_planes};

}  // namespace lumigrad::LUMIGRAD_LEVEL
