// SPDX-License-Identifier: Apache-2.0
// Random changes of place. Each is a matrix of the drawn numbers, about the middle of the image; image, mask, boxes and
// points follow it. In a pipeline, matrices of neighbours are multiplied and the image is read once.
//
// Conventions as everywhere (vision/conventions.h): pixel centres at whole numbers, matrices from input to output
// pixels, angles in radians, counter-clockwise as displayed. Kornia's RandomAffine turns the other way, takes degrees
// and reads with align_corners = false by default. Translations are fractions of the image's extent.
//
// A distribution that is left out is a spread of 0.
#pragma once
#include <lumigrad/augment/augmentation.h>

namespace lumigrad::augment {

/// A change of place by a matrix. Its options are mode, border, fill and align_corners.
class LUMIGRAD_API Geometric : public Augmentation {
 public:
  Settings settings() const override;
  void set(const std::string& name, const Setting& value) override;
  bool is_geometric() const override { return true; }
  const Resampling* one_warp(const Draw& draw) const override;
  const Resampling& resampling() const { return resampling_; }

 protected:
  using Map = Tensor (*)(const Draw& draw, const Shape& image);
  Geometric(std::string name, Gate p, std::vector<Parameter> drawn, Map map, Resampling resampling);
  Tensor transform(const Tensor& image, const Draw& draw) const override;
  Tensor matrix(const Draw& draw, const Shape& image) const override { return map_(draw, image); }

 private:
  Map map_;
  Resampling resampling_;
};

struct AffineOptions {
  Distribution angle = {};                          ///< radians
  Distribution translate_x = {}, translate_y = {};  ///< fractions of width and height
  Distribution scale = {};                          ///< of both axes, > 0
  Distribution scale_x = {}, scale_y = {};          ///< times this along an axis, > 0
  Distribution shear_x = {}, shear_y = {};          ///< radians
  Gate p = 0.5;
  Resampling resampling = {};
};
/// Shear, then rotation and scale, about the middle, then translation (geometry::get_affine_matrix2d).
class LUMIGRAD_API RandomAffine final : public Geometric {
 public:
  explicit RandomAffine(AffineOptions options = {});
};

struct RotationOptions {
  Distribution angle = {};  ///< radians
  Gate p = 0.5;
  Resampling resampling = {};
};
class LUMIGRAD_API RandomRotation final : public Geometric {
 public:
  explicit RandomRotation(RotationOptions options = {});
};

struct TranslationOptions {
  Distribution x = {}, y = {};  ///< fractions of width and height
  Gate p = 0.5;
  Resampling resampling = {};
};
class LUMIGRAD_API RandomTranslate final : public Geometric {
 public:
  explicit RandomTranslate(TranslationOptions options = {});
};

struct ScaleOptions {
  Distribution factor = {};  ///< > 0
  Gate p = 0.5;
  Resampling resampling = {};
};
class LUMIGRAD_API RandomScale final : public Geometric {
 public:
  explicit RandomScale(ScaleOptions options = {});
};

struct ShearOptions {
  Distribution x = {}, y = {};  ///< radians, in (-pi / 2, pi / 2)
  Gate p = 0.5;
  Resampling resampling = {};
};
class LUMIGRAD_API RandomShear final : public Geometric {
 public:
  explicit RandomShear(ShearOptions options = {});
};

struct PerspectiveOptions {
  /// How far each corner moves inwards, as parts of half the extents; its own draw for each of the eight numbers.
  Distribution distortion = {0, 0.5};
  Gate p = 0.5;
  Resampling resampling = {};
};
/// The image seen from elsewhere: its corners, clockwise from the top left, move inwards by x0, y0, .. x3, y3. In a
/// pipeline it reads the image itself.
class LUMIGRAD_API RandomPerspective final : public Geometric {
 public:
  explicit RandomPerspective(PerspectiveOptions options = {});
  const Resampling* one_warp(const Draw&) const override { return nullptr; }

 protected:
  Tensor transform(const Tensor& image, const Draw& draw) const override;
};

struct QuarterTurnOptions {
  Distribution times = {0, 3};  ///< rounded to whole ones, in [-4, 4]; no gradient
  Gate p = 0.5;
  Resampling resampling = {};
};
/// Rotated about the middle by quarter turns, counter-clockwise; the size stays.
class LUMIGRAD_API RandomRotation90 final : public Geometric {
 public:
  explicit RandomRotation90(QuarterTurnOptions options = {});
};

/// Mirrored left to right. Exact: no interpolation.
class LUMIGRAD_API RandomHorizontalFlip final : public Geometric {
 public:
  explicit RandomHorizontalFlip(Gate p = 0.5);

 protected:
  Tensor transform(const Tensor& image, const Draw& draw) const override;
};
/// Mirrored top to bottom. Exact.
class LUMIGRAD_API RandomVerticalFlip final : public Geometric {
 public:
  explicit RandomVerticalFlip(Gate p = 0.5);

 protected:
  Tensor transform(const Tensor& image, const Draw& draw) const override;
};

}  // namespace lumigrad::augment
