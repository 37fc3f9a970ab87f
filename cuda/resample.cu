// SPDX-License-Identifier: Apache-2.0
// Products with bands, on the device. Terms are added in the order in which a row gives them, as on the CPU.
#include <lumigrad/engine/device/resample.h>
#include <lumigrad/engine/math.h>

#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/tables.h>
#include <lumigrad/cuda/unroll.h>

namespace lumigrad::cuda {
namespace {

/// A rectangle of `rows` x `width` elements, walked by the threads of a block without a division an element.
class Stripes {
 public:
  LUMIGRAD_HD Stripes(int thread, int threads, int width)
      : row_(thread / width),
        column_(thread % width),
        rows_(threads / width),
        columns_(threads % width),
        width_(width) {}
  LUMIGRAD_HD int row() const { return row_; }
  LUMIGRAD_HD int column() const { return column_; }
  LUMIGRAD_HD void next() {
    row_ += rows_;
    column_ += columns_;
    if (column_ < width_) return;
    column_ -= width_;
    ++row_;
  }

 private:
  int row_, column_, rows_, columns_, width_;
};

inline constexpr int elements_a_block = 2048, widest_chunk = 512;

/// Results are planes [outer, down, across], cut into rectangles of about elements_a_block, one a block.
struct Chunks {
  std::int64_t down, across;
  int width, height;
  std::int64_t in_row, in_column;

  Chunks(std::int64_t rows, std::int64_t columns) : down(rows), across(columns) {
    width = static_cast<int>(columns < widest_chunk ? columns : widest_chunk);
    height = elements_a_block / width;
    if (height > rows) height = static_cast<int>(rows);
    in_row = (columns + width - 1) / width;
    in_column = (rows + height - 1) / height;
  }
  std::int64_t blocks(std::int64_t outer) const { return outer * in_row * in_column; }

  struct Chunk {
    std::int64_t outer, row, column;
    int height, width;
  };
  LUMIGRAD_HD Chunk at(std::int64_t block) const {
    Chunk c{};
    c.column = block % in_row * width;
    c.row = block / in_row % in_column * height;
    c.outer = block / in_row / in_column;
    c.width = static_cast<int>(across - c.column < width ? across - c.column : width);
    c.height = static_cast<int>(down - c.row < height ? down - c.row : height);
    return c;
  }
};

/// The entries of one row of a band, K of them or (0) any number. read(k) is the number at column k.
template <int K, class T>
struct BandRow {
  std::int32_t source[K];
  T weight[K];
  LUMIGRAD_INLINE BandRow(const device::BandEntries& band, std::int64_t row) {
    LUMIGRAD_UNROLL
    for (int k = 0; k < K; ++k) {
      source[k] = band.source[k * band.rows + row];
      weight[k] = static_cast<const T*>(band.weight)[k * band.rows + row];
    }
  }
  /// All numbers are asked for before the first is used.
  template <class Read>
  LUMIGRAD_INLINE T product(const Read& read) const {
    T value[K];
    LUMIGRAD_UNROLL
    for (int k = 0; k < K; ++k) value[k] = source[k] < 0 ? T(0) : read(source[k]);
    T sum = weight[0] * value[0];
    LUMIGRAD_UNROLL
    for (int k = 1; k < K; ++k) sum = fma(weight[k], value[k], sum);
    return sum;
  }
};
template <class T>
struct BandRow<0, T> {
  const device::BandEntries& band;
  std::int32_t first, last;
  LUMIGRAD_INLINE BandRow(const device::BandEntries& entries, std::int64_t row)
      : band(entries), first(entries.begin[row]), last(entries.begin[row + 1]) {}
  template <class Read>
  LUMIGRAD_INLINE T product(const Read& read) const {
    const T* const weight = static_cast<const T*>(band.weight);
    T sum = T(0);
    for (std::int32_t k = first; k < last; ++k)
      sum = k == first ? weight[k] * read(band.source[k]) : fma(weight[k], read(band.source[k]), sum);
    return sum;
  }
};

template <int K, class T>
struct Along {
  const T* x;
  T* y;
  std::int64_t inner;
  device::BandEntries band;
  Chunks chunks;

  LUMIGRAD_KERNEL void operator()(const auto& block) const {
    const auto chunk = chunks.at(block.index());
    const T* const from = x + chunk.outer * band.columns * inner + chunk.column;
    T* const to = y + (chunk.outer * band.rows + chunk.row) * inner + chunk.column;
    for (Stripes at(block.thread(), block.threads(), chunk.width); at.row() < chunk.height; at.next()) {
      const T* const column = from + at.column();
      to[at.row() * inner + at.column()] =
          BandRow<K, T>(band, chunk.row + at.row()).product([&](std::int32_t k) { return column[k * inner]; });
    }
  }
};

/// The same where the elements of a line are neighbours: threads stand side by side along it.
template <int K, class T>
struct AlongLines {
  const T* x;
  T* y;
  device::BandEntries band;
  Chunks chunks;  // of [1, outer, rows]

  LUMIGRAD_KERNEL void operator()(const auto& block) const {
    const auto chunk = chunks.at(block.index());
    const T* const from = x + chunk.row * band.columns;
    T* const to = y + chunk.row * band.rows + chunk.column;
    for (Stripes at(block.thread(), block.threads(), chunk.width); at.row() < chunk.height; at.next()) {
      const T* const line = from + at.row() * band.columns;
      to[at.row() * band.rows + at.column()] =
          BandRow<K, T>(band, chunk.column + at.column()).product([&](std::int32_t k) { return line[k]; });
    }
  }
};

/// Rows and columns at once: nothing is stored between.
template <int K, class T>
struct AlongPlanes {
  const T* x;
  T* y;
  device::BandEntries rows, columns;
  Chunks chunks;

  LUMIGRAD_KERNEL void operator()(const auto& block) const {
    const auto chunk = chunks.at(block.index());
    const T* const from = x + chunk.outer * rows.columns * columns.columns;
    T* const to = y + (chunk.outer * rows.rows + chunk.row) * columns.rows + chunk.column;
    for (Stripes at(block.thread(), block.threads(), chunk.width); at.row() < chunk.height; at.next()) {
      const BandRow<K, T> down(rows, chunk.row + at.row()), across(columns, chunk.column + at.column());
      to[at.row() * columns.rows + at.column()] = down.product([&](std::int32_t k) {
        const T* const line = from + k * columns.columns;
        return across.product([&](std::int32_t l) { return line[l]; });
      });
    }
  }
};

template <int K, class T>
Status run_axis(Place place, const device::BandCall& call) {
  const T* const x = static_cast<const T*>(call.x);
  T* const y = static_cast<T*>(call.y);
  if (call.inner == 1) {
    const Chunks lines(call.outer, call.band.rows);
    return for_each_block(place, lines.blocks(1), 256, 0, AlongLines<K, T>{x, y, call.band, lines});
  }
  const Chunks chunks(call.band.rows, call.inner);
  return for_each_block(place, chunks.blocks(call.outer), 256, 0, Along<K, T>{x, y, call.inner, call.band, chunks});
}

template <int K, class T>
Status run_planes(Place place, const device::BandPairCall& call) {
  const Chunks chunks(call.rows.rows, call.columns.rows);
  const AlongPlanes<K, T> body{static_cast<const T*>(call.x), static_cast<T*>(call.y), call.rows, call.columns, chunks};
  return for_each_block(place, chunks.blocks(call.outer), 256, 0, body);
}

template <class T>
Status axis_of(Place place, const device::BandCall& call) {
  switch (call.band.taps) {
    case 2:
      return run_axis<2, T>(place, call);
    case 4:
      return run_axis<4, T>(place, call);
    case 6:
      return run_axis<6, T>(place, call);
    default:
      return run_axis<0, T>(place, call);
  }
}

template <class T>
Status planes_of(Place place, const device::BandPairCall& call) {
  switch (call.rows.taps) {
    case 2:
      return run_planes<2, T>(place, call);
    case 4:
      return run_planes<4, T>(place, call);
    default:
      return run_planes<6, T>(place, call);
  }
}

Status along_axis(Place place, const device::BandCall* call) {
  return call->dtype == DType::f64 ? axis_of<double>(place, *call) : axis_of<float>(place, *call);
}
Status along_planes(Place place, const device::BandPairCall* call) {
  return call->dtype == DType::f64 ? planes_of<double>(place, *call) : planes_of<float>(place, *call);
}

}  // namespace

const device::ResampleTable resample_table = {along_axis, along_planes};

}  // namespace lumigrad::cuda
