// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/resample.h>

#include <lumigrad/engine/families/line_table.h>
#include <lumigrad/engine/families/resample_device.h>
#include <lumigrad/engine/families/resample_planes.h>
#include <lumigrad/engine/inline_vector.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/parallel.h>
#include <algorithm>

namespace lumigrad {

Band::Band(std::int64_t columns) : columns_(columns), begin_{0} {}

std::int64_t Band::rows() const { return static_cast<std::int64_t>(begin_.size()) - 1; }

void Band::start_row() { begin_.push_back(begin_.back()); }

void Band::add(std::int64_t column, double weight) {
  require<ShapeError>(begin_.size() > 1, "band: expected start_row before the first weight");
  require<ShapeError>(column >= 0 && column < columns_, "band: expected a column in [0, ", columns_, "), got ", column);
  if (weight == 0) return;
  for (auto k = static_cast<std::size_t>(begin_[begin_.size() - 2]); k < source_.size(); ++k) {
    if (source_[k] != column) continue;
    weight_[k] += weight;
    return;
  }
  source_.push_back(static_cast<std::int32_t>(column));
  weight_.push_back(weight);
  ++begin_.back();
}

Band Band::transposed() const {
  Band t(rows());
  t.begin_.assign(static_cast<std::size_t>(columns_) + 1, 0);
  for (std::int32_t column : source_) ++t.begin_[static_cast<std::size_t>(column) + 1];
  for (std::size_t i = 1; i < t.begin_.size(); ++i) t.begin_[i] += t.begin_[i - 1];
  t.source_.resize(source_.size());
  t.weight_.resize(weight_.size());
  std::vector<std::int64_t> next(t.begin_.begin(), t.begin_.end() - 1);
  for (std::int64_t i = 0; i < rows(); ++i) {
    for (std::int64_t k = begin_[static_cast<std::size_t>(i)]; k < begin_[static_cast<std::size_t>(i) + 1]; ++k) {
      const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(source_[static_cast<std::size_t>(k)])]++);
      t.source_[at] = static_cast<std::int32_t>(i);
      t.weight_[at] = weight_[static_cast<std::size_t>(k)];
    }
  }
  return t;
}

Band Band::after(const Band& right) const {
  Band product(right.columns());
  for (std::size_t i = 0; i + 1 < begin_.size(); ++i) {
    product.start_row();
    for (auto k = static_cast<std::size_t>(begin_[i]); k < static_cast<std::size_t>(begin_[i + 1]); ++k) {
      const auto row = static_cast<std::size_t>(source_[k]);
      for (auto j = static_cast<std::size_t>(right.begin_[row]); j < static_cast<std::size_t>(right.begin_[row + 1]);
           ++j)
        product.add(right.source_[j], weight_[k] * right.weight_[j]);
    }
  }
  return product;
}

Band Band::identity(std::int64_t extent) {
  Band band(extent);
  for (std::int64_t i = 0; i < extent; ++i) {
    band.start_row();
    band.add(i, 1);
  }
  return band;
}

namespace {

// x as [outer, columns, inner].
template <class T>
void multiply(const T* x, T* y, std::int64_t outer, std::int64_t inner, const Band& band) {
  const std::int64_t rows = band.rows(), columns = band.columns();
  const double microseconds = 1e-3 * static_cast<double>(band.source().size()) * static_cast<double>(inner);
  if (inner > 1) {
    const std::vector<T> weight(band.weight().begin(), band.weight().end());
    parallel_for(
        outer * rows,
        [&](std::int64_t chunk) {
          const std::int64_t o = chunk / rows;
          const auto i = static_cast<std::size_t>(chunk % rows);
          const auto from = static_cast<std::size_t>(band.begin()[i]);
          const auto taps = static_cast<std::size_t>(band.begin()[i + 1]) - from;
          InlineVector<const T*, 16> lines(taps);
          for (std::size_t k = 0; k < taps; ++k) lines[k] = x + (o * columns + band.source()[from + k]) * inner;
          resample_kernels_of<T>().lines(lines.data(), y + chunk * inner, inner, weight.data() + from,
                                         static_cast<int>(taps));
        },
        microseconds / static_cast<double>(rows));
    return;
  }
  const LineTable<T> table(band);
  const LineMap<T> map = table.map();
  constexpr std::int64_t together = lines_together;
  parallel_for((outer + together - 1) / together,
               [&](std::int64_t chunk) {
                 const T* from[together];
                 T* to[together];
                 const std::int64_t first = chunk * together, count = std::min(together, outer - first);
                 for (std::int64_t n = 0; n < count; ++n) {
                   from[n] = x + (first + n) * columns;
                   to[n] = y + (first + n) * rows;
                 }
                 resample_kernels_of<T>().along(from, to, static_cast<int>(count), map);
               },
               static_cast<double>(together) * microseconds);
}

struct ResampleNode final : Node {
  using Node::Node;
  int axis = 0;
  std::shared_ptr<const Band> band;

  void adjoint(std::span<const Tensor> cotangents, std::span<Tensor> gradients) override {
    gradients[0] = resample(cotangents[0], axis, std::make_shared<const Band>(band->transposed()), here());
  }
};

// Both axes in one pass.
struct ResamplePlanesNode final : Node {
  using Node::Node;
  std::shared_ptr<const Band> rows, columns;

  void adjoint(std::span<const Tensor> cotangents, std::span<Tensor> gradients) override {
    gradients[0] = resample_planes(cotangents[0], std::make_shared<const Band>(rows->transposed()),
                                   std::make_shared<const Band>(columns->transposed()), here());
  }
};

Tensor multiplied(const Tensor& dense, int axis, const Band& band) {
  if (dense.device() != Device()) return resample_on_device("resample", dense.detach(), axis, band);
  Tensor y = Tensor::empty(dense.shape().with(axis, band.rows()), dense.dtype());
  if (y.numel() == 0) return y;
  std::int64_t outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= dense.size(i);
  for (int i = axis + 1; i < dense.rank(); ++i) inner *= dense.size(i);
  if (dense.dtype() == DType::f32) {
    multiply(dense.data<float>(), y.mutable_data<float>(), outer, inner, band);
  } else {
    multiply(dense.data<double>(), y.mutable_data<double>(), outer, inner, band);
  }
  return y;
}

Tensor planes_multiplied(const Tensor& dense, const Band& rows, const Band& columns) {
  Tensor y = Tensor::empty(dense.shape().with(-2, rows.rows()).with(-1, columns.rows()), dense.dtype());
  if (y.numel() == 0) return y;
  const std::int64_t planes = y.numel() / (rows.rows() * columns.rows());
  if (dense.dtype() == DType::f32)
    resample_rows(dense.data<float>(), y.mutable_data<float>(), planes, rows, columns);
  else
    resample_rows(dense.data<double>(), y.mutable_data<double>(), planes, rows, columns);
  return y;
}

}  // namespace

Tensor resample(const Tensor& x, int axis, std::shared_ptr<const Band> band, Here here) {
  require<DTypeError>(is_differentiable(x.dtype()), "resample: expected f32 or f64, got ", x.dtype());
  axis = checked_axis("resample", axis, x.rank());
  require<ShapeError>(x.size(axis) == band->columns(), "resample: expected ", band->columns(), " entries along axis ",
                      axis, ", got ", x.size(axis));
  const Tensor dense = x.contiguous(here);
  Tensor y = multiplied(dense, axis, *band);
  if (auto node = record<ResampleNode>("resample", here, {&dense})) {
    node->axis = axis;
    node->band = std::move(band);
    node->attach(y);
  }
  return y;
}

Tensor resample_planes(const Tensor& x, std::shared_ptr<const Band> rows, std::shared_ptr<const Band> columns,
                       Here here) {
  const bool on_cpu = x.device() == Device();
  if (!on_cpu && !fits_one_pass(*rows, *columns)) {
    const bool along_first = columns_first(*rows, *columns);
    const Tensor half = along_first ? resample(x, -1, columns, here) : resample(x, -2, rows, here);
    return along_first ? resample(half, -2, rows, here) : resample(half, -1, columns, here);
  }
  const char* name = "resample_planes";
  require<DTypeError>(is_differentiable(x.dtype()), name, ": expected f32 or f64, got ", x.dtype());
  require<ShapeError>(x.rank() >= 2 && x.size(-2) == rows->columns() && x.size(-1) == columns->columns(), name,
                      ": expected planes of ", rows->columns(), " x ", columns->columns(), ", got ", x.shape());
  const Tensor dense = x.contiguous(here);
  Tensor y = on_cpu ? planes_multiplied(dense, *rows, *columns)
                    : resample_planes_on_device(name, dense.detach(), *rows, *columns);
  if (auto node = record<ResamplePlanesNode>(name, here, {&dense})) {
    node->rows = std::move(rows);
    node->columns = std::move(columns);
    node->attach(y);
  }
  return y;
}

}  // namespace lumigrad
