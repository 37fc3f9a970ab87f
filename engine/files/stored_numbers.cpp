// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/files/stored_numbers.h>

#include <algorithm>
#include <limits>

namespace lumigrad {

static_assert(std::endian::native == std::endian::little, "tensor files are written as they lie in memory");

namespace {

template <class From, class To>
void widen(std::string_view format, ByteReader data, Tensor& tensor) {
  To* to = tensor.mutable_data<To>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    const From value = data.read<From>();
    require<FormatError>(std::in_range<To>(value), format, ": a number beyond 2^63 - 1");
    to[i] = static_cast<To>(value);
  }
}

}  // namespace

Shape checked_shape(std::string_view format, const std::vector<std::uint64_t>& extents) {
  std::vector<std::int64_t> checked;
  for (const std::uint64_t extent : extents) {
    require<FormatError>(extent <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), format,
                         ": an extent of ", extent);
    checked.push_back(static_cast<std::int64_t>(extent));
  }
  try {
    return Shape(checked);
  } catch (const ShapeError& error) {
    throw FormatError(message(format, ": ", error.what()));
  }
}

Tensor tensor_from_stored(std::string_view format, Stored stored, const Shape& shape, ByteReader data,
                          ByteOrder order) {
  const std::uint64_t size = checked_mul(format, static_cast<std::uint64_t>(shape.numel()), stored.bytes());
  const auto source = data.take(size);
  Tensor tensor = Tensor::empty(shape, stored.dtype);
  const ByteReader numbers(source, format, order);
  switch (stored.wide) {
    case Stored::signed_8:
      widen<std::int8_t, std::int32_t>(format, numbers, tensor);
      return tensor;
    case Stored::signed_16:
      widen<std::int16_t, std::int32_t>(format, numbers, tensor);
      return tensor;
    case Stored::unsigned_32:
      widen<std::uint32_t, std::int64_t>(format, numbers, tensor);
      return tensor;
    case Stored::unsigned_64:
      widen<std::uint64_t, std::int64_t>(format, numbers, tensor);
      return tensor;
    case Stored::none:
      break;
  }
  auto* to = const_cast<std::byte*>(tensor.bytes());
  if (!source.empty()) std::memcpy(to, source.data(), source.size());
  const std::size_t step = stored.bytes();
  if (order == ByteOrder::big)
    for (std::size_t at = 0; at < source.size() && step > 1; at += step) std::reverse(to + at, to + at + step);
  if (stored.dtype == DType::boolean)
    for (std::size_t at = 0; at < source.size(); ++at) to[at] = std::byte{to[at] != std::byte{0}};
  return tensor;
}

}  // namespace lumigrad
