// SPDX-License-Identifier: Apache-2.0
// Measures the words of the vocabulary and prints tools/accuracy.md:
//     build/tools/accuracy_table [--samples N] > tools/accuracy.md
// Errors are rounded up to two digits, so that the file is a bound; what was measured lies below it.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include "tools/accuracy.h"

using namespace lumigrad;

namespace {

std::string rounded_up(double ulp) {
  if (ulp < 0) return "-";
  if (ulp <= 0.5) return ulp == 0 ? "0" : "0.5";
  const double unit = std::pow(10.0, std::floor(std::log10(ulp)) - 1);
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", std::ceil(ulp / unit) * unit);
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t samples = 2000003;  // no multiple of a vector: the incomplete batch is measured too
  for (int i = 1; i + 1 < argc; i += 2)
    if (!std::strcmp(argv[i], "--samples")) samples = static_cast<std::size_t>(std::max(1009, std::atoi(argv[i + 1])));
  std::printf(
      "# Accuracy of the vocabulary\n\n"
      "The largest error found of every word of `engine/math.h`, in units of the last place of the exact result, over\n"
      "%zu arguments a row and the special ones (zeros, infinities, NaN, ends). \"any\": every bit pattern. Single\n"
      "precision at each instruction level; double precision exists at the baseline and is the C library's where it "
      "has\nthe function. Rounded up to two digits, so that a value is a bound: `tests/math_accuracy_test.cpp` holds "
      "the code to\nit. A correctly rounded result is off by at most 0.5. Made by `build/tools/accuracy_table`.\n\n"
      "| word | range | float, v4 | v3 | baseline | double | where above 1: why |\n|---|---|---|---|---|---|---|\n",
      samples);
  for (const AccuracyRow& row : accuracy_rows()) {
    double error[3] = {-1, -1, -1};
    for (const Level level : test::levels()) error[static_cast<int>(level)] = row.worst(level, false, samples);
    const double wide = row.worst(Level::baseline, true, samples);
    const bool loose = std::max({error[0], error[1], error[2], wide}) > 1;
    std::printf("| `%s` | %s | %s | %s | %s | %s | %s |\n", row.word.c_str(), row.range.c_str(),
                rounded_up(error[2]).c_str(), rounded_up(error[1]).c_str(), rounded_up(error[0]).c_str(),
                rounded_up(wide).c_str(), loose ? row.why.c_str() : "");
    std::fflush(stdout);
  }
  return 0;
}
