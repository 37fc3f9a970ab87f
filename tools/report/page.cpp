// SPDX-License-Identifier: Apache-2.0
#include "page.h"

#include <lumigrad/engine/files/base64.h>
#include <lumigrad/vision/image_io/image_io.h>

#include <charconv>
#include <cmath>

namespace lumigrad::report {
namespace {

constexpr std::string_view style = R"css(
:root { color-scheme: light dark; --page: #f6f7f9; --sheet: #ffffff; --ink: #1b2330; --soft: #5d6878; --line: #dde2e9;
  --accent: #2563c9; --good: #1a7f4b; --bad: #b3451f; --warm: #c8553d; --tint: #eef2f8; }
@media (prefers-color-scheme: dark) { :root { --page: #11151b; --sheet: #191f28; --ink: #e4e9f0; --soft: #98a4b5;
  --line: #2c3543; --accent: #7fb0ff; --good: #63cf95; --bad: #f0946f; --warm: #ef8a72; --tint: #212936; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, "Segoe UI", "DejaVu Sans",
  sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 36px 24px 64px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 6px; font-weight: 650; letter-spacing: -0.01em;
  overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 0 0 14px; font-weight: 650; }
p { margin: 0 0 12px; max-width: 78ch; }
.lead { color: var(--soft); margin-bottom: 22px; }
section { background: var(--sheet); border: 1px solid var(--line); border-radius: 12px; padding: 22px 24px;
  margin: 0 0 20px; }
section > :last-child { margin-bottom: 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 0 0 20px; }
.card { background: var(--sheet); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px; }
.card b { display: block; font-size: 21px; font-weight: 650; font-variant-numeric: tabular-nums; line-height: 1.3; }
.card span { color: var(--soft); font-size: 13px; }
.good { color: var(--good); } .bad { color: var(--bad); }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 18px; align-items: start; }
.grid + .grid { margin-top: 18px; }
figure { margin: 0; min-width: 0; }
figure img, figure svg { display: block; width: 100%; height: auto; border-radius: 8px; border: 1px solid var(--line); }
figure svg { background: var(--sheet); }
figcaption { color: var(--soft); font-size: 13px; margin-top: 7px; line-height: 1.45; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child > * { border-bottom: 0; }
thead th { color: var(--soft); font-weight: 500; font-size: 13px; }
tbody th { font-weight: 500; white-space: nowrap; }
code, pre, .mono { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, monospace; font-size: 13px; }
pre { background: var(--tint); border-radius: 8px; padding: 10px 14px; margin: 0; overflow-x: auto; }
svg text { fill: var(--soft); font: 12px system-ui, "DejaVu Sans", sans-serif; }
footer { color: var(--soft); font-size: 13px; }
)css";

}  // namespace

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
  }
  return html;
}

std::string escaped_lines(std::string_view text) {
  std::string html;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    html += escaped(text.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  return html;
}

std::string number(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::general, digits).ptr;
  return {text, end};
}

std::string duration(double seconds) {
  if (!(seconds >= 0)) return "-";
  return seconds < 0.9995 ? number(seconds * 1000, 3) + " ms" : number(seconds, 3) + " s";
}

std::string figure(const Tensor& picture, std::string_view caption) {
  const std::string width = std::to_string(picture.size(2)), height = std::to_string(picture.size(1));
  std::string html = "<figure><img alt=\"\" width=\"" + width + "\" height=\"" + height;
  html += "\" src=\"data:image/png;base64," + base64(encode_image(picture, ImageFormat::png));
  return html.append("\"><figcaption>").append(caption).append("</figcaption></figure>\n");
}

std::string drawing(std::string_view svg, std::string_view caption) {
  return std::string("<figure>").append(svg).append("<figcaption>").append(caption).append("</figcaption></figure>\n");
}

std::string card(std::string_view value, std::string_view label, Tone tone) {
  const char* colour = tone == Tone::good ? "<b class=\"good\">" : tone == Tone::bad ? "<b class=\"bad\">" : "<b>";
  return std::string("<div class=\"card\">")
      .append(colour)
      .append(value)
      .append("</b><span>")
      .append(label)
      .append("</span></div>\n");
}

std::string table(const std::vector<std::vector<std::string>>& rows, bool heading) {
  std::string html = heading ? "<div class=\"scroll\"><table><thead>" : "<div class=\"scroll\"><table><tbody>";
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const bool head = heading && r == 0;
    html += "<tr>";
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      const char* tag = head || c == 0 ? "th" : "td";
      html.append("<").append(tag).append(">").append(rows[r][c]).append("</").append(tag).append(">");
    }
    html += head ? "</tr></thead><tbody>\n" : "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string section(std::string_view title, std::string_view body) {
  return std::string("<section><h2>").append(title).append("</h2>\n").append(body).append("</section>\n");
}

std::string page(std::string_view title, std::string_view lead, std::string_view body) {
  std::string html = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n";
  html +=
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  html.append("<title>").append(escaped(title)).append("</title>\n<style>").append(style).append("</style></head>\n");
  html.append("<body><main>\n<h1>").append(escaped(title)).append("</h1>\n<p class=\"lead\">").append(lead);
  return html.append("</p>\n").append(body).append("</main></body></html>\n");
}

}  // namespace lumigrad::report
