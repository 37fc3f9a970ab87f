// SPDX-License-Identifier: Apache-2.0
// The page that shows a tape. engine/page holds its markup, style and script; trace_page.cpp is made from them when the
// build is configured.
#pragma once
#include <lumigrad/engine/error.h>
#include <string>
#include <string_view>

namespace lumigrad {

/// The whole page for a tape in the JSON of inspect.h. The page and the JSON are one file that asks nobody for
/// anything.
std::string page_of(std::string_view json);

}  // namespace lumigrad
