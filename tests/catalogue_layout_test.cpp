// SPDX-License-Identifier: Apache-2.0
// Results do not depend on how inputs lie in memory, on the number of threads, nor on the images beside an image: bit
// for bit.
#include <doctest/doctest.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
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

// Whether an argument has a part for each of `count` images. Points and colours of two or three numbers do not.
bool is_of_images(const std::string& name, const Tensor& x, std::int64_t count) {
  const bool plain = name == "center" || name == "fill" || name == "weights" || name == "background";
  const bool plane = name == "mask" && x.rank() == 2;
  return x.rank() > 0 && x.size(0) == count && !(x.rank() == 1 && plain) && !plane;
}

Values one_image(const Operator& op, const Values& values, std::int64_t i, std::int64_t count) {
  Values one = values;
  for (const Argument& argument : op.arguments) {
    if (argument.kind != Argument::Kind::tensor || !values.has(argument.name)) continue;
    const Tensor x = values.tensor(argument.name);
    if (is_of_images(argument.name, x, count)) one.set(argument.name, slice(x, 0, i, i + 1).clone());
  }
  return one;
}

// Results, and gradients of <results, seeds> by the arguments that have a part for each image.
ValuesAndGradients with_seeds(const Operator& op, Values values, const std::vector<std::string>& names,
                              const std::vector<Tensor>& seeds) {
  std::vector<Tensor> leaves, live, up;
  for (const std::string& name : names) {
    leaves.push_back(values.tensor(name).detach().requires_grad());
    values.set(name, leaves.back());
  }
  ValuesAndGradients all{run(op, values), {}};
  for (std::size_t k = 0; k < seeds.size(); ++k)
    if (all.outputs[k].needs_grad()) {
      live.push_back(all.outputs[k]);
      up.push_back(seeds[k]);
    }
  if (!live.empty()) all.gradients = grad(live, leaves, {.seeds = up});
  return all;
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

TEST_CASE("an image in a batch has the bits of the image alone, values and gradients") {
  int rows = 0;
  for (const Operator* row : all_operators()) {
    const std::string first = row->arguments.at(0).name;
    if (row->name.starts_with("engine.") || row->arguments[0].kind != Argument::Kind::tensor) continue;
    bool compared = false;
    for (const Sample& sample : row->samples(7)) {
      if (sample.name == "no batch") continue;  // its first axis is that of the channels
      const Values whole = in_dtype(*row, sample.values, DType::f32);
      const std::int64_t count = whole.tensor(first).rank() >= 3 ? whole.tensor(first).size(0) : 0;
      if (count < 2) continue;
      std::vector<Tensor> seeds;
      for (const Tensor& y : run(*row, whole))
        if (y.rank() > 0 && y.size(0) == count)
          seeds.push_back(uniform({8, static_cast<std::uint32_t>(seeds.size())}, y.shape(), -1, 1, y.dtype()));
      if (seeds.empty() || seeds.size() != run(*row, whole).size()) continue;  // something over all images
      std::vector<std::string> names;
      for (const std::string& name : live_arguments(*row, whole))
        if (is_of_images(name, whole.tensor(name), count)) names.push_back(name);
      INFO(row->name << " [" << sample.name << "]");
      const ValuesAndGradients together = with_seeds(*row, whole, names, seeds);
      const auto part = [&](const Tensor& x, std::int64_t i) { return slice(x, 0, i, i + 1); };
      for (std::int64_t i = 0; i < count; ++i) {
        std::vector<Tensor> own;
        for (const Tensor& seed : seeds) own.push_back(part(seed, i).clone());
        const ValuesAndGradients alone = with_seeds(*row, one_image(*row, whole, i, count), names, own);
        for (std::size_t k = 0; k < seeds.size(); ++k) CHECK(same_bits(part(together.outputs[k], i), alone.outputs[k]));
        REQUIRE(alone.gradients.size() == together.gradients.size());
        for (std::size_t k = 0; k < alone.gradients.size(); ++k)
          CHECK_MESSAGE(same_bits(part(together.gradients[k], i), alone.gradients[k]), names[k]);
      }
      compared = true;
    }
    rows += compared;
  }
  CHECK(rows >= 80);
}
