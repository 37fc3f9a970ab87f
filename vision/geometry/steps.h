// SPDX-License-Identifier: Apache-2.0
// The operators of resize.h that are one band along each axis as steps from bytes to bytes
// (engine/families/image_step.h). Options, errors and values are those of the operator of the same name on f32 images.
#pragma once
#include <lumigrad/engine/families/image_step.h>
#include <lumigrad/vision/geometry/resize.h>

namespace lumigrad::geometry::steps {

LUMIGRAD_API ImageStep resize(const ResizeOptions& options);
LUMIGRAD_API ImageStep pyrdown(double factor = 2, const PyramidOptions& options = {});
LUMIGRAD_API ImageStep pyrup(const PyramidOptions& options = {});

}  // namespace lumigrad::geometry::steps
