// SPDX-License-Identifier: Apache-2.0
// Filters and selecting windows on a device. Internal to the engine and cuda/.
#pragma once
#include <lumigrad/engine/device/array.h>
#include <lumigrad/engine/families/filter_plan.h>

namespace lumigrad::device {

/// A correlation of dense planes of one dtype: which of the arrays is made is said by the function that is called.
struct FilterCall {
  FilterPlan plan;
  Array image, result;
  Array kernel;  ///< [kernels, taps ..]; of a separable filter its column [kernels, taps]
  Array row;     ///< of a separable filter, else without data
};

enum class Selects : std::int32_t { greatest, least, median };

/// A window that selects one of its places. Arrays are dense; those that are not wanted have no data.
struct SelectCall {
  FilterPlan plan;  ///< of two axes
  Selects selects = Selects::greatest;
  double outside = 0;  ///< the value there with Border::zeros
  Array image, result;
  Array mask;     ///< bool [rows, columns]: the places that take part
  Array heights;  ///< [rows, columns]
  Array pixel;    ///< i64: which pixel of its plane was selected, or their number where none was
  Array tap;      ///< i64: which place of the window was selected, or their number
};
/// Cotangents of what was selected, collected where it came from.
struct CollectCall {
  FilterPlan plan;
  Array result;  ///< the cotangents
  Array index;   ///< what SelectCall wrote to `pixel` or `tap`
  Array sums;    ///< of each pixel of each plane; of each place of the window
};

/// Edges one pixel wide (vision/filters/edges.h): where the magnitude of a slope exceeds that of both neighbours along
/// it, 1 above `high`, 0.5 above `low`; with `follow` those of 0.5 that are joined to a 1 become 1, the others 0.
struct EdgeCall {
  std::int64_t planes = 0, height = 0, width = 0;
  Array magnitude, x, y;  ///< and the slopes; dense, of one dtype, as the results
  Array kept;             ///< 1 where the magnitude exceeds both neighbours, else 0
  Array edges;
  double low = 0, high = 0;
  bool follow = true;
};

struct FilterTable {
  Status (*apply)(Place place, const FilterCall* call);
  Status (*spread)(Place place, const FilterCall* call);
  Status (*apply_separable)(Place place, const FilterCall* call);
  Status (*spread_separable)(Place place, const FilterCall* call);
  Status (*kernel_sums)(Place place, const FilterCall* call);
  Status (*select)(Place place, const SelectCall* call);
  Status (*collect_pixels)(Place place, const CollectCall* call);
  Status (*collect_taps)(Place place, const CollectCall* call);
  Status (*edges)(Place place, const EdgeCall* call);
};

}  // namespace lumigrad::device
