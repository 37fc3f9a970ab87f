// SPDX-License-Identifier: Apache-2.0
// The table of functions that a device module fills. Internal to the engine and cuda/.
//
// The library knows CUDA by this table alone. module.cpp finds a module, compares `Header`, and asks for the table;
// every family calls through it (families/*_device.cpp). Two modules fill it: cuda/ compiled by nvcc, and the same
// sources compiled for the host (the stand-in), where device memory is plain memory and a kernel is a loop: what the
// kernels compute is tested without a GPU.
#pragma once
#include <lumigrad/engine/device/alignment.h>
#include <lumigrad/engine/device/array.h>
#include <lumigrad/engine/device/chain.h>
#include <lumigrad/engine/device/contract.h>
#include <lumigrad/engine/device/filter.h>
#include <lumigrad/engine/device/gather.h>
#include <lumigrad/engine/device/pixel.h>
#include <lumigrad/engine/device/reduce.h>
#include <lumigrad/engine/device/resample.h>
#include <lumigrad/engine/device/sample.h>
#include <lumigrad/engine/device/stencil.h>

namespace lumigrad::device {

/// Raised with every change of a record that crosses the seam.
inline constexpr std::uint32_t table_version = 2;
inline constexpr char header_symbol[] = "lumigrad_device_header";
inline constexpr char table_symbol[] = "lumigrad_device_table";

/// The first thing read of a module, before anything of it is called.
struct Header {
  char magic[8];  ///< "lumigrad"
  std::uint32_t version;
  std::uint32_t table_bytes;
  char library[16];  ///< the version of lumigrad it was built with
};

/// What fits into the arguments of a kernel: a number, a matrix, the sizes of something.
inline constexpr std::size_t most_inline_bytes = 256;
/// What can be sent while a step is recorded, in the arguments of several: the tables of a resize, say.
inline constexpr std::size_t most_recorded_bytes = 1 << 16;

/// A device as `lumigrad info` shows it.
struct Description {
  char name[128] = {};
  std::size_t bytes = 0;  ///< of its memory
  int multiprocessors = 0;
};

/// Memory, queues, and moving bytes.
struct MemoryTable {
  Status (*count)(int* devices);  ///< `what` says why there are none
  Status (*describe)(int device, Description* result);
  Status (*open)(int device, void** stream);  ///< the queue that tensors of the device share
  Status (*allocate)(int device, std::size_t bytes, void** block);
  void (*release)(int device, void* block);
  Status (*room)(int device, std::size_t* free, std::size_t* total);
  /// `from` is free on return. Up to `most_recorded_bytes` can be recorded.
  Status (*to_device)(Place place, void* to, const void* from, std::size_t bytes);
  Status (*to_host)(Place place, void* to, const void* from, std::size_t bytes);  ///< waits
  Status (*synchronize)(Place place);
};

/// Moving numbers between layouts and dtypes, as engine/copy.h does.
struct CopyTable {
  Status (*copy)(Place place, const Array* to, const Array* from);  ///< equal extents
  Status (*fill)(Place place, const Array* to, double value);
  Status (*count_up)(Place place, const Array* to);  ///< 0, 1, 2, ... along one axis
};

/// Work that is recorded instead of done, to be done again and again.
struct CaptureTable {
  Status (*begin)(Place place);
  Status (*end)(Place place, void** graph);  ///< null `graph` where nothing is to be kept
  Status (*replay)(Place place, void* graph);
  void (*destroy)(void* graph);
};

struct Table {
  MemoryTable memory;
  CopyTable copy;
  CaptureTable capture;
  FilterTable filter;
  StencilTable stencil;
  ContractTable contract;
  PlacesTable places;
  RanksTable ranks;
  ScanTable scan;
  ResampleTable resample;
  SampleTable sample;
  PixelTable pixel;
  ChainTable chain;
  ReduceTable reduce;
  AlignmentTable alignment;
};

}  // namespace lumigrad::device
