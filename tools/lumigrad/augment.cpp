// SPDX-License-Identifier: Apache-2.0
// `lumigrad augment`: versions of images by a policy, with their masks, boxes and keypoints.
//
// What is drawn for a version depends on the seed, the name of the image and the number of the version, and on nothing
// else. So a folder can be cut into any parts, on any machines: each version comes out the same.
#include <lumigrad/augment/pipeline.h>
#include <lumigrad/augment/policy.h>
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/image_io/image_io.h>
#include <lumigrad/vision/image_io/pixels.h>

#include <filesystem>
#include <map>
#include <mutex>

#include "annotations.h"
#include "command.h"
#include "picture_file.h"
#include "progress.h"
#include "tools/report/contact_sheet.h"
#include "tools/report/picture.h"

namespace lumigrad::command {
namespace {

namespace fs = std::filesystem;
using augment::Augmentation;

struct Request {
  std::vector<std::string> images;
  std::string policy, out, masks, boxes, keypoints;
  std::uint64_t seed = 0;
  std::int64_t count = 1;
  int threads = 0;
};

constexpr const char* policy_help = R"(A policy, as JSON:
  {"version": 1, "steps": [
    {"op": "horizontal_flip", "p": 0.5},
    {"op": "affine", "params": {"angle": [-0.3, 0.3], "scale": [0.8, 1.2]}},
    {"one_of": [{"op": "color_jitter", "params": {"brightness": 0.3}}, {"op": "grayscale", "p": 1}]}]}
A parameter is a number (a spread about the value at which nothing happens), a pair (uniform in it) or a named
distribution, {"normal": [0, 0.1]}; "p" is the probability of a step. Left out it is 1 for color_jitter, color_jiggle,
brightness, contrast, saturation, hue, gamma and groups of steps, 0.1 for grayscale and 0.5 for the others. Angles are
radians. `lumigrad op list` shows the names of steps, as augment.NAME, and their parameters; lumigrad/augment/policy.h
has the whole format.)";

/// What a contact sheet has room for.
constexpr std::int64_t sheet_rows = 24, sheet_columns = 12;

/// An image of the call, read when its first version is made and let go with its last.
struct Source {
  std::string path, stem;
  std::string mask_path = {};
  Annotations boxes = {}, points = {};
  std::once_flag read = {};
  std::int64_t left = 0;
  Picture picture = {};
  Tensor mask = {};
};

/// The file of a folder with this stem.
std::string file_of(const std::string& folder, const std::string& stem) {
  std::string found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().stem() == stem) found = std::max(found, entry.path().string());
  require<IoError>(!found.empty(), folder, ": expected a mask named ", stem, ".png or with another ending");
  return found;
}

/// A file may speak of more images than one call makes versions of. A name that is spelled wrong looks the same: it is
/// said which are left over.
void mention_unclaimed(const std::string& path, const AnnotationFile& file, const std::vector<std::string>& images) {
  const std::vector<std::string> keys = file.unclaimed(images);
  if (keys.empty()) return;
  const std::string more = keys.size() > 1 ? " (and " + std::to_string(keys.size() - 1) + " more)" : "";
  std::fprintf(stderr, "lumigrad: %s: none of the images is called %s%s\n", path.c_str(), keys[0].c_str(),
               more.c_str());
}

std::vector<std::unique_ptr<Source>> sources_of(const Request& request) {
  if (!request.masks.empty())
    require<IoError>(fs::is_directory(request.masks), request.masks, ": expected a folder of masks");
  const AnnotationFile boxes = request.boxes.empty() ? AnnotationFile() : AnnotationFile(request.boxes, 4);
  const AnnotationFile points = request.keypoints.empty() ? AnnotationFile() : AnnotationFile(request.keypoints, 2);
  mention_unclaimed(request.boxes, boxes, request.images);
  mention_unclaimed(request.keypoints, points, request.images);
  std::vector<std::unique_ptr<Source>> sources;
  std::map<std::string, std::string> stems;
  for (const std::string& path : request.images) {
    auto source = std::make_unique<Source>();
    source->path = path, source->stem = fs::path(path).stem().string(), source->left = request.count;
    const auto [known, fresh] = stems.emplace(source->stem, path);
    if (!fresh)
      throw Usage("augment: " + known->second + " and " + path + " would both be written as " + source->stem +
                  "_0.png: give them other names");
    if (!request.masks.empty()) source->mask_path = file_of(request.masks, source->stem);
    source->boxes = boxes.of(path), source->points = points.of(path);
    sources.push_back(std::move(source));
  }
  return sources;
}

void read_source(Source& source) {
  source.picture = read_picture(source.path);
  source.picture.image = unsqueeze(report::colours(source.picture.image), 0);
  if (source.mask_path.empty()) return;
  source.mask = unsqueeze(read_picture(source.mask_path).image, 0);
  const Shape &image = source.picture.image.shape(), &mask = source.mask.shape();
  require<ShapeError>(mask[2] == image[2] && mask[3] == image[3], source.mask_path, ": expected a mask of ", image[2],
                      " x ", image[3], " pixels, got ", mask[2], " x ", mask[3]);
}

/// The draws of a version. With same_on_batch, all images have the same.
augment::Draw drawn(const Augmentation& policy, const Request& request, const Source& source, std::int64_t version) {
  const std::uint64_t image = policy.same_on_batch ? 0 : operation_id(source.stem);
  return policy.draw({.seed = request.seed, .first_sample = image << 32 | static_cast<std::uint64_t>(version)},
                     source.picture.image.shape());
}

Tensor batch_of_one(const Tensor& places) { return places.defined() ? unsqueeze(places, 0) : Tensor(); }
Tensor only(const Tensor& batch) { return batch.defined() ? squeeze(batch, 0) : Tensor(); }

/// Makes and writes one version; returns its picture for the sheet.
Tensor write_version(const Augmentation& policy, const Request& request, const Source& source, std::int64_t version) {
  const augment::Draw draw = drawn(policy, request, source, version);
  const augment::Example moved = policy.apply(augment::Example{.image = source.picture.image,
                                                               .mask = source.mask,
                                                               .boxes = batch_of_one(source.boxes.places),
                                                               .keypoints = batch_of_one(source.points.places)},
                                              draw);
  const Tensor image = only(moved.image), boxes = only(moved.boxes), points = only(moved.keypoints);
  const std::string name = source.stem + "_" + std::to_string(version);
  const std::string base = (fs::path(request.out) / name).string();
  nlohmann::ordered_json json = {{"image", name + ".png"},
                                 {"source", fs::path(source.path).filename().string()},
                                 {"seed", request.seed},
                                 {"version", version},
                                 {"size", {image.size(1), image.size(2)}}};
  const Tensor matrix = only(policy.transform_matrix(draw, source.picture.image.shape()));
  for (std::int64_t row = 0; row < 3; ++row) json["matrix"].push_back(select(matrix, 0, row).values());
  if (source.mask.defined()) json["mask"] = name + "_mask.png";
  if (boxes.defined()) json["boxes"] = entries_of(source.boxes, boxes);
  if (points.defined()) json["keypoints"] = entries_of(source.points, points);
  json["draw"] = nlohmann::ordered_json::parse(augment::draw_text(policy, draw, 0));

  save_image(base + ".png", image, {.bits = source.picture.bits > 8 ? 16 : 8});
  if (source.mask.defined())
    save_image(base + "_mask.png", only(moved.mask), {.bits = moved.mask.dtype() == DType::u8 ? 8 : 16});
  write_file(base + ".json", line_of(json) + "\n");
  return version < sheet_columns - 1 ? report::contact_picture(image, boxes, points) : Tensor();
}

int augment_images(const Request& request) {
  if (request.images.empty()) throw Usage("augment: expected images (or: augment check)");
  if (request.policy.empty() || request.out.empty()) throw Usage("augment: expected --policy FILE and --out DIR");
  if (request.count < 1 || request.count > 1'000'000)
    throw Usage("--count: expected 1 to 1000000, got " + std::to_string(request.count));
  if (request.threads > 0) set_num_threads(request.threads);
  const std::shared_ptr<Augmentation> policy = augment::load_policy(request.policy);
  policy->train(false);  // gates are open or shut
  const std::vector<std::unique_ptr<Source>> sources = sources_of(request);

  const auto images = static_cast<std::int64_t>(sources.size());
  const std::int64_t columns = std::min(sheet_columns, request.count + 1);
  std::vector<std::vector<Tensor>> sheet(static_cast<std::size_t>(std::min(images, sheet_rows)),
                                         std::vector<Tensor>(static_cast<std::size_t>(columns)));
  Progress progress(images * request.count);
  std::mutex mutex;
  parallel_for(
      images * request.count,
      [&](std::int64_t job) {
        const NoGrad plain;
        const auto i = static_cast<std::size_t>(job / request.count);
        const std::int64_t version = job % request.count;
        Source& source = *sources[i];
        std::call_once(source.read, [&] {
          read_source(source);
          make_folder(request.out);  // now that there is something to put into it
          if (i < sheet.size())
            sheet[i][0] =
                report::contact_picture(only(source.picture.image), source.boxes.places, source.points.places);
        });
        Tensor shown = write_version(*policy, request, source, version);
        const std::lock_guard lock(mutex);
        if (i < sheet.size() && version + 1 < columns) sheet[i][static_cast<std::size_t>(version + 1)] = shown;
        if (--source.left == 0) source.picture = {}, source.mask = {};
        progress.done();
      },
      1e4);
  save_image((fs::path(request.out) / "contact_sheet.png").string(), report::contact_sheet(sheet));
  std::printf("%lld versions of %lld images in %s; contact_sheet.png shows %s\n",
              static_cast<long long>(images * request.count), static_cast<long long>(images), request.out.c_str(),
              images > sheet_rows || request.count >= sheet_columns ? "the first" : "them beside the originals");
  return 0;
}

}  // namespace

void add_augment(Command app, Action& action) {
  auto request = std::make_shared<Request>();
  Command command = app.add_subcommand("augment", "make versions of images by a policy of random augmentations");
  command.add_option("images", request->images, "the images; grey ones are taken as RGB").type_name("FILE REQUIRED");
  command.add_option("--policy", request->policy, "policy.json: what may happen, how strongly and how often (below)")
      .type_name("FILE REQUIRED");
  command.add_option("--out", request->out, "the folder to write to: NAME_K.png, NAME_K.json, contact_sheet.png")
      .type_name("DIR REQUIRED");
  command.add_option("--seed", request->seed, "draws depend on it, the image's name and the version's number alone")
      .show_default();
  command.add_option("--count", request->count, "versions of each image").show_default();
  command.add_option("--masks", request->masks, "a folder of masks with the names of the images").type_name("DIR");
  command.add_option("--boxes", request->boxes, "JSON: {\"image\": [[x0, y0, x1, y1, ...], ...]}, half-open, pixels")
      .type_name("FILE");
  command.add_option("--keypoints", request->keypoints, "JSON: {\"image\": [[x, y, ...], ...]}, pixels")
      .type_name("FILE");
  command.add_option("--threads", request->threads,
                     "at most so many (left out: all); the result does not depend on it");
  command.footer(policy_help);
  command.require_subcommand(0, 1);
  add_augment_check(command, action);
  command.callback([request, &action] {
    if (!action) action = [request] { return augment_images(*request); };
  });
}

}  // namespace lumigrad::command
