// SPDX-License-Identifier: Apache-2.0
// Errors of the CUDA runtime as the library understands them.
#pragma once
#include <lumigrad/cuda/launch.h>
#if !defined(LUMIGRAD_STANDIN)
#include <cuda_runtime.h>
#include <cstdio>

namespace lumigrad::cuda {

/// What a kernel broke stays broken until the process ends: the device is lost. Other errors, a device that these
/// kernels were not compiled for among them, are forgotten once told.
inline Status status_of(cudaError_t error) {
  if (error == cudaSuccess) return {};
  thread_local char what[160];
  std::snprintf(what, sizeof what, "%s (%s)", cudaGetErrorString(error), cudaGetErrorName(error));
  cudaGetLastError();
  switch (error) {
    case cudaErrorMemoryAllocation:
      return {Code::no_memory, what};
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorMisalignedAddress:
    case cudaErrorIllegalInstruction:
    case cudaErrorHardwareStackError:
    case cudaErrorInvalidPc:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorECCUncorrectable:
    case cudaErrorCudartUnloading:
      return {Code::lost, what};
    default:
      return {Code::unsupported, what};
  }
}

}  // namespace lumigrad::cuda
#endif
