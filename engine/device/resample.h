// SPDX-License-Identifier: Apache-2.0
// Products with bands on a device (families/resample.h). Internal to the engine and cuda/.
#pragma once
#include <lumigrad/engine/device/array.h>

namespace lumigrad::device {

/// The entries of a band in the device's memory. Narrow bands (taps > 0) tap by tap: entry k of row i at k rows + i,
/// with source -1 where a row has less. Others row by row: row i has begin[i] ... begin[i + 1] - 1.
struct BandEntries {
  std::int32_t taps = 0;  ///< 2, 4, 6, or 0
  const std::int32_t* begin = nullptr;
  const std::int32_t* source = nullptr;
  const void* weight = nullptr;  ///< of the call's dtype
  std::int64_t rows = 0, columns = 0;
};
inline constexpr std::int32_t most_taps = 6;

/// x and y dense, f32 or f64: y[o, i, j] = sum over k of band[i, k] x[o, k, j].
struct BandCall {
  const void* x = nullptr;
  void* y = nullptr;
  DType dtype = DType::f32;
  std::int64_t outer = 1, inner = 1;
  BandEntries band;
};

/// Two bands at once, both narrow and of equal taps: y[o, i, j] = sum over k of rows[i, k] sum over l of columns[j, l]
/// x[o, k, l].
struct BandPairCall {
  const void* x = nullptr;
  void* y = nullptr;
  DType dtype = DType::f32;
  std::int64_t outer = 1;
  BandEntries rows, columns;
};

struct ResampleTable {
  Status (*along_axis)(Place place, const BandCall* call);
  Status (*along_planes)(Place place, const BandPairCall* call);
};

}  // namespace lumigrad::device
