// SPDX-License-Identifier: Apache-2.0
#include "tools/stream.h"
#include <lumigrad/engine/parallel.h>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <ctime>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace lumigrad {
namespace {

constexpr std::size_t chunk = std::size_t{1} << 18;
using Copy = void (*)(const std::byte*, std::byte*, std::size_t);

void copy_bytes(const std::byte* from, std::byte* to, std::size_t n) { std::memcpy(to, from, n); }

#if defined(__x86_64__)
// n is a multiple of 64, both ends are aligned.
__attribute__((target("avx512f"))) void copy_512(const std::byte* from, std::byte* to, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 64) _mm512_store_si512(to + i, _mm512_load_si512(from + i));
}
__attribute__((target("avx512f"))) void past_512(const std::byte* from, std::byte* to, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 64)
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_load_si512(from + i));
  _mm_sfence();
}
__attribute__((target("avx2"))) void copy_256(const std::byte* from, std::byte* to, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 32)
    _mm256_store_si256(reinterpret_cast<__m256i*>(to + i),
                       _mm256_load_si256(reinterpret_cast<const __m256i*>(from + i)));
}
__attribute__((target("avx2"))) void past_256(const std::byte* from, std::byte* to, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 32)
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                        _mm256_load_si256(reinterpret_cast<const __m256i*>(from + i)));
  _mm_sfence();
}
void past_128(const std::byte* from, std::byte* to, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 16)
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), _mm_load_si128(reinterpret_cast<const __m128i*>(from + i)));
  _mm_sfence();
}
Copy plain_copy() {
  if (__builtin_cpu_supports("avx512f")) return copy_512;
  return __builtin_cpu_supports("avx2") ? copy_256 : copy_bytes;
}
Copy past_copy() {
  if (__builtin_cpu_supports("avx512f")) return past_512;
  return __builtin_cpu_supports("avx2") ? past_256 : past_128;
}
#else
Copy plain_copy() { return copy_bytes; }
Copy past_copy() { return copy_bytes; }
#endif

std::byte* aligned(std::byte* at) { return at + (64 - reinterpret_cast<std::uintptr_t>(at) % 64) % 64; }

}  // namespace

MemoryStream::MemoryStream(std::size_t bytes) : bytes_((bytes / 2 + 63) / 64 * 64), memory_(2 * bytes_ + 4096) {
  from_ = aligned(memory_.data());
  to_ = from_ + bytes_ + 1024;
}

void MemoryStream::run(Copy copy) {
  const auto chunks = static_cast<std::int64_t>((bytes_ + chunk - 1) / chunk);
  parallel_for(
      chunks,
      [&](std::int64_t i) {
        const std::size_t begin = static_cast<std::size_t>(i) * chunk, end = std::min(bytes_, begin + chunk);
        copy(from_ + begin, to_ + begin, end - begin);
      },
      10);
}
void MemoryStream::plain() { run(plain_copy()); }
void MemoryStream::past_caches() { run(past_copy()); }

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double worked() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

Timing timing_from(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const std::size_t n = samples.size();
  return {samples[n / 2], samples[n / 4], samples[n - 1 - n / 4]};
}

}  // namespace lumigrad
