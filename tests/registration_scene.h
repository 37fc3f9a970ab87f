// SPDX-License-Identifier: Apache-2.0
// A scene without files: a textured plane given by a formula, so that any view of it is exact to the last bit.
#pragma once
#include <lumigrad/engine/tensor.h>
#include <lumigrad/vision/registration/motion.h>

#include <cmath>
#include <cstdint>
#include <vector>

namespace scene {

using lumigrad::apply;
using lumigrad::inverse;
using lumigrad::Matrix3;
using lumigrad::Point;
using lumigrad::Tensor;

/// Numbers in [0, 1) from a seed, the same everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 0x1234567) {}
  double next() {
    state_ ^= state_ >> 12, state_ ^= state_ << 25, state_ ^= state_ >> 27;
    return static_cast<double>((state_ * 0x2545F4914F6CDD1Du) >> 11) * 0x1p-53;
  }
  /// Normal, mean 0 and deviation 1: twelve uniforms.
  double normal() {
    double sum = -6;
    for (int k = 0; k < 12; ++k) sum += next();
    return sum;
  }

 private:
  std::uint64_t state_;
};

/// Eighty waves of 7 to 90 px in all directions; values stay well within [0, 1]. `shortest` stands for the 7 px, and
/// `blur` px is the Gaussian through which the waves are seen.
class Texture {
 public:
  explicit Texture(std::uint64_t seed, double shortest = 7, double blur = 0) {
    Dice dice(seed);
    double energy = 0;
    for (int k = 0; k < 80; ++k) {
      const double length = shortest * std::pow(13.0, dice.next()), angle = 6.2831853 * dice.next();
      const double f = 6.283185307179586 / length;
      waves_.push_back({f * std::cos(angle), f * std::sin(angle), 6.2831853 * dice.next(), std::sqrt(length)});
      energy += 0.5 * length;
    }
    for (Wave& w : waves_)
      w.amplitude *= 0.14 / std::sqrt(energy) * std::exp(-0.5 * blur * blur * (w.x * w.x + w.y * w.y));
  }
  double at(Point p) const {
    double v = 0.5;
    for (const Wave& w : waves_) v += w.amplitude * std::sin(w.x * p.x + w.y * p.y + w.phase);
    return v;
  }

 private:
  struct Wave {
    double x, y, phase, amplitude;
  };
  std::vector<Wave> waves_;
};

/// [height, width] f32: pixel p shows the scene at view(p).
inline Tensor seen(const Texture& texture, const Matrix3& view, int height, int width) {
  Tensor image = Tensor::empty({height, width});
  float* to = image.mutable_data<float>();
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      *to++ = static_cast<float>(texture.at(apply(view, {static_cast<double>(x), static_cast<double>(y)})));
  return image;
}

/// The moving image for which `truth` maps fixed to moving pixels.
inline Tensor moved(const Texture& texture, const Matrix3& truth, int height, int width) {
  return seen(texture, inverse(truth), height, width);
}

/// A turn by `degrees` and scaling about the middle of a height x width image, then a shift.
inline Matrix3 turned(int height, int width, double degrees, double scale, double dx, double dy) {
  const double a = degrees * 0.017453292519943295, c = scale * std::cos(a), s = scale * std::sin(a);
  const double x = 0.5 * (width - 1), y = 0.5 * (height - 1);
  return {c, -s, x - c * x + s * y + dx, s, c, y - s * x - c * y + dy, 0, 0, 1};
}

}  // namespace scene
