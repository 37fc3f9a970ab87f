// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/copy.h>
#include <lumigrad/engine/element.h>
#include <lumigrad/engine/parallel.h>
#include <algorithm>
#include <cmath>
#include <cstring>

namespace lumigrad {

namespace {

template <class T>
void load(const void* source, DType dtype, std::int64_t stride, std::int64_t count, double scale, T* to) {
  with_element(dtype, [&]<class E>(E) {
    const auto* from = static_cast<const typename E::Storage*>(source);
    if (scale == 1)
      for (std::int64_t i = 0; i < count; ++i) to[i] = E::template load<T>(from[i * stride]);
    else
      for (std::int64_t i = 0; i < count; ++i) to[i] = E::template load<T>(from[i * stride]) * static_cast<T>(scale);
  });
}

template <class T>
void store(const T* from, std::int64_t count, void* target, DType dtype, std::int64_t stride) {
  with_element(dtype, [&]<class E>(E) {
    auto* to = static_cast<typename E::Storage*>(target);
    for (std::int64_t i = 0; i < count; ++i) to[i * stride] = E::store(from[i]);
  });
}

// Copies a run of elements of equal dtype, whatever it is.
void copy_run(const std::byte* from, std::int64_t from_stride, std::byte* to, std::int64_t to_stride,
              std::int64_t count, std::size_t size) {
  if (from_stride == 1 && to_stride == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * size);
    return;
  }
  const auto step = [&](auto unit) {
    using U = decltype(unit);
    const auto* f = reinterpret_cast<const U*>(from);
    auto* t = reinterpret_cast<U*>(to);
    if (from_stride == 0 && to_stride == 1) {
      std::fill_n(t, count, *f);
      return;
    }
    if (from_stride == -1 && to_stride == 1) {  // in vectors, since the steps are known
      for (std::int64_t i = 0; i < count; ++i) t[i] = f[-i];
      return;
    }
    for (std::int64_t i = 0; i < count; ++i) t[i * to_stride] = f[i * from_stride];
  };
  if (size == 1) return step(std::uint8_t{});
  if (size == 2) return step(std::uint16_t{});
  if (size == 4) return step(std::uint32_t{});
  step(std::uint64_t{});
}

}  // namespace

void load_elements(const void* s, DType d, std::int64_t stride, std::int64_t n, double scale, float* to) {
  load(s, d, stride, n, scale, to);
}
void load_elements(const void* s, DType d, std::int64_t stride, std::int64_t n, double scale, double* to) {
  load(s, d, stride, n, scale, to);
}
void store_elements(const float* from, std::int64_t n, void* t, DType d, std::int64_t stride) {
  store(from, n, t, d, stride);
}
void store_elements(const double* from, std::int64_t n, void* t, DType d, std::int64_t stride) {
  store(from, n, t, d, stride);
}

namespace {

// A copy as nested loops: axes that lie behind one another in both layouts are one axis. Steps are in elements.
struct Walk {
  const std::byte* from;
  std::byte* to;
  DType from_dtype, to_dtype;
  int rank = 0;
  std::int64_t extents[max_rank]{}, from_step[max_rank]{}, to_step[max_rank]{};

  std::int64_t from_size() const { return static_cast<std::int64_t>(size_of(from_dtype)); }
  std::int64_t to_size() const { return static_cast<std::int64_t>(size_of(to_dtype)); }
  /// The part [begin, end) of one axis.
  Walk part(int axis, std::int64_t begin, std::int64_t end) const {
    Walk piece = *this;
    piece.from += begin * from_step[axis] * from_size();
    piece.to += begin * to_step[axis] * to_size();
    piece.extents[axis] = end - begin;
    return piece;
  }
};

void copy_innermost(const Walk& w, const std::byte* from, std::byte* to) {
  const int last = w.rank - 1;
  const std::int64_t run = w.rank ? w.extents[last] : 1;
  const std::int64_t from_step = w.rank ? w.from_step[last] : 1, to_step = w.rank ? w.to_step[last] : 1;
  if (from_step == 0 && run > 1 && w.from_dtype != w.to_dtype) {  // a repeated number is converted once
    copy_innermost({from, to, w.from_dtype, w.to_dtype}, from, to);
    copy_run(to, 0, to + to_step * w.to_size(), to_step, run - 1, size_of(w.to_dtype));
  } else if (w.from_dtype == w.to_dtype) {
    copy_run(from, from_step, to, to_step, run, size_of(w.to_dtype));
  } else if (w.from_dtype == DType::i64 && w.to_dtype == DType::i32) {  // exact beyond 2^53
    for (std::int64_t i = 0; i < run; ++i) {
      const std::int64_t v = reinterpret_cast<const std::int64_t*>(from)[i * from_step];
      reinterpret_cast<std::int32_t*>(to)[i * to_step] =
          static_cast<std::int32_t>(std::clamp<std::int64_t>(v, INT32_MIN, INT32_MAX));
    }
  } else {
    double block[256];
    for (std::int64_t done = 0; done < run; done += 256) {
      const std::int64_t n = std::min<std::int64_t>(256, run - done);
      load_elements(from + done * from_step * w.from_size(), w.from_dtype, from_step, n, 1, block);
      store_elements(block, n, to + done * to_step * w.to_size(), w.to_dtype, to_step);
    }
  }
}

// Walks all axes but the innermost and copies run by run.
void copy_runs(const Walk& w) {
  const std::byte* from = w.from;
  std::byte* to = w.to;
  std::int64_t index[max_rank] = {};
  for (;;) {
    copy_innermost(w, from, to);
    int axis = w.rank - 2;
    for (; axis >= 0; --axis) {
      from += w.from_step[axis] * w.from_size();
      to += w.to_step[axis] * w.to_size();
      if (++index[axis] < w.extents[axis]) break;
      from -= w.from_step[axis] * w.from_size() * w.extents[axis];
      to -= w.to_step[axis] * w.to_size() * w.extents[axis];
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

// A transposition reads along one axis and writes along another; in tiles both stay in the cache.
void copy_tiles(const Walk& w) {
  constexpr std::int64_t tile = 32;
  const int last = w.rank - 1;
  int along = -1;  // the axis whose elements are neighbours in the source
  for (int i = 0; i < last; ++i)
    if (w.from_step[i] == 1 || w.from_step[i] == -1) along = i;
  if (along < 0 || w.from_step[last] == 1 || w.extents[last] <= tile) return copy_runs(w);
  for (std::int64_t a = 0; a < w.extents[along]; a += tile) {
    const Walk strip = w.part(along, a, std::min(a + tile, w.extents[along]));
    for (std::int64_t b = 0; b < w.extents[last]; b += tile)
      copy_runs(strip.part(last, b, std::min(b + tile, w.extents[last])));
  }
}

}  // namespace

void copy_values(const Tensor& source, const Tensor& target) {
  const Shape& shape = target.shape();
  require<ShapeError>(source.shape() == shape, "copy: expected shape ", shape, ", got ", source.shape());
  if (shape.numel() == 0) return;
  if (source.device() != Device() || target.device() != Device()) return copy_across(source, target);
  Walk w{source.bytes(), const_cast<std::byte*>(target.bytes()), source.dtype(), target.dtype()};
  int widest = 0;
  for (int i = 0; i < shape.rank(); ++i) {
    const auto a = static_cast<std::size_t>(i);
    if (shape[i] == 1) continue;
    const std::int64_t f = source.strides()[a], t = target.strides()[a];
    if (w.rank > 0 && w.from_step[w.rank - 1] == f * shape[i] && w.to_step[w.rank - 1] == t * shape[i]) {
      w.extents[w.rank - 1] *= shape[i];
      w.from_step[w.rank - 1] = f;
      w.to_step[w.rank - 1] = t;
    } else {
      w.extents[w.rank] = shape[i];
      w.from_step[w.rank] = f;
      w.to_step[w.rank++] = t;
    }
  }
  for (int i = 1; i < w.rank; ++i)
    if (w.extents[i] > w.extents[widest]) widest = i;
  constexpr std::int64_t part_bytes = 1 << 20;
  const std::int64_t parts = w.rank ? std::min(shape.numel() * w.to_size() / part_bytes + 1, w.extents[widest]) : 1;
  if (parts == 1) return copy_tiles(w);
  const std::int64_t step = (w.extents[widest] + parts - 1) / parts;
  parallel_for(
      (w.extents[widest] + step - 1) / step,
      [&](std::int64_t i) { copy_tiles(w.part(widest, i * step, std::min((i + 1) * step, w.extents[widest]))); }, 100);
}

}  // namespace lumigrad
