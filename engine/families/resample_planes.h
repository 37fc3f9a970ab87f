// SPDX-License-Identifier: Apache-2.0
// Both axes of planes in one pass over memory: some rows of the result at a time, so that what lies between the two
// axes stays in the nearest caches.
#pragma once
#include <lumigrad/engine/families/line_room.h>
#include <lumigrad/engine/families/line_table.h>
#include <lumigrad/engine/inline_vector.h>
#include <lumigrad/engine/parallel.h>
#include <algorithm>
#include <utility>

namespace lumigrad {

template <class T>
class PlaneRows {
 public:
  PlaneRows(const Band& rows, const Band& columns)
      : rows_(rows),
        weight_(rows.weight().begin(), rows.weight().end()),
        table_(columns),
        map_(table_.map()),
        kernels_(resample_kernels_of<T>()),
        along_first_(columns_first(rows, columns)),
        from_width_(columns.columns()),
        to_width_(columns.rows()) {
    for (std::int64_t i = 0; along_first_ && i < rows.rows(); ++i) {
      const auto [first, last] = read_by(i);
      slots_ = std::max(slots_, last - first + together - 1);
    }
  }
  PlaneRows(const PlaneRows&) = delete;

  /// Rows [begin, end) of the result at y, of the plane at x.
  void run(const T* x, T* y, std::int64_t begin, std::int64_t end) const {
    const LineRoom<T> room(static_cast<std::size_t>(along_first_ ? slots_ * to_width_ : together * from_width_));
    if (along_first_)
      along_then_down(x, y, begin, end, room.get());
    else
      down_then_along(x, y, begin, end, room.get());
  }

 private:
  static constexpr std::int64_t together = lines_together;

  void down_then_along(const T* x, T* y, std::int64_t begin, std::int64_t end, T* room) const {
    for (std::int64_t i = begin; i < end; i += together) {
      const std::int64_t count = std::min(together, end - i);
      const T* from[together];
      T* to[together];
      for (std::int64_t n = 0; n < count; ++n) {
        sum_of_rows(
            i + n, [&](std::int64_t source) { return x + source * from_width_; }, room + n * from_width_, from_width_);
        from[n] = room + n * from_width_;
        to[n] = y + (i + n) * to_width_;
      }
      kernels_.along(from, to, static_cast<int>(count), map_);
    }
  }

  // Rows made along have a slot until so many later ones are made that it is theirs.
  void along_then_down(const T* x, T* y, std::int64_t begin, std::int64_t end, T* room) const {
    const auto slot = [&](std::int64_t source) { return room + source % slots_ * to_width_; };
    std::int64_t first = 0, last = 0;  // rows that are there
    for (std::int64_t i = begin; i < end; ++i) {
      const auto [from, until] = read_by(i);
      if (from < first || from > last) first = last = from;
      while (last < until) {
        const std::int64_t count = std::min(together, rows_.columns() - last);
        const T* line[together];
        T* made[together];
        for (std::int64_t n = 0; n < count; ++n) {
          line[n] = x + (last + n) * from_width_;
          made[n] = slot(last + n);
        }
        kernels_.along(line, made, static_cast<int>(count), map_);
        last += count;
        first = std::max(first, last - slots_);
      }
      sum_of_rows(i, slot, y + i * to_width_, to_width_);
    }
  }

  template <class Line>
  void sum_of_rows(std::int64_t i, const Line& line, T* to, std::int64_t count) const {
    const auto first = static_cast<std::size_t>(rows_.begin()[static_cast<std::size_t>(i)]),
               last = static_cast<std::size_t>(rows_.begin()[static_cast<std::size_t>(i) + 1]);
    InlineVector<const T*, 16> lines(last - first);
    for (std::size_t k = first; k < last; ++k) lines[k - first] = line(rows_.source()[k]);
    kernels_.lines(lines.data(), to, count, weight_.data() + first, static_cast<int>(last - first));
  }

  // The rows [first, last) between which all lie that row i of the result is made of.
  std::pair<std::int64_t, std::int64_t> read_by(std::int64_t i) const {
    const auto begin = rows_.source().begin() + rows_.begin()[static_cast<std::size_t>(i)],
               end = rows_.source().begin() + rows_.begin()[static_cast<std::size_t>(i) + 1];
    if (begin == end) return {0, 0};
    const auto [least, most] = std::minmax_element(begin, end);
    return {*least, *most + 1};
  }

  const Band& rows_;
  std::vector<T> weight_;
  LineTable<T> table_;
  LineMap<T> map_;
  const ResampleKernels<T>& kernels_;
  bool along_first_;
  std::int64_t from_width_, to_width_, slots_ = 1;
};

/// `planes` of them, lying one after another at x and at y.
template <class T>
void resample_rows(const T* x, T* y, std::int64_t planes, const Band& rows, const Band& columns) {
  constexpr std::int64_t numbers_a_job = 32768;
  const PlaneRows<T> work(rows, columns);
  const std::int64_t height = rows.rows(), from = rows.columns() * columns.columns(), to = height * columns.rows();
  const std::int64_t group =
                         std::max<std::int64_t>(numbers_a_job / columns.rows() / lines_together, 4) * lines_together,
                     groups = (height + group - 1) / group;
  const double terms = static_cast<double>(rows.source().size()) / static_cast<double>(height) +
                       static_cast<double>(columns.source().size()) / static_cast<double>(columns.rows());
  parallel_for(
      planes * groups,
      [&](std::int64_t job) {
        const std::int64_t plane = job / groups, begin = job % groups * group;
        work.run(x + plane * from, y + plane * to, begin, std::min(begin + group, height));
      },
      3e-4 * terms * static_cast<double>(group * columns.rows()));
}

}  // namespace lumigrad
