// SPDX-License-Identifier: Apache-2.0
// Orders along lines: the whole tensor is sorted twice, by value and then by line, and since sorting is stable the
// lines come out sorted within.
#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/sort.h>
#include <lumigrad/cuda/tables.h>
#include <lumigrad/engine/families/rank_key.h>

namespace lumigrad::cuda {
namespace {

using device::LinesCall;
using device::RanksCall;

template <class T>
inline constexpr int key_bits = sizeof(T) == 4 ? 32 : 64;

// Line by line: element j of line l becomes pair l * extent + j.
template <class T>
struct Keys {
  const T* x;
  std::uint64_t* keys;
  std::int64_t* order;
  std::int64_t extent, inner;
  bool descending;
  template <class Index>
  LUMIGRAD_HD void operator()(Index pair) const {
    const std::int64_t line = pair / extent, j = pair - line * extent, o = line / inner, i = line - o * inner;
    const std::uint64_t key = key_of(x[(o * extent + j) * inner + i]);
    keys[pair] = descending ? ~key & all_bits<T> : key;
    order[pair] = pair;
  }
};

struct LineOf {
  const std::int64_t* order;
  std::uint64_t* keys;
  std::int64_t extent;
  template <class Index>
  LUMIGRAD_HD void operator()(Index pair) const {
    keys[pair] = static_cast<std::uint64_t>(order[pair] / extent);
  }
};

template <class T>
struct Pick {
  const T* x;
  const std::int64_t* order;
  const std::int64_t* rank;
  std::int64_t* index;
  std::int64_t extent, inner, ranks;
  bool spreads;
  template <class Index>
  LUMIGRAD_HD void operator()(Index at) const {
    const std::int64_t row = at / inner, i = at - row * inner, o = row / ranks, r = row - o * ranks;
    const std::int64_t line = o * inner + i;
    const auto element = [&](std::int64_t k) { return order[line * extent + k] - line * extent; };
    const auto missing = [&](std::int64_t k) {
      const T value = x[(o * extent + element(k)) * inner + i];
      return value != value;
    };
    std::int64_t place = rank ? rank[r] : r;
    if (spreads && missing(extent - 1)) {  // NaN is sorted last: the first one of them
      std::int64_t low = 0, high = extent - 1;
      while (low < high) {
        const std::int64_t middle = (low + high) / 2;
        if (missing(middle))
          high = middle;
        else
          low = middle + 1;
      }
      place = low;
    }
    index[at] = element(place);
  }
};

template <class T>
Status ranks(Place place, const RanksCall& call) {
  const std::int64_t lines = call.outer * call.inner, n = lines * call.extent;
  const Scratch keys(place, static_cast<std::size_t>(n) * 8), order(place, static_cast<std::size_t>(n) * 8);
  LUMIGRAD_TRY(keys.status());
  LUMIGRAD_TRY(order.status());
  auto* const key = keys.as<std::uint64_t>();
  auto* const at = order.as<std::int64_t>();
  const T* const x = static_cast<const T*>(call.x);
  LUMIGRAD_TRY(for_each(place, n, Keys<T>{x, key, at, call.extent, call.inner, call.descending}));
  LUMIGRAD_TRY(sort_pairs(place, key, at, n, key_bits<T>));
  if (lines > 1) {
    LUMIGRAD_TRY(for_each(place, n, LineOf{at, key, call.extent}));
    int bits = 1;
    while (bits < 63 && (std::int64_t{1} << bits) < lines) ++bits;
    LUMIGRAD_TRY(sort_pairs(place, key, at, n, bits));
  }
  return for_each(place, call.outer * call.ranks * call.inner,
                  Pick<T>{x, at, call.rank, call.index, call.extent, call.inner, call.ranks, call.spreads});
}

Status ranks(Place place, const RanksCall* call) {
  if (call->dtype == DType::i64) return ranks<std::int64_t>(place, *call);
  return call->dtype == DType::f32 ? ranks<float>(place, *call) : ranks<double>(place, *call);
}

// A value and where it stands. The first of equal ones wins, and a NaN wins over all.
template <class T>
struct Candidate {
  T value;
  std::int64_t at;  // -1: none yet
};
template <class T>
struct Better {
  bool largest;
  LUMIGRAD_HD Candidate<T> operator()(const Candidate<T>& a, const Candidate<T>& b) const {
    if (a.at < 0) return b;
    if (b.at < 0) return a;
    const bool a_missing = a.value != a.value, b_missing = b.value != b.value;
    if (a_missing != b_missing) return a_missing ? a : b;
    if (!a_missing && a.value != b.value) return (a.value > b.value) == largest ? a : b;
    return a.at < b.at ? a : b;
  }
};

template <class T>
struct Extremes {
  const T* x;
  std::int64_t* y;
  std::int64_t extent, inner;
  Better<T> better;

  // A thread a line.
  template <class Index>
  LUMIGRAD_HD void operator()(Index line) const {
    y[line] = over(line, 0, 1).at;
  }
  LUMIGRAD_HD Candidate<T> over(std::int64_t line, std::int64_t first, std::int64_t step) const {
    const std::int64_t o = line / inner, i = line - o * inner;
    Candidate<T> best{T(0), -1};
    for (std::int64_t j = first; j < extent; j += step) best = better(best, {x[(o * extent + j) * inner + i], j});
    return best;
  }
};
template <class T>
struct ExtremesByBlock {
  Extremes<T> lines;
  LUMIGRAD_KERNEL void operator()(const Block& block) const {
    const Candidate<T> best = block.join(lines.over(block.index(), block.thread(), block.threads()), lines.better);
    if (block.thread() == 0) lines.y[block.index()] = best.at;
  }
};

constexpr std::int64_t long_line = 256;

template <class T>
Status extremes(Place place, const LinesCall& call) {
  const Extremes<T> body{
      static_cast<const T*>(call.x), static_cast<std::int64_t*>(call.y), call.extent, call.inner, {call.flag}};
  if (call.inner == 1 && call.extent >= long_line)
    return for_each_block(place, call.outer, default_threads, 0, ExtremesByBlock<T>{body});
  return for_each(place, call.outer * call.inner, body);
}

Status extremes(Place place, const LinesCall* call) {
  return call->dtype == DType::f32 ? extremes<float>(place, *call) : extremes<double>(place, *call);
}

// Each of the k elements that are equal to the extreme of their line has 1 / k of it.
template <class T>
struct Shares {
  const T *x, *extreme;
  T* y;
  std::int64_t extent;
  LUMIGRAD_KERNEL void operator()(const Block& block) const {
    const T* const line = x + block.index() * extent;
    T* const to = y + block.index() * extent;
    const T best = extreme[block.index()];
    std::int64_t equal = 0;
    for (std::int64_t j = block.thread(); j < extent; j += block.threads()) equal += same(line[j], best);
    equal = block.sum(equal);
    for (std::int64_t j = block.thread(); j < extent; j += block.threads())
      to[j] = same(line[j], best) ? T(1) / static_cast<T>(equal) : T(0);
  }
  static LUMIGRAD_HD bool same(T a, T b) { return a == b || (a != a && b != b); }
};

template <class T>
Status shares(Place place, const LinesCall& call) {
  return for_each_block(
      place, call.outer, default_threads, 0,
      Shares<T>{static_cast<const T*>(call.x), static_cast<const T*>(call.a), static_cast<T*>(call.y), call.extent});
}

Status shares(Place place, const LinesCall* call) {
  return call->dtype == DType::f32 ? shares<float>(place, *call) : shares<double>(place, *call);
}

}  // namespace

const device::RanksTable ranks_table = {ranks, extremes, shares};

}  // namespace lumigrad::cuda
