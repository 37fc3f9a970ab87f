// SPDX-License-Identifier: Apache-2.0
// Products with bands on a device, outside the graph. `name` is that of the operator, for what the device may say.
// Internal to the engine.
#pragma once
#include <lumigrad/engine/families/resample.h>

namespace lumigrad {

/// x, dense on its device, with `axis` multiplied by the band.
Tensor resample_on_device(const char* name, const Tensor& x, int axis, const Band& band);
/// The last two axes multiplied by a band each, in one pass; for bands that fit it.
Tensor resample_planes_on_device(const char* name, const Tensor& x, const Band& rows, const Band& columns);

/// One pass reads the product of two numbers of taps where two passes read their sum, but leaves nothing between them
/// to be written and read again: narrow bands are better off.
bool fits_one_pass(const Band& rows, const Band& columns);

}  // namespace lumigrad
