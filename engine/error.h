// SPDX-License-Identifier: Apache-2.0
// Every way lumigrad says no. Bad input ends in one of these exceptions, never in an abort, and a failed operator
// leaves its tensors and the tape as they were. A message reads `operator: expected ..., got ...`.
#pragma once
#include <concepts>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#ifndef LUMIGRAD_API
#define LUMIGRAD_API __attribute__((visibility("default")))
#endif

namespace lumigrad {

/// The base of all errors the library throws.
class LUMIGRAD_API Error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Shapes that do not fit the operator or each other.
class LUMIGRAD_API ShapeError : public Error {
  using Error::Error;
};
/// A dtype the operator does not take.
class LUMIGRAD_API DTypeError : public Error {
  using Error::Error;
};
/// A device that is not there, or tensors on different devices.
class LUMIGRAD_API DeviceError : public Error {
  using Error::Error;
};
/// A file that cannot be opened, read or written.
class LUMIGRAD_API IoError : public Error {
  using Error::Error;
};
/// Bytes that are not what their format promises.
class LUMIGRAD_API FormatError : public Error {
  using Error::Error;
};
/// A request beyond the memory budget or another stated limit.
class LUMIGRAD_API ResourceError : public Error {
  using Error::Error;
};
/// A value outside an operator's range, or a non-finite one where anomaly mode looks.
class LUMIGRAD_API NumericError : public Error {
  using Error::Error;
};
/// A misuse of the tape: swept twice, changed in place, differentiated beyond what is defined.
class LUMIGRAD_API GraphError : public Error {
  using Error::Error;
};

LUMIGRAD_API std::string to_string(std::string_view text);
template <std::integral T>
std::string to_string(T value) {
  if constexpr (std::same_as<T, bool>) return value ? "true" : "false";
  return std::to_string(value);
}
/// The shortest decimal text that reads back as the same number.
LUMIGRAD_API std::string to_string(double value);

/// One part of a message: anything with a `to_string`. It refers to its value, which is turned into text only when the
/// message is needed; so a check that passes costs a branch, and one more check costs the library a few bytes.
class Part {
 public:
  Part(std::string_view text) : value_(text.data()), size_(text.size()) {}
  template <class T>
  requires(!std::convertible_to<const T&, std::string_view>) Part(const T& value)
      : value_(&value),
        append_([](std::string& text, const void* from) { text.append(to_string(*static_cast<const T*>(from))); }) {}
  LUMIGRAD_API void append_to(std::string& text) const;

 private:
  const void* value_;
  std::size_t size_ = 0;
  void (*append_)(std::string& text, const void* value) = nullptr;  // null: text of size_ characters
};

/// Joins the parts of a message.
LUMIGRAD_API std::string joined(std::initializer_list<Part> parts);
template <class... Parts>
std::string message(const Parts&... parts) {
  return joined({Part(parts)...});
}

template <class Kind>
[[noreturn, gnu::cold, gnu::noinline]] void raise(std::initializer_list<Part> parts) {
  throw Kind(joined(parts));
}

/// Throws `Kind` with the joined parts unless `ok`; the message is built only on failure.
template <class Kind, class... Parts>
inline void require(bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]]
    raise<Kind>({Part(parts)...});
}

}  // namespace lumigrad
