// SPDX-License-Identifier: Apache-2.0
// The stand-in's device: plain memory, and work done on the spot. It can be told to fail, so that the library's answer
// to a full, a lost or a missing device is tested where there is none:
//
//   LUMIGRAD_STANDIN_DEVICES   how many devices it pretends to have (1)
//   LUMIGRAD_STANDIN_BYTES     the memory of each (1 GiB)
//   LUMIGRAD_STANDIN_LOST      the n-th wait or copy fails as a device does that has crashed
#include <lumigrad/engine/device/table.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/tables.h>

namespace lumigrad::cuda {
namespace {

using device::Description;

Recording* recording = nullptr;  // a step that is being recorded (launch.h)

long long setting(const char* name, long long otherwise) {
  const char* const text = std::getenv(name);
  return text && *text ? std::atoll(text) : otherwise;
}

struct State {
  std::mutex mutex;
  std::map<void*, std::size_t> blocks;
  std::size_t used = 0;
  long long moves = 0;
};
State& state() {
  static State& state = *new State();
  return state;
}

std::size_t total() { return static_cast<std::size_t>(setting("LUMIGRAD_STANDIN_BYTES", 1LL << 30)); }

Status count(int* devices) {
  *devices = static_cast<int>(setting("LUMIGRAD_STANDIN_DEVICES", 1));
  return *devices > 0 ? Status{} : Status{Code::unsupported, "the stand-in was told to have no device"};
}

Status describe(int, Description* result) {
  std::snprintf(result->name, sizeof result->name, "stand-in in host memory (for tests)");
  result->bytes = total();
  result->multiprocessors = 1;
  return {};
}

Status open(int, void** stream) {
  *stream = &recording;
  return {};
}

Status allocate(int, std::size_t bytes, void** block) {
  std::lock_guard lock(state().mutex);
  if (bytes > total() - state().used) return {Code::no_memory, "the stand-in's memory is full"};
  *block = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (!*block) return {Code::no_memory, "the host's memory is full"};
  std::memset(*block, 0xa5, bytes);  // what is read before it is written shows
  state().blocks[*block] = bytes;
  state().used += bytes;
  return {};
}

void release(int, void* block) {
  std::lock_guard lock(state().mutex);
  const auto found = state().blocks.find(block);
  if (found == state().blocks.end()) return;
  state().used -= found->second;
  state().blocks.erase(found);
  std::free(block);
}

Status room(int, std::size_t* free, std::size_t* all) {
  std::lock_guard lock(state().mutex);
  *all = total();
  *free = *all - state().used;
  return {};
}

Status moved() {
  std::lock_guard lock(state().mutex);
  const long long fatal = setting("LUMIGRAD_STANDIN_LOST", 0);
  if (fatal > 0 && ++state().moves >= fatal)
    return {Code::lost, "an illegal memory access was encountered (pretended)"};
  return {};
}

constexpr Status while_recording = {Code::unsupported,
                                    "a step is being recorded, which cannot read values or send more than 64 KB"};

Status to_device(Place place, void* to, const void* from, std::size_t bytes) {
  LUMIGRAD_TRY(moved());
  if (!recording) {
    std::memcpy(to, from, bytes);
    return {};
  }
  if (bytes > device::most_recorded_bytes) return while_recording;
  const auto* const first = static_cast<const unsigned char*>(from);
  return run(place, [to, copy = std::vector<unsigned char>(first, first + bytes)] {
    std::memcpy(to, copy.data(), copy.size());
  });
}

Status to_host(Place, void* to, const void* from, std::size_t bytes) {
  LUMIGRAD_TRY(moved());
  if (recording) return while_recording;
  std::memcpy(to, from, bytes);
  return {};
}

Status synchronize(Place) { return recording ? while_recording : moved(); }

Status begin(Place) {
  if (recording) return {Code::unsupported, "a step is being recorded already"};
  recording = new Recording();
  return {};
}

Status end(Place, void** graph) {
  if (graph)
    *graph = recording;
  else
    delete recording;
  recording = nullptr;
  return {};
}

Status replay(Place, void* graph) {
  for (const auto& work : *static_cast<Recording*>(graph)) work();
  return {};
}

void destroy(void* graph) { delete static_cast<Recording*>(graph); }

}  // namespace

const device::CaptureTable capture_table = {begin, end, replay, destroy};
const device::MemoryTable memory_table = {count, describe,  open,    allocate,   release,
                                          room,  to_device, to_host, synchronize};

}  // namespace lumigrad::cuda
