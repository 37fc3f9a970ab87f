// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/finite_differences.h>
#include <algorithm>

namespace lumigrad::differences {

std::vector<Estimate> slopes(const Line& line, double h) {
  const Heights a = line(h), b = line(-h), c = line(h / 2), d = line(-h / 2);
  std::vector<Estimate> result(a.values.size());
  for (std::size_t k = 0; k < result.size(); ++k) {
    const double wide = (a.values[k] - b.values[k]) / (2 * h), narrow = (c.values[k] - d.values[k]) / h;
    result[k].value = (4 * narrow - wide) / 3;
    result[k].noise = std::fabs(narrow - wide) / 3 + 4 * 2.2e-16 * std::max(a.sizes[k], b.sizes[k]) / h;
  }
  return result;
}

double dot(const Numbers& a, const Numbers& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
double dot_size(const Numbers& a, const Numbers& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::fabs(a[i] * b[i]);
  return sum;
}

Numbers random_numbers(std::size_t count, const Generator& generator) {
  Numbers values(count);
  generator.stream(0).fill_uniform(values);
  for (double& value : values) value = 2 * value - 1;
  return values;
}

Numbers moved(const Numbers& x, const Numbers& u, double t) {
  Numbers y = x;
  for (std::size_t j = 0; j < x.size(); ++j) y[j] += t * u[j];
  return y;
}

}  // namespace lumigrad::differences
