// SPDX-License-Identifier: Apache-2.0
// Windows that select one of their places: the greatest, the least, the median; and back to where it came from.
//
// The adjoint asks every pixel which windows selected it, rather than every window where its cotangent belongs: the
// windows that see a pixel are few and known, and a sum with one owner has one order.
#pragma once
#include <lumigrad/cuda/filter_adjoint.cuh>
#include <lumigrad/cuda/median.cuh>
#include <limits>

namespace lumigrad::cuda {

/// The place of a window that was selected so far.
template <class T, bool picks>
struct Best {
  T value = -std::numeric_limits<T>::infinity();
  int tap = -1;
  LUMIGRAD_INLINE void offer(T v, int t) {
    if constexpr (picks) {
      if (v > value) value = v, tap = t;
    } else {
      value = greater_of(value, v);
    }
  }
};

/// What selecting windows write for a result.
struct Picks {
  std::int64_t *pixel, *tap;  // either may be null

  /// Place t of the window lies on pixel (row, column), -1 for none; t is -1 where nothing was selected.
  LUMIGRAD_INLINE void note(const Correlation& c, std::int64_t to, int t, int row, int column) const {
    if (tap) tap[to] = t < 0 ? c.taps() : t;
    if (pixel)
      pixel[to] =
          t < 0 || row < 0 || column < 0 ? c.image_numel() : static_cast<std::int64_t>(row) * c.axis[2].image + column;
  }
};

/// The greatest of sign x + h over the places of a window, times sign. `shaped`: with a mask or heights.
template <class T, bool shaped, bool picks>
struct Extremum {
  Correlation c;
  const T* image;
  T* result;
  const unsigned char* mask;  // or null
  const T* heights;           // or null
  Picks to;
  T sign, outside;

  static std::size_t shared_bytes(const Correlation& c) {
    const std::int64_t taps = shaped ? c.taps() : 0;
    return WindowRoom<T>(c.axis[1], c.axis[2]).bytes() + room_of<T>(taps) + room_of<unsigned char>(taps);
  }

  template <class B>
  LUMIGRAD_INLINE void operator()(const B& block) const {
    const Reach &down = c.axis[1], &across = c.axis[2];
    const WindowRoom<T> size(down, across);
    const TilePlace at(c, block.index(), window_width, window_height);
    Room room(block.template shared<unsigned char>());
    int* const table = room.take<int>(size.rows);
    T* const height = room.take<T>(shaped ? c.taps() : 0);
    unsigned char* const taken = room.take<unsigned char>(shaped ? c.taps() : 0);
    T* const tile = room.take<T>(0);
    map_rows(block, table, size.rows, at.y - down.front, down.image, c.border);
    if constexpr (shaped)
      for (int t = block.thread(); t < c.taps(); t += block.threads()) {
        height[t] = heights ? heights[t] : T(0);
        taken[t] = mask ? mask[t] : 1;
      }
    block.sync();
    load_tile(block, tile, size.pitch, table, size.rows, size.pitch, image + at.plane * c.image_numel(), across.image,
              at.x - across.front, c.border, outside);
    block.sync();

    for (int item = block.thread(); item < window_width * window_height / window_strip; item += block.threads()) {
      const int left = item % window_width, top = item / window_width * window_strip;
      const T* const seen = tile + top * size.pitch + left;
      Best<T, picks> best[window_strip];
      for (int r = 0; r < down.taps + window_strip - 1; ++r)
        for (int j = 0; j < across.taps; ++j) {  // row by row: the first of equals is found first
          const T value = sign * seen[r * size.pitch + j];
          LUMIGRAD_UNROLL
          for (int o = 0; o < window_strip; ++o) {
            const int t = (r - o) * across.taps + j;
            if (r < o || r - o >= down.taps) continue;
            if constexpr (shaped) {
              if (taken[t]) best[o].offer(value + height[t], t);
            } else {
              best[o].offer(value, t);
            }
          }
        }
      const int x = at.x + left;
      LUMIGRAD_UNROLL
      for (int o = 0; o < window_strip; ++o) {
        const int y = at.y + top + o, t = best[o].tap;
        if (x >= across.result || y >= down.result) continue;
        const std::int64_t i = at.plane * c.result_numel() + static_cast<std::int64_t>(y) * across.result + x;
        result[i] = sign * best[o].value;
        if constexpr (picks)
          to.note(c, i, t, t < 0 ? -1 : table[top + o + t / across.taps],
                  t < 0 ? -1 : index_at_border(x + t % across.taps - across.front, across.image, c.border));
      }
    }
  }
};

// ---- medians --------------------------------------------------------------------------------------------------------

/// The lower median of windows of N places, or (N = 0) of any.
template <class T, int N>
struct Median {
  Correlation c;
  const T* image;
  T* result;
  Picks to;
  T outside;

  static std::size_t shared_bytes(const Correlation& c) { return WindowRoom<T>(c.axis[1], c.axis[2]).bytes(); }

  template <class B>
  LUMIGRAD_INLINE void operator()(const B& block) const {
    const Reach &down = c.axis[1], &across = c.axis[2];
    const WindowRoom<T> size(down, across);
    const TilePlace at(c, block.index(), window_width, window_height);
    Room room(block.template shared<unsigned char>());
    int* const table = room.take<int>(size.rows);
    T* const tile = room.take<T>(0);
    map_rows(block, table, size.rows, at.y - down.front, down.image, c.border);
    block.sync();
    load_tile(block, tile, size.pitch, table, size.rows, size.pitch, image + at.plane * c.image_numel(), across.image,
              at.x - across.front, c.border, outside);
    block.sync();
    for (int item = block.thread(); item < window_width * window_height; item += block.threads()) {
      const int left = item % window_width, top = item / window_width, x = at.x + left, y = at.y + top;
      if (x >= across.result || y >= down.result) continue;
      const T* const seen = tile + top * size.pitch + left;
      constexpr int side = N == 9 ? 3 : 5;
      T value;
      if constexpr (N > 0)
        value = median_of<N, T>([&](int t) { return seen[t / side * size.pitch + t % side]; });
      else
        value =
            median_of_many<T>(c.taps(), [&](int t) { return seen[t / across.taps * size.pitch + t % across.taps]; });
      const std::int64_t i = at.plane * c.result_numel() + static_cast<std::int64_t>(y) * across.result + x;
      result[i] = value;
      if (!to.pixel && !to.tap) continue;
      int t = -1;
      for (int r = 0; r < down.taps && t < 0; ++r)
        for (int j = 0; j < across.taps; ++j)
          if (seen[r * size.pitch + j] == value) {
            t = r * across.taps + j;
            break;
          }
      to.note(c, i, t, t < 0 ? -1 : table[top + t / across.taps],
              t < 0 ? -1 : index_at_border(x + t % across.taps - across.front, across.image, c.border));
    }
  }
};

/// Any of the three without a tile, for windows that leave no room for one.
template <class T>
struct WideSelect {
  Correlation c;
  const T* image;
  T* result;
  const unsigned char* mask;
  const T* heights;
  Picks to;
  T sign, outside;
  bool median;

  LUMIGRAD_INLINE void operator()(std::int64_t i) const {
    const Reach &down = c.axis[1], &across = c.axis[2];
    const int x = static_cast<int>(i % across.result), y = static_cast<int>(i / across.result % down.result);
    const T* const plane = image + i / c.result_numel() * c.image_numel();
    const auto row = [&](int t) { return index_at_border(y + t / across.taps - down.front, down.image, c.border); };
    const auto column = [&](int t) {
      return index_at_border(x + t % across.taps - across.front, across.image, c.border);
    };
    const auto read = [&](int t) {
      const int r = row(t), j = column(t);
      return r < 0 || j < 0 ? outside : plane[static_cast<std::int64_t>(r) * across.image + j];
    };
    Best<T, true> best;
    if (median) {
      best.value = median_of_many<T>(c.taps(), read);
      for (int t = 0; t < c.taps() && best.tap < 0; ++t)
        if (read(t) == best.value) best.tap = t;
    } else {
      for (int t = 0; t < c.taps(); ++t)
        if (!mask || mask[t]) best.offer(sign * read(t) + (heights ? heights[t] : T(0)), t);
    }
    result[i] = sign * best.value;
    to.note(c, i, best.tap, best.tap < 0 ? -1 : row(best.tap), best.tap < 0 ? -1 : column(best.tap));
  }
};

template <class T>
Status run_select(Place place, const Correlation& c, const device::SelectCall& call) {
  const auto* image = static_cast<const T*>(call.image.data);
  auto* result = static_cast<T*>(call.result.data);
  const auto* mask = static_cast<const unsigned char*>(call.mask.data);
  const auto* heights = static_cast<const T*>(call.heights.data);
  const Picks to = {static_cast<std::int64_t*>(call.pixel.data), static_cast<std::int64_t*>(call.tap.data)};
  const T sign = call.selects == device::Selects::least ? T(-1) : T(1), outside = static_cast<T>(call.outside);
  const std::int64_t blocks = call.plan.planes * c.tiles(window_width, window_height);
  const auto run = [&](const auto& body) {
    const std::size_t bytes = body.shared_bytes(c);
    if (bytes <= shared_room) return for_each_block(place, blocks, 256, bytes, body);
    return for_each(
        place, call.plan.planes * c.result_numel(),
        WideSelect<T>{c, image, result, mask, heights, to, sign, outside, call.selects == device::Selects::median});
  };
  const Reach &down = c.axis[1], &across = c.axis[2];
  if (call.selects == device::Selects::median) {
    if (down.taps == 3 && across.taps == 3) return run(Median<T, 9>{c, image, result, to, outside});
    if (down.taps == 5 && across.taps == 5) return run(Median<T, 25>{c, image, result, to, outside});
    return run(Median<T, 0>{c, image, result, to, outside});
  }
  const auto run_extremum = [&]<bool shaped>(std::bool_constant<shaped>) {
    if (to.pixel || to.tap) return run(Extremum<T, shaped, true>{c, image, result, mask, heights, to, sign, outside});
    return run(Extremum<T, shaped, false>{c, image, result, mask, heights, to, sign, outside});
  };
  return mask || heights ? run_extremum(std::true_type()) : run_extremum(std::false_type());
}

// ---- back -----------------------------------------------------------------------------------------------------------

/// image[j] = sum of the cotangents of those windows whose index says j.
template <class T>
struct PixelSums {
  Correlation c;
  const T* result;
  const std::int64_t* index;
  T* image;

  // Calls visit(i) once for each result i along an axis whose window sees pixel j.
  template <class Visit>
  LUMIGRAD_INLINE void each_window(const Reach& axis, int j, const Visit& visit) const {
    const StandIns stand(axis);
    const int most = axis.front > axis.taps - 1 - axis.front ? axis.front : axis.taps - 1 - axis.front;
    const bool inside = c.border == Border::zeros || (j > most && j + most + 1 < axis.image);
    const int count = inside ? 1 : stand.count;
    for (int a = 0; a < count; ++a) {
      if (!stand.stands(a, j, c.border)) continue;
      const int last = stand.at(a, j) + axis.front;
      for (int i = last - axis.taps + 1 < 0 ? 0 : last - axis.taps + 1; i <= last && i < axis.result; ++i) {
        bool met = false;  // where j stands in twice in one window
        for (int b = 0; b < a && !met; ++b) {
          const int other = stand.at(b, j) + axis.front;
          met = stand.stands(b, j, c.border) && i <= other && i > other - axis.taps;
        }
        if (!met) visit(i);
      }
    }
  }

  template <class Index>
  LUMIGRAD_INLINE void operator()(Index i) const {
    const Reach &down = c.axis[1], &across = c.axis[2];
    const auto pixels = static_cast<Index>(c.image_numel()), own = i % pixels;
    const std::int64_t plane = i / pixels;
    const std::int64_t* const from = index + plane * c.result_numel();
    const T* const w = result + plane * c.result_numel();
    T sum = 0;
    each_window(down, static_cast<int>(own / across.image), [&](int y) {
      each_window(across, static_cast<int>(own % across.image), [&](int x) {
        const std::int64_t at = static_cast<std::int64_t>(y) * across.result + x;
        if (from[at] == own) sum += w[at];
      });
    });
    image[i] = sum;
  }
};

/// sums[chunk, t] = sum of the cotangents in a chunk whose index says t.
template <class T>
struct TapSums {
  const T* result;
  const std::int64_t* index;
  double* sums;
  std::int64_t count;
  int taps, chunks;

  template <class B>
  LUMIGRAD_INLINE void operator()(const B& block) const {
    const std::int64_t begin = block.index() * count / chunks, end = (block.index() + 1) * count / chunks;
    const int parts = taps >= block.threads() ? 1 : block.threads() / taps;
    double *const to = sums + block.index() * taps, *const own = parts > 1 ? block.template shared<double>() : to;
    for (int item = block.thread(); item < taps * parts; item += block.threads()) {
      double total = 0;
      for (std::int64_t i = begin + item / taps; i < end; i += parts)
        if (index[i] == item % taps) total += static_cast<double>(result[i]);
      own[item] = total;
    }
    if (parts == 1) return;
    block.sync();
    for (int t = block.thread(); t < taps; t += block.threads()) {
      double total = 0;
      for (int part = 0; part < parts; ++part) total += own[part * taps + t];
      to[t] = total;
    }
  }
};

template <class T>
Status run_tap_sums(Place place, const Correlation& c, std::int64_t count, const device::CollectCall& call) {
  constexpr std::int64_t most = 1024, chunk = 2048;  // blocks, and results worth one
  const std::int64_t wanted = (count + chunk - 1) / chunk, chunks = wanted < 1 ? 1 : wanted < most ? wanted : most;
  const Scratch parts(place, static_cast<std::size_t>(chunks * c.taps()) * sizeof(double));
  LUMIGRAD_TRY(parts.status());
  constexpr int threads = 256;
  LUMIGRAD_TRY(for_each_block(
      place, chunks, threads, threads * sizeof(double),
      TapSums<T>{static_cast<const T*>(call.result.data), static_cast<const std::int64_t*>(call.index.data),
                 parts.as<double>(), count, c.taps(), static_cast<int>(chunks)}));
  return for_each(
      place, c.taps(),
      ChunkTotals<T>{parts.as<double>(), static_cast<T*>(call.sums.data), static_cast<int>(chunks), c.taps()});
}

}  // namespace lumigrad::cuda
