// SPDX-License-Identifier: Apache-2.0
#include "panel.h"
#include "tools/lumigrad/trace_registration.h"
#include "tools/report/page.h"

#include <lumigrad/engine/views.h>

#include <filesystem>

namespace lumigrad::demo {

Panel recorded_tape(const std::string& folder) {
  Trace trace;
  const Tensor loss = trace_registration(trace);
  const Tape tape({loss});
  write_html(trace, (std::filesystem::path(folder) / "tape.html").string());

  std::string html =
      "<p>What the library does when it differentiates: a moving picture is warped by a turn, a zoom and a shift and "
      "compared with a fixed one. Each line is a step that was recorded; the sweep then went back from the last to the "
      "first and left at each what the loss would change by.</p>\n";
  html += "<p><a href=\"tape.html\">Step through it, forwards and backwards</a></p>\n<div class=\"scroll\"><pre>";
  html += report::escaped_lines(to_text(tape)) + "</pre></div>\n";
  const std::string sentence = "a tape of " + std::to_string(tape.size()) + " steps";
  return {report::section("A recorded tape", html), sentence};
}

}  // namespace lumigrad::demo
