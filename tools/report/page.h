// SPDX-License-Identifier: Apache-2.0
// Pages that a program writes: one file, nothing from the network, no script, readable by day and by night. Text that
// comes from outside (file names) passes through `escaped`; everything else in a page is the program's own.
#pragma once
#include <lumigrad/engine/tensor.h>

#include <string>
#include <string_view>
#include <vector>

namespace lumigrad::report {

/// Text as HTML: markup characters become entities, control characters question marks.
std::string escaped(std::string_view text);

/// The same for several lines: their ends are kept.
std::string escaped_lines(std::string_view text);

/// `digits` significant digits, in plain notation where that is short, whatever the locale; "-" for NaN and infinities.
std::string number(double value, int digits = 4);

/// Seconds for people: "31 ms", "2.4 s".
std::string duration(double seconds);

/// A picture [C, H, W] in [0, 1] with its caption (HTML), embedded as PNG.
std::string figure(const Tensor& picture, std::string_view caption);

/// A drawing (an <svg> element) with its caption (HTML).
std::string drawing(std::string_view svg, std::string_view caption);

/// How a key figure is meant.
enum class Tone { plain, good, bad };
/// A key figure: a large value with a small label. HTML.
std::string card(std::string_view value, std::string_view label, Tone tone = Tone::plain);

/// A table; cells are HTML. The first column names the row, the first row (if `heading`) the columns.
std::string table(const std::vector<std::vector<std::string>>& rows, bool heading = true);

/// A titled part of a page; `body` is HTML.
std::string section(std::string_view title, std::string_view body);

/// The whole document: a title (text), a line below it and the sections (HTML).
std::string page(std::string_view title, std::string_view lead, std::string_view body);

}  // namespace lumigrad::report
