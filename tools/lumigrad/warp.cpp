// SPDX-License-Identifier: Apache-2.0
// `lumigrad warp`: a result applied to another image, a mask or a list of points.
//
// A transform maps fixed -> moving pixels. So a point of the fixed image goes to where it is seen in the moving one,
// and an image goes the other way: each pixel of the fixed frame fetches its value from the moving image. --inverse
// turns both round.
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/geometry/transform.h>
#include <lumigrad/vision/image_io/image_io.h>
#include <lumigrad/vision/image_io/pixels.h>

#include <charconv>
#include <cmath>

#include "command.h"
#include "picture_file.h"
#include "transform_file.h"

namespace lumigrad::command {
namespace {

struct Request {
  std::string input, transform, out, size;
  bool inverse = false, nearest = false;
};

/// "480x640" as height and width.
Size parse_size(const std::string& text) {
  Size size;
  const char* end = text.data() + text.size();
  const auto [at, trouble] = std::from_chars(text.data(), end, size.height);
  if (trouble == std::errc{} && at != end && *at == 'x') {
    const auto [rest, fault] = std::from_chars(at + 1, end, size.width);
    if (fault == std::errc{} && rest == end && size.height > 0 && size.width > 0) return size;
  }
  throw Usage("--size: expected HEIGHTxWIDTH in pixels, as in 480x640, got " + text);
}

int warp_image(const Request& request, const Transform& transform) {
  const Picture picture = read_picture(request.input);
  Size size = transform.fixed;
  if (!request.size.empty()) size = parse_size(request.size);
  if (size == Size{}) size = {picture.image.size(1), picture.image.size(2)};
  const auto most = static_cast<std::int64_t>(ImageLimits{}.pixels);
  require<ResourceError>(size.height <= most / size.width, "size of the result: expected at most ", most,
                         " pixels, got ", size.height, " x ", size.width);
  const Tensor map = Tensor::from(std::vector<double>(transform.matrix.begin(), transform.matrix.end()), {1, 3, 3});
  const Tensor warped = geometry::warp_perspective(
      unsqueeze(to_float(picture.image), 0), map,
      {.size = size, .mode = request.nearest ? Interpolation::nearest : Interpolation::bilinear, .inverse_map = true});
  write_picture(request.out, {squeeze(warped, 0), picture.bits});
  return 0;
}

/// x and y from the first two fields of a line; false when they are no numbers. `rest` is what follows.
bool parse_point(std::string_view line, double& x, double& y, std::string_view& rest) {
  auto field = [&](double& value) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    const auto [at, trouble] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (trouble != std::errc{}) return false;
    line.remove_prefix(static_cast<std::size_t>(at - line.data()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return line.empty() || line.front() == ',';
  };
  if (!field(x) || line.empty()) return false;
  line.remove_prefix(1);
  if (!field(y)) return false;
  rest = line;
  return true;
}

int warp_points(const Request& request, const Matrix3& m) {
  const FileBytes file = read_file(request.input, std::uint64_t{1} << 30);
  std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  std::string out;
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    double x = 0, y = 0;
    std::string_view rest;
    if (parse_point(line, x, y, rest)) {
      const double w = m[6] * x + m[7] * y + m[8];  // 0 or less: on or behind the horizon
      const bool seen = w * m[8] > 0 || (m[8] == 0 && w > 0);
      const double u = seen ? (m[0] * x + m[1] * y + m[2]) / w : NAN, v = seen ? (m[3] * x + m[4] * y + m[5]) / w : NAN;
      out += lumigrad::to_string(u) + "," + lumigrad::to_string(v);
      out += rest;
    } else {
      const bool heading = number == 1 && line.find_first_of("0123456789") != 0;
      require<FormatError>(heading || line.empty() || line.front() == '#', request.input, ":", number,
                           ": expected x,y in pixels");
      out += line;
    }
    out += '\n';
  }
  write_file(request.out, out);
  return 0;
}

int warp(const Request& request) {
  const bool points = ends_with(request.input, ".csv");
  if (points && (request.nearest || !request.size.empty()))
    throw Usage("--nearest and --size are for images, and " + request.input + " holds points");
  if (!request.size.empty()) parse_size(request.size);
  const Transform given = read_transform(request.transform);
  const Transform transform = request.inverse ? inverse(given) : given;
  return points ? warp_points(request, transform.matrix) : warp_image(request, transform);
}

}  // namespace

void add_warp(Command app, Action& action) {
  auto request = std::make_shared<Request>();
  Command command = app.add_subcommand("warp", "apply a registration result to an image, a mask or points");
  command
      .add_option("input", request->input,
                  "an image or mask of the moving frame, which comes onto the fixed frame; or points of the fixed "
                  "image (.csv, lines x,y[,...]), which go to where they are in the moving image")
      .required();
  command.add_option("--transform", request->transform, "transform.json, OpenCV YAML or ITK .tfm; fixed -> moving")
      .required();
  command.add_option("--out", request->out, "the file to write").required();
  command.add_flag("--inverse", request->inverse,
                   "the other way: images onto the moving frame, points to the fixed one");
  command.add_flag("--nearest", request->nearest, "take the closest pixel: for masks and labels");
  command.add_option("--size", request->size,
                     "HEIGHTxWIDTH of the result; left out: that of the frame it comes onto (fixed_size of the "
                     "transform, moving_size with --inverse), or of the input where the transform does not say");
  command.callback([request, &action] { action = [request] { return warp(*request); }; });
}

}  // namespace lumigrad::command
