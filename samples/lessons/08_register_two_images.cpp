// SPDX-License-Identifier: Apache-2.0
// Lesson 8: register two images. The camera moved; by how much?
//
// Call the first picture fixed and the second moving. A guess (u, v) of the motion is judged by reading the moving
// picture at shifted places and subtracting: where the guess is right nothing is left. What is left, r, tells by its
// slopes how to correct the guess: near the truth r changes as J d when the guess changes by d, so the best d solves
// the small system J'J d = -J'r. That is Gauss-Newton (Lucas and Kanade 1981), and the heart of `lumigrad register`.
//
// Break it: `lesson_08 --broken` pairs u with the slope along y and v with the one along x. It is the most common
// mistake in this trade, since images count rows first and points count x first.
#include <lumigrad/engine/families/contract.h>
#include <lumigrad/engine/families/reduce.h>
#include <lumigrad/engine/families/sample.h>
#include <lumigrad/engine/function.h>
#include <lumigrad/engine/gradcheck.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/registration/registration.h>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

using namespace lumigrad;

namespace {

bool broken = false;
constexpr std::int64_t height = 96, width = 128;

void must(bool ok, const char* what) {
  if (ok) return;
  std::printf("WRONG: %s\n", what);
  std::exit(1);
}

// A smooth scene, seen by a camera at (u, v): every pixel can be computed exactly, so the truth is known exactly.
Tensor view_from(double u, double v) {
  Tensor image = Tensor::empty({1, 1, height, width}, DType::f64);
  double* to = image.mutable_data<double>();
  for (std::int64_t row = 0; row < height; ++row)
    for (std::int64_t column = 0; column < width; ++column) {
      const double x = static_cast<double>(column) + u, y = static_cast<double>(row) + v;
      *to++ = 0.5 + 0.2 * std::sin(0.11 * x + 0.05 * y) * std::sin(0.13 * y) + 0.1 * std::sin(0.16 * y - 0.07 * x + 1);
    }
  return image;
}

// The places of the pixels of a window inside the picture, moved by (u, v): [1, h, w, 2] of (x, y).
Tensor places(const Tensor& motion) {
  const Tensor affine = Tensor::from(std::vector<double>{1, 0, 12, 0, 1, 12}, {1, 2, 3});
  return position_grid(affine, {height - 24, width - 24}) + motion;
}
const SampleOptions smooth{.mode = Interpolation::bicubic, .border = Border::border, .cubic = -0.5};

// The moving picture as seen by a guess, with its adjoint by hand: r[i] moves by slope_x du + slope_y dv, and so the
// cotangents of u and v are sums over the picture.
Tensor seen_by(const Tensor& moving, const Tensor& motion) {
  const Function seen{
      .name = "seen",
      .forward = [&](const std::vector<Tensor>& in) { return sample(moving, places(in[0]), smooth); },
      .adjoint =
          [moving](const std::vector<Tensor>& in, const Tensor&, const Tensor& w) {
            const Tensor along_x = sample_slopes(moving, places(in[0]), broken ? 0 : 1, broken ? 1 : 0, smooth);
            const Tensor along_y = sample_slopes(moving, places(in[0]), broken ? 1 : 0, broken ? 0 : 1, smooth);
            return std::vector{concat({reshape(sum(w * along_x), {1}), reshape(sum(w * along_y), {1})}, 0)};
          }};
  return seen({motion});
}

// Gauss-Newton with these slopes.
Tensor gauss_newton(const Tensor& fixed, const Tensor& moving) {
  Tensor motion = Tensor::zeros({2}, DType::f64);
  const Tensor target = sample(fixed, places(motion), smooth);
  for (int step = 0; step < 12; ++step) {
    const Tensor r = reshape(sample(moving, places(motion), smooth) - target, {-1, 1});
    const Tensor jx = reshape(sample_slopes(moving, places(motion), 1, 0, smooth), {-1, 1});
    const Tensor jy = reshape(sample_slopes(moving, places(motion), 0, 1, smooth), {-1, 1});
    const Tensor j = concat({jx, jy}, 1), jt = transpose(j, 0, 1);
    const Tensor d = solve(matmul(jt, j), matmul(jt, r));
    motion = motion - reshape(d, {2});
    if (step < 5)
      std::printf("  step %d: (%.6f, %.6f), left %.1e\n", step, motion.values()[0], motion.values()[1],
                  mean(square(r)).item());
  }
  return motion;
}

}  // namespace

int main(int, char** argv) {
  broken = argv[1] && std::string_view(argv[1]) == "--broken";
  const double u = 2.7, v = -1.6;
  const Tensor fixed = view_from(0, 0), moving = view_from(-u, -v);  // what is at x in fixed is at x + u in moving

  const Tensor guess = Tensor::from(std::vector<double>{0.4, 0.3}, {2});
  const GradcheckReport report =
      gradcheck([&](const std::vector<Tensor>& in) { return std::vector{seen_by(moving, in[0])}; }, {guess});
  std::printf("slopes of the seen picture against differences:\n%s", report.text().c_str());
  must(report.passed(), "the picture changes by its slopes");

  const Tensor found = gauss_newton(fixed, moving);
  const double error = std::hypot(found.values()[0] - u, found.values()[1] - v);
  std::printf("found (%.4f, %.4f), %.1e px from the truth\n", found.values()[0], found.values()[1], error);
  must(error < 5e-3, "the motion is found to a small part of a pixel");

  // The library does the same for turns, zooms and perspective, coarse to fine, with weights that forgive what does not
  // fit, and says how sure it is.
  const auto result = registration::register_images(reshape(fixed, {height, width}), reshape(moving, {height, width}),
                                                    {.model = registration::Model::translation});
  std::printf("register_images: %s, (%.4f, %.4f), give or take %.0e px\n", registration::name(result.status),
              result.matrix[2], result.matrix[5], std::sqrt(result.covariance[0]));
  must(result.converged() && std::hypot(result.matrix[2] - u, result.matrix[5] - v) < 0.02, "and so does the library");
}
