// SPDX-License-Identifier: Apache-2.0
// Sums that come out the same in whatever order threads add.
//
// Floating-point addition rounds, so the order of additions shows in the result; integer addition does not. So numbers
// are scaled by a power of two, rounded to 64-bit integers, and these are added. The power is the largest with which no
// sum can overflow: it follows from the largest number of the plane and from how many may meet. With a million numbers
// meeting in the worst case there remain 42 bits for the largest of them, where a float has 24.
//
// A plane that holds a number that is not finite has no such scale. Its words are summed as doubles instead, so that
// infinities and NaNs arrive where they belong; the last bits of the other numbers of that plane may then differ from
// call to call.
//
//     begin         sums = 0, the largest numbers of parts of each plane, and from these its scale
//     add_fixed     by any thread of the caller's kernel
//     end           back to floating point
#pragma once
#include <cmath>
#include <cstring>

#include <lumigrad/cuda/atomics.h>
#include <lumigrad/cuda/launch.h>
#include <limits>

namespace lumigrad::cuda {

/// What the numbers of a plane are multiplied by, a power of two as two factors: either alone is an ordinary number
/// where their product need not be. Zero for a plane of zeros, infinite for one with a number that is not finite.
template <class T>
struct Scale {
  T first, second;
  LUMIGRAD_HD bool is_infinite() const { return first > std::numeric_limits<T>::max(); }
};

/// Adds a number to a sum, a word that was zero.
template <class T>
LUMIGRAD_KERNEL inline void add_fixed(std::int64_t* sum, T value, const Scale<T>& scale) {
  if (scale.is_infinite()) {
    add_in_any_order(reinterpret_cast<double*>(sum), static_cast<double>(value));
  } else {
    atomic_add(sum, static_cast<std::int64_t>(std::llrint(value * scale.first * scale.second)));
  }
}

/// What a sum amounts to.
template <class T>
LUMIGRAD_INLINE T value_of_sum(std::int64_t sum, const Scale<T>& scale) {
  if (scale.is_infinite()) {
    double value = 0;
    memcpy(&value, &sum, sizeof value);
    return static_cast<T>(value);
  }
  if (scale.first == 0) return T(0);
  return static_cast<T>(static_cast<double>(sum) / scale.first / scale.second);
}

/// The largest magnitude of numbers first ... last - 1, in every thread; infinite where one of them is not finite.
template <class T, class Value>
LUMIGRAD_KERNEL inline T largest_of(const auto& block, std::int64_t first, std::int64_t last, const Value& value) {
  T most = T(0);
  for (std::int64_t i = first + block.thread(); i < last; i += block.threads()) {
    const T x = abs(value(i));
    most = x <= most ? most : x == x ? x : std::numeric_limits<T>::infinity();
  }
  return block.join(most, [](const T& a, const T& b) { return a < b ? b : a; });
}

/// Planes cut into parts, a block each.
struct Parts {
  std::int64_t count;
  LUMIGRAD_HD std::int64_t begin(std::int64_t part, std::int64_t n) const { return n * part / count; }
};

/// Numbers of a plane: value(plane, i) for i < count; their sums: `words` of them a plane.
template <class T, class Value>
struct Measure {
  Value value;
  std::int64_t count, words;
  Parts parts;
  std::int64_t* sums;
  T* largest;  // of each part of each plane

  LUMIGRAD_KERNEL void operator()(const auto& block) const {
    const std::int64_t plane = block.index() / parts.count, part = block.index() % parts.count;
    for (auto i = parts.begin(part, words) + block.thread(); i < parts.begin(part + 1, words); i += block.threads())
      sums[plane * words + i] = 0;
    const T most = largest_of<T>(block, parts.begin(part, count), parts.begin(part + 1, count),
                                 [&](std::int64_t i) { return value(plane, i); });
    if (block.thread() == 0) largest[block.index()] = most;
  }
};

/// The scale of a plane, with which no sum reaches 2^62. `weight`: a bound of the sum of all weights of one plane.
/// Images of `channels` planes that are `done` are left alone.
template <class T>
struct Settle {
  const T* largest;
  Parts parts;
  double weight;
  Scale<T>* scales;
  const std::int32_t* done;
  int channels;

  LUMIGRAD_KERNEL void operator()(const auto& block) const {
    const std::int64_t plane = block.index();
    if (done && done[plane / channels]) return;
    const T* const from = largest + plane * parts.count;
    const T most = largest_of<T>(block, 0, parts.count, [&](std::int64_t i) { return from[i]; });
    if (block.thread() > 0) return;
    if (most == 0 || most > std::numeric_limits<T>::max()) {
      scales[plane] = {most, most};
      return;
    }
    int of_number = 0, of_weight = 0;
    std::frexp(most, &of_number);
    std::frexp(weight, &of_weight);
    const int exponent = 62 - of_number - of_weight, half = exponent / 2;
    scales[plane] = {std::ldexp(T(1), half), std::ldexp(T(1), exponent - half)};
  }
};

/// Sums as numbers, dense.
template <class T>
struct WriteSums {
  const std::int64_t* sums;
  const Scale<T>* scales;
  std::int64_t words;
  Parts parts;
  T* to;
  const std::int32_t* done;
  int channels;

  LUMIGRAD_KERNEL void operator()(const auto& block) const {
    const std::int64_t plane = block.index() / parts.count, part = block.index() % parts.count;
    if (done && done[plane / channels]) return;
    const Scale<T> scale = scales[plane];
    for (auto i = parts.begin(part, words) + block.thread(); i < parts.begin(part + 1, words); i += block.threads())
      to[plane * words + i] = value_of_sum(sums[plane * words + i], scale);
  }
};

/// The words, largest numbers and scales of a call, for images of `channels` planes of `words` sums each.
template <class T>
class FixedPoint {
 public:
  FixedPoint(Place place, std::int64_t images, int channels, std::int64_t words, std::int64_t parts = 0)
      : planes_(images * channels),
        words_(words),
        channels_(channels),
        parts_{parts > 0 ? parts : (words + 4095) / 4096},
        memory_(place, static_cast<std::size_t>(planes_ * (words_ + parts_.count + 2) + images) * 8),
        place_(place) {}
  Status status() const { return memory_.status(); }
  std::int64_t* sums() const { return memory_.template as<std::int64_t>(); }
  T* largest() const { return reinterpret_cast<T*>(sums() + planes_ * words_); }
  Scale<T>* scales() const { return reinterpret_cast<Scale<T>*>(sums() + planes_ * (words_ + parts_.count)); }
  /// A flag an image, for callers that finish some images otherwise.
  std::int32_t* flags() const {
    return reinterpret_cast<std::int32_t*>(sums() + planes_ * (words_ + parts_.count + 2));
  }

  /// value(plane, i), i < count: the numbers to be added, each with weights that come to at most `weight` in all.
  template <class Value>
  Status begin(const Value& value, std::int64_t count, double weight) const {
    const Measure<T, Value> measure{value, count, words_, parts_, sums(), largest()};
    LUMIGRAD_TRY(for_each_block(place_, planes_ * parts_.count, 256, 0, measure));
    return settle(weight, nullptr);
  }
  /// The scales, from sums that are zero and largest numbers that are known.
  Status settle(double weight, const std::int32_t* done) const {
    const Settle<T> body{largest(), parts_, weight, scales(), done, channels_};
    return for_each_block(place_, planes_, 128, 0, body);
  }
  Status end(T* to, const std::int32_t* done = nullptr) const {
    const Parts parts{(words_ + 4095) / 4096};
    const WriteSums<T> body{sums(), scales(), words_, parts, to, done, channels_};
    return for_each_block(place_, planes_ * parts.count, 256, 0, body);
  }

 private:
  std::int64_t planes_, words_;
  int channels_;
  Parts parts_;
  Scratch memory_;
  Place place_;
};

}  // namespace lumigrad::cuda
