// SPDX-License-Identifier: Apache-2.0
// Recorded tapes that come from a file: text that nobody vouches for until every index in it has been looked at.
#pragma once
#include <lumigrad/engine/error.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "json_file.h"

namespace lumigrad::command {

namespace tape_file {

/// An index into something that holds `count` things.
inline bool within(const Json& index, std::size_t count) {
  return index.is_number_unsigned() && index.get<std::size_t>() < count;
}

inline bool is_place(const Json& place, const Json& nodes, std::size_t before) {
  return place.is_object() && within(place.at("node"), before) &&
         within(place.at("output"), nodes[place.at("node").get<std::size_t>()].at("outputs").size());
}

inline bool is_thumbnail(const Json& thumbnail) {
  if (thumbnail.is_null()) return true;
  if (thumbnail.contains("numbers")) return thumbnail.at("numbers").is_array();
  const auto side = [&](const char* name) {
    return within(thumbnail.at(name), 4096) ? thumbnail.at(name).get<std::size_t>() : 0;
  };
  const std::size_t bytes = side("width") * side("height") * side("channels");
  return bytes > 0 && thumbnail.at("picture").get_ref<const std::string&>().size() == (bytes + 2) / 3 * 4;
}

inline bool are_thumbnails(const Json& list, std::size_t count) {
  return list.is_array() && list.size() == count && std::all_of(list.begin(), list.end(), is_thumbnail);
}

inline bool is_node(const Json& node, std::size_t id, const Json& nodes) {
  const Json& outputs = node.at("outputs");
  bool ok = node.at("id") == id && node.at("name").is_string() && node.at("operator").is_string() &&
            node.at("leaf").is_boolean() && within(node.at("saved_bytes"), SIZE_MAX) && outputs.is_array() &&
            are_thumbnails(node.at("values"), outputs.size()) && are_thumbnails(node.at("gradients"), outputs.size());
  for (const Json& output : outputs) ok = ok && output.at("shape").is_array() && output.at("dtype").is_string();
  for (const Json& place : node.at("inputs")) ok = ok && (place.is_null() || is_place(place, nodes, id));
  for (const Json& kept : node.at("kept"))
    ok = ok && (kept.at("of").is_null() || is_place(kept.at("of"), nodes, nodes.size())) &&
         within(kept.at("storage"), SIZE_MAX) && within(kept.at("bytes"), SIZE_MAX);
  const Json& source = node.at("source");
  return ok && (source.is_null() || (source.at("file").is_string() && source.at("line").is_number_integer()));
}

inline bool is_sweep(const Json& sweep, const Json& nodes) {
  if (sweep.is_null()) return true;
  bool ok = sweep.at("releases").is_boolean() &&
            std::all_of(sweep.at("seeds").begin(), sweep.at("seeds").end(), is_thumbnail);
  for (const Json& step : sweep.at("steps")) {
    ok = ok && within(step.at("node"), nodes.size());
    for (const Json& give : step.at("gives"))
      ok = ok && is_place(give, nodes, nodes.size()) && is_thumbnail(give.at("gradient"));
  }
  return ok;
}

}  // namespace tape_file

/// Throws FormatError, naming the file, unless the text follows the schema of lumigrad::write_json: what passes can be
/// put into a page.
inline void require_tape(const std::string& path, std::string_view text) {
  const Json tape = parsed_json(path, text);
  bool ok = false;
  try {
    ok = tape.at("schema") == "lumigrad.tape" && tape.at("version") == 1 && tape.at("nodes").is_array() &&
         tape.at("outputs").is_array() && tape_file::is_sweep(tape.at("sweep"), tape.at("nodes"));
    const Json& nodes = tape.at("nodes");
    for (std::size_t id = 0; ok && id < nodes.size(); ++id) ok = tape_file::is_node(nodes[id], id, nodes);
    for (const Json& place : tape.at("outputs"))
      ok = ok && (place.is_null() || tape_file::is_place(place, nodes, nodes.size()));
  } catch (const Json::exception&) {
    ok = false;
  }
  require<FormatError>(ok, path, ": expected a tape as lumigrad::write_json writes it (lumigrad.tape, version 1)");
}

}  // namespace lumigrad::command
