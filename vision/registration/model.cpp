// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/registration/model.h>

#include <array>

namespace lumigrad::registration {
namespace {

constexpr std::array models = {"translation", "rigid", "similarity", "affine", "homography"};
constexpr std::array statuses = {"converged", "stalled", "no_gradient", "diverged", "low_overlap"};
constexpr std::array losses = {"l2", "huber", "charbonnier", "tukey", "geman_mcclure"};
constexpr std::array measures = {"intensity", "lncc", "gradient_correlation", "census", "mutual_information"};

template <class Enum, std::size_t n>
Enum parse(const std::array<const char*, n>& words, std::string_view word, const char* what) {
  std::string known;
  for (std::size_t k = 0; k < n; ++k) {
    if (word == words[k]) return static_cast<Enum>(k);
    if (k) known += '|';
    known += words[k];
  }
  throw FormatError(std::string(what) + ": expected " + known + ", got " + std::string(word));
}

}  // namespace

const char* name(Model model) noexcept { return models[static_cast<std::size_t>(model)]; }
const char* name(Status status) noexcept { return statuses[static_cast<std::size_t>(status)]; }
const char* name(Robust loss) noexcept { return losses[static_cast<std::size_t>(loss)]; }
const char* name(Measure measure) noexcept { return measures[static_cast<std::size_t>(measure)]; }
Model parse_model(std::string_view word) { return parse<Model>(models, word, "model"); }
Robust parse_loss(std::string_view word) { return parse<Robust>(losses, word, "loss"); }
Measure parse_measure(std::string_view word) { return parse<Measure>(measures, word, "measure"); }

}  // namespace lumigrad::registration
