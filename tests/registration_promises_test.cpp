// SPDX-License-Identifier: Apache-2.0
// The promises of registration at a tenth of the length at which tools/registration_proofs measures them.
#include "tools/registration_proofs/figures.h"

#include <cmath>

#include <doctest/doctest.h>

using proofs::Model;

TEST_CASE("errors under noise are what the covariance says") {
  for (const bool correlated : {false, true})
    for (const double sigma : {0.01, 0.04}) {
      CAPTURE(correlated);
      CAPTURE(sigma);
      const proofs::Certainty c = proofs::certainty(Model::affine, correlated, sigma, 50);
      CHECK(c.converged == 50);
      CHECK(c.variance_ratio > 0.67);
      CHECK(c.variance_ratio < 1.5);
      CHECK(c.normalised > 0.8);
      CHECK(c.normalised < 1.25);
    }
}

TEST_CASE("without noise the corners are right to two thousandths of a pixel, however blurred the views") {
  for (const Model model : {Model::affine, Model::homography})
    for (const double blur : {0.0, 3.0}) {
      CAPTURE(blur);
      const proofs::Exactness e = proofs::exactness(model, blur, 1);
      CHECK(e.converged == 1);
      CHECK(e.worst < 0.002);
      CHECK(std::abs(e.scale) < 5e-6);
    }
}

TEST_CASE("a band that moves on its own is as if it were not there when it is masked") {
  for (const Model model : {Model::affine, Model::homography}) {
    const proofs::Exactness e = proofs::masked_band(model, 1);
    CHECK(e.converged == 1);
    CHECK(e.worst < 0.002);
  }
}

TEST_CASE("nonsense neither throws nor comes back as NaN") {
  const proofs::Nonsense n = proofs::nonsense(0, 1000);
  CHECK(n.pairs == 1000);
  CHECK(n.thrown == 0);
  CHECK(n.not_numbers == 0);
  CHECK(n.statuses[1] + n.statuses[3] + n.statuses[4] > 200);  // not all of it is refused at the door
}

TEST_CASE("different textures are not called converged") { CHECK(proofs::converged_though_unrelated({}, 10) == 0); }
