// SPDX-License-Identifier: Apache-2.0
// register_images for images on a device: its own steps from the identity, and the CPU's search where they do not help;
// and what both check.
#pragma once
#include <lumigrad/vision/registration/registration.h>

namespace lumigrad::registration {

/// Throws NumericError, naming the operator, for a given start that is no motion.
void require_start(const char* name, const Options& options);

/// The powers of two by which images are scaled.
struct Powers {
  int fixed = 0, moving = 0;
};
/// Those that bring float images whose largest grey levels are far from [0, 1] there, so that squares and cubes of them
/// stay finite; it costs no accuracy. Each image has its own power where the gain makes up for it, else both the same.
Powers settling_powers(float fixed, bool fixed_is_integer, float moving, bool moving_is_integer, bool gain_bias);
/// Gain and bias of scaled images become those of the images that were given.
void unsettle(Result& result, Powers powers);

Result register_there(const Tensor& fixed, const Tensor& moving, const Options& options);

}  // namespace lumigrad::registration
