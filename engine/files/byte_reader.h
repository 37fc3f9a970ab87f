// SPDX-License-Identifier: Apache-2.0
// The one way in which lumigrad looks at bytes it did not write.
//
// A file says how long its parts are, and a hostile file lies. So nothing here trusts a size: every read is compared
// with what is left, every sum and product of sizes that come from a file is checked for overflow, and what does not
// fit is a FormatError that says where in the file it stood. Parsers built on it need no bounds checks of their own.
#pragma once
#include <lumigrad/engine/error.h>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace lumigrad {

enum class ByteOrder { little, big };

/// a * b and a + b of sizes from a file; FormatError naming `what` instead of a wrapped number.
inline std::uint64_t checked_mul(std::string_view what, std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  require<FormatError>(!__builtin_mul_overflow(a, b, &product), what, ": sizes overflow (", a, " x ", b, ")");
  return product;
}
inline std::uint64_t checked_add(std::string_view what, std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  require<FormatError>(!__builtin_add_overflow(a, b, &sum), what, ": sizes overflow (", a, " + ", b, ")");
  return sum;
}

/// A position in a run of bytes that somebody else keeps alive. Copies are cheap and independent.
class ByteReader {
 public:
  /// `format` stands in front of every message.
  ByteReader(std::span<const std::byte> bytes, std::string_view format, ByteOrder order = ByteOrder::little)
      : bytes_(bytes), format_(format), order_(order) {}

  std::uint64_t size() const { return bytes_.size(); }
  std::uint64_t position() const { return at_; }
  std::uint64_t remaining() const { return bytes_.size() - at_; }
  bool at_end() const { return at_ == bytes_.size(); }

  void set_order(ByteOrder order) { order_ = order; }
  void seek(std::uint64_t position) {
    require<FormatError>(position <= bytes_.size(), format_, ": position ", position, " is beyond the end (",
                         bytes_.size(), " bytes)");
    at_ = position;
  }
  void skip(std::uint64_t count) { take(count); }

  /// The next `count` bytes, and steps over them.
  std::span<const std::byte> take(std::uint64_t count) {
    require<FormatError>(count <= remaining(), format_, ": the file is cut short at byte ", at_, " (", count,
                         " bytes expected, ", remaining(), " left)");
    const auto part = bytes_.subspan(static_cast<std::size_t>(at_), static_cast<std::size_t>(count));
    at_ += count;
    return part;
  }
  std::string_view text(std::uint64_t count) {
    const auto part = take(count);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  /// A reader over `count` bytes from `offset`, with positions of its own.
  ByteReader part(std::uint64_t offset, std::uint64_t count) const {
    ByteReader all = *this;
    all.seek(offset);
    return ByteReader(all.take(count), format_, order_);
  }
  /// The next byte without stepping over it, or -1 at the end.
  int peek() const { return at_end() ? -1 : std::to_integer<int>(bytes_[static_cast<std::size_t>(at_)]); }

  /// The next number, in the byte order of the file.
  template <class T>
  requires std::integral<T> || std::floating_point<T> T read() {
    std::byte raw[sizeof(T)];
    std::memcpy(raw, take(sizeof(T)).data(), sizeof(T));
    if ((order_ == ByteOrder::big) != (std::endian::native == std::endian::big))
      for (std::size_t i = 0; i < sizeof(T) / 2; ++i) std::swap(raw[i], raw[sizeof(T) - 1 - i]);
    T value;
    std::memcpy(&value, raw, sizeof(T));
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  std::string_view format_;
  ByteOrder order_;
  std::uint64_t at_ = 0;
};

/// The bytes of a text or of numbers, for readers and writers.
inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// Appends a number in little-endian (big-endian) order.
template <std::integral T>
void append_number(std::string& to, T value, ByteOrder order = ByteOrder::little) {
  using U = std::make_unsigned_t<T>;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    const std::size_t byte = order == ByteOrder::little ? i : sizeof(T) - 1 - i;
    to.push_back(static_cast<char>((static_cast<U>(value) >> (8 * byte)) & 0xffu));
  }
}

}  // namespace lumigrad
