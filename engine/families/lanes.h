// SPDX-License-Identifier: Apache-2.0
// Lanes of a kernel call: where each scalar argument of a formula lives, and how it gets into the L1 cache.
//
// A kernel wants plain contiguous numbers of one type. Where a tensor already is that, it gets the pointer; where it is
// strided, broadcast, or bytes, a block of 1024 elements is staged in a small buffer on the way in or out. So a
// conversion or a transposition costs no pass over memory of its own.
#pragma once
#include <lumigrad/engine/callable.h>
#include <lumigrad/engine/copy.h>
#include <lumigrad/engine/families/pixel.h>

namespace lumigrad {

/// Elements that are staged together; parameter sums add blocks of this size, so it is part of what results are.
inline constexpr std::int64_t lane_block = 1024;
/// Elements of one job for a thread.
inline constexpr std::int64_t lane_chunk = 16 * lane_block;

/// A strided sequence over the domain of a call (all elements, or all pixels of all images).
struct Lane {
  std::byte* base;
  Strides strides;  // one an axis of the domain
  DType dtype;
  double scale;  // what one unit of the stored number stands for
};

/// Lanes that are the channels of stored pixels, neighbours in memory: `count` (0, 3 or 4) of them from `first` on.
/// They are staged together, since one alone costs as much as all.
struct PixelLanes {
  int first = 0, count = 0;
  std::int64_t channel_step = 0;

  bool contain(int lane) const { return lane >= first && lane < first + count; }
};

/// The domain of a call, split into images (segments) of `extent` elements each; parameters belong to an image.
struct Domain {
  Shape shape;
  std::int64_t images = 1;
  std::int64_t extent = 1;
};

/// True when every image of the lane lies in memory as plain numbers of `dtype`, in order and without gaps.
bool is_plain(const Lane& lane, const Domain& domain, DType dtype);

/// True when every image of the lane is one number (and longer than that).
bool is_number(const Lane& lane, const Domain& domain);

/// The first such lanes among these, for kernels of f32.
PixelLanes pixel_lanes(const Lane* lanes, int count, const Domain& domain);

/// Runs `job(image, begin, end)` over every chunk of every image, on all threads. `cost` is a guess in ns an element.
void for_each_chunk(const Domain& domain, double cost, FunctionRef<void(std::int64_t, std::int64_t, std::int64_t)> job);

/// A lane as one thread reads or writes it in one image. T is the kernel's number type.
template <class T>
class LaneReader {
 public:
  LaneReader() = default;
  LaneReader(const Lane& lane, const Domain& domain, std::int64_t image);
  /// True when elements [begin, begin + n) lie behind one another as T.
  bool dense(std::int64_t begin, std::int64_t n) const { return plain_ && begin % run_ + n <= run_; }
  /// How many elements from `begin` on lie behind one another as T.
  std::int64_t dense_from(std::int64_t begin) const { return plain_ ? run_ - begin % run_ : 0; }
  /// True when every element is the same number.
  bool constant() const { return rank_ == 0 && (run_stride_ == 0 || run_ == 1); }
  /// Pointer to elements [begin, begin + n): the memory itself if dense, else `scratch` (filled when `fill`).
  T* at(std::int64_t begin, std::int64_t n, T* scratch, bool fill = true) const;
  /// The same for all lanes of `pixels`, of which this is the first, into one scratch each.
  void at(const PixelLanes& pixels, std::int64_t begin, std::int64_t n, T* const* scratch) const;
  /// Writes staged elements back; nothing to do where at() gave the memory itself.
  void put(std::int64_t begin, std::int64_t n, const T* staged) const;

 private:
  // Calls job(address, count, done) for the runs that elements [begin, begin + n) lie in.
  template <class Job>
  void each_run(std::int64_t begin, std::int64_t n, const Job& job) const;

  std::byte* base_ = nullptr;
  std::int64_t extents_[max_rank]{};
  std::int64_t steps_[max_rank]{};  // in bytes
  int rank_ = 0;                    // of the axes outside the run
  std::int64_t run_ = 1;            // elements of the innermost axis
  std::int64_t run_stride_ = 1;     // in elements
  DType dtype_ = DType::f32;
  double scale_ = 1;
  bool plain_ = false;
};

}  // namespace lumigrad
