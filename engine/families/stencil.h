// SPDX-License-Identifier: Apache-2.0
// The stencil family: convolutions.
//
// A stencil slides a small window over an image and forms, at every place, the same weighted sum of what it sees. With
// x the image (n images of channels c), w the weights and y the result, per axis with a stride s, a margin m of zeros
// before the image, and a distance d between taps,
//
//     y[n, o, p] = sum over channels c and taps k of  w[o, c, k] x[n, c, s p - m + d k]
//
// (a correlation: nothing is flipped; filters and networks both mean this). Multiply by a cotangent of y and add up,
// and all three stand side by side in one number that is linear in each of them:
//
//     F(x, w, y) = sum over n, o, c, p, k of  x[n, c, s p - m + d k] w[o, c, k] y[n, o, p]
//
// Everything in this family is F with one of the three taken away:
//
//     without y    the stencil itself
//     without x    the transposed stencil: it spreads y over an image, each number with the flipped window. This is the
//                  adjoint to the image, and what networks call a transposed convolution
//     without w    the adjoint to the weights: every tap correlates the image, shifted, with y
//
// Each is linear in the two that are given, so the adjoint of each is made of the other two: put the cotangent in the
// place of what was missing, and take away instead what the gradient is wanted of. The family is closed under
// derivatives of every order, and one node serves all three.
//
// How it is computed (stencil_call.cpp): the windows of all places are the columns of a matrix with one row a channel
// and tap, and a stencil is a product with that matrix (product_kernels.h), whose blocks are written straight from the
// image when the product needs them. A transposed stencil with stride s is s interleaved stencils with stride 1 along
// each axis: those places of the image whose number leaves the same rest meet the same taps. So every result, of an
// image as of its adjoint, is one chain of multiply-adds over channels and taps in order: its bits depend on nothing
// else, least of all on threads or the rest of the batch.
#pragma once
#include <lumigrad/engine/families/stencil_extents.h>
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// A whole number for each axis; one alone goes for all of them.
class Extents {
 public:
  Extents() = default;  ///< none given
  Extents(std::int64_t all) : values_{all, all, all}, count_(1) {}
  Extents(std::initializer_list<std::int64_t> values);
  explicit Extents(std::span<const std::int64_t> values);
  /// The number for an axis of `axes`; throws ShapeError naming `name` when another count was given.
  std::int64_t at(int axis, int axes, const char* name) const;
  bool given() const { return count_ > 0; }

 private:
  std::array<std::int64_t, 3> values_{};
  int count_ = 0;
};

/// How a window lies on an image. Outside the image everything is 0.
struct ConvOptions {
  Tensor bias = {};         ///< [out channels], added to the result; a learnable argument
  Extents stride = 1;       ///< from one window to the next
  Extents padding = 0;      ///< zeros on both sides of each axis
  Extents dilation = 1;     ///< from one tap to the next
  std::int64_t groups = 1;  ///< channels in `groups` parts, each with its own part of the result
  bool same = false;        ///< instead of padding: as many zeros as keep the size (stride 1), the odd one at the end
};

/// Correlation with learnable windows. x [N, in, ..] or [in, ..] with one, two or three axes, weight [out, in / groups,
/// taps ..], both f32 or f64: [N, out, ..], an extent of (extent + 2 padding - dilation (taps - 1) - 1) / stride + 1.
/// Gradients flow to x, weight and bias, to every order. Throws ShapeError / DTypeError.
LUMIGRAD_API Tensor conv1d(const Tensor& x, const Tensor& weight, const ConvOptions& options = {}, Here here = {});
LUMIGRAD_API Tensor conv2d(const Tensor& x, const Tensor& weight, const ConvOptions& options = {}, Here here = {});
LUMIGRAD_API Tensor conv3d(const Tensor& x, const Tensor& weight, const ConvOptions& options = {}, Here here = {});

/// How a transposed convolution spreads its numbers.
struct ConvTransposeOptions {
  Tensor bias = {};            ///< [out channels], added to the result; a learnable argument
  Extents stride = 1;          ///< from one window to the next
  Extents padding = 0;         ///< taken off both sides of each axis of the result
  Extents output_padding = 0;  ///< added to the end of each axis; less than the stride or the dilation
  Extents dilation = 1;        ///< from one tap to the next
  std::int64_t groups = 1;     ///< channels in `groups` parts
};

/// The adjoint of a convolution to its image. x [N, in, ..] or [in, ..], weight [in, out / groups, taps ..]: [N, out,
/// ..], an extent of (extent - 1) stride - 2 padding + dilation (taps - 1) + output_padding + 1. Gradients and errors
/// as those of conv2d.
LUMIGRAD_API Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const ConvTransposeOptions& options = {},
                                     Here here = {});
LUMIGRAD_API Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const ConvTransposeOptions& options = {},
                                     Here here = {});
LUMIGRAD_API Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const ConvTransposeOptions& options = {},
                                     Here here = {});

/// How windows are cut out.
struct UnfoldOptions {
  Extents stride = 1;    ///< from one window to the next
  Extents padding = 0;   ///< zeros on both sides of each axis
  Extents dilation = 1;  ///< from one tap to the next
};

/// The windows of an image as columns: x [N, C, ..] or [C, ..] with one to three axes (as many as `kernel` has
/// extents): [N, C taps, places]. Gradients to every order. Throws ShapeError / DTypeError.
LUMIGRAD_API Tensor unfold(const Tensor& x, std::span<const std::int64_t> kernel, const UnfoldOptions& options = {},
                           Here here = {});
/// The adjoint of unfold: windows [N, C taps, places] or [C taps, places] added up where they overlap in an image of
/// `size`: [N, C, size ..].
LUMIGRAD_API Tensor fold(const Tensor& columns, std::span<const std::int64_t> size,
                         std::span<const std::int64_t> kernel, const UnfoldOptions& options = {}, Here here = {});

/// The textbook version of all three: `visit(i, j, k)` for every product x[i] w[j] y[k] in F. A stencil adds x[i] w[j]
/// to y[k], a transposed one w[j] y[k] to x[i], the adjoint to the weights x[i] y[k] to w[j]. Documentation and oracle.
template <class Visit>
void stencil_reference(const Stencil& s, Visit visit) {
  const auto each = [&](auto extent, auto body) {  // of the three axes
    for (std::int64_t a = 0; a < extent(0); ++a)
      for (std::int64_t b = 0; b < extent(1); ++b)
        for (std::int64_t c = 0; c < extent(2); ++c) body(std::array{a, b, c});
  };
  const std::int64_t part = s.in / s.groups;
  for (std::int64_t n = 0; n < s.images; ++n)
    for (std::int64_t o = 0; o < s.out; ++o)
      for (std::int64_t c = 0; c < part; ++c)
        each([&](int a) { return s.axis[a].out; },
             [&](auto p) {
               each([&](int a) { return s.axis[a].taps; },
                    [&](auto k) {
                      std::int64_t i = n * s.in + o / (s.out / s.groups) * part + c, j = o * part + c,
                                   to = n * s.out + o;
                      bool inside = true;
                      for (std::size_t a = 0; a < 3; ++a) {
                        const StencilAxis& axis = s.axis[a];
                        const std::int64_t at = axis.stride * p[a] - axis.before + axis.dilation * k[a];
                        inside &= at >= 0 && at < axis.in;
                        i = i * axis.in + at;
                        j = j * axis.taps + k[a];
                        to = to * axis.out + p[a];
                      }
                      if (inside) visit(i, j, to);
                    });
             });
}

}  // namespace lumigrad
