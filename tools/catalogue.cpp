// SPDX-License-Identifier: Apache-2.0
#include "tools/catalogue.h"
#include <lumigrad/augment/catalogue.h>
#include <lumigrad/engine/operators.h>
#include <lumigrad/vision/color/catalogue.h>
#include <lumigrad/vision/enhance/catalogue.h>
#include <lumigrad/vision/filters/catalogue.h>
#include <lumigrad/vision/geometry/catalogue.h>
#include <lumigrad/vision/losses/catalogue.h>
#include <lumigrad/vision/morphology/catalogue.h>
#include <algorithm>

namespace lumigrad {

const std::vector<const Operator*>& all_operators() {
  static const std::vector<const Operator*> all = [] {
    std::vector<const Operator*> rows;
    for (const auto* area : {&engine_operators(), &color_operators(), &enhance_operators(), &filter_operators(),
                             &geometry_operators(), &loss_operators(), &morphology_operators(), &augment_operators()})
      for (const Operator& row : *area) rows.push_back(&row);
    std::sort(rows.begin(), rows.end(), [](const Operator* a, const Operator* b) { return a->name < b->name; });
    return rows;
  }();
  return all;
}

const Operator* find_operator(const std::string& name) {
  for (const Operator* row : all_operators())
    if (row->name == name) return row;
  return nullptr;
}

}  // namespace lumigrad
