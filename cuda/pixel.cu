// SPDX-License-Identifier: Apache-2.0
// The lists of formulas that the module has.
#include <lumigrad/cuda/tables.h>

namespace lumigrad {

// As LUMIGRAD_CUDA_FORMULAS makes them, each in a .cu of its own.
#define LUMIGRAD_LIST(area) extern const device::FormulaEntries area##_on_devices;
LUMIGRAD_LIST(elementwise)
LUMIGRAD_LIST(activation)
LUMIGRAD_LIST(gamma)
namespace color {
LUMIGRAD_LIST(color)
}
namespace enhance {
LUMIGRAD_LIST(enhance)
}
namespace geometry {
LUMIGRAD_LIST(geometry)
}
namespace losses {
LUMIGRAD_LIST(losses)
}
#undef LUMIGRAD_LIST

namespace cuda {

device::PixelTable pixel_table() {
  static const device::FormulaEntries lists[] = {
      elementwise_on_devices,      activation_on_devices,         gamma_on_devices,         color::color_on_devices,
      enhance::enhance_on_devices, geometry::geometry_on_devices, losses::losses_on_devices};
  return {lists, sizeof(lists) / sizeof(lists[0]), elementwise_on_devices.made_for, pixel_totals};
}

}  // namespace cuda
}  // namespace lumigrad
