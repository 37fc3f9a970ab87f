// SPDX-License-Identifier: Apache-2.0
// register_images for images on a device: its own steps from the identity, and the CPU's search where they do not help.
#pragma once
#include <lumigrad/vision/registration/registration.h>

namespace lumigrad::registration {

Result register_there(const Tensor& fixed, const Tensor& moving, const Options& options);

}  // namespace lumigrad::registration
