// SPDX-License-Identifier: Apache-2.0
// Rows of weighted sums and of constants for each channel.
#include <lumigrad/vision/enhance/catalogue.h>
#include <lumigrad/vision/enhance/enhance.h>
#include <lumigrad/vision/photometric_rows.h>

namespace lumigrad {
namespace {

using rows::factor;
using rows::factor_of;
using rows::image_row;
using rows::numbers_of;
constexpr auto exact = Differentiability::exact;
constexpr auto almost = Differentiability::almost_everywhere;

}  // namespace

std::vector<Operator> enhance_arithmetic_rows() {
  std::vector<Operator> all;
  all.push_back(rows::pair_row(
      {.name = "enhance.add_weighted",
       .doc = "alpha a + beta b + gamma.",
       .call =
           [](const Tensor& a, const Tensor& b, const Values& v) {
             return std::vector{enhance::add_weighted(
                 a, b, {.alpha = v.tensor("alpha"), .beta = v.tensor("beta"), .gamma = v.tensor("gamma")})};
           },
       .options = {factor("alpha", "one number, one an image, or broadcasts from the right", "0.5"),
                   factor("beta", "one number, one an image, or broadcasts from the right", "0.5"),
                   factor("gamma", "one number, one an image, or broadcasts from the right", "0.0")},
       .choose =
           [](Values& values, const Shape& shape, std::size_t index) {
             values.set("alpha", factor_of(shape, index, 0.2, 0.9));
             values.set("beta", factor_of(shape, index + 1, 0.2, 0.9));
             values.set("gamma", factor_of(shape, index, -0.3, 0.3));
             if (index >= 7)
               values.set("gamma", uniform({index, 3}, {1, shape[shape.rank() - 1]}, 0.2, 0.9, DType::f64));
           },
       .images = true}));
  all.back().golden.push_back({"a mask: 3/4 and 1 of 2, 1/4 and 0 of 4",
                               {{"a", Tensor::full({1, 1, 1, 2}, 2, DType::f64)},
                                {"b", Tensor::full({1, 1, 1, 2}, 4, DType::f64)},
                                {"alpha", Tensor::from(std::vector<double>{0.75, 1}, {1, 1, 1, 2})},
                                {"beta", Tensor::from(std::vector<double>{0.25, 0}, {1, 2})}},
                               {Tensor::from(std::vector<double>{2.5, 2}, {1, 1, 1, 2})}});
  all.back().golden.push_back({"one a channel, and one an image beside it",
                               {{"a", Tensor::full({2, 2, 1, 1}, 2, DType::f64)},
                                {"b", Tensor::full({2, 2, 1, 1}, 4, DType::f64)},
                                {"alpha", Tensor::from(std::vector<double>{1, 0.5}, {2, 1, 1})},
                                {"beta", Tensor::from(std::vector<double>{0, 0.25}, {2})},
                                {"gamma", Tensor(0.125)}},
                               {Tensor::from(std::vector<double>{2.125, 1.125, 3.125, 2.125}, {2, 2, 1, 1})}});
  all.back().refusals.push_back({"no map",
                                 {{"a", Tensor::ones({2, 3, 1, 1}, DType::f64)},
                                  {"b", Tensor::ones({2, 3, 1, 1}, DType::f64)},
                                  {"alpha", Tensor::ones({2, 1, 1}, DType::f64)}},
                                 "enhance.add_weighted: expected"});
  const auto statistics = [&](const char* name, const char* doc, auto convert) {
    Operator op = image_row({.name = name,
                             .doc = doc,
                             .channels = 0,
                             .call =
                                 [convert](const Tensor& x, const Values& v) {
                                   return std::vector{convert(x, v.tensor("mean"), v.tensor("std"), Here())};
                                 },
                             .options = {factor("mean", "one number, [C] or [N, C]"),
                                         factor("std", "one number, [C] or [N, C]", "", exact, "> 0")},
                             .choose =
                                 [](Values& values, const Shape& shape, std::size_t index) {
                                   const std::int64_t N = shape[0], C = shape[1];
                                   const Shape of = index % 3 == 0 ? Shape{} : index % 3 == 1 ? Shape{C} : Shape{N, C};
                                   values.set("mean", rows::image(31 + index, of, 0.2, 0.8));
                                   values.set("std", rows::image(32 + index, of, 0.5, 1.5));
                                 },
                             .argument = "x"});
    op.refusals.push_back(
        {"too many means",
         {{"x", Tensor::ones({2, 3, 2, 2}, DType::f64)}, {"mean", numbers_of({1, 2, 3, 4})}, {"std", Tensor(1)}},
         op.name + ": expected one number"});
    all.push_back(op);
  };
  statistics("enhance.normalize", "(x - mean) / std.", enhance::normalize);
  statistics("enhance.denormalize", "x std + mean.", enhance::denormalize);
  all.push_back(image_row({.name = "enhance.shift_rgb",
                           .doc = "One shift a channel, limited to [0, 1].",
                           .call =
                               [](const Tensor& x, const Values& v) {
                                 return std::vector{
                                     enhance::shift_rgb(x, v.tensor("red"), v.tensor("green"), v.tensor("blue"))};
                               },
                           .kinks = {0.1, 0.2, 0.8, 0.9, 0.15, 0.85},
                           .gradient = almost,
                           .options = {factor("red", "one number, or one an image", "", almost),
                                       factor("green", "one number, or one an image", "", almost),
                                       factor("blue", "one number, or one an image", "", almost)},
                           .choose =
                               [](Values& values, const Shape& shape, std::size_t index) {
                                 const std::int64_t count = index % 2 == 1 && shape.rank() >= 4 ? shape[0] : 1;
                                 values.set("red", Tensor::full({count}, 0.1, DType::f64));
                                 values.set("green", Tensor::full({count}, -0.2, DType::f64));
                                 values.set("blue", Tensor::full({count}, 0.15, DType::f64));
                               }}));
  return all;
}

}  // namespace lumigrad
