// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/dtype.h>
#include <lumigrad/engine/error.h>
#include <charconv>

namespace lumigrad {

std::string to_string(std::string_view text) { return std::string(text); }

std::string to_string(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return std::string(text, end);
}

void Part::append_to(std::string& text) const {
  if (append_) return append_(text, value_);
  text.append(static_cast<const char*>(value_), size_);
}

std::string joined(std::initializer_list<Part> parts) {
  std::string text;
  for (const Part& part : parts) part.append_to(text);
  return text;
}

namespace {
constexpr std::string_view dtype_names[dtype_count] = {"f32", "f64", "f16", "bf16", "u8", "u16", "i32", "i64", "bool"};
}

std::string to_string(DType dtype) { return std::string(dtype_names[static_cast<int>(dtype)]); }

DType parse_dtype(std::string_view name) {
  for (int i = 0; i < dtype_count; ++i)
    if (dtype_names[i] == name) return static_cast<DType>(i);
  throw DTypeError(message("dtype: expected f32, f64, f16, bf16, u8, u16, i32, i64 or bool, got ", name));
}

}  // namespace lumigrad
