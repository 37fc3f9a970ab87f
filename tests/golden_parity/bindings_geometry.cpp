// SPDX-License-Identifier: Apache-2.0
// geometry.transform.*
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/views.h>
#include <map>
#include "binding.h"

namespace lumigrad::parity {
namespace {

using Arrange = std::function<void(const GoldenCase&, Values&)>;

const std::string prefix = "geometry.transform.";

Arrange both(Arrange first, Arrange second) {
  return [=](const GoldenCase& golden, Values& values) {
    first(golden, values);
    second(golden, values);
  };
}

// "fill" is zeros with another value.
void border_by_name(const GoldenCase& golden, Values& values) {
  const auto border = golden.param("padding_mode", std::string("zeros"));
  values.set("border", border == "fill" ? std::string("zeros") : border);
}

// The reference's defaults are align_corners=True in some operators, False in others; null is False.
Arrange reading(bool align_corners) {
  return [align_corners](const GoldenCase& golden, Values& values) {
    border_by_name(golden, values);
    const auto given = golden.params.find("align_corners");
    values.set("align_corners",
               given == golden.params.end() ? align_corners : given->is_boolean() && given->get<bool>());
  };
}

// The reference takes an image alone, or batches of batches; here it is one batch, and its results are given back so.
Binding of_any_rank(Binding binding) {
  const auto image_of = [names = binding.names](const GoldenCase& golden) {
    for (const auto& [theirs, ours] : names)
      if (ours == "image" && golden.inputs.contains(theirs)) return golden.inputs.at(theirs);
    return golden.inputs.at("image");
  };
  binding.arrange = [image_of, own = binding.arrange](const GoldenCase& golden, Values& values) {
    if (own) own(golden, values);
    const Tensor x = image_of(golden);
    if (x.rank() != 4) values.set("image", reshape(x, {-1, x.rank() > 2 ? x.size(-3) : 1, x.size(-2), x.size(-1)}));
  };
  binding.rearrange = [image_of](const GoldenCase& golden, const std::vector<Tensor>& results) {
    const Tensor x = image_of(golden), &y = results[0];
    if (x.rank() == 4) return results;
    std::vector<std::int64_t> extents(x.shape().extents().begin(), x.shape().extents().end() - 2);
    extents.insert(extents.end(), {y.size(-2), y.size(-1)});
    return std::vector{reshape(y, Shape(extents))};
  };
  return binding;
}

// An operator that warps: `own` are its own renames.
Binding warp(const std::string& golden, const std::string& row, Rename own, const Arrange& arrange) {
  Rename names = {{"dsize", "size"}, {"padding_mode", ""}, {"fill_value", "fill"}};
  names.merge(own);
  return {prefix + golden, "geometry." + row, names, arrange};
}

void angle_in_radians(const GoldenCase& golden, Values& values) {
  values.set("angle", single_radians(golden.inputs.at("angle")));
}

// The pyramids' borders go by the names of padding.
void border_of_padding(const GoldenCase& golden, Values& values) {
  const std::map<std::string, std::string> names = {
      {"reflect", "reflection"}, {"replicate", "border"}, {"constant", "zeros"}, {"circular", "circular"}};
  values.set("border", names.at(golden.param("border_type", std::string("reflect"))));
}

// Ways of resizing: "nearest" is the floor of the position, "nearest-exact" the closest pixel.
void way_of_resizing(const GoldenCase& golden, Values& values) {
  const auto way = golden.param("interpolation", std::string("bilinear"));
  values.set("mode", way == "nearest" ? std::string("floor") : way == "nearest-exact" ? std::string("nearest") : way);
  values.set("antialias", std::string(golden.param("antialias", false) ? "gaussian" : "none"));
}

void factor_of_both_axes(const GoldenCase& golden, Values& values) {
  const nlohmann::json& factor = golden.params.at("factor");
  if (factor.is_number()) values.set("factor", std::vector<double>(2, factor.get<double>()));
}

void side_by_name(const GoldenCase& golden, Values& values) {
  const std::map<std::string, std::string> names = {
      {"short", "shorter"}, {"long", "longer"}, {"vert", "vertical"}, {"horz", "horizontal"}};
  values.set("side", names.at(golden.param("side", std::string("short"))));
}

// Shears about x and y are one argument; one that is left out is zero.
void shears_together(const GoldenCase& golden, Values& values) {
  const auto sx = golden.inputs.find("sx"), sy = golden.inputs.find("sy"), none = golden.inputs.end();
  if (sx == none && sy == none) {
    if (golden.op == prefix + "get_shear_matrix2d") values.set("shear", std::vector<double>{0, 0});
    return;
  }
  const Tensor& given = (sx == none ? sy : sx)->second;
  const Tensor zero = Tensor::zeros(given.shape(), given.dtype());
  values.set("shear", stack({sx == none ? zero : sx->second, sy == none ? zero : sy->second}, -1));
}

void add_warps(std::vector<Binding>& all) {
  const auto source = [](const std::string& name) { return Rename{{name, "image"}}; };
  all.push_back(warp("warp_affine", "warp_affine", {{"src", "image"}, {"M", "matrix"}}, reading(true)));
  all.push_back(warp("warp_perspective", "warp_perspective", {{"src", "image"}, {"M", "matrix"}}, reading(true)));
  // A homography in pixels goes the other way, and the reference does not pass mode and align_corners on.
  const Rename homography = {{"patch_src", "image"},
                             {"src_homo_dst", "matrix"},
                             {"normalized_homography", ""},
                             {"normalized_coordinates", ""}};
  Binding in_pixels = warp("homography_warp", "warp_perspective", homography, [](const GoldenCase& golden, Values& v) {
    border_by_name(golden, v);
    v.set("mode", std::string("bilinear"));
    v.set("align_corners", true);
  });
  in_pixels.when = [](const GoldenCase& golden) { return !golden.param("normalized_homography", true); };
  all.push_back(in_pixels);
  // The tolerances of warp_perspective allow for the shift, those of normalised homographies do not.
  Binding normalized = warp("homography_warp", "homography_warp", homography, reading(false));
  normalized.when = [](const GoldenCase& golden) { return golden.param("normalized_coordinates", true); };
  normalized.difference = [](const GoldenCase& golden) -> std::string {
    if (golden.inputs.at("patch_src").dtype() != DType::f64) return {};
    return "the reference divides by w + 1e-8 (documented); exact division: tests/homography_oracle_test.cpp";
  };
  all.push_back(normalized);
  all.push_back(warp("remap", "remap", {}, reading(false)));
  all.push_back(of_any_rank(warp("affine", "affine", source("tensor"), reading(true))));
  all.push_back(of_any_rank(warp("rotate", "rotate", source("tensor"), both(reading(true), angle_in_radians))));
  all.push_back(of_any_rank(warp("translate", "translate", source("tensor"), reading(true))));
  all.push_back(of_any_rank(warp("scale", "scale", {{"tensor", "image"}, {"scale_factor", "factor"}}, reading(true))));
  all.push_back(of_any_rank(warp("shear", "shear", source("tensor"), reading(false))));
  all.push_back(warp("crop_and_resize", "crop_and_resize", source("input_tensor"), reading(true)));
  all.push_back(
      warp("crop_by_boxes", "crop_by_boxes",
           {{"input_tensor", "image"}, {"src_box", "source"}, {"dst_box", "destination"}, {"validate_boxes", ""}},
           reading(true)));
  all.push_back(warp("center_crop", "center_crop", source("input_tensor"), reading(true)));
  all.push_back(warp("crop_by_transform_mat", "warp_affine",
                     {{"input_tensor", "image"}, {"transform", "matrix"}, {"out_size", "size"}},
                     both(reading(true), [](const GoldenCase& golden, Values& values) {
                       values.set("matrix", slice(golden.inputs.at("transform"), 1, 0, 2));
                     })));
  for (const char* name : {"hflip", "vflip", "rot180"})
    all.push_back(of_any_rank({prefix + name, std::string("geometry.") + name, {{"input", "image"}}}));
}

void add_resizing(std::vector<Binding>& all) {
  const Rename resizing = {{"input", "image"}, {"interpolation", ""}, {"side", ""}};
  Rename one_side = resizing;
  one_side["size"] = "length";
  one_side.erase("side");
  all.push_back(of_any_rank({.golden = prefix + "resize",
                             .op = "geometry.resize_side",
                             .names = one_side,
                             .arrange = both(way_of_resizing, side_by_name),
                             .when = [](const GoldenCase& golden) { return golden.params.at("size").is_number(); }}));
  all.push_back(of_any_rank({prefix + "resize", "geometry.resize", resizing, way_of_resizing}));
  all.push_back(
      of_any_rank({prefix + "rescale", "geometry.rescale", resizing, both(way_of_resizing, factor_of_both_axes)}));
  Rename divisible = resizing;
  divisible["divisible_factor"] = "divisor";
  all.push_back(
      of_any_rank({prefix + "resize_to_be_divisible", "geometry.resize_to_be_divisible", divisible, way_of_resizing}));
  const Rename pyramid = {{"input", "image"}, {"border_type", ""}, {"max_level", "levels"}};
  for (const char* name : {"pyrdown", "pyrup", "build_pyramid", "build_laplacian_pyramid"})
    all.push_back({prefix + name, std::string("geometry.") + name, pyramid, border_of_padding});
}

void add_matrices(std::vector<Binding>& all) {
  all.push_back({prefix + "get_perspective_transform",
                 "geometry.get_perspective_transform",
                 {{"points_src", "source"}, {"points_dst", "destination"}}});
  all.push_back({prefix + "get_rotation_matrix2d", "geometry.get_rotation_matrix2d", {}, angle_in_radians});
  const Rename shears = {{"sx", ""}, {"sy", ""}, {"translations", "translation"}};
  all.push_back({prefix + "get_shear_matrix2d", "geometry.get_shear_matrix2d", shears, shears_together});
  // Its angle turns clockwise.
  all.push_back({prefix + "get_affine_matrix2d", "geometry.get_affine_matrix2d", shears,
                 both(shears_together, [](const GoldenCase& golden, Values& values) {
                   values.set("angle", neg(single_radians(golden.inputs.at("angle"))));
                 })});
  all.push_back({prefix + "get_translation_matrix2d", "geometry.get_translation_matrix2d", shears});
  all.push_back({prefix + "invert_affine_transform", "geometry.invert_affine_transform"});
}

}  // namespace

std::vector<Binding> geometry_bindings() {
  std::vector<Binding> all;
  add_warps(all);
  add_resizing(all);
  add_matrices(all);
  return all;
}

}  // namespace lumigrad::parity
