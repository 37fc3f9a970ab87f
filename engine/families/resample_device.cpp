// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/resample_device.h>

#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/device/resample.h>
#include <algorithm>
#include <cstring>

namespace lumigrad {
namespace {

// A band's entries on a device, sent there as one block. `taps`: as BandEntries has it.
class BandOnDevice {
 public:
  BandOnDevice(const char* name, const Band& band, std::int32_t taps, DType dtype, Device device) {
    const auto rows = static_cast<std::size_t>(band.rows()), width = static_cast<std::size_t>(taps);
    require<ShapeError>(band.source().size() <= 0x7fffffff, name, ": expected at most 2^31 weights, got ",
                        band.source().size());
    std::vector<std::int32_t> begin(band.begin().begin(), band.begin().end()), source = band.source();
    std::vector<double> weight = band.weight();
    if (taps > 0) {
      source.assign(width * rows, -1);
      weight.assign(width * rows, 0);
      for (std::size_t i = 0; i < rows; ++i) {
        const auto first = static_cast<std::size_t>(begin[i]), last = static_cast<std::size_t>(begin[i + 1]);
        for (std::size_t k = first; k < last; ++k) {
          source[(k - first) * rows + i] = band.source()[k];
          weight[(k - first) * rows + i] = band.weight()[k];
        }
      }
      begin.clear();
    }
    const std::size_t begins = (begin.size() + 1) / 2 * 8, sources = (source.size() + 1) / 2 * 8;
    const std::size_t weights = weight.size() * size_of(dtype);
    Tensor bytes = Tensor::empty({static_cast<std::int64_t>(begins + sources + weights)}, DType::u8);
    auto* const to = bytes.mutable_data<std::uint8_t>();
    if (!begin.empty()) std::memcpy(to, begin.data(), begin.size() * 4);
    if (!source.empty()) std::memcpy(to + begins, source.data(), source.size() * 4);
    const std::vector<float> narrow(weight.begin(), weight.end());
    const void* const given = dtype == DType::f64 ? static_cast<const void*>(weight.data()) : narrow.data();
    if (weights > 0) std::memcpy(to + begins + sources, given, weights);
    sent_ = bytes.to(device);
    const std::byte* const there = sent_.device_data();
    entries_.taps = taps;
    entries_.begin = reinterpret_cast<const std::int32_t*>(there);
    entries_.source = reinterpret_cast<const std::int32_t*>(there + begins);
    entries_.weight = there + begins + sources;
    entries_.rows = band.rows(), entries_.columns = band.columns();
  }
  const device::BandEntries& entries() const { return entries_; }

 private:
  Tensor sent_;
  device::BandEntries entries_;
};

// The least of 2, 4, 6 that a band fits into, or 0.
std::int32_t padded_taps(std::int64_t entries) {
  return entries > device::most_taps ? 0 : entries > 4 ? 6 : entries > 2 ? 4 : 2;
}

std::int64_t most_entries(const Band& band) {
  std::int64_t most = 0;
  for (std::size_t i = 0; i + 1 < band.begin().size(); ++i)
    most = std::max(most, band.begin()[i + 1] - band.begin()[i]);
  return most;
}

}  // namespace

bool fits_one_pass(const Band& rows, const Band& columns) {
  const std::int64_t down = most_entries(rows), across = most_entries(columns);
  return down <= device::most_taps && across <= device::most_taps && down * across <= 3 * (down + across);
}

Tensor resample_on_device(const char* name, const Tensor& x, int axis, const Band& band) {
  const Device device = x.device();
  Tensor y = Tensor::empty(x.shape().with(axis, band.rows()), x.dtype(), device);
  if (y.numel() == 0) return y;
  const BandOnDevice sent(name, band, padded_taps(most_entries(band)), x.dtype(), device);
  device::BandCall call{x.device_data(), y.device_data(), x.dtype(), 1, 1, sent.entries()};
  for (int i = 0; i < axis; ++i) call.outer *= x.size(i);
  for (int i = axis + 1; i < x.rank(); ++i) call.inner *= x.size(i);
  device::check(name, device, device::table(device).resample.along_axis(device::place_of(device), &call));
  return y;
}

Tensor resample_planes_on_device(const char* name, const Tensor& x, const Band& rows, const Band& columns) {
  const Device device = x.device();
  const int last = x.rank() - 1;
  Tensor y = Tensor::empty(x.shape().with(last - 1, rows.rows()).with(last, columns.rows()), x.dtype(), device);
  if (y.numel() == 0) return y;
  const std::int32_t taps = padded_taps(std::max(most_entries(rows), most_entries(columns)));
  const BandOnDevice by_row(name, rows, taps, x.dtype(), device), by_column(name, columns, taps, x.dtype(), device);
  device::BandPairCall call{x.device_data(), y.device_data(), x.dtype(), 1, by_row.entries(), by_column.entries()};
  for (int i = 0; i < last - 1; ++i) call.outer *= x.size(i);
  device::check(name, device, device::table(device).resample.along_planes(device::place_of(device), &call));
  return y;
}

}  // namespace lumigrad
