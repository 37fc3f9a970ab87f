// SPDX-License-Identifier: Apache-2.0
// The stencil table: from calls to bodies.
#include <lumigrad/cuda/tables.h>
#include <lumigrad/cuda/pooling.cuh>
#include <lumigrad/cuda/stencil_weights.cuh>

namespace lumigrad::cuda {
namespace {

using device::PadCall;
using device::PickCall;
using device::PoolCall;
using device::StencilCall;
using device::UnpoolCall;

constexpr std::int64_t most_index = std::int64_t{1} << 31;

Status checked(const Stencil& s) {
  constexpr std::int64_t most = 1 << 28;
  bool fits = s.images < most && s.in < most && s.out < most;
  std::int64_t taps = 1, results = 1;
  for (const StencilAxis& axis : s.axis) {
    fits = fits && axis.in < most && axis.out < most && axis.stride * (axis.out + 1) < most_index &&
           axis.dilation * axis.taps < most_index;
    taps *= axis.taps;
    results *= axis.out;
  }
  fits = fits && s.in * taps < most_index && s.out * taps < most_index && s.out * (s.in / s.groups) * taps < most_index;
  return fits && results < most_index ? Status{}
                                      : Status{Code::unsupported, "stencils of 2^31 or more weights or results"};
}

Products products(const Stencil& s) {
  Products p;
  std::int64_t taps = 1;
  for (int a = 0; a < 3; ++a) {
    const StencilAxis& axis = s.axis[a];
    TapLine& line = p.axis[a];
    line.results = line.target = static_cast<int>(axis.out);
    line.taps = line.weights = static_cast<int>(axis.taps);
    line.step = static_cast<int>(axis.stride);
    line.offset = -static_cast<int>(axis.before);
    line.between = static_cast<int>(axis.dilation);
    line.source = static_cast<int>(axis.in);
    taps *= axis.taps;
  }
  p.images = static_cast<int>(s.images);
  p.groups = static_cast<int>(s.groups);
  p.rows = static_cast<int>(s.out / s.groups);
  p.channels = static_cast<int>(s.in / s.groups);
  p.row_step = p.channels * taps;
  p.channel_step = taps;
  p.group_step = p.rows * p.row_step;
  return p;
}

// Place q = r + stride i of the image meets tap k of result i + (r + before - dilation k) / stride, for those k that
// leave no rest: every `apart`-th, apart = stride / gcd(stride, dilation). So the first `apart` taps stand for all r.
std::int64_t apart(const StencilAxis& axis) {
  std::int64_t a = axis.stride, b = axis.dilation;
  while (b != 0) {
    const std::int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return axis.stride / a;
}
std::int64_t kinds(const StencilAxis& axis) { return axis.taps < apart(axis) ? axis.taps : apart(axis); }
// The places that meet tap k, and their windows; false where there are none.
bool transpose(const StencilAxis& axis, std::int64_t k, TapLine& line) {
  const std::int64_t r = ((axis.dilation * k - axis.before) % axis.stride + axis.stride) % axis.stride;
  if (r >= axis.in) return false;
  line.results = static_cast<int>((axis.in - r + axis.stride - 1) / axis.stride);
  line.taps = static_cast<int>((axis.taps - k + apart(axis) - 1) / apart(axis));
  line.step = 1;
  line.offset = static_cast<int>((r + axis.before - axis.dilation * k) / axis.stride);
  line.between = -static_cast<int>(axis.dilation * apart(axis) / axis.stride);
  line.first = static_cast<int>(r);
  line.apart = static_cast<int>(axis.stride);
  line.tap = static_cast<int>(k);
  line.tap_step = static_cast<int>(apart(axis));
  line.source = static_cast<int>(axis.out);
  line.target = static_cast<int>(axis.in);
  line.weights = static_cast<int>(axis.taps);
  return true;
}

template <class T>
Status steps_of(Place place, const Products& p, const Scratch& to) {
  LUMIGRAD_TRY(to.status());
  return for_each(place, p.depth(), Steps{p, to.as<Step>()});
}

template <class T, class Tile>
Status run_product(Place place, const Products& p, const T* source, const T* weights, const T* bias, T* target) {
  const Scratch steps(place, static_cast<std::size_t>(p.depth()) * sizeof(Step));
  LUMIGRAD_TRY(steps_of<T>(place, p, steps));
  using Body = WindowProduct<T, Tile>;
  return for_each_block(place, Body::blocks(p), Tile::threads, Body::shared_bytes(),
                        Body{p, source, weights, bias, steps.as<Step>(), target});
}

// The product of some images: fewer than 2^31 columns.
template <class T>
Status run_part(Place place, const Products& p, const T* source, const T* weights, const T* bias, T* target) {
  const auto few = [&]<int R>(std::integral_constant<int, R>) {
    return for_each(place, p.columns() * p.groups * ((p.rows + R - 1) / R),
                    FewRows<T, R>{p, source, weights, bias, target});
  };
  if (p.rows == 1) return few(std::integral_constant<int, 1>());
  if (p.rows <= 4) return few(std::integral_constant<int, 4>());
  if (p.rows <= 8) return few(std::integral_constant<int, 8>());
  if (p.rows <= 32) return run_product<T, ProductTile<32, 128, 16, 4>>(place, p, source, weights, bias, target);
  using Large = ProductTile<128, 128, 8, 8>;
  if constexpr (sizeof(T) == 4)  // where there are enough of them to go round
    if (p.rows > 64 && WindowProduct<T, Large>::blocks(p) >= 256)
      return run_product<T, Large>(place, p, source, weights, bias, target);
  return run_product<T, ProductTile<64, 64, 16, 4>>(place, p, source, weights, bias, target);
}

template <class T>
Status run(Place place, Products p, const T* source, const T* weights, const T* bias, T* target) {
  const std::int64_t images = p.images, most = p.results() == 0 ? images : (most_index - 1) / p.results();
  for (std::int64_t first = 0; first < images; first += most) {
    p.images = static_cast<int>(most < images - first ? most : images - first);
    LUMIGRAD_TRY(run_part(place, p, source + first * p.groups * p.channels * p.source_plane(), weights, bias,
                          target + first * p.groups * p.rows * p.target_plane()));
  }
  return {};
}

Status forward(Place place, const StencilCall* call) {
  LUMIGRAD_TRY(checked(call->stencil));
  return by_dtype(call->y, [&]<class T>(T) {
    return run<T>(place, products(call->stencil), in<T>(call->x), in<T>(call->w), in<T>(call->bias), out<T>(call->y));
  });
}

Status spread(Place place, const StencilCall* call) {
  const Stencil& s = call->stencil;
  LUMIGRAD_TRY(checked(s));
  return by_dtype(call->x, [&]<class T>(T) -> Status {
    Products p = products(s);
    const std::int64_t plane = s.axis[0].in * s.axis[1].in * s.axis[2].in;
    std::int64_t covered = 0;
    const auto each = [&](const auto& visit) -> Status {
      for (std::int64_t a = 0; a < kinds(s.axis[0]); ++a) {
        if (!transpose(s.axis[0], a, p.axis[0])) continue;
        for (std::int64_t b = 0; b < kinds(s.axis[1]); ++b) {
          if (!transpose(s.axis[1], b, p.axis[1])) continue;
          for (std::int64_t c = 0; c < kinds(s.axis[2]); ++c)
            if (transpose(s.axis[2], c, p.axis[2])) LUMIGRAD_TRY(visit());
        }
      }
      return {};
    };
    LUMIGRAD_TRY(each([&] {
      covered += p.results();
      return Status{};
    }));
    if (covered < plane)
      LUMIGRAD_TRY(for_each(place, s.images * s.in * plane,
                            Uncovered<T>{in<T>(call->bias), out<T>(call->x), plane, static_cast<int>(s.in)}));
    p.rows = static_cast<int>(s.in / s.groups);
    p.channels = static_cast<int>(s.out / s.groups);
    const std::int64_t taps = s.axis[0].taps * s.axis[1].taps * s.axis[2].taps;
    p.row_step = taps;
    p.channel_step = p.rows * taps;
    return each([&] { return run<T>(place, p, in<T>(call->y), in<T>(call->w), in<T>(call->bias), out<T>(call->x)); });
  });
}

Status weights(Place place, const StencilCall* call) {
  LUMIGRAD_TRY(checked(call->stencil));
  return by_dtype(call->w, [&]<class T>(T) -> Status {
    const Products p = products(call->stencil);
    const std::int64_t numel = static_cast<std::int64_t>(p.groups) * p.rows * p.depth();
    if (p.columns() >= most_index) return {Code::unsupported, "stencils of 2^31 or more results"};
    using Body = WindowCorrelation<T, ProductTile<64, 64, 16, 4>>;
    const std::int64_t tiles = Body::tiles(p), most = (p.columns() + Body::together - 1) / Body::together;
    std::int64_t chunks = tiles < 1024 ? 1024 / tiles : 1;
    chunks = chunks < most ? chunks : most;
    const Scratch steps(place, static_cast<std::size_t>(p.depth()) * sizeof(Step));
    LUMIGRAD_TRY(steps_of<T>(place, p, steps));
    const Scratch parts(place, static_cast<std::size_t>(chunks * numel) * sizeof(double));
    LUMIGRAD_TRY(parts.status());
    LUMIGRAD_TRY(for_each_block(
        place, tiles * chunks, ProductTile<64, 64, 16, 4>::threads, Body::shared_bytes(),
        Body{p, in<T>(call->x), in<T>(call->y), steps.as<Step>(), parts.as<double>(), static_cast<int>(chunks)}));
    return for_each(
        place, numel,
        ChunkTotals<T>{parts.as<double>(), out<T>(call->w), static_cast<int>(chunks), static_cast<int>(numel)});
  });
}

Status windows(Place place, const StencilCall* call) {
  Stencil s = call->stencil;
  s.out = s.groups = 1;
  LUMIGRAD_TRY(checked(s));
  return by_dtype(call->x, [&]<class T>(T) -> Status {
    const Products p = products(s);
    if (p.columns() >= most_index) return {Code::unsupported, "2^31 or more windows"};
    const Scratch steps(place, static_cast<std::size_t>(p.depth()) * sizeof(Step));
    LUMIGRAD_TRY(steps_of<T>(place, p, steps));
    return for_each(place, p.images * p.depth() * p.results(),
                    WindowColumns<T>{p, in<T>(call->x), steps.as<Step>(), out<T>(call->columns)});
  });
}

Status overlay(Place place, const StencilCall* call) {
  Stencil s = call->stencil;
  s.out = s.groups = 1;
  LUMIGRAD_TRY(checked(s));
  return by_dtype(call->x, [&]<class T>(T) {
    Overlay<T> body{{}, in<T>(call->columns), out<T>(call->x)};
    std::int64_t pixels = s.images * s.in;
    for (int a = 0; a < 3; ++a) {
      const StencilAxis& axis = s.axis[a];
      body.axis[a] = {static_cast<int>(axis.in),     static_cast<int>(axis.taps),   static_cast<int>(axis.out),
                      static_cast<int>(axis.stride), static_cast<int>(axis.before), static_cast<int>(axis.dilation)};
      pixels *= axis.in;
    }
    return for_each(place, pixels, body);
  });
}

// ---- pooling and margins --------------------------------------------------------------------------------------------

Status lines(const device::PoolAxis (&from)[3], PoolLines& to) {
  constexpr std::int64_t most = 1 << 29;
  for (int a = 0; a < 3; ++a) {
    const device::PoolAxis& axis = from[a];
    if (axis.extent >= most || axis.results >= most || axis.reach >= most || axis.stride * axis.results >= 2 * most)
      return {Code::unsupported, "images of 2^29 or more pixels along an axis"};
    to.axis[a] = {static_cast<int>(axis.extent), static_cast<int>(axis.results), static_cast<int>(axis.stride),
                  static_cast<int>(axis.before), static_cast<int>(axis.reach),   static_cast<int>(axis.dilation)};
  }
  return {};
}

Status largest(Place place, const PoolCall* call) {
  PoolLines p;
  LUMIGRAD_TRY(lines(call->axis, p));
  return by_dtype(call->x, [&]<class T>(T) {
    return for_each(place, call->planes * p.windows(), Largest<T>{p, in<T>(call->x), out<std::int64_t>(call->index)});
  });
}

Status unpool(Place place, const UnpoolCall* call) {
  PoolLines p;
  LUMIGRAD_TRY(lines(call->axis, p));
  return by_dtype(call->image, [&]<class T>(T) {
    return for_each(place, call->planes * p.pixels(),
                    Unpooled<T>{p, in<T>(call->result), in<std::int64_t>(call->index), out<T>(call->image)});
  });
}

Status pick(Place place, const PickCall* call) {
  return by_dtype(call->x, [&]<class T>(T) {
    return for_each(
        place, call->lines * call->count,
        Picked<T>{call->extent, call->count, in<T>(call->x), in<std::int64_t>(call->index), out<T>(call->z)});
  });
}

Status pad(Place place, const PadCall* call) {
  const auto run = [&]<class Element>(Element) -> Status {
    Padded<Element> body{};
    std::int64_t count = 1;
    bool plain = false;  // the axis before had no margins
    for (int a = 0; a < call->x.rank; ++a) {
      const PadAxis axis = {call->x.extents[a], call->y.extents[a], call->before[a]};
      count *= axis.y;
      const bool own = axis.x == axis.y && axis.before == 0;
      if (own && plain) {
        body.axis[body.axes - 1].x *= axis.x;
        body.axis[body.axes - 1].y *= axis.y;
      } else {
        body.axis[body.axes++] = axis;
      }
      plain = own;
    }
    body.border = call->border;
    body.x = in<Element>(call->x);
    body.value = in<Element>(call->value);
    body.y = out<Element>(call->y);
    return for_each(place, count, body);
  };
  switch (size_of(call->x.dtype)) {
    case 1:
      return run(std::uint8_t{});
    case 2:
      return run(std::uint16_t{});
    case 4:
      return run(std::uint32_t{});
    default:
      return run(std::uint64_t{});
  }
}

}  // namespace

const device::StencilTable stencil_table = {forward, spread, weights, windows, overlay, largest, unpool, pick, pad};

}  // namespace lumigrad::cuda
