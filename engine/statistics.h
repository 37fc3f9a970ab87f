// SPDX-License-Identifier: Apache-2.0
// Statistics along axes: soft maxima, variances, lengths.
//
// Exponentials overflow and squares cancel, so each is computed about a level near the data: the largest element for
// log sum e^x, the mean for a variance. The level must not count when one differentiates, and it does not: the results
// are the same whatever it is. Their slopes are short in terms of the result, and are what is recorded:
//
//   L = log sum e^x                 dL = <p, dx>,   p = softmax(x) = e^(x - L)
//   p = softmax(x)                  gx = p (w - <w, p>)
//   l = x - L                       gx = w - p sum(w)
//   v = sum (x - m)^2 / (n - c)     gx = 2 w (x - m) / (n - c);   the mean m moves too, but sum (x - m) is 0
//
// They are made of the operators of ops.h, so second derivatives follow.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// log of the sum of e^x over some axes; `keep` leaves them with extent 1. f32 and f64, like all in this file. A sum
/// over nothing, or over minus infinities, gives minus infinity, with slope 0.
LUMIGRAD_API Tensor logsumexp(const Tensor& x, std::span<const int> axes, bool keep = false, Here here = {});
LUMIGRAD_API Tensor logsumexp(const Tensor& x, std::initializer_list<int> axes, bool keep = false, Here here = {});
/// e^x over its sum along an axis: positive numbers that add up to 1.
LUMIGRAD_API Tensor softmax(const Tensor& x, int axis = -1, Here here = {});
/// softmax of -x.
LUMIGRAD_API Tensor softmin(const Tensor& x, int axis = -1, Here here = {});
/// The logarithm of softmax, without taking the logarithm of a number that has become 0.
LUMIGRAD_API Tensor log_softmax(const Tensor& x, int axis = -1, Here here = {});

/// Squared deviations from the mean over some axes, summed and divided by their number less `correction`: 1 for the
/// unbiased estimate from a sample (Bessel), 0 for the mean square. Throws ShapeError unless the number is larger.
LUMIGRAD_API Tensor variance(const Tensor& x, std::span<const int> axes, bool keep = false, double correction = 1,
                             Here here = {});
LUMIGRAD_API Tensor variance(const Tensor& x, std::initializer_list<int> axes, bool keep = false, double correction = 1,
                             Here here = {});
/// The square root of the variance; slope 0 where all elements are equal.
LUMIGRAD_API Tensor standard_deviation(const Tensor& x, std::span<const int> axes, bool keep = false,
                                       double correction = 1, Here here = {});
LUMIGRAD_API Tensor standard_deviation(const Tensor& x, std::initializer_list<int> axes, bool keep = false,
                                       double correction = 1, Here here = {});

/// x divided by its length along an axis, (sum |x|^p)^(1/p) with p in (0, infinity]; by eps where that is larger. The
/// length has slope 0 at 0, and for p = infinity the largest elements share it. Throws NumericError for other p.
LUMIGRAD_API Tensor normalize(const Tensor& x, double p = 2, int axis = 1, double eps = 1e-12, Here here = {});
/// The cosine of the angle between a and b along an axis, <a, b> / (max(|a|, eps) max(|b|, eps)). Shapes broadcast; the
/// axis is one of the result of that, and is gone afterwards.
LUMIGRAD_API Tensor cosine_similarity(const Tensor& a, const Tensor& b, int axis = 1, double eps = 1e-8,
                                      Here here = {});

}  // namespace lumigrad
