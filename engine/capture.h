// SPDX-License-Identifier: Apache-2.0
// A step of training or registration, recorded once on a device and replayed.
//
// Asking a device for an operator costs the host a few microseconds, whatever its size. A step of many small operators
// (a pyramid level, a network for policies) spends more on asking than on computing. A captured step asks once: what
// was asked for becomes one graph of kernels, and replay() hands it to the device whole.
//
//   Tensor x = Tensor::zeros({2, 3}, DType::f32, gpu).requires_grad();
//   CapturedStep step(gpu, [&] {
//     clear_gradients({x});
//     loss(x).backward();
//     optimizer.step();
//   });
//   for (int i = 0; i < 1000; ++i) step.replay();
//
// The constructor runs the step once as it is (so that it fails as it would, and everything it needs is made), and once
// more only to record it. What is replayed is what the device was asked: the same kernels on the same memory.
// Everything that the step does on the host, counting steps or choosing by a value, happened once and stays as it was.
// The tensors it reads have to live as long: it holds the memory of those it replaces, not of those around it. To feed
// a replay, write into tensors that the step reads (Tensor::assign); to see its results, read the tensors it writes.
#pragma once
#include <lumigrad/engine/callable.h>
#include <lumigrad/engine/device.h>
#include <cstdint>

namespace lumigrad {

/// Neither copied nor moved: memory of the step belongs to it for as long as it lives.
class LUMIGRAD_API CapturedStep {
 public:
  /// Runs and records `step`. While it records, all work on `device`, of any thread, is recorded with it, and asking
  /// for a value (values(), item(), to(Device{})) or sending more than 64 KB to the device raises DeviceError.
  /// Throws what the step throws; DeviceError where the device cannot be used, is the CPU, or records already.
  CapturedStep(Device device, FunctionRef<void()> step);
  ~CapturedStep();
  CapturedStep(const CapturedStep&) = delete;
  CapturedStep& operator=(const CapturedStep&) = delete;

  /// Asks the device for the step again, in the order of its other work. Does not wait.
  void replay();

 private:
  Device device_;
  std::uint64_t pool_ = 0;
  void* graph_ = nullptr;
};

}  // namespace lumigrad
