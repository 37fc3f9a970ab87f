// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/losses/catalogue.h>
#include <lumigrad/vision/losses/losses.h>
#include <lumigrad/vision/losses/reduction_rows.h>
#include <cmath>
#include <limits>

namespace lumigrad {
namespace {

using losses::Reduction;
using rows::choose_reduction;
using rows::numbers_of;
using rows::pair_row;
using rows::PairRow;
using rows::pixel_of;
using rows::reduction_of;
using rows::scalar;
constexpr auto exact = Differentiability::exact;
constexpr auto almost = Differentiability::almost_everywhere;

Argument reduction(const char* otherwise = "mean") {
  return rows::reduction("of the losses of all elements", otherwise);
}

// At the differences 0, 0.5 and 2 with scale 1, in closed form.
void known(Operator& op, std::initializer_list<double> losses, const Values& options = {}) {
  Values values = {
      {"a", pixel_of({0.25, 0.75, 3})}, {"b", pixel_of({0.25, 0.25, 1})}, {"reduction", std::string("none")}};
  for (const auto& [name, value] : options.items()) values.set(name, value);
  op.golden.push_back({"the definition, by hand", values, {pixel_of(losses)}, 1e-12});
}

void flat_at_zero(Operator& op) {
  for (const char* argument : {"a", "b"})
    op.kinks.push_back({"equal inputs",
                        {{"a", pixel_of({0.3, 0.3, 0.3})}, {"b", pixel_of({0.3, 0.3, 0.3})}},
                        scalar(1),
                        argument,
                        pixel_of({0, 0, 0})});
}

std::vector<Operator> plain_rows() {
  using Loss = Tensor (*)(const Tensor&, const Tensor&, Reduction, Here);
  std::vector<Operator> all;
  const auto plain = [&](const char* name, const char* doc, Differentiability gradient, Loss loss) {
    all.push_back(
        pair_row({.name = name,
                  .doc = doc,
                  .call = [loss](const Tensor& a, const Tensor& b,
                                 const Values& v) { return std::vector{loss(a, b, reduction_of(v), {})}; },
                  .gradient = gradient,
                  .options = {reduction()},
                  .choose = [](Values& values, const Shape&, std::size_t index) { choose_reduction(values, index); }}));
    flat_at_zero(all.back());
    all.back().refusals.push_back({"nothing to average",
                                   {{"a", Tensor::ones({0, 3}, DType::f64)}, {"b", Tensor::ones({0, 3}, DType::f64)}},
                                   all.back().name + ": expected something to average"});
  };
  plain("losses.l1_loss", "|a - b|.", almost, losses::l1_loss);
  known(all.back(), {0, 0.5, 2});
  plain("losses.mse_loss", "(a - b)^2.", exact, losses::mse_loss);
  known(all.back(), {0, 0.25, 4});
  return all;
}

std::vector<Operator> robust_rows() {
  using Loss = Tensor (*)(const Tensor&, const Tensor&, const losses::Robust&, Here);
  std::vector<Operator> all;
  const auto robust = [&](const char* name, const char* doc, const char* scale, Differentiability gradient, Loss loss) {
    all.push_back(pair_row(
        {.name = name,
         .doc = doc,
         .call =
             [loss](const Tensor& a, const Tensor& b, const Values& v) {
               return std::vector{loss(a, b, {.scale = v.tensor("scale"), .reduction = reduction_of(v)}, {})};
             },
         .gradient = gradient,
         .options = {rows::factor("scale", "where outliers begin; one number, or one an image", scale, exact, "> 0"),
                     reduction()},
         .choose =
             [](Values& values, const Shape& shape, std::size_t index) {
               choose_reduction(values, index);
               values.set("scale", rows::factor_of(shape, index, 0.207, 1.3));
             }}));
    flat_at_zero(all.back());
    all.back().refusals.push_back({"no scale",
                                   {{"a", pixel_of({1, 1, 1})}, {"b", pixel_of({1, 1, 1})}, {"scale", Tensor(0)}},
                                   all.back().name + ": expected scale > 0"});
  };
  robust("losses.charbonnier_loss", "sqrt(d^2 + 1) - 1 with d = (a - b) / scale.", "1.0", exact,
         losses::charbonnier_loss);
  known(all.back(), {0, std::sqrt(1.25) - 1, std::sqrt(5) - 1});
  robust("losses.cauchy_loss", "log(d^2 / 2 + 1) with d = (a - b) / scale.", "1.0", exact, losses::cauchy_loss);
  known(all.back(), {0, std::log(1.125), std::log(3)});
  robust("losses.geman_mcclure_loss", "2 d^2 / (d^2 + 4) with d = (a - b) / scale.", "1.0", exact,
         losses::geman_mcclure_loss);
  known(all.back(), {0, 0.5 / 4.25, 1});
  robust("losses.welsch_loss", "1 - exp(-d^2 / 2) with d = (a - b) / scale.", "1.0", exact, losses::welsch_loss);
  known(all.back(), {0, 1 - std::exp(-0.125), 1 - std::exp(-2)});
  robust("losses.soft_l1_loss", "sqrt((a - b)^2 + scale^2).", "0.001", exact, losses::soft_l1_loss);
  known(all.back(), {1, std::sqrt(1.25), std::sqrt(5)}, {{"scale", 1.0}});
  robust("losses.huber_loss", "(a - b)^2 / 2 up to |a - b| = scale, straight beyond.", "1.0", exact,
         losses::huber_loss);
  known(all.back(), {0, 0.125, 1.5});
  robust("losses.smooth_l1_loss", "huber_loss / scale.", "1.0", exact, losses::smooth_l1_loss);
  known(all.back(), {0, 0.125, 1.5});
  return all;
}

std::vector<Operator> correlation_rows() {
  std::vector<Operator> all;
  PairRow ncc = {.name = "losses.ncc",
                 .doc = "Normalised cross-correlation of each image, 0 where one is constant.",
                 .call = [](const Tensor& a, const Tensor& b, const Values&) { return std::vector{losses::ncc(a, b)}; },
                 .images = true};
  all.push_back(pair_row(ncc));
  const Tensor ramp = Tensor::from(std::vector<double>{0, 1, 2, 3}, {1, 1, 1, 4});
  const Tensor plain = Tensor::full({1, 1, 1, 4}, 0.3, DType::f64);
  all.back().golden.push_back({"gain and bias do not matter",
                               {{"a", ramp}, {"b", Tensor::from(std::vector<double>{9, 7, 5, 3}, {1, 1, 1, 4})}},
                               {numbers_of({-1})},
                               1e-12});
  all.back().golden.push_back({"a constant image", {{"a", ramp}, {"b", plain}}, {numbers_of({0})}, 0});
  for (const char* argument : {"a", "b"})
    all.back().kinks.push_back({"a constant image",
                                {{"a", ramp}, {"b", plain}},
                                numbers_of({1}),
                                argument,
                                Tensor::zeros({1, 1, 1, 4}, DType::f64)});
  ncc.name = "losses.ncc_loss";
  ncc.doc = "1 - ncc.";
  ncc.call = [](const Tensor& a, const Tensor& b, const Values& v) {
    return std::vector{losses::ncc_loss(a, b, reduction_of(v))};
  };
  ncc.options = {reduction()};
  ncc.choose = [](Values& values, const Shape&, std::size_t index) { choose_reduction(values, index); };
  all.push_back(pair_row(ncc));
  for (Operator& op : all) {
    op.f32_bound = 2e-5;
    op.bound_reason = "variances are differences of two sums";
  }
  all.back().f32_bound = 2e-4;
  all.back().bound_reason = "1 - ncc of images that are nearly alike";
  const auto decibel = [&](const char* name, const char* doc, auto call) {
    all.push_back(
        pair_row({.name = name,
                  .doc = doc,
                  .call = [call](const Tensor& a, const Tensor& b,
                                 const Values& v) { return std::vector{call(a, b, v.tensor("peak"), Here())}; },
                  .options = {rows::factor("peak", "the largest value there can be", "1.0", exact, "> 0")},
                  .choose = [](Values& values, const Shape&,
                               std::size_t index) { values.set("peak", scalar(index % 2 == 0 ? 1 : 2.5)); }}));
    flat_at_zero(all.back());
  };
  decibel("losses.psnr", "Peak signal to noise ratio in dB.", losses::psnr);
  all.back().golden.push_back(
      {"by hand", {{"a", pixel_of({1, 1, 1})}, {"b", pixel_of({0.9, 0.9, 0.9})}}, {scalar(20)}, 1e-10});
  all.back().golden.push_back({"equal inputs",
                               {{"a", pixel_of({1, 1, 1})}, {"b", pixel_of({1, 1, 1})}},
                               {scalar(std::numeric_limits<double>::infinity())}});
  decibel("losses.psnr_loss", "-psnr.", losses::psnr_loss);
  return all;
}

std::vector<Operator> smoothness_rows() {
  std::vector<Operator> all;
  all.push_back(
      rows::image_row({.name = "losses.total_variation",
                       .doc = "|differences| between neighbours along rows and columns, for each plane.",
                       .channels = 0,
                       .call = [](const Tensor& x,
                                  const Values& v) { return std::vector{losses::total_variation(x, reduction_of(v))}; },
                       .gradient = almost,
                       .options = {reduction("sum")}}));
  Operator& variation = all.back();
  variation.bench_bytes = nullptr;
  const Tensor x = Tensor::from(std::vector<double>{1, 4, 2, 2}, {1, 1, 2, 2});
  variation.golden.push_back({"by hand", {{"image", x}}, {Tensor::full({1, 1}, 6, DType::f64)}, 1e-12});
  variation.kinks.push_back({"equal neighbours",
                             {{"image", Tensor::full({1, 1, 2, 2}, 0.5, DType::f64)}},
                             Tensor::ones({1, 1}, DType::f64),
                             "image",
                             Tensor::zeros({1, 1, 2, 2}, DType::f64)});
  variation.refusals.push_back({"no reduction",
                                {{"image", x}, {"reduction", std::string("none")}},
                                "losses.total_variation: expected the reduction"});

  Operator depth;
  depth.name = "losses.inverse_depth_smoothness_loss";
  depth.doc = "Steps of an inverse depth, counted less where an image has one too.";
  depth.arguments = {{.name = "inverse_depth", .doc = "[N, C, H, W]", .gradient = almost},
                     {.name = "image", .doc = "[N, K, H, W]", .gradient = almost}};
  depth.call = [](const Values& v) {
    return std::vector{losses::inverse_depth_smoothness_loss(v.tensor("inverse_depth"), v.tensor("image"))};
  };
  depth.samples = [](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const Shape& shape : {Shape{1, 3, 5, 4}, Shape{2, 3, 4, 6}, Shape{1, 1, 2, 9}, Shape{2, 1, 7, 2},
                               Shape{1, 3, 2, 2}, Shape{1, 2, 3, 3}, Shape{3, 3, 3, 5}, Shape{2, 4, 6, 3}}) {
      const std::uint64_t own = seed + samples.size();
      samples.push_back({to_string(shape),
                         {{"inverse_depth", rows::image(own, shape.with(1, own % 2 == 0 ? 1 : 2), 0.1, 2)},
                          {"image", rows::image(own, shape, 0, 1, {}, 1)}}});
    }
    return samples;
  };
  depth.refusals = {
      {"different sizes",
       {{"inverse_depth", Tensor::ones({1, 1, 4, 4}, DType::f64)}, {"image", Tensor::ones({1, 3, 4, 5}, DType::f64)}},
       "losses.inverse_depth_smoothness_loss: expected"}};
  all.push_back(depth);
  return all;
}

std::vector<Operator> divergence_rows() {
  std::vector<Operator> all;
  const auto divergence = [&](const char* name, const char* doc, double sure_of_even, auto call) {
    all.push_back(
        pair_row({.name = name,
                  .doc = doc,
                  .call = [call](const Tensor& a, const Tensor& b,
                                 const Values& v) { return std::vector{call(a, b, reduction_of(v), Here())}; },
                  .options = {reduction()},
                  .choose = [](Values& values, const Shape&, std::size_t index) { choose_reduction(values, index); },
                  .low = 0.1,
                  .high = 0.9,
                  .names = {"prediction", "target"}}));
    const Tensor even = Tensor::from(std::vector<double>{0.5, 0.5}, {1, 1, 2});
    const Tensor sure = Tensor::from(std::vector<double>{1, 0}, {1, 1, 2});
    all.back().golden.push_back({"equal maps", {{"prediction", even}, {"target", even}}, {scalar(0)}, 1e-15});
    all.back().golden.push_back(
        {"0 log 0 is 0", {{"prediction", even}, {"target", sure}}, {scalar(sure_of_even)}, 1e-12});
  };
  divergence("losses.kl_div_loss_2d", "Kullback-Leibler divergence of heat maps.", std::log(2), losses::kl_div_loss_2d);
  divergence("losses.js_div_loss_2d", "Jensen-Shannon divergence of heat maps.",
             (std::log(4.0 / 3) + 0.5 * std::log(2.0 / 3) + 0.5 * std::log(2)) / 2, losses::js_div_loss_2d);
  return all;
}

}  // namespace

const std::vector<Operator>& loss_operators() {
  static const std::vector<Operator> all = [] {
    std::vector<Operator> rows;
    for (const auto& part :
         {plain_rows(), robust_rows(), correlation_rows(), smoothness_rows(), divergence_rows(), similarity_rows()})
      rows.insert(rows.end(), part.begin(), part.end());
    return rows;
  }();
  return all;
}

}  // namespace lumigrad
