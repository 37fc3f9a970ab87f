// SPDX-License-Identifier: Apache-2.0
// Registration by what pictures have in common when their grey levels do not agree.
#pragma once
#include <lumigrad/vision/registration/registration.h>

namespace lumigrad::registration {

/// register_images for measures other than grey levels (options.measure).
Result register_by_measure(const Tensor& fixed, const Tensor& moving, const Options& options);

}  // namespace lumigrad::registration
