// SPDX-License-Identifier: Apache-2.0
// What each source of the module contributes to its table (engine/device/table.h); module.cu joins them.
#pragma once
#include <lumigrad/engine/device/table.h>

namespace lumigrad::cuda {

using device::Place;
using device::Status;

extern const device::MemoryTable memory_table;
extern const device::CopyTable copy_table;
extern const device::CaptureTable capture_table;
extern const device::FilterTable filter_table;
extern const device::StencilTable stencil_table;
extern const device::ContractTable contract_table;
extern const device::PlacesTable places_table;
extern const device::RanksTable ranks_table;
extern const device::ScanTable scan_table;
extern const device::ResampleTable resample_table;
extern const device::SampleTable sample_table;
extern const device::ChainTable chain_table;
extern const device::ReduceTable reduce_table;
device::PixelTable pixel_table();
Status pixel_totals(Place place, const device::PixelTotals* call);
extern const device::AlignmentTable alignment_table;

/// The library's services, known after it has asked for the table.
extern const device::Host* host;

}  // namespace lumigrad::cuda
