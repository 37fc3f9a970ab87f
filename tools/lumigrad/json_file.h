// SPDX-License-Identifier: Apache-2.0
// JSON from files that nobody vouches for, and back into lines.
#pragma once
#include <lumigrad/engine/error.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace lumigrad::command {

using Json = nlohmann::json;

/// Where in a text a byte stands, counted from 1.
inline std::string place_in(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, byte);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

/// Throws FormatError, naming the file, for text that is no JSON or nests deeper than 16.
inline Json parsed_json(const std::string& path, std::string_view text) {
  try {
    return Json::parse(text, [&](int depth, Json::parse_event_t, const Json&) {
      require<FormatError>(depth <= 16, path, ": expected JSON that nests less deeply");
      return true;
    });
  } catch (const Json::parse_error& error) {
    throw FormatError(path + ": not JSON at " + place_in(text, error.byte == 0 ? 0 : error.byte - 1));
  } catch (const Json::exception&) {
    throw FormatError(path + ": not JSON: a number is too large");
  }
}

/// One line; numbers read back as the same numbers, NaN and infinities are null, bytes that are no UTF-8 are replaced.
template <class AnyJson>
std::string line_of(const AnyJson& json) {
  return json.dump(-1, ' ', false, AnyJson::error_handler_t::replace);
}

}  // namespace lumigrad::command
