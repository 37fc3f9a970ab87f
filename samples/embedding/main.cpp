// SPDX-License-Identifier: Apache-2.0
// A program that has its frames already: 8-bit BGR rows in memory of its own, as a camera or OpenCV delivers them.
// Built by the CMakeLists.txt beside it against an installed lumigrad; nothing else of this repository is needed.
#include <lumigrad/lumigrad.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

constexpr int height = 240, width = 320, row_bytes = 3 * width + 64;  // rows are padded, as they often are
using Frame = std::vector<unsigned char>;

// ---- all that lumigrad needs ----------------------------------------------------------------------------------------

static std::array<double, 9> motion_between(const Frame& before, const Frame& after) {
  using namespace lumigrad;
  const auto fixed = image_from(before.data(), height, width, row_bytes, PixelFormat::bgr_u8);  // a view: no copy
  const auto moving = image_from(after.data(), height, width, row_bytes, PixelFormat::bgr_u8);
  const auto result = registration::register_images(fixed, moving, {.model = registration::Model::affine});
  std::printf("%s after %d iterations\n", registration::name(result.status), result.iterations);
  return result.matrix;  // fixed -> moving, pixels
}

// ---- the program's own camera ---------------------------------------------------------------------------------------

static Frame shot(double dx, double dy) {
  Frame frame(static_cast<std::size_t>(height * row_bytes));
  for (int v = 0; v < height; ++v)
    for (int u = 0; u < width; ++u) {
      const double x = u - dx, y = v - dy;  // the scene moved by (dx, dy)
      const double hill = std::exp(-((x - 190) * (x - 190) + (y - 90) * (y - 90)) / 1800);
      const double grey = 110 + 40 * std::sin(0.05 * x + 0.03 * y + 2 * hill) +
                          30 * std::cos(0.11 * y - 0.0003 * x * x) + 20 * std::sin(0.17 * x + 0.0005 * y * y) +
                          40 * hill;
      for (int c = 0; c < 3; ++c)
        frame[static_cast<std::size_t>(v * row_bytes + 3 * u + c)] =
            static_cast<unsigned char>(std::lround(std::fmin(255, grey + 4 * c)));
    }
  return frame;
}

int main() {
  const Frame before = shot(0, 0), after = shot(4.25, -2.5);
  const auto m = motion_between(before, after);
  for (std::size_t row = 0; row < 3; ++row)
    std::printf("%9.5f %9.5f %9.4f\n", m[3 * row], m[3 * row + 1], m[3 * row + 2]);
  const bool right = std::abs(m[2] - 4.25) < 0.2 && std::abs(m[5] + 2.5) < 0.2 && std::abs(m[0] - 1) < 1e-3;
  return right ? 0 : 1;
}
