// SPDX-License-Identifier: Apache-2.0
// Views share memory, whatever the strides; what cannot be a view is a copy with the same values.
#include <doctest/doctest.h>
#include <lumigrad/engine/ops.h>
#include <numeric>

using namespace lumigrad;

namespace {

Tensor counted(const Shape& shape) { return reshape(Tensor::arange(shape.numel(), DType::f64), shape); }

bool shares(const Tensor& a, const Tensor& b) { return a.state().buffer == b.state().buffer; }

}  // namespace

TEST_CASE("slice, permute, transpose, expand, select and flip are views") {
  const Tensor x = counted({2, 3, 4});
  for (const Tensor& view : {slice(x, 2, 1, 3), permute(x, {2, 0, 1}), transpose(x, 0, 2), select(x, 1, 2),
                             flip(x, std::array{0, 2}), expand(unsqueeze(x, 0), {5, 2, 3, 4}), reshape(x, {4, 6})})
    CHECK(shares(x, view));
  CHECK(slice(x, 2, 1, 3).values() == std::vector<double>{1, 2, 5, 6, 9, 10, 13, 14, 17, 18, 21, 22});
  CHECK(select(x, 1, -1).values() == std::vector<double>{8, 9, 10, 11, 20, 21, 22, 23});
  CHECK(transpose(counted({2, 3}), 0, 1).values() == std::vector<double>{0, 3, 1, 4, 2, 5});
  CHECK(flip(counted({2, 2}), std::array{1}).values() == std::vector<double>{1, 0, 3, 2});
}

TEST_CASE("a write through one view is seen through all") {
  Tensor x = Tensor::zeros({2, 3}, DType::f64);
  Tensor row = select(x, 0, 1);
  row.assign(Tensor({1.0, 2.0, 3.0}));
  CHECK(x.values() == std::vector<double>{0, 0, 0, 1, 2, 3});
  flip(row, std::array{0}).assign(Tensor({1.0, 2.0, 3.0}));
  CHECK(x.values() == std::vector<double>{0, 0, 0, 3, 2, 1});
}

TEST_CASE("an assignment from an overlapping view reads before it writes") {
  Tensor x = Tensor::from(std::vector<double>{1, 2, 3, 4}, {4});
  x.assign(flip(x, std::array{0}));
  CHECK(x.values() == std::vector<double>{4, 3, 2, 1});
}

TEST_CASE("reshape of strided tensors is a view where strides exist and a copy where not") {
  const Tensor x = counted({4, 6});
  const Tensor part = slice(x, 0, 0, 4, 2);  // rows 0 and 2
  CHECK(shares(x, reshape(part, {2, 2, 3})));
  CHECK(reshape(part, {2, 2, 3}).values() == part.values());
  const Tensor turned = transpose(x, 0, 1);
  CHECK(!shares(x, reshape(turned, {24})));
  CHECK(reshape(turned, {24}).values() == turned.values());
  CHECK(shares(x, reshape(turned, {2, 3, 4})));
  CHECK(reshape(turned, {2, 3, 4}).values() == turned.values());
  const Tensor repeated = expand(counted({3, 1}), {3, 2});
  CHECK(reshape(repeated, {6}).values() == std::vector<double>{0, 0, 1, 1, 2, 2});
  CHECK(reshape(flip(x, std::array{0, 1}), {24}).values().front() == 23);
}

TEST_CASE("reshape agrees with a copy for every pair of small layouts and shapes") {
  const std::vector<Shape> shapes = {{24},      {2, 12}, {12, 2},    {3, 8},  {4, 6},       {2, 3, 4},
                                     {4, 3, 2}, {1, 24}, {2, 1, 12}, {24, 1}, {2, 2, 2, 3}, {3, 2, 2, 2}};
  for (const Shape& from : shapes) {
    const Tensor x = counted(from);
    std::vector<Tensor> layouts = {x, flip(x, std::array{0})};
    if (from.rank() >= 2) layouts.push_back(transpose(x, 0, 1));
    if (from.rank() >= 2) layouts.push_back(transpose(x, 0, -1));
    for (const Tensor& layout : layouts)
      for (const Shape& to : shapes) {
        const Tensor y = reshape(layout, to);
        INFO(to_string(layout.shape()) << " to " << to_string(to));
        CHECK(y.shape() == to);
        CHECK(y.values() == layout.values());
      }
  }
}

TEST_CASE("slices clamp their ends and count negative indices from the end") {
  const Tensor x = counted({5});
  CHECK(slice(x, 0, -2).values() == std::vector<double>{3, 4});
  CHECK(slice(x, 0, {}, -3).values() == std::vector<double>{0, 1});
  CHECK(slice(x, 0, 3, 100).values() == std::vector<double>{3, 4});
  CHECK(slice(x, 0, -100, 2).values() == std::vector<double>{0, 1});
  CHECK(slice(x, 0, 4, {}, -2).values() == std::vector<double>{4, 2, 0});
  CHECK(slice(x, 0, 3, 0, -1).values() == std::vector<double>{3, 2, 1});
  CHECK(slice(x, 0, 9).numel() == 0);
}

TEST_CASE("memory of a program is seen in place, with any strides, and its owner is kept") {
  std::vector<float> pixels(12);
  std::iota(pixels.begin(), pixels.end(), 0.0f);
  const Tensor interleaved = Tensor::view(pixels.data(), {3, 2, 2}, Strides{1, 6, 3});
  CHECK(interleaved.values() == std::vector<double>{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11});
  pixels[0] = 100;
  CHECK(interleaved.values()[0] == 100);
  const Tensor backwards = Tensor::view(pixels.data() + 11, {4}, Strides{-1});
  CHECK(backwards.values() == std::vector<double>{11, 10, 9, 8});
  CHECK((interleaved * 2).values()[1] == 6);
  CHECK_THROWS_AS(Tensor::view(static_cast<float*>(nullptr), {3}), ShapeError);

  auto owner = std::make_shared<std::vector<double>>(3, 7.0);
  const std::weak_ptr<std::vector<double>> watch = owner;
  Tensor x = Tensor::view(owner->data(), {3}, owner);
  owner.reset();
  Tensor part = slice(x, 0, 1);
  x = Tensor();
  CHECK(!watch.expired());
  CHECK(part.values() == std::vector<double>{7, 7});
  part = Tensor();
  CHECK(watch.expired());
}

TEST_CASE("empty tensors go through every view") {
  const Tensor x = Tensor::zeros({0, 3}, DType::f64);
  CHECK(reshape(x, {3, 0}).numel() == 0);
  CHECK(transpose(x, 0, 1).shape() == Shape{3, 0});
  CHECK(flip(x, std::array{0, 1}).values().empty());
  CHECK(expand(x, {2, 0, 3}).numel() == 0);
  CHECK(concat({x, counted({2, 3})}, 0).shape() == Shape{2, 3});
  CHECK(sum(x, {0}).values() == std::vector<double>(3, 0.0));
  CHECK((x + 1).shape() == Shape{0, 3});
  CHECK(matmul(transpose(x, 0, 1), x).values() == std::vector<double>(9, 0.0));
}
