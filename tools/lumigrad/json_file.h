// SPDX-License-Identifier: Apache-2.0
// JSON from files that nobody vouches for, and back into lines.
#pragma once
#include <lumigrad/engine/error.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace lumigrad::command {

using Json = nlohmann::json;

/// Throws FormatError, naming the file, for text that is no JSON or nests deeper than 16.
inline Json parsed_json(const std::string& path, std::string_view text) {
  try {
    return Json::parse(text, [&](int depth, Json::parse_event_t, const Json&) {
      require<FormatError>(depth <= 16, path, ": expected JSON that nests less deeply");
      return true;
    });
  } catch (const Json::exception& error) {
    throw FormatError(path + ": not JSON: " + error.what());
  }
}

/// One line; numbers read back as the same numbers, NaN and infinities are null, bytes that are no UTF-8 are replaced.
template <class AnyJson>
std::string line_of(const AnyJson& json) {
  return json.dump(-1, ' ', false, AnyJson::error_handler_t::replace);
}

}  // namespace lumigrad::command
