// SPDX-License-Identifier: Apache-2.0
// The option that all losses share, in catalogue rows.
#pragma once
#include <lumigrad/vision/losses/losses.h>
#include <lumigrad/vision/photometric_rows.h>

namespace lumigrad::rows {

inline Argument reduction(const char* doc, const char* otherwise = "mean") {
  return choice("reduction", doc, {"none", "mean", "sum"}, otherwise);
}

inline losses::Reduction reduction_of(const Values& v) {
  const std::string name = v.choice("reduction");
  return name == "none" ? losses::Reduction::none : name == "mean" ? losses::Reduction::mean : losses::Reduction::sum;
}

/// Every one of them in turn.
inline void choose_reduction(Values& values, std::size_t index) {
  const char* names[] = {"none", "mean", "sum"};
  values.set("reduction", std::string(names[index % 3]));
}

/// An f64 number that is no bare one.
inline Tensor scalar(double value) { return Tensor::full({}, value, DType::f64); }

}  // namespace lumigrad::rows
