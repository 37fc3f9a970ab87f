// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/losses/catalogue.h>
#include <lumigrad/vision/losses/reduction_rows.h>
#include <lumigrad/vision/losses/similarity.h>

#include <cmath>

namespace lumigrad {
namespace {

using rows::choose_reduction;
using rows::numbers_of;
using rows::pair_row;
using rows::PairRow;
using rows::reduction_of;
using rows::scalar;
constexpr auto exact = Differentiability::exact;
constexpr auto almost = Differentiability::almost_everywhere;

Argument reduction() { return rows::reduction("of the losses of all planes (images)"); }

Argument whole(const char* name, const char* doc, const char* range, const char* otherwise) {
  return {.name = name, .kind = Argument::Kind::integer, .doc = doc, .range = range, .otherwise = otherwise};
}

/// Images of at least three pixels a side: neighbours are what these losses are about.
void sampled_with_neighbours(Operator& op, const PairRow& row) {
  op.samples = [row](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const Shape& shape : {Shape{1, 3, 5, 4}, Shape{2, 1, 4, 6}, Shape{3, 6, 5}, Shape{1, 1, 3, 3},
                               Shape{2, 1, 7, 3}, Shape{3, 2, 3, 5}, Shape{1, 2, 6, 6}, Shape{2, 1, 4, 9}}) {
      const std::uint64_t own = seed + samples.size();
      Values values = {{"a", rows::image(own, shape, row.low, row.high, {}, 0)},
                       {"b", rows::image(own, shape, row.low, row.high, {}, 1)}};
      if (row.choose) row.choose(values, shape, samples.size());
      samples.push_back({to_string(shape), values});
    }
    return samples;
  };
}

const Tensor& ramp() {
  static const Tensor image = Tensor::from(std::vector<double>{0, 1, 5, 2, 4, 3, 8, 7, 6}, {1, 1, 3, 3});
  return image;
}

Operator lncc() {
  const PairRow row = {
      .name = "losses.lncc_loss",
      .doc = "1 - local normalised cross-correlation, averaged over each plane.",
      .call =
          [](const Tensor& a, const Tensor& b, const Values& v) {
            return std::vector{losses::lncc_loss(a, b,
                                                 {.window = static_cast<int>(v.integer("window")),
                                                  .floor = v.tensor("floor"),
                                                  .reduction = reduction_of(v)})};
          },
      .options = {whole("window", "side of the windows, px", "odd, >= 3", "9"),
                  rows::factor("floor", "added to both variances", "0.0001", exact, "> 0"), reduction()},
      .choose =
          [](Values& values, const Shape&, std::size_t index) {
            choose_reduction(values, index);
            values.set("window", std::int64_t{index % 2 == 0 ? 3 : 5});
            values.set("floor", scalar(0.01));
          }};
  Operator op = pair_row(row);
  sampled_with_neighbours(op, row);
  op.f32_bound = 2e-5;
  op.bound_reason = "variances are differences of two means";
  // A window that covers everything from every pixel makes it one correlation.
  op.golden.push_back({"gain and bias do not matter",
                       {{"a", ramp()}, {"b", ramp() * 3.0 + 2.0}, {"window", std::int64_t{5}}, {"floor", 0.0}},
                       {scalar(0)},
                       1e-12});
  op.golden.push_back({"an inversion is the opposite",
                       {{"a", ramp()}, {"b", 9.0 - ramp()}, {"window", std::int64_t{5}}, {"floor", 0.0}},
                       {scalar(2)},
                       1e-12});
  op.refusals.push_back({"an even window",
                         {{"a", ramp()}, {"b", ramp()}, {"window", std::int64_t{4}}},
                         "losses.lncc_loss: expected an odd window"});
  return op;
}

Operator gradient_correlation() {
  const PairRow row = {
      .name = "losses.gradient_correlation_loss",
      .doc = "1 - mean correlation of derivatives along x and y, for each image.",
      .call = [](const Tensor& a, const Tensor& b,
                 const Values& v) { return std::vector{losses::gradient_correlation_loss(a, b, reduction_of(v))}; },
      .options = {reduction()},
      .choose = [](Values& values, const Shape&, std::size_t i) { choose_reduction(values, i); }};
  Operator op = pair_row(row);
  sampled_with_neighbours(op, row);
  op.f32_bound = 1e-4;
  op.bound_reason = "correlations of few values that are differences";
  op.golden.push_back({"gain and bias do not matter", {{"a", ramp()}, {"b", ramp() * 3.0 + 2.0}}, {scalar(0)}, 1e-12});
  op.golden.push_back({"an inversion is the opposite", {{"a", ramp()}, {"b", 9.0 - ramp()}}, {scalar(2)}, 1e-12});
  op.refusals.push_back({"no neighbours",
                         {{"a", Tensor::ones({1, 1, 2, 5}, DType::f64)}, {"b", Tensor::ones({1, 1, 2, 5}, DType::f64)}},
                         "losses.gradient_correlation_loss: expected at least 3 pixels"});
  return op;
}

Operator census() {
  const PairRow row = {
      .name = "losses.census_loss",
      .doc = "How differently neighbours compare with their centre, for each plane.",
      .call =
          [](const Tensor& a, const Tensor& b, const Values& v) {
            return std::vector{losses::census_loss(a, b,
                                                   {.window = static_cast<int>(v.integer("window")),
                                                    .soft = v.tensor("soft"),
                                                    .reduction = reduction_of(v)})};
          },
      .options = {whole("window", "side of the square of neighbours, px", "odd, >= 3", "3"),
                  rows::factor("soft", "difference at which a comparison is half decided", "0.02", exact, "> 0"),
                  reduction()},
      .choose =
          [](Values& values, const Shape&, std::size_t index) {
            choose_reduction(values, index);
            values.set("soft", scalar(0.3));
          }};
  Operator op = pair_row(row);
  sampled_with_neighbours(op, row);
  // One inner pixel, 4, whose eight neighbours all compare the other way after an inversion, almost decided.
  op.golden.push_back({"all comparisons turned round, by hand",
                       {{"a", ramp()}, {"b", 8.0 - ramp()}, {"soft", 1e-9}},
                       {scalar(4 / 4.1)},
                       1e-9});
  op.golden.push_back(
      {"an increasing change of levels", {{"a", ramp()}, {"b", ramp() * ramp()}, {"soft", 1e-9}}, {scalar(0)}, 1e-9});
  op.refusals.push_back(
      {"nothing soft", {{"a", ramp()}, {"b", ramp()}, {"soft", 0.0}}, "losses.census_loss: expected soft > 0"});
  return op;
}

Operator information(const std::string& name, const char* doc, bool normalized) {
  const PairRow row = {
      .name = name,
      .doc = doc,
      .call =
          [normalized](const Tensor& a, const Tensor& b, const Values& v) {
            const std::string window = v.choice("window");
            losses::MutualInformation o;
            o.bins = static_cast<int>(v.integer("bins"));
            o.radius = v.number("radius");
            o.window = window == "xu"                   ? losses::Parzen::xu
                       : window == "bspline"            ? losses::Parzen::bspline
                       : window == "truncated_gaussian" ? losses::Parzen::truncated_gaussian
                                                        : losses::Parzen::rectangular;
            o.mask = v.tensor("mask");
            return std::vector{normalized ? losses::normalized_mutual_information_loss(a, b, o)
                                          : losses::mutual_information_loss(a, b, o)};
          },
      .gradient = almost,
      .options = {whole("bins", "of the histogram along each axis", "2 to 1024", "64"),
                  rows::choice("window", "that spreads a level over bins",
                               {"xu", "bspline", "truncated_gaussian", "rectangular"}, "xu"),
                  {.name = "radius",
                   .kind = Argument::Kind::number,
                   .doc = "of the window, in bins",
                   .range = "(0, 32]",
                   .otherwise = "1.0"},
                  {.name = "mask", .doc = "like the images or [H, W]: zeros do not count", .optional = true}},
      .choose =
          [](Values& values, const Shape& shape, std::size_t index) {
            values.set("bins", std::int64_t{index % 3 == 0 ? 5 : 9});
            values.set("window", std::string(index % 2 == 0 ? "bspline" : "xu"));
            if (index == 3 || index == 6) values.set("radius", 1.5);
            if (index % 4 == 1) {
              Tensor mask = Tensor::ones(Shape(shape.extents().last(2)), DType::f64);
              mask.mutable_data<double>()[1] = 0;
              values.set("mask", mask);
            }
          }};
  Operator op = pair_row(row);
  sampled_with_neighbours(op, row);
  op.order = 1;
  const Tensor black_white = Tensor::from(std::vector<double>{0, 1, 0, 1}, {1, 1, 4});
  const Values same = {{"a", black_white},
                       {"b", 1.0 - black_white},
                       {"bins", std::int64_t{2}},
                       {"window", std::string("rectangular")},
                       {"radius", 1.0}};
  // Bins stand at 0 and 1, the levels at 0 and 2: a window of one bin puts level 0 into both and level 2 into the
  // second. So J = [[0, 2], [2, 4]] and P = J / 8.
  const double both = -(2 * 0.25 * std::log(0.25) + 0.5 * std::log(0.5)),
               one = -(0.25 * std::log(0.25) + 0.75 * std::log(0.75));
  op.golden.push_back({"an inverted picture of two levels, by hand",
                       same,
                       {numbers_of({normalized ? -2 * one / both : both - 2 * one})},
                       1e-9});
  op.refusals.push_back(
      {"one bin", {{"a", ramp()}, {"b", ramp()}, {"bins", std::int64_t{1}}}, name + ": expected 2 to 1024 bins"});
  return op;
}

}  // namespace

std::vector<Operator> similarity_rows() {
  return {lncc(), gradient_correlation(), census(),
          information("losses.mutual_information_loss", "-(mutual information) of each plane's grey levels.", false),
          information("losses.normalized_mutual_information_loss",
                      "-(H(a) + H(b)) / H(a, b) of each plane's grey levels.", true)};
}

}  // namespace lumigrad
