// SPDX-License-Identifier: Apache-2.0
// A tape as a JSON value, before it becomes text (inspect.h has the schema).
#pragma once
#include <lumigrad/engine/tape_numbers.h>
#include <lumigrad/engine/thumbnail.h>
#include <nlohmann/json.hpp>

namespace lumigrad {

nlohmann::json json_of(const Thumbnail& thumbnail);
/// All that a tape knows by itself.
nlohmann::json json_of(const Tape& tape);
/// The text of either; bytes that are no UTF-8 are replaced.
std::string text_of(const nlohmann::json& json);

}  // namespace lumigrad
