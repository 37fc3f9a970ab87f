// SPDX-License-Identifier: Apache-2.0
// The module that computes on a device: found, checked, and called. Internal to the engine.
//
// This is the one place that knows that there is such a module. It is looked for when a device is first asked for:
//
//   1. LUMIGRAD_CUDA_MODULE, if set: that file and no other ("none": no module at all)
//   2. beside the library (or the program that holds it), in cuda/ and ../cuda/ there (a build tree), in ../lib there
//   3. where it was installed
//   4. wherever the system's loader looks for liblumigrad_cuda.so
//
// The first one that exists, loads and has this library's table is taken. What was wrong with the others is kept: it is
// the reason that DeviceError and `lumigrad info` give.
#pragma once
#include <lumigrad/engine/device/table.h>
#include <lumigrad/engine/tensor.h>

namespace lumigrad::device {

/// The module's table. Throws DeviceError with the reason where there is none, after a fork, and when `device` is lost
/// or not there.
const Table& table(Device device);
/// Where work for a device goes.
Place place_of(Device device);
/// Throws what a status means: nothing, ResourceError or DeviceError (which marks the device as lost).
void check(const char* name, Device device, const Status& status);

/// A tensor as the module sees it; an undefined one has no data.
Array array_of(const Tensor& tensor);
/// The tensor itself where it is on `device` already; a bare number or list, or one element, as a recorded copy there.
/// Throws DeviceError for any other tensor of another device. `name` is the operator's.
Tensor on_device(const char* name, const Tensor& tensor, Device device, Here here);
/// The device of a call: that of the first tensor that is not a bare number; the CPU where there is none.
Device device_of(std::initializer_list<const Tensor*> tensors);
Device device_of(std::span<const Tensor> tensors);

/// What `lumigrad info` shows: the file that was loaded and its devices, or why there are none.
struct ModuleReport {
  std::string path;    // empty: no module
  std::string reason;  // why there is none, or no device
  std::vector<Description> devices;
};
ModuleReport module_report();

}  // namespace lumigrad::device
