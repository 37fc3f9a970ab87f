// SPDX-License-Identifier: Apache-2.0
// Registers of pixels from interleaved bytes, and into them. For level sources only.
//
// A pixel of three bytes fits no power of two, so what loads a register of them touches a few bytes that are not its
// own: behind them, or before them where nothing lies behind. What stores one writes its own bytes alone.
#pragma once
#include <lumigrad/engine/cpu/simd.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

using Numbers = Vec<float>;
using Integers = Int<float>;
inline constexpr std::size_t pixel_width = static_cast<std::size_t>(Numbers::width);
typedef std::uint8_t Bytes __attribute__((vector_size(Numbers::width)));

#if LUMIGRAD_VECTOR_BYTES == 64
using ByteRegister = __m512i;
#elif LUMIGRAD_VECTOR_BYTES == 32
using ByteRegister = __m256i;
#endif
#if LUMIGRAD_VECTOR_BYTES >= 32
// The bytes of every 16-byte quarter in this order.
template <class Bits>
LUMIGRAD_SIMD ByteRegister in_quarters(const Bits& bytes, __m128i order) {
#if LUMIGRAD_VECTOR_BYTES == 64
  return _mm512_shuffle_epi8(ByteRegister(bytes), _mm512_broadcast_i32x4(order));
#else
  return _mm256_shuffle_epi8(ByteRegister(bytes), _mm256_broadcastsi128_si256(order));
#endif
}

// Writes the first twelve bytes of every quarter.
LUMIGRAD_SIMD void store_twelves(ByteRegister pixels, std::uint8_t* to) {
#if LUMIGRAD_VECTOR_BYTES == 64
  const __m512i order = _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
  const __m512i bytes = _mm512_permutexvar_epi32(order, pixels);
  const __m256i low = _mm512_castsi512_si256(bytes);
  const __m128i high = _mm512_extracti32x4_epi32(bytes, 2);
#else
  const __m256i bytes = _mm256_permutevar8x32_epi32(pixels, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
  const __m128i low = _mm256_castsi256_si128(bytes);
  const long long high = _mm256_extract_epi64(bytes, 2);
#endif
  __builtin_memcpy(to, &low, sizeof low);
  __builtin_memcpy(to + sizeof low, &high, sizeof high);
}
#endif

// n / largest, correctly rounded, without a division: 1 / largest in two parts, of which the first times n is exact.
// (For these two, and every n up to them, the sum rounds to the same number; a test tries them all.)
template <int largest>
LUMIGRAD_SIMD Numbers share_of(const Numbers& n) {
  static_assert(largest == 255 || largest == 65535);
  constexpr float most = largest == 255 ? 0x1.01p-8f : 0x1p-16f,
                  rest = largest == 255 ? 0x1.010102p-24f : 0x1.0001p-32f;
  return fma(n, Numbers(most), n * Numbers(rest));
}

// Single bytes as numbers.
LUMIGRAD_SIMD Numbers numbers_of(const std::uint8_t* from) {
  Integers numbers;
#if LUMIGRAD_VECTOR_BYTES == 64
  __m128i bytes;
  __builtin_memcpy(&bytes, from, sizeof bytes);
  numbers.raw[0] = Integers::Bits(_mm512_cvtepu8_epi32(bytes));
#elif LUMIGRAD_VECTOR_BYTES == 32
  long long bytes;
  __builtin_memcpy(&bytes, from, sizeof bytes);
  numbers.raw[0] = Integers::Bits(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(bytes)));
#else
  Bytes bytes;
  __builtin_memcpy(&bytes, from, sizeof bytes);
  numbers.raw[0] = __builtin_convertvector(bytes, Integers::Bits);
#endif
  return Numbers::from_int(numbers);
}

// The bytes of `pixel_width` pixels, four pixels to each 16-byte quarter of the register. `last`: nothing lies behind
// them.
template <int C, bool last>
LUMIGRAD_SIMD Integers load_bytes(const std::uint8_t* from) {
  Integers pixels;
  if constexpr (C == 4) {
    __builtin_memcpy(&pixels.raw[0], from, 4 * pixel_width);
  } else {
#if LUMIGRAD_VECTOR_BYTES == 64
    const __m512i quarters = last ? _mm512_setr_epi32(4, 5, 6, 7, 7, 8, 9, 10, 10, 11, 12, 13, 13, 14, 15, 15)
                                  : _mm512_setr_epi32(0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12);
    pixels.raw[0] = Integers::Bits(_mm512_permutexvar_epi32(quarters, _mm512_loadu_si512(from - (last ? 16 : 0))));
#elif LUMIGRAD_VECTOR_BYTES == 32
    const __m256i halves = last ? _mm256_setr_epi32(2, 3, 4, 5, 5, 6, 7, 7) : _mm256_setr_epi32(0, 1, 2, 3, 3, 4, 5, 6);
    const auto* bytes = reinterpret_cast<const __m256i*>(from - (last ? 8 : 0));
    pixels.raw[0] = Integers::Bits(_mm256_permutevar8x32_epi32(_mm256_loadu_si256(bytes), halves));
#else
    for (std::size_t i = 0; i < pixel_width; ++i) {  // a pixel to each lane
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
LUMIGRAD_SIMD Numbers shares_of(const Integers& pixels, int c) {
#if LUMIGRAD_VECTOR_BYTES == 64
  // n / 255 is 0.nnnn.. to the base of 256. Four of the digits make a whole number of which a float keeps the upper
  // bits from the first 1 on. What it drops starts with the first 1 of a digit again: half of what is kept last, or
  // more, and of n = 0 nothing. So to round upwards is to round correctly.
  const auto place = [c](int pixel) { return 0x01010101 * (C * pixel + c); };
  const __m128i spread = _mm_setr_epi32(place(0), place(1), place(2), place(3));
  const __m512i digits = in_quarters(pixels.raw[0], spread);
  // Then 2^-32: 32 less in the exponent, which starts at the eighth bit of the upper half; a zero stays zero.
  const __m512i whole = __m512i(_mm512_cvt_roundepu32_ps(digits, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC));
  Numbers share;
  share.raw[0] = native::F(_mm512_subs_epu16(whole, _mm512_set1_epi32(32 << 23)));
  return share;
#else
  Integers channel;
#if LUMIGRAD_VECTOR_BYTES == 32
  const auto place = [c](int pixel) { return static_cast<char>(C * pixel + c); };
  const __m128i spread =
      _mm_setr_epi8(place(0), -1, -1, -1, place(1), -1, -1, -1, place(2), -1, -1, -1, place(3), -1, -1, -1);
  channel.raw[0] = Integers::Bits(in_quarters(pixels.raw[0], spread));
#else
  channel = (pixels >> (8 * c)) & Integers(255);
#endif
  return share_of<255>(Numbers::from_int(channel));
#endif
}

// Nearest integer to largest * clamp(x, 0, 1), ties to even, in the lowest 16 bits: adding 2^23 leaves it there.
LUMIGRAD_SIMD Integers quantised(const Numbers& x, int largest) {
  const Numbers inside = min(Numbers(1), max(Numbers(0), x));
  return bits(inside * Numbers(largest) + Numbers(0x1p23f));
}

#if LUMIGRAD_VECTOR_BYTES >= 32
// The same where narrowing saturates, which is the limit at 0, and for NaN too: it becomes the least integer.
LUMIGRAD_SIMD Integers::Bits whole_share(const Numbers& v) {
  return Integers::Bits(LUMIGRAD_X86(cvtps_epi32)((min(v, Numbers(1)) * Numbers(255)).raw[0]));
}
#endif

// Writes pixels of C shares.
template <int C>
LUMIGRAD_SIMD void store_bytes(const Numbers* x, std::uint8_t* to) {
#if LUMIGRAD_VECTOR_BYTES >= 32
  // Each quarter of the register has four pixels channel by channel, and they are put into the order of memory.
  const auto words = [&](int a, int b) {
    return LUMIGRAD_X86(packs_epi32)(ByteRegister(whole_share(x[a])), ByteRegister(whole_share(x[b])));
  };
  const ByteRegister planar = LUMIGRAD_X86(packus_epi16)(words(0, 1), words(2, C - 1));
  if constexpr (C == 3) {
    store_twelves(in_quarters(planar, _mm_setr_epi8(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, -1, -1, -1, -1)), to);
  } else {
    const ByteRegister pixels =
        in_quarters(planar, _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    __builtin_memcpy(to, &pixels, sizeof pixels);
  }
#else
  Integers pixels = quantised(x[0], 255);  // above the 16 bits stands what a fourth channel would meet
  if constexpr (C == 4) pixels = pixels & Integers(255);
  for (int c = 1; c < C; ++c) pixels = pixels | (quantised(x[c], 255) << (8 * c));
  if constexpr (C == 4) {
    __builtin_memcpy(to, &pixels.raw[0], 4 * pixel_width);
  } else {
    std::uint8_t bytes[3 * pixel_width + 1];
    for (std::size_t i = 0; i < pixel_width; ++i) {
      const std::int32_t pixel = pixels.raw[0][i];
      __builtin_memcpy(bytes + 3 * i, &pixel, 4);
    }
    __builtin_memcpy(to, bytes, 3 * pixel_width);
  }
#endif
}

// The lowest byte of each lane.
LUMIGRAD_SIMD void store_lowest_bytes(const Integers& numbers, std::uint8_t* to) {
#if LUMIGRAD_VECTOR_BYTES == 64
  const __m128i bytes = _mm512_cvtepi32_epi8(__m512i(numbers.raw[0]));
  __builtin_memcpy(to, &bytes, pixel_width);
#elif LUMIGRAD_VECTOR_BYTES == 32
  const __m256i quarters =
      in_quarters(numbers.raw[0], _mm_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
  const __m256i bytes = _mm256_permutevar8x32_epi32(quarters, _mm256_setr_epi32(0, 4, 1, 1, 1, 1, 1, 1));
  __builtin_memcpy(to, &bytes, pixel_width);
#else
  const Bytes bytes = __builtin_convertvector(numbers.raw[0], Bytes);
  __builtin_memcpy(to, &bytes, pixel_width);
#endif
}

// Two registers of single shares behind one another.
LUMIGRAD_SIMD void store_shares(const Numbers& a, const Numbers& b, std::uint8_t* to) {
#if LUMIGRAD_VECTOR_BYTES == 64
  const __m512i words = _mm512_packs_epi32(__m512i(whole_share(a)), __m512i(whole_share(b)));
  const __m512i bytes = _mm512_packus_epi16(words, words);  // eight of them twice in each quarter, four of a, four of b
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m256i both = _mm512_castsi512_si256(_mm512_permutexvar_epi32(order, bytes));
  __builtin_memcpy(to, &both, sizeof both);
#else
  store_lowest_bytes(quantised(a, 255), to);
  store_lowest_bytes(quantised(b, 255), to + pixel_width);
#endif
}

// Numbers in [0, 255], others limited, as single bytes.
LUMIGRAD_SIMD void store_numbers(const Vec<float, 4>& x, std::uint8_t* to) {
#if LUMIGRAD_VECTOR_BYTES >= 32
  const Vec<float, 4> low = min(x, Vec<float, 4>(255));
  const auto words = [&](int a, int b) {
    return LUMIGRAD_X86(packs_epi32)(LUMIGRAD_X86(cvtps_epi32)(low.raw[a]), LUMIGRAD_X86(cvtps_epi32)(low.raw[b]));
  };
  const ByteRegister mixed = LUMIGRAD_X86(packus_epi16)(words(0, 1), words(2, 3));  // four of each in every quarter
#if LUMIGRAD_VECTOR_BYTES == 64
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const ByteRegister bytes = _mm512_permutexvar_epi32(order, mixed);
#else
  const ByteRegister bytes = _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
#endif
  __builtin_memcpy(to, &bytes, sizeof bytes);
#else
  for (int k = 0; k < 4; ++k) {
    Numbers one;
    one.raw[0] = x.raw[k];
    store_lowest_bytes(bits(min(Numbers(255), max(Numbers(0), one)) + Numbers(0x1p23f)), to + k * Numbers::width);
  }
#endif
}

}  // namespace
}  // namespace lumigrad::LUMIGRAD_LEVEL
