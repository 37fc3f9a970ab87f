// SPDX-License-Identifier: Apache-2.0
// The words of registration: motion models, where to start, how it ended.
#pragma once
#include <lumigrad/engine/error.h>
#include <lumigrad/engine/robust.h>

namespace lumigrad::registration {

/// Planar motions by their unknowns: 2, 3, 4, 6, 8.
enum class Model { translation, rigid, similarity, affine, homography };

/// automatic: the identity, then phase correlation, then rotations and scales, until one agrees. identity and given:
/// only that.
enum class Start { automatic, identity, given };

/// converged     the images agree under the motion, and it no longer changes
/// stalled       the best motion found does not make the images agree
/// no_gradient   there is nothing to align: constant, tiny or masked images
/// diverged      the steps left the start without coming to agree
/// low_overlap   what is left of the overlap is too small to judge
enum class Status { converged, stalled, no_gradient, diverged, low_overlap };

/// What has to agree under the motion:
/// intensity             grey levels, after gain and bias and, where it is uneven, after the light
/// lncc                  grey levels after local normalisation: any light that changes slowly over the image
/// gradient_correlation  directions of gradients: edges count, areas do not
/// census                which of two neighbours is brighter: any increasing change of grey levels
/// mutual_information    nothing but that grey levels predict each other: another sensor, inverted or not monotonic
enum class Measure { intensity, lncc, gradient_correlation, census, mutual_information };

/// "translation", ..., "converged", ..., "geman_mcclure".
LUMIGRAD_API const char* name(Model model) noexcept;
LUMIGRAD_API const char* name(Status status) noexcept;
LUMIGRAD_API const char* name(Robust loss) noexcept;
LUMIGRAD_API const char* name(Measure measure) noexcept;
/// The inverses of name; FormatError for a word they do not know.
LUMIGRAD_API Model parse_model(std::string_view word);
LUMIGRAD_API Robust parse_loss(std::string_view word);
LUMIGRAD_API Measure parse_measure(std::string_view word);

/// What happened on one pyramid level.
struct LevelReport {
  int height = 0, width = 0;
  int iterations = 0;  ///< accepted and refused steps, all starts together
  double loss = 0;     ///< mean robust loss per pixel at the end
  double seconds = 0;
};

}  // namespace lumigrad::registration
