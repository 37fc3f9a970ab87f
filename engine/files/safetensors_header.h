// SPDX-License-Identifier: Apache-2.0
// The JSON header of a safetensors file, checked and taken apart.
#pragma once
#include <lumigrad/engine/dictionary.h>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lumigrad {

/// One tensor as the header tells it; nothing is compared with the data yet.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::uint64_t begin = 0, end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;
  Dictionary<std::string> metadata;
};

/// Throws FormatError unless the text is exactly what the format describes: names once, fields once and complete,
/// offsets and extents whole numbers >= 0, remarks texts, valid UTF-8, nothing nested deeper.
SafetensorsHeader parse_safetensors_header(std::string_view text);

/// Text as a JSON string with quotes; FormatError unless it is UTF-8.
std::string json_quoted(const std::string& text);

}  // namespace lumigrad
