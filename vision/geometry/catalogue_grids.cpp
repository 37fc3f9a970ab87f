// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/vision/geometry/catalogue.h>
#include <lumigrad/vision/geometry/elastic.h>
#include <lumigrad/vision/geometry/resize.h>
#include <lumigrad/vision/geometry/rows.h>
#include <lumigrad/vision/geometry/thin_plate.h>
#include <lumigrad/vision/geometry/transform3d.h>

namespace lumigrad::geometry {
namespace {

using K = Argument::Kind;

Tensor draws(std::uint64_t seed, std::uint32_t lane, const Shape& shape, double low, double high) {
  return uniform({seed, 60 + lane}, shape, low, high, DType::f64);
}

const std::vector<std::string> compensations = {"resize", "pad"};

// Points that lie apart from one another and from a line.
Tensor scattered(std::uint64_t seed, std::uint32_t lane, std::int64_t n, std::int64_t count) {
  const Tensor about =
      numbers({-0.7, -0.6, 0.8, -0.5, 0.6, 0.7, -0.8, 0.5, 0.1, 0.05, -0.1, 0.9, 0.05, -0.9}, {1, 7, 2});
  return add(slice(about, 1, 0, count), draws(seed, lane, {n, count, 2}, -0.15, 0.15));
}

Operator named(const char* name, const char* doc, std::vector<Argument> arguments,
               std::function<std::vector<Tensor>(const Values&)> call,
               std::function<Values(std::uint64_t seed, std::size_t index)> draw, Refusal refusal) {
  Operator op;
  op.name = std::string("geometry.") + name;
  op.doc = doc;
  op.arguments = std::move(arguments);
  op.call = std::move(call);
  op.samples = [draw = std::move(draw)](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (std::size_t i = 0; i < 8; ++i) samples.push_back({message("sample ", i), draw(seed + i, i)});
    return samples;
  };
  op.refusals = {std::move(refusal)};
  op.f32_bound = 1e-3;
  op.grad_bound = 5e-3;
  op.bound_reason = "solutions of linear systems and sums of products, with cancellation";
  return op;
}

}  // namespace

std::vector<Operator> grid_rows() {
  const Tensor wrong = Tensor::ones({2, 5}, DType::f64);
  const std::vector<Argument> spline = {tensor("centers", "[N, K, 2]", exact),
                                        tensor("kernel_weights", "[N, K, 2]", exact),
                                        tensor("affine_weights", "[N, 3, 2]", exact)};
  const auto after = [](std::vector<Argument> first, const std::vector<Argument>& more) {
    first.insert(first.end(), more.begin(), more.end());
    return first;
  };
  const auto spline_of = [](const Values& v) {
    return ThinPlate{v.tensor("kernel_weights"), v.tensor("affine_weights")};
  };
  const auto set_spline = [](Values& v, std::uint64_t s, std::int64_t n, std::int64_t count) {
    v.set("centers", scattered(s, 1, n, count));
    v.set("kernel_weights", draws(s, 2, {n, count, 2}, -0.1, 0.1));
    v.set("affine_weights", add(draws(s, 3, {n, 3, 2}, -0.1, 0.1), numbers({0, 0, 0.8, 0, 0, 0.9}, {3, 2})));
  };
  std::vector<Operator> rows;
  rows.push_back(named(
      "warp_grid", "Positions under projective maps of the plane or of space.",
      {tensor("grid", "[N, h, w, 2] or [N, d, h, w, 3]", exact), tensor("matrix", "[N, 3, 3] or [N, 4, 4]", exact)},
      [](const Values& v) { return std::vector{warp_grid(v.tensor("grid"), v.tensor("matrix"))}; },
      [](std::uint64_t s, std::size_t i) {
        const std::int64_t axes = i % 2 == 0 ? 2 : 3, n = i < 4 ? 1 : 2, rows = i == 5 ? 1 : 4;
        const Shape grid = axes == 2 ? Shape{n, rows, 5, 2} : Shape{n, 2, rows, 3, 3};
        const Tensor near = draws(s, 1, {i == 7 ? 1 : n, axes + 1, axes + 1}, -0.1, 0.1);
        const Tensor identity = axes == 2 ? numbers({1, 0, 0, 0, 1, 0, 0, 0, 1}, {3, 3})
                                          : numbers({1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}, {4, 4});
        return Values{{"grid", draws(s, 0, grid, -1, 1)}, {"matrix", add(near, identity)}};
      },
      {"no grid", {{"grid", wrong}, {"matrix", wrong}}, "expected a grid"}));
  rows.push_back(named(
      "get_tps_transform", "The thin-plate spline that takes points to points.",
      {tensor("source", "[N, K, 2]", exact), tensor("destination", "[N, K, 2], also the centres", exact)},
      [](const Values& v) {
        const ThinPlate s = get_tps_transform(v.tensor("source"), v.tensor("destination"));
        return std::vector{s.kernel_weights, s.affine_weights};
      },
      [](std::uint64_t s, std::size_t i) {
        const std::int64_t n = 1 + static_cast<std::int64_t>(i % 2), count = 4 + static_cast<std::int64_t>(i % 4);
        return Values{{"source", scattered(s, 0, n, count)}, {"destination", scattered(s, 1, n, count)}};
      },
      {"no points", {{"source", wrong}, {"destination", wrong}}, "expected source"}));
  rows.back().outputs = {"kernel_weights", "affine_weights"};
  rows.push_back(named(
      "warp_points_tps", "Points under a thin-plate spline.", after({tensor("points", "[N, P, 2]", exact)}, spline),
      [spline_of](const Values& v) {
        return std::vector{warp_points_tps(v.tensor("points"), v.tensor("centers"), spline_of(v))};
      },
      [set_spline](std::uint64_t s, std::size_t i) {
        const std::int64_t n = 1 + static_cast<std::int64_t>(i % 2);
        Values v{{"points", draws(s, 0, {n, i == 3 ? 1 : 6, 2}, -1, 1)}};
        set_spline(v, s, n, 3 + static_cast<std::int64_t>(i % 5));
        return v;
      },
      {"no points",
       {{"points", wrong}, {"centers", wrong}, {"kernel_weights", wrong}, {"affine_weights", wrong}},
       "expected points"}));
  const Argument align{.name = "align_corners", .kind = K::flag, .doc = "as in grid_sample", .otherwise = "true"};
  rows.push_back(named(
      "warp_image_tps", "The image read where a thin-plate spline of normalised coordinates says.",
      after(after({tensor("image", "[N, C, H, W]", exact)}, spline),
            {choice("mode", "how the image is read between pixels", "\"bilinear\"", interpolations),
             choice("border", "what lies outside", "\"zeros\"", borders), align}),
      [spline_of](const Values& v) {
        return std::vector{warp_image_tps(v.tensor("image"), v.tensor("centers"), spline_of(v),
                                          {.mode = chosen<Interpolation>(v, "mode", interpolations),
                                           .border = chosen<Border>(v, "border", borders),
                                           .align_corners = v.flag("align_corners")})};
      },
      [set_spline](std::uint64_t s, std::size_t i) {
        const std::int64_t n = 1 + static_cast<std::int64_t>(i % 2);
        Values v{{"image", draws(s, 0, {n, 2, i == 5 ? 1 : 5, 6}, 0, 1)},
                 {"mode", interpolations[i == 6   ? 0
                                         : i == 4 ? 2
                                                  : 1]},
                 {"border", borders[i % 5]},
                 {"align_corners", i % 3 != 1}};
        set_spline(v, s, n, 4);
        return v;
      },
      {"no image",
       {{"image", wrong}, {"centers", wrong}, {"kernel_weights", wrong}, {"affine_weights", wrong}},
       "expected an image"}));
  for (Argument& a : rows.back().arguments)
    if (a.name != "image" && a.kind == K::tensor) a.gradient = almost;
  const Argument corners{.name = "align_corners", .kind = K::flag, .doc = "as in resize", .otherwise = "false"};
  rows.push_back(named(
      "crop_by_indices", "What boxes of whole pixels hold, brought to one size.",
      {tensor("image", "[N, C, H, W]", exact),
       tensor("boxes", "[N, 4, 2], whole numbers", Differentiability::none),
       {.name = "size", .kind = K::list, .doc = "(h, w); empty: that of the first box", .otherwise = "[]"},
       choice("mode", "how parts of another size are resized", "\"bilinear\"", resamplings),
       choice("antialias", "what is done where an axis shrinks", "\"none\"", antialiases),
       corners,
       choice("compensation", "what is done with parts of another size", "\"resize\"", compensations)},
      [](const Values& v) {
        const std::vector<double> size = v.list("size");
        require<FormatError>(size.empty() || size.size() == 2, "size: expected [h, w], got ", size.size(), " numbers");
        ResizeOptions options{.mode = chosen<Resampling>(v, "mode", resamplings),
                              .antialias = chosen<Antialias>(v, "antialias", antialiases),
                              .align_corners = v.flag("align_corners")};
        if (!size.empty()) options.size = {static_cast<std::int64_t>(size[0]), static_cast<std::int64_t>(size[1])};
        return std::vector{
            crop_by_indices(v.tensor("image"), v.tensor("boxes"), options, v.choice("compensation") == "pad")};
      },
      [](std::uint64_t s, std::size_t i) {
        const std::int64_t n = 1 + static_cast<std::int64_t>(i % 2);
        const Tensor both = numbers({1, 2, 4, 2, 4, 5, 1, 5, 0, 1, 3, 1, 3, 3, 0, 3}, {2, 4, 2});
        Values v{{"image", draws(s, 0, {n, 2, 6, 5 + n}, 0, 1)}, {"boxes", slice(both, 0, 0, n).clone()}};
        if (i > 0) v.set("size", std::vector<double>{4, 5});  // left out it follows the first box
        if (i > 2) v.set("mode", resamplings[(i + 2) % 5]);
        if (i == 4) v.set("antialias", antialiases[1]);
        v.set("align_corners", i == 5);
        if (i == 3 || i == 6) v.set("compensation", compensations[1]);
        return v;
      },
      {"no box", {{"image", Tensor::ones({1, 1, 4, 4}, DType::f64)}, {"boxes", wrong}}, "expected boxes"}));
  rows.push_back(named(
      "elastic_transform2d", "The image read at its own pixels moved by smooth noise.",
      {tensor("image", "[N, C, H, W]", exact),
       tensor("noise", "[N, 2, H, W]", almost),
       {.name = "kernel", .kind = K::list, .doc = "(h, w) of the Gaussian's window", .otherwise = "[63, 63]"},
       {.name = "sigma",
        .doc = "(y, x) pixels, [2] or [N, 2]",
        .gradient = almost,
        .range = "> 0",
        .otherwise = "[32, 32]"},
       {.name = "alpha", .doc = "(x, y), [2] or [N, 2]", .gradient = almost, .otherwise = "[1, 1]"},
       choice("mode", "how the image is read between pixels", "\"bilinear\"", interpolations),
       choice("border", "what lies outside", "\"zeros\"", borders),
       align},
      [](const Values& v) {
        const std::vector<double> kernel = v.list("kernel");
        require<FormatError>(kernel.size() == 2, "kernel: expected [h, w], got ", kernel.size(), " numbers");
        return std::vector{
            elastic_transform2d(v.tensor("image"), v.tensor("noise"),
                                {.kernel = {static_cast<std::int64_t>(kernel[0]), static_cast<std::int64_t>(kernel[1])},
                                 .sigma = v.tensor("sigma"),
                                 .alpha = v.tensor("alpha"),
                                 .mode = chosen<Interpolation>(v, "mode", interpolations),
                                 .border = chosen<Border>(v, "border", borders),
                                 .align_corners = v.flag("align_corners")})};
      },
      [](std::uint64_t s, std::size_t i) {
        const std::int64_t n = 1 + static_cast<std::int64_t>(i % 2), height = i == 5 ? 1 : 5;
        const Shape one_each = n == 2 ? Shape{n, 2} : Shape{2};
        return Values{{"image", draws(s, 0, {n, 2, height, 6}, 0, 1)},
                      {"noise", draws(s, 1, {n, 2, height, 6}, -1, 1)},
                      {"kernel", i % 4 < 2 ? std::vector<double>{5, 3} : std::vector<double>{3, 7}},
                      {"sigma", draws(s, 2, one_each, 0.8, 2)},
                      {"alpha", draws(s, 3, one_each, 0.2, 0.6)},
                      {"mode", interpolations[i == 6   ? 0
                                              : i == 4 ? 2
                                                       : 1]},
                      {"border", borders[i % 3]},
                      {"align_corners", i % 3 != 1}};
      },
      {"no image", {{"image", wrong}, {"noise", wrong}}, "expected an image"}));
  return rows;
}

}  // namespace lumigrad::geometry
