// SPDX-License-Identifier: Apache-2.0
// The gather family across the seam: places, orders, running sums, counts and draws. Tensors are dense and seen along
// one axis as [outer, extent, inner] (engine/families/lines.h).
#pragma once
#include <lumigrad/engine/device/array.h>

namespace lumigrad::device {

/// x [outer, extent, inner] and y [outer, count, inner], and a place in [0, extent) for each element of y; `shared`:
/// one list of `count` places for all lines.
struct PlacesCall {
  DType dtype = DType::f32;
  std::int64_t outer = 0, extent = 0, count = 0, inner = 0;
  bool shared = false;
  const std::int64_t* places = nullptr;
  const void* from = nullptr;
  void* to = nullptr;
};

/// What becomes of a line with a NaN: it is sorted last, or its first NaN is what every rank selects.
struct RanksCall {
  DType dtype = DType::f32;  ///< f32, f64 or i64
  std::int64_t outer = 0, extent = 0, inner = 0;
  bool descending = false, spreads = false;
  const void* x = nullptr;
  std::int64_t ranks = 0;
  const std::int64_t* rank = nullptr;  ///< on the device; null: 0, 1, 2, ...
  std::int64_t* index = nullptr;       ///< [outer, ranks, inner]
};

struct LinesCall {
  DType dtype = DType::f32;
  std::int64_t outer = 0, extent = 0, inner = 0;
  const void* a = nullptr;  ///< of a scan: the factors; of shares: the extreme of each line
  const void* x = nullptr;
  void* y = nullptr;
  bool flag = false;      ///< of a scan: from the end; of extremes: the largest
  std::int64_t bins = 0;  ///< of a histogram of [low, high]
  double low = 0, high = 0;
};

/// Draws of engine/random.h for a tensor whose first axis is the sample.
struct DrawCall {
  enum class Kind : std::int32_t { uniform, normal, integers } kind = Kind::uniform;
  DType dtype = DType::f32;
  std::uint64_t seed = 0, first_sample = 0;
  std::uint32_t operation = 0;
  std::int64_t total = 0, per_sample = 0;
  double origin = 0, scale = 1;  ///< origin + scale * draw, in the dtype of the result
  std::int64_t low = 0;          ///< of integers
  std::uint64_t values = 0;      ///< how many of them
  void* to = nullptr;
};

struct PlacesTable {
  Status (*collect)(Place place, const PlacesCall* call);
  Status (*scatter)(Place place, const PlacesCall* call);  ///< sums in the order of the elements, f32 or f64
};
struct RanksTable {
  Status (*ranks)(Place place, const RanksCall* call);
  Status (*extremes)(Place place, const LinesCall* call);  ///< y: i64 [outer, inner]
  Status (*shares)(Place place, const LinesCall* call);    ///< inner is 1
};
struct ScanTable {
  Status (*scan)(Place place, const LinesCall* call);
  Status (*histogram)(Place place, const LinesCall* call);  ///< inner is 1, y: i64 [outer, bins], zero before
  Status (*draw)(Place place, const DrawCall* call);
};

}  // namespace lumigrad::device
