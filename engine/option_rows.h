// SPDX-License-Identifier: Apache-2.0
// Arguments of rows that are not tensors.
#pragma once
#include <lumigrad/engine/catalogue.h>

namespace lumigrad::rows {

inline Argument integer(const char* name, const char* doc, const char* otherwise) {
  return {.name = name, .kind = Argument::Kind::integer, .doc = doc, .otherwise = otherwise};
}
inline Argument flag(const char* name, const char* doc, const char* otherwise) {
  return {.name = name, .kind = Argument::Kind::flag, .doc = doc, .otherwise = otherwise};
}
/// A number that is not differentiated.
inline Argument option(const char* name, const char* doc, const char* otherwise) {
  return {.name = name, .kind = Argument::Kind::number, .doc = doc, .otherwise = otherwise};
}

}  // namespace lumigrad::rows
