// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/augment/geometric.h>
#include <lumigrad/augment/warp.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/geometry/matrices.h>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace lumigrad::augment {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Domain anything = {};
constexpr Domain factors = {1, 1e-3, infinity};
constexpr Domain shears = {0, -1.5, 1.5};  // a right angle would flatten the image

// Usual values: radians, fractions of an extent, factors.
constexpr std::pair turn = {-0.3, 0.5}, way = {-0.17, 0.23}, about_one = {0.85, 1.15};

Distribution given(const Distribution& distribution) {
  return distribution.defined() ? distribution : Distribution(0.0);
}

const std::string& text_of(const std::string& option, const Setting& value) {
  require<FormatError>(value.if_text(), option, ": expected a name");
  return *value.if_text();
}

Tensor middle(const Shape& image) { return {(double(image[3]) - 1) / 2, (double(image[2]) - 1) / 2}; }

void require_plane(const char* name, const Shape& image) {
  require<ShapeError>(image.rank() == 4, name, ": expected images [N, C, H, W], got ", image);
}

Tensor value(const Draw& draw, const char* name) { return draw.value(name).to(DType::f64); }

Tensor fractions(const Draw& draw, const char* x, const char* y, const Shape& image) {
  return stack({value(draw, x) * double(image[3]), value(draw, y) * double(image[2])}, 1);
}

/// Eight numbers, two for each corner.
constexpr std::array corners = {"x0", "y0", "x1", "y1", "x2", "y2", "x3", "y3"};
std::vector<Parameter> corner_parameters(const Distribution& distortion) {
  std::vector<Parameter> all;
  for (const char* name : corners) all.push_back({name, distortion, {0, -1, 0.9}, {0.05, 0.35}});
  return all;
}

// A row or column of pixels is taken to be two wide, so that its corners are four.
Tensor corner_map(const Draw& d, const Shape& image) {
  require_plane("perspective", image);
  const double extent[2] = {double(image[3]), double(image[2])};
  std::vector<Tensor> from, to;
  for (std::size_t k = 0; k < 8; ++k) {
    const std::size_t corner = k / 2, axis = k % 2;
    const bool far = axis == 0 ? corner == 1 || corner == 2 : corner >= 2;
    const double at = far ? std::max(extent[axis] - 1, 1.0) : 0, inwards = far ? -0.5 : 0.5;
    const Tensor moved = value(d, corners[k]) * (inwards * extent[axis]) + at;
    from.push_back(Tensor::full(moved.shape(), at, DType::f64, moved.device()));
    to.push_back(moved);
  }
  const Shape shape = {image[0], 4, 2};
  return geometry::get_perspective_transform(reshape(stack(from, 1), shape), reshape(stack(to, 1), shape));
}

// x' = c + turn (x - c) with sines and cosines that are whole numbers.
Tensor quarter_turns(const Draw& d, const Shape& image) {
  require_plane("rotate90", image);
  const std::vector<double> times = d.value("times").values();
  const double cx = (double(image[3]) - 1) / 2, cy = (double(image[2]) - 1) / 2;
  Tensor matrix = Tensor::zeros({image[0], 3, 3}, DType::f64);
  auto* m = matrix.mutable_data<double>();
  for (const double number : times) {
    const auto quarter = static_cast<std::size_t>(std::llround(number) & 3);
    constexpr double cosine[] = {1, 0, -1, 0}, sine[] = {0, 1, 0, -1};
    const double c = cosine[quarter], s = sine[quarter];
    const double row[9] = {c, s, cx - c * cx - s * cy, -s, c, cy + s * cx - c * cy, 0, 0, 1};
    m = std::copy_n(row, 9, m);
  }
  return matrix.to(d.value("times").device());
}

}  // namespace

Geometric::Geometric(std::string name, Gate p, std::vector<Parameter> drawn, Map map, Resampling resampling)
    : Augmentation(std::move(name), std::move(p), std::move(drawn)), map_(map), resampling_(resampling) {}

Settings Geometric::settings() const {
  return {{"mode", name_of(resampling_.mode)},
          {"border", name_of(resampling_.border)},
          {"fill", resampling_.fill},
          {"align_corners", resampling_.align_corners}};
}

void Geometric::set(const std::string& option, const Setting& value) {
  if (option == "mode") {
    resampling_.mode = mode_named(text_of(option, value));
  } else if (option == "border") {
    resampling_.border = border_named(text_of(option, value));
  } else if (option == "fill") {
    require<FormatError>(value.if_number(), name(), ": expected a number for fill");
    resampling_.fill = *value.if_number();
  } else if (option == "align_corners") {
    require<FormatError>(value.if_flag(), name(), ": expected true or false for align_corners");
    resampling_.align_corners = *value.if_flag();
  } else {
    Augmentation::set(option, value);
  }
}

const Resampling* Geometric::one_warp(const Draw& draw) const { return is_hard(draw.gate) ? &resampling_ : nullptr; }

Tensor Geometric::transform(const Tensor& image, const Draw& draw) const {
  return warp(image, matrix(draw, image.shape()), resampling_);
}

RandomAffine::RandomAffine(AffineOptions o)
    : Geometric(
          "affine", std::move(o.p),
          {{"angle", given(o.angle), anything, turn},
           {"translate_x", given(o.translate_x), anything, way},
           {"translate_y", given(o.translate_y), anything, way},
           {"scale", given(o.scale), factors, about_one},
           {"scale_x", given(o.scale_x), factors, about_one},
           {"scale_y", given(o.scale_y), factors, about_one},
           {"shear_x", given(o.shear_x), shears, turn},
           {"shear_y", given(o.shear_y), shears, turn}},
          [](const Draw& d, const Shape& image) {
            require_plane("affine", image);
            const Tensor scale = value(d, "scale");
            return geometry::get_affine_matrix2d(
                {.translation = fractions(d, "translate_x", "translate_y", image),
                 .center = middle(image),
                 .scale = stack({scale * value(d, "scale_x"), scale * value(d, "scale_y")}, 1),
                 .angle = value(d, "angle"),
                 .shear = stack({value(d, "shear_x"), value(d, "shear_y")}, 1)});
          },
          o.resampling) {}

RandomRotation::RandomRotation(RotationOptions o)
    : Geometric(
          "rotate", std::move(o.p), {{"angle", given(o.angle), anything, turn}},
          [](const Draw& d, const Shape& image) {
            require_plane("rotate", image);
            return geometry::convert_affinematrix_to_homography(
                geometry::get_rotation_matrix2d(middle(image), value(d, "angle")));
          },
          o.resampling) {}

RandomTranslate::RandomTranslate(TranslationOptions o)
    : Geometric(
          "translate", std::move(o.p), {{"x", given(o.x), anything, way}, {"y", given(o.y), anything, way}},
          [](const Draw& d, const Shape& image) {
            require_plane("translate", image);
            return geometry::get_translation_matrix2d(fractions(d, "x", "y", image));
          },
          o.resampling) {}

RandomScale::RandomScale(ScaleOptions o)
    : Geometric(
          "scale", std::move(o.p), {{"factor", given(o.factor), factors, about_one}},
          [](const Draw& d, const Shape& image) {
            require_plane("scale", image);
            const Tensor factor = value(d, "factor");
            return geometry::convert_affinematrix_to_homography(
                geometry::get_rotation_matrix2d(middle(image), 0.0, stack({factor, factor}, 1)));
          },
          o.resampling) {}

RandomShear::RandomShear(ShearOptions o)
    : Geometric(
          "shear", std::move(o.p), {{"x", given(o.x), shears, turn}, {"y", given(o.y), shears, turn}},
          [](const Draw& d, const Shape& image) {
            require_plane("shear", image);
            return geometry::get_shear_matrix2d(middle(image), stack({value(d, "x"), value(d, "y")}, 1));
          },
          o.resampling) {}

RandomPerspective::RandomPerspective(PerspectiveOptions o)
    : Geometric("perspective", std::move(o.p), corner_parameters(o.distortion), corner_map, o.resampling) {}
Tensor RandomPerspective::transform(const Tensor& image, const Draw& draw) const {
  return warp_projective(image, matrix(draw, image.shape()), resampling());
}

RandomRotation90::RandomRotation90(QuarterTurnOptions o)
    : Geometric("rotate90", std::move(o.p), {{"times", o.times, {0, -4, 4}, {0.6, 3.4}, false}}, quarter_turns,
                o.resampling) {}

RandomHorizontalFlip::RandomHorizontalFlip(Gate p)
    : Geometric("horizontal_flip", std::move(p), {}, [](const Draw&, const Shape& image) { return mirror(image, 0); },
                {}) {}
Tensor RandomHorizontalFlip::transform(const Tensor& image, const Draw&) const { return flip(image, std::array{-1}); }

RandomVerticalFlip::RandomVerticalFlip(Gate p)
    : Geometric("vertical_flip", std::move(p), {}, [](const Draw&, const Shape& image) { return mirror(image, 1); },
                {}) {}
Tensor RandomVerticalFlip::transform(const Tensor& image, const Draw&) const { return flip(image, std::array{-2}); }

}  // namespace lumigrad::augment
