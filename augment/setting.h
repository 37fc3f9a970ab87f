// SPDX-License-Identifier: Apache-2.0
// What an augmentation is told and does not draw: a switch, a number, a text (the name of a border, say). A class of
// its own, since <variant> takes a twenty-fifth of the time in which a compiler reads all of lumigrad.h.
#pragma once
#include <lumigrad/engine/dictionary.h>
#include <string>
#include <type_traits>

namespace lumigrad::augment {

/// One of three kinds of value, made from it implicitly.
class Setting {
 public:
  enum class Kind { flag, number, text };

  Setting() = default;
  template <class T>
  requires(std::is_arithmetic_v<T> && !std::is_same_v<T, char>) Setting(T value)
      : kind_(std::is_same_v<T, bool> ? Kind::flag : Kind::number), flag_(value), number_(static_cast<double>(value)) {}
  Setting(std::string text) : kind_(Kind::text), text_(std::move(text)) {}
  Setting(const char* text) : Setting(std::string(text)) {}
  Setting(std::nullptr_t) = delete;

  Kind kind() const { return kind_; }
  /// Where the value is if it is of this kind, else null.
  const bool* if_flag() const { return kind_ == Kind::flag ? &flag_ : nullptr; }
  const double* if_number() const { return kind_ == Kind::number ? &number_ : nullptr; }
  const std::string* if_text() const { return kind_ == Kind::text ? &text_ : nullptr; }

  /// Of one kind, and of one value.
  friend bool operator==(const Setting&, const Setting&) = default;

 private:
  Kind kind_ = Kind::flag;
  bool flag_ = false;
  double number_ = 0;
  std::string text_;
};

/// Settings by name.
using Settings = Dictionary<Setting>;

}  // namespace lumigrad::augment
