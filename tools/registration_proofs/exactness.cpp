// SPDX-License-Identifier: Apache-2.0
#include "figures.h"
#include "views.h"

#include <algorithm>

namespace proofs {
namespace {

using namespace lumigrad::registration;

constexpr int height = 240, width = 320;

void add(const Result& r, const Matrix3& truth, int pairs, Exactness& sums) {
  const double error = corner_distance(r.matrix, truth, height, width);
  const Point middle{0.5 * (width - 1), 0.5 * (height - 1)};
  sums.mean += error / pairs;
  sums.worst = std::max(sums.worst, error);
  sums.scale += (local_scale(r.matrix, middle) / local_scale(truth, middle) - 1) / pairs;
  sums.converged += r.converged();
}

/// Columns first .. last of `from` onto `to`.
void put_band(const Tensor& from, int first, int last, Tensor& to) {
  for (int y = 0; y < height; ++y)
    std::copy_n(from.data<float>() + y * width + first, last - first, to.mutable_data<float>() + y * width + first);
}

Tensor all_but(int first, int last) {
  Tensor mask = Tensor::ones({height, width}, lumigrad::DType::u8);
  for (int y = 0; y < height; ++y)
    std::fill_n(mask.mutable_data<std::uint8_t>() + y * width + first, last - first, std::uint8_t{0});
  return mask;
}

}  // namespace

Exactness exactness(Model model, double blur, int pairs) {
  Exactness e;
  for (int k = 0; k < pairs; ++k) {
    const auto seed = static_cast<std::uint64_t>(k);
    const scene::Texture texture(300 + seed, 4, blur);
    scene::Dice dice(400 + seed);
    const Matrix3 truth = drawn_motion(dice, model, height, width);
    const Tensor fixed = scene::seen(texture, unit_matrix, height, width);
    add(register_images(fixed, scene::moved(texture, truth, height, width), {.model = model}), truth, pairs, e);
  }
  return e;
}

Exactness masked_band(Model model, int pairs) {
  constexpr int first = 120, last = first + width / 8, shift = 12;
  Exactness e;
  for (int k = 0; k < pairs; ++k) {
    const auto seed = static_cast<std::uint64_t>(k);
    const scene::Texture texture(500 + seed, 4), other(600 + seed, 4);
    scene::Dice dice(700 + seed);
    const Matrix3 truth = drawn_motion(dice, model, height, width);
    Tensor fixed = scene::seen(texture, unit_matrix, height, width);
    Tensor moving = scene::moved(texture, truth, height, width);
    put_band(scene::seen(other, unit_matrix, height, width), first, last, fixed);
    put_band(scene::seen(other, {1, 0, -shift, 0, 1, 0, 0, 0, 1}, height, width), first + shift, last + shift, moving);
    add(register_images(
            fixed, moving,
            {.model = model, .fixed_mask = all_but(first, last), .moving_mask = all_but(first + shift, last + shift)}),
        truth, pairs, e);
  }
  return e;
}

}  // namespace proofs
