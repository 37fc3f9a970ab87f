// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/copy.h>
#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/families/interpolation.h>
#include <lumigrad/engine/families/resample.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/padding.h>
#include <lumigrad/engine/parallel.h>
#include <algorithm>
#include <cstring>

namespace lumigrad {
namespace {

// Negative: taken off what is read beyond the ends as well as inside.
struct Margin {
  std::int64_t before = 0, after = 0;
};
using Margins = std::array<Margin, max_rank>;

// The part of y that x fills, along the first `axes` axes.
Tensor middle(const Tensor& y, const Shape& from, const Margins& margins, int axes, Here here) {
  Tensor part = y;
  for (int a = 0; a < axes; ++a) {
    const std::int64_t begin = margins[static_cast<std::size_t>(a)].before;
    if (from[a] != y.size(a)) part = slice(part, a, begin, begin + from[a], 1, here);
  }
  return part;
}

struct PadNode final : Node {
  using Node::Node;
  Border mode{};
  Margins margins{};
  Shape from;

  void adjoint(std::span<const Tensor> w, std::span<Tensor> g) override {
    if (wants(0)) g[0] = mode == Border::zeros ? middle(w[0], from, margins, from.rank(), here()) : back(w[0]);
    if (inputs().size() < 2 || !wants(1)) return;
    Tensor total = Tensor::zeros({}, w[0].dtype(), w[0].device());
    for (int a = 0; a < from.rank(); ++a) {  // the slabs before and after x, which do not overlap
      const Tensor part = middle(w[0], from, margins, a, here());
      const Margin& m = margins[static_cast<std::size_t>(a)];
      if (m.before > 0) total = add(total, sum(slice(part, a, 0, m.before, 1, here()), here()), here());
      if (m.after > 0) total = add(total, sum(slice(part, a, -m.after, {}, 1, here()), here()), here());
    }
    g[1] = total;
  }

  Tensor back(Tensor w) const {
    for (int a = 0; a < from.rank(); ++a) {
      const Margin& m = margins[static_cast<std::size_t>(a)];
      if (m.before == 0 && m.after == 0) continue;
      Band band(from[a]);
      for (std::int64_t i = -m.before; i < from[a] + m.after; ++i) {
        band.start_row();
        band.add(index_at_border(i, from[a], mode), 1);
      }
      w = resample(w, a, std::make_shared<const Band>(band.transposed()), here());
    }
    return w;
  }
};

void pad_on_device(const Tensor& x, const Tensor& y, const Margins& margins, Border mode, const Tensor& value) {
  device::PadCall call{device::array_of(x), device::array_of(y), {}, mode, device::array_of(value)};
  for (std::size_t a = 0; a < static_cast<std::size_t>(x.rank()); ++a) call.before[a] = margins[a].before;
  const Device device = x.device();
  device::check("pad", device, device::table(device).stencil.pad(device::place_of(device), &call));
}

// Row by row; the margins of a row element by element.
void copy_padded(const Tensor& x, const Tensor& y, const Margins& margins, Border mode, const Tensor& value) {
  if (x.device() != Device()) return pad_on_device(x, y, margins, mode, value);
  const std::size_t size = size_of(x.dtype());
  const int last = y.rank() - 1;
  std::vector<std::int64_t> source[max_rank];  // of each index of y, -1 for none
  for (int a = 0; a <= last; ++a)
    for (std::int64_t i = 0; i < y.size(a); ++i)
      source[a].push_back(index_at_border(i - margins[static_cast<std::size_t>(a)].before, x.size(a), mode));
  const std::int64_t row = y.size(last), rows = y.numel() / row, together = std::max<std::int64_t>(1, 4096 / row);
  const std::int64_t margin = margins[static_cast<std::size_t>(last)].before;
  const std::int64_t before = std::clamp<std::int64_t>(margin, 0, row), skip = std::max<std::int64_t>(-margin, 0);
  const std::int64_t inside = std::clamp<std::int64_t>(x.size(last) - skip, 0, row - before);
  auto* to = const_cast<std::byte*>(y.bytes());
  const auto copy_row = [&](std::int64_t r) {
    std::int64_t at = 0, rest = r, step = x.size(last);
    bool there = true;
    for (int a = last - 1; a >= 0; --a) {
      const std::int64_t i = source[a][static_cast<std::size_t>(rest % y.size(a))];
      there &= i >= 0;
      at += i * step;
      rest /= y.size(a);
      step *= x.size(a);
    }
    std::byte* line = to + static_cast<std::size_t>(r * row) * size;
    const auto put = [&](std::int64_t i) {
      const std::int64_t j = source[last][static_cast<std::size_t>(i)];
      const std::byte* one = there && j >= 0 ? x.bytes() + static_cast<std::size_t>(at + j) * size : value.bytes();
      std::memcpy(line + static_cast<std::size_t>(i) * size, one, size);
    };
    const std::int64_t end = there ? before + inside : before;
    for (std::int64_t i = 0; i < before; ++i) put(i);
    if (there)
      std::memcpy(line + static_cast<std::size_t>(before) * size,
                  x.bytes() + static_cast<std::size_t>(at + skip) * size, static_cast<std::size_t>(inside) * size);
    for (std::int64_t i = end; i < row; ++i) put(i);
  };
  parallel_for((rows + together - 1) / together,
               [&](std::int64_t job) {
                 for (std::int64_t r = job * together; r < std::min(rows, (job + 1) * together); ++r) copy_row(r);
               },
               2e-4 * static_cast<double>(together * row));
}

}  // namespace

Tensor pad(const Tensor& x, std::span<const std::int64_t> widths, const PadOptions& options, Here here) {
  require<ShapeError>(widths.size() % 2 == 0 && widths.size() <= 2 * static_cast<std::size_t>(x.rank()),
                      "pad: expected two widths for at most ", x.rank(), " axes, got ", widths.size(), " widths");
  const bool constant = options.mode == Border::zeros, crops = constant || options.mode == Border::circular;
  require<ShapeError>(!constant || (options.value.defined() && options.value.numel() == 1),
                      "pad: expected one number to pad with, got ",
                      options.value.defined() ? options.value.shape() : Shape{0});
  Tensor from = x;
  Shape shape = x.shape();
  Margins margins{};
  bool any = false;
  for (std::size_t k = 0; 2 * k < widths.size(); ++k) {
    const int a = x.rank() - 1 - static_cast<int>(k);
    std::int64_t before = widths[2 * k], after = widths[2 * k + 1];
    constexpr std::int64_t most = std::int64_t{1} << 40;
    require<ShapeError>(before > -most && before < most && after > -most && after < most &&
                            x.size(a) + (crops ? std::min<std::int64_t>(before, 0) + std::min<std::int64_t>(after, 0)
                                               : before + after) >=
                                0,
                        "pad: expected widths that leave something of ", x.size(a), ", got ", before, " and ", after);
    if (crops && (before < 0 || after < 0)) {
      from = slice(from, a, std::max<std::int64_t>(-before, 0), x.size(a) + std::min<std::int64_t>(after, 0), 1, here);
      before = std::max<std::int64_t>(before, 0);
      after = std::max<std::int64_t>(after, 0);
    }
    margins[static_cast<std::size_t>(a)] = {before, after};
    any |= before != 0 || after != 0;
    require<ShapeError>(constant || from.size(a) > 0 || (before == 0 && after == 0),
                        "pad: expected something to repeat along axis ", a, ", got shape ", from.shape());
    shape = shape.with(a, from.size(a) + before + after);
  }
  if (!any) return from;
  const Tensor value =
      constant ? reshape(device::on_device("pad", options.value.to(x.dtype(), here), x.device(), here), {}, here)
               : Tensor();
  Tensor y = Tensor::empty(shape, x.dtype(), x.device());
  if (y.numel() > 0)
    copy_padded(from.detach().contiguous(), y, margins, options.mode, constant ? value.detach().contiguous() : value);
  const Tensor* inputs[] = {&from, &value};
  if (auto node = record<PadNode>("pad", here, std::span(inputs, constant ? 2u : 1u))) {
    node->mode = options.mode;
    node->margins = margins;
    node->from = from.shape();
    node->attach(y);
  }
  return y;
}
Tensor pad(const Tensor& x, std::initializer_list<std::int64_t> widths, const PadOptions& options, Here here) {
  return pad(x, std::span<const std::int64_t>(widths.begin(), widths.size()), options, here);
}

}  // namespace lumigrad
