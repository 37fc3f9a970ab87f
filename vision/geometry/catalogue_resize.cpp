// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/math.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/vision/geometry/catalogue.h>
#include <lumigrad/vision/geometry/matrices.h>
#include <lumigrad/vision/geometry/resize.h>
#include <lumigrad/vision/geometry/rows.h>
#include <lumigrad/vision/geometry/transform.h>

namespace lumigrad::geometry {
namespace {

const std::vector<std::string> sides = {"shorter", "longer", "vertical", "horizontal"};

ResizeOptions resize_options(const Values& v) {
  ResizeOptions o{.mode = chosen<Resampling>(v, "mode", resamplings),
                  .antialias = chosen<Antialias>(v, "antialias", antialiases),
                  .align_corners = v.flag("align_corners")};
  const auto listed = [&](const char* name) {
    std::vector<double> list = v.has(name) ? v.list(name) : std::vector<double>{};
    if (list.empty()) list = {0, 0};
    if (list.size() == 2) list.insert(list.begin(), 0.0);
    require<FormatError>(list.size() == 3, name, ": expected two numbers, or three for a volume, got ", list.size());
    return list;
  };
  const std::vector<double> size = listed("size"), scale = listed("scale");
  o.depth = static_cast<std::int64_t>(size[0]);
  o.size = {static_cast<std::int64_t>(size[1]), static_cast<std::int64_t>(size[2])};
  o.scale_z = scale[0];
  o.scale_y = scale[1];
  o.scale_x = scale[2];
  return o;
}
PyramidOptions pyramid_options(const Values& v) {
  return {chosen<Border>(v, "border", borders), v.flag("align_corners")};
}

using Call = std::function<std::vector<Tensor>(const Tensor& image, const Values& values)>;
using Choose = std::function<void(Values& values, std::size_t index)>;

// A linear operator on an image.
Operator linear_row(const char* name, const char* doc, std::vector<Argument> own, const Choose& choose,
                    const Call& call, std::int64_t least = 1) {
  Operator op;
  op.name = std::string("geometry.") + name;
  op.doc = doc;
  op.arguments = {{.name = "image", .doc = "[N, C, H, W]", .gradient = exact}};
  for (Argument& a : own) op.arguments.push_back(std::move(a));
  op.linear = true;
  op.call = [call](const Values& v) { return call(v.tensor("image"), v); };
  op.samples = [choose, least](std::uint64_t seed) {
    const std::pair<const char*, Shape> shapes[] = {
        {"odd", {1, 1, 7, 9}},          {"batch of two", {2, 3, 8, 6}}, {"three channels", {1, 3, 11, 13}},
        {"even", {1, 1, 10, 8}},        {"one row", {1, 1, least, 9}},  {"one column", {2, 1, 8, least}},
        {"long", {1, 2, 5, 23}},        {"square", {1, 1, 16, 16}},     {"tall", {1, 1, 19, 4}},
        {"another batch", {3, 1, 6, 7}}};
    std::vector<Sample> samples;
    for (const auto& [what, shape] : shapes) {
      const std::size_t index = samples.size();
      Values values{{"image", uniform({seed + index, 12}, shape, 0, 1, DType::f64)}};
      choose(values, index);
      samples.push_back({what, values});
    }
    return samples;
  };
  Values flat{{"image", Tensor::ones({4, 4}, DType::f64)}}, whole{{"image", Tensor::ones({1, 1, 4, 4}, DType::i64)}};
  choose(flat, 0);
  choose(whole, 0);
  op.refusals = {{"no batch", flat, "expected an image"}, {"whole numbers", whole, "expected"}};
  op.bench = [choose](const Shape& shape, DType dtype) {
    Values values{{"image", uniform({7, 1}, shape, 0, 1, dtype)}};
    choose(values, 0);
    return values;
  };
  return op;
}

// Benchmarks make the image half as large instead of bringing it to the samples' sizes.
void bench_halves(Operator& op, const std::function<void(Values& values, const Shape& image)>& set) {
  op.bench = [set](const Shape& shape, DType dtype) {
    Values values{{"image", uniform({7, 1}, shape, 0, 1, dtype)}};
    set(values, shape);
    return values;
  };
}

// Matrices from continuous arguments only.
Operator builder_row(const char* name, const char* doc, std::vector<Argument> arguments,
                     std::function<Values(std::uint64_t seed, std::int64_t n)> draw,
                     std::function<Tensor(const Values&)> call, Refusal refusal) {
  Operator op;
  op.name = std::string("geometry.") + name;
  op.doc = doc;
  op.arguments = std::move(arguments);
  op.call = [call = std::move(call)](const Values& v) { return std::vector{call(v)}; };
  op.samples = [draw = std::move(draw)](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (std::int64_t n = 1; n <= 8; ++n)
      samples.push_back({message(n, " matrices"), draw(seed + static_cast<std::uint64_t>(n), n)});
    return samples;
  };
  op.refusals = {std::move(refusal)};
  op.f32_bound = 1e-4;
  op.grad_bound = 1e-3;
  op.bound_reason = "sums of products with cancellation, and solutions of linear systems";
  return op;
}

Argument continuous(const char* name, const char* doc, const char* otherwise = "") {
  return {.name = name, .doc = doc, .gradient = exact, .otherwise = otherwise};
}

}  // namespace

std::vector<Operator> resize_rows() {
  using K = Argument::Kind;
  const std::vector<Argument> ways = {
      choice("mode", "how new pixels are made", "\"bilinear\"", resamplings),
      choice("antialias", "what is done where an axis shrinks", "\"none\"", antialiases),
      option("align_corners", K::flag, "outermost centres instead of edges", "false")};
  const auto with = [&](std::vector<Argument> first) {
    first.insert(first.end(), ways.begin(), ways.end());
    return first;
  };
  const auto vary = [](Values& v, std::size_t i) {
    v.set("mode", resamplings[(i + 2) % 5]);
    v.set("antialias", antialiases[i % 3]);
    v.set("align_corners", i % 4 == 3);
  };
  std::vector<Operator> rows;
  rows.push_back(linear_row(
      "resize", "The image in another size.",
      with({option("size", K::list, "(h, w), of a volume (d, h, w); empty: by scale", "[]"),
            option("scale", K::list, "new size over old, (y, x) or (z, y, x); empty: by size", "[]")}),
      [vary](Values& v, std::size_t i) {
        if (i != 7) v.set("size", i % 2 == 0 ? std::vector<double>{5, 12} : std::vector<double>{11, 4});
        if (i == 7) v.set("scale", std::vector<double>{0.77, 1.31});
        vary(v, i);
        if (i != 8) return;
        v.set("image", uniform({8, 12}, {1, 2, 5, 4, 6}, 0, 1, DType::f64));
        v.set("size", std::vector<double>{3, 7, 4});
      },
      [](auto& x, auto& v) { return std::vector{resize(x, resize_options(v))}; }));
  bench_halves(rows.back(), [](Values& v, const Shape& image) {
    v.set("size", std::vector<double>{static_cast<double>(image[2] / 2), static_cast<double>(image[3] / 2)});
  });
  rows.back().refusals.push_back(
      {"empty size",
       {{"image", Tensor::ones({1, 1, 4, 4}, DType::f64)}, {"size", std::vector<double>{0, 4}}},
       "expected a size"});
  const Values no_rows{{"image", Tensor::ones({2, 1, 0, 4}, DType::f64)}, {"size", std::vector<double>{2, 4}}};
  rows.back().refusals.push_back({"no rows", no_rows, "resize: expected an image with pixels, got [2, 1, 0, 4]"});
  rows.push_back(linear_row(
      "rescale", "The image resized by factors (y, x).",
      with({option("factor", K::list, "(y, x), of a volume (z, y, x)", "")}),
      [vary](Values& v, std::size_t i) {
        v.set("factor", i % 2 == 0 ? std::vector<double>{1.7, 1.3} : std::vector<double>{1.1, 2.0});
        vary(v, i);
        if (i != 8) return;
        v.set("image", uniform({8, 12}, {1, 2, 5, 4, 6}, 0, 1, DType::f64));
        v.set("factor", std::vector<double>{0.6, 1.5, 0.7});
      },
      [](auto& x, auto& v) {
        const std::vector<double> f = v.list("factor");
        require<FormatError>(f.size() == 2 || f.size() == 3, "factor: expected (y, x) or (z, y, x), got ", f.size(),
                             " numbers");
        ResizeOptions options = resize_options(v);
        if (f.size() == 3) options.scale_z = f[0];
        return std::vector{rescale(x, f[f.size() - 2], f[f.size() - 1], options)};
      }));
  bench_halves(rows.back(), [](Values& v, const Shape&) { v.set("factor", std::vector<double>{0.5, 0.5}); });
  rows.push_back(linear_row(
      "resize_side", "The image resized by the length of one side.",
      with({option("length", K::integer, "pixels", ""), choice("side", "which side", "\"shorter\"", sides)}),
      [vary](Values& v, std::size_t i) {
        v.set("length", std::int64_t(i % 2 == 0 ? 6 : 40));
        v.set("side", sides[i == 4 || i == 5 ? 1 : i % 4]);
        vary(v, i);
      },
      [](auto& x, auto& v) {
        return std::vector{resize_side(x, v.integer("length"), chosen<Side>(v, "side", sides), resize_options(v))};
      },
      2));
  bench_halves(rows.back(), [](Values& v, const Shape& image) { v.set("length", std::min(image[2], image[3]) / 2); });
  rows.push_back(linear_row(
      "resize_to_be_divisible", "The image resized to the closest multiples.",
      with({option("divisor", K::integer, "of both extents", "")}),
      [vary](Values& v, std::size_t i) {
        v.set("divisor", std::int64_t(i % 2 == 0 ? 2 : 3));
        vary(v, i);
      },
      [](auto& x, auto& v) { return std::vector{resize_to_be_divisible(x, v.integer("divisor"), resize_options(v))}; },
      2));
  const std::vector<Argument> pyramid = {
      choice("border", "what lies outside of the blur", "\"reflection\"", borders),
      option("align_corners", K::flag, "outermost centres instead of edges", "false")};
  const auto vary_border = [](Values& v, std::size_t i) {
    v.set("border", borders[(i + 2) % 5]);
    v.set("align_corners", i % 3 == 2);
  };
  std::vector<Argument> down = pyramid;
  down.push_back(option("factor", K::number, "old size over new", "2"));
  rows.push_back(linear_row(
      "pyrdown", "Blurred and reduced.", down, vary_border,
      [](auto& x, auto& v) { return std::vector{pyrdown(x, v.number("factor"), pyramid_options(v))}; }, 2));
  rows.back().refusals.push_back({"one row",
                                  {{"image", Tensor::ones({2, 1, 1, 4}, DType::f64)}},
                                  "pyrdown: expected an image of at least 2 pixels a side, got [2, 1, 1, 4]"});
  rows.push_back(linear_row("pyrup", "Enlarged and blurred.", pyramid, vary_border,
                            [](auto& x, auto& v) { return std::vector{pyrup(x, pyramid_options(v))}; }));
  std::vector<Argument> levels = pyramid;
  levels.push_back(option("levels", K::integer, "how many, at most 32", "2"));
  const auto vary_levels = [vary_border](Values& v, std::size_t i) {
    vary_border(v, i);
    if (i == 2 || i == 7) v.set("levels", std::int64_t{3});
  };
  const auto pyramid_row = [&](const char* name, const char* doc, auto build) {
    rows.push_back(linear_row(
        name, doc, levels, vary_levels,
        [build](auto& x, auto& v) {
          const std::int64_t count = v.integer("levels");
          require<NumericError>(count >= 1 && count <= 32, "levels: expected 1 to 32, got ", count);
          return build(x, static_cast<int>(count), pyramid_options(v), Here());
        },
        2));
    rows.back().outputs = {"0", "1"};
    rows.back().variadic = true;
  };
  pyramid_row("build_pyramid", "The image and its reductions.", build_pyramid);
  pyramid_row("build_laplacian_pyramid", "What each level adds to the next coarser one.", build_laplacian_pyramid);
  const auto nothing = [](Values&, std::size_t) {};
  const auto image_alone = [&](const char* name, const char* doc, Tensor (*f)(const Tensor&, Here)) {
    rows.push_back(linear_row(name, doc, {}, nothing, [f](auto& x, auto&) { return std::vector{f(x, {})}; }));
    rows.back().refusals.pop_back();  // moving pixels is allowed for any dtype
  };
  image_alone("hflip", "Mirrored left to right.", hflip);
  image_alone("vflip", "Mirrored top to bottom.", vflip);
  image_alone("rot180", "Turned by half a turn.", rot180);
  return rows;
}

std::vector<Operator> matrix_rows() {
  const auto draw = [](std::uint64_t seed, unsigned lane, const Shape& shape, double low, double high) {
    return uniform({seed, 20 + lane}, shape, low, high, DType::f64);
  };
  const Tensor wrong = Tensor::ones({2, 5}, DType::f64);
  std::vector<Operator> rows;
  rows.push_back(builder_row(
      "get_rotation_matrix2d", "Rotation and scaling about a centre.",
      {continuous("center", "[N, 2]"), continuous("angle", "radians, [N]"),
       continuous("scale", "[N, 2] or one number", "1")},
      [draw](std::uint64_t s, std::int64_t n) {
        return Values{{"center", draw(s, 0, {n, 2}, -5, 5)},
                      {"angle", draw(s, 1, {n}, -3, 3)},
                      {"scale", draw(s, 2, {n, 2}, 0.5, 2)}};
      },
      [](const Values& v) { return get_rotation_matrix2d(v.tensor("center"), v.tensor("angle"), v.tensor("scale")); },
      {"no point", {{"center", wrong}, {"angle", Tensor(0.5)}}, "expected center"}));
  rows.back().golden.push_back({"a quarter turn about (1, 0): (2, 0) goes up to (1, -1)",
                                {{"center", numbers({1, 0}, {1, 2})}, {"angle", numbers({pi / 2}, {1})}},
                                {numbers({0, 1, 1, -1, 0, 1}, {1, 2, 3})}});
  rows.push_back(builder_row(
      "get_shear_matrix2d", "Shear about a centre.",
      {continuous("center", "[N, 2]"), continuous("shear", "radians, [N, 2]")},
      [draw](std::uint64_t s, std::int64_t n) {
        return Values{{"center", draw(s, 0, {n, 2}, -5, 5)}, {"shear", draw(s, 1, {n, 2}, -1, 1)}};
      },
      [](const Values& v) { return get_shear_matrix2d(v.tensor("center"), v.tensor("shear")); },
      {"no point", {{"center", wrong}, {"shear", wrong}}, "expected center"}));
  rows.push_back(builder_row(
      "get_translation_matrix2d", "Translation.", {continuous("translation", "[N, 2]")},
      [draw](std::uint64_t s, std::int64_t n) {
        return Values{{"translation", draw(s, 0, {n, 2}, -5, 5)}};
      },
      [](const Values& v) { return get_translation_matrix2d(v.tensor("translation")); },
      {"no point", {{"translation", wrong}}, "expected translation"}));
  rows.push_back(builder_row(
      "get_affine_matrix2d", "Shear, rotation and scale about a centre, then translation.",
      {continuous("translation", "[N, 2]"), continuous("center", "[N, 2]"),
       continuous("scale", "[N, 2] or one number", "1"), continuous("angle", "radians, [N]", "0"),
       continuous("shear", "radians, [N, 2]", "[0, 0]")},
      [draw](std::uint64_t s, std::int64_t n) {
        return Values{{"translation", draw(s, 0, {n, 2}, -5, 5)},
                      {"center", draw(s, 1, {n, 2}, -5, 5)},
                      {"scale", draw(s, 2, {n, 2}, 0.5, 2)},
                      {"angle", draw(s, 3, {n}, -3, 3)},
                      {"shear", draw(s, 4, {n, 2}, -1, 1)}};
      },
      [](const Values& v) {
        return get_affine_matrix2d(
            {v.tensor("translation"), v.tensor("center"), v.tensor("scale"), v.tensor("angle"), v.tensor("shear")});
      },
      {"no point", {{"translation", wrong}, {"center", wrong}}, "expected translation"}));
  rows.push_back(builder_row(
      "invert_affine_transform", "The inverse of affine maps.", {continuous("matrix", "[N, 2, 3]")},
      [draw](std::uint64_t s, std::int64_t n) {
        const Tensor base = expand(numbers({1.5, 0, 0, 0, 1.5, 0}, {1, 2, 3}), {n, 2, 3});
        return Values{{"matrix", add(base, draw(s, 0, {n, 2, 3}, -0.5, 0.5)).detach()}};
      },
      [](const Values& v) { return invert_affine_transform(v.tensor("matrix")); },
      {"no matrix", {{"matrix", wrong}}, "expected matrices"}));
  rows.push_back(builder_row(
      "get_perspective_transform", "The homography that takes four points to four points.",
      {continuous("source", "[N, 4, 2]"), continuous("destination", "[N, 4, 2]")},
      [draw](std::uint64_t s, std::int64_t n) {
        const Tensor box = expand(numbers({0, 0, 4, 0, 4, 4, 0, 4}, {1, 4, 2}), {n, 4, 2});
        return Values{{"source", add(box, draw(s, 0, {n, 4, 2}, -0.6, 0.6)).detach()},
                      {"destination", add(box, draw(s, 1, {n, 4, 2}, -0.6, 0.6)).detach()}};
      },
      [](const Values& v) { return get_perspective_transform(v.tensor("source"), v.tensor("destination")); },
      {"three points",
       {{"source", Tensor::ones({1, 3, 2}, DType::f64)}, {"destination", Tensor::ones({1, 3, 2}, DType::f64)}},
       "expected points"}));
  return rows;
}

}  // namespace lumigrad::geometry
