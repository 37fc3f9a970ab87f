// SPDX-License-Identifier: Apache-2.0
// Registration of many pairs, a whole pyramid long, without asking the host: two kernels a step, and a last one.
//
//   accumulate   a block has some tiles of one pair: the moving image is sampled once a tile into shared memory (with a
//                ring, for gradients), and the sums of the normal equations go to a row of their own
//   advance      a block has a pair: it adds the rows in order, accepts or refuses the motion that was tried, damps,
//                solves, and writes the next one to try
//   judge        a block has a pair, once: correlation and overlap under the motion that was found
//
// How many steps a pair needs is its own affair: pairs that have ended make their blocks return at once, so the
// sequence of launches is always the same and can be captured.
#include <lumigrad/cuda/tables.h>
#include <lumigrad/cuda/unroll.h>
#include <lumigrad/cuda/alignment_advance.cuh>

namespace lumigrad::cuda {
namespace {

constexpr int tile_width = 32, tile_height = 8, ring_width = tile_width + 2, ring_height = tile_height + 2;
constexpr int tiles_of_part = 4;

struct Four {
  float v[4];
};
struct AddFour {
  LUMIGRAD_HD Four operator()(const Four& a, const Four& b) const {
    return {{a.v[0] + b.v[0], a.v[1] + b.v[1], a.v[2] + b.v[2], a.v[3] + b.v[3]}};
  }
};

struct Accumulate {
  AlignmentLevel level;
  const AlignmentState* states;
  float* partial;  // [pairs, parts, sums]
  std::int32_t parts, tiles_across, tiles;
  Robust loss;
  bool gain_bias;

  struct Shared {
    float fixed[ring_height][ring_width], moving[ring_height][ring_width];
  };

  LUMIGRAD_KERNEL void operator()(const Block& block) const {
    const auto pair = static_cast<std::int64_t>(block.index()) / parts, part = block.index() - pair * parts;
    const AlignmentState& s = states[pair];
    if (s.ending != AlignmentEnding::running) return;
    auto* const shared = block.template shared<Shared>();
    const auto [fixed, moving] = images_of(level, pair);
    float own[sums];
    LUMIGRAD_UNROLL
    for (int k = 0; k < sums; ++k) own[k] = 0;
    for (int t = 0; t < tiles_of_part; ++t) {
      const int tile = static_cast<int>(part) * tiles_of_part + t;
      if (tile >= tiles) break;
      const int x0 = tile % tiles_across * tile_width, y0 = tile / tiles_across * tile_height;
      block.sync();
      for (int i = block.thread(); i < ring_height * ring_width; i += block.threads()) {
        const int j = i / ring_width, k = i - j * ring_width, x = x0 + k - 1, y = y0 + j - 1;
        const bool inside = x >= 0 && y >= 0 && x < level.width && y < level.height;
        const Position p = position_of(s, level, x, y);
        shared->fixed[j][k] = inside ? fixed[static_cast<std::int64_t>(y) * level.width + x] : not_counted();
        shared->moving[j][k] =
            inside ? read_between(moving, level.moving_height, level.moving_width, p.x, p.y) : not_counted();
      }
      block.sync();
      for (int i = block.thread(); i < tile_height * tile_width; i += block.threads()) {
        const int j = i / tile_width, k = i - j * tile_width;
        pixel(s, *shared, x0 + k, y0 + j, j + 1, k + 1, own);
      }
    }
    float* const to = partial + block.index() * sums;
    LUMIGRAD_UNROLL
    for (int k = 0; k < sums; k += 4) {
      const Four four = block.join(Four{{own[k], own[k + 1], own[k + 2], own[k + 3]}}, AddFour());
      if (block.thread() == 0)
        for (int i = 0; i < 4; ++i) to[k + i] = four.v[i];
    }
  }

  LUMIGRAD_INLINE void pixel(const AlignmentState& s, const Shared& tile, int x, int y, int j, int k,
                             float (&own)[sums]) const {
    const float unit = 2.0f / static_cast<float>(larger(level.width, level.height));
    const float f = tile.fixed[j][k], m = tile.moving[j][k];
    const float gain = s.pass_gain, r = fma(gain, m, s.pass_bias) - f;
    const float half = 0.25f / unit;  // of central differences, and of the mean of two gradients
    const float gx =
        half * fma(gain, tile.moving[j][k + 1] - tile.moving[j][k - 1], tile.fixed[j][k + 1] - tile.fixed[j][k - 1]);
    const float gy =
        half * fma(gain, tile.moving[j + 1][k] - tile.moving[j - 1][k], tile.fixed[j + 1][k] - tile.fixed[j - 1][k]);
    const float all = r + gx + gy;
    if (!(all - all == 0)) return;  // something does not count, or lies outside
    const float u = (static_cast<float>(x) - 0.5f * static_cast<float>(level.width - 1)) * unit,
                v = (static_cast<float>(y) - 0.5f * static_cast<float>(level.height - 1)) * unit;
    const float along = -fma(gx, u, gy * v);
    const float slope[10] = {
        gx * u, gx * v, gx, gy * u, gy * v, gy, along * u, along * v, gain_bias ? m : 0.0f, gain_bias ? 1.0f : 0.0f};
    const float q = r * s.pass_inverse_scale;
    const Robustness robust = robustness(loss, q * q);
    int at = 0;
    LUMIGRAD_UNROLL
    for (int a = 0; a < 10; ++a) {
      const float weighted = robust.weight * slope[a];
      LUMIGRAD_UNROLL
      for (int b = a; b < 10; ++b) {
        own[at] = fma(weighted, slope[b], own[at]);
        ++at;
      }
      own[device::gradient_at + a] = fma(weighted, r, own[device::gradient_at + a]);
    }
    own[device::loss_at] += robust.rho;
    own[device::pixels_at] += 1;
  }
};

// Correlation within cells of 8x8 pixels, their covariances added up over the image: a cell without structure has no
// say.
struct Judge {
  AlignmentCall call;
  AlignmentLevel level;
  double shrink;

  LUMIGRAD_KERNEL void operator()(const Block& block) const {
    AlignmentState& s = call.states[block.index()];
    if (block.thread() == 0) {
      try_accepted(s, level, shrink);
    }
    block.sync();
    const auto [fixed, moving] = images_of(level, block.index());
    const int across = (level.width + 7) / 8, cells = across * ((level.height + 7) / 8);
    double together = 0, apart = 0, both = 0, asked = 0, within = 0;
    const float near = static_cast<float>(3 * s.scale / call.width);
    for (int c = block.thread(); c < cells; c += block.threads()) {
      float n = 0, f1 = 0, m1 = 0, ff = 0, mm = 0, fm = 0, shift = 0;
      for (int i = 0; i < 64; ++i) {
        const int x = c % across * 8 + i % 8, y = c / across * 8 + i / 8;
        if (x >= level.width || y >= level.height) continue;
        const float f = fixed[static_cast<std::int64_t>(y) * level.width + x];
        asked += f - f == 0;
        const Position p = position_of(s, level, x, y);
        const float m = read_between(moving, level.moving_height, level.moving_width, p.x, p.y);
        if (!(f + m - (f + m) == 0)) continue;
        if (n == 0) shift = f;
        const float a = f - shift, b = fma(s.pass_gain, m, s.pass_bias) - shift;
        within += abs(b - a) <= near;
        n += 1, f1 += a, m1 += b, ff += a * a, mm += b * b, fm += a * b;
      }
      both += static_cast<double>(n);
      if (n < 16) continue;
      const float vf = ff - f1 * f1 / n, vm = mm - m1 * m1 / n, c_fm = fm - f1 * m1 / n;
      if (!(vf > 0 && vm > 0)) continue;
      together += static_cast<double>(c_fm);
      apart += static_cast<double>(max(vf, vm));  // structure that only one of them has counts against the match
    }
    together = block.sum(together);
    apart = block.sum(apart);
    both = block.sum(both);
    asked = block.sum(asked);
    within = block.sum(within);
    if (block.thread() != 0) return;
    s.correlation = apart > 0 ? together / apart : 0;
    s.overlap = asked > 0 ? both / asked : 0;
    s.inliers = both > 0 ? within / both : 0;
  }
};

struct Halve {
  const float* from;
  float* to;
  std::int64_t height, width;  // of what is read
  template <class Index>
  LUMIGRAD_HD void operator()(Index at) const {
    const Index across = static_cast<Index>(width / 2), row = at / across, x = at - row * across;
    const Index rows = static_cast<Index>(height / 2), image = row / rows, y = row - image * rows;
    const float* const top = from + (image * height + 2 * y) * width + 2 * x;
    to[at] = 0.25f * ((top[0] + top[1]) + (top[width] + top[width + 1]));
  }
};

Status halve(Place place, const float* from, float* to, std::int64_t images, std::int64_t height, std::int64_t width) {
  return for_each(place, images * (height / 2) * (width / 2), Halve{from, to, height, width});
}

// Every pair before its first step.
struct Start {
  AlignmentCall call;
  template <class Index>
  LUMIGRAD_INLINE void operator()(Index pair) const {
    AlignmentState s;
    for (int k = 0; k < 9; ++k) s.map[k] = call.start[k];
    call.states[pair] = s;
  }
};

Status align(Place place, const AlignmentCall* call) {
  const AlignmentLevel& last = call->level[call->levels - 1];
  const auto tiles_on = [](const AlignmentLevel& l) {
    return (l.width + tile_width - 1) / tile_width * ((l.height + tile_height - 1) / tile_height);
  };
  const int most_parts = (tiles_on(last) + tiles_of_part - 1) / tiles_of_part;
  const Scratch partial(place, static_cast<std::size_t>(call->pairs) * static_cast<std::size_t>(most_parts) * sums * 4);
  LUMIGRAD_TRY(partial.status());
  LUMIGRAD_TRY(for_each(place, call->pairs, Start{*call}));
  int judged = 0;  // the finest level of at most 256 pixels a side, or the coarsest
  for (int k = 0; k < call->levels; ++k) {
    const AlignmentLevel& level = call->level[k];
    const bool final = k + 1 == call->levels;
    const double shrink = std::ldexp(1.0, k + 1 - call->levels);
    const int tiles = tiles_on(level), parts = (tiles + tiles_of_part - 1) / tiles_of_part;
    const int most = final ? call->iterations : call->coarse_iterations;
    if (larger(level.width, level.height) <= 256) judged = k;
    const Accumulate accumulate{level,
                                call->states,
                                partial.as<float>(),
                                parts,
                                (level.width + tile_width - 1) / tile_width,
                                tiles,
                                static_cast<Robust>(call->loss),
                                call->gain_bias};
    Advance advance{*call, level, partial.as<float>(), parts, most, shrink, final ? call->tolerance : 1e-2, true};
    LUMIGRAD_TRY(for_each_block(place, call->pairs, default_threads, sizeof(Advance::Shared), advance));
    advance.begins = false;
    for (int step = 0; step <= most; ++step) {
      LUMIGRAD_TRY(for_each_block(place, static_cast<std::int64_t>(call->pairs) * parts, default_threads,
                                  sizeof(Accumulate::Shared), accumulate));
      LUMIGRAD_TRY(for_each_block(place, call->pairs, default_threads, sizeof(Advance::Shared), advance));
    }
  }
  return for_each_block(place, call->pairs, default_threads, 0,
                        Judge{*call, call->level[judged], std::ldexp(1.0, judged + 1 - call->levels)});
}

}  // namespace

const device::AlignmentTable alignment_table = {halve, align};

}  // namespace lumigrad::cuda
