// SPDX-License-Identifier: Apache-2.0
// One homography, found twice.
//
//   register_two_ways [FIXED MOVING]
//
// First by gradient: a loss is written down as a program (warp, compare, average), the tape differentiates it, Adam
// goes down. Any other warp, loss or optimiser could stand there instead. Then by the library's registration, whose
// Gauss-Newton steps need no tape. Without pictures, a textured scene is rendered and moved by a known homography.
#include <lumigrad/lumigrad.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>

using namespace lumigrad;

// ---- by Adam through the tape ---------------------------------------------------------------------------------------

// Maps pixels of a h x w image to [-1, 1] from edge to edge, so that one set of unknowns serves every pyramid level.
static Tensor unit_square(std::int64_t h, std::int64_t w) {
  const double sx = 2.0 / static_cast<double>(w), sy = 2.0 / static_cast<double>(h);
  return Tensor::from(std::vector<double>{sx, 0, sx / 2 - 1, 0, sy, sy / 2 - 1, 0, 0, 1}, {3, 3});
}

// The homography fixed -> moving in pixels of a level, from eight unknowns that are zero for the identity.
static Tensor homography(const Tensor& unknowns, const Tensor& image) {
  const Tensor change = reshape(concat({unknowns, Tensor::zeros({1}, DType::f64)}, 0), {3, 3});
  const Tensor square = unit_square(image.size(2), image.size(3));
  return unsqueeze(matmul(inverse(square), matmul(Tensor::eye(3, DType::f64) + change, square)), 0);
}

static Tensor register_by_adam(const Tensor& fixed, const Tensor& moving, int& iterations) {
  const auto fixed_levels = geometry::build_pyramid(fixed, 5), moving_levels = geometry::build_pyramid(moving, 5);
  Tensor unknowns = Tensor::zeros({8}, DType::f64).requires_grad().named("unknowns");
  Adam adam({unknowns});
  for (int level = 4; level >= 0; --level) {
    const Tensor& f = fixed_levels[static_cast<std::size_t>(level)];
    const Tensor& m = moving_levels[static_cast<std::size_t>(level)];
    const geometry::WarpOptions back{.inverse_map = true};
    const double pixel_size = 2.0 / static_cast<double>(f.size(3));
    for (int i = 0; i < 100; ++i, ++iterations) {
      const Tensor matrix = homography(unknowns, f).to(f.dtype());
      // Only pixels that read nothing from beyond the edge are compared.
      const Tensor shares = geometry::warp_perspective(Tensor::ones(m.shape(), m.dtype()), matrix.detach(), back);
      const Tensor inside = floor(shares + 0.001);
      const Tensor warped = geometry::warp_perspective(m, matrix, back);
      const Tensor loss = losses::charbonnier_loss(warped * inside, f * inside, {.scale = 0.1}) / mean(inside);
      adam.clear_grad();
      loss.backward();
      adam.options.learning_rate = 0.3 * pixel_size * (1 - i / 100.0);  // a third of a pixel, then less
      adam.step();
    }
  }
  return homography(unknowns, fixed).detach();
}

// ---- what is registered, and how well -------------------------------------------------------------------------------

// Random grey at several scales, [1, 1, h, w] in [0, 1].
static Tensor scene(std::int64_t h, std::int64_t w) {
  Tensor sum = Tensor::full({1, 1, h, w}, 0.5);
  for (const std::int64_t cell : {64, 32, 16, 8}) {
    const Tensor dots = uniform(Generator{7}.then(static_cast<std::uint32_t>(cell)), {1, 1, h / cell, w / cell}, -1, 1);
    sum = sum + 0.12 * geometry::resize(dots, {.size = {h, w}, .mode = geometry::Resampling::bicubic});
  }
  return clamp(sum, 0, 1);
}

// What a camera of 384 x 512 pixels sees of it.
static Tensor seen(const Tensor& wide, const Tensor& matrix) {
  return geometry::warp_perspective(wide, matrix.to(DType::f32), {.size = {384, 512}});
}

static Tensor photograph(const char* path) { return unsqueeze(load_image(path, {.channels = Channels::grey}), 0); }

// Mean distance between where two homographies [1, 3, 3] put the corners, in pixels.
static double corner_distance(const Tensor& a, const Tensor& b, const Tensor& image) {
  const std::vector<double> ma = a.values(), mb = b.values();
  const auto w = static_cast<double>(image.size(3) - 1), h = static_cast<double>(image.size(2) - 1);
  const auto put = [](const std::vector<double>& m, double x, double y, std::size_t row) {
    return (m[3 * row] * x + m[3 * row + 1] * y + m[3 * row + 2]) / (m[6] * x + m[7] * y + m[8]);
  };
  double sum = 0;
  for (const auto& [x, y] : {std::pair{0.0, 0.0}, {w, 0.0}, {w, h}, {0.0, h}})
    sum += std::hypot(put(ma, x, y, 0) - put(mb, x, y, 0), put(ma, x, y, 1) - put(mb, x, y, 1));
  return sum / 4;
}

static int run(int argc, char** argv) {
  const bool own = argc == 3;
  const Tensor truth =
      Tensor::from(std::vector<double>{1.03, 0.04, -9, -0.03, 0.98, 7, 2e-5, -3e-5, 1}, {1, 3, 3});  // fixed -> moving
  // Both pictures see parts of a larger scene, 32 pixels wider all round, so that neither has black edges.
  const Tensor wide = own ? Tensor() : scene(448, 576);
  const Tensor to_fixed = geometry::get_translation_matrix2d({-32.0, -32.0});
  const Tensor fixed = own ? photograph(argv[1]) : seen(wide, to_fixed);
  const Tensor moving = own ? photograph(argv[2]) : seen(wide, matmul(truth, to_fixed));
  require<ShapeError>(fixed.shape() == moving.shape(), "this sample expects pictures of one size, got ", fixed.shape(),
                      " and ", moving.shape());

  const auto start = std::chrono::steady_clock::now();
  int iterations = 0;
  const Tensor by_adam = register_by_adam(fixed, moving, iterations);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;

  const auto result = registration::register_images(select(fixed, 0, 0), select(moving, 0, 0));
  const Tensor by_newton = Tensor::from(std::vector<double>(result.matrix.begin(), result.matrix.end()), {1, 3, 3});

  std::printf("Adam through the tape: %4d iterations, %7.3f s\n", iterations, seconds.count());
  std::printf("Gauss-Newton:          %4d iterations, %7.3f s, %s\n", result.iterations, result.seconds,
              name(result.status));
  std::printf("their corners lie %.3f pixels apart\n", corner_distance(by_adam, by_newton, fixed));
  if (own) return 0;
  const double adam_error = corner_distance(by_adam, truth, fixed);
  const double newton_error = corner_distance(by_newton, truth, fixed);
  std::printf("from the truth: Adam %.4f, Gauss-Newton %.4f pixels\n", adam_error, newton_error);
  return adam_error < 0.05 && newton_error < 0.02 ? 0 : 1;
}

int main(int argc, char** argv) {
  if (argc != 1 && argc != 3) {
    std::fputs("usage: register_two_ways [FIXED MOVING]\n", stderr);
    return 2;
  }
  try {
    return run(argc, argv);
  } catch (const Error& error) {
    std::fprintf(stderr, "register_two_ways: %s\n", error.what());
    return 3;
  }
}
