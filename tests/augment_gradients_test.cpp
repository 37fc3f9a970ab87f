// SPDX-License-Identifier: Apache-2.0
// What augmentations learn by: gradients of ranges, magnitudes and probabilities are those of the expected loss.
#include <doctest/doctest.h>
#include <lumigrad/augment/gradient_check.h>
#include <set>

using namespace lumigrad;
using namespace lumigrad::augment;

TEST_CASE("every augmentation: gradients of every range end, magnitude and probability agree with the expected loss") {
  int learned = 0;
  for (const Kind& kind : kinds()) {
    const std::vector<GradientLine> lines = check_gradients(kind.name);
    std::set<std::string> seen;
    for (const GradientLine& line : lines) {
      INFO(line.augmentation << ", " << line.parameter << " [" << line.where << "]: analytic " << line.analytic
                             << " +- " << line.standard_error << ", numeric " << line.numeric
                             << ", their difference +- " << line.difference_error << ", " << line.draws << " draws");
      CHECK(line.passed);
      if (!line.zero && line.where == "inside") ++learned;
      seen.insert(line.parameter);
    }
    CHECK(seen.contains("probability"));
    const auto made = kind.make();
    for (const Parameter& p : made->drawn())
      if (p.differentiable && !p.moves_jump) CHECK_MESSAGE(seen.contains(p.name + ".high"), kind.name << " " << p.name);
  }
  CHECK(learned >= 40);
}
