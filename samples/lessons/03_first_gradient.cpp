// SPDX-License-Identifier: Apache-2.0
// Lesson 3: a first gradient, and what it is good for.
//
// A camera took two pictures of the same wall; in the second the light had changed. How much brighter is it, and by
// how much lifted? We do not solve for the answer. We write down how wrong a guess is, ask which way is down, and walk.
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/optim.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace lumigrad;

namespace {

void must(bool ok, const char* what) {
  if (ok) return;
  std::printf("WRONG: %s\n", what);
  std::exit(1);
}

}  // namespace

int main() {
  // The wall, and the wall in other light: 1.4 times as bright and lifted by 0.1, with a little noise.
  const Tensor before = uniform(Generator{1}, {48, 64}, 0, 1, DType::f64);
  const Tensor after = 1.4 * before + 0.1 + normal(Generator{2}, {48, 64}, 0, 0.01, DType::f64);

  // What we want to know: two leaves, tensors that ask for their gradient.
  Tensor gain = Tensor(1.0).requires_grad().named("gain"), lift = Tensor(0.0).requires_grad().named("lift");

  // How wrong a guess is: one number. While it is computed, each step is recorded, because gain and lift asked for it.
  const auto wrongness = [&] { return mean(square(gain * before + lift - after)); };

  // backward() walks the record from the end to the leaves and leaves the slopes there.
  wrongness().backward();
  std::printf("at gain 1, lift 0: d/dgain = %.4f, d/dlift = %.4f\n", gain.grad().item(), lift.grad().item());

  // Is that right? Move the gain a little and look.
  const double h = 1e-6, here = wrongness().item();
  double there = 0;
  {
    NoGrad off;  // we only look: nothing to record, and leaves may be moved
    gain.assign(1 + h);
    there = wrongness().item();
    gain.assign(1.0);
  }
  std::printf("moving the gain by 1e-6 says      %.4f\n", (there - here) / h);
  must(std::abs((there - here) / h - gain.grad().item()) < 1e-4, "the gradient is the slope");

  // Both slopes are negative: more gain and more lift would be less wrong. Adam takes steps that way.
  Adam adam({gain, lift}, {.learning_rate = 0.02});
  for (int step = 0; step < 400; ++step) {
    adam.clear_grad();  // gradients add up; a new step starts from none
    const Tensor loss = wrongness();
    loss.backward();
    adam.step();
    if (step % 100 == 0)
      std::printf("step %3d: wrong by %.6f, gain %.3f, lift %.3f\n", step, loss.item(), gain.item(), lift.item());
  }
  std::printf("found gain %.3f and lift %.3f\n", gain.item(), lift.item());
  must(std::abs(gain.item() - 1.4) < 0.01 && std::abs(lift.item() - 0.1) < 0.01, "the light is found");

  // Going down blindly took 400 steps. Told that the wrongness is a sum of squares, Levenberg-Marquardt sees the shape
  // of the valley in the same gradients, and because this problem is linear it is there almost at once.
  {
    NoGrad off;
    gain.assign(1.0);
    lift.assign(0.0);
  }
  LevenbergMarquardt fit({gain, lift});
  const MinimizationReport report = fit.minimize([&](const std::vector<Tensor>& p) {
    return slice(p[0] * before + p[1] - after, 0, 0, 4);  // 256 of the pixels are plenty
  });
  std::printf("Levenberg-Marquardt: %d steps, stopped by %s, gain %.3f, lift %.3f\n", report.iterations,
              to_string(report.stop).c_str(), gain.item(), lift.item());
  must(report.converged() && report.iterations <= 8, "a few steps do");
  must(std::abs(gain.item() - 1.4) < 0.02 && std::abs(lift.item() - 0.1) < 0.02, "and agree");

  // A gradient is a value like any other and can be differentiated again: the valley's curvature along the gain.
  const Tensor slope = grad({wrongness()}, {gain}, {.create_graph = true})[0];
  const double curvature = grad({slope}, {gain})[0].item();
  std::printf("curvature along the gain: %.6f; on paper it is 2 mean(before^2) = %.6f\n", curvature,
              2 * mean(square(before)).item());
  must(std::abs(curvature - 2 * mean(square(before)).item()) < 1e-12, "second derivative");
  std::puts("Lesson 4 looks into one of those steps: where do its fast loops and its slopes come from?");
}
