// SPDX-License-Identifier: Apache-2.0
// Policies: pipelines as text.
//
//   {"version": 1, "same_on_batch": false,
//    "steps": [{"op": "rotate", "p": 0.5, "params": {"angle": [-0.5, 0.5], "border": "reflection"}},
//              {"op": "color_jitter", "params": {"brightness": 0.2, "hue": {"normal": [0, 0.1]}}},
//              {"one_of": [{"op": "invert"}, {"op": "grayscale"}], "weights": [1, 3], "p": 0.3},
//              {"some_of": [...], "n": 2},
//              {"sequence": [...]}]}
//
// A step names an augmentation of the registry (registry.h; `lumigrad op list` shows them as augment.NAME with their
// parameters). A parameter is a number (a spread about the value at which nothing happens), a pair (uniform) or a named
// distribution ({"log_uniform": [0.1, 2]}); options that are not drawn stand beside them. What is left out has the
// augmentation's default: "p" is 1 for color_jitter, color_jiggle, brightness, contrast, saturation, hue, gamma and
// groups of steps, 0.1 for grayscale and 0.5 for the others. A policy that was learned also says what learns and how:
//
//   {"op": "rotate", "p": 0.31, "estimator": "relaxed", "temperature": 0.5, "learn": ["angle", "probability"], ...}
//
// Numbers are written so that they read back as the same double. Angles are radians.
#pragma once
#include <lumigrad/augment/pipeline.h>

namespace lumigrad::augment {

/// The pipeline that a policy describes. Throws FormatError naming the place ("policy: steps[2].params.angle: expected
/// .., got ..") for anything that is not as above: nesting deeper than 32, more than 10,000 steps, ranges of which no
/// value lies in the parameter's domain and logarithms of what is not > 0 (unless they learn: it may have led there).
LUMIGRAD_API std::shared_ptr<Augmentation> parse_policy(std::string_view json);
/// The policy of an augmentation, with the values it has now, its seed and the samples it has seen.
LUMIGRAD_API std::string policy_text(const Augmentation& augmentation);

/// Writes FILE.json, and beside it FILE.safetensors with state(), the learned values in the form in which weights
/// travel. Both are written under temporary names and renamed. Throws IoError.
LUMIGRAD_API void save_policy(const std::string& path, const Augmentation& augmentation);
/// Reads what save_policy wrote, or a policy alone. Every draw is the same, bit for bit. Throws IoError, FormatError.
LUMIGRAD_API std::shared_ptr<Augmentation> load_policy(const std::string& path);

/// A draw as JSON: for each step that has a name its gate and parameters, for one sample.
LUMIGRAD_API std::string draw_text(const Augmentation& augmentation, const Draw& draw, std::int64_t sample);

}  // namespace lumigrad::augment
