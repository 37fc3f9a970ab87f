// SPDX-License-Identifier: Apache-2.0
#include "scene.h"

#include <lumigrad/engine/families/sample.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/image_io/pixels.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace lumigrad::demo {
namespace {

constexpr int fineness = 4;  // samples per pixel and axis of a view

/// A view of `size` whose pixel (x, y) sees the scene at to_scene (x, y, 1).
Tensor view_of(const Tensor& scene, const Matrix3& to_scene, Size size) {
  // Sub-pixel (u, v) lies at ((u + 0.5) / fineness - 0.5, ...): the pixel's area, evenly.
  const double step = 1.0 / fineness, first = 0.5 * step - 0.5;
  const Matrix3 fine = to_scene * Matrix3{step, 0, first, 0, step, first, 0, 0, 1};
  const Tensor map = Tensor::from(std::vector<double>(fine.begin(), fine.end()), {1, 3, 3});
  const Tensor samples =
      sample_homography(unsqueeze(scene, 0), map, {size.height * fineness, size.width * fineness},
                        {.mode = Interpolation::bicubic, .border = Border::reflection, .cubic = -0.5});
  Tensor view = Tensor::empty({3, size.height, size.width});
  const float* from = samples.data<float>();
  float* to = view.mutable_data<float>();
  const std::int64_t row = size.width * fineness;
  for (std::int64_t y = 0; y < 3 * size.height; ++y)
    for (std::int64_t x = 0; x < size.width; ++x) {
      double sum = 0;
      for (int v = 0; v < fineness; ++v)
        for (int u = 0; u < fineness; ++u)
          sum += static_cast<double>(from[(y * fineness + v) * row + x * fineness + u]);
      to[y * size.width + x] = static_cast<float>(sum / (fineness * fineness));
    }
  return view;
}

/// The view in other light, with noise, rounded to 8 bits.
Tensor seen(const Tensor& view, double gain, double bias, double noise, std::uint64_t seed) {
  const Tensor grain = normal({.seed = seed}, view.shape(), 0, noise);
  Tensor result = Tensor::empty(view.shape());
  const float* from = view.data<float>();
  const float* add = grain.data<float>();
  float* to = result.mutable_data<float>();
  for (std::int64_t i = 0; i < view.numel(); ++i) {
    const double v = static_cast<double>(from[i]) * gain + bias + static_cast<double>(add[i]);
    to[i] = static_cast<float>(std::nearbyint(255 * std::clamp(v, 0.0, 1.0)) / 255);
  }
  return result;
}

}  // namespace

Views views_of(const std::string& name, const Tensor& photograph, std::uint64_t seed) {
  Tensor scene = to_float(photograph);
  scene = scene.size(0) >= 3 ? slice(scene, 0, 0, 3) : expand(slice(scene, 0, 0, 1), {3, scene.size(1), scene.size(2)});
  scene = scene.contiguous();
  const std::int64_t height = scene.size(1), width = scene.size(2);
  require<ShapeError>(std::min(height, width) >= 128, "views_of: expected a photograph of 128 pixels a side, got ",
                      to_string(scene.shape()));

  // Both views show the middle of the photograph, so that neither sees past its edge.
  const Size size{height * 3 / 4, width * 3 / 4};
  const auto h = static_cast<double>(size.height - 1), w = static_cast<double>(size.width - 1);
  const Matrix3 fixed_to_scene = {1, 0, std::floor(static_cast<double>(width - size.width) / 2),
                                  0, 1, std::floor(static_cast<double>(height - size.height) / 2),
                                  0, 0, 1};
  // About the middle of the view: a turn of 4 degrees, 5 % larger, a shift, and a tilt towards the viewer.
  const double side = std::min(h, w), turn = 0.07, zoom = 1.05;
  const Matrix3 turned = {zoom * std::cos(turn), -zoom * std::sin(turn), 0.04 * side,
                          zoom * std::sin(turn), zoom * std::cos(turn),  -0.03 * side,
                          0.04 / side,           -0.03 / side,           1};
  const Matrix3 centre = {1, 0, -w / 2, 0, 1, -h / 2, 0, 0, 1};
  const Matrix3 truth = inverse(centre) * turned * centre;

  Views views{.name = name, .fixed = {}, .moving = {}, .truth = scaled_to_unit(truth)};
  views.fixed = seen(view_of(scene, fixed_to_scene, size), 1, 0, 0.008, 2 * seed);
  views.moving = seen(view_of(scene, fixed_to_scene * inverse(truth), size), 0.82, 0.07, 0.012, 2 * seed + 1);
  return views;
}

Tensor painted_scene() {
  constexpr std::int64_t side = 512;
  Tensor scene = Tensor::empty({3, side, side});
  float* to = scene.mutable_data<float>();
  const Tensor draws = uniform({.seed = 7}, {200, 6});
  const float* d = draws.data<float>();
  for (std::int64_t y = 0; y < side; ++y)
    for (std::int64_t x = 0; x < side; ++x) {
      const auto fx = static_cast<double>(x), fy = static_cast<double>(y);
      // Uneven tiles under soft light, then discs that hide one another, then grain.
      const double tile =
          0.5 + 0.5 * std::tanh(6 * std::sin(0.061 * fx + 0.9 * std::sin(0.013 * fy)) * std::sin(0.053 * fy));
      double colour[3] = {0.35 + 0.3 * tile, 0.40 + 0.22 * tile, 0.45 + 0.12 * tile};
      for (std::int64_t k = 0; k < 200; ++k) {
        const float* disc = d + 6 * k;
        const double radius = 6 + 34 * static_cast<double>(disc[2]) * static_cast<double>(disc[2]);
        const double reach =
            radius - std::hypot(fx - side * static_cast<double>(disc[0]), fy - side * static_cast<double>(disc[1]));
        const double cover = std::clamp(0.5 + reach / 2, 0.0, 1.0);
        for (int c = 0; c < 3; ++c) colour[c] += cover * (0.15 + 0.7 * static_cast<double>(disc[3 + c]) - colour[c]);
      }
      const double grain = 0.05 * std::sin(0.45 * fx + 0.31 * fy) * std::sin(0.38 * fy - 0.22 * fx);
      for (int c = 0; c < 3; ++c)
        to[(c * side + y) * side + x] = static_cast<float>(std::clamp(colour[c] + grain, 0.0, 1.0));
    }
  return scene;
}

std::vector<std::string> photographs(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> found;
  std::error_code trouble;
  for (const char* stem : {"astronaut", "coffee", "chelsea"}) {
    std::string best;
    for (fs::recursive_directory_iterator at(folder, trouble), end; !trouble && at != end; at.increment(trouble))
      if (at->path().stem() == stem && at->is_regular_file(trouble) && (best.empty() || at->path().string() < best))
        best = at->path().string();
    if (!best.empty()) found.push_back(best);
  }
  return found;
}

}  // namespace lumigrad::demo
