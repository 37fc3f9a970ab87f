// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/operators.h>
#include <cmath>

namespace lumigrad {
namespace rows {

Argument tensor(const char* name, const char* doc, Differentiability gradient, const char* range,
                const char* otherwise) {
  return {.name = name, .doc = doc, .gradient = gradient, .range = range, .otherwise = otherwise};
}

Tensor numbers(const Generator& generator, std::uint32_t n, const Shape& shape, double low, double high,
               const std::vector<double>& avoid) {
  Tensor x = uniform(generator.then(n), shape, low, high, DType::f64);
  if (avoid.empty()) return x;
  constexpr double margin = 0.02;
  auto* values = x.mutable_data<double>();
  for (std::int64_t i = 0; i < x.numel(); ++i)
    for (const double kink : avoid)
      if (std::fabs(values[i] - kink) < margin) values[i] = values[i] < kink ? kink - margin : kink + margin;
  return x;
}

const std::vector<std::pair<const char*, Shape>>& shapes() {
  static const std::vector<std::pair<const char*, Shape>> all = {{"scalar", {}},
                                                                 {"one element", {1}},
                                                                 {"odd vector", {5}},
                                                                 {"one row", {1, 9}},
                                                                 {"even", {4, 6}},
                                                                 {"image", {1, 3, 5, 7}},
                                                                 {"batch of two", {2, 3, 4, 5}},
                                                                 {"odd and thin", {2, 1, 9}},
                                                                 {"longer than a vector", {37}},
                                                                 {"empty", {2, 0, 3}}};
  return all;
}

Tensor number(double value) { return Tensor::full({}, value, DType::f64); }

std::function<std::pair<double, double>(const Shape&, DType)> elementwise_bytes(int inputs) {
  return [inputs](const Shape& shape, DType dtype) {
    const double plane = static_cast<double>(shape.numel()) * static_cast<double>(size_of(dtype));
    const double forward = (inputs + 1) * plane;
    return std::pair(forward, forward + (2 * inputs + 1) * plane);
  };
}

}  // namespace rows

const std::vector<Operator>& engine_operators() {
  static const std::vector<Operator> all = [] {
    std::vector<Operator> joined;
    for (auto part :
         {rows::unary(), rows::several_inputs(), rows::reductions_and_products(), rows::views(), rows::statistics(),
          rows::networks(), rows::classification(), rows::gathers(), rows::arrangements(), rows::ranks(), rows::scans(),
          rows::stencils(), rows::pooling(), rows::decompositions(), rows::vectors()})
      joined.insert(joined.end(), part.begin(), part.end());
    return joined;
  }();
  return all;
}

}  // namespace lumigrad
