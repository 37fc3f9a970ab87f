// SPDX-License-Identifier: Apache-2.0
// Results do not depend on how inputs lie in memory, nor on the number of threads: bit for bit.
#include <doctest/doctest.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/views.h>
#include <cstring>
#include "tools/catalogue.h"
#include "tools/catalogue_check.h"

using namespace lumigrad;

namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const Tensor x = a.detach().contiguous(), y = b.detach().contiguous();
  return std::memcmp(x.bytes(), y.bytes(), static_cast<std::size_t>(x.numel()) * size_of(x.dtype())) == 0;
}

void check_same(const ValuesAndGradients& a, const ValuesAndGradients& b) {
  REQUIRE(a.outputs.size() == b.outputs.size());
  for (std::size_t k = 0; k < a.outputs.size(); ++k) CHECK(same_bits(a.outputs[k], b.outputs[k]));
  REQUIRE(a.gradients.size() == b.gradients.size());
  for (std::size_t i = 0; i < a.gradients.size(); ++i) CHECK(same_bits(a.gradients[i], b.gradients[i]));
}

// The same values with axes reversed in memory.
Tensor turned(const Tensor& x) {
  std::vector<int> order;
  for (int axis = x.rank() - 1; axis >= 0; --axis) order.push_back(axis);
  return permute(permute(x.detach(), std::span<const int>(order)).clone(), std::span<const int>(order));
}
// Every second element of a row twice as long, read backwards.
Tensor spread(const Tensor& x) {
  if (x.rank() == 0) return x;
  const Tensor wide = embed(flip(x.detach(), std::array{-1}), -1, 0, 2, 2 * x.size(-1) + 1);
  return flip(slice(wide, -1, 0, 2 * x.size(-1), 2), std::array{-1});
}

Values relaid(const Operator& op, const Values& values, Tensor (*layout)(const Tensor&)) {
  Values changed = values;
  for (const Argument& argument : op.arguments)
    if (argument.kind == Argument::Kind::tensor && values.has(argument.name))
      changed.set(argument.name, layout(values.tensor(argument.name)));
  return changed;
}

}  // namespace

TEST_CASE("strided inputs give the bits of dense ones, values and gradients") {
  for (const Operator* row : all_operators())
    for (const Sample& sample : row->samples(2))
      for (const DType dtype : {DType::f32, DType::f64}) {
        INFO(row->name << " [" << sample.name << "] " << to_string(dtype));
        const Values dense = in_dtype(*row, sample.values, dtype);
        const ValuesAndGradients expected = differentiate(*row, dense, 1);
        check_same(differentiate(*row, relaid(*row, dense, turned), 1), expected);
        check_same(differentiate(*row, relaid(*row, dense, spread), 1), expected);
      }
}

TEST_CASE("inputs that repeat one image give the bits of their copy") {
  for (const Operator* row : all_operators())
    for (const Sample& sample : row->samples(3)) {
      const Values given = in_dtype(*row, sample.values, DType::f32);
      const std::string first = row->arguments.at(0).name;
      if (row->arguments[0].kind != Argument::Kind::tensor || !given.has(first)) continue;
      const Tensor x = given.tensor(first).detach();
      if (x.rank() < 2 || x.size(0) < 2) continue;
      INFO(row->name << " [" << sample.name << "]");
      Values repeated = given, copied = given;
      repeated.set(first, expand(slice(x, 0, 0, 1), x.shape()));
      copied.set(first, expand(slice(x, 0, 0, 1), x.shape()).clone());
      check_same(differentiate(*row, repeated, 1), differentiate(*row, copied, 1));
    }
}

TEST_CASE("an empty batch gives an empty result or a clear error") {
  for (const Operator* row : all_operators())
    for (const Sample& sample : row->samples(4)) {
      const Values full = in_dtype(*row, sample.values, DType::f32);
      Values empty = full;
      const std::string first = row->arguments.at(0).name;
      if (row->arguments[0].kind != Argument::Kind::tensor || !full.has(first)) continue;
      const Tensor lead = full.tensor(first);
      if (lead.rank() == 0) continue;
      for (const Argument& argument : row->arguments)
        if (argument.kind == Argument::Kind::tensor && full.has(argument.name)) {
          const Tensor x = full.tensor(argument.name);
          if (x.rank() > 0 && x.size(0) == lead.size(0)) empty.set(argument.name, slice(x, 0, 0, 0));
        }
      INFO(row->name << " [" << sample.name << "]");
      try {
        differentiate(*row, empty, 1);
      } catch (const Error& error) {
        CHECK(std::string(error.what()).find(':') != std::string::npos);
      }
    }
}

TEST_CASE("1, 2, 3 and 7 threads give the same bits, values and gradients") {
  for (const Operator* row : all_operators()) {
    std::vector<Values> all;
    for (const Sample& sample : row->samples(6)) all.push_back(in_dtype(*row, sample.values, DType::f32));
    if (row->bench) all.push_back(in_dtype(*row, row->bench({2, 3, 130, 258}, DType::f32), DType::f32));
    for (const Values& values : all) {
      INFO(row->name);
      set_num_threads(1);
      const ValuesAndGradients alone = differentiate(*row, values, 1);
      for (const int threads : {2, 3, 7}) {
        set_num_threads(threads);
        check_same(differentiate(*row, values, 1), alone);
      }
    }
    set_num_threads(0);
  }
}
