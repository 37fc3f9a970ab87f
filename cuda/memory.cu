// SPDX-License-Identifier: Apache-2.0
// The device's memory, its queue of work, and the bus. Everything else of the CUDA runtime that launches do not need.
#include <lumigrad/engine/device/table.h>

#include <cstdio>
#include <cstring>

#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/status.h>
#include <lumigrad/cuda/tables.h>

namespace lumigrad::cuda {
namespace {

using device::Description;

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

// A few bytes travel as the argument of a kernel: nothing is staged, and a recorded step keeps them. More of them,
// while a step is recorded, as the arguments of several, which may have 4 KB each.
template <std::size_t most>
struct Inline {
  unsigned char bytes[most];
};
template <std::size_t most>
__global__ void put_inline(const __grid_constant__ Inline<most> from, unsigned char* to, int n) {
  for (int i = static_cast<int>(threadIdx.x); i < n; i += static_cast<int>(blockDim.x)) to[i] = from.bytes[i];
}
template <std::size_t most>
Status send_inline(Place place, void* to, const void* from, std::size_t bytes) {
  for (std::size_t done = 0; done < bytes; done += most) {
    const std::size_t part = bytes - done < most ? bytes - done : most;
    Inline<most> copy;
    std::memcpy(copy.bytes, static_cast<const unsigned char*>(from) + done, part);
    put_inline<most>
        <<<1, 256, 0, stream_of(place)>>>(copy, static_cast<unsigned char*>(to) + done, static_cast<int>(part));
    LUMIGRAD_TRY(launched());
  }
  return {};
}

bool is_recording(Place place) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  cudaStreamIsCapturing(stream_of(place), &status);
  return status != cudaStreamCaptureStatusNone;
}

constexpr Status while_recording = {Code::unsupported,
                                    "a step is being recorded, which cannot read values or send more than 64 KB"};

Status to_device(Place place, void* to, const void* from, std::size_t bytes) {
  LUMIGRAD_TRY(use(place.device));
  if (bytes <= device::most_inline_bytes) return send_inline<device::most_inline_bytes>(place, to, from, bytes);
  if (is_recording(place))
    return bytes <= device::most_recorded_bytes ? send_inline<3840>(place, to, from, bytes) : while_recording;
  return status_of(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_of(place)));
}

Status to_host(Place place, void* to, const void* from, std::size_t bytes) {
  LUMIGRAD_TRY(use(place.device));
  if (is_recording(place)) return while_recording;
  LUMIGRAD_TRY(status_of(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_of(place))));
  return status_of(cudaStreamSynchronize(stream_of(place)));
}

Status synchronize(Place place) {
  LUMIGRAD_TRY(use(place.device));
  if (is_recording(place)) return while_recording;
  return status_of(cudaStreamSynchronize(stream_of(place)));
}

Status begin(Place place) {
  LUMIGRAD_TRY(use(place.device));
  return status_of(cudaStreamBeginCapture(stream_of(place), cudaStreamCaptureModeRelaxed));
}

Status end(Place place, void** graph) {
  cudaGraph_t recorded = nullptr;
  LUMIGRAD_TRY(use(place.device));
  LUMIGRAD_TRY(status_of(cudaStreamEndCapture(stream_of(place), &recorded)));
  cudaGraphExec_t ready = nullptr;
  const Status status = graph ? status_of(cudaGraphInstantiate(&ready, recorded, 0)) : Status{};
  cudaGraphDestroy(recorded);
  if (graph) *graph = ready;
  return status;
}

Status replay(Place place, void* graph) {
  LUMIGRAD_TRY(use(place.device));
  return status_of(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), stream_of(place)));
}

void destroy(void* graph) { cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)); }

}  // namespace

const device::CaptureTable capture_table = {begin, end, replay, destroy};

Status launched() { return status_of(cudaGetLastError()); }

const device::MemoryTable memory_table = {count, describe,  open,    allocate,   release,
                                          room,  to_device, to_host, synchronize};

}  // namespace lumigrad::cuda
