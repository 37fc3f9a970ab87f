// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/axis_angle.h>

#include <lumigrad/engine/ops.h>

namespace lumigrad {

// R = cos a + sin a [n] + (1 - cos a) n n' for the turn by a about n = v / a, with [n] the cross product: [N, 3, 3].
// Written with sin a / a and 1 - cos a = 2 sin^2 (a / 2), and with their limits at v = 0, where R is smooth all the
// same.
Tensor axis_angle_turn(const Tensor& v, double epsilon, Here here) {
  const auto at = [&](int k) { return slice(v, 1, k, k + 1, 1, here); };
  const Tensor square = sum(mul(v, v, here), {1}, true, here);
  const Tensor turned = sign(square.detach());
  const Tensor angle = sqrt(where(turned, square, 1.0, here), here);
  const Tensor far = sign(maximum(sub(square.detach(), epsilon), 0.0));  // small angles do without epsilon
  const Tensor length = add(angle, mul(far, epsilon), here);
  const Tensor s = sin(mul(angle, 0.5, here), here), versed = mul(mul(s, s, here), 2.0, here);
  const Tensor cross = where(turned, div(sin(angle, here), length, here), 1.0, here);
  const Tensor outer = where(turned, div(versed, mul(length, length, here), here), 0.5, here);
  const Tensor cosine =
      sub(1.0, mul(where(turned, div(versed, mul(angle, angle, here), here), 0.5, here), square, here), here);
  std::vector<Tensor> entries;
  for (int r = 0; r < 3; ++r) {
    for (int k = 0; k < 3; ++k) {
      const Tensor product = mul(outer, mul(at(r), at(k), here), here);
      if (r == k) {
        entries.push_back(add(cosine, product, here));
      } else {
        const Tensor normal = mul(cross, at(3 - r - k), here);
        entries.push_back((k + 3 - r) % 3 == 1 ? sub(product, normal, here) : add(product, normal, here));
      }
    }
  }
  return reshape(concat(entries, 1, here), Shape{v.size(0), 3, 3}, here);
}

}  // namespace lumigrad
