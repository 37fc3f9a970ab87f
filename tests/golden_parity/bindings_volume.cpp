// SPDX-License-Identifier: Apache-2.0
// geometry.transform.*3d, maps given by points, and the grids of torch.nn.functional.
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/views.h>
#include "binding.h"

namespace lumigrad::parity {
namespace {

const std::string prefix = "geometry.transform.";

void border_by_name(const GoldenCase& golden, Values& values, const char* key) {
  const auto border = golden.param(key, std::string("zeros"));
  values.set("border", border == "fill" ? std::string("zeros") : border);
}

// The reference's defaults are align_corners=True in some operators, False in others; null is False.
void corners_by_name(const GoldenCase& golden, Values& values, bool otherwise) {
  const auto given = golden.params.find("align_corners");
  values.set("align_corners", given == golden.params.end() ? otherwise : given->is_boolean() && given->get<bool>());
}

// An operator that warps: `own` are its own renames.
Binding warp(const std::string& golden, const std::string& row, Rename own, bool align_corners) {
  Rename names = {
      {"dsize", "size"}, {"padding_mode", ""}, {"border_mode", ""}, {"flags", "mode"}, {"interpolation", "mode"}};
  names.merge(own);
  return {prefix + golden, "geometry." + row, names, [align_corners](const GoldenCase& given, Values& values) {
            border_by_name(given, values, given.params.contains("border_mode") ? "border_mode" : "padding_mode");
            corners_by_name(given, values, align_corners);
          }};
}

// A binding with one more arrangement after its own.
Binding then(Binding binding, const std::function<void(const GoldenCase&, Values&)>& more) {
  binding.arrange = [first = binding.arrange, more](const GoldenCase& golden, Values& values) {
    if (first) first(golden, values);
    more(golden, values);
  };
  return binding;
}

const char* const shears[] = {"sxy", "sxz", "syx", "syz", "szx", "szy"};

// Six shears are one argument; those that are left out are zero.
void shears_together(const GoldenCase& golden, Values& values) {
  Tensor given;
  for (const char* name : shears)
    if (const auto found = golden.inputs.find(name); found != golden.inputs.end()) given = found->second;
  values.set("fixed_center", false);
  if (!given.defined()) {
    if (golden.op == prefix + "get_shear_matrix3d") values.set("shear", std::vector<double>(6));
    return;
  }
  std::vector<Tensor> all;
  for (const char* name : shears) {
    const auto found = golden.inputs.find(name);
    all.push_back(found != golden.inputs.end() ? found->second : Tensor::zeros(given.shape(), given.dtype()));
  }
  values.set("shear", stack(all, -1));
}

void add_warps(std::vector<Binding>& all) {
  const Rename matrix = {{"src", "volume"}, {"M", "matrix"}}, volume = {{"tensor", "volume"}};
  all.push_back(warp("warp_affine3d", "warp_affine3d", matrix, true));
  // Its grid is (z, x, y), which the matrix can undo; the division by w + 1e-8 cannot be undone.
  Binding normalized =
      then(warp("homography_warp3d", "homography_warp3d",
                {{"patch_src", "volume"}, {"src_homo_dst", ""}, {"normalized_coordinates", ""}}, false),
           [](const GoldenCase& golden, Values& values) {
             const Tensor& m = golden.inputs.at("src_homo_dst");
             const auto column = [&](int k) { return slice(m, 2, k, k + 1); };
             values.set("matrix", concat({column(1), column(2), column(0), column(3)}, 2));
           });
  normalized.when = [](const GoldenCase& golden) { return golden.param("normalized_coordinates", true); };
  normalized.difference = [](const GoldenCase& golden) -> std::string {
    if (golden.inputs.at("patch_src").dtype() != DType::f64) return {};
    return "the reference divides by w + 1e-8 (documented); exact division: tests/volume_warp_test.cpp";
  };
  all.push_back(normalized);
  Binding perspective = warp("warp_perspective3d", "warp_perspective3d", matrix, false);
  perspective.difference = [](const GoldenCase&) -> std::string {
    return "the reference's grid is (z, x, y), so that the identity moves voxels (Kornia's issue 4502, since "
           "repaired); "
           "exact positions: tests/volume_warp_test.cpp";
  };
  all.push_back(perspective);
  all.push_back(warp("affine3d", "affine3d", volume, false));
  all.push_back(
      then(warp("rotate3d", "rotate3d", {{"tensor", "volume"}, {"yaw", ""}, {"pitch", ""}, {"roll", ""}}, false),
           [](const GoldenCase& golden, Values& values) {
             const auto angle = [&](const char* name) { return golden.inputs.at(name); };
             values.set("axis_angle", radians(stack({angle("yaw"), angle("pitch"), angle("roll")}, -1)));
             values.set("axis_epsilon", 1e-6);
           }));
  all.push_back(warp("center_crop3d", "center_crop3d", volume, true));
  all.push_back(warp("crop_and_resize3d", "crop_and_resize3d", volume, false));
  all.push_back(warp("crop_by_boxes3d", "crop_by_boxes3d",
                     {{"tensor", "volume"}, {"src_box", "source"}, {"dst_box", "destination"}}, false));
}

void add_matrices(std::vector<Binding>& all) {
  all.push_back({prefix + "get_projective_transform",
                 "geometry.get_rotation_matrix3d",
                 {{"angles", ""}, {"scales", "scale"}},
                 [](const GoldenCase& golden, Values& values) {
                   values.set("axis_angle", radians(golden.inputs.at("angles")));
                   values.set("axis_epsilon", 1e-6);
                 }});
  Rename names = {{"translations", "translation"}, {"angles", ""}};
  for (const char* name : shears) names[name] = "";
  all.push_back({prefix + "get_shear_matrix3d", "geometry.get_shear_matrix3d", names, shears_together});
  // Its angle turns the other way.
  all.push_back({prefix + "get_affine_matrix3d", "geometry.get_affine_matrix3d", names,
                 [](const GoldenCase& golden, Values& values) {
                   shears_together(golden, values);
                   values.set("axis_angle", neg(radians(golden.inputs.at("angles"))));
                   values.set("axis_epsilon", 1e-6);
                 }});
  all.push_back({prefix + "get_perspective_transform3d",
                 "geometry.get_perspective_transform3d",
                 {{"src", "source"}, {"dst", "destination"}}});
  all.push_back(
      {prefix + "projection_from_Rt", "geometry.projection_from_Rt", {{"rmat", "rotation"}, {"tvec", "translation"}}});
}

void add_grids(std::vector<Binding>& all) {
  all.push_back({"torch.nn.functional.grid_sample",
                 "geometry.grid_sample",
                 {{"input", "image"}, {"padding_mode", ""}},
                 [](const GoldenCase& golden, Values& values) {
                   border_by_name(golden, values, "padding_mode");
                   corners_by_name(golden, values, false);
                 }});
  for (const bool in_space : {false, true})
    all.push_back(
        {.golden = "torch.nn.functional.affine_grid",
         .op = in_space ? "geometry.affine_grid3d" : "geometry.affine_grid",
         .names = {{"size", ""}},
         .arrange =
             [](const GoldenCase& golden, Values& values) {
               const auto size = golden.params.at("size").get<std::vector<double>>();
               values.set("size", std::vector<double>(size.begin() + 2, size.end()));
               corners_by_name(golden, values, false);
             },
         .when =
             [in_space](const GoldenCase& golden) { return (golden.inputs.at("theta").size(1) == 3) == in_space; }});
}

void add_maps_by_points(std::vector<Binding>& all) {
  for (const char* name : {"warp_grid", "warp_grid3d"}) {
    Binding grid{prefix + name, "geometry.warp_grid", {{"src_homo_dst", "matrix"}}};
    grid.difference = [](const GoldenCase& golden) -> std::string {
      if (golden.inputs.at("grid").dtype() != DType::f64) return {};
      return "the reference divides by w + 1e-8 (documented); exact division: tests/volume_warp_test.cpp";
    };
    all.push_back(grid);
  }
  const Rename centers = {{"points_src", "points"}, {"kernel_centers", "centers"}};
  all.push_back({prefix + "get_tps_transform",
                 "geometry.get_tps_transform",
                 {{"points_src", "source"}, {"points_dst", "destination"}}});
  all.push_back({prefix + "warp_points_tps", "geometry.warp_points_tps", centers});
  all.push_back(warp("warp_image_tps", "warp_image_tps", centers, false));
  all.push_back(warp("elastic_transform2d", "elastic_transform2d", {{"kernel_size", "kernel"}}, false));
  all.push_back(
      {prefix + "crop_by_indices",
       "geometry.crop_by_indices",
       {{"input_tensor", "image"}, {"src_box", "boxes"}, {"interpolation", ""}, {"shape_compensation", "compensation"}},
       [](const GoldenCase& golden, Values& values) {
         // "nearest" is the floor of the position, "nearest-exact" the closest pixel.
         const auto way = golden.param("interpolation", std::string("bilinear"));
         values.set("mode", way == "nearest"         ? std::string("floor")
                            : way == "nearest-exact" ? std::string("nearest")
                                                     : way);
         values.set("antialias", std::string(golden.param("antialias", false) ? "gaussian" : "none"));
         corners_by_name(golden, values, false);
         // The reference pads only where the boxes of a batch differ.
         const std::vector<double> boxes = golden.inputs.at("src_box").values();
         bool same = true;
         for (std::size_t k = 8; k < boxes.size(); ++k) same = same && boxes[k] == boxes[k % 8];
         if (same) values.set("compensation", std::string("resize"));
       }});
}

}  // namespace

std::vector<Binding> volume_bindings() {
  std::vector<Binding> all;
  add_warps(all);
  add_matrices(all);
  add_grids(all);
  add_maps_by_points(all);
  return all;
}

}  // namespace lumigrad::parity
