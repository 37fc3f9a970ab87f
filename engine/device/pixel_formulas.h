// SPDX-License-Identifier: Apache-2.0
// Where a device's machine code for a formula is found.
#pragma once
#include <lumigrad/engine/cpu/kernels.h>
#include <lumigrad/engine/device.h>
#include <lumigrad/engine/device/pixel.h>

namespace lumigrad::device {

/// The formula on `device`: from the module's lists, or from those that the program has added. Throws DeviceError,
/// naming the operator `name`, where nobody has compiled it.
const DeviceFormula& formula_on(const char* name, const PixelKernels& kernels, Device device);

}  // namespace lumigrad::device
