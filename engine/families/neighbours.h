// SPDX-License-Identifier: Apache-2.0
// The reduce family where a formula sees a pixel and its neighbours: how rough an image is, how its edges lie to those
// of another.
//
//     y[n] = sum over groups g and pixels i of g's rectangle of
//            scale_g f(x[lane 0][n, i + o_0], x[lane 1][n, i + o_1], ..)
//
// A lane is a channel of one of the images, moved by an offset within it. Slices, reduce() and sums say the same, and
// on a device and for derivatives of the gradient they do; but their adjoint makes an image a lane. Here a thread takes
// some rows of the image, runs the adjoint of the formula on a row at a time in the nearest cache, and adds each lane
// to the gradient where it was read: the images are read once and their gradients written once. A row that two threads
// need is computed by both, so sums have one owner, and one order whatever the number of threads.
#pragma once
#include <lumigrad/engine/families/pixel.h>
#include <vector>

namespace lumigrad {

/// Channel `channel` of image `image`, at (row, column) from the pixel.
struct NeighbourLane {
  int image, channel;
  std::int64_t row, column;
};
/// The lanes of a formula at the pixels of the rectangle (0, 0) to (rows, columns), from which all of them lie within.
struct NeighbourGroup {
  std::vector<NeighbourLane> lanes;
  std::int64_t rows, columns;
  double scale;
};

/// A formula of one result and no parameters. Images [N, C, H, W] of one N, H, W and dtype (f32 or f64): [N]. Gradients
/// to second order.
Tensor reduce_neighbours(const char* name, const PixelKernels& kernels, std::vector<Tensor> images,
                         std::vector<NeighbourGroup> groups, Here here);

}  // namespace lumigrad
