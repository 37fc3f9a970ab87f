// SPDX-License-Identifier: Apache-2.0
// One step of alignment for one pair, on the device: what became of the motion that was tried, and which is tried next.
//
// This is the loop of vision/registration/refinement.cpp turned inside out: there the host asks for a pass and decides,
// here a block wakes up after every pass, finds the state of its pair, and leaves it for the next one.
#pragma once
#include <lumigrad/cuda/alignment.cuh>

namespace lumigrad::cuda {

inline constexpr int sums = device::alignment_sums;

struct Advance {
  AlignmentCall call;
  AlignmentLevel level;
  const float* partial;
  std::int32_t parts, most;
  double shrink, tolerance;
  bool begins;  // a level: nothing was accumulated yet

  static constexpr int lattice = 1024;
  struct Shared {
    double totals[sums], a[100], b[10], work[100], scales[10];
    float residual[lattice];  // -1: does not count
    int rescale, done;
  };

  LUMIGRAD_KERNEL void operator()(const Block& block) const {
    AlignmentState& s = call.states[block.index()];
    auto* const shared = block.template shared<Shared>();
    if (begins) {
      if (block.thread() == 0) try_accepted(s, level, shrink);
      block.sync();
      const double scale = spread_of(block, *shared, s);
      if (block.thread() == 0) begin(s, scale);
      return;
    }
    if (s.ending != AlignmentEnding::running) return;
    for (int k = block.thread(); k < sums; k += block.threads()) {
      double total = 0;
      for (int p = 0; p < parts; ++p) total += static_cast<double>(partial[(block.index() * parts + p) * sums + k]);
      shared->totals[k] = total;
    }
    block.sync();
    if (block.thread() == 0) decide(s, *shared);
    block.sync();
    if (shared->rescale) {
      const double scale = spread_of(block, *shared, s);
      if (block.thread() == 0) {
        s.comparable = std::fabs(scale / s.scale - 1) <= 0.1;
        if (!s.comparable) s.scale = scale;
      }
      block.sync();
    }
    if (shared->done) return;
    system(block, s, *shared);
    block.sync();
    if (block.thread() == 0) propose(s, *shared);
  }

  // 1.4826 times the median of |residual| on a lattice, times the width of the robust function. The median is found by
  // halving the interval it lies in: counts do not depend on any order.
  LUMIGRAD_KERNEL double spread_of(const Block& block, Shared& shared, const AlignmentState& s) const {
    const auto [fixed, moving] = images_of(level, block.index());
    float largest = 0;
    int counted = 0;
    for (int i = block.thread(); i < lattice; i += block.threads()) {
      const int x = static_cast<int>((i % 32 + 0.5f) / 32 * static_cast<float>(level.width)),
                y = static_cast<int>((i / 32 + 0.5f) / 32 * static_cast<float>(level.height));
      const Position p = position_of(s, level, x, y);
      const float m = read_between(moving, level.moving_height, level.moving_width, p.x, p.y);
      const float r = abs(fma(s.pass_gain, m, s.pass_bias) - fixed[static_cast<std::int64_t>(y) * level.width + x]);
      const bool counts = r - r == 0;
      shared.residual[i] = counts ? r : -1.0f;
      largest = counts ? max(largest, r) : largest;
      counted += counts;
    }
    largest = block.join(largest, [](float a, float b) { return max(a, b); });
    counted = block.sum(counted);
    float low = 0, high = largest;
    for (int step = 0; step < 24 && high > low; ++step) {
      const float middle = 0.5f * (low + high);
      int below = 0;
      for (int i = block.thread(); i < lattice; i += block.threads())
        below += shared.residual[i] >= 0 && shared.residual[i] <= middle;
      below = block.sum(below);
      if (2 * below > counted)
        high = middle;
      else
        low = middle;
    }
    const double deviation = 1.4826 * static_cast<double>(high);
    return call.width * (deviation > 1e-5 ? deviation : 1e-5);
  }

  LUMIGRAD_INLINE void begin(AlignmentState& s, double scale) const {
    s.scale = scale;
    s.pass_inverse_scale = static_cast<float>(1 / scale);
    s.damping = s.previous_move = s.last_move = 0;
    s.shortness = 1;
    s.on_level = s.rescaled = 0;
    s.fresh = s.comparable = 1;
    if (s.ending != AlignmentEnding::low_overlap) s.ending = AlignmentEnding::running;
  }

  LUMIGRAD_INLINE double least_pixels() const {
    const double share = 0.01 * level.height * level.width;
    return share > 24 ? share : 24;
  }

  // What became of the motion that was tried.
  LUMIGRAD_INLINE void decide(AlignmentState& s, Shared& shared) const {
    const double* now = shared.totals;
    shared.rescale = shared.done = 0;
    const double pixels = now[device::pixels_at], loss = pixels > 0 ? now[device::loss_at] / pixels : 1e30;
    const double before_pixels = s.equations[device::pixels_at],
                 before = before_pixels > 0 ? s.equations[device::loss_at] / before_pixels : 1e30;
    const auto end = [&](AlignmentEnding ending) {
      s.ending = ending;
      shared.done = 1;
    };
    bool accepted = s.fresh != 0;
    if (s.fresh && pixels < least_pixels()) return end(AlignmentEnding::low_overlap);
    if (!s.fresh) {
      const bool kept = pixels >= least_pixels() && pixels >= 0.5 * before_pixels;
      const double slack = s.last_move < 2 * tolerance ? 1e-3 : 1e-6;
      accepted = kept && (!s.comparable || loss <= before * (1 + slack));
      if (accepted && s.comparable) {
        const double seen = curvature(s, now);
        s.shortness = seen < 0.5 ? 0.5 : seen > 1.2 ? 1.2 : seen;
      }
    }
    if (accepted) {
      for (int k = 0; k < 9; ++k) s.map[k] = s.trial[k];
      s.gain = s.trial_gain, s.bias = s.trial_bias;
      for (int k = 0; k < sums; ++k) s.equations[k] = now[k];
      if (!s.fresh) {
        s.previous_move = s.last_move;
        s.damping = s.damping < 1e-6 ? 0 : s.damping * 0.1;
        s.comparable = 1;  // the loss of the next step, unless the scale changes now
        if (s.rescaled < 3) shared.rescale = 1, ++s.rescaled;
      }
      s.fresh = 0;
    } else {
      if (s.last_move < tolerance) return end(AlignmentEnding::settled);
      s.damping = 10 * s.damping > 1e-3 ? 10 * s.damping : 1e-3;
      if (s.damping > 1e4) return end(AlignmentEnding::stuck);
    }
    if (s.on_level >= most) end(AlignmentEnding::out_of_iterations);
  }

  // The derivative of the gradient along the step as two passes saw it, over what the first one predicted.
  LUMIGRAD_INLINE double curvature(const AlignmentState& s, const double* now) const {
    double seen = 0, predicted = 0;
    const double same = s.equations[device::pixels_at] / now[device::pixels_at];
    int at = 0;
    for (int i = 0; i < 10; ++i) {
      seen += s.step[i] * (same * now[device::gradient_at + i] - s.equations[device::gradient_at + i]);
      for (int j = i; j < 10; ++j, ++at) predicted += (i == j ? 1 : 2) * s.step[i] * s.equations[at] * s.step[j];
    }
    return predicted > 0 ? seen / predicted : 1;
  }

  LUMIGRAD_INLINE int unknowns() const { return call.unknowns + (call.gain_bias ? 2 : 0); }
  // Entry `entry` of the ten that unknown k moves.
  LUMIGRAD_INLINE double coefficient(int k, int entry) const {
    if (k >= call.unknowns) return entry == 8 + k - call.unknowns ? 1 : 0;
    return entry < 8 ? call.directions[k][entry] : 0;
  }
  static LUMIGRAD_INLINE double entry_of(const double* equations, int i, int j) {
    const int a = i < j ? i : j, b = i < j ? j : i;
    return equations[a * 10 - a * (a - 1) / 2 + b - a];
  }

  // The normal equations in the model's unknowns, a thread an entry.
  LUMIGRAD_KERNEL void system(const Block& block, const AlignmentState& s, Shared& shared) const {
    const int n = unknowns();
    for (int at = block.thread(); at < 110; at += block.threads()) {
      const int i = at / 11, j = at % 11;
      if (i >= n || (j < 10 && j >= n)) continue;
      double sum = 0;
      for (int p = 0; p < 10; ++p) {
        const double ci = coefficient(i, p);
        if (ci == 0) continue;
        if (j == 10) {
          sum -= ci * s.equations[device::gradient_at + p];
          continue;
        }
        for (int q = 0; q < 10; ++q) sum += ci * coefficient(j, q) * entry_of(s.equations, p, q);
      }
      (j == 10 ? shared.b[i] : shared.a[10 * i + j]) = sum;
    }
  }

  // The next motion to try: damped until it is sane.
  LUMIGRAD_INLINE void propose(AlignmentState& s, Shared& shared) const {
    const int n = unknowns();
    for (int i = 0; i < n; ++i) {
      const double diagonal = shared.a[11 * i];
      if (!(diagonal > 0 && diagonal < 1e300)) {
        s.ending = AlignmentEnding::flat;
        return;
      }
      shared.scales[i] = 1 / std::sqrt(diagonal);
    }
    for (int attempt = 0; attempt < 8; ++attempt) {
      double right[10], step[10];
      for (int i = 0; i < n; ++i) {
        right[i] = shared.b[i] * shared.scales[i];
        for (int j = 0; j < n; ++j)
          shared.work[10 * i + j] = shared.a[10 * i + j] * shared.scales[i] * shared.scales[j];
        shared.work[11 * i] += s.damping + 1e-10;
      }
      if (!solve_positive(shared.work, right, step, n)) {
        s.ending = AlignmentEnding::flat;
        return;
      }
      for (int i = 0; i < n; ++i) step[i] *= shared.scales[i] / s.shortness;
      compose(s, call, level, shrink, step);
      s.trial_gain = s.gain + (call.gain_bias ? step[call.unknowns] : 0);
      s.trial_bias = s.bias + (call.gain_bias ? step[call.unknowns + 1] : 0);
      ++s.iterations;
      ++s.on_level;
      double here[9], there[9];
      on_level(s.map, shrink, here);
      on_level(s.trial, shrink, there);
      s.last_move = corner_distance(here, there, level.height, level.width);
      const bool sane = is_plausible(there, level.height, level.width) && s.trial_gain > 0.01 && s.trial_gain < 100;
      if (sane) {
        for (int k = 0; k < 10; ++k) s.step[k] = 0;
        for (int i = 0; i < n; ++i)
          for (int p = 0; p < 10; ++p) s.step[p] += coefficient(i, p) * step[i];
        const double ratio = s.previous_move > 0 && s.last_move < s.previous_move ? s.last_move / s.previous_move : 1;
        if (s.last_move < 10 * tolerance && s.last_move * ratio < 0.1 * tolerance) {  // what follows would be nothing
          for (int k = 0; k < 9; ++k) s.map[k] = s.trial[k];
          s.gain = s.trial_gain, s.bias = s.trial_bias;
          s.ending = AlignmentEnding::settled;
          return;
        }
        prepare_pass(s, level, shrink);
        return;
      }
      s.damping = 10 * s.damping > 1e-3 ? 10 * s.damping : 1e-3;
    }
    s.ending = AlignmentEnding::stuck;
  }
};

}  // namespace lumigrad::cuda
