// SPDX-License-Identifier: Apache-2.0
// register_images for images on a device: its own steps from the identity, and the CPU's search where they do not help;
// and what both check.
#pragma once
#include <lumigrad/vision/registration/grey.h>
#include <lumigrad/vision/registration/registration.h>

namespace lumigrad::registration {

/// Throws NumericError, naming the operator, for a given start that is no motion.
void require_start(const char* name, const Options& options);

/// Gain and bias of scaled images become those of the images that were given.
void unsettle(Result& result, Powers powers);

Result register_there(const Tensor& fixed, const Tensor& moving, const Options& options);

}  // namespace lumigrad::registration
