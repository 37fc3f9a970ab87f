// SPDX-License-Identifier: Apache-2.0
// Every row of the catalogue keeps its promises: gradients, second order, kinks, golden points, refusals, f32.
#include <doctest/doctest.h>
#include <set>
#include "tools/catalogue.h"
#include "tools/catalogue_check.h"

using namespace lumigrad;

TEST_CASE("every row passes every check") {
  for (const Operator* row : all_operators()) {
    const OperatorCheck check = check_operator(*row);
    for (const CheckLine& line : check.lines) {
      INFO(row->name << ", " << line.check << " [" << line.where << "]: " << line.detail);
      CHECK(line.passed);
    }
    CHECK(!check.lines.empty());
  }
}

TEST_CASE("names are unique and belong to an area, arguments and defaults are well formed") {
  std::set<std::string> names;
  for (const Operator* row : all_operators()) {
    INFO(row->name);
    CHECK(names.insert(row->name).second);
    CHECK(row->name.find('.') != std::string::npos);
    CHECK(!row->doc.empty());
    CHECK(!row->outputs.empty());
    std::set<std::string> arguments;
    for (const Argument& argument : row->arguments) {
      INFO(argument.name);
      CHECK(arguments.insert(argument.name).second);
      if (argument.kind != Argument::Kind::tensor) CHECK(argument.gradient == Differentiability::none);
      if (argument.kind == Argument::Kind::choice) CHECK(!argument.choices.empty());
    }
    if (row->f32_bound > 1e-5 || row->grad_bound > 1e-4) CHECK(!row->bound_reason.empty());
  }
}

TEST_CASE("samples are the same for the same seed and others for another") {
  for (const Operator* row : all_operators()) {
    INFO(row->name);
    const std::vector<Sample> a = row->samples(5), b = row->samples(5);
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      CHECK(a[i].name == b[i].name);
      for (const auto& [name, value] : a[i].values.items())
        if (const auto* tensor = std::get_if<Tensor>(&value))
          CHECK(tensor->values() == b[i].values.tensor(name).values());
    }
  }
}

TEST_CASE("an unknown argument, a missing one and one of the wrong kind are refused by name") {
  const Operator& row = *find_operator("engine.sum");
  const Tensor x = Tensor::ones({2});
  CHECK_THROWS_WITH_AS(run(row, {}), doctest::Contains("x"), FormatError);
  CHECK_THROWS_WITH_AS(run(row, {{"x", x}, {"colour", 1.0}}), doctest::Contains("colour"), FormatError);
  CHECK_THROWS_WITH_AS(run(row, {{"x", x}, {"keep", 1.0}}), doctest::Contains("keep"), FormatError);
  CHECK(find_operator("engine.nothing") == nullptr);
}
