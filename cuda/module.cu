// SPDX-License-Identifier: Apache-2.0
// The two symbols of the module: the header, which is read before anything is called, and the table.
#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/tables.h>

#define LUMIGRAD_EXPORT extern "C" __attribute__((visibility("default")))

namespace lumigrad::cuda {

const device::Host* host = nullptr;

Scratch::Scratch(Place place, std::size_t bytes) : device_(place.device), bytes_(bytes) {
  if (bytes > 0) status_ = host->take(device_, bytes_, &block_);
}
Scratch::~Scratch() {
  if (block_) host->give(device_, block_, bytes_);
}

namespace {

device::Table table() {
  return {memory_table,   copy_table,    capture_table, filter_table, stencil_table,
          contract_table, places_table,  ranks_table,   scan_table,   resample_table,
          sample_table,   pixel_table(), chain_table,   reduce_table, alignment_table};
}

}  // namespace
}  // namespace lumigrad::cuda

LUMIGRAD_EXPORT const lumigrad::device::Header lumigrad_device_header;
const lumigrad::device::Header lumigrad_device_header = {{'l', 'u', 'm', 'i', 'g', 'r', 'a', 'd'},
                                                         lumigrad::device::table_version,
                                                         sizeof(lumigrad::device::Table),
                                                         LUMIGRAD_VERSION};

LUMIGRAD_EXPORT const lumigrad::device::Table* lumigrad_device_table(const lumigrad::device::Host* host) {
  static const lumigrad::device::Table table = lumigrad::cuda::table();
  lumigrad::cuda::host = host;
  return &table;
}
