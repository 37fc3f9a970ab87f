// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/capture.h>

#include <lumigrad/engine/device/memory.h>
#include <lumigrad/engine/device/module.h>

namespace lumigrad {

CapturedStep::CapturedStep(Device device, FunctionRef<void()> step) : device_(device) {
  require<DeviceError>(device != Device(), "capture: expected a device other than the cpu, got ", device);
  const device::CaptureTable& table = device::table(device).capture;
  const device::Place place = device::place_of(device);
  step();
  pool_ = device::open_pool(device);
  try {
    device::check("capture", device, table.begin(place));
    try {
      step();
    } catch (...) {
      table.end(place, nullptr);
      throw;
    }
    device::check("capture", device, table.end(place, &graph_));
  } catch (...) {
    device::close_pool(device);
    device::drop_pool(device, pool_);
    throw;
  }
  device::close_pool(device);
}

CapturedStep::~CapturedStep() {
  try {
    if (graph_) device::table(device_).capture.destroy(graph_);
  } catch (const Error&) {  // the device is lost, and the graph with it
  }
  device::drop_pool(device_, pool_);
}

void CapturedStep::replay() {
  device::check("replay", device_, device::table(device_).capture.replay(device::place_of(device_), graph_));
}

}  // namespace lumigrad
