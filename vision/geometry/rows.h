// SPDX-License-Identifier: Apache-2.0
// Arguments that the rows of this area share, and how calls read them.
#pragma once
#include <lumigrad/engine/catalogue.h>

namespace lumigrad::geometry {

inline constexpr auto exact = Differentiability::exact;
inline constexpr auto almost = Differentiability::almost_everywhere;

inline Tensor numbers(std::initializer_list<double> values, const Shape& shape) {
  return Tensor::from(std::vector<double>(values), shape);
}
inline Argument tensor(const char* name, const char* doc, Differentiability gradient, const char* otherwise = "",
                       bool optional = false) {
  return {.name = name, .doc = doc, .gradient = gradient, .otherwise = otherwise, .optional = optional};
}
inline Argument option(const char* name, Argument::Kind kind, const char* doc, const char* otherwise,
                       std::vector<std::string> choices = {}) {
  return {.name = name, .kind = kind, .doc = doc, .otherwise = otherwise, .choices = std::move(choices)};
}
inline Argument choice(const char* name, const char* doc, const char* otherwise, std::vector<std::string> choices) {
  return option(name, Argument::Kind::choice, doc, otherwise, std::move(choices));
}

// Names of options, in the order of their enumerations.
inline const std::vector<std::string> interpolations = {"nearest", "bilinear", "bicubic"};
inline const std::vector<std::string> borders = {"zeros", "border", "reflection", "symmetric", "circular"};
inline const std::vector<std::string> resamplings = {"nearest", "floor", "bilinear", "bicubic", "area"};
inline const std::vector<std::string> antialiases = {"none", "support", "gaussian"};

template <class E>
E chosen(const Values& v, const char* name, const std::vector<std::string>& names) {
  const std::string wanted = v.choice(name);
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == wanted) return static_cast<E>(i);
  throw FormatError(message(name, ": expected one of the listed choices, got ", wanted));
}

}  // namespace lumigrad::geometry
