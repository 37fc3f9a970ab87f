// SPDX-License-Identifier: Apache-2.0
// One step of registration, watched: what `lumigrad trace --demo registration` and the demonstration show.
#pragma once
#include <lumigrad/engine/trace.h>

namespace lumigrad {

/// A scene of a few coloured discs on a soft ground, [1, 3, height, width].
Tensor discs_scene(std::int64_t height, std::int64_t width);

/// The moving image is warped by a guess and compared with the fixed one; the gradient says how the shift, the turn and
/// the zoom should change. Returns the loss.
Tensor trace_registration(Trace& trace);

}  // namespace lumigrad
