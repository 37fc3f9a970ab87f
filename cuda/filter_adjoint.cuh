// SPDX-License-Identifier: Apache-2.0
// Gradients of correlations where they are more than another correlation: margins folded back, and sums for the kernel.
#pragma once
#include <lumigrad/cuda/filter.cuh>

namespace lumigrad::cuda {

// ---- what a border rule had read ------------------------------------------------------------------------------------

/// Where along an axis the pixel j may have stood in: at j itself (candidate 0), before the image, or behind it.
struct StandIns {
  int low, image, count;  // places [low, 0) and [image, ..), `count` with j itself
  LUMIGRAD_HD explicit StandIns(const Reach& axis)
      : low(axis.front > 0 ? -axis.front : 0), image(axis.image), count(1) {
    const int high = axis.result - axis.front + axis.taps - 1;
    count += -low + (high > image ? high - image : 0);
  }
  LUMIGRAD_HD int at(int candidate, int j) const {
    if (candidate == 0) return j;
    const int place = low + candidate - 1;
    return place < 0 ? place : image + place;
  }
  LUMIGRAD_HD bool stands(int candidate, int j, Border border) const {
    return candidate == 0 || index_at_border(at(candidate, j), image, border) == j;
  }
};

/// The pixels of a plane that can have stood in anywhere: all within `margin` of an end of some axis. As slabs, one
/// pair an axis: before and behind what the axes before it leave over.
struct Frame {
  int extent[3], margin[3];  // margins meet in the middle at most

  LUMIGRAD_HD explicit Frame(const Correlation& c) {
    for (int a = 0; a < 3; ++a) {
      const StandIns stand(c.axis[a]);
      const int reach = stand.count == 1
                            ? 0
                            : (stand.count - 1 + stand.low > -stand.low ? stand.count - 1 + stand.low : -stand.low) + 1;
      extent[a] = c.axis[a].image;
      margin[a] = 2 * reach < extent[a] ? reach : (extent[a] + 1) / 2;
    }
  }
  LUMIGRAD_HD int inner(int a) const { return extent[a] > 2 * margin[a] ? extent[a] - 2 * margin[a] : 0; }
  LUMIGRAD_HD int edge(int a) const { return extent[a] - inner(a); }
  LUMIGRAD_HD std::int64_t slab(int a) const {  // of both slabs of an axis
    std::int64_t count = edge(a);
    for (int b = 0; b < 3; ++b) count *= b < a ? inner(b) : b > a ? extent[b] : 1;
    return count;
  }
  LUMIGRAD_HD std::int64_t count() const { return slab(0) + slab(1) + slab(2); }
  LUMIGRAD_HD void place(std::int64_t i, int (&at)[3]) const {
    int a = 0;
    while (i >= slab(a)) i -= slab(a++);
    for (int b = 2; b >= 0; --b) {
      const int many = b < a ? inner(b) : b > a ? extent[b] : edge(b);
      at[b] = static_cast<int>(i % many);
      i /= many;
      if (b < a) at[b] += margin[b];
      if (b == a && at[b] >= margin[b]) at[b] += inner(b);
    }
  }
};

/// image[j] += sum over the places e != j where pixel j stood in of (the transposed filter at e). `weight(kernel, t)`
/// is a weight of the filter itself, rows and columns given.
template <class T, bool separable>
struct FoldedMargins {
  Correlation c;  // of the filter, not of the transposed one
  const T *result, *kernel, *row;
  T* image;

  LUMIGRAD_INLINE T weight(int k, int s, int r, int j) const {
    const int down = c.axis[1].taps, across = c.axis[2].taps;
    if constexpr (separable)
      return kernel[k * down + r] * row[k * across + j];
    else
      return kernel[((static_cast<std::int64_t>(k) * c.axis[0].taps + s) * down + r) * across + j];
  }
  // The transposed filter at a place inside the image or not.
  LUMIGRAD_INLINE T spread_at(const T* g, int k, int z, int y, int x) const {
    const Reach *deep = &c.axis[0], *down = &c.axis[1], *across = &c.axis[2];
    T sum = 0;
    for (int s = 0; s < deep->taps; ++s) {
      const int a = z + deep->front - s;
      if (a < 0 || a >= deep->result) continue;
      for (int r = 0; r < down->taps; ++r) {
        const int b = y + down->front - r;
        if (b < 0 || b >= down->result) continue;
        for (int j = 0; j < across->taps; ++j) {
          const int at = x + across->front - j;
          if (at >= 0 && at < across->result)
            sum = fma(weight(k, s, r, j), g[(static_cast<std::int64_t>(a) * down->result + b) * across->result + at],
                      sum);
        }
      }
    }
    return sum;
  }

  LUMIGRAD_INLINE void operator()(std::int64_t i) const {
    const Frame frame(c);
    const std::int64_t count = frame.count(), plane = i / count;
    int at[3];
    frame.place(i % count, at);
    const StandIns deep(c.axis[0]), down(c.axis[1]), across(c.axis[2]);
    const T* const g = result + plane * c.result_numel();
    T sum = 0;
    for (int a = 0; a < deep.count; ++a) {
      if (!deep.stands(a, at[0], c.border)) continue;
      for (int b = 0; b < down.count; ++b) {
        if (!down.stands(b, at[1], c.border)) continue;
        for (int j = 0; j < across.count; ++j)
          if ((a | b | j) != 0 && across.stands(j, at[2], c.border))
            sum += spread_at(g, c.kernel_of(static_cast<int>(plane)), deep.at(a, at[0]), down.at(b, at[1]),
                             across.at(j, at[2]));
      }
    }
    image[plane * c.image_numel() + (static_cast<std::int64_t>(at[0]) * c.axis[1].image + at[1]) * c.axis[2].image +
          at[2]] += sum;
  }
};

// ---- the kernel -----------------------------------------------------------------------------------------------------

inline constexpr int sum_width = 64, sum_height = 16, sum_threads = 256;
inline constexpr int cell = 16, cells_a_row = sum_width / cell, cells = cells_a_row * sum_height;  // a tile is cut into

/// sums[kernel, chunk, tap] = sum over the tiles of a chunk of cotangent times pixel. A thread takes a tap and every
/// so manieth cell of a tile, and adds up in T; tiles are added in double.
template <class T>
struct KernelSums {
  Correlation c;
  const T *image, *result;
  double* sums;
  int tiles, chunks;  // of a kernel

  static LUMIGRAD_HD int parts(const Correlation& c, int threads) {
    const int taps = c.axis[1].taps * c.axis[2].taps;
    return taps >= threads ? 1 : threads / taps < cells ? threads / taps : cells;
  }
  // Lanes that differ in their tap read different banks where rows lie `columns of the kernel` apart, modulo 32.
  static LUMIGRAD_HD int pitch(const Correlation& c) { return sum_width + c.axis[2].taps; }
  static std::size_t shared_bytes(const Correlation& c) {
    const std::int64_t rows = sum_height + c.axis[1].taps - 1;
    return room_of<double>(static_cast<std::int64_t>(c.taps()) * parts(c, sum_threads)) + room_of<int>(rows) +
           room_of<T>(sum_width * sum_height) + room_of<T>(rows * pitch(c));
  }

  template <class B>
  LUMIGRAD_INLINE void operator()(const B& block) const {
    const Reach &deep = c.axis[0], &down = c.axis[1], &across = c.axis[2];
    const int taps = down.taps * across.taps, many = parts(c, block.threads()), rows = sum_height + down.taps - 1,
              line = pitch(c);
    Room room(block.template shared<unsigned char>());
    double* const own = room.take<double>(c.taps() * many);
    int* const table = room.take<int>(rows);
    T* const cotangents = room.take<T>(sum_width * sum_height);
    T* const tile = room.take<T>(0);
    for (int i = block.thread(); i < c.taps() * many; i += block.threads()) own[i] = 0;

    const int kernel = static_cast<int>(block.index() / chunks), chunk = static_cast<int>(block.index() % chunks);
    const std::int64_t begin = static_cast<std::int64_t>(chunk) * tiles / chunks,
                       end = static_cast<std::int64_t>(chunk + 1) * tiles / chunks;
    for (std::int64_t i = begin; i < end; ++i) {
      const TilePlace at(c, static_cast<std::int64_t>(kernel) * tiles + i, sum_width, sum_height);
      const T* const g =
          result + at.plane * c.result_numel() + static_cast<std::int64_t>(at.z) * down.result * across.result;
      block.sync();
      for (int e = block.thread(); e < sum_width * sum_height; e += block.threads()) {
        const int y = at.y + e / sum_width, x = at.x + e % sum_width;
        cotangents[e] =
            y < down.result && x < across.result ? g[static_cast<std::int64_t>(y) * across.result + x] : T(0);
      }
      const int width = across.result - at.x < sum_width ? across.result - at.x : sum_width;
      const int height = down.result - at.y < sum_height ? down.result - at.y : sum_height;
      map_rows(block, table, rows, at.y - down.front, down.image, c.border);
      for (int s = 0; s < deep.taps; ++s) {
        const int z = index_at_border(at.z + s - deep.front, deep.image, c.border);
        if (z < 0) continue;  // for all threads
        block.sync();
        load_tile(block, tile, line, table, rows, sum_width + across.taps - 1,
                  image + at.plane * c.image_numel() + static_cast<std::int64_t>(z) * down.image * across.image,
                  across.image, at.x - across.front, c.border, T(0));
        block.sync();
        for (int item = block.thread(); item < taps * many; item += block.threads()) {
          const int t = item % taps, part = item / taps;
          const T* const seen = tile + t / across.taps * line + t % across.taps;
          T sum = 0;
          for (int own_cell = part; own_cell < cells; own_cell += many) {
            const int y = own_cell / cells_a_row, x = own_cell % cells_a_row * cell;
            const int count = width - x < cell ? width - x : cell;
            if (y >= height) break;
            const T *const up = cotangents + y * sum_width + x, *const pixels = seen + y * line + x;
            for (int e = 0; e < count; ++e) sum = fma(up[e], pixels[e], sum);
          }
          own[(s * taps + t) * many + part] += static_cast<double>(sum);
        }
      }
    }
    block.sync();
    for (int t = block.thread(); t < c.taps(); t += block.threads()) {
      double total = 0;
      for (int part = 0; part < many; ++part) total += own[t * many + part];
      sums[block.index() * c.taps() + t] = total;
    }
  }
};

/// The same by one block for each weight, for kernels that leave no room for a tile.
template <class T>
struct WideKernelSums {
  Correlation c;
  const T *image, *result;
  T* kernel;

  template <class B>
  LUMIGRAD_INLINE void operator()(const B& block) const {
    const Reach &deep = c.axis[0], &down = c.axis[1], &across = c.axis[2];
    const int t = static_cast<int>(block.index() % c.taps()), k = static_cast<int>(block.index() / c.taps());
    const int j = t % across.taps, b = t / across.taps % down.taps, a = t / across.taps / down.taps;
    const std::int64_t all = c.planes_a_kernel * c.result_numel(), numel = c.result_numel();
    double total = 0;
    for (std::int64_t i = block.thread(); i < all; i += block.threads()) {
      const std::int64_t plane = k * static_cast<std::int64_t>(c.planes_a_kernel) + i / numel, rest = i % numel;
      const int x = static_cast<int>(rest % across.result), y = static_cast<int>(rest / across.result % down.result),
                z = static_cast<int>(rest / across.result / down.result);
      const int slab = index_at_border(z + a - deep.front, deep.image, c.border),
                row = index_at_border(y + b - down.front, down.image, c.border),
                at = index_at_border(x + j - across.front, across.image, c.border);
      if (slab >= 0 && row >= 0 && at >= 0)
        total += static_cast<double>(result[plane * numel + rest]) *
                 static_cast<double>(image[plane * c.image_numel() +
                                           (static_cast<std::int64_t>(slab) * down.image + row) * across.image + at]);
    }
    total = block.sum(total);
    if (block.thread() == 0) kernel[block.index()] = static_cast<T>(total);
  }
};

}  // namespace lumigrad::cuda
