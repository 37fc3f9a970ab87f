// SPDX-License-Identifier: Apache-2.0
// Random numbers, keyed instead of kept. A draw is a pure function of four numbers: the seed, the operation that asks,
// the sample (the index along the first axis of a batch) and its position within the sample. So the draws are the same
// at any thread count, however a batch is split, on replay, and on CPU and CUDA, bit for bit.
#pragma once
#include <lumigrad/engine/shape.h>
#include <lumigrad/engine/tensor.h>
#include <cstdint>
#include <span>
#include <string_view>

namespace lumigrad {

/// The number of an operation by name ("augment.rotate"): 32-bit FNV-1a.
constexpr std::uint32_t operation_id(std::string_view name) {
  std::uint32_t hash = 2166136261u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

/// The draws of one sample for one operation. Draw i does not depend on which others are made. Floats and 32-bit words
/// share one sequence, doubles, 64-bit words and integers another view of it (draw i covers words 2i and 2i + 1): a
/// caller that mixes types takes a different operation for each. i in [0, 2^33).
class LUMIGRAD_API Stream {
 public:
  Stream(std::uint64_t seed, std::uint32_t operation, std::uint64_t sample)
      : seed_(seed), sample_(sample), operation_(operation) {}

  std::uint32_t word(std::uint64_t i) const;
  std::uint64_t word64(std::uint64_t i) const;
  /// In [0, 1): a multiple of 2^-24 (float) or 2^-53 (double).
  float uniform_float(std::uint64_t i) const;
  double uniform(std::uint64_t i) const;
  /// Standard normal.
  float normal_float(std::uint64_t i) const;
  double normal(std::uint64_t i) const;
  /// In [0, n), every value equally likely: no modulo, and the few words that would favour some values are drawn again.
  /// Throws NumericError for n = 0.
  std::uint64_t below(std::uint64_t n, std::uint64_t i) const;

  /// The draws first, first + 1, ... at once.
  void fill_uniform(std::span<float> out, std::uint64_t first = 0) const;
  void fill_uniform(std::span<double> out, std::uint64_t first = 0) const;
  void fill_normal(std::span<float> out, std::uint64_t first = 0) const;
  void fill_normal(std::span<double> out, std::uint64_t first = 0) const;

 private:
  std::uint64_t seed_;
  std::uint64_t sample_;
  std::uint32_t operation_;
};

/// A seed, an operation and the number of the first sample: a value, copied freely, never changed by drawing. Two calls
/// with the same generator give the same numbers; `then` makes others.
struct LUMIGRAD_API Generator {
  std::uint64_t seed = 0;
  std::uint32_t operation = 0;
  std::uint64_t first_sample = 0;  ///< of a batch that is a part of a larger one

  Stream stream(std::uint64_t sample) const { return Stream(seed, operation, first_sample + sample); }
  /// The generator of a step below this one: a named operation, or the index of a repetition.
  Generator then(std::string_view name) const { return then(operation_id(name)); }
  Generator then(std::uint32_t step) const;
  /// The same for the samples from `sample` on.
  Generator from_sample(std::uint64_t sample) const { return {seed, operation, first_sample + sample}; }
};

/// Uniform numbers in [low, high), f32 or f64 (f32 bounds are rounded to float; a result that rounds up to `high` may
/// appear when the interval is tiny against its ends). The first axis is the sample; a scalar is sample 0. Throws
/// DTypeError for other dtypes, NumericError unless low <= high and both are finite.
LUMIGRAD_API Tensor uniform(const Generator& generator, const Shape& shape, double low = 0, double high = 1,
                            DType dtype = DType::f32, Device device = {});
/// Normal numbers, f32 or f64. Throws NumericError unless deviation >= 0 and both are finite.
LUMIGRAD_API Tensor normal(const Generator& generator, const Shape& shape, double mean = 0, double deviation = 1,
                           DType dtype = DType::f32, Device device = {});
/// Integers in [low, high), i32 or i64. Throws NumericError unless low < high (and both fit the dtype).
LUMIGRAD_API Tensor integers(const Generator& generator, const Shape& shape, std::int64_t low, std::int64_t high,
                             DType dtype = DType::i64, Device device = {});
/// 0 ... count - 1 in random order (all orders equally likely), i64. Sample 0 of the generator.
LUMIGRAD_API Tensor permutation(const Generator& generator, std::int64_t count, Device device = {});

}  // namespace lumigrad
