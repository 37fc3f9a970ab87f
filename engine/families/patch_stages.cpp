// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/patch_stages.h>

#include <lumigrad/engine/families/filter_margins.h>
#include <lumigrad/engine/families/line_table.h>
#include <algorithm>

namespace lumigrad {
namespace {

struct SourceStage final : PatchStage {
  StoredPicture picture;

  explicit SourceStage(const StoredPicture& p) : picture(p) {
    channels = p.channels;
    height = p.height;
    width = p.width;
  }
  const StoredPicture* stored() const override { return &picture; }
  void make(const RowRing&, const RowRing& to, Places rows, std::size_t) const override {
    const std::int64_t pixel = picture.column_step * static_cast<std::int64_t>(size_of(picture.dtype)),
                       offset = to.x.begin * pixel;
    const bool interleaved = interleaved_channels(picture) != 0;
    for (std::int64_t y = rows.begin; y < rows.end; ++y) {
      load_row(picture, y, to.x.begin, to.x.count(), [&](std::int64_t c) { return to.row(c, y); });
      if (interleaved && to.x.count() < width && y + 1 < height)  // the next row of a strip is not the next memory
        for (std::int64_t i = 0; i < to.x.count() * pixel; i += 64)
          __builtin_prefetch(picture.row(0, y + 1) + offset + i);
    }
  }
};

void require_here(const char* name, const Tensor& option) {
  require<DeviceError>(option.device() == Device(), name, ": expected options on the CPU, got ", option.device());
}

struct FormulaStage final : PatchStage {
  Chain chain;
  ChainRun run;

  // To a chain the image is its shape alone: one number that stands everywhere.
  FormulaStage(const PatchStage& before, std::span<const PixelStep> steps, Here here)
      : chain(expand(Tensor::zeros({1, 1, 1, 1}), {1, before.channels, before.height, before.width}, here), steps,
              here),
        run((check(chain), chain)) {
    channels = chain.by_value ? before.channels : chain.whole.outputs;
    height = before.height;
    width = before.width;
  }
  static void check(const Chain& chain) {
    for (const Tensor& p : chain.params) require_here(chain.name, p);
  }
  bool in_place() const override { return chain.whole.outputs <= chain.whole.inputs; }
  const ChainRun* formulas() const override { return &run; }
  void make(const RowRing& from, const RowRing& to, Places rows, std::size_t) const override {
    const std::int64_t calls = chain.by_value ? channels : 1;
    for (std::int64_t y = rows.begin; y < rows.end; ++y)
      for (std::int64_t call = 0; call < calls; ++call) {
        float *in[max_lanes], *out[max_lanes];
        for (int c = 0; c < chain.whole.inputs; ++c) in[c] = from.row(call + c, y);
        for (int c = 0; c < chain.whole.outputs; ++c) out[c] = to.row(call + c, y);
        run(in, out, static_cast<std::size_t>(to.x.count()));
      }
  }
};

struct FilterStage final : PatchStage {
  Tensor kernel, row;
  FilterPlan plan;
  std::vector<Margins<float>> margins;  // of every strip

  FilterStage(const PatchStage& before, const ImageStep& step) {
    const bool product = step.row.defined(), valid = step.options.valid;
    require_here(step.name, step.kernel);
    if (product) require_here(step.name, step.row);
    kernel = step.kernel.to(DType::f32).contiguous();
    if (product) row = step.row.to(DType::f32).contiguous();
    const int axes = product ? 1 : 2;
    require<ShapeError>(
        kernel.rank() >= axes && kernel.numel() > 0 && (!product || (row.rank() >= 1 && row.numel() > 0)), step.name,
        ": expected a kernel with weights along each axis, got shape ", kernel.shape());
    const std::int64_t down = kernel.size(-axes), along = product ? row.size(-1) : kernel.size(-1);
    require<ShapeError>(kernel.numel() == (product ? down : down * along) && (!product || row.numel() == along),
                        step.name, ": expected one kernel, got shape ", kernel.shape());
    require<ShapeError>(!valid || (down <= before.height && along <= before.width), step.name,
                        ": expected an image at least as large as the kernel, got ", before.height, " x ",
                        before.width);
    plan.axis[1] = filter_axis(before.height, down, valid);
    plan.axis[2] = filter_axis(before.width, along, valid);
    plan.border = step.options.border;
    channels = before.channels;
    height = plan.axis[1].result;
    width = plan.axis[2].result;
  }
  // Part of the results of an axis, as an axis.
  static FilterAxis part(FilterAxis axis, Places of) {
    axis.result = of.count();
    axis.front -= of.begin;
    return axis;
  }
  // The part of an axis of the image that windows see.
  Places seen(const FilterAxis& axis, Places of) const {
    const std::int64_t begin = of.begin - axis.front, end = of.end - axis.front + axis.taps - 1;
    Places inside{std::max<std::int64_t>(begin, 0), std::min(end, axis.image)};
    const auto look_at = [&](std::int64_t outside) {
      const std::int64_t source = index_at_border(outside, axis.image, plan.border);
      if (source >= 0) inside = {std::min(inside.begin, source), std::max(inside.end, source + 1)};
    };
    for (std::int64_t i = begin; i < 0; ++i) look_at(i);
    for (std::int64_t i = axis.image; i < end; ++i) look_at(i);
    return inside;
  }
  SeparableFilter separable() const override {
    return row.defined() ? SeparableFilter{&plan, kernel.data<float>(), row.data<float>()} : SeparableFilter();
  }
  RowUse row_use() const override { return RowUse::common; }
  Places rows(Places of) const override { return seen(plan.axis[1], of); }
  Places columns(Places of) const override { return seen(plan.axis[2], of); }
  void prepare(Places, Places to) override {
    FilterPlan own = plan;
    own.axis[2] = part(plan.axis[2], to);
    margins.emplace_back(own);
  }

  void make(const RowRing& from, const RowRing& to, Places rows, std::size_t strip) const override {
    FilterPlan own = plan;
    own.axis[2] = part(plan.axis[2], to.x);
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto image = [&](std::int64_t y) -> const float* { return from.whole_row(c, y); };
      const auto result = [&](std::int64_t y) { return to.row(c, y); };
      filter_rows(own, margins[strip], {image, result}, kernel.data<float>(),
                  row.defined() ? row.data<float>() : nullptr, rows.begin, rows.end);
    }
  }
};

// The places that rows of a band read.
Places read_by(const Band& band, Places of) {
  const auto begin = static_cast<std::size_t>(band.begin()[static_cast<std::size_t>(of.begin)]),
             end = static_cast<std::size_t>(band.begin()[static_cast<std::size_t>(of.end)]);
  Places read{band.columns(), 0};
  for (std::size_t k = begin; k < end; ++k) {
    read.begin = std::min<std::int64_t>(read.begin, band.source()[k]);
    read.end = std::max<std::int64_t>(read.end, band.source()[k] + 1);
  }
  return read.begin < read.end ? read : Places{0, 1};
}

struct DownStage final : PatchStage {
  Band band;
  std::vector<float> weight;

  DownStage(const PatchStage& before, Band b) : band(std::move(b)), weight(band.weight().begin(), band.weight().end()) {
    channels = before.channels;
    height = band.rows();
    width = before.width;
  }
  const Band* axis_band() const override { return &band; }
  RowUse row_use() const override {
    Places last{0, 0};
    for (std::int64_t y = 0; y < height; ++y) {
      const Places next = read_by(band, {y, y + 1});
      if (next.begin < last.end) return RowUse::common;
      last = next;
    }
    return RowUse::own;
  }
  Places rows(Places of) const override { return read_by(band, of); }
  void make(const RowRing& from, const RowRing& to, Places rows, std::size_t) const override {
    InlineVector<const float*, 16> lines;
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t y = rows.begin; y < rows.end; ++y) {
        const auto begin = static_cast<std::size_t>(band.begin()[static_cast<std::size_t>(y)]),
                   end = static_cast<std::size_t>(band.begin()[static_cast<std::size_t>(y) + 1]);
        lines.clear();
        for (std::size_t k = begin; k < end; ++k) lines.push_back(from.row(c, band.source()[k]));
        resample_kernels_of<float>().lines(lines.data(), to.row(c, y), to.x.count(), weight.data() + begin,
                                           static_cast<int>(end - begin));
      }
  }
};

struct AlongStage final : PatchStage {
  Band band;
  std::vector<LineTable<float>> tables;  // of every strip

  AlongStage(const PatchStage& before, Band b) : band(std::move(b)) {
    channels = before.channels;
    height = before.height;
    width = band.rows();
  }
  const Band* axis_band() const override { return &band; }
  Places columns(Places of) const override { return read_by(band, of); }
  void prepare(Places from, Places to) override {
    Band part(from.count());
    for (auto i = static_cast<std::size_t>(to.begin); i < static_cast<std::size_t>(to.end); ++i) {
      part.start_row();
      for (auto k = static_cast<std::size_t>(band.begin()[i]); k < static_cast<std::size_t>(band.begin()[i + 1]); ++k)
        part.add(band.source()[k] - from.begin, band.weight()[k]);
    }
    tables.emplace_back(part);
  }
  void make(const RowRing& from, const RowRing& to, Places rows, std::size_t strip) const override {
    const LineMap<float> map = tables[strip].map();
    const auto count = static_cast<std::size_t>(channels);
    InlineVector<const float*, 4> x(count);
    InlineVector<float*, 4> result(count);
    for (std::int64_t y = rows.begin; y < rows.end; ++y) {
      for (std::size_t c = 0; c < count; ++c) {
        x[c] = from.row(static_cast<std::int64_t>(c), y);
        result[c] = to.row(static_cast<std::int64_t>(c), y);
      }
      resample_kernels_of<float>().along(x.data(), result.data(), static_cast<int>(channels), map);
    }
  }
};

}  // namespace

std::unique_ptr<PatchStage> source_stage(const StoredPicture& picture) {
  return std::make_unique<SourceStage>(picture);
}

void add_formulas(Stages& stages, std::span<const PixelStep> steps, Here here) {
  stages.push_back(std::make_unique<FormulaStage>(*stages.back(), steps, here));
}

void add_filter(Stages& stages, const ImageStep& step) {
  stages.push_back(std::make_unique<FilterStage>(*stages.back(), step));
}

void add_bands(Stages& stages, const ImageStep& step) {
  const std::int64_t height = stages.back()->height, width = stages.back()->width;
  BandPair bands = step.bands(height, width);
  Band &down = bands.rows, &along = bands.columns;
  require<ShapeError>(down.columns() == height && along.columns() == width, step.name, ": expected bands for ", height,
                      " x ", width, ", got ", down.columns(), " x ", along.columns());
  const bool along_first = columns_first(down, along);
  if (along_first) stages.push_back(std::make_unique<AlongStage>(*stages.back(), std::move(along)));
  stages.push_back(std::make_unique<DownStage>(*stages.back(), std::move(down)));
  if (!along_first) stages.push_back(std::make_unique<AlongStage>(*stages.back(), std::move(along)));
}

}  // namespace lumigrad
