// SPDX-License-Identifier: Apache-2.0
// Every way lumigrad says no. Bad input ends in one of these exceptions, never in an abort, and a failed operator
// leaves its tensors and the tape as they were. A message reads `operator: expected ..., got ...`.
#pragma once
#include <concepts>
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

inline std::string to_string(std::string_view text) { return std::string(text); }
template <std::integral T>
std::string to_string(T value) {
  if constexpr (std::same_as<T, bool>) return value ? "true" : "false";
  return std::to_string(value);
}
/// The shortest decimal text that reads back as the same number.
LUMIGRAD_API std::string to_string(double value);

/// Joins the parts of a message; each part is anything with a `to_string`.
template <class... Parts>
std::string message(const Parts&... parts) {
  std::string text;
  (text.append(to_string(parts)), ...);
  return text;
}

/// Throws `Kind` with the joined parts unless `ok`; the message is built only on failure.
template <class Kind, class... Parts>
inline void require(bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]]
    throw Kind(message(parts...));
}

}  // namespace lumigrad
