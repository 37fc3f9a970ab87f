// SPDX-License-Identifier: Apache-2.0
#include "figures.h"
#include "views.h"

#include <lumigrad/engine/views.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace proofs {
namespace {

using namespace lumigrad;
using namespace lumigrad::registration;

int whole(scene::Dice& dice, int first, int last) { return first + static_cast<int>(dice.next() * (last - first + 1)); }

/// A side: mostly some tens of pixels, one in eight times at most eight.
int side(scene::Dice& dice) { return dice.next() < 0.125 ? whole(dice, 1, 8) : whole(dice, 9, 56); }

/// One of the many ways in which an image can fail to be one.
Tensor image(scene::Dice& dice) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const int h = side(dice), w = side(dice), channels = dice.next() < 0.2 ? 3 : 1;
  Tensor t = Tensor::empty({channels, h, w});
  float* v = t.mutable_data<float>();
  const int n = channels * h * w, kind = whole(dice, 0, 11);
  const double fx = 0.9 * dice.next(), fy = 0.9 * dice.next(), level = dice.next(), phase = 6 * dice.next();
  for (int i = 0; i < n; ++i) {
    const int x = i % w, y = i / w;
    const double wave = 0.5 + 0.3 * std::sin(fx * x + fy * y + phase);
    const double values[12] = {level,                              // constant
                               dice.next(),                        // noise
                               wave,                               // one wave: slides along itself
                               wave + 0.2 * std::cos(fy * x * 2),  // two
                               static_cast<double>((x + y) % 2),   // the finest pattern there is
                               x < w / 2 ? 0.0 : 1.0,              // one edge
                               0,                                  // a single bright pixel, below
                               wave * 1e38,
                               wave * 1e-38,
                               (dice.next() - 0.5) * 1e4,
                               wave + 0.02 * dice.next(),
                               level * x / w};
    v[i] = static_cast<float>(values[kind]);
  }
  if (kind == 6) v[whole(dice, 0, n - 1)] = 1;
  const double holes = dice.next() < 0.3 ? dice.next() * dice.next() : 0;
  const float hole = dice.next() < 0.7 ? nan : dice.next() < 0.5 ? infinity : -infinity;
  for (int i = 0; holes > 0 && i < n; ++i)
    if (dice.next() < holes) v[i] = hole;
  const double type = dice.next();
  if (type < 0.15) return t.to(DType::f64);
  if (type < 0.4) {
    Tensor bytes = Tensor::empty({channels, h, w}, DType::u8);
    for (int i = 0; i < n; ++i)
      bytes.mutable_data<std::uint8_t>()[i] =
          static_cast<std::uint8_t>(std::isfinite(v[i]) ? std::clamp(255 * v[i], 0.0f, 255.0f) : 0);
    return bytes;
  }
  return type < 0.5 && channels == 1 ? squeeze(t, 0) : t;
}

Tensor mask_of(scene::Dice& dice, const Tensor& of) {
  if (dice.next() < 0.7) return {};
  const std::int64_t h = of.size(of.rank() - 2), w = of.size(of.rank() - 1);
  Tensor mask = Tensor::zeros({h, w}, DType::u8);
  const double kept = dice.next();
  for (std::int64_t i = 0; i < h * w; ++i) mask.mutable_data<std::uint8_t>()[i] = dice.next() < kept;
  return mask;
}

bool all_numbers(const Result& r) {
  bool good = std::isfinite(r.gain) && std::isfinite(r.bias) && std::isfinite(r.loss) &&
              std::isfinite(r.inlier_ratio) && std::isfinite(r.overlap) && std::isfinite(r.correlation);
  for (const double v : r.matrix) good = good && std::isfinite(v);
  for (const double v : r.covariance) good = good && !std::isnan(v);  // infinite where nothing is known
  for (const double v : r.loss_curve) good = good && std::isfinite(v);
  return good;
}

}  // namespace

Nonsense nonsense(int first, int count) {
  Nonsense sums;
  for (int k = first; k < first + count; ++k) {
    scene::Dice dice(static_cast<std::uint64_t>(k));
    const Tensor fixed = image(dice), moving = image(dice);
    Options o;
    o.model = static_cast<Model>(whole(dice, 0, 4));
    o.loss = static_cast<Robust>(whole(dice, 0, 4));
    o.start = static_cast<Start>(whole(dice, 0, 2));
    for (double& v : o.initial) v += o.start == Start::given ? 0.3 * dice.normal() : 0;
    o.gain_bias = dice.next() < 0.7;
    o.fixed_mask = mask_of(dice, fixed), o.moving_mask = mask_of(dice, moving);
    ++sums.pairs;
    try {
      const Result r = register_images(fixed, moving, o);
      sums.not_numbers += !all_numbers(r);
      ++sums.statuses[static_cast<std::size_t>(r.status)];
    } catch (...) {
      ++sums.thrown;
    }
  }
  return sums;
}

int converged_though_unrelated(const std::vector<Tensor>& photographs, int pairs) {
  constexpr int height = 192, width = 256;
  int claimed = 0;
  const int many = static_cast<int>(photographs.size());
  for (int k = 0; k < pairs; ++k) {
    scene::Dice dice(static_cast<std::uint64_t>(9000 + k));
    const Model model = static_cast<Model>(whole(dice, 0, 4));
    auto view = [&](const Tensor& photograph) {
      const auto y = whole(dice, 0, static_cast<int>(photograph.size(1)) - height),
                 x = whole(dice, 0, static_cast<int>(photograph.size(2)) - width);
      return slice(slice(photograph, 1, y, y + height), 2, x, x + width);
    };
    Tensor fixed, moving;
    if (many >= 2) {
      const int a = whole(dice, 0, many - 1), b = (a + whole(dice, 1, many - 1)) % many;
      fixed = view(photographs[static_cast<std::size_t>(a)]), moving = view(photographs[static_cast<std::size_t>(b)]);
    } else {
      const auto seed = static_cast<std::uint64_t>(2 * k);
      fixed = scene::seen(scene::Texture(seed), unit_matrix, height, width);
      moving = scene::seen(scene::Texture(seed + 1), unit_matrix, height, width);
    }
    claimed += register_images(fixed, moving, {.model = model}).converged();
  }
  return claimed;
}

}  // namespace proofs
