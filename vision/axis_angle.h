// SPDX-License-Identifier: Apache-2.0
// Turns in space by the vector along their axis, as long as the angle is large.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// The right-handed turns by axis angles v [N, 3], radians: [N, 3, 3]. `epsilon` is added to the angle where v is
/// divided by it, if the angle's square is larger (see geometry::get_rotation_matrix3d). Smooth at v = 0, too.
Tensor axis_angle_turn(const Tensor& v, double epsilon, Here here);

}  // namespace lumigrad
