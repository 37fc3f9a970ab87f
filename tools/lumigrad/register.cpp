// SPDX-License-Identifier: Apache-2.0
// `lumigrad register`: two images, and everything the library says about the motion between them.
#include "register.h"

#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/vision/image_io/image_io.h>

#include <cstdio>
#include <filesystem>
#include <map>

#include "command.h"
#include "tools/report/registration_page.h"
#include "transform_file.h"

namespace lumigrad::command {
namespace {

namespace fs = std::filesystem;

constexpr const char* report_name = "report.html";

/// Losses that are not functions of the difference of two grey levels.
const std::map<std::string, registration::Measure> measures = {
    {"lncc", registration::Measure::lncc},
    {"gradcorr", registration::Measure::gradient_correlation},
    {"census", registration::Measure::census},
    {"mi", registration::Measure::mutual_information}};

int register_two(const RegisterRequest& request) {
  const Device device = require_device(request.device);
  registration::Options options = registration_options(request);
  if (!request.fixed_mask.empty()) options.fixed_mask = read_mask(request.fixed_mask);
  if (!request.moving_mask.empty()) options.moving_mask = read_mask(request.moving_mask);
  Picture pictures[2];
  const std::string* paths[2] = {&request.fixed, &request.moving};
  parallel_for(
      2, [&](std::int64_t k) { pictures[k] = read_picture(*paths[k]); }, 1e6);
  const auto& [fixed, moving] = pictures;
  make_folder(request.out);
  for (Tensor* mask : {&options.fixed_mask, &options.moving_mask})
    if (mask->defined()) *mask = mask->to(device);
  const registration::Result result = registration::register_images(without_alpha(fixed.image).to(device),
                                                                    without_alpha(moving.image).to(device), options);
  write_registration(request.out, request.fixed, request.moving, fixed, moving, result);
  std::printf("%s; %s\n", report::registration_sentence(result).c_str(),
              (fs::path(request.out) / report_name).string().c_str());
  return 0;
}

int register_command(const RegisterRequest& request) {
  if (request.threads > 0) set_num_threads(request.threads);
  const bool two = !request.fixed.empty() && !request.moving.empty();
  if (request.pairs.empty()) {
    if (!two) throw Usage("register: expected two images, FIXED and MOVING, or --pairs FILE");
    if (!request.shard.empty() || request.resume || request.pictures)
      throw Usage("register: --shard, --resume and --pictures go with --pairs");
    return register_two(request);
  }
  if (!request.fixed.empty()) throw Usage("register: expected two images or --pairs, got both");
  if (!request.fixed_mask.empty() || !request.moving_mask.empty()) throw Usage("register: masks go with two images");
  return register_pairs(request);
}

}  // namespace

registration::Options registration_options(const RegisterRequest& request) {
  registration::Options options;
  options.model = registration::parse_model(request.model);
  const auto measure = measures.find(request.loss);
  if (measure != measures.end())
    options.measure = measure->second;
  else
    options.loss = registration::parse_loss(request.loss);
  if (request.init == "identity") {
    options.start = registration::Start::identity;
  } else if (request.init != "auto") {
    options.start = registration::Start::given;
    std::error_code trouble;
    require<IoError>(fs::exists(request.init, trouble), "--init: expected auto, identity or a file, got ", request.init,
                     " (no such file)");
    options.initial = read_transform(request.init).matrix;
  }
  return options;
}

void write_registration(const std::string& folder, const std::string& fixed_path, const std::string& moving_path,
                        const Picture& fixed, const Picture& moving, const registration::Result& result) {
  const report::RegisteredPair pair{fs::path(fixed_path).filename().string(), fs::path(moving_path).filename().string(),
                                    fixed.image, moving.image, result};
  const int bits = moving.bits == 8 ? 8 : 16;
  std::vector<std::byte> picture;
  std::string page;
  parallel_for(
      2,
      [&](std::int64_t k) {
        if (k == 1) return void(page = report::registration_page(pair));
        picture = encode_image(
            report::warped_picture(moving.image, result.matrix, fixed.image.size(1), fixed.image.size(2), bits),
            ImageFormat::png, {.bits = bits});
      },
      1e6);
  FileWriter transform_file((fs::path(folder) / "transform.json").string());
  FileWriter warped_file((fs::path(folder) / "warped.png").string());
  FileWriter report_file((fs::path(folder) / report_name).string());
  transform_file.write(
      result_text(result, {fixed.image.size(1), fixed.image.size(2)}, {moving.image.size(1), moving.image.size(2)}));
  warped_file.write(picture);
  report_file.write(page);
  warped_file.commit();
  report_file.commit();
  transform_file.commit();
}

void add_register(Command app, Action& action) {
  auto request = std::make_shared<RegisterRequest>();
  Command command = app.add_subcommand("register", "find the motion that lays one image onto another");
  command.add_option("fixed", request->fixed, "the image that stays");
  command.add_option("moving", request->moving, "the image that is brought onto it");
  command.add_option("--model", request->model, "the motion; with --pairs, of those that name none")
      .one_of({"translation", "rigid", "similarity", "affine", "homography"})
      .show_default();
  command
      .add_option("--out", request->out, "folder for transform.json, warped.png, report.html (--pairs: results.json)")
      .required();
  command.add_option("--init", request->init, "auto, identity, or a file with a transform to start from")
      .show_default();
  command
      .add_option("--loss", request->loss,
                  "robust function of the residuals, or what has to agree instead of grey levels")
      .one_of({"l2", "huber", "charbonnier", "tukey", "geman_mcclure", "lncc", "gradcorr", "census", "mi"})
      .show_default();
  command.add_option("--fixed-mask", request->fixed_mask, "image of the fixed one's size; zero pixels are not used");
  command.add_option("--moving-mask", request->moving_mask, "the same for the moving image");
  command.add_option("--device", request->device, "where to compute").show_default();
  command.add_option("--threads", request->threads, "at most so many threads").within(1, 1024);
  command.add_option("--pairs", request->pairs,
                     "many pairs: {\"pairs\": [{\"id\", \"fixed\", \"moving\", \"model\"}]}");
  command.add_option(
      "--shard", request->shard,
      "i/n: every n-th pair from the i-th on, i from 1 to n; results.json holds what all shards have finished");
  command.add_flag("--resume", request->resume, "keep the pairs that an earlier call of this shard finished");
  command.add_flag("--pictures", request->pictures, "the three files of every pair, in a folder by its id");
  command.callback([request, &action] { action = [request] { return register_command(*request); }; });
}

}  // namespace lumigrad::command
