// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/math.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/vision/geometry/catalogue.h>
#include <lumigrad/vision/geometry/matrices3d.h>
#include <lumigrad/vision/geometry/rows.h>
#include <lumigrad/vision/geometry/transform3d.h>

namespace lumigrad::geometry {
namespace {

using K = Argument::Kind;

Tensor draws(std::uint64_t seed, std::uint32_t lane, const Shape& shape, double low, double high) {
  return uniform({seed, 40 + lane}, shape, low, high, DType::f64);
}

const std::vector<std::string> modes = {"nearest", "bilinear"};

VolumeSize size_of_list(const Values& v) {
  const std::vector<double> list = v.has("size") ? v.list("size") : std::vector<double>{};
  if (list.empty()) return {};
  require<FormatError>(list.size() == 3, "size: expected [d, h, w], got ", list.size(), " numbers");
  return {static_cast<std::int64_t>(list[0]), static_cast<std::int64_t>(list[1]), static_cast<std::int64_t>(list[2])};
}
Warp3dOptions warp_options(const Values& v) {
  return {.size = size_of_list(v),
          .mode = chosen<Interpolation>(v, "mode", modes),
          .border = chosen<Border>(v, "border", borders),
          .fill = v.tensor("fill"),
          .align_corners = v.flag("align_corners"),
          .inverse_map = v.has("inverse_map") && v.flag("inverse_map")};
}

using Fill = std::function<void(Values& values, std::int64_t batch, std::size_t index)>;
using Call = std::function<Tensor(const Tensor& volume, const Values& values)>;

// Shapes and options that every warp of volumes is tried with.
std::vector<Sample> warp_samples(std::uint64_t seed, const Fill& fill, bool inverse_map) {
  struct Case {
    const char* name;
    Shape shape;
    int mode, border;
    bool align, sized;
  };
  const Case cases[] = {{"odd sizes", {1, 1, 3, 5, 7}, 1, 0, true, false},
                        {"batch of two, another size", {2, 2, 4, 4, 6}, 1, 0, true, true},
                        {"border", {2, 1, 3, 4, 5}, 1, 1, true, false},
                        {"reflection, other normalisation", {1, 2, 4, 5, 4}, 1, 2, false, true},
                        {"symmetric", {1, 1, 4, 6, 3}, 1, 3, true, false},
                        {"circular", {1, 1, 3, 4, 5}, 1, 4, true, false},
                        {"other normalisation", {2, 1, 4, 3, 5}, 1, 0, false, false},
                        {"nearest", {1, 1, 4, 5, 4}, 0, 0, true, false},
                        {"one slice", {1, 1, 1, 5, 6}, 1, 1, true, false},
                        {"one row", {1, 1, 2, 1, 9}, 1, 1, true, false},
                        {"filled", {1, 2, 3, 4, 5}, 1, 0, true, false}};
  std::vector<Sample> samples;
  for (const Case& c : cases) {
    const std::size_t index = samples.size();
    Values values{{"volume", draws(seed + index, 0, c.shape, 0, 1)},
                  {"mode", modes[static_cast<std::size_t>(c.mode)]},
                  {"border", borders[static_cast<std::size_t>(c.border)]},
                  {"align_corners", c.align}};
    if (c.sized) values.set("size", std::vector<double>{3, 5, 4});
    if (index == 10) values.set("fill", numbers({0.2, 0.7}, {2}));
    if (inverse_map && index == 4) values.set("inverse_map", true);
    fill(values, c.shape[0], index);
    samples.push_back({c.name, values});
  }
  return samples;
}

Operator warp_row(const char* name, const char* doc, std::vector<Argument> own, const Fill& fill, const Call& call,
                  bool inverse_map = false) {
  Operator op;
  op.name = std::string("geometry.") + name;
  op.doc = doc;
  op.arguments = {tensor("volume", "[N, C, D, H, W]", exact)};
  for (Argument& a : own) op.arguments.push_back(std::move(a));
  for (Argument& a : std::vector<Argument>{
           option("size", K::list, "(d, h, w) of the result; empty: that of the volume", "[]"),
           option("mode", K::choice, "how the volume is read between voxels", "\"bilinear\"", modes),
           option("border", K::choice, "what lies outside", "\"zeros\"", borders),
           tensor("fill", "value outside, one or one a channel, with border zeros", exact, "", true),
           option("align_corners", K::flag, "false: Kornia's and PyTorch's other normalisation", "true"),
           option("inverse_map", K::flag, "the matrix maps destination to source", "false")})
    if (a.name != "inverse_map" || inverse_map) op.arguments.push_back(std::move(a));
  op.call = [call](const Values& v) { return std::vector{call(v.tensor("volume"), v)}; };
  op.samples = [fill, inverse_map](std::uint64_t seed) { return warp_samples(seed, fill, inverse_map); };
  Values flat{{"volume", Tensor::ones({1, 1, 4, 4}, DType::f64)}};
  Values whole{{"volume", Tensor::ones({1, 1, 4, 4, 4}, DType::i64)}};
  fill(flat, 1, 0);
  fill(whole, 1, 0);
  op.refusals = {{"an image", flat, "expected a volume"}, {"whole numbers", whole, "expected"}};
  op.f32_bound = 2e-4;  // positions of some voxels in f32 times the slope of noise
  op.grad_bound = 5e-3;
  op.bound_reason = "the gradient to a map is a sum of slopes times coordinates over all voxels, with cancellation";
  // As many voxels as the image has pixels.
  op.bench = [fill](const Shape& image, DType dtype) {
    const Shape shape{image[0], image[1], 16, (image[2] + 3) / 4, (image[3] + 3) / 4};
    Values values{{"volume", uniform({7, 1}, shape, 0, 1, dtype)}};
    fill(values, shape[0], 0);
    return values;
  };
  op.bench_bytes = [](const Shape& shape, DType dtype) {
    const double bytes = static_cast<double>(shape.numel()) * static_cast<double>(size_of(dtype));
    return std::pair{2 * bytes, 5 * bytes};
  };
  return op;
}

// Maps near the identity whose positions keep off whole numbers.
Tensor affinities(std::int64_t n) {
  const Tensor both =
      numbers({0.8312, 0.2134,  -0.1057, 0.3571, -0.1719, 0.7533, 0.1011,  0.6371,  0.1237,  -0.0913, 0.9071, -0.2913,
               1.1037, -0.2093, 0.0871,  0.2717, 0.2231,  0.9071, -0.1177, -0.6013, -0.0731, 0.1519,  0.8853, 0.4139},
              {2, 3, 4});
  return n == 2 ? both : slice(both, 0, 0, 1).clone();
}
Tensor homographies(std::int64_t n) {
  const Tensor last = numbers({0.0113, -0.0071, 0.0083, 1.0217, -0.0107, 0.0043, 0.0091, 0.9731}, {2, 1, 4});
  return concat({affinities(n), slice(last, 0, 0, n)}, 1);
}
Tensor boxes(std::int64_t n, double dx) {
  const double x[] = {0.313 + dx, 2.171}, y[] = {0.237, 2.419 - dx}, z[] = {0.171, 1.513};
  std::vector<double> corners;
  for (std::int64_t b = 0; b < n; ++b)
    for (int c = 0; c < 8; ++c)
      for (const double v : {x[(c & 1) ^ (c >> 1 & 1)], y[c >> 1 & 1], z[c >> 2]})
        corners.push_back(v + 0.1073 * static_cast<double>(b));
  return Tensor::from(corners, {n, 8, 3});
}

std::vector<Operator> warps() {
  std::vector<Operator> rows;
  const auto set = [](const char* name, auto make) -> Fill {
    return [name, make](Values& v, std::int64_t n, std::size_t) { v.set(name, Tensor(make(n))); };
  };
  rows.push_back(warp_row(
      "warp_affine3d", "The volume under affine maps of source to destination voxels.",
      {tensor("matrix", "[N, 3, 4]", almost)}, set("matrix", affinities),
      [](auto& x, auto& v) { return warp_affine3d(x, v.tensor("matrix"), warp_options(v)); }, true));
  // At whole positions the slope is that to the right, below and behind.
  rows.back().kinks.push_back({"on a voxel",
                               {{"volume", numbers({1, 2, 4, 8, 9, 11, 13, 17}, {1, 1, 2, 2, 2})},
                                {"matrix", numbers({1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}, {1, 3, 4})},
                                {"size", std::vector<double>{1, 1, 1}},
                                {"inverse_map", true}},
                               Tensor::ones({1, 1, 1, 1, 1}, DType::f64),
                               "matrix",
                               numbers({0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 8}, {1, 3, 4})});
  rows.push_back(warp_row(
      "warp_perspective3d", "The volume under projective maps of source to destination voxels.",
      {tensor("matrix", "[N, 4, 4]", almost)}, set("matrix", homographies),
      [](auto& x, auto& v) { return warp_perspective3d(x, v.tensor("matrix"), warp_options(v)); }, true));
  const Fill normal = [](Values& v, std::int64_t n, std::size_t) {
    v.set("matrix", mul(homographies(n), numbers({1, 1, 1, 0.1, 1, 1, 1, 0.1, 1, 1, 1, 0.1, 1, 1, 1, 1}, {4, 4})));
  };
  rows.push_back(warp_row("homography_warp3d", "The volume under projective maps of destination to source in [-1, 1].",
                          {tensor("matrix", "[N, 4, 4]", almost)}, normal,
                          [](auto& x, auto& v) { return homography_warp3d(x, v.tensor("matrix"), warp_options(v)); }));
  rows.push_back(warp_row("affine3d", "The volume under affine maps, another name of warp_affine3d.",
                          {tensor("matrix", "[N, 3, 4]", almost)}, set("matrix", affinities),
                          [](auto& x, auto& v) { return affine3d(x, v.tensor("matrix"), warp_options(v)); }));
  rows.push_back(warp_row(
      "rotate3d", "The volume turned about an axis through a centre.",
      {tensor("axis_angle", "along the axis, as long as the angle in radians; [N, 3] or [3]", almost),
       tensor("center", "(x, y, z); left out: the middle", almost, "", true),
       option("axis_epsilon", K::number, "added to the angle where the axis is normalised (parity)", "0")},
      [](Values& v, std::int64_t n, std::size_t i) {
        v.set("axis_angle", n == 2 ? numbers({0.3171, -0.2133, 0.4119, -0.1731, 0.5237, 0.2291}, {2, 3})
                                   : numbers({0.2517, 0.1931, -0.3713}, {3}));
        if (i % 2 == 1) v.set("center", numbers({2.137, 1.291, 0.873}, {3}));
        if (i == 6) v.set("axis_epsilon", 1e-6);
      },
      [](auto& x, auto& v) {
        return rotate3d(x, v.tensor("axis_angle"), v.tensor("center"), warp_options(v), v.number("axis_epsilon"));
      }));
  const Fill box = [](Values& v, std::int64_t n, std::size_t) {
    v.set("boxes", boxes(n, 0));
    v.set("size", std::vector<double>{2, 4, 3});
  };
  rows.push_back(warp_row("crop_and_resize3d", "What boxes hold, brought to a size.",
                          {tensor("boxes", "[N, 8, 3]", almost)}, box,
                          [](auto& x, auto& v) { return crop_and_resize3d(x, v.tensor("boxes"), warp_options(v)); }));
  const Fill two_boxes = [](Values& v, std::int64_t n, std::size_t i) {
    v.set("source", boxes(n, 0));
    v.set("destination", add(mul(boxes(n, 0.1171), 0.913), 0.2171));
    if (i != 2) v.set("size", std::vector<double>{2, 4, 3});
  };
  rows.push_back(warp_row("crop_by_boxes3d", "One box brought onto another.",
                          {tensor("source", "[N, 8, 3]", almost), tensor("destination", "[N, 8, 3]", almost)},
                          two_boxes, [](auto& x, auto& v) {
                            return crop_by_boxes3d(x, v.tensor("source"), v.tensor("destination"), warp_options(v));
                          }));
  const Fill size_alone = [](Values& v, std::int64_t, std::size_t i) {
    v.set("size", i % 2 == 0 ? std::vector<double>{2, 3, 4} : std::vector<double>{1, 2, 3});
  };
  rows.push_back(warp_row("center_crop3d", "The middle of a volume.", {}, size_alone,
                          [](auto& x, auto& v) { return center_crop3d(x, warp_options(v)); }));
  return rows;
}

std::vector<Operator> flips() {
  std::vector<Operator> rows;
  const auto add = [&](const char* name, const char* doc, Tensor (*f)(const Tensor&, Here)) {
    Operator op;
    op.name = std::string("geometry.") + name;
    op.doc = doc;
    op.arguments = {tensor("volume", "[N, C, D, H, W]", exact)};
    op.linear = true;
    op.call = [f](const Values& v) { return std::vector{f(v.tensor("volume"), {})}; };
    op.samples = [](std::uint64_t seed) {
      std::vector<Sample> samples;
      for (const Shape& shape :
           {Shape{1, 1, 3, 5, 7}, Shape{2, 2, 4, 4, 6}, Shape{1, 3, 2, 3, 4}, Shape{1, 1, 1, 1, 9},
            Shape{1, 1, 5, 1, 1}, Shape{2, 1, 1, 6, 1}, Shape{1, 2, 2, 2, 2}, Shape{3, 1, 4, 3, 2}})
        samples.push_back({to_string(shape), {{"volume", draws(seed + samples.size(), 1, shape, 0, 1)}}});
      return samples;
    };
    op.refusals = {{"an image", {{"volume", Tensor::ones({1, 1, 4, 4}, DType::f64)}}, "expected a volume"}};
    rows.push_back(std::move(op));
  };
  add("hflip3d", "The volume mirrored left to right.", hflip3d);
  add("vflip3d", "The volume mirrored top to bottom.", vflip3d);
  add("dflip3d", "The volume mirrored front to back.", dflip3d);
  return rows;
}

// Matrices and grids from continuous arguments only.
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

std::vector<Operator> builders() {
  const Tensor wrong = Tensor::ones({2, 5}, DType::f64);
  const Argument center = tensor("center", "[N, 3] or [3]", exact);
  const Argument epsilon =
      option("axis_epsilon", K::number, "added to the angle where the axis is normalised (parity)", "0");
  const Argument fixed = option("fixed_center", K::flag, "false: the offset that Kornia computes", "true");
  std::vector<Operator> rows;
  rows.push_back(builder_row(
      "get_rotation_matrix3d", "Rotation about an axis, and scaling, about a centre.",
      {center, tensor("axis_angle", "along the axis, as long as the angle in radians; [N, 3]", exact),
       tensor("scale", "[N, 3] or one number", exact, "1"), epsilon},
      [](std::uint64_t s, std::int64_t n) {
        // The first sample does not turn: there the matrix is smooth as elsewhere.
        Values v{{"center", draws(s, 0, {n, 3}, -5, 5)},
                 {"axis_angle", n == 1 ? Tensor::zeros({1, 3}, DType::f64) : draws(s, 1, {n, 3}, -2, 2)}};
        if (n > 2) v.set("scale", draws(s, 2, {n, 3}, 0.5, 2));
        if (n == 4) v.set("axis_epsilon", 1e-6);
        return v;
      },
      [](const Values& v) {
        return get_rotation_matrix3d(v.tensor("center"), v.tensor("axis_angle"), v.tensor("scale"),
                                     v.number("axis_epsilon"));
      },
      {"no point", {{"center", wrong}, {"axis_angle", numbers({0, 0, 1}, {3})}}, "expected center"}));
  rows.back().golden.push_back({"a quarter turn about z through (1, 0, 0): (2, 0, 0) goes to (1, 1, 0)",
                                {{"center", numbers({1, 0, 0}, {3})}, {"axis_angle", numbers({0, 0, pi / 2}, {3})}},
                                {numbers({0, -1, 0, 1, 1, 0, 0, -1, 0, 0, 1, 0}, {1, 3, 4})}});
  rows.back().golden.push_back(
      {"a turn far smaller than what is added to its angle",
       {{"center", numbers({0, 0, 0}, {3})}, {"axis_angle", numbers({0, 0, 1e-7}, {3})}, {"axis_epsilon", 1e-6}},
       {numbers({1, -1e-7, 0, 0, 1e-7, 1, 0, 0, 0, 0, 1, 0}, {1, 3, 4})},
       1e-13});
  rows.push_back(builder_row(
      "get_shear_matrix3d", "Shear of space about a centre.",
      {center, tensor("shear", "radians (xy, xz, yx, yz, zx, zy), [N, 6]", exact), fixed},
      [](std::uint64_t s, std::int64_t n) {
        return Values{{"center", draws(s, 0, {n, 3}, -5, 5)},
                      {"shear", draws(s, 1, {n, 6}, -1, 1)},
                      {"fixed_center", n % 3 != 0}};
      },
      [](const Values& v) { return get_shear_matrix3d(v.tensor("center"), v.tensor("shear"), v.flag("fixed_center")); },
      {"no point", {{"center", wrong}, {"shear", wrong}}, "expected center"}));
  rows.push_back(builder_row(
      "get_affine_matrix3d", "Shear, rotation and scale about a centre, then translation.",
      {tensor("translation", "[N, 3]", exact), center, tensor("scale", "[N, 3] or one number", exact, "1"),
       tensor("axis_angle", "radians, [N, 3]", exact, "[0, 0, 0]"),
       tensor("shear", "radians, [N, 6]", exact, "[0, 0, 0, 0, 0, 0]"), epsilon, fixed},
      [](std::uint64_t s, std::int64_t n) {
        return Values{{"translation", draws(s, 0, {n, 3}, -5, 5)},
                      {"center", draws(s, 1, {n, 3}, -5, 5)},
                      {"scale", draws(s, 2, {n, 3}, 0.5, 2)},
                      {"axis_angle", draws(s, 3, {n, 3}, -2, 2)},
                      {"shear", draws(s, 4, {n, 6}, -1, 1)}};
      },
      [](const Values& v) {
        return get_affine_matrix3d({v.tensor("translation"), v.tensor("center"), v.tensor("scale"),
                                    v.tensor("axis_angle"), v.tensor("shear"), v.number("axis_epsilon"),
                                    v.flag("fixed_center")});
      },
      {"no point", {{"translation", wrong}, {"center", wrong}}, "expected translation"}));
  const Tensor cube = numbers({0, 0, 0, 3, 0, 0, 3, 3, 0, 0, 3, 0, 0, 0, 3, 3, 0, 3, 3, 3, 3, 0, 3, 3}, {1, 8, 3});
  rows.push_back(builder_row(
      "get_perspective_transform3d", "The projective map that takes the corners of a box to those of another.",
      {tensor("source", "[N, 8, 3]", exact), tensor("destination", "[N, 8, 3]", exact)},
      [cube](std::uint64_t s, std::int64_t n) {
        return Values{{"source", add(draws(s, 0, {n, 8, 3}, -0.5, 0.5), cube)},
                      {"destination", add(draws(s, 1, {n, 8, 3}, -0.5, 0.5), cube)}};
      },
      [](const Values& v) { return get_perspective_transform3d(v.tensor("source"), v.tensor("destination")); },
      {"no box", {{"source", wrong}, {"destination", wrong}}, "expected points"}));
  rows.push_back(builder_row(
      "projection_from_Rt", "Rotation and translation side by side.",
      {tensor("rotation", "[N, 3, 3]", exact), tensor("translation", "[N, 3, 1]", exact)},
      [](std::uint64_t s, std::int64_t n) {
        return Values{{"rotation", draws(s, 0, {n, 3, 3}, -1, 1)}, {"translation", draws(s, 1, {n, 3, 1}, -1, 1)}};
      },
      [](const Values& v) { return projection_from_Rt(v.tensor("rotation"), v.tensor("translation")); },
      {"no rotation", {{"rotation", wrong}, {"translation", wrong}}, "expected rotations"}));
  const Argument size2 = option("size", K::list, "(h, w)", ""), size3 = option("size", K::list, "(d, h, w)", "");
  const Argument align = option("align_corners", K::flag, "false: -1 and 1 are outermost edges", "true");
  const auto list_of = [](const Values& v, std::size_t count) {
    const std::vector<double> list = v.list("size");
    require<FormatError>(list.size() == count, "size: expected ", count, " numbers, got ", list.size());
    std::vector<std::int64_t> size;
    for (const double extent : list) size.push_back(static_cast<std::int64_t>(extent));
    return size;
  };
  rows.push_back(builder_row(
      "affine_grid", "The grid that reads an image under an affine map in [-1, 1].",
      {tensor("theta", "[N, 2, 3]", exact), size2, align},
      [](std::uint64_t s, std::int64_t n) {
        return Values{{"theta", draws(s, 0, {n, 2, 3}, -1, 1)},
                      {"size", n == 5 ? std::vector<double>{1, 6} : std::vector<double>{4, 5}},
                      {"align_corners", n % 2 == 0}};
      },
      [list_of](const Values& v) {
        const auto size = list_of(v, 2);
        return affine_grid(v.tensor("theta"), {size[0], size[1]}, v.flag("align_corners"));
      },
      {"no map", {{"theta", wrong}, {"size", std::vector<double>{2, 2}}}, "expected maps"}));
  rows.push_back(builder_row(
      "affine_grid3d", "The grid that reads a volume under an affine map in [-1, 1].",
      {tensor("theta", "[N, 3, 4]", exact), size3, align},
      [](std::uint64_t s, std::int64_t n) {
        return Values{{"theta", draws(s, 0, {n, 3, 4}, -1, 1)},
                      {"size", n == 5 ? std::vector<double>{1, 1, 6} : std::vector<double>{2, 3, 4}},
                      {"align_corners", n % 2 == 0}};
      },
      [list_of](const Values& v) {
        const auto size = list_of(v, 3);
        return affine_grid3d(v.tensor("theta"), {size[0], size[1], size[2]}, v.flag("align_corners"));
      },
      {"no map", {{"theta", wrong}, {"size", std::vector<double>{2, 2, 2}}}, "expected maps"}));
  return rows;
}

}  // namespace

std::vector<Operator> volume_rows() {
  std::vector<Operator> rows;
  for (auto part : {warps(), flips(), builders()})
    rows.insert(rows.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
  return rows;
}

}  // namespace lumigrad::geometry
