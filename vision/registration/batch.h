// SPDX-License-Identifier: Apache-2.0
// Many pairs at once, on a device that is not the CPU: every pair goes through its whole pyramid there, and the host is
// not asked in between.
//
//   const BatchAlignment found = align_batch(fixed.to(gpu), moving.to(gpu), {.model = Model::homography});
//   Tensor straight = geometry::warp_perspective(moving, found.matrices().to(DType::f32), ..., {.inverse_map = true});
#pragma once
#include <lumigrad/vision/registration/registration.h>

namespace lumigrad::registration {

/// What align_batch found, still on the device.
class LUMIGRAD_API BatchAlignment {
 public:
  BatchAlignment(Tensor states, Options options, Shape fixed);
  /// [N, 3, 3], f64, on the device: fixed -> moving pixels. Does not wait.
  Tensor matrices() const;
  /// What is known of every pair; waits. The covariance is that of independent noise.
  std::vector<Result> results() const;

 private:
  Tensor states_;  // [N, numbers of a state] as f64
  Options options_;
  Shape fixed_;
};

/// Aligns `moving` to `fixed`, [N, C, H, W] and [N, C, H', W'] with one or three channels (RGB) on one device, u8, u16,
/// f32 or f64. Floats should be about [0, 1] (register_images sees to that), or their squares may overflow. Masks are
/// [H, W] for all or [N, H, W], on that device. The start is the identity, or the given matrix; there is no search
/// (register_batch has it). Everything is asked of the device in one go and nothing is waited for, so that a
/// CapturedStep can hold it. Method: register_images' second-order steps on raw grey levels, bilinear, with
/// `options.max_iterations` steps at most on the last level. Not recorded on the tape. Throws ShapeError, DTypeError,
/// and DeviceError for tensors on the CPU or on two devices.
LUMIGRAD_API BatchAlignment align_batch(const Tensor& fixed, const Tensor& moving, const Options& options = {});

}  // namespace lumigrad::registration
