// SPDX-License-Identifier: Apache-2.0
// The robust functions that second-order fits know by name.
#pragma once

namespace lumigrad {

/// Functions rho of t = (residual / scale)^2 and their weights rho'(t):
///   l2             t                                     1
///   huber          t, beyond one 2 sqrt(t) - 1           min(1, 1 / sqrt(t))
///   charbonnier    2 (sqrt(1 + t) - 1)                   1 / sqrt(1 + t)
///   tukey          (1 - (1 - t)^3) / 3, at most 1/3      (1 - t)^2, zero beyond one
///   geman_mcclure  t / (1 + t)                           1 / (1 + t)^2
enum class Robust { l2, huber, charbonnier, tukey, geman_mcclure };

}  // namespace lumigrad
