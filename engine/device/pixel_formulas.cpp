// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/device/pixel_formulas.h>
#include <cstring>
#include <deque>
#include <mutex>

namespace lumigrad::device {
namespace {

// What programs add: while they start, and never taken away.
struct Added {
  std::mutex mutex;
  std::deque<FormulaEntries> lists;
};
Added& added() {
  static Added& all = *new Added();
  return all;
}

template <class Lists>
const FormulaEntries* found(const Lists& lists, const char* name) {
  for (const FormulaEntries& entries : lists)
    if (std::strcmp(entries.list, name) == 0) return &entries;
  return nullptr;
}

}  // namespace

void add_formulas(const FormulaEntries& formulas) {
  Added& all = added();
  const std::lock_guard lock(all.mutex);
  all.lists.push_back(formulas);
}

const DeviceFormula& formula_on(const char* name, const PixelKernels& kernels, Device device) {
  const PixelTable& pixel = table(device).pixel;
  const FormulaEntries* entries = nullptr;
  if (kernels.list) {
    entries = found(std::span(pixel.lists, static_cast<std::size_t>(pixel.count)), kernels.list);
    if (!entries) {
      Added& all = added();
      const std::lock_guard lock(all.mutex);
      entries = found(all.lists, kernels.list);
    }
  }
  require<DeviceError>(entries && kernels.number < entries->count, name, ": expected a formula that is compiled for ",
                       device, ", got one of the CPU alone; a line in a .cu compiles it (cuda/formula.h)");
  require<DeviceError>(entries->version == formula_version && std::strcmp(entries->made_for, pixel.made_for) == 0, name,
                       ": expected a formula that is compiled for this module (", pixel.made_for, ", version ",
                       formula_version, "), got one for ", entries->made_for, ", version ", entries->version);
  return entries->entries[kernels.number];
}

}  // namespace lumigrad::device
