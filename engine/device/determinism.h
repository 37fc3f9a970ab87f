// SPDX-License-Identifier: Apache-2.0
// Whether results of a device have to be the same bits in every call. Internal to the engine.
#pragma once

namespace lumigrad::device {

/// True unless the environment says LUMIGRAD_DETERMINISTIC=0: then sums that many threads share (the adjoint of a warp
/// to its image) are taken in whatever order the threads come, in floating point, which is faster and differs in the
/// last bits from call to call. Read once.
bool deterministic();

}  // namespace lumigrad::device
