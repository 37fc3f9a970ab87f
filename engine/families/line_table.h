// SPDX-License-Identifier: Apache-2.0
// A band as the kernels along a line want it.
#pragma once
#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/cpu/resample_kernels.h>
#include <lumigrad/engine/families/resample.h>
#include <algorithm>

namespace lumigrad {

template <class T>
const ResampleKernels<T>& resample_kernels_of() {
  return of_type<T>(resample_kernels(simd_level()));
}

/// Whether the last axis of planes is changed before the other. A term of it has to be put into its lane, which costs
/// about what two terms of the other axis do.
inline bool columns_first(const Band& rows, const Band& columns) {
  const auto terms = [](const Band& band) { return static_cast<std::int64_t>(band.source().size()); };
  return 2 * terms(columns) * rows.columns() + terms(rows) * columns.rows() <
         2 * terms(columns) * rows.rows() + terms(rows) * columns.columns();
}

/// A band for the last axis, laid out tap by tap, so that neighbouring results share a vector.
template <class T>
class LineTable {
 public:
  explicit LineTable(const Band& band) : rows_(band.rows()) {
    const auto rows = static_cast<std::size_t>(rows_), block = static_cast<std::size_t>(resample_kernels_of<T>().block);
    const std::vector<std::int64_t>& begin = band.begin();
    for (std::size_t i = 0; i < rows; ++i) taps_ = std::max(taps_, begin[i + 1] - begin[i]);
    blocks_ = (rows + block - 1) / block;
    const std::size_t entries = static_cast<std::size_t>(taps_) * blocks_;
    place_.assign(entries * block, -1);
    weight_.assign(entries * block, T(0));
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::int64_t k = begin[i]; k < begin[i + 1]; ++k) {
        const std::size_t at = static_cast<std::size_t>(k - begin[i]) * blocks_ * block + i;
        place_[at] = band.source()[static_cast<std::size_t>(k)];
        weight_[at] = static_cast<T>(band.weight()[static_cast<std::size_t>(k)]);
      }
    }
    for (std::size_t e = 0; e < entries; ++e) {
      const std::span<std::int32_t> place(place_.data() + e * block, block);
      holes_.push_back(std::ranges::find(place, -1) != place.end());
      corner_.push_back(start_counting(place, band.columns()));
    }
  }
  LineMap<T> map() const {
    return {rows_,         static_cast<std::int64_t>(blocks_), static_cast<int>(taps_), corner_.data(), holes_.data(),
            place_.data(), weight_.data()};
  }

 private:
  // The corner of a block, from which its places count thereafter: best at the start of a line of the cache, and not so
  // far right that the reach ends behind the row. -1, and the places as they are, where no corner reaches them all.
  static std::int32_t start_counting(std::span<std::int32_t> place, std::int64_t columns) {
    const std::int64_t reach = resample_kernels_of<T>().reach, line = 64 / sizeof(T);
    std::int64_t least = columns, most = 0;
    for (const std::int32_t p : place) {
      if (p < 0) continue;
      least = std::min<std::int64_t>(least, p);
      most = std::max<std::int64_t>(most, p);
    }
    std::int64_t corner = least / line * line;
    if (corner + reach > columns || corner + reach <= most) corner = std::min(least, columns - reach);
    if (reach == 0 || corner < 0 || corner + reach <= most) return -1;
    for (std::int32_t& p : place) p = p < 0 ? -1 : p - static_cast<std::int32_t>(corner);
    return static_cast<std::int32_t>(corner);
  }

  std::int64_t rows_, taps_ = 0;
  std::size_t blocks_ = 0;
  std::vector<std::int32_t> corner_, place_;
  std::vector<std::uint8_t> holes_;
  std::vector<T> weight_;
};

}  // namespace lumigrad
