// SPDX-License-Identifier: Apache-2.0
#include "transform_file.h"

#include <lumigrad/engine/files/file.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "command.h"
#include "json_file.h"
#include "picture_file.h"

namespace lumigrad::command {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::uint64_t most_bytes = 1 << 20;

/// The numbers of a text, separated by spaces and commas; stops at anything else.
std::vector<double> numbers_of(std::string_view text) {
  std::vector<double> numbers;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" ,\t\r\n"), text.size()));
    double value = 0;
    const auto [end, trouble] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || trouble != std::errc{}) return numbers;
    numbers.push_back(value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
}

/// A field [height, width]; 0 x 0 when there is none.
Size size_from(const std::string& path, const Json& json, const char* field) {
  if (!json.contains(field)) return {};
  const Json& pair = json[field];
  const bool whole = pair.is_array() && pair.size() == 2 && pair[0].is_number_integer() && pair[1].is_number_integer();
  const Size size = whole ? Size{pair[0].get<std::int64_t>(), pair[1].get<std::int64_t>()} : Size{};
  require<FormatError>(size.height > 0 && size.width > 0, path, ": expected ", field,
                       " as [height, width] in pixels, got ", line_of(pair));
  return size;
}

Transform from_json(const std::string& path, std::string_view text) {
  const Json json = parsed_json(path, text);
  require<FormatError>(json.is_object() && json.contains("matrix"), path, ": expected an object with a matrix");
  const Json& matrix = json["matrix"];
  require<FormatError>(!matrix.is_null(), path, ": holds no matrix (the pair was not registered)");
  std::vector<double> numbers;
  auto take = [&](const Json& item) {
    if (item.is_number()) numbers.push_back(item.get<double>());
  };
  if (matrix.is_array())
    for (const Json& row : matrix) {
      if (row.is_array() && row.size() == 3)
        for (const Json& item : row) take(item);
      else
        take(row);
    }
  require<FormatError>(numbers.size() == 9, path, ": expected a matrix of three rows of three numbers");
  Transform transform;
  std::copy(numbers.begin(), numbers.end(), transform.matrix.begin());
  if (json.contains("model")) {
    require<FormatError>(json["model"].is_string(), path, ": expected the model as a text");
    transform.model = registration::parse_model(json["model"].get<std::string>());
  }
  transform.fixed = size_from(path, json, "fixed_size");
  transform.moving = size_from(path, json, "moving_size");
  return transform;
}

Transform from_opencv(const std::string& path, std::string_view text) {
  const auto data = text.find("data:");
  const auto open = data == text.npos ? data : text.find('[', data);
  require<FormatError>(open != text.npos, path, ": expected an OpenCV matrix with data");
  const std::vector<double> numbers = numbers_of(text.substr(open + 1));
  require<FormatError>(numbers.size() == 9 || numbers.size() == 6, path,
                       ": expected a 3x3 or 2x3 matrix, got numbers: ", numbers.size());
  Transform transform{.model = numbers.size() == 6 ? registration::Model::affine : registration::Model::homography};
  std::copy(numbers.begin(), numbers.end(), transform.matrix.begin());
  return transform;
}

Transform from_itk(const std::string& path, std::string_view text) {
  auto after = [&](std::string_view word) {
    const auto at = text.find(std::string("\n").append(word));
    return at == text.npos ? std::string_view() : text.substr(at + 1 + word.size());
  };
  const std::string_view kind = after("Transform: ");
  require<FormatError>(kind.starts_with("AffineTransform_double_2_2") || kind.starts_with("AffineTransform_float_2_2"),
                       path, ": expected a planar AffineTransform, got ", kind.substr(0, kind.find_first_of("\r\n")));
  const std::vector<double> p = numbers_of(after("Parameters:")), c = numbers_of(after("FixedParameters:"));
  require<FormatError>(p.size() == 6 && (c.size() == 2 || c.empty()), path, ": expected 6 parameters and a centre");
  const double cx = c.empty() ? 0 : c[0], cy = c.empty() ? 0 : c[1];  // x -> A (x - c) + c + t
  return {registration::Model::affine,
          {p[0], p[1], p[4] + cx - p[0] * cx - p[1] * cy, p[2], p[3], p[5] + cy - p[2] * cx - p[3] * cy, 0, 0, 1}};
}

OrderedJson rows_of(const double* values, std::size_t size) {
  OrderedJson rows = OrderedJson::array();
  for (std::size_t i = 0; i < size; ++i)
    rows.push_back(OrderedJson(std::vector<double>(values + i * size, values + (i + 1) * size)));
  return rows;
}

/// Adds the sizes that are known.
void add_sizes(OrderedJson& object, Size fixed, Size moving) {
  if (fixed != Size{}) object["fixed_size"] = {fixed.height, fixed.width};
  if (moving != Size{}) object["moving_size"] = {moving.height, moving.width};
}

/// An object with a line for each field, and one for each item of a list of lists or objects.
std::string laid_out(const OrderedJson& object) {
  std::string text = "{";
  for (const auto& [key, value] : object.items()) {
    text += (text.size() > 1 ? ",\n  \"" : "\n  \"") + key + "\": ";
    if (!value.is_array() || value.empty() || !value.front().is_structured()) {
      text += line_of(value);
      continue;
    }
    for (std::size_t row = 0; row < value.size(); ++row)
      text += (row == 0 ? "[\n    " : ",\n    ") + line_of(value[row]);
    text += "\n  ]";
  }
  return text + "\n}\n";
}

void scale(Matrix3& m) {
  if (m[8] != 0 && std::isfinite(m[8])) {
    const double by = m[8];
    for (double& v : m) v /= by;
  }
}

std::string list(std::initializer_list<double> numbers, const char* between) {
  std::string text;
  for (const double v : numbers) text += (text.empty() ? "" : between) + lumigrad::to_string(v);
  return text;
}

}  // namespace

Transform read_transform(const std::string& path) {
  const FileBytes file = read_file(path, most_bytes);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  const Transform transform = text.starts_with("%YAML")      ? from_opencv(path, text)
                              : text.starts_with("#Insight") ? from_itk(path, text)
                                                             : from_json(path, text);
  for (const double v : transform.matrix)
    require<FormatError>(std::isfinite(v), path, ": expected finite numbers in the matrix");
  return transform;
}

TransformFormat transform_format(const std::string& path) {
  if (ends_with(path, ".json")) return TransformFormat::json;
  if (ends_with(path, ".yml") || ends_with(path, ".yaml")) return TransformFormat::opencv;
  if (ends_with(path, ".tfm") || ends_with(path, ".txt")) return TransformFormat::itk;
  throw Usage("--out: expected a name ending in .json, .yml or .tfm, got " + path);
}

std::string transform_text(const Transform& transform, TransformFormat format) {
  const Matrix3& m = transform.matrix;
  switch (format) {
    case TransformFormat::json: {
      OrderedJson object = {{"model", name(transform.model)}, {"matrix", rows_of(m.data(), 3)}};
      add_sizes(object, transform.fixed, transform.moving);
      return laid_out(object);
    }
    case TransformFormat::opencv:
      return "%YAML:1.0\n---\nmatrix: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n   data: [ " +
             list({m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8]}, ", ") + " ]\n";
    case TransformFormat::itk:
      break;
  }
  require<FormatError>(m[6] == 0 && m[7] == 0 && m[8] != 0,
                       "export: expected an affine motion, for ITK's affine transform has no perspective");
  const double s = m[8];
  return "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_2_2\nParameters: " +
         list({m[0] / s, m[1] / s, m[3] / s, m[4] / s, m[2] / s, m[5] / s}, " ") + "\nFixedParameters: 0 0\n";
}

Transform composed(const Transform& first, const Transform& second) {
  Transform both{std::max(first.model, second.model), second.matrix * first.matrix, first.fixed, second.moving};
  scale(both.matrix);
  return both;
}

Transform inverse(const Transform& transform) {
  const Matrix3& m = transform.matrix;
  Transform back{transform.model, lumigrad::inverse(m), transform.moving, transform.fixed};
  for (const double entry : back.matrix)
    require<NumericError>(std::isfinite(entry), "inverse: expected a matrix with an inverse, got a singular one");
  scale(back.matrix);
  if (m[6] == 0 && m[7] == 0) back.matrix[6] = back.matrix[7] = 0;  // not -0
  return back;
}

namespace {

/// What both files say of a registration.
OrderedJson verdict_of(const registration::Result& r) {
  return {{"model", name(r.model)},
          {"matrix", rows_of(r.matrix.data(), 3)},
          {"loss", r.loss},
          {"iterations", r.iterations},
          {"converged", r.converged()},
          {"status", name(r.status)},
          {"inlier_ratio", r.inlier_ratio}};
}

}  // namespace

std::string result_text(const registration::Result& r, Size fixed, Size moving) {
  OrderedJson object = verdict_of(r);
  object.update({{"covariance", rows_of(r.covariance.data(), 8)},
                 {"seconds", r.seconds},
                 {"correlation", r.correlation},
                 {"overlap", r.overlap},
                 {"gain", r.gain},
                 {"bias", r.bias},
                 {"start", r.start}});
  add_sizes(object, fixed, moving);
  object["levels"] = OrderedJson::array();
  for (const auto& level : r.levels)
    object["levels"].push_back({{"size", {level.height, level.width}},
                                {"iterations", level.iterations},
                                {"loss", level.loss},
                                {"seconds", level.seconds}});
  return laid_out(object);
}

std::string pair_text(const std::string& id, const registration::Result& r) {
  OrderedJson object = {{"id", OrderedJson::parse(id)}};
  object.update(verdict_of(r));
  object["seconds"] = r.seconds;
  return line_of(object);
}

std::string failed_pair_text(const std::string& id, const std::string& model, const std::string& error) {
  return line_of(OrderedJson{{"id", OrderedJson::parse(id)},
                             {"model", model},
                             {"matrix", nullptr},
                             {"loss", nullptr},
                             {"iterations", 0},
                             {"converged", false},
                             {"status", nullptr},
                             {"inlier_ratio", nullptr},
                             {"seconds", 0.0},
                             {"error", error}});
}

}  // namespace lumigrad::command
