// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/philox.h>
#include <lumigrad/engine/random.h>
#include <algorithm>
#include <cmath>
#include <limits>

namespace lumigrad {
namespace {

/// out[k] = convert(draw first + k): a float takes a word, a double two.
template <class T, class Convert>
void fill(std::span<T> out, std::uint64_t first, Convert convert, std::uint64_t seed, std::uint32_t operation,
          std::uint64_t sample) {
  constexpr std::uint64_t per_block = 16 / sizeof(T);
  const auto draw = [&](const Words4& words, std::uint64_t k) {
    if constexpr (sizeof(T) == 4)
      return convert(words.word[k]);
    else
      return convert(half_of(words, k));
  };
  std::uint64_t block = first / per_block;
  std::size_t done = 0;
  const auto part_of_block = [&](std::uint64_t begin) {
    const Words4 words = draw_block({seed, sample, operation}, block++);
    for (std::uint64_t k = begin; k < per_block && done < out.size(); ++k) out[done++] = draw(words, k);
  };
  if (first % per_block != 0) part_of_block(first % per_block);
  for (; done + per_block <= out.size(); done += per_block) {
    const Words4 words = draw_block({seed, sample, operation}, block++);
    for (std::uint64_t k = 0; k < per_block; ++k) out[done + k] = draw(words, k);
  }
  if (done < out.size()) part_of_block(0);
}

/// Calls draw(sample, first position, first element, count) for pieces of a tensor whose first axis is the sample.
/// The pieces depend on the shape alone, the draws not even on the pieces.
template <class Draw>
void for_each_piece(const char* op, const Shape& shape, double microseconds_per_element, Draw draw) {
  constexpr std::int64_t piece = 16384;
  const std::int64_t total = shape.numel();
  if (total == 0) return;
  const std::int64_t samples = shape.rank() == 0 ? 1 : shape[0];
  const std::int64_t per_sample = total / samples;
  require<ShapeError>(per_sample <= std::int64_t{1} << 33, op, ": expected at most 2^33 elements a sample, got ",
                      per_sample);
  const std::int64_t chunks = (total + piece - 1) / piece;
  parallel_for(
      chunks,
      [&](std::int64_t chunk) {
        const std::int64_t end = std::min(total, (chunk + 1) * piece);
        for (std::int64_t at = chunk * piece; at < end;) {
          const std::int64_t sample = at / per_sample, position = at % per_sample;
          const std::int64_t count = std::min(end - at, per_sample - position);
          draw(static_cast<std::uint64_t>(sample), static_cast<std::uint64_t>(position), at, count);
          at += count;
        }
      },
      microseconds_per_element * static_cast<double>(piece));
}

void require_floating(const char* op, DType dtype) {
  require<DTypeError>(dtype == DType::f32 || dtype == DType::f64, op, ": expected f32 or f64, got ", dtype);
}

/// The same draws made on a device.
Tensor drawn_there(const char* op, device::DrawCall call, const Generator& generator, const Shape& shape, DType dtype,
                   Device device) {
  Tensor out = Tensor::empty(shape, dtype, device);
  if (out.numel() == 0) return out;
  call.dtype = dtype;
  call.seed = generator.seed;
  call.first_sample = generator.first_sample;
  call.operation = generator.operation;
  call.total = out.numel();
  call.per_sample = out.numel() / (shape.rank() == 0 ? 1 : shape[0]);
  call.to = out.device_data();
  require<ShapeError>(call.per_sample <= std::int64_t{1} << 33, op, ": expected at most 2^33 elements a sample, got ",
                      call.per_sample);
  device::check(op, device, device::table(device).scan.draw(device::place_of(device), &call));
  return out;
}

/// origin + scale * draw, in the tensor's own precision.
template <class T, class Fill>
void fill_scaled(const char* op, const Generator& generator, Tensor& out, double origin, double scale,
                 Fill fill_draws) {
  T* const data = out.mutable_data<T>();
  const T offset = static_cast<T>(origin), factor = static_cast<T>(scale);
  for_each_piece(op, out.shape(), 0.01,
                 [&](std::uint64_t sample, std::uint64_t position, std::int64_t at, std::int64_t count) {
                   const std::span<T> part(data + at, static_cast<std::size_t>(count));
                   fill_draws(generator.stream(sample), part, position);
                   for (T& value : part) value = exact::add(offset, exact::mul(factor, value));
                 });
}

template <class Fill>
Tensor scaled(const char* op, const Generator& generator, const Shape& shape, double origin, double scale, DType dtype,
              Fill fill_draws) {
  require_floating(op, dtype);
  Tensor out = Tensor::empty(shape, dtype);
  if (dtype == DType::f32)
    fill_scaled<float>(op, generator, out, origin, scale, fill_draws);
  else
    fill_scaled<double>(op, generator, out, origin, scale, fill_draws);
  return out;
}

}  // namespace

std::uint32_t Stream::word(std::uint64_t i) const { return draw_word({seed_, sample_, operation_}, i); }
std::uint64_t Stream::word64(std::uint64_t i) const { return draw_word64({seed_, sample_, operation_}, i); }
float Stream::uniform_float(std::uint64_t i) const { return unit_float(word(i)); }
double Stream::uniform(std::uint64_t i) const { return unit_double(word64(i)); }
float Stream::normal_float(std::uint64_t i) const { return normal_from(word(i)); }
double Stream::normal(std::uint64_t i) const { return normal_from(word64(i)); }

std::uint64_t Stream::below(std::uint64_t n, std::uint64_t i) const {
  require<NumericError>(n > 0, "below: expected n > 0, got 0");
  return draw_below({seed_, sample_, operation_}, n, i);
}

void Stream::fill_uniform(std::span<float> out, std::uint64_t first) const {
  fill(
      out, first, [](std::uint32_t bits) { return unit_float(bits); }, seed_, operation_, sample_);
}
void Stream::fill_uniform(std::span<double> out, std::uint64_t first) const {
  fill(
      out, first, [](std::uint64_t bits) { return unit_double(bits); }, seed_, operation_, sample_);
}
void Stream::fill_normal(std::span<float> out, std::uint64_t first) const {
  fill(
      out, first, [](std::uint32_t bits) { return normal_from(bits); }, seed_, operation_, sample_);
}
void Stream::fill_normal(std::span<double> out, std::uint64_t first) const {
  fill(
      out, first, [](std::uint64_t bits) { return normal_from(bits); }, seed_, operation_, sample_);
}

Generator Generator::then(std::uint32_t step) const {
  Generator next = *this;
  for (int byte = 0; byte < 4; ++byte) next.operation = (next.operation ^ (step >> (8 * byte) & 255u)) * 16777619u;
  return next;
}

Tensor uniform(const Generator& generator, const Shape& shape, double low, double high, DType dtype, Device device) {
  require<NumericError>(std::isfinite(low) && std::isfinite(high - low) && low <= high,
                        "uniform: expected finite low <= high, got ", low, " and ", high);
  if (device != Device()) {
    require_floating("uniform", dtype);
    return drawn_there("uniform", {.kind = device::DrawCall::Kind::uniform, .origin = low, .scale = high - low},
                       generator, shape, dtype, device);
  }
  return scaled("uniform", generator, shape, low, high - low, dtype,
                [](const Stream& stream, auto part, std::uint64_t first) { stream.fill_uniform(part, first); });
}

Tensor normal(const Generator& generator, const Shape& shape, double mean, double deviation, DType dtype,
              Device device) {
  require<NumericError>(std::isfinite(mean) && std::isfinite(deviation) && deviation >= 0,
                        "normal: expected a finite mean and deviation >= 0, got ", mean, " and ", deviation);
  if (device != Device()) {
    require_floating("normal", dtype);
    return drawn_there("normal", {.kind = device::DrawCall::Kind::normal, .origin = mean, .scale = deviation},
                       generator, shape, dtype, device);
  }
  return scaled("normal", generator, shape, mean, deviation, dtype,
                [](const Stream& stream, auto part, std::uint64_t first) { stream.fill_normal(part, first); });
}

Tensor integers(const Generator& generator, const Shape& shape, std::int64_t low, std::int64_t high, DType dtype,
                Device device) {
  require<DTypeError>(dtype == DType::i32 || dtype == DType::i64, "integers: expected i32 or i64, got ", dtype);
  require<NumericError>(low < high, "integers: expected low < high, got ", low, " and ", high);
  using Narrow = std::numeric_limits<std::int32_t>;
  require<NumericError>(dtype == DType::i64 || (low >= Narrow::min() && high - 1 <= Narrow::max()),
                        "integers: expected bounds that fit i32, got ", low, " and ", high);
  const std::uint64_t n = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  if (device != Device())
    return drawn_there("integers", {.kind = device::DrawCall::Kind::integers, .low = low, .values = n}, generator,
                       shape, dtype, device);
  Tensor out = Tensor::empty(shape, dtype);
  const auto fill_integers = [&](auto* data) {
    using T = std::remove_pointer_t<decltype(data)>;
    for_each_piece("integers", shape, 0.02,
                   [&](std::uint64_t sample, std::uint64_t position, std::int64_t at, std::int64_t count) {
                     const Stream stream = generator.stream(sample);
                     for (std::int64_t k = 0; k < count; ++k)
                       data[at + k] = static_cast<T>(static_cast<std::uint64_t>(low) +
                                                     stream.below(n, position + static_cast<std::uint64_t>(k)));
                   });
  };
  if (dtype == DType::i32)
    fill_integers(out.mutable_data<std::int32_t>());
  else
    fill_integers(out.mutable_data<std::int64_t>());
  return out;
}

// Fisher and Yates: the last place takes any of the values left, and so on down.
Tensor permutation(const Generator& generator, std::int64_t count, Device device) {
  require<ShapeError>(count >= 0, "permutation: expected count >= 0, got ", count);
  Tensor out = Tensor::arange(count, DType::i64);
  std::int64_t* const data = out.mutable_data<std::int64_t>();
  const Stream stream = generator.stream(0);
  for (std::int64_t i = count - 1; i > 0; --i)
    std::swap(data[i], data[stream.below(static_cast<std::uint64_t>(i) + 1, static_cast<std::uint64_t>(i))]);
  return out.to(device);
}

}  // namespace lumigrad
