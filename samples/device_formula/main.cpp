// SPDX-License-Identifier: Apache-2.0
// A formula of your own on a GPU.
//
// film.h has the formula, once. LUMIGRAD_USER_FORMULA below compiles it for the CPU; film.cu compiles it for CUDA with
// one line. Nothing else is written: values, gradients in the picture and in both parameters, and second order follow
// on either side. The program exposes a picture, then learns the ratio of exposure and knee back from the result, on
// the GPU where there is one, and compares with the CPU.
#include "film.h"

#include <lumigrad/engine/formula_simd.h>
#include <lumigrad/lumigrad.h>

#include <cmath>
#include <cstdio>

using namespace lumigrad;

namespace sample {
LUMIGRAD_USER_FORMULA(Film);
}  // namespace sample

namespace {

// Exposure and knee, learned from what film made of a picture.
struct Learned {
  double exposure, knee, loss;
};
Learned learn(const Tensor& picture, const Tensor& exposed) {
  Tensor exposure = Tensor::full({}, 1, DType::f64, picture.device()).requires_grad();
  Tensor knee = Tensor::full({}, 1, DType::f64, picture.device()).requires_grad();
  Adam descent({exposure, knee}, {.learning_rate = 0.05});
  double loss = 0;
  for (int step = 0; step < 400; ++step) {
    descent.clear_grad();
    const Tensor difference = pixel(sample::Film{}, {picture}, {exposure, knee}) - exposed;
    const Tensor error = mean(difference * difference);
    error.backward();
    descent.step();
    loss = error.item();
  }
  return {exposure.item(), knee.item(), loss};
}

}  // namespace

int main() {
  Device device = parse_device("cuda");
  if (const std::string reason = unavailable_reason(device); !reason.empty()) {
    std::printf("no GPU: %s\n", reason.c_str());
    device = Device();
  }
  std::printf("computing on %s\n", to_string(device).c_str());

  // x e / (x e + k) depends on e / k alone: that is what can be learned.
  const Tensor picture = reshape(Tensor::arange(64 * 64) / 4096, {1, 1, 64, 64}).to(DType::f32) * 2;
  const Tensor exposed = pixel(sample::Film{}, {picture}, {0.8, 1.0});
  const Learned here = learn(picture, exposed), there = learn(picture.to(device), exposed.to(device));
  std::printf("learned on the CPU:  exposure / knee %.4f, loss %.1e\n", here.exposure / here.knee, here.loss);
  std::printf("learned on %s: exposure / knee %.4f, loss %.1e\n", to_string(device).c_str(),
              there.exposure / there.knee, there.loss);

  const bool learned = std::fabs(there.exposure / there.knee - 0.8) < 1e-3;
  const bool agrees = std::fabs(there.exposure / there.knee - here.exposure / here.knee) < 1e-4;
  return learned && agrees ? 0 : 1;
}
