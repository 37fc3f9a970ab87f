// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/filter_bytes.h>

#include <lumigrad/engine/cpu/byte_filter_kernels.h>
#include <lumigrad/engine/families/interpolation.h>
#include <lumigrad/engine/families/line_room.h>
#include <lumigrad/engine/parallel.h>
#include <algorithm>
#include <cstring>
#include <vector>

namespace lumigrad {
namespace {

// Numbers of a strip: its lines and the rows that they are made of stay in the nearest cache. (Where windows are wide,
// so are strips: their ends are made twice.) Pixels of a job.
constexpr std::int64_t strip_numbers = 1024, pixels_a_job = 32768;
constexpr int together = 4;

// Some columns of the result on their way down.
class ByteStrip {
 public:
  ByteStrip(const FilterPlan& plan, const InterleavedPixels<const std::uint8_t>& image, std::int64_t begin,
            std::int64_t end)
      : rows_(plan.axis[1]),
        columns_(plan.axis[2]),
        border_(plan.border),
        image_(image),
        first_(begin - columns_.front),
        read_((end - begin + columns_.taps - 1) * image.channels),
        results_((end - begin) * image.channels),
        short_(results_ < shortest_byte_line),
        copied_(short_ || first_ < 0 || first_ + read_ / image.channels > columns_.image),
        pitch_(read_ + (short_ ? shortest_byte_line : 0)),
        stride_((pitch_ + 15) / 16 * 16),
        lines_(static_cast<std::size_t>(together * stride_)),
        held_(static_cast<std::size_t>(copied_ ? rows_.taps + together - 1 : 0), -1 - rows_.front),
        copies_(held_.size() * static_cast<std::size_t>(pitch_)),
        zeros_(static_cast<std::size_t>(border_ == Border::zeros ? pitch_ : 0)) {}

  // Rows y ... y + outs - 1 of the result; `to` is where the first one's part goes.
  void make(std::int64_t y, int outs, const float* column, const float* row, std::uint8_t* to, std::int64_t row_bytes) {
    read_from_.clear();
    for (std::int64_t r = 0; r < rows_.taps + outs - 1; ++r) read_from_.push_back(read(y + r - rows_.front));
    float* line[together];
    for (int o = 0; o < outs; ++o) line[o] = lines_.get() + o * stride_;
    const ByteFilterKernels& kernels = byte_filter_kernels();
    kernels.down(read_from_.data(), static_cast<int>(rows_.taps), column, line, outs, pitch_);
    const int taps = static_cast<int>(columns_.taps);
    for (int o = 0; o < outs; ++o) {
      std::uint8_t few[shortest_byte_line];
      std::uint8_t* const made = short_ ? few : to + o * row_bytes;
      kernels.along(line[o], taps, image_.channels, row, made, std::max(results_, shortest_byte_line));
      if (short_) std::memcpy(to + o * row_bytes, few, static_cast<std::size_t>(results_));
    }
  }

 private:
  // The part of a row that the strip reads, by the rule of the border where that is outside the image. Where columns
  // are, or where there are too few for a kernel, it is a copy, which stays until the window has left it.
  const std::uint8_t* read(std::int64_t y) {
    const std::int64_t source = index_at_border(y, rows_.image, border_);
    if (source < 0) return zeros_.data();
    const std::uint8_t* whole = from_row(image_, source).first;
    if (!copied_) return whole + first_ * image_.channels;
    const auto slot = static_cast<std::size_t>(y + rows_.front) % held_.size();
    std::uint8_t* to = copies_.data() + static_cast<std::int64_t>(slot) * pitch_;
    if (held_[slot] != y) copy(whole, to);
    held_[slot] = y;
    return to;
  }
  void copy(const std::uint8_t* whole, std::uint8_t* to) const {
    const std::int64_t size = image_.channels, end = first_ + read_ / size,
                       from = std::clamp<std::int64_t>(0, first_, end),
                       until = std::clamp<std::int64_t>(columns_.image, from, end);
    const auto outside = [&](std::int64_t x) {
      const std::int64_t column = index_at_border(x, columns_.image, border_);
      for (std::int64_t c = 0; c < size; ++c)
        to[(x - first_) * size + c] = column < 0 ? std::uint8_t{0} : whole[column * size + c];
    };
    for (std::int64_t x = first_; x < from; ++x) outside(x);
    std::memcpy(to + (from - first_) * size, whole + from * size, static_cast<std::size_t>((until - from) * size));
    for (std::int64_t x = until; x < end; ++x) outside(x);
  }

  FilterAxis rows_, columns_;
  Border border_;
  InterleavedPixels<const std::uint8_t> image_;
  std::int64_t first_, read_, results_;  // the first column read, and numbers of a row that are read and made
  bool short_, copied_;
  std::int64_t pitch_, stride_;  // numbers of a copy, with zeros up to what a kernel wants, and of a line
  LineRoom<float> lines_;
  std::vector<std::int64_t> held_;  // rows of which there are copies
  std::vector<std::uint8_t> copies_, zeros_;
  std::vector<const std::uint8_t*> read_from_;
};

}  // namespace

void filter_bytes(const FilterPlan& plan, const InterleavedPixels<const std::uint8_t>& image, const float* column,
                  const float* row, const InterleavedPixels<std::uint8_t>& result) {
  const std::int64_t width = plan.axis[2].result, height = plan.axis[1].result, size = image.channels;
  const std::int64_t numbers = std::max(strip_numbers, 8 * (plan.axis[2].taps - 1) * size),
                     strips = std::max<std::int64_t>(width * size / numbers, 1),
                     group = std::max<std::int64_t>(pixels_a_job * strips / width / together, 1) * together;
  parallel_for(
      strips * ((height + group - 1) / group),
      [&](std::int64_t job) {
        const std::int64_t s = job % strips, begin = s * width / strips, end = (s + 1) * width / strips;
        ByteStrip strip(plan, image, begin, end);
        const std::int64_t last = std::min((job / strips + 1) * group, height);
        for (std::int64_t y = job / strips * group; y < last;) {
          const int outs = last - y >= together ? together : 1;
          strip.make(y, outs, column, row, from_row(result, y).first + begin * size, result.row_bytes);
          y += outs;
        }
      },
      1e-4 * static_cast<double>((plan.axis[1].taps + plan.axis[2].taps) * size * group * width / strips));
}

}  // namespace lumigrad
