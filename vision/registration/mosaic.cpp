// SPDX-License-Identifier: Apache-2.0
// A hundred megapixels know the motion far better than anybody asks: 64 tiles of 256 x 256 pixels, spread over the
// image, pin a homography to some thousandths of a pixel. So large images are never held as floats. They are read twice
// from the program's own memory: once in bands of rows, halved until they are small enough to be aligned as a whole
// (good to a tenth of a pixel of full size, and the verdict over the whole image), and once more where a tile stands.
//
// On the tiles the motion is refined as everywhere else: smoothing to equal sharpness, reading by B-splines, robust
// weights, mean gradients of both images. Each tile has a gain and bias of its own, so that uneven light does no harm;
// they are eliminated from its normal equations (Schur's complement), and what is left adds up over the tiles.
#include <lumigrad/engine/parallel.h>
#include <lumigrad/vision/registration/appearance.h>
#include <lumigrad/vision/registration/certainty.h>
#include <lumigrad/vision/registration/mosaic.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <optional>

namespace lumigrad::registration {
namespace {

/// From so many pixels on an image is large; its reduced version has between this and a quarter of it.
constexpr double large = 1 << 22;
constexpr int tile_side = 256, tile_count = 64;
/// What smoothing and reading need around a tile, and how far the motion may still change.
constexpr int fixed_margin = 12, moving_margin = 20;

/// One place in both images. `fixed` and `moving` are as they came, `f` and `m` smoothed.
struct Tile {
  Box in_fixed, in_moving;
  Plane fixed, moving, f, m;
  Tone tone;
  double scale = 1;
  LevelPair pair() const { return {f, m}; }
};

Matrix3 shift(double x, double y) { return {1, 0, x, 0, 1, y, 0, 0, 1}; }

/// The motion between the pixels of a tile's two windows.
Matrix3 local_map(const Tile& t, const Matrix3& map) {
  return scaled_to_unit(shift(-t.in_moving.x0, -t.in_moving.y0) * map * shift(t.in_fixed.x0, t.in_fixed.y0));
}

Samples samples_of(const Tile& t, const Matrix3& map, int count) {
  return sample_pairs(t.f, t.m, local_map(t, map), count, Sampling::spline);
}

/// How well two directions are fixed by the grey levels of a box: the smaller eigenvalue of the sum of gradient
/// products. Zero when half of it does not count.
double structure(const Plane& p, Box b) {
  double xx = 0, xy = 0, yy = 0, n = 0;
  for (int y = std::max(b.y0, 1); y < std::min(b.y1, p.height() - 1); ++y)
    for (int x = std::max(b.x0, 1); x < std::min(b.x1, p.width() - 1); ++x) {
      const double dx = static_cast<double>(p.row(y)[x + 1] - p.row(y)[x - 1]),
                   dy = static_cast<double>(p.row(y + 1)[x] - p.row(y - 1)[x]);
      if (!std::isfinite(dx + dy)) continue;
      xx += dx * dx, xy += dx * dy, yy += dy * dy, n += 1;
    }
  if (n < 0.5 * (b.x1 - b.x0) * (b.y1 - b.y0)) return 0;
  return 0.5 * (xx + yy - std::hypot(xx - yy, 2 * xy));
}

/// The box around where a box of the fixed image lies in the moving one, with a margin; nothing when it leaves it.
std::optional<Box> seen_in_moving(Box b, const Matrix3& map, const LargeImage& moving) {
  double x0 = 1e9, y0 = 1e9, x1 = -1e9, y1 = -1e9;
  for (const Point corner : {Point{b.x0 * 1.0, b.y0 * 1.0}, Point{b.x1 * 1.0, b.y0 * 1.0},
                             Point{b.x1 * 1.0, b.y1 * 1.0}, Point{b.x0 * 1.0, b.y1 * 1.0}}) {
    const Point q = apply(map, corner);
    if (!std::isfinite(q.x + q.y)) return {};
    x0 = std::min(x0, q.x), y0 = std::min(y0, q.y), x1 = std::max(x1, q.x), y1 = std::max(y1, q.y);
  }
  if (x0 < 0 || y0 < 0 || x1 > moving.width || y1 > moving.height) return {};
  if ((x1 - x0) * (y1 - y0) > 64.0 * tile_side * tile_side) return {};
  return Box{std::max(0, static_cast<int>(x0) - moving_margin), std::max(0, static_cast<int>(y0) - moving_margin),
             std::min(moving.width, static_cast<int>(x1) + moving_margin),
             std::min(moving.height, static_cast<int>(y1) + moving_margin)};
}

/// In each cell of a grid over the fixed image, the place of a tile that says most.
std::vector<Tile> chosen_tiles(const LargeImage& fixed, const LargeImage& moving, const Plane& small, int halvings,
                               const Matrix3& map) {
  const double aspect = static_cast<double>(fixed.width) / fixed.height;
  const int across = std::clamp(static_cast<int>(std::lround(std::sqrt(tile_count * aspect))), 1,
                                std::max(1, fixed.width / tile_side));
  const int down = std::clamp(tile_count / across, 1, std::max(1, fixed.height / tile_side));
  const int side = std::min({tile_side, fixed.width, fixed.height});
  std::vector<Tile> tiles;
  for (int cell = 0; cell < across * down; ++cell) {
    const double left = static_cast<double>(fixed.width) / across * (cell % across),
                 top = static_cast<double>(fixed.height) / down * (cell / across);
    const double room_x = static_cast<double>(fixed.width) / across - side,
                 room_y = static_cast<double>(fixed.height) / down - side;
    Tile best;
    double most = 0;
    for (int k = 0; k < 25; ++k) {
      Box b;
      b.x0 = std::clamp(static_cast<int>(left + room_x * (k % 5) / 4), 0, fixed.width - side);
      b.y0 = std::clamp(static_cast<int>(top + room_y * (k / 5) / 4), 0, fixed.height - side);
      b.x1 = b.x0 + side, b.y1 = b.y0 + side;
      const double says = structure(small, {b.x0 >> halvings, b.y0 >> halvings, b.x1 >> halvings, b.y1 >> halvings});
      if (!(says > most)) continue;
      if (const auto there = seen_in_moving(b, map, moving)) most = says, best.in_fixed = b, best.in_moving = *there;
    }
    if (most == 0) continue;
    Box& b = best.in_fixed;
    b = {std::max(0, b.x0 - fixed_margin), std::max(0, b.y0 - fixed_margin), std::min(fixed.width, b.x1 + fixed_margin),
         std::min(fixed.height, b.y1 + fixed_margin)};
    tiles.push_back(std::move(best));
  }
  return tiles;
}

template <class Act>
void for_each(std::vector<Tile>& tiles, Act act) {
  parallel_for(
      static_cast<std::int64_t>(tiles.size()), [&](std::int64_t k) { act(tiles[static_cast<std::size_t>(k)]); }, 1e6);
}

/// Reads the tiles and gives both images one sharpness.
void fetch(std::vector<Tile>& tiles, const LargeImage& fixed, const LargeImage& moving, const Matrix3& map,
           const RefinementOptions& o) {
  const double base = 0.49;  // as in the polish of whole images
  std::vector<double> differences(tiles.size());
  auto smooth = [&](Tile& t, double difference) {
    const Sharpness amount = balance(local_map(t, map), t.fixed, base, difference);
    t.f = smoothed_as_read(t.fixed, amount.fixed), t.m = smoothed_for_reading(t.moving, amount.moving);
    if (o.gain_bias) t.tone = best_tone(samples_of(t, map, 1024));
    return amount;
  };
  for_each(tiles, [&](Tile& t) {
    t.fixed = fixed.window(t.in_fixed), t.moving = moving.window(t.in_moving);
    const Sharpness amount = smooth(t, 0);
    differences[static_cast<std::size_t>(&t - tiles.data())] =
        sharpness_difference(t.pair(), {local_map(t, map), t.tone}, amount);
  });
  auto middle = differences.begin() + static_cast<std::ptrdiff_t>(differences.size() / 2);
  std::nth_element(differences.begin(), middle, differences.end());
  const double difference = std::fabs(*middle) < 0.03 ? 0 : *middle;
  for_each(tiles, [&](Tile& t) {
    if (difference != 0) smooth(t, difference);
    t.scale = o.width * residual_scale(samples_of(t, map, o.samples), t.tone);
  });
}

/// The pass over a tile, in the unknowns of the whole image.
AlignmentPass pass_over(const Tile& t, const Matrix3& map, const Matrix3& frame, const RefinementOptions& o,
                        std::vector<float>& scratch) {
  AlignmentPass p = make_pass(t.pair(), {local_map(t, map), t.tone}, o, t.scale, scratch);
  const double unit = frame[0];
  p.unit = static_cast<float>(unit);
  p.center_x = static_cast<float>(-frame[2] / unit - t.in_fixed.x0);  // multiples of a half: exact
  p.center_y = static_cast<float>(-frame[5] / unit - t.in_fixed.y0);
  const Matrix3 local = scaled_to_unit(shift(-t.in_moving.x0, -t.in_moving.y0) * map * inverse(frame));
  for (std::size_t k = 0; k < 9; ++k) p.map[k] = static_cast<float>(local[k]);
  p.moving_x = p.moving_y = 0;
  return p;
}

/// Takes gain and bias out of ten equations: what remains of the first eight when the last two are solved for. `lead`
/// gets the two rows that were subtracted from each of the eight.
bool eliminate_tone(double (&a)[10][10], double (&lead)[8][2]) {
  const double det = a[8][8] * a[9][9] - a[8][9] * a[9][8];
  if (!(det > 1e-12 * a[8][8] * a[9][9])) return false;
  for (int i = 0; i < 8; ++i) {
    lead[i][0] = (a[i][8] * a[9][9] - a[i][9] * a[9][8]) / det;
    lead[i][1] = (a[i][9] * a[8][8] - a[i][8] * a[8][9]) / det;
  }
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 8; ++j) a[i][j] -= lead[i][0] * a[8][j] + lead[i][1] * a[9][j];
  return true;
}

/// The normal equations of all tiles at a motion, added up in their order.
NormalEquations summed(std::vector<Tile>& tiles, const Matrix3& map, const Matrix3& frame, const RefinementOptions& o) {
  std::vector<NormalEquations> each(tiles.size());
  for_each(tiles, [&](Tile& t) {
    NormalEquations& n = each[static_cast<std::size_t>(&t - tiles.data())];
    std::vector<float> scratch;
    alignment_kernels(simd_level()).accumulate(pass_over(t, map, frame, o, scratch), n);
    double lead[8][2];
    if (o.gain_bias && n.pixels > 0) {
      if (!eliminate_tone(n.hessian, lead)) return void(n = {});
      for (int i = 0; i < 8; ++i) n.gradient[i] -= lead[i][0] * n.gradient[8] + lead[i][1] * n.gradient[9];
    }
  });
  NormalEquations sum{};
  for (const NormalEquations& n : each) sum += n;
  return sum;
}

std::array<double, 64> covariance_of(std::vector<Tile>& tiles, const Matrix3& map, const Matrix3& frame,
                                     const RefinementOptions& o, int height, int width) {
  std::vector<Evidence> each(tiles.size());
  for_each(tiles, [&](Tile& t) {
    std::vector<float> scratch;
    const AlignmentPass pass = pass_over(t, map, frame, o, scratch);
    NormalEquations total;
    alignment_kernels(simd_level()).accumulate(pass, total);
    if (total.pixels == 0) return;
    Evidence e = evidence_of(pass, total);
    double lead[8][2];
    if (o.gain_bias) {
      if (!eliminate_tone(e.slope, lead)) return;
      double whole[8][10];
      for (int i = 0; i < 8; ++i)
        for (int j = 0; j < 10; ++j)
          whole[i][j] = e.scatter[i][j] - lead[i][0] * e.scatter[8][j] - lead[i][1] * e.scatter[9][j];
      for (int i = 0; i < 8; ++i)
        for (int j = 0; j < 8; ++j) e.scatter[i][j] = whole[i][j] - lead[j][0] * whole[i][8] - lead[j][1] * whole[i][9];
    }
    each[static_cast<std::size_t>(&t - tiles.data())] = e;
  });
  Evidence sum;
  for (const Evidence& e : each) {
    for (int i = 0; i < 8; ++i)
      for (int j = 0; j < 8; ++j) sum.slope[i][j] += e.slope[i][j], sum.scatter[i][j] += e.scatter[i][j];
    sum.tiles += std::max(0.0, e.tiles - 2);
  }
  RefinementOptions motion = o;
  motion.gain_bias = false;
  return corner_covariance(sum, motion, map, height, width);
}

/// Refines `found` on tiles; leaves it as it is when they do not settle nearby.
void refine_on_tiles(const LargeImage& fixed, const LargeImage& moving, const Plane& small, int halvings,
                     const AlignmentOptions& options, Alignment& found) {
  const auto begin = std::chrono::steady_clock::now();
  RefinementOptions o;
  o.model = options.model, o.loss = options.loss, o.gain_bias = options.gain_bias;
  o.sampling = Sampling::spline;
  RefinementOptions motion = o;
  motion.gain_bias = false;
  std::vector<Tile> tiles = chosen_tiles(fixed, moving, small, halvings, found.matrix);
  if (tiles.size() < 4) return;
  fetch(tiles, fixed, moving, found.matrix, o);
  const Matrix3 frame = centred_frame({nullptr, fixed.height, fixed.width, 0}), back = inverse(frame);
  Matrix3 map = found.matrix;
  LevelReport report{fixed.height, fixed.width, 0, 0, 0};
  std::vector<double> curve;
  for (bool settled = false; !settled; ++report.iterations) {
    if (report.iterations == options.max_iterations) return;
    const NormalEquations n = summed(tiles, map, frame, o);
    double step[10];
    if (n.pixels < 1e4 || !damped_step(n, motion, 0, step)) return;
    curve.push_back(report.loss = n.loss / n.pixels);
    const Matrix3 next = scaled_to_unit(map * back * step_matrix(o.model, step) * frame);
    if (!(corner_distance(found.matrix, next, fixed.height, fixed.width) < moving_margin / 2)) return;
    settled = corner_distance(map, next, fixed.height, fixed.width) < options.tolerance;
    map = next;
    // The scale of the robust function and the tone follow the first step, which takes off most of the error.
    if (report.iterations == 0)
      for_each(tiles, [&](Tile& t) {
        if (o.gain_bias) t.tone = best_tone(samples_of(t, map, 1024));
        t.scale = o.width * residual_scale(samples_of(t, map, o.samples), t.tone);
      });
  }
  found.matrix = map;
  found.covariance = covariance_of(tiles, map, frame, o, fixed.height, fixed.width);
  found.loss = report.loss;
  found.loss_breaks.clear();
  if (curve.size() > 1) found.loss_breaks.push_back(1);
  found.loss_curve = std::move(curve);
  found.iterations += report.iterations;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  found.levels.push_back(report);
}

}  // namespace

int halvings_for(int fixed_height, int fixed_width, int moving_height, int moving_width) {
  const double pixels =
      std::max(static_cast<double>(fixed_height) * fixed_width, static_cast<double>(moving_height) * moving_width);
  const int side = std::min({fixed_height, fixed_width, moving_height, moving_width});
  if (pixels < 2 * large) return 0;
  int halvings = 0;
  while (pixels / std::exp2(2 * halvings) > large && side >> (halvings + 1) >= 128) ++halvings;
  return halvings;
}

Plane reduced(const LargeImage& image, int halvings) {
  const int block = 1 << halvings, height = image.height >> halvings, width = image.width >> halvings;
  Plane to(height, width);
  // A band is cut with a block of rows more on either side. Each halving spoils one row at a cut, so one row at the
  // end, and that one is left out.
  const int rows = std::max(1, (1 << 20) / image.width / block);
  std::vector<char> masked(static_cast<std::size_t>((height + rows - 1) / rows));
  parallel_for(
      std::ssize(masked),
      [&](std::int64_t k) {
        const int first = static_cast<int>(k) * rows, last = std::min(height, first + rows);
        const int above = first > 0 ? 1 : 0, end = last < height ? (last + 1) * block : image.height;
        Plane band = image.window({0, (first - above) * block, image.width, end});
        for (int h = 0; h < halvings; ++h) band = halved(band);
        masked[static_cast<std::size_t>(k)] = band.masked;
        for (int y = first; y < last; ++y)
          std::memcpy(to.row(y), band.row(y - first + above), static_cast<std::size_t>(width) * sizeof(float));
      },
      1e6);
  to.masked = std::find(masked.begin(), masked.end(), 1) != masked.end();
  return to;
}

Alignment align_large(const LargeImage& fixed, const LargeImage& moving, Plane fixed_reduced, Plane moving_reduced,
                      int halvings, const AlignmentOptions& o) {
  Plane small(fixed_reduced.height(), fixed_reduced.width());
  std::memcpy(small.row(0), fixed_reduced.row(0), small.floats() * sizeof(float));
  AlignmentOptions coarse = o;
  Matrix3 start = o.start ? *o.start : unit_matrix;
  for (int h = 0; h < halvings; ++h) start = to_half_size(start);
  if (o.start) coarse.start = &start;
  Alignment found = align(std::move(fixed_reduced), std::move(moving_reduced), coarse);
  for (int h = 0; h < halvings; ++h) {
    found.matrix = to_double_size(found.matrix);
    for (double& v : found.covariance) v *= 4;
  }
  if (found.status == Status::converged) refine_on_tiles(fixed, moving, small, halvings, o, found);
  return found;
}

}  // namespace lumigrad::registration
