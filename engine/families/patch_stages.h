// SPDX-License-Identifier: Apache-2.0
// What happens to a strip of an image in one step.
#pragma once
#include <lumigrad/engine/families/chain_call.h>
#include <lumigrad/engine/families/filter_plan.h>
#include <lumigrad/engine/families/patches.h>
#include <lumigrad/engine/stored_pixels.h>

namespace lumigrad {

/// The rows of a strip that somebody below still reads, in a room where each takes the place of one that nobody does.
struct RowRing {
  Places x;                            // the columns of the strip
  std::int64_t height = 1, width = 0;  // places for rows, and floats to each
  float* at = nullptr;

  float* row(std::int64_t channel, std::int64_t y) const { return at + (channel * height + y % height) * width; }
  /// The same as a pointer to the image's column 0.
  float* whole_row(std::int64_t channel, std::int64_t y) const { return row(channel, y) - x.begin; }
};

/// What rows of a result are made of: the same row, rows of their own, or rows some of which others read too.
enum class RowUse { same, own, common };

/// A filter by the product of a column and a row; no plan: none.
struct SeparableFilter {
  const FilterPlan* plan = nullptr;
  const float *column = nullptr, *row = nullptr;
};

struct PatchStage {
  std::int64_t channels = 1, height = 0, width = 0;  // of its result

  virtual ~PatchStage() = default;
  /// What a part of the result is made of, along an axis.
  virtual Places rows(Places of) const { return of; }
  virtual Places columns(Places of) const { return of; }
  virtual RowUse row_use() const { return RowUse::same; }
  /// Told once of every strip, in order.
  virtual void prepare(Places from, Places to) { static_cast<void>(from), static_cast<void>(to); }
  /// Whether a row of the result may stand where the row stood that it is made of.
  virtual bool in_place() const { return false; }
  /// What a stage is made of: the image that it reads, the formulas that it runs, the band along its axis.
  virtual const StoredPicture* stored() const { return nullptr; }
  virtual const ChainRun* formulas() const { return nullptr; }
  virtual const Band* axis_band() const { return nullptr; }
  virtual SeparableFilter separable() const { return {}; }
  /// Makes rows `y` of a strip. `strip` is its number.
  virtual void make(const RowRing& from, const RowRing& to, Places y, std::size_t strip) const = 0;
};

/// Pixels of a job for a thread.
inline constexpr std::int64_t pixels_a_job = 32768;

using Stages = std::vector<std::unique_ptr<PatchStage>>;

/// The image, which is made of nothing.
std::unique_ptr<PatchStage> source_stage(const StoredPicture& picture);
/// Formulas that follow one another, on what the last stage makes.
void add_formulas(Stages& stages, std::span<const PixelStep> steps, Here here);
/// A filter, or a band along each axis.
void add_filter(Stages& stages, const ImageStep& step);
void add_bands(Stages& stages, const ImageStep& step);

}  // namespace lumigrad
