// SPDX-License-Identifier: Apache-2.0
// Steps for which bytes need no floats in memory.
#include <lumigrad/engine/cpu/pixel_rows.h>
#include <lumigrad/engine/families/filter_bytes.h>
#include <lumigrad/engine/families/patch_stages.h>
#include <lumigrad/engine/parallel.h>
#include <algorithm>

namespace lumigrad {
namespace {

// Calls rows(y, count) for stretches of the rows of a result.
void for_rows(const PatchStage& result, double nanoseconds, FunctionRef<void(std::int64_t, std::int64_t)> rows) {
  const std::int64_t group = std::max<std::int64_t>(pixels_a_job / result.width, 1);
  parallel_for((result.height + group - 1) / group,
               [&](std::int64_t job) { rows(job * group, std::min(group, result.height - job * group)); },
               1e-3 * nanoseconds * static_cast<double>(group * result.width));
}

// Whether each result is the mean of two neighbours of its own.
bool is_halving(const Band* band) {
  if (!band || 2 * band->rows() != band->columns() ||
      band->source().size() != static_cast<std::size_t>(band->columns()))
    return false;
  bool all = true;
  for (std::size_t k = 0; k < band->source().size(); ++k)
    all = all && band->source()[k] == static_cast<std::int32_t>(k) && band->weight()[k] == 0.5 &&
          band->begin()[k / 2] == static_cast<std::int64_t>(k / 2 * 2);
  return all;
}

}  // namespace

bool Patches::run_bytes(const InterleavedPixels<std::uint8_t>& to) {
  const StoredPicture& picture = *stages_[0]->stored();
  const PatchStage& result = *stages_.back();
  const int channels = static_cast<int>(picture.channels);
  const bool interleaved = channels == 1 ? picture.column_step == 1 : interleaved_channels(picture) == channels;
  if (picture.dtype != DType::u8 || !interleaved || result.channels != to.channels || result.height * result.width == 0)
    return false;
  const bool reversed = channels > 1 && picture.channel_step < 0;
  if (channels == 4 && (reversed || to.reversed)) return false;  // where alpha stands is another matter
  const InterleavedPixels<const std::uint8_t> from{
      reinterpret_cast<const std::uint8_t*>(picture.row(reversed ? channels - 1 : 0, 0)), picture.row_step, channels,
      reversed};
  const auto columns = static_cast<std::size_t>(result.width);

  const ChainRun* formulas = stages_.size() == 2 ? stages_[1]->formulas() : nullptr;
  if (formulas && formulas->takes_bytes() && channels == 3 && columns >= ChainRun::shortest_bytes()) {
    for_rows(result, 0.2, [&](std::int64_t y, std::int64_t count) {
      formulas->bytes(from_row(from, y), from_row(to, y), static_cast<std::size_t>(count), columns);
    });
    return true;
  }
  if (stages_.size() == 3 && is_halving(stages_[1]->axis_band()) && is_halving(stages_[2]->axis_band()) &&
      reversed == to.reversed) {
    for_rows(result, 0.3, [&](std::int64_t first, std::int64_t count) {
      for (std::int64_t y = first; y < first + count; ++y)
        pixel_rows().halved_bytes(from_row(from, 2 * y).first, from_row(from, 2 * y + 1).first, channels,
                                  from_row(to, y).first, columns);
    });
    return true;
  }
  const SeparableFilter filter = stages_.size() == 2 ? stages_[1]->separable() : SeparableFilter();
  if (filter.plan && reversed == to.reversed) {
    filter_bytes(*filter.plan, from, filter.column, filter.row, to);
    return true;
  }
  return false;
}

}  // namespace lumigrad
