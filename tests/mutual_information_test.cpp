// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/vision/losses/similarity.h>

using namespace lumigrad;
using losses::mutual_information_loss;

TEST_CASE("the lightest pixel stands at the edge of its bins whatever the unit of the grey levels") {
  const Tensor a = uniform({3, 1}, {1, 6, 7}, 0, 1, DType::f64), b = uniform({3, 2}, {1, 6, 7}, 0, 1, DType::f64);
  for (const losses::Parzen window : {losses::Parzen::rectangular, losses::Parzen::truncated_gaussian})
    for (const int bins : {5, 7, 10}) {
      const losses::MutualInformation options{.bins = bins, .window = window};
      const double expected = mutual_information_loss(a, b, options).item();
      for (int k = 1; k < 200; ++k) {
        CAPTURE(bins);
        CAPTURE(k);
        CHECK(mutual_information_loss(mul(a, 0.37 * k), b, options).item() == doctest::Approx(expected).epsilon(1e-10));
      }
    }
}
