// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/color/catalogue.h>
#include <lumigrad/vision/color/color.h>
#include <lumigrad/vision/photometric_rows.h>
#include <cmath>
#include <numbers>

namespace lumigrad {
namespace {

using rows::image_row;
using rows::pixel_of;
constexpr auto exact = Differentiability::exact;
constexpr auto almost = Differentiability::almost_everywhere;
constexpr double turn = 2 * std::numbers::pi;

// A conversion without options.
template <Tensor (*convert)(const Tensor&, Here)>
Operator plain(const char* name, const char* doc, Differentiability gradient = exact, std::int64_t channels = 3,
               std::int64_t results = 3, double low = 0.04, double high = 0.96, std::vector<double> kinks = {}) {
  return image_row({.name = name,
                    .doc = doc,
                    .channels = channels,
                    .results = results,
                    .call = [](const Tensor& image, const Values&) { return std::vector{convert(image, {})}; },
                    .low = low,
                    .high = high,
                    .kinks = std::move(kinks),
                    .gradient = gradient});
}

// A conversion with a small number that keeps a divisor from 0.
template <Tensor (*convert)(const Tensor&, const Tensor&, Here)>
Operator guarded(const char* name, const char* doc, Differentiability gradient, const char* otherwise, double low,
                 double high) {
  return image_row(
      {.name = name,
       .doc = doc,
       .call = [](const Tensor& image, const Values& v) { return std::vector{convert(image, v.tensor("eps"), {})}; },
       .low = low,
       .high = high,
       .gradient = gradient,
       .options = {rows::factor("eps", "added to divisors that can vanish", otherwise, exact, ">= 0")},
       .choose =
           [](Values& values, const Shape& shape, std::size_t index) {
             if (index != 0) values.set("eps", rows::factor_of(shape, index, 1e-3, 2e-2));
           }});
}

void known(Operator& op, const char* source, std::initializer_list<double> x, std::initializer_list<double> y,
           double tolerance = 1e-9) {
  op.golden.push_back({source, {{"image", pixel_of(x)}}, {pixel_of(y)}, tolerance});
}

void kink(Operator& op, const char* what, std::initializer_list<double> x, std::initializer_list<double> seed,
          std::initializer_list<double> slope) {
  op.kinks.push_back({what, {{"image", pixel_of(x)}}, pixel_of(seed), "image", pixel_of(slope)});
}

std::vector<Operator> gray_rows() {
  std::vector<Operator> all;
  Operator gray = image_row(
      {.name = "color.rgb_to_grayscale",
       .doc = "Grey levels of an RGB image: 0.299 R + 0.587 G + 0.114 B, or weights of one's own.",
       .results = 1,
       .call = [](const Tensor& image,
                  const Values& v) { return std::vector{color::rgb_to_grayscale(image, v.tensor("weights"))}; },
       .options = {{.name = "weights", .doc = "three numbers", .gradient = exact, .optional = true}},
       .choose =
           [](Values& values, const Shape&, std::size_t index) {
             if (index % 2 == 1) values.set("weights", rows::numbers_of({0.2, 0.7, 0.1}));
           }});
  gray.linear = true;
  gray.bench = [](const Shape& shape, DType dtype) {
    return Values{{"image", uniform({7, 1}, shape.with(shape.rank() - 3, 3), 0, 1, dtype)}};
  };
  known(gray, "ITU-R BT.601 by hand", {1, 0.5, 0.25}, {0.299 + 0.2935 + 0.0285});
  gray.refusals.push_back({"two weights",
                           {{"image", pixel_of({1, 1, 1})}, {"weights", rows::numbers_of({1, 2})}},
                           "color.rgb_to_grayscale: expected three weights"});
  all.push_back(gray);
  all.push_back(plain<color::bgr_to_grayscale>("color.bgr_to_grayscale", "Grey levels of a BGR image.", exact, 3, 1));
  known(all.back(), "ITU-R BT.601 by hand", {0.25, 0.5, 1}, {0.299 + 0.2935 + 0.0285});
  all.push_back(plain<color::rgb_to_y>("color.rgb_to_y", "The luma of an RGB image (ITU-R BT.601).", exact, 3, 1));
  all.push_back(plain<color::grayscale_to_rgb>("color.grayscale_to_rgb", "Three equal channels.", exact, 1));
  all.push_back(plain<color::rgb_to_bgr>("color.rgb_to_bgr", "Channels in the opposite order."));
  all.push_back(plain<color::bgr_to_rgb>("color.bgr_to_rgb", "Channels in the opposite order."));
  known(all.back(), "by hand", {1, 2, 3}, {3, 2, 1});
  for (std::size_t i = 1; i < all.size(); ++i) all[i].linear = true;
  for (std::size_t i = 3; i < all.size(); ++i) all[i].refusals.pop_back();  // moving takes any dtype
  return all;
}

std::vector<Operator> alpha_rows() {
  std::vector<Operator> all;
  using Convert = Tensor (*)(const Tensor&, const Tensor&, Here);
  const auto with = [&](const char* name, const char* doc, Convert convert) {
    all.push_back(image_row(
        {.name = name,
         .doc = doc,
         .results = 4,
         .call = [convert](const Tensor& image,
                           const Values& v) { return std::vector{convert(image, v.tensor("alpha"), {})}; },
         .options = {{.name = "alpha", .doc = "one number, one an image, or [.., 1, H, W]", .gradient = exact}},
         .choose =
             [](Values& values, const Shape& shape, std::size_t index) {
               values.set("alpha", index % 3 == 2 ? rows::image(11, shape.with(shape.rank() - 3, 1), 0.1, 0.9)
                                                  : rows::factor_of(shape, index, 0.2, 0.9));
             }}));
  };
  with("color.rgb_to_rgba", "An alpha channel put behind RGB.", color::rgb_to_rgba);
  with("color.bgr_to_rgba", "BGR brought into the order RGB, and an alpha channel put behind.", color::bgr_to_rgba);
  const auto over = [&](const char* name, const char* doc, Convert convert) {
    all.push_back(image_row(
        {.name = name,
         .doc = doc,
         .channels = 4,
         .call = [convert](const Tensor& image,
                           const Values& v) { return std::vector{convert(image, v.tensor("background"), {})}; },
         .options = {{.name = "background",
                      .doc = "three numbers or [.., 3, H, W]; white where left out",
                      .gradient = exact,
                      .optional = true}},
         .choose =
             [](Values& values, const Shape& shape, std::size_t index) {
               if (index % 3 == 1) values.set("background", rows::numbers_of({0.1, 0.5, 0.8}));
               if (index % 3 == 2) values.set("background", rows::image(12, shape.with(shape.rank() - 3, 3), 0.1, 0.9));
             }}));
  };
  over("color.rgba_to_rgb", "What shows of an RGBA image in front of a background.", color::rgba_to_rgb);
  known(all.back(), "by hand", {1, 0.5, 0, 0.25}, {1, 0.875, 0.75});
  over("color.rgba_to_bgr", "The same with channels in the order BGR.", color::rgba_to_bgr);
  known(all.back(), "by hand", {1, 0.5, 0, 0.25}, {0.75, 0.875, 1});
  return all;
}

std::vector<Operator> cone_rows() {
  std::vector<Operator> all;
  all.push_back(guarded<color::rgb_to_hsv>("color.rgb_to_hsv", "Hue (radians), saturation and value of an RGB image.",
                                           almost, "1e-8", 0.04, 0.96));
  known(all.back(), "red", {1, 0, 0}, {0, 1, 1}, 1e-7);
  known(all.back(), "yellow", {0.5, 0.5, 0}, {turn / 6, 1, 0.5}, 1e-7);
  known(all.back(), "violet", {0.5, 0, 1}, {turn * 0.75, 1, 1}, 1e-7);
  known(all.back(), "grey", {0.4, 0.4, 0.4}, {0, 0, 0.4});
  known(all.back(), "black", {0, 0, 0}, {0, 0, 0});
  kink(all.back(), "hue of grey", {0.4, 0.4, 0.4}, {1, 0, 0}, {0, 0, 0});
  kink(all.back(), "hue of black", {0, 0, 0}, {1, 1, 0}, {0, 0, 0});
  kink(all.back(), "two largest channels share the value", {0.4, 0.2, 0.4}, {0, 0, 1}, {0.5, 0, 0.5});
  kink(all.back(), "channels of grey share the value", {0.4, 0.4, 0.4}, {0, 0, 3}, {1, 1, 1});
  kink(all.back(), "saturation of grey", {0.4, 0.4, 0.4}, {0, 1, 0}, {0, 0, 0});

  Operator back = plain<color::hsv_to_rgb>("color.hsv_to_rgb", "RGB of hue (radians), saturation and value.", almost);
  back.samples = [](std::uint64_t seed) {  // hues of all turns in the first channel, away from the six edges
    std::vector<Sample> samples;
    for (const auto& [what, shape] : rows::image_shapes(3)) {
      Tensor x = rows::image(seed + samples.size(), shape, 0.05, 0.95);
      auto* values = x.mutable_data<double>();
      const std::int64_t plane = shape[shape.rank() - 1] * shape[shape.rank() - 2];
      for (std::int64_t i = 0; i < x.numel(); ++i)
        if (i / plane % 3 == 0) values[i] = (static_cast<double>(i % 24 - 9) + values[i]) * turn / 6;
      samples.push_back({what, {{"image", x}}});
    }
    return samples;
  };
  known(back, "green of the third turn", {turn / 3 + 2 * turn, 1, 0.5}, {0, 0.5, 0});
  kink(back, "red's slopes are those of the side from red to yellow", {0, 1, 1}, {1, 2, 4},
       {6 / std::numbers::pi, -6, 1});
  known(back, "a negative hue", {-turn / 12, 1, 1}, {1, 0, 0.5});
  for (const double hue : {31.4159241, 207.345108}) {  // just under 5 and 33 turns, which they are when divided as f32
    const double left = -std::remainder(hue, turn) * 3 / std::numbers::pi;
    known(back, "magenta's side, almost at red", {hue, 1, 1}, {1, 0, left});
  }
  all.push_back(back);

  all.push_back(guarded<color::rgb_to_hls>("color.rgb_to_hls", "Hue (radians), lightness and saturation.", almost,
                                           "1e-8", 0.04, 0.9));
  known(all.back(), "red", {1, 0, 0}, {0, 0.5, 1}, 1e-7);
  known(all.back(), "grey", {0.4, 0.4, 0.4}, {0, 0.4, 0});
  kink(all.back(), "grey", {0.4, 0.4, 0.4}, {1, 0, 1}, {0, 0, 0});
  kink(all.back(), "channels of grey share the lightness", {0.4, 0.4, 0.4}, {0, 3, 0}, {1, 1, 1});
  kink(all.back(), "two smallest channels share the lightness", {0.2, 0.4, 0.2}, {0, 4, 0}, {1, 2, 1});
  back.name = "color.hls_to_rgb";
  back.doc = "RGB of hue (radians), lightness and saturation.";
  back.call = [](const Values& v) { return std::vector{color::hls_to_rgb(v.tensor("image"))}; };
  back.golden.clear();
  back.kinks.clear();
  known(back, "green of the third turn", {turn / 3 + 2 * turn, 0.25, 1}, {0, 0.5, 0});
  for (Refusal& refusal : back.refusals) refusal.message = "color.hls_to_rgb: expected";
  all.push_back(back);
  for (Operator& op : all) {
    op.f32_bound = 4e-5;
    op.grad_bound = 1e-3;
    op.bound_reason = "hue divides by chroma, and hues of several turns are rounded before they are used";
  }
  return all;
}

std::vector<Operator> light_rows() {
  std::vector<Operator> all;
  all.push_back(plain<color::rgb_to_linear_rgb>("color.rgb_to_linear_rgb", "Light of an sRGB image (IEC 61966-2-1).",
                                                almost, 3, 3, -0.1, 1.1, {0.04045}));
  known(all.back(), "IEC 61966-2-1", {0, 1, 0.5}, {0, 1, 0.21404114048223255}, 1e-12);
  kink(all.back(), "the joint belongs to the straight part", {0.04045, 0, 0}, {12.92, 12.92, 0}, {1, 1, 0});
  all.push_back(plain<color::linear_rgb_to_rgb>("color.linear_rgb_to_rgb", "sRGB of light (IEC 61966-2-1).", almost, 3,
                                                3, -0.1, 1.1, {0.0031308}));
  known(all.back(), "IEC 61966-2-1", {0, 1, 0.21404114048223255}, {0, 1, 0.5}, 1e-12);
  all.push_back(plain<color::rgb_to_xyz>("color.rgb_to_xyz", "CIE XYZ of linear RGB, white D65."));
  known(all.back(), "white D65", {1, 1, 1}, {0.950456, 1, 1.088754}, 1e-12);
  all.back().linear = true;
  all.push_back(plain<color::xyz_to_rgb>("color.xyz_to_rgb", "Linear RGB of CIE XYZ, white D65."));
  known(all.back(), "white D65", {0.950456, 1, 1.088754}, {1, 1, 1}, 1e-6);
  all.back().linear = true;
  all.push_back(plain<color::rgb_to_lab>("color.rgb_to_lab", "CIE L*a*b* of an sRGB image, white D65.", almost));
  known(all.back(), "black, by the formula", {0, 0, 0}, {0, 0, 0}, 1e-12);
  known(all.back(), "red as published for sRGB (Lindbloom)", {1, 0, 0}, {53.2408, 80.0925, 67.2032}, 0.02);
  all.back().f32_bound = 2e-5;
  all.back().bound_reason = "differences of cube roots, times 500";
  Operator lab = image_row(
      {.name = "color.lab_to_rgb",
       .doc = "sRGB of CIE L*a*b*, white D65.",
       .call = [](const Tensor& image,
                  const Values& v) { return std::vector{color::lab_to_rgb(image, {.clip = v.flag("clip")})}; },
       .low = 10,
       .high = 60,
       .gradient = almost,
       .options = {rows::flag("clip", "limit to [0, 1]", true)},
       .choose = [](Values& values, const Shape&, std::size_t index) { values.set("clip", index % 2 == 0); }});
  known(lab, "white, back", {100, 0.00526049995830391, -0.010408184525267927}, {1, 1, 1}, 5e-5);
  lab.f32_bound = 4e-5;
  lab.grad_bound = 4e-4;
  lab.bound_reason = "differences of cubes where colours leave the gamut";
  all.push_back(lab);
  all.push_back(guarded<color::rgb_to_luv>("color.rgb_to_luv", "CIE L*u*v* of an sRGB image, white D65.", almost,
                                           "1e-12", 0.04, 0.96));
  known(all.back(), "black, by the formula", {0, 0, 0}, {0, 0, 0}, 1e-12);
  all.back().f32_bound = 4e-5;
  all.back().bound_reason = "small differences of chromaticities, times 1300";
  all.push_back(
      guarded<color::luv_to_rgb>("color.luv_to_rgb", "sRGB of CIE L*u*v*, white D65.", almost, "1e-12", 20, 60));
  all.back().f32_bound = 1e-4;
  all.back().grad_bound = 1e-3;
  all.back().bound_reason = "differences of quotients where colours leave the gamut";
  return all;
}

std::vector<Operator> video_rows() {
  std::vector<Operator> all;
  all.push_back(plain<color::rgb_to_ycbcr>("color.rgb_to_ycbcr", "Luma and centred colour differences (BT.601)."));
  known(all.back(), "grey has no colour", {0.3, 0.3, 0.3}, {0.3, 0.5, 0.5}, 1e-12);
  all.push_back(plain<color::ycbcr_to_rgb>("color.ycbcr_to_rgb", "RGB of luma and centred colour differences.", almost,
                                           3, 3, 0.35, 0.65));
  known(all.back(), "grey has no colour", {0.3, 0.5, 0.5}, {0.3, 0.3, 0.3}, 1e-12);
  kink(all.back(), "the ends have slope 1", {0, 0.5, 0.5}, {1, 0, 0}, {1, 0, 1.403});
  all.push_back(plain<color::rgb_to_yuv>("color.rgb_to_yuv", "Luma and colour differences (BT.601)."));
  all.push_back(plain<color::yuv_to_rgb>("color.yuv_to_rgb", "RGB of luma and colour differences (BT.601)."));
  known(all.back(), "grey has no colour", {0.3, 0, 0}, {0.3, 0.3, 0.3}, 1e-12);
  all.push_back(plain<color::sepia>("color.sepia", "The brown of old photographs."));
  known(all.back(), "by hand", {1, 0, 0}, {0.393, 0.349, 0.272}, 1e-12);
  for (std::size_t i = 2; i < all.size(); ++i) all[i].linear = true;

  const auto subsampled = [&](const char* name, const char* doc, color::Yuv (*convert)(const Tensor&, Here)) {
    Operator op =
        image_row({.name = name, .doc = doc, .results = 2, .call = [convert](const Tensor& image, const Values&) {
                     const color::Yuv yuv = convert(image, {});
                     return std::vector{yuv.y, yuv.uv};
                   }});
    op.outputs = {"y", "uv"};
    op.samples = [](std::uint64_t seed) {
      std::vector<Sample> samples;
      for (const auto& [what, shape] : rows::image_shapes(3)) {
        const int r = shape.rank();
        const Shape doubled = shape.with(r - 2, 2 * shape[r - 2]).with(r - 1, 2 * shape[r - 1]);
        samples.push_back({what, {{"image", rows::image(seed + samples.size(), doubled, 0, 1)}}});
      }
      return samples;
    };
    op.refusals.push_back(
        {"an odd height", {{"image", Tensor::ones({1, 3, 3, 4}, DType::f64)}}, op.name + ": expected an even height"});
    op.linear = true;
    all.push_back(op);
  };
  subsampled("color.rgb_to_yuv420", "Luma, and chroma at half the height and width.", color::rgb_to_yuv420);
  subsampled("color.rgb_to_yuv422", "Luma, and chroma at half the width.", color::rgb_to_yuv422);
  const auto joined = [&](const char* name, const char* doc, int rows_apart,
                          Tensor (*convert)(const Tensor&, const Tensor&, Here)) {
    Operator op;
    op.name = name;
    op.doc = doc;
    op.arguments = {{.name = "y", .doc = "[.., 1, H, W]", .gradient = exact},
                    {.name = "uv", .doc = "[.., 2, ..] at the lower resolution", .gradient = exact}};
    op.call = [convert](const Values& v) { return std::vector{convert(v.tensor("y"), v.tensor("uv"), {})}; };
    op.samples = [rows_apart](std::uint64_t seed) {
      std::vector<Sample> samples;
      for (const auto& [what, shape] : rows::image_shapes(2)) {
        const int r = shape.rank();
        const Shape luma = shape.with(r - 3, 1).with(r - 2, 2 * shape[r - 2]).with(r - 1, 2 * shape[r - 1]);
        const Shape chroma = shape.with(r - 2, 2 / rows_apart * shape[r - 2]);
        samples.push_back({what,
                           {{"y", rows::image(seed + samples.size(), luma, 0, 1)},
                            {"uv", rows::image(seed + samples.size(), chroma, -0.4, 0.4, {}, 1)}}});
      }
      return samples;
    };
    op.refusals = {{"chroma too large",
                    {{"y", Tensor::ones({1, 4, 4}, DType::f64)}, {"uv", Tensor::ones({2, 4, 4}, DType::f64)}},
                    op.name + ": expected chroma"}};
    all.push_back(op);
  };
  joined("color.yuv420_to_rgb", "RGB of luma and chroma at half the height and width.", 2, color::yuv420_to_rgb);
  joined("color.yuv422_to_rgb", "RGB of luma and chroma at half the width.", 1, color::yuv422_to_rgb);
  return all;
}

std::vector<Operator> display_rows() {
  std::vector<Operator> all;
  all.push_back(plain<color::rgb_to_rgb255>("color.rgb_to_rgb255", "255 x, limited to [0, 255].", almost, 3, 3, -0.1,
                                            1.1, {0, 1}));
  kink(all.back(), "the ends have slope 1", {0, 1, 1.5}, {1, 1, 1}, {255, 255, 0});
  all.push_back(plain<color::rgb255_to_rgb>("color.rgb255_to_rgb", "x / 255.", exact, 3, 3, 0, 255));
  all.back().linear = true;
  all.push_back(plain<color::normals_to_rgb255>("color.normals_to_rgb255", "Unit vectors coded in [0, 255].", almost, 3,
                                                3, -1.2, 1.2, {-1, 1}));
  known(all.back(), "by hand", {-1, 0, 1}, {0, 127.5, 255});
  all.push_back(
      plain<color::rgb255_to_normals>("color.rgb255_to_normals", "Unit vectors of their codes.", almost, 3, 3, 5, 250));
  known(all.back(), "by hand", {255, 127.5, 127.5}, {1, 0, 0});
  kink(all.back(), "no direction", {127.5, 127.5, 127.5}, {1, 1, 1}, {0, 0, 0});
  return all;
}

}  // namespace

const std::vector<Operator>& color_operators() {
  static const std::vector<Operator> all = [] {
    std::vector<Operator> rows;
    for (const auto& part : {gray_rows(), alpha_rows(), cone_rows(), light_rows(), video_rows(), display_rows()})
      rows.insert(rows.end(), part.begin(), part.end());
    return rows;
  }();
  return all;
}

}  // namespace lumigrad
