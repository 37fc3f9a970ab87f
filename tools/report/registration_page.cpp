// SPDX-License-Identifier: Apache-2.0
#include "registration_page.h"

#include "chart.h"
#include "page.h"
#include "picture.h"

#include <lumigrad/engine/families/sample.h>
#include <lumigrad/engine/version.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/image_io/pixels.h>

#include <algorithm>
#include <cmath>

namespace lumigrad::report {
namespace {

using registration::Result;
using registration::Status;

constexpr std::array<double, 9> identity = {1, 0, 0, 0, 1, 0, 0, 0, 1};

/// The loss of a result, by what was compared.
std::string loss_name(registration::Measure measure) {
  switch (measure) {
    case registration::Measure::lncc:
      return "mean robust loss of locally normalised grey levels (lncc)";
    case registration::Measure::gradient_correlation:
      return "mean robust loss of the directions of gradients (gradcorr)";
    case registration::Measure::census:
      return "mean robust loss of comparisons with neighbours (census)";
    case registration::Measure::mutual_information:
      return "minus the normalized mutual information";
    default:
      return "mean robust loss of grey levels";
  }
}

/// Mutual information knows no residuals, and no pixel that agrees by itself.
bool has_residuals(const Result& r) { return r.measure != registration::Measure::mutual_information; }

/// What `correlation` says.
std::string agreement_text(const Result& r, int digits) {
  const std::string value = number(r.correlation, digits);
  return has_residuals(r) ? "local correlation " + value
                          : "mutual information " + value + " deviations above that of other motions";
}

/// Without what is noise in a sum of grey levels.
double rounded(double bias) { return std::round(bias * 1e5) / 1e5; }

/// Standard deviation of the least certain corner; NaN when one is not known.
double worst_corner(const Result& r) {
  double largest = 0;
  for (int corner = 0; corner < 4; ++corner) {
    const double deviation = corner_deviations(r.covariance, corner)[0];
    if (!std::isfinite(deviation)) return NAN;
    largest = std::max(largest, deviation);
  }
  return largest;
}

std::string size_of(const Tensor& image) {
  return std::to_string(image.size(2)) + " x " + std::to_string(image.size(1));
}

std::string matrix_text(const std::array<double, 9>& m) {
  std::string text = "<pre>";
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      std::string cell = number(m[3 * row + column], 7);
      cell.insert(0, cell.size() < 14 ? 14 - cell.size() : 1, ' ');
      text += cell;
    }
    text += row < 2 ? "\n" : "</pre>";
  }
  return text;
}

/// The pair as grey pictures on the fixed frame, light matched, before and after, small enough for a page.
struct Frames {
  Tensor fixed, before, after, inside_before, inside_after;
  double rms_before, rms_after;

  explicit Frames(const RegisteredPair& pair) {
    const std::int64_t height = pair.fixed.size(1), width = pair.fixed.size(2);
    const Tensor moving = grey(pair.moving), all = Tensor::ones(moving.shape());
    auto onto = [&](const Tensor& image, const std::array<double, 9>& m) {
      return warped_onto(image, m, height, width);
    };
    fixed = grey(pair.fixed);
    before = lit(onto(moving, identity), pair.result);
    after = lit(onto(moving, pair.result.matrix), pair.result);
    inside_before = onto(all, identity);
    inside_after = onto(all, pair.result.matrix);
    rms_before = rms_difference(fixed, before, inside_before);
    rms_after = rms_difference(fixed, after, inside_after);
    for (Tensor* picture : {&fixed, &before, &after, &inside_before, &inside_after}) *picture = shrunk(*picture);
  }

  static Tensor lit(Tensor image, const Result& result) {
    float* v = image.mutable_data<float>();
    for (std::int64_t i = 0; i < image.numel(); ++i)
      v[i] = static_cast<float>(static_cast<double>(v[i]) * result.gain + result.bias);
    return image;
  }
};

/// Both images shrunk alike where they are larger than any page shows, and the motion between them.
RegisteredPair made_small(const RegisteredPair& pair) {
  constexpr std::int64_t most = 2048;
  const std::int64_t longest =
      std::max({pair.fixed.size(1), pair.fixed.size(2), pair.moving.size(1), pair.moving.size(2)});
  const std::int64_t block = (longest + most - 1) / most;
  if (block <= 1) return pair;
  RegisteredPair small = pair;
  small.fixed = block_means(pair.fixed, block), small.moving = block_means(pair.moving, block);
  // A pixel x of the small picture stands at b x + c in the large one; the inverse takes c off and divides.
  const double b = static_cast<double>(block), c = 0.5 * (b - 1);
  std::array<double, 9>& m = small.result.matrix;
  for (std::size_t row = 0; row < 3; ++row) {
    m[3 * row + 2] += c * (m[3 * row] + m[3 * row + 1]);
    m[3 * row] *= b, m[3 * row + 1] *= b;
  }
  for (std::size_t column = 0; column < 3; ++column)
    for (const std::size_t row : {0u, 1u}) m[3 * row + column] = (m[3 * row + column] - c * m[6 + column]) / b;
  return small;
}

}  // namespace

const char* registration_meaning(Status status) {
  switch (status) {
    case Status::converged:
      return "The images show the same scene and agree under the motion found. It can be used, as exactly as "
             "the standard deviations say.";
    case Status::stalled:
      return "No motion was found under which the images agree: most likely they do not show the same scene, or too "
             "little of it, or differ too much. The matrix is only the best guess; do not use it.";
    case Status::no_gradient:
      return "There is nothing to align: an image is constant, tiny, masked, or shows stripes that slide along "
             "themselves. The matrix says nothing.";
    case Status::diverged:
      return "From the start that was given the steps ran away without the images coming to agree. Do not use the "
             "matrix; try another start, or let one be searched.";
    case Status::low_overlap:
      return "Too little of the fixed image lies on the moving one to judge whether they agree. Do not use the matrix "
             "without looking at the pictures.";
  }
  return "";
}

Tensor warped_onto(const Tensor& moving, const std::array<double, 9>& matrix, std::int64_t height, std::int64_t width) {
  const Tensor map = Tensor::from(std::vector<double>(matrix.begin(), matrix.end()), {1, 3, 3});
  return squeeze(sample_homography(unsqueeze(moving, 0), map, {height, width}), 0);
}

Tensor warped_picture(const Tensor& moving, const std::array<double, 9>& matrix, std::int64_t height,
                      std::int64_t width, int bits) {
  constexpr std::int64_t rows = 256;
  const std::int64_t channels = moving.size(0);
  Tensor picture = Tensor::empty({channels, height, width}, bits == 8 ? DType::u8 : DType::u16);
  for (std::int64_t top = 0; top < height; top += rows) {
    std::array<double, 9> m = matrix;  // after a shift by `top`
    for (std::size_t row = 0; row < 3; ++row) m[3 * row + 2] += m[3 * row + 1] * static_cast<double>(top);
    const std::int64_t here = std::min(rows, height - top);
    const Tensor band = warped_onto(moving, m, here, width);
    const float* from = band.data<float>();
    const float full = bits == 8 ? 255.0f : 65535.0f;
    auto level = [&](std::int64_t i) {
      return from[i] == from[i] ? std::nearbyint(std::clamp(from[i], 0.0f, 1.0f) * full) : 0.0f;
    };
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t i = 0; i < here * width; ++i) {
        const std::int64_t to = (c * height + top) * width + i, at = c * here * width + i;
        if (bits == 8)
          picture.mutable_data<std::uint8_t>()[to] = static_cast<std::uint8_t>(level(at));
        else
          picture.mutable_data<std::uint16_t>()[to] = static_cast<std::uint16_t>(level(at));
      }
  }
  return picture;
}

std::string registration_sentence(const Result& r) {
  const double deviation = worst_corner(r);
  const std::string sure =
      std::isfinite(deviation) ? ", standard deviation of the worst corner " + number(deviation, 2) + " px" : "";
  if (r.converged() && has_residuals(r))
    return "converged: " + number(100 * r.inlier_ratio, 3) + " % of the pixels agree" + sure;
  return (r.converged() ? "converged: " : std::string("not converged (") + name(r.status) + "): ") +
         agreement_text(r, 2) + sure;
}

std::string registration_cards(const RegisteredPair& pair) {
  const Result& r = pair.result;
  const double largest = worst_corner(r);
  std::string html = "<div class=\"cards\">";
  html += card(r.converged() ? "registered" : "not registered", std::string("status: ") + name(r.status),
               r.converged() ? Tone::good : Tone::bad);
  html += card(name(r.model), "motion model");
  // Two images that have nothing in common can still have few outliers: only agreement may call itself so.
  const char* agreement = has_residuals(r) ? "local correlation, 1 where images agree"
                                           : "deviations of mutual information above that of other motions";
  html += r.converged() && has_residuals(r)
              ? card(number(100 * r.inlier_ratio, 3) + " %", "pixels that agree")
              : card(number(r.correlation, 2), agreement, r.converged() ? Tone::plain : Tone::bad);
  html += card(std::isfinite(largest) ? number(largest, 2) + " px" : "-", "standard deviation of the worst corner");
  html += card(duration(r.seconds), "without reading and writing files");
  return html + "</div>\n";
}

std::string registration_pictures(const RegisteredPair& whole) {
  const RegisteredPair pair = made_small(whole);
  const Frames frames(pair);
  const double scale = std::clamp(2 * frames.rms_before, 0.05, 1.0);
  const std::string brightness = " Full colour at a difference of " + number(scale, 2) + " of full brightness; RMS ";
  std::string overlay = "<div class=\"grid\">";
  overlay += figure(red_cyan(frames.fixed, frames.before, frames.inside_before),
                    "<b>Before.</b> Fixed image in red, moving image in cyan, corner on corner.");
  overlay += figure(red_cyan(frames.fixed, frames.after, frames.inside_after),
                    "<b>After.</b> The moving image brought onto the fixed one: no coloured fringes where they agree.");
  std::string difference = "<div class=\"grid\">";
  difference += figure(signed_difference(frames.fixed, frames.before, frames.inside_before, scale),
                       "<b>Before.</b>" + brightness + number(frames.rms_before, 3) + ".");
  difference += figure(signed_difference(frames.fixed, frames.after, frames.inside_after, scale),
                       "<b>After.</b> The same scale; RMS " + number(frames.rms_after, 3) + ".");
  const Tensor warped = warped_onto(pair.moving, pair.result.matrix, pair.fixed.size(1), pair.fixed.size(2));
  std::string board = "<div class=\"grid\">";
  board += figure(shrunk(checkerboard(colours(pair.fixed), colours(warped),
                                      warped_onto(Tensor::ones(grey(pair.moving).shape()), pair.result.matrix,
                                                  pair.fixed.size(1), pair.fixed.size(2)))),
                  "<b>Checkerboard.</b> Squares from both images in turn: edges run on across the borders.");
  board +=
      figure(shrunk(colours(warped)), "<b>Warped.</b> The moving image on the frame of the fixed one, black outside.");
  return section("Overlay", overlay + "</div>") +
         section("Difference",
                 "<p class=\"lead\">Fixed minus moving" +
                     (has_residuals(pair.result)
                          ? ", after the light has been matched (gain " + number(pair.result.gain, 4) + ", bias " +
                                number(rounded(pair.result.bias), 3) + ")"
                          : std::string()) +
                     ": red where the fixed image is brighter, blue where the moving one is, grey outside.</p>" +
                     difference + "</div>") +
         section("Side by side", board + "</div>");
}

std::string registration_figures(const RegisteredPair& pair) {
  const Result& r = pair.result;
  std::string drawings = "<div class=\"grid\">";
  const std::string loss = loss_name(r.measure),
                    steps = curve(r.loss_curve, r.loss_breaks, "accepted step of the last refinement", loss);
  if (!steps.empty())
    drawings +=
        drawing(steps, "<b>Loss.</b> At full size: " + loss + "." +
                           (r.loss_breaks.empty()
                                ? ""
                                : " The line breaks where it begins to measure something else: the scale of the "
                                  "robust function follows the residuals for the first steps, and steps on "
                                  "strips of rows are followed by steps on all."));
  const CornerDrawing corners = corner_ellipses(
      {pair.fixed.size(2), pair.fixed.size(1), pair.moving.size(2), pair.moving.size(1), r.matrix, r.covariance});
  if (!corners.svg.empty())
    drawings +=
        drawing(corners.svg, "<b>Certainty.</b> The fixed image's outline in the moving image. " +
                                 (corners.enlarged > 0 ? "Ellipses: two standard deviations of each corner, drawn " +
                                                             number(corners.enlarged, 6) + " times their size."
                                                       : std::string("How sure the corners are is not known.")));
  drawings += "</div>";

  std::vector<std::vector<std::string>> facts = {
      {"Fixed image", escaped(pair.fixed_name) + ", " + size_of(pair.fixed) + " px"},
      {"Moving image", escaped(pair.moving_name) + ", " + size_of(pair.moving) + " px"},
      {"Model", name(r.model)},
      {"Matrix", matrix_text(r.matrix) + "fixed to moving pixels, (x, y, 1), pixel centres at whole numbers"},
      {"Status", std::string(name(r.status)) + ". " + registration_meaning(r.status)},
      {"Start", r.start.empty() ? "-" : "found by: " + escaped(r.start)},
      {"Inlier ratio", has_residuals(r) ? number(100 * r.inlier_ratio, 4) + " % of the overlap" : "-"},
      {"Overlap", number(100 * r.overlap, 4) + " % of the fixed image"},
      {"Agreement", agreement_text(r, 4)},
      {"Light", "moving x " + number(r.gain, 5) + " + " + number(rounded(r.bias), 4) + " = fixed"},
      {"Loss", loss + ": " + number(r.loss, 5)},
      {"Steps", std::to_string(r.iterations) + " on all levels and from all starts"},
      {"Time", duration(r.seconds)},
  };
  std::vector<std::vector<std::string>> levels = {{"Level, px", "steps", "loss at its end", "time"}};
  for (const auto& level : r.levels)
    levels.push_back({std::to_string(level.width) + " x " + std::to_string(level.height),
                      std::to_string(level.iterations), number(level.loss, 4), duration(level.seconds)});
  std::vector<std::vector<std::string>> sure = {
      {"Corner of the fixed image", "in the moving image, px", "standard deviations along its ellipse, px"}};
  const double fw = static_cast<double>(pair.fixed.size(2) - 1), fh = static_cast<double>(pair.fixed.size(1) - 1);
  const std::array<std::array<double, 2>, 4> at = {{{0, 0}, {fw, 0}, {fw, fh}, {0, fh}}};
  for (int k = 0; k < 4; ++k) {
    const auto [x, y] = at[static_cast<std::size_t>(k)];
    const auto& m = r.matrix;
    const double w = m[6] * x + m[7] * y + m[8];
    const auto deviation = corner_deviations(r.covariance, k);
    const double u = (m[0] * x + m[1] * y + m[2]) / w, v = (m[3] * x + m[4] * y + m[5]) / w;
    sure.push_back({message("(", number(x, 6), ", ", number(y, 6), ")"),
                    message("(", number(u, 7), ", ", number(v, 7), ")"),
                    message(number(deviation[0], 3), " and ", number(deviation[1], 3))});
  }
  std::string html = section("Steps and certainty", drawings);
  html += section("Result", table(facts, false));
  html += section("Corners", table(sure));
  if (levels.size() > 1) html += section("Levels, coarse to fine", table(levels));
  return html;
}

std::string registration_page(const RegisteredPair& pair) {
  const std::string title = pair.moving_name + " onto " + pair.fixed_name;
  return page(title, escaped(registration_meaning(pair.result.status)),
              registration_cards(pair) + registration_pictures(pair) + registration_figures(pair) +
                  "<footer>lumigrad " + version() + "</footer>");
}

}  // namespace lumigrad::report
