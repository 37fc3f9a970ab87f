// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/patches.h>

#include <lumigrad/engine/families/line_room.h>
#include <lumigrad/engine/families/patch_stages.h>
#include <lumigrad/engine/inline_vector.h>
#include <lumigrad/engine/parallel.h>
#include <algorithm>

namespace lumigrad {
namespace {

// Columns of a strip whose rows are made one by one, in the first cache; floats of one whose rows are kept for others,
// in the second; how many of those are made together, as many as filters make at once; rows of a job.
constexpr std::int64_t most_columns = 640, most_floats = 150000, common_rows = 4, rows_a_job = 128;

// Parts of at most about `most` places, all as long as one another and whole registers.
std::int64_t even_parts(std::int64_t extent, std::int64_t most) {
  const std::int64_t parts = (extent + most - 1) / most;
  return std::max<std::int64_t>(((extent + parts - 1) / parts + 15) / 16 * 16, 16);
}

// A strip on its way down.
class Strip {
 public:
  // `high` and `across`: of every stage, the rows that its room holds and the columns of the strip.
  Strip(const Stages& stages, std::span<const std::int64_t> high, const Places* across, std::size_t number)
      : stages_(stages), number_(number), rings_(stages.size()), made_(stages.size()), offset_(stages.size()) {
    for (std::size_t s = 0; s < stages.size(); ++s) {
      RowRing& ring = rings_[s];
      ring.x = across[s];
      ring.height = high[s];
      ring.width = (ring.x.count() + 15) / 16 * 16;
      offset_[s] = s > 0 && stages[s]->in_place() ? offset_[s - 1] : room_;
      if (offset_[s] == room_) room_ += stages[s]->channels * ring.height * ring.width;
    }
  }
  std::int64_t room() const { return room_; }
  void move_in(float* memory) {
    for (std::size_t s = 0; s < rings_.size(); ++s) rings_[s].at = memory + offset_[s];
  }
  /// Rows of stage s, those that are not there yet made.
  const RowRing& rows(std::size_t s, Places y) {
    Places& made = made_[s];
    const RowRing& ring = rings_[s];
    const bool follows = y.begin >= std::max(made.begin, made.end - ring.height) && y.begin <= made.end;
    if (follows && y.end <= made.end) return ring;
    const Places missing = follows ? Places{made.end, y.end} : y;
    const RowRing none;
    const RowRing& from = s == 0 ? none : rows(s - 1, stages_[s]->rows(missing));
    stages_[s]->make(from, ring, missing, number_);
    made = {follows ? made.begin : y.begin, y.end};
    if (s > 0 && stages_[s]->in_place()) made_[s - 1] = {};  // overwritten
    return ring;
  }

 private:
  const Stages& stages_;
  std::size_t number_;
  std::vector<RowRing> rings_;
  std::vector<Places> made_;
  std::vector<std::int64_t> offset_;
  std::int64_t room_ = 0;
};

}  // namespace

Patches::Patches(const Tensor& image, std::span<const ImageStep> steps, Here here) {
  stages_.push_back(source_stage(stored_picture(image, 0)));
  std::vector<PixelStep> formulas;
  const auto finish_formulas = [&] {
    if (!formulas.empty()) add_formulas(stages_, formulas, here);
    formulas.clear();
  };
  for (const ImageStep& step : steps) {
    if (step.formula) {
      formulas.push_back(step.formula);
      continue;
    }
    finish_formulas();
    step.bands ? add_bands(stages_, step) : add_filter(stages_, step);
  }
  finish_formulas();
}

Patches::~Patches() = default;

std::int64_t Patches::channels() const { return stages_.back()->channels; }
std::int64_t Patches::height() const { return stages_.back()->height; }
std::int64_t Patches::width() const { return stages_.back()->width; }

void Patches::behind(bool rows, Places of, Places* parts) const {
  std::size_t s = stages_.size();
  parts[--s] = of;
  for (; s > 0; --s) parts[s - 1] = rows ? stages_[s]->rows(parts[s]) : stages_[s]->columns(parts[s]);
}

void Patches::run(Taker take, std::int64_t rows, std::int64_t columns) {
  const std::int64_t h = height(), w = width();
  if (channels() * h * w == 0) return;
  const std::size_t count = stages_.size();
  RowUse use = RowUse::same;
  for (const auto& stage : stages_) use = std::max(use, stage->row_use());
  const bool common = use == RowUse::common;
  if (rows == 0) rows = common ? common_rows : 1;
  std::vector<std::int64_t> high(count, rows);  // rows of each stage that are read together
  std::vector<Places> parts(count);
  for (std::int64_t y = 0; use != RowUse::same && y < h; y += rows) {
    behind(true, {y, std::min(y + rows, h)}, parts.data());
    for (std::size_t s = 0; s < count; ++s) high[s] = std::max(high[s], parts[s].count());
  }
  for (std::size_t s = count; s-- > 1;)  // those that share a room share it whole
    if (stages_[s]->in_place()) high[s - 1] = high[s] = std::max(high[s - 1], high[s]);
  std::int64_t floats = 0;
  for (std::size_t s = 0; s < count; ++s) floats += stages_[s]->channels * high[s];
  if (columns == 0) columns = even_parts(w, common ? std::max(most_floats / floats, most_columns) : most_columns);

  std::vector<Places> across(static_cast<std::size_t>((w + columns - 1) / columns) * count);
  for (std::size_t j = 0; j < across.size(); j += count) {
    const std::int64_t x = static_cast<std::int64_t>(j / count) * columns;
    behind(false, {x, std::min(x + columns, w)}, &across[j]);
    for (std::size_t s = 1; s < count; ++s) stages_[s]->prepare(across[j + s - 1], across[j + s]);
  }

  // Strips are jobs of their own where rows have to be kept; else they go down side by side, as memory has them, and
  // take turns in one room.
  const std::size_t strips = across.size() / count, together = common ? 1 : strips;
  const auto jobs_across = static_cast<std::int64_t>(strips / together);
  const std::int64_t group = std::max(rows_a_job, pixels_a_job / columns) / rows * rows + rows;
  parallel_for(
      jobs_across * ((h + group - 1) / group),
      [&](std::int64_t job) {
        const auto first = static_cast<std::size_t>(job % jobs_across);
        std::vector<Strip> own;
        std::int64_t room = 0;
        for (std::size_t j = first; j < first + together; ++j) {
          own.emplace_back(stages_, high, &across[j * count], j);
          room = std::max(room, own.back().room());
        }
        const LineRoom<float> memory(static_cast<std::size_t>(room));
        for (Strip& strip : own) strip.move_in(memory.get());
        InlineVector<const float*, 4> lines(static_cast<std::size_t>(channels()));
        const std::int64_t end = std::min((job / jobs_across + 1) * group, h);
        for (std::int64_t y = job / jobs_across * group; y < end; y += rows)
          for (Strip& strip : own) {
            const RowRing& made = strip.rows(count - 1, {y, std::min(y + rows, end)});
            for (std::int64_t line = y; line < std::min(y + rows, end); ++line) {
              for (std::int64_t c = 0; c < channels(); ++c) lines[static_cast<std::size_t>(c)] = made.row(c, line);
              take(line, made.x.begin, made.x.count(), lines.data());
            }
          }
      },
      1e-3 * static_cast<double>(group * columns) * static_cast<double>(count * together));
}

}  // namespace lumigrad
