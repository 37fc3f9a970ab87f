// SPDX-License-Identifier: Apache-2.0
// Running values along an axis. All of them are one linear recurrence,
//
//     s[j] = a[j] s[j-1] + b[j],      s[-1] = 0:
//
// a running sum has a = 1, a running product y[j] = x[j] y[j-1] has a = x and b = (x[0], 0, 0, ...), a first-order
// filter has what it likes. With w the cotangent of s, the chain rule runs the same recurrence the other way,
//
//     t[j] = a[j+1] t[j+1] + w[j],    gb = t,    ga[j] = t[j] s[j-1]:      scan -> scan, pixel
//
// so the family is closed and derivatives of any order follow. There is no division: a product with zeros in it has the
// right gradient (the product of the others), and the right second one. Lines along the axis are walked in order, each
// by one thread, f32 with its state in double.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad {

/// s[j] = a[j] s[j-1] + b[j] along an axis, from s[-1] = 0; `reverse` runs from the last entry: s[j] = a[j] s[j+1] +
/// b[j]. a and b have one shape; the first factor that is met (a[0], or the last one) multiplies nothing and has
/// gradient 0.
LUMIGRAD_API Tensor linear_recurrence(const Tensor& a, const Tensor& b, int axis, bool reverse = false, Here here = {});
/// y[j] = x[0] + ... + x[j] along an axis.
LUMIGRAD_API Tensor cumsum(const Tensor& x, int axis, Here here = {});
/// y[j] = x[0] x[1] ... x[j] along an axis.
LUMIGRAD_API Tensor cumprod(const Tensor& x, int axis, Here here = {});
/// The product along an axis, or of all elements; 1 where there are none.
LUMIGRAD_API Tensor prod(const Tensor& x, int axis, bool keep = false, Here here = {});
LUMIGRAD_API Tensor prod(const Tensor& x, Here here = {});

}  // namespace lumigrad
