// SPDX-License-Identifier: Apache-2.0
// Tiles: the part of an image that a block of threads keeps in shared memory, with what its border puts around it.
//
// A window near the edge of an image asks for pixels that are not there. Which pixel stands in for each row is asked
// once a block and kept in a table; columns are asked once an element, on the way in. From then on a window is plain
// index arithmetic and nobody asks again where the image ends.
#pragma once
#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/unroll.h>
#include <lumigrad/engine/families/interpolation.h>

namespace lumigrad::cuda {

#if defined(LUMIGRAD_STANDIN)
/// Threads of a block whose body divides its work at compile time (what a thread holds in registers needs that).
inline constexpr int threads_of(int) { return team_size; }
inline constexpr int lanes = team_size < 4 ? team_size : 4;
#define LUMIGRAD_UNROLL_BY(count)
#else
inline constexpr int threads_of(int wanted) { return wanted; }
inline constexpr int lanes = 32;
#define LUMIGRAD_PRAGMA(words) _Pragma(#words)
#define LUMIGRAD_UNROLL_BY(count) LUMIGRAD_PRAGMA(unroll count)
#endif

/// The elements of a dense array, to read and to write.
template <class T>
const T* in(const Array& array) {
  return static_cast<const T*>(array.data);
}
template <class T>
T* out(const Array& array) {
  return static_cast<T*>(array.data);
}
/// f(float{}) or f(double{}).
template <class F>
Status by_dtype(const Array& array, const F& f) {
  return array.dtype == DType::f32 ? f(float{}) : f(double{});
}

/// Shared memory that every device grants without being asked.
inline constexpr std::size_t shared_room = 48 * 1024;

template <class T>
LUMIGRAD_HD T rounded_up(T count, T to) {
  return (count + to - 1) / to * to;
}

/// The index tables and numbers of a body, one behind another in shared memory.
class Room {
 public:
  LUMIGRAD_HD explicit Room(unsigned char* at) : at_(at) {}
  template <class T>
  LUMIGRAD_HD T* take(int count) {
    T* const begin = reinterpret_cast<T*>(at_);
    at_ += rounded_up(count * static_cast<int>(sizeof(T)), 16);
    return begin;
  }

 private:
  unsigned char* at_;
};
template <class T>
constexpr std::size_t room_of(std::int64_t count) {
  return rounded_up(static_cast<std::size_t>(count) * sizeof(T), std::size_t{16});
}

/// One axis of a window over an image: result i reads places i - front ... i - front + taps - 1.
struct Reach {
  int image = 1, result = 1, taps = 1, front = 0;
};

/// Four numbers that cross a bus together.
template <class T>
struct alignas(16) Four {
  T at[4];
};

/// table[r] = the row of the image that stands `first + r` down its axis, -1 for none.
template <class B>
LUMIGRAD_INLINE void map_rows(const B& block, int* table, int rows, int first, int image, Border border) {
  for (int r = block.thread(); r < rows; r += block.threads()) table[r] = index_at_border(first + r, image, border);
}

/// tile[r][c] = the pixel at row table[r] and column first + c of a plane, `outside` where there is none.
template <class T, class B>
LUMIGRAD_INLINE void load_tile(const B& block, T* tile, int pitch, const int* table, int rows, int columns,
                               const T* plane, int width, int first, Border border, T outside) {
  for (int r = block.thread() / lanes; r < rows; r += block.threads() / lanes) {
    const int y = table[r];
    const T* const line = plane + static_cast<std::int64_t>(y < 0 ? 0 : y) * width;
    for (int c = block.thread() % lanes; c < columns; c += lanes) {
      const int x = index_at_border(first + c, width, border);
      const T value = line[x < 0 ? 0 : x];
      tile[r * pitch + c] = y < 0 || x < 0 ? outside : value;
    }
  }
}

/// to[k, t] = the sum over chunks of sums[k, chunk, t], in their order.
template <class T>
struct ChunkTotals {
  const double* sums;
  T* to;
  int chunks, count;

  LUMIGRAD_INLINE void operator()(std::int64_t i) const {
    const double* const from = sums + i / count * chunks * count + i % count;
    double total = 0;
    for (int chunk = 0; chunk < chunks; ++chunk) total += from[static_cast<std::int64_t>(chunk) * count];
    to[i] = static_cast<T>(total);
  }
};

}  // namespace lumigrad::cuda
