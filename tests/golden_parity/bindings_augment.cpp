// SPDX-License-Identifier: Apache-2.0
// augmentation.*: forward(input, params=..) under generated parameters
#include <lumigrad/engine/ops.h>
#include <map>
#include "binding.h"

namespace lumigrad::parity {
namespace {

using Arrange = std::function<void(const GoldenCase&, Values&)>;

// What says how often and how alike images are changed has had its say when parameters are given.
const Rename settled = {{"p", ""}, {"p_batch", ""}, {"same_on_batch", ""}, {"keepdim", ""}};

std::string small(std::string word) {
  for (char& letter : word) letter = static_cast<char>(letter | 32);
  return word;
}

/// Names of what every case has. Parameters of the generator are inputs, its ranges (`params`) are not used.
Binding augmentation(const std::string& golden, const std::string& row, Rename own, Arrange arrange = {}) {
  Rename names = {{"input", "image"}, {"param_batch_prob", "gate"}, {"param_forward_input_shape", ""}};
  names.merge(own);
  names.insert(settled.begin(), settled.end());
  return {"augmentation." + golden, "augment." + row, names, arrange};
}

// Resampling and borders by the reference's names; its default of align_corners differs.
void reading(const GoldenCase& golden, Values& values, bool align_corners) {
  values.set("mode", small(golden.param("resample", std::string("BILINEAR"))));
  values.set("border", small(golden.param("padding_mode", std::string("zeros"))));
  values.set("align_corners", golden.param("align_corners", align_corners));
}

// Pixels, as fractions of an extent.
Tensor fraction(const Tensor& pixels, const GoldenCase& golden, int axis) {
  return mul(pixels, 1.0 / static_cast<double>(golden.inputs.at("input").size(axis)));
}

// The reference's affine maps turn clockwise.
void affine(const GoldenCase& golden, Values& values) {
  reading(golden, values, false);
  const Tensor translation = golden.inputs.at("param_translations"), scale = golden.inputs.at("param_scale");
  values.set("translate_x", fraction(select(translation, 1, 0), golden, 3));
  values.set("translate_y", fraction(select(translation, 1, 1), golden, 2));
  values.set("scale_x", select(scale, 1, 0));
  values.set("scale_y", select(scale, 1, 1));
  values.set("angle", neg(single_radians(golden.inputs.at("param_angle"))));
  values.set("shear_x", radians(golden.inputs.at("param_shear_x")));
  values.set("shear_y", radians(golden.inputs.at("param_shear_y")));
}

// Volumes, the same with one axis more; the reference divides by the angle plus 1e-6 and moves the centre.
void affine3d(const GoldenCase& golden, Values& values) {
  reading(golden, values, false);
  const Tensor translation = golden.inputs.at("param_translations"), scale = golden.inputs.at("param_scale"),
               angle = neg(radians(golden.inputs.at("param_angles")));
  const char* axes[] = {"x", "y", "z"};
  for (int axis = 0; axis < 3; ++axis) {
    values.set(std::string("translate_") + axes[axis], fraction(select(translation, 1, axis), golden, 4 - axis));
    values.set(std::string("scale_") + axes[axis], select(scale, 1, axis));
    values.set(std::string("angle_") + axes[axis], select(angle, 1, axis));
  }
  for (const char* pair : {"xy", "xz", "yx", "yz", "zx", "zy"})
    values.set(std::string("shear_") + pair, radians(golden.inputs.at(std::string("param_s") + pair)));
  values.set("axis_epsilon", 1e-6);
  values.set("fixed_center", false);
}

// Hue in turns; the order as four places in the list brightness, contrast, saturation, hue.
void jitter(const GoldenCase& golden, Values& values) {
  values.set("hue", single_radians(mul(golden.inputs.at("param_hue_factor"), 360.0)));
  std::string order;
  for (const double place : golden.inputs.at("param_order").values()) order += "bcsh"[static_cast<int>(place)];
  values.set("order", order);
}

// The border of a blur by its name, and the way its weights are turned by the word in capitals.
void blurring(const GoldenCase& golden, Values& values, const char* mode) {
  static const std::map<std::string, std::string> borders = {
      {"constant", "zeros"}, {"replicate", "border"}, {"reflect", "reflection"}, {"circular", "circular"}};
  values.set("border", borders.at(small(golden.param("border_type", std::string("constant")))));
  values.set("mode", small(golden.param("resample", std::string(mode))));
}

// Augmentations that here are operators applied to what was drawn, to every image.
std::vector<Binding> of_filters() {
  const auto drawn = [](const char* golden, const char* row, Rename own, const Arrange& arrange = {}) {
    Rename names = {{"input", "image"},      {"param_batch_prob", ""}, {"param_forward_input_shape", ""},
                    {"border_type", ""},     {"resample", ""},         {"param_ksize_factor", ""},
                    {"padding_mode", ""},    {"param_idx", ""},        {"param_direction_factor", "direction"},
                    {"param_noise", "noise"}};
    for (const auto& [from, to] : own) names[from] = to;
    names.insert(settled.begin(), settled.end());
    return Binding{std::string("augmentation.") + golden, row, names, arrange};
  };
  // The images of a batch have one length of kernel: that of a drawn one.
  const auto length = [](const GoldenCase& golden, Values& values) {
    const auto index = golden.inputs.find("param_idx");
    const auto k = index == golden.inputs.end() ? 0 : static_cast<std::size_t>(index->second.values()[0]);
    values.set("kernel", static_cast<std::int64_t>(golden.inputs.at("param_ksize_factor").values()[k]));
    blurring(golden, values, "NEAREST");
  };
  const Rename ranges = {{"kernel_size", ""}, {"angle", ""}, {"direction", ""}, {"param_angle_factor", ""}};
  Rename in_space = ranges;
  in_space["input"] = "volume";
  return {drawn("Normalize", "enhance.normalize", {{"input", "x"}}),
          drawn("Denormalize", "enhance.denormalize", {{"input", "x"}}),
          drawn("RandomMotionBlur", "filters.motion_blur", ranges,
                [length](const GoldenCase& golden, Values& values) {
                  length(golden, values);
                  values.set("angle", single_radians(golden.inputs.at("param_angle_factor")));
                }),
          drawn("RandomMotionBlur3D", "filters.motion_blur3d", in_space,
                [length](const GoldenCase& golden, Values& values) {
                  length(golden, values);
                  values.set("axis_angle", radians(golden.inputs.at("param_angle_factor")));
                  values.set("axis_epsilon", 1e-6);
                }),
          drawn("RandomElasticTransform", "geometry.elastic_transform2d",
                {{"kernel_size", "kernel"}, {"align_corners", ""}},
                [](const GoldenCase& golden, Values& values) { reading(golden, values, false); })};
}

void clipping(const GoldenCase& golden, Values& values) { values.set("clip", golden.param("clip_output", true)); }

}  // namespace

std::vector<Binding> augment_bindings() {
  std::vector<Binding> all;
  const Rename affine_names = {{"param_translations", ""},
                               {"param_center", ""},
                               {"param_scale", ""},
                               {"param_angle", ""},
                               {"param_shear_x", ""},
                               {"param_shear_y", ""},
                               {"degrees", ""},
                               {"translate", ""},
                               {"scale", ""},
                               {"shear", ""},
                               {"padding_mode", ""},
                               {"resample", ""},
                               {"align_corners", ""}};
  all.push_back(augmentation("RandomAffine", "affine", affine_names, affine));
  const Rename read = {{"resample", ""}, {"padding_mode", ""}, {"align_corners", ""}};
  const auto reads = [&](Rename own) {
    Rename names = read;
    names.merge(own);
    return names;
  };
  all.push_back(augmentation("RandomRotation", "rotate", reads({{"param_degrees", ""}, {"degrees", ""}}),
                             [](const GoldenCase& golden, Values& values) {
                               reading(golden, values, true);
                               values.set("angle", single_radians(golden.inputs.at("param_degrees")));
                             }));
  all.push_back(augmentation(
      "RandomTranslate", "translate",
      reads({{"param_translate_x", ""}, {"param_translate_y", ""}, {"translate_x", ""}, {"translate_y", ""}}),
      [](const GoldenCase& golden, Values& values) {
        reading(golden, values, false);
        values.set("x", fraction(golden.inputs.at("param_translate_x"), golden, 3));
        values.set("y", fraction(golden.inputs.at("param_translate_y"), golden, 2));
      }));
  all.push_back(augmentation("RandomShear", "shear",
                             reads({{"param_center", ""}, {"param_shear_x", ""}, {"param_shear_y", ""}, {"shear", ""}}),
                             [](const GoldenCase& golden, Values& values) {
                               reading(golden, values, false);
                               values.set("x", radians(golden.inputs.at("param_shear_x")));
                               values.set("y", radians(golden.inputs.at("param_shear_y")));
                             }));
  Rename volume = reads({{"param_translations", ""},
                         {"param_center", ""},
                         {"param_scale", ""},
                         {"param_angles", ""},
                         {"degrees", ""},
                         {"translate", ""},
                         {"scale", ""},
                         {"shears", ""}});
  for (const char* pair : {"xy", "xz", "yx", "yz", "zx", "zy"}) volume[std::string("param_s") + pair] = "";
  all.push_back(augmentation("RandomAffine3D", "affine3d", volume, affine3d));
  for (const char* space : {"", "3D"}) {
    all.push_back(augmentation(std::string("RandomHorizontalFlip") + space, "horizontal_flip", {}));
    all.push_back(augmentation(std::string("RandomVerticalFlip") + space, "vertical_flip", {}));
  }
  all.push_back(augmentation("RandomDepthicalFlip3D", "depth_flip", {}));
  for (const auto& [golden, row] : {std::pair("ColorJitter", "color_jitter"), std::pair("ColorJiggle", "color_jiggle")})
    all.push_back(augmentation(golden, row,
                               {{"param_brightness_factor", "brightness"},
                                {"param_contrast_factor", "contrast"},
                                {"param_saturation_factor", "saturation"},
                                {"param_hue_factor", ""},
                                {"param_order", ""},
                                {"brightness", ""},
                                {"contrast", ""},
                                {"saturation", ""},
                                {"hue", ""}},
                               jitter));
  for (const char* name : {"brightness", "contrast", "saturation"}) {
    std::string golden = std::string("Random") + name;
    golden[6] = static_cast<char>(golden[6] & ~32);
    all.push_back(augmentation(golden, name,
                               {{std::string("param_") + name + "_factor", "factor"}, {name, ""}, {"clip_output", ""}},
                               name[0] == 's' ? Arrange{} : Arrange(clipping)));
  }
  all.push_back(augmentation("RandomHue", "hue", {{"param_hue_factor", ""}, {"hue", ""}},
                             [](const GoldenCase& golden, Values& values) {
                               values.set("angle", single_radians(mul(golden.inputs.at("param_hue_factor"), 360.0)));
                             }));
  all.push_back(
      augmentation("RandomGamma", "gamma",
                   {{"param_gamma_factor", "gamma"}, {"param_gain_factor", "gain"}, {"gamma", ""}, {"gain", ""}}));
  all.push_back(augmentation("RandomRGBShift", "rgb_shift",
                             {{"param_r_shift", "red"},
                              {"param_g_shift", "green"},
                              {"param_b_shift", "blue"},
                              {"r_shift_limit", ""},
                              {"g_shift_limit", ""},
                              {"b_shift_limit", ""}}));
  all.push_back(augmentation(
      "RandomSolarize", "solarize",
      {{"param_thresholds", "threshold"}, {"param_additions", "addition"}, {"thresholds", ""}, {"additions", ""}}));
  const auto window = [](const GoldenCase& golden, Values& values) {
    const nlohmann::json& kernel = golden.params.at("kernel_size");
    values.set("kernel_height", (kernel.is_array() ? kernel[0] : kernel).get<double>());
    values.set("kernel_width", (kernel.is_array() ? kernel[1] : kernel).get<double>());
    const std::map<std::string, std::string> borders = {
        {"constant", "zeros"}, {"replicate", "border"}, {"reflect", "reflection"}, {"circular", "circular"}};
    values.set("border", borders.at(golden.param("border_type", std::string("reflect"))));
  };
  all.push_back(augmentation(
      "RandomGaussianBlur", "gaussian_blur",
      {{"param_sigma", "sigma"}, {"sigma", ""}, {"kernel_size", ""}, {"border_type", ""}, {"separable", ""}}, window));
  all.push_back(augmentation("RandomBoxBlur", "box_blur",
                             {{"kernel_size", ""}, {"border_type", ""}, {"normalized", ""}}, window));
  all.push_back(augmentation("RandomMedianBlur", "median_blur", {{"kernel_size", ""}},
                             [window](const GoldenCase& golden, Values& values) {
                               window(golden, values);
                               values.set("border", std::string("zeros"));
                             }));
  all.push_back(augmentation("RandomPosterize", "posterize", {{"param_bits_factor", "bits"}, {"bits", ""}}));
  all.push_back(augmentation("RandomErasing", "erasing",
                             {{"param_widths", ""},
                              {"param_heights", ""},
                              {"param_xs", ""},
                              {"param_ys", ""},
                              {"param_values", ""},
                              {"scale", ""},
                              {"ratio", ""},
                              {"value", "value"}},
                             [](const GoldenCase& golden, Values& values) {
                               const auto part = [&](const char* place, const char* length, int axis) {
                                 const Tensor size = golden.inputs.at(std::string("param_") + length).to(DType::f64),
                                              at = golden.inputs.at(std::string("param_") + place).to(DType::f64);
                                 const double extent = static_cast<double>(golden.inputs.at("input").size(axis));
                                 values.set(axis == 3 ? "width" : "height", div(size, extent));
                                 values.set(axis == 3 ? "x" : "y", div(at, maximum(extent - size, 1.0)));
                               };
                               part("xs", "widths", 3);
                               part("ys", "heights", 2);
                             }));
  // Corners in pixels, as parts of half the extents by which they move inwards.
  all.push_back(augmentation(
      "RandomPerspective", "perspective",
      reads({{"param_start_points", ""}, {"param_end_points", ""}, {"distortion_scale", ""}, {"sampling_method", ""}}),
      [](const GoldenCase& golden, Values& values) {
        reading(golden, values, false);
        const Tensor moved = sub(golden.inputs.at("param_end_points"), golden.inputs.at("param_start_points"));
        for (int k = 0; k < 8; ++k) {
          const int corner = k / 2, axis = k % 2;
          const bool far = axis == 0 ? corner == 1 || corner == 2 : corner >= 2;
          values.set(
              (axis == 0 ? "x" : "y") + std::to_string(corner),
              mul(fraction(select(select(moved, 1, corner), 1, axis), golden, axis == 0 ? 3 : 2), far ? -2.0 : 2.0));
        }
      }));
  // A rotation of volumes is an affine map that only turns; unlike the reference's, its angles have the signs of ours.
  all.push_back(augmentation("RandomRotation3D", "affine3d",
                             reads({{"param_yaw", ""}, {"param_pitch", ""}, {"param_roll", ""}, {"degrees", ""}}),
                             [](const GoldenCase& golden, Values& values) {
                               reading(golden, values, false);
                               const std::pair<const char*, const char*> axes[] = {
                                   {"angle_x", "yaw"}, {"angle_y", "pitch"}, {"angle_z", "roll"}};
                               for (const auto& [ours, theirs] : axes)
                                 values.set(ours, radians(golden.inputs.at(std::string("param_") + theirs)));
                               values.set("axis_epsilon", 1e-6);
                               values.set("fixed_center", false);
                             }));
  for (const Binding& one : of_filters()) all.push_back(one);
  all.push_back(augmentation("RandomInvert", "invert", {{"max_val", "max_value"}}));
  all.push_back(
      augmentation("RandomGrayscale", "grayscale", {{"rgb_weights", ""}}, [](const GoldenCase& golden, Values& values) {
        if (!golden.params.contains("rgb_weights") || golden.params["rgb_weights"].is_null()) return;
        const auto weights = std::get<std::vector<double>>(value_of(golden.params["rgb_weights"]));
        values.set("red", weights.at(0));
        values.set("green", weights.at(1));
        values.set("blue", weights.at(2));
      }));
  return all;
}

}  // namespace lumigrad::parity
