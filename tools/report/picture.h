// SPDX-License-Identifier: Apache-2.0
// Pictures that show how well two images lie on each other. All are [3, H, W] in [0, 1]; `inside` is [1, H, W], one
// where the second image has something to show.
#pragma once
#include <lumigrad/engine/tensor.h>

namespace lumigrad::report {

/// Grey [1, H, W] of an image with 1 to 4 channels (Rec. 601 weights, alpha ignored); NaN becomes 0.
Tensor grey(const Tensor& image);
/// The colours [3, H, W] of an image with 1 to 4 channels.
Tensor colours(const Tensor& image);

/// Means over the smallest square blocks that make no side longer than `longest`; [C, H, W] of any C.
Tensor shrunk(const Tensor& image, std::int64_t longest = 900);
/// The means of blocks of pixels, as floats; blocks at the right and lower border may be smaller.
Tensor block_means(const Tensor& image, std::int64_t block);

/// a in red, b in cyan: grey where they agree, coloured fringes where they do not. Outside, a alone and darker.
Tensor red_cyan(const Tensor& a, const Tensor& b, const Tensor& inside);

/// Squares taken from a and b in turn, about `across` of them along the longer side; outside always a.
Tensor checkerboard(const Tensor& a, const Tensor& b, const Tensor& inside, int across = 10);

/// a - b: white is equal, red where a is brighter, blue where b is; full colour at +-scale. Outside is grey.
Tensor signed_difference(const Tensor& a, const Tensor& b, const Tensor& inside, double scale);

/// Root mean square of a - b inside, both [1, H, W].
double rms_difference(const Tensor& a, const Tensor& b, const Tensor& inside);

}  // namespace lumigrad::report
