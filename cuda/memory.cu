// SPDX-License-Identifier: Apache-2.0
// The device's memory, its queue of work, and the bus. Everything else of the CUDA runtime that launches do not need.
#include <lumigrad/engine/device/table.h>

#include <cstdio>

#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/tables.h>

namespace lumigrad::cuda {
namespace {

using device::Description;

// An error of the runtime as the library understands it. What a kernel broke stays broken until the process ends.
Status status_of(cudaError_t error) {
  if (error == cudaSuccess) return {};
  thread_local char what[160];
  std::snprintf(what, sizeof what, "%s (%s)", cudaGetErrorString(error), cudaGetErrorName(error));
  cudaGetLastError();  // what is not sticky is forgotten
  switch (error) {
    case cudaErrorMemoryAllocation:
      return {Code::no_memory, what};
    case cudaErrorInvalidValue:
    case cudaErrorInvalidConfiguration:
    case cudaErrorLaunchOutOfResources:
    case cudaErrorNotSupported:
    case cudaErrorStreamCaptureUnsupported:
    case cudaErrorStreamCaptureInvalidated:
      return {Code::unsupported, what};
    default:
      return {Code::lost, what};
  }
}

Status count(int* devices) {
  *devices = 0;
  const cudaError_t error = cudaGetDeviceCount(devices);
  if (error == cudaErrorNoDevice) return {Code::unsupported, "there is no GPU"};
  if (error == cudaErrorInsufficientDriver) return {Code::unsupported, "there is no NVIDIA driver, or it is too old"};
  return status_of(error);
}

Status describe(int device, Description* result) {
  cudaDeviceProp properties;
  LUMIGRAD_TRY(status_of(cudaGetDeviceProperties(&properties, device)));
  std::snprintf(result->name, sizeof result->name, "%s (compute capability %d.%d)", properties.name, properties.major,
                properties.minor);
  result->bytes = properties.totalGlobalMem;
  result->multiprocessors = properties.multiProcessorCount;
  return {};
}

Status use(int device) { return status_of(cudaSetDevice(device)); }

Status open(int device, void** stream) {
  LUMIGRAD_TRY(use(device));
  cudaStream_t own;
  LUMIGRAD_TRY(status_of(cudaStreamCreateWithFlags(&own, cudaStreamNonBlocking)));
  *stream = own;
  return {};
}

Status allocate(int device, std::size_t bytes, void** block) {
  LUMIGRAD_TRY(use(device));
  return status_of(cudaMalloc(block, bytes));
}

void release(int device, void* block) {
  if (use(device).code == Code::ok) cudaFree(block);  // waits for the work that still reads it
}

Status room(int device, std::size_t* free, std::size_t* total) {
  LUMIGRAD_TRY(use(device));
  return status_of(cudaMemGetInfo(free, total));
}

cudaStream_t stream_of(Place place) { return static_cast<cudaStream_t>(place.stream); }

Status to_device(Place place, void* to, const void* from, std::size_t bytes) {
  LUMIGRAD_TRY(use(place.device));
  return status_of(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_of(place)));
}

Status to_host(Place place, void* to, const void* from, std::size_t bytes) {
  LUMIGRAD_TRY(use(place.device));
  LUMIGRAD_TRY(status_of(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_of(place))));
  return status_of(cudaStreamSynchronize(stream_of(place)));
}

Status synchronize(Place place) {
  LUMIGRAD_TRY(use(place.device));
  return status_of(cudaStreamSynchronize(stream_of(place)));
}

}  // namespace

Status launched() { return status_of(cudaGetLastError()); }

const device::MemoryTable memory_table = {count, describe,  open,    allocate,   release,
                                          room,  to_device, to_host, synchronize};

}  // namespace lumigrad::cuda
