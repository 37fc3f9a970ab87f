// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/geometry/catalogue.h>

#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/vision/geometry/matrices.h>
#include <lumigrad/vision/geometry/resize.h>
#include <lumigrad/vision/geometry/rows.h>
#include <lumigrad/vision/geometry/transform.h>
#include <cmath>

namespace lumigrad {
namespace {

using namespace geometry;

Tensor draws(std::uint64_t seed, const Shape& shape, double low, double high) {
  return uniform({seed, 11}, shape, low, high, DType::f64);
}

Size size_of_list(const Values& v) {
  const std::vector<double> list = v.has("size") ? v.list("size") : std::vector<double>{};
  if (list.empty()) return {};
  require<FormatError>(list.size() == 2, "size: expected [h, w], got ", list.size(), " numbers");
  return {static_cast<std::int64_t>(list[0]), static_cast<std::int64_t>(list[1])};
}

std::vector<Argument> warp_arguments() {
  using K = Argument::Kind;
  return {option("size", K::list, "(h, w) of the result; empty: that of the image", "[]"),
          option("mode", K::choice, "how the image is read between pixels", "\"bilinear\"", interpolations),
          option("border", K::choice, "what lies outside", "\"zeros\"", borders),
          tensor("fill", "value outside, one or one a channel, with border zeros", exact, "", true),
          option("align_corners", K::flag, "false: Kornia's and PyTorch's other normalisation", "true"),
          option("inverse_map", K::flag, "the matrix maps destination to source", "false"),
          option("cubic", K::number, "Keys' a of bicubic weights", "-0.75")};
}
WarpOptions warp_options(const Values& v) {
  return {.size = size_of_list(v),
          .mode = chosen<Interpolation>(v, "mode", interpolations),
          .border = chosen<Border>(v, "border", borders),
          .fill = v.tensor("fill"),
          .align_corners = v.flag("align_corners"),
          .inverse_map = v.has("inverse_map") && v.flag("inverse_map"),
          .cubic = v.number("cubic")};
}

using Fill = std::function<void(Values& values, std::int64_t batch, std::size_t index)>;
using Call = std::function<Tensor(const Tensor& image, const Values& values)>;

// Shapes and options that every warp is tried with.
std::vector<Sample> warp_samples(std::uint64_t seed, const Fill& fill, bool inverse_map, bool sized) {
  struct Case {
    const char* name;
    Shape shape;
    int mode, border;
    bool align, sized;
  };
  const Case cases[] = {{"odd sizes", {1, 1, 7, 9}, 1, 0, true, false},
                        {"batch of two, another size", {2, 2, 6, 8}, 1, 0, true, true},
                        {"border", {2, 1, 5, 8}, 1, 1, true, false},
                        {"reflection, other normalisation", {1, 2, 6, 7}, 1, 2, false, true},
                        {"symmetric", {1, 1, 8, 5}, 1, 3, true, false},
                        {"circular", {1, 1, 6, 6}, 1, 4, true, false},
                        {"bicubic", {1, 2, 7, 8}, 2, 0, true, true},
                        {"bicubic, border, other normalisation", {2, 1, 6, 7}, 2, 1, false, false},
                        {"nearest", {1, 1, 6, 7}, 0, 0, true, false},
                        {"one row", {1, 1, 1, 9}, 1, 1, true, false},
                        {"filled", {1, 2, 6, 7}, 1, 0, true, false}};
  std::vector<Sample> samples;
  for (const Case& c : cases) {
    const std::size_t index = samples.size();
    Values values{{"image", draws(seed + index, c.shape, 0, 1)},
                  {"mode", interpolations[static_cast<std::size_t>(c.mode)]},
                  {"border", borders[static_cast<std::size_t>(c.border)]},
                  {"align_corners", c.align}};
    if (c.sized && sized) values.set("size", std::vector<double>{5, 6});
    if (index == 10) values.set("fill", numbers({0.2, 0.7}, {2}));
    if (inverse_map && index == 4) values.set("inverse_map", true);
    fill(values, c.shape[0], index);
    samples.push_back({c.name, values});
  }
  return samples;
}

Operator warp_row(const char* name, const char* doc, std::vector<Argument> own, const Fill& fill, const Call& call,
                  bool inverse_map = false, bool sized = true) {
  Operator op;
  op.name = std::string("geometry.") + name;
  op.doc = doc;
  op.arguments = {tensor("image", "[N, C, H, W]", exact)};
  for (Argument& a : own) op.arguments.push_back(std::move(a));
  for (Argument& a : warp_arguments())
    if ((a.name != "inverse_map" || inverse_map) && (a.name != "size" || sized)) op.arguments.push_back(std::move(a));
  op.call = [call](const Values& v) { return std::vector{call(v.tensor("image"), v)}; };
  op.samples = [fill, inverse_map, sized](std::uint64_t seed) { return warp_samples(seed, fill, inverse_map, sized); };
  Values flat{{"image", Tensor::ones({4, 4}, DType::f64)}}, whole{{"image", Tensor::ones({1, 1, 4, 4}, DType::i64)}};
  fill(flat, 1, 0);
  fill(whole, 1, 0);
  op.refusals = {{"no batch", flat, "expected an image"}, {"whole numbers", whole, "expected"}};
  op.f32_bound = 2e-4;  // positions of some pixels in f32 times the slope of noise
  op.grad_bound = 5e-3;
  op.bound_reason = "the gradient to a map is a sum of slopes times coordinates over all pixels, with cancellation";
  op.bench = [fill](const Shape& shape, DType dtype) {
    Values values{{"image", uniform({7, 1}, shape, 0, 1, dtype)}};
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
  const Tensor both = numbers(
      {0.8312, 0.2134, 0.3571, -0.1719, 0.7533, 1.1371, 1.1037, -0.2093, 0.2717, 0.2231, 0.9071, -0.6013}, {2, 2, 3});
  return n == 2 ? both : slice(both, 0, 0, 1).clone();
}
Tensor homographies(std::int64_t n) {
  const Tensor last = numbers({0.0113, -0.0071, 1.0217, -0.0107, 0.0043, 0.9731}, {2, 1, 3});
  return concat({affinities(n), slice(last, 0, 0, n)}, 1);
}

// Benchmarks read the image everywhere, or take its middle half, whatever the sizes of the samples.
void bench_with(Operator& op, const std::function<void(Values& values, const Shape& image)>& set) {
  op.bench = [set](const Shape& shape, DType dtype) {
    Values values{{"image", uniform({7, 1}, shape, 0, 1, dtype)}};
    set(values, shape);
    return values;
  };
}
// A turn of seven degrees, a shift and a little perspective: the map that tools/bench_opencv gives to OpenCV.
Tensor typical_view() { return numbers({0.99, -0.12, 30, 0.12, 0.99, -25, 1e-5, 2e-5, 1}, {1, 3, 3}); }
Tensor middle_box(const Shape& image) {
  const auto h = static_cast<double>(image[2]), w = static_cast<double>(image[3]);
  return numbers({0.25 * w, 0.25 * h, 0.75 * w, 0.25 * h, 0.75 * w, 0.75 * h, 0.25 * w, 0.75 * h}, {1, 4, 2});
}
// Positions along an axis, in waves: [N, H, W] in pixels, f32.
Tensor waves(const Shape& image, bool along_x) {
  Tensor positions = Tensor::zeros({image[0], image[2], image[3]}, DType::f32);
  auto* at = positions.mutable_data<float>();
  for (std::int64_t i = 0; i < positions.numel(); ++i) {
    const auto x = static_cast<double>(i % image[3]), y = static_cast<double>(i / image[3] % image[2]);
    at[i] = static_cast<float>(along_x ? x + 3 * std::sin(y / 20) + 0.3 : y + 3 * std::cos(x / 20) - 0.4);
  }
  return positions;
}
std::vector<double> half_size(const Shape& image) {
  return {static_cast<double>(image[2] / 2), static_cast<double>(image[3] / 2)};
}

std::vector<Operator> warps() {
  std::vector<Operator> rows;
  const auto set = [](const char* name, auto make) -> Fill {
    return [name, make](Values& v, std::int64_t n, std::size_t) { v.set(name, Tensor(make(n))); };
  };
  const auto vector_of = [](double x, double y) {
    return [x, y](std::int64_t n) {
      return n == 2 ? numbers({x, y, -0.7 * x, 0.9 * y}, {2, 2}) : numbers({x, y}, {1, 2});
    };
  };
  rows.push_back(warp_row(
      "warp_affine", "The image under affine maps of source to destination pixels.",
      {tensor("matrix", "[N, 2, 3]", almost)}, set("matrix", affinities),
      [](auto& x, auto& v) { return warp_affine(x, v.tensor("matrix"), warp_options(v)); }, true));
  bench_with(rows.back(), [](Values& v, const Shape&) { v.set("matrix", slice(typical_view(), 1, 0, 2)); });
  rows.push_back(warp_row(
      "warp_perspective", "The image under homographies of source to destination pixels.",
      {tensor("matrix", "[N, 3, 3]", almost)}, set("matrix", homographies),
      [](auto& x, auto& v) { return warp_perspective(x, v.tensor("matrix"), warp_options(v)); }, true));
  bench_with(rows.back(), [](Values& v, const Shape&) { v.set("matrix", typical_view()); });
  const Fill normal = [](Values& v, std::int64_t n, std::size_t) {
    v.set("matrix", n == 2 ? numbers({0.831, 0.113, 0.057, -0.071, 0.753, 0.037, 0.011, -0.017, 1.02, 1.03, -0.093,
                                      0.017, 0.131, 0.907, -0.013, -0.011, 0.043, 0.973},
                                     {2, 3, 3})
                           : numbers({0.831, 0.113, 0.057, -0.071, 0.753, 0.037, 0.011, -0.017, 1.02}, {1, 3, 3}));
  };
  rows.push_back(warp_row("homography_warp", "The image under homographies of destination to source in [-1, 1].",
                          {tensor("matrix", "[N, 3, 3]", almost)}, normal,
                          [](auto& x, auto& v) { return homography_warp(x, v.tensor("matrix"), warp_options(v)); }));
  rows.push_back(warp_row(
      "rotate", "The image turned counter-clockwise about a centre.",
      {tensor("angle", "radians, [N] or one number", almost),
       tensor("center", "(x, y); left out: the middle", almost, "", true)},
      [](Values& v, std::int64_t n, std::size_t i) {
        v.set("angle", n == 2 ? numbers({0.3171, -0.7133}, {2}) : numbers({0.4517}, {1}));
        if (i % 2 == 1) v.set("center", numbers({2.137, 3.291}, {2}));
      },
      [](auto& x, auto& v) { return rotate(x, v.tensor("angle"), v.tensor("center"), warp_options(v)); }));
  rows.push_back(warp_row("translate", "The image moved by (x, y) pixels.",
                          {tensor("translation", "[N, 2] or [2]", almost)},
                          set("translation", vector_of(1.3171, -0.6133)),
                          [](auto& x, auto& v) { return translate(x, v.tensor("translation"), warp_options(v)); }));
  rows.push_back(warp_row(
      "scale", "The image enlarged about a centre.",
      {tensor("factor", "(x, y) or one number", almost),
       tensor("center", "(x, y); left out: the middle", almost, "", true)},
      [](Values& v, std::int64_t n, std::size_t i) {
        v.set("factor", n == 2 ? numbers({1.317, 0.713, 0.871, 1.133}, {2, 2}) : numbers({1.2173}, {}));
        v.set("center", numbers({2.137 + 0.1 * static_cast<double>(i), 3.291}, {2}));
      },
      [](auto& x, auto& v) { return geometry::scale(x, v.tensor("factor"), v.tensor("center"), warp_options(v)); }));
  rows.push_back(warp_row("shear", "The image sheared about the origin.", {tensor("shear", "[N, 2] or [2]", almost)},
                          set("shear", vector_of(0.1317, -0.1133)),
                          [](auto& x, auto& v) { return geometry::shear(x, v.tensor("shear"), warp_options(v)); }));
  const auto box = [](std::int64_t n) {
    const Tensor one = numbers({0.613, 0.337, 4.171, 0.337, 4.171, 3.719, 0.613, 3.719}, {1, 4, 2});
    return n == 2 ? concat({one, one}, 0) : one;
  };
  const Fill boxes = [box](Values& v, std::int64_t n, std::size_t) {
    v.set("boxes", box(n));
    v.set("size", std::vector<double>{4, 5});
  };
  rows.push_back(warp_row("crop_and_resize", "What boxes hold, brought to a size.",
                          {tensor("boxes", "[N, 4, 2]", almost)}, boxes,
                          [](auto& x, auto& v) { return crop_and_resize(x, v.tensor("boxes"), warp_options(v)); }));
  bench_with(rows.back(), [](Values& v, const Shape& image) {
    v.set("boxes", middle_box(image));
    v.set("size", half_size(image));
  });
  const Fill two_boxes = [box](Values& v, std::int64_t n, std::size_t i) {
    v.set("source", box(n));
    v.set("destination", box(n) * 0.913 + 0.2171);
    if (i != 2) v.set("size", std::vector<double>{4, 5});
  };
  rows.push_back(warp_row(
      "crop_by_boxes", "One box brought onto another.",
      {tensor("source", "[N, 4, 2]", almost), tensor("destination", "[N, 4, 2]", almost)}, two_boxes,
      [](auto& x, auto& v) { return crop_by_boxes(x, v.tensor("source"), v.tensor("destination"), warp_options(v)); }));
  bench_with(rows.back(), [](Values& v, const Shape& image) {
    const Tensor box = middle_box(image);
    v.set("source", box);
    v.set("destination", sub(box, slice(box, 1, 0, 1)));
    v.set("size", half_size(image));
  });
  const Fill size_alone = [](Values& v, std::int64_t, std::size_t i) {
    v.set("size", i % 2 == 0 ? std::vector<double>{4, 5} : std::vector<double>{3, 4});
  };
  rows.push_back(warp_row("center_crop", "The middle of an image.", {}, size_alone,
                          [](auto& x, auto& v) { return center_crop(x, warp_options(v)); }));
  bench_with(rows.back(), [](Values& v, const Shape& image) { v.set("size", half_size(image)); });
  rows.push_back(warp_row("affine", "The image under affine maps, another name of warp_affine.",
                          {tensor("matrix", "[N, 2, 3]", almost)}, set("matrix", affinities),
                          [](auto& x, auto& v) { return affine(x, v.tensor("matrix"), warp_options(v)); }));
  const auto remap_options = [](const Values& v) {
    const WarpOptions o = warp_options(v);
    return RemapOptions{.mode = o.mode,
                        .border = o.border,
                        .fill = o.fill,
                        .align_corners = o.align_corners,
                        .normalized_coordinates = v.has("normalized_coordinates") && v.flag("normalized_coordinates"),
                        .cubic = o.cubic};
  };
  const Fill grid = [](Values& v, std::int64_t n, std::size_t i) {
    v.set("grid", draws(51 + i, {n, 4, 5, 2}, -1.2, 1.2));
    if (i != 8) return;  // a volume
    v.set("image", draws(50, {1, 2, 3, 4, 5}, 0, 1));
    v.set("grid", draws(59, {n, 2, 3, 4, 3}, -1.2, 1.2));
    v.set("mode", interpolations[1]);
  };
  rows.push_back(warp_row(
      "grid_sample", "The image or volume read at a grid of normalised positions.",
      {tensor("grid", "[N, h, w, 2] in [-1, 1]; of a volume [N, d, h, w, 3]", almost)}, grid,
      [remap_options](auto& x, auto& v) { return grid_sample(x, v.tensor("grid"), remap_options(v)); }, false, false));
  bench_with(rows.back(), [](Values& v, const Shape& image) {
    const auto normal = [&](bool along_x) {
      return sub(div(waves(image, along_x), static_cast<double>(image[along_x ? 3 : 2] - 1) / 2), 1);
    };
    v.set("grid", stack({normal(true), normal(false)}, -1));
  });
  const Fill maps = [](Values& v, std::int64_t n, std::size_t i) {
    v.set("map_x", draws(71 + i, {n, 4, 5}, -0.9, 6.9));
    v.set("map_y", draws(91 + i, {n, 4, 5}, -0.9, 5.9));
  };
  rows.push_back(warp_row(
      "remap", "The image read at given positions.",
      {tensor("map_x", "[N, h, w]", almost), tensor("map_y", "[N, h, w]", almost),
       option("normalized_coordinates", Argument::Kind::flag, "maps hold [-1, 1]", "false")},
      maps,
      [remap_options](auto& x, auto& v) { return remap(x, v.tensor("map_x"), v.tensor("map_y"), remap_options(v)); },
      false, false));
  bench_with(rows.back(), [](Values& v, const Shape& image) {
    v.set("map_x", waves(image, true));
    v.set("map_y", waves(image, false));
  });
  return rows;
}

}  // namespace

const std::vector<Operator>& geometry_operators() {
  static const std::vector<Operator> all = [] {
    std::vector<Operator> rows = warps();
    for (Operator& op : geometry::resize_rows()) rows.push_back(std::move(op));
    for (Operator& op : geometry::matrix_rows()) rows.push_back(std::move(op));
    for (Operator& op : geometry::volume_rows()) rows.push_back(std::move(op));
    for (Operator& op : geometry::grid_rows()) rows.push_back(std::move(op));
    return rows;
  }();
  return all;
}

}  // namespace lumigrad
