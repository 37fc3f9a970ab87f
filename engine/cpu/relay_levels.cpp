// SPDX-License-Identifier: Apache-2.0
// Programs of relays, made and run.
#include <lumigrad/engine/cpu/pixel_bytes.h>
#include <lumigrad/engine/cpu/pixel_kernels.h>
#include <lumigrad/engine/cpu/relay_kernels.h>

namespace lumigrad::LUMIGRAD_LEVEL {
namespace {

// Floats from what is read to what is asked for: a tile comes in one burst and a program takes longer than the
// processor looks ahead, so nothing else would keep memory busy while it computes.
constexpr int ahead = 2048;
constexpr int width = Tile::width, stretches = pixel_registers / 3;

template <bool past_caches>
LUMIGRAD_SIMD void put(const Tile& value, float* to) {
  if constexpr (past_caches) {
    value.stream(to);
  } else {
    value.store(to);
  }
}

void load_values(LUMIGRAD_RUNNER_ARGUMENTS) {
  LUMIGRAD_TILE;
  const float* from = step->lanes[0] + i;
  each_register<0, tile_registers>([&](auto k) LUMIGRAD_INLINED {
    r[k] = Tile::load(from + k * width);
    if (k * vector_bytes % 64 == 0) __builtin_prefetch(from + k * width + ahead, 0, 2);
  });
  LUMIGRAD_HAND_ON;
}
void load_pixels(LUMIGRAD_RUNNER_ARGUMENTS) {
  LUMIGRAD_TILE;
  each_register<0, pixel_registers>([&](auto k) LUMIGRAD_INLINED {
    const float* from = step->lanes[k % 3] + i + k / 3 * width;
    r[k] = Tile::load(from);
    if (k / 3 * vector_bytes % 64 == 0) __builtin_prefetch(from + ahead, 0, 2);
  });
  LUMIGRAD_HAND_ON;
}
void keep(LUMIGRAD_RUNNER_ARGUMENTS) {
  LUMIGRAD_TILE;
  float* to = step->room;
  const bool full = step->full;
  each_register<0, pixel_registers>([&](auto k) LUMIGRAD_INLINED { r[k].store(to + k * width); });
  if (full)
    each_register<pixel_registers, tile_registers>([&](auto k) LUMIGRAD_INLINED { r[k].store(to + k * width); });
  LUMIGRAD_HAND_ON;
}

// The last of a program.
template <bool past_caches>
void store_values(LUMIGRAD_RUNNER_ARGUMENTS) {
  const LUMIGRAD_TILE;
  float* to = step->lanes[0] + i;
  each_register<0, tile_registers>([&](auto k) LUMIGRAD_INLINED { put<past_caches>(r[k], to + k * width); });
}
template <bool past_caches>
void store_pixels(LUMIGRAD_RUNNER_ARGUMENTS) {
  const LUMIGRAD_TILE;
  float* const lanes[3] = {step->lanes[0] + i, step->lanes[1] + i, step->lanes[2] + i};
  each_register<0, pixel_registers>([&](auto k)
                                        LUMIGRAD_INLINED { put<past_caches>(r[k], lanes[k % 3] + k / 3 * width); });
}
void stop(LUMIGRAD_RUNNER_ARGUMENTS) {
  static_cast<void>(step), static_cast<void>(i);
  static_cast<void>(r0), static_cast<void>(r1), static_cast<void>(r2), static_cast<void>(r3);
  static_cast<void>(r4), static_cast<void>(r5), static_cast<void>(r6), static_cast<void>(r7);
}

// From R, G, B to B, G, R and back.
LUMIGRAD_SIMD void reverse(Tile* r) {
  each_register<0, pixel_registers, 3>([&](auto k) LUMIGRAD_INLINED {
    const Tile first = r[k];
    r[k] = r[k + 2];
    r[k + 2] = first;
  });
}
// The first register reads bytes behind its own pixels, where the second one's stand, and that one before its own.
void read_bytes(LUMIGRAD_RUNNER_ARGUMENTS) {
  LUMIGRAD_TILE;
  const std::uint8_t* from = step->bytes + 3 * i;
  const Integers pixels[2] = {load_bytes<3, false>(from), load_bytes<3, true>(from + 3 * pixel_width)};
  each_register<0, pixel_registers>([&](auto k) LUMIGRAD_INLINED { r[k] = shares_of<3>(pixels[k / 3], k % 3); });
  if (step->reversed) reverse(r);
  LUMIGRAD_HAND_ON;
}
void write_colours(LUMIGRAD_RUNNER_ARGUMENTS) {
  LUMIGRAD_TILE;
  if (step->reversed) reverse(r);
  store_bytes<3>(r, step->bytes + 3 * i);
  store_bytes<3>(r + 3, step->bytes + 3 * (i + pixel_width));
}
void write_grey(LUMIGRAD_RUNNER_ARGUMENTS) {
  const LUMIGRAD_TILE;
  store_shares(r[0], r[3], step->bytes + i);
}

constexpr std::size_t tile_of(int lanes) {
  return static_cast<std::size_t>((lanes == 1 ? tile_registers : stretches) * width);
}

const RelayFormula& formula_of(const RelayLeg& leg) { return *static_cast<const RelayFormula*>(leg.kernels->relay); }

struct Program {
  RelayStep step[3 * longest_relay + 3];
  int count = 0;
  int lanes;

  RelayStep& add(Runner run) {
    step[count].run = run;
    step[count].full = lanes == 1;
    return step[count++];
  }
  void load(const float* const* from) {
    RelayStep& s = add(lanes == 1 ? load_values : load_pixels);
    for (int c = 0; c < lanes; ++c) s.lanes[c] = const_cast<float*>(from[c]);
  }
  void finish(float* const* to, bool past_caches) {
    if (!to[0]) {
      add(stop);
      return;
    }
    RelayStep& s = lanes == 1 ? add(past_caches ? store_values<true> : store_values<false>)
                              : add(past_caches ? store_pixels<true> : store_pixels<false>);
    for (int c = 0; c < lanes; ++c) s.lanes[c] = to[c];
  }
  void run(std::size_t begin, std::size_t end) const {
    const TileRegister zero = {};
    const std::size_t tile = tile_of(lanes);
    for (std::size_t i = begin; i < end; i += tile)
      step[0].run(step, i, zero, zero, zero, zero, zero, zero, zero, zero);
  }
};

bool streams(float* const* to, int lanes, unsigned flags) {
  std::uintptr_t bits = 0;
  for (int c = 0; c < lanes; ++c) bits |= reinterpret_cast<std::uintptr_t>(to[c]);
  return (flags & stream_outputs) && bits % vector_bytes == 0;
}

void forward(const RelayLeg* legs, int count, int lanes, const float* const* x, float* const* y, std::size_t n,
             unsigned flags) {
  Program program;
  program.lanes = lanes;
  program.load(x);
  for (int s = 0; s < count; ++s) program.add(formula_of(legs[s]).forward).params = legs[s].params;
  const bool past_caches = streams(y, lanes, flags);
  program.finish(y, past_caches);
  program.run(0, n);
  if (past_caches && !(flags & more_follow)) fence();
}

// The last tile makes some pixels again that are made already.
void bytes(const RelayLeg* legs, int count, const InterleavedPixels<const std::uint8_t>& x,
           const InterleavedPixels<std::uint8_t>& y, std::size_t rows, std::size_t columns) {
  Program program;
  program.lanes = 3;
  RelayStep& from = program.add(read_bytes);
  from.bytes = const_cast<std::uint8_t*>(x.first);
  from.reversed = x.reversed;
  for (int s = 0; s < count; ++s) program.add(formula_of(legs[s]).forward).params = legs[s].params;
  RelayStep& to = program.add(y.channels == 1 ? write_grey : write_colours);
  to.bytes = y.first;
  to.reversed = y.reversed;
  const std::size_t tile = tile_of(3), whole = columns / tile * tile;
  for (std::size_t row = 0; row < rows; ++row) {
    program.run(0, whole);
    if (whole < columns) program.run(columns - tile, columns);
    from.bytes += x.row_bytes;
    to.bytes += y.row_bytes;
  }
}

// The lanes of a register added up in double.
LUMIGRAD_SIMD double total(const Tile& t) {
  typedef float Half __attribute__((vector_size(vector_bytes / 2)));
  typedef double Wide __attribute__((vector_size(vector_bytes)));
  Half half[2];
  __builtin_memcpy(half, &t.raw[0], sizeof half);
  const Wide pairs = __builtin_convertvector(half[0], Wide) + __builtin_convertvector(half[1], Wide);
  double sum = 0;
  for (int k = 0; k < width / 2; ++k) sum += pairs[k];
  return sum;
}

// Sums of parameters: registers over blocks of sum_block, blocks in double, in order.
void vjp(const RelayLeg* legs, int count, int lanes, const float* const* x, const float* const* w, float* const* gx,
         std::size_t n, unsigned flags) {
  alignas(64) float rooms[longest_relay][tile_registers * width], sums[longest_relay][most_params * width];
  int last = -1, first = 0;  // the last leg whose values are read, the first one whose cotangent is
  for (int s = 0; s < count; ++s)
    if (formula_of(legs[s]).reads[legs[s].sums != nullptr]) last = s;
  while (!gx[0] && first < count && !legs[first].sums) ++first;

  Program program;
  program.lanes = lanes;
  if (last >= first) program.load(x);
  for (int s = 0; last >= first && s <= last; ++s) {
    if (s >= first && formula_of(legs[s]).reads[legs[s].sums != nullptr]) program.add(keep).room = rooms[s];
    if (s < last) program.add(formula_of(legs[s]).forward).params = legs[s].params;
  }
  program.load(w);
  for (int s = count; s-- > first;) {
    RelayStep& step = program.add(formula_of(legs[s]).vjp[legs[s].sums != nullptr]);
    step.params = legs[s].params;
    step.room = rooms[s];
    step.sums = sums[s];
  }
  const bool past_caches = gx[0] && streams(gx, lanes, flags);
  program.finish(gx, past_caches);

  for (std::size_t begin = 0; begin < n; begin += sum_block) {
    for (int s = first; s < count; ++s)
      for (int k = 0; legs[s].sums && k < formula_of(legs[s]).params; ++k) Tile(0).store(sums[s] + k * width);
    program.run(begin, n - begin < sum_block ? n : begin + sum_block);
    for (int s = first; s < count; ++s)
      for (int k = 0; legs[s].sums && k < formula_of(legs[s]).params; ++k)
        legs[s].sums[k] += total(Tile::load(sums[s] + k * width));
  }
  if (past_caches && !(flags & more_follow)) fence();
}

}  // namespace

extern const RelayKernels relays = {{tile_of(1), tile_of(3)}, forward, vjp, bytes};

}  // namespace lumigrad::LUMIGRAD_LEVEL
