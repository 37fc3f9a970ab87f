// SPDX-License-Identifier: Apache-2.0
// The same promises over more pairs, for the slow suite.
#include "tools/registration_proofs/figures.h"

#include <doctest/doctest.h>

using proofs::Model;

TEST_CASE("the covariance of a homography holds within a quarter for independent noise, half for correlated") {
  for (const bool correlated : {false, true})
    for (const double sigma : {0.01, 0.04}) {
      CAPTURE(correlated);
      CAPTURE(sigma);
      const proofs::Certainty c = proofs::certainty(Model::homography, correlated, sigma, 500);
      CHECK(c.converged == 500);
      CHECK(c.variance_ratio > (correlated ? 0.67 : 0.75));
      CHECK(c.variance_ratio < (correlated ? 1.5 : 1.25));
    }
}

TEST_CASE("twenty thousand pairs of nonsense neither throw nor come back as NaN") {
  const proofs::Nonsense n = proofs::nonsense(1000, 20000);
  CHECK(n.thrown == 0);
  CHECK(n.not_numbers == 0);
}
