// SPDX-License-Identifier: Apache-2.0
// What registration promises, measured:
//
//   registration_proofs certainty|exactness|nonsense|unrelated|large [COUNT] [FOLDER]
//
// certainty   predicted against true errors under noise, COUNT pairs (1000) of each kind
// exactness   errors without noise, COUNT pairs (20) of each kind
// nonsense    COUNT pairs (100000) that make no sense; exit 1 when one throws or answers with NaN
// unrelated   COUNT pairs (300) of different photographs of FOLDER, or of different textures
// large       one pair of COUNT megapixels (100)
#include <lumigrad/engine/parallel.h>
#include <lumigrad/vision/image_io/image_io.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>

#include "figures.h"

namespace {

using lumigrad::Tensor;

int show_certainty(int count) {
  std::printf("%-12s %-12s %8s %16s %18s %10s\n", "model", "noise", "sigma", "variance ratio", "normalised error",
              "converged");
  for (const proofs::Model model : {proofs::Model::affine, proofs::Model::homography})
    for (const bool correlated : {false, true})
      for (const double sigma : {0.01, 0.04}) {
        const proofs::Certainty c = proofs::certainty(model, correlated, sigma, count);
        std::printf("%-12s %-12s %8.2f %16.3f %18.3f %5d/%d\n", name(model), correlated ? "correlated" : "independent",
                    sigma, c.variance_ratio, c.normalised, c.converged, count);
        std::fflush(stdout);
      }
  return 0;
}

int show_exactness(int count) {
  auto row = [&](const char* what, proofs::Model model, const proofs::Exactness& e) {
    std::printf("%-16s %-12s mean %.5f px, worst %.5f px, scale %+.1e, converged %d/%d\n", what, name(model), e.mean,
                e.worst, e.scale, e.converged, count);
    std::fflush(stdout);
  };
  for (const proofs::Model model : {proofs::Model::affine, proofs::Model::homography}) {
    for (const double blur : {0.0, 0.7, 1.5, 3.0}) {
      const std::string what = "blur " + std::to_string(blur).substr(0, 3) + " px";
      row(what.c_str(), model, proofs::exactness(model, blur, count));
    }
    row("masked band", model, proofs::masked_band(model, count));
  }
  return 0;
}

int show_nonsense(int count) {
  proofs::Nonsense sums;
  std::mutex mutex;
  constexpr int part = 500;
  lumigrad::parallel_for((count + part - 1) / part,
                         [&](std::int64_t k) {
                           const int first = static_cast<int>(k) * part;
                           const proofs::Nonsense some = proofs::nonsense(first, std::min(part, count - first));
                           const std::lock_guard lock(mutex);
                           sums.pairs += some.pairs, sums.thrown += some.thrown, sums.not_numbers += some.not_numbers;
                           for (std::size_t s = 0; s < 5; ++s) sums.statuses[s] += some.statuses[s];
                         },
                         1e6);
  std::printf("%d pairs: %d threw, %d answered with NaN", sums.pairs, sums.thrown, sums.not_numbers);
  for (std::size_t s = 0; s < 5; ++s)
    std::printf(", %d %s", sums.statuses[s], name(static_cast<lumigrad::registration::Status>(s)));
  std::printf("\n");
  return sums.thrown + sums.not_numbers > 0;
}

int show_unrelated(int count, const char* folder) {
  std::vector<Tensor> photographs;
  std::vector<std::string> paths;
  if (folder)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) try {
      Tensor image = lumigrad::load_image(path, {.channels = lumigrad::Channels::grey});
      if (image.size(1) >= 192 && image.size(2) >= 256) photographs.push_back(std::move(image));
    } catch (const lumigrad::Error&) {  // not a picture
    }
  const int claimed = proofs::converged_though_unrelated(photographs, count);
  std::printf("%d of %d unrelated pairs (%zu photographs) called converged\n", claimed, count, photographs.size());
  return 0;
}

int show_large(int megapixels) {
  const int side = static_cast<int>(std::lround(1000 * std::sqrt(static_cast<double>(megapixels))));
  const proofs::Large l = proofs::large(side, side);
  std::printf("%d x %d: %s, %.1f s, error %.4f px (predicted %.4f px), peak %.2f GB with both images\n", side, side,
              l.converged ? "converged" : "not converged", l.seconds, l.error, l.predicted, 1e-9 * l.peak_bytes);
  return !l.converged;
}

}  // namespace

int main(int count, char** words) try {
  const std::string what = count > 1 ? words[1] : "";
  auto number = [&](int otherwise) { return count > 2 ? std::max(1, std::atoi(words[2])) : otherwise; };
  if (what == "certainty") return show_certainty(number(1000));
  if (what == "exactness") return show_exactness(number(20));
  if (what == "nonsense") return show_nonsense(number(100000));
  if (what == "unrelated") return show_unrelated(number(300), count > 3 ? words[3] : nullptr);
  if (what == "large") return show_large(number(100));
  std::fprintf(stderr, "usage: registration_proofs certainty|exactness|nonsense|unrelated|large [COUNT] [FOLDER]\n");
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "registration_proofs: %s\n", error.what());
  return 3;
}
