// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/lanes.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/stored_pixels.h>
#include <algorithm>
#include <cstring>

namespace lumigrad {

bool is_plain(const Lane& lane, const Domain& domain, DType dtype) {
  if (lane.dtype != dtype || lane.scale != 1) return false;
  std::int64_t step = 1;
  const int first = domain.images > 1 ? 1 : 0;
  for (int i = domain.shape.rank() - 1; i >= first; --i) {
    if (domain.shape[i] != 1 && lane.strides[static_cast<std::size_t>(i)] != step) return false;
    step *= domain.shape[i];
  }
  return true;
}

bool is_number(const Lane& lane, const Domain& domain) {
  for (int i = domain.images > 1 ? 1 : 0; i < domain.shape.rank(); ++i)
    if (domain.shape[i] != 1 && lane.strides[static_cast<std::size_t>(i)] != 0) return false;
  return lane.base && domain.extent > 1;
}

PixelLanes pixel_lanes(const Lane* lanes, int count, const Domain& domain) {
  const int last = domain.shape.rank() - 1;
  for (int first = 0; last >= 0 && first + 3 <= count; ++first) {
    const Lane& lane = lanes[first];
    const auto size = static_cast<std::int64_t>(size_of(lane.dtype));
    const auto follows = [&](int k) {
      const Lane& next = lanes[first + k];
      return first + k < count && lane.base && next.base && next.dtype == lane.dtype && next.strides == lane.strides &&
             next.base - lane.base == k * (lanes[first + 1].base - lane.base);
    };
    if (!follows(1) || !follows(2)) continue;
    const std::int64_t step = (lanes[first + 1].base - lane.base) / size;
    for (const int channels : {4, 3})
      if ((channels == 3 || follows(3)) &&
          interleaved_channels(lane.dtype, channels, step, lane.strides[static_cast<std::size_t>(last)]) != 0)
        return {first, channels, step};
  }
  return {};
}

void for_each_chunk(const Domain& domain, double cost,
                    FunctionRef<void(std::int64_t, std::int64_t, std::int64_t)> job) {
  if (domain.images == 0 || domain.extent == 0) return;
  const std::int64_t chunks = (domain.extent + lane_chunk - 1) / lane_chunk;
  const auto run = [&](std::int64_t i) {
    const std::int64_t begin = i % chunks * lane_chunk;
    job(i / chunks, begin, std::min(begin + lane_chunk, domain.extent));
  };
  if (domain.images * chunks == 1) return run(0);
  parallel_for(domain.images * chunks, run, cost * 1e-3 * static_cast<double>(std::min(domain.extent, lane_chunk)));
}

template <class T>
LaneReader<T>::LaneReader(const Lane& lane, const Domain& domain, std::int64_t image)
    : base_(lane.base), dtype_(lane.dtype), scale_(lane.scale) {
  const auto size = static_cast<std::int64_t>(size_of(lane.dtype));
  int first = 0;
  if (domain.images > 1) {  // the first axis counts images
    base_ += image * lane.strides[0] * size;
    first = 1;
  }
  // Axes that lie behind one another are one axis; the innermost of what is left is the run.
  std::int64_t extents[max_rank], strides[max_rank];
  int rank = 0;
  for (int i = first; i < domain.shape.rank(); ++i) {
    const std::int64_t extent = domain.shape[i], stride = lane.strides[static_cast<std::size_t>(i)];
    if (extent == 1) continue;
    if (rank > 0 && strides[rank - 1] == stride * extent) {
      extents[rank - 1] *= extent;
      strides[rank - 1] = stride;
    } else {
      extents[rank] = extent;
      strides[rank++] = stride;
    }
  }
  if (rank > 0) {
    run_ = extents[--rank];
    run_stride_ = strides[rank];
  }
  for (int i = 0; i < rank; ++i) {
    extents_[i] = extents[i];
    steps_[i] = strides[i] * size;
  }
  rank_ = rank;
  plain_ = run_stride_ == 1 && dtype_ == dtype_of<T> && scale_ == 1;
}

template <class T>
template <class Job>
void LaneReader<T>::each_run(std::int64_t begin, std::int64_t n, const Job& job) const {
  const auto size = static_cast<std::int64_t>(size_of(dtype_));
  std::int64_t index[max_rank], rest = begin / run_, at = begin % run_;
  std::byte* run = base_;
  for (int i = rank_ - 1; i >= 0; --i) {
    index[i] = rest % extents_[i];
    rest /= extents_[i];
    run += index[i] * steps_[i];
  }
  for (std::int64_t done = 0; done < n; at = 0) {
    const std::int64_t piece = std::min(n - done, run_ - at);
    job(run + at * run_stride_ * size, piece, done);
    done += piece;
    for (int i = rank_ - 1; i >= 0; --i) {  // to the next run
      run += steps_[i];
      if (++index[i] < extents_[i]) break;
      run -= steps_[i] * extents_[i];
      index[i] = 0;
    }
  }
}

namespace {

// A run of one dtype. Steps that are numbers make loops of vectors; for short runs no call is made.
template <class T>
inline void copy_strided(const T* from, std::int64_t from_step, T* to, std::int64_t to_step, std::int64_t count) {
  if (from_step == 1 && to_step == 1) {
    if (count >= 64) {
      std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(T));
      return;
    }
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
  } else if (from_step == 1 && to_step == -1) {
    for (std::int64_t i = 0; i < count; ++i) to[-i] = from[i];
  } else if (from_step == -1 && to_step == 1) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[-i];
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i * to_step] = from[i * from_step];
  }
}

}  // namespace

template <class T>
T* LaneReader<T>::at(std::int64_t begin, std::int64_t n, T* scratch, bool fill) const {
  if (dense(begin, n)) {
    std::byte* start = nullptr;
    each_run(begin, 1, [&](std::byte* from, std::int64_t, std::int64_t) { start = from; });
    return reinterpret_cast<T*>(start);
  }
  if (!fill) return scratch;
  const bool own = dtype_ == dtype_of<T> && scale_ == 1;
  each_run(begin, n, [&](const std::byte* from, std::int64_t count, std::int64_t done) {
    T* to = scratch + done;
    if (own) return copy_strided(reinterpret_cast<const T*>(from), run_stride_, to, 1, count);
    if constexpr (std::is_same_v<T, float>)
      if (scale_ != 1) return load_channel(from, dtype_, run_stride_, count, to);
    load_elements(from, dtype_, run_stride_, count, scale_, to);
  });
  return scratch;
}

template <class T>
void LaneReader<T>::at(const PixelLanes& pixels, std::int64_t begin, std::int64_t n, T* const* scratch) const {
  if constexpr (std::is_same_v<T, float>) {
    each_run(begin, n, [&](const std::byte* from, std::int64_t count, std::int64_t done) {
      float* to[4];
      for (int c = 0; c < pixels.count; ++c) to[c] = scratch[c] + done;
      load_pixels(from, dtype_, pixels.count, pixels.channel_step, static_cast<int>(run_stride_), count, to);
    });
  }
}

template <class T>
void LaneReader<T>::put(std::int64_t begin, std::int64_t n, const T* staged) const {
  each_run(begin, n, [&](std::byte* to, std::int64_t count, std::int64_t done) {
    if (dtype_ == dtype_of<T>) return copy_strided(staged + done, 1, reinterpret_cast<T*>(to), run_stride_, count);
    store_elements(staged + done, count, to, dtype_, run_stride_);
  });
}

template class LaneReader<float>;
template class LaneReader<double>;

}  // namespace lumigrad
