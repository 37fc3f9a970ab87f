// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/registration/batch.h>

#include <lumigrad/engine/device/module.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/stored_pixels.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/registration/certainty.h>
#include <lumigrad/vision/registration/device.h>
#include <algorithm>
#include <cstring>
#include <limits>

namespace lumigrad::registration {
namespace {

using device::AlignmentEnding;
using device::AlignmentState;

constexpr std::int64_t numbers_of_state = sizeof(AlignmentState) / sizeof(double);
static_assert(sizeof(AlignmentState) % sizeof(double) == 0);

void check(const Tensor& image, const char* what) {
  require<ShapeError>(image.rank() == 4 && (image.size(1) == 1 || image.size(1) == 3), "align_batch: expected ", what,
                      " [N, 1 or 3, H, W], got ", image.shape());
  require<ShapeError>(image.numel() > 0 && image.size(2) <= 65535 && image.size(3) <= 65535, "align_batch: expected ",
                      what, " of 1 to 65535 pixels a side, got ", image.shape());
  require<DTypeError>(is_differentiable(image.dtype()) || image.dtype() == DType::u8 || image.dtype() == DType::u16,
                      "align_batch: expected ", what, " as u8, u16, f32 or f64, got ", image.dtype());
}

// f32; u8 and u16 as shares of their largest number.
Tensor shares_of(const Tensor& image) {
  const int full = largest_of(image.dtype());
  const Tensor numbers = image.detach().to(DType::f32);
  return full == 1 ? numbers : mul(numbers, 1.0 / full);
}

// [N, 1, H, W] f32 grey levels, NaN where the mask is zero.
Tensor grey_of(const Tensor& given, const Tensor& mask, const char* what) {
  Tensor image = shares_of(given);
  if (image.size(1) == 3) {
    const auto channel = [&](std::int64_t c) { return slice(image, 1, c, c + 1); };
    image = add(add(mul(channel(0), 0.299), mul(channel(1), 0.587)), mul(channel(2), 0.114));
  }
  if (!mask.defined()) return image.contiguous();
  const Tensor all = mask.rank() == 2 ? unsqueeze(mask, 0) : mask;
  require<ShapeError>(all.rank() == 3 && (all.size(0) == 1 || all.size(0) == image.size(0)) &&
                          all.size(1) == image.size(2) && all.size(2) == image.size(3),
                      "align_batch: expected a mask [H, W] or [N, H, W] of ", what, " ", image.shape(), ", got ",
                      mask.shape());
  return where(unsqueeze(all, 1), image, Tensor(std::numeric_limits<double>::quiet_NaN())).contiguous();
}

// The mean of every 2x2 pixels of [N, 1, H, W]; all that is left over of an odd side is dropped.
Tensor halved(const Tensor& image) {
  const Device device = image.device();
  const Tensor small = Tensor::empty({image.size(0), 1, image.size(2) / 2, image.size(3) / 2}, DType::f32, device);
  device::check("align_batch", device,
                device::table(device).alignment.halve(
                    device::place_of(device), reinterpret_cast<const float*>(image.device_data()),
                    reinterpret_cast<float*>(small.device_data()), image.size(0), image.size(2), image.size(3)));
  return small;
}

const float* pixels_of(const Tensor& image) { return reinterpret_cast<const float*>(image.device_data()); }

device::AlignmentLevel level_of(const Tensor& fixed, const Tensor& moving) {
  return {pixels_of(fixed),
          pixels_of(moving),
          static_cast<std::int32_t>(fixed.size(2)),
          static_cast<std::int32_t>(fixed.size(3)),
          static_cast<std::int32_t>(moving.size(2)),
          static_cast<std::int32_t>(moving.size(3))};
}

// Below this correlation images do not agree, whatever the steps say.
constexpr double least_correlation = 0.4;

Status status_of(const AlignmentState& s) {
  if (s.ending == AlignmentEnding::flat) return Status::no_gradient;
  if (s.ending == AlignmentEnding::low_overlap || s.overlap < 0.1) return Status::low_overlap;
  const bool rests = s.ending == AlignmentEnding::settled || s.last_move < 0.05;
  return rests && s.correlation >= least_correlation ? Status::converged : Status::stalled;
}

Result result_of(const AlignmentState& s, const Options& options, const Shape& fixed) {
  Result r;
  r.model = options.model;
  for (std::size_t k = 0; k < 9; ++k) r.matrix[k] = s.map[k];
  r.status = status_of(s);
  r.gain = s.gain;
  r.bias = s.bias;
  const double pixels = s.equations[device::pixels_at];
  r.loss = pixels > 0 ? s.equations[device::loss_at] / pixels : 0;
  r.iterations = s.iterations;
  r.inlier_ratio = s.inliers;
  r.overlap = s.overlap;
  r.correlation = s.correlation;
  r.loss_curve = {r.loss};
  r.start = options.start == Start::given ? "given" : "identity";
  Evidence evidence;
  const RefinementOptions refinement{.model = options.model, .loss = options.loss, .gain_bias = options.gain_bias};
  const double deviation = s.scale / refinement.width, variance = deviation * deviation;
  int at = 0;
  for (int i = 0; i < 10; ++i)
    for (int j = i; j < 10; ++j, ++at) {
      evidence.slope[i][j] = evidence.slope[j][i] = s.equations[at];
      evidence.scatter[i][j] = evidence.scatter[j][i] = variance * s.equations[at];
    }
  evidence.tiles = pixels;
  r.covariance =
      corner_covariance(evidence, refinement, r.matrix, static_cast<int>(fixed[2]), static_cast<int>(fixed[3]));
  return r;
}

}  // namespace

BatchAlignment::BatchAlignment(Tensor states, Options options, Shape fixed)
    : states_(std::move(states)), options_(std::move(options)), fixed_(fixed) {}

Tensor BatchAlignment::matrices() const { return reshape(slice(states_, 1, 0, 9), {states_.size(0), 3, 3}); }

std::vector<Result> BatchAlignment::results() const {
  const Tensor here = states_.to(Device());
  const auto* bytes = reinterpret_cast<const char*>(here.bytes());
  std::vector<Result> results;
  for (std::int64_t i = 0; i < here.size(0); ++i) {
    AlignmentState state;
    std::memcpy(&state, bytes + static_cast<std::size_t>(i) * sizeof state, sizeof state);
    results.push_back(result_of(state, options_, fixed_));
  }
  return results;
}

BatchAlignment align_batch(const Tensor& fixed, const Tensor& moving, const Options& options) {
  NoGrad off;
  check(fixed, "fixed");
  check(moving, "moving");
  const Device device = fixed.device();
  require<DeviceError>(device != Device() && moving.device() == device,
                       "align_batch: expected two images on one device other than the cpu, got ", device, " and ",
                       moving.device());
  require<DeviceError>(options.measure == Measure::intensity, "align_batch: expected the measure intensity on ", device,
                       ", got ", name(options.measure), "; move the images with to(Device{})");
  require_start("align_batch", options);
  require<ShapeError>(fixed.size(0) == moving.size(0), "align_batch: expected two [N, C, H, W] with equal N, got ",
                      fixed.shape(), " and ", moving.shape());
  std::vector<Tensor> f{grey_of(fixed, options.fixed_mask, "fixed")}, m{grey_of(moving, options.moving_mask, "moving")};
  const auto smallest = [&] {
    return std::min({f.back().size(2), f.back().size(3), m.back().size(2), m.back().size(3)});
  };
  while (smallest() >= 40 && f.size() < static_cast<std::size_t>(device::most_levels))
    for (std::vector<Tensor>* images : {&f, &m}) images->push_back(halved(images->back()));
  const Tensor states = Tensor::empty({fixed.size(0), numbers_of_state}, DType::f64, device);
  device::AlignmentCall call;
  call.pairs = static_cast<std::int32_t>(fixed.size(0));
  call.levels = static_cast<std::int32_t>(f.size());
  for (std::size_t k = 0; k < f.size(); ++k) call.level[k] = level_of(f[f.size() - 1 - k], m[f.size() - 1 - k]);
  call.unknowns = unknowns(options.model);
  for (std::size_t k = 0; k < 8; ++k)
    for (std::size_t i = 0; i < 8; ++i) call.directions[k][i] = directions(options.model)[k][i];
  call.rotates = options.model == Model::rigid;
  call.loss = static_cast<std::int32_t>(options.loss);
  call.gain_bias = options.gain_bias;
  call.iterations = options.max_iterations;
  call.tolerance = options.tolerance;
  call.width = RefinementOptions().width;
  if (options.start == Start::given)
    for (std::size_t k = 0; k < 9; ++k) call.start[k] = options.initial[k];
  call.states = reinterpret_cast<AlignmentState*>(states.device_data());
  device::check("align_batch", device, device::table(device).alignment.align(device::place_of(device), &call));
  return {states, options, fixed.shape()};
}

namespace {

// About the largest size of a grey level that counts and is finite: of means over blocks, so that little has to come
// back from the device.
float largest_grey(const Tensor& image, const Tensor& mask, const char* what) {
  const Tensor size = mul(abs(grey_of(image, mask, what)), 0.25);  // a sum of four stays finite
  // Less nothing, or less NaN where it is infinite; and maximum drops a NaN that comes second.
  Tensor means = maximum(Tensor(0.0), size - (size - size));
  while (std::min(means.size(2), means.size(3)) >= 128) means = halved(means);
  const std::vector<double> left = means.to(Device()).values();
  return static_cast<float>(4 * *std::max_element(left.begin(), left.end()));
}

// Scales float images to about [0, 1], and integers beside them where one gain holds for both; says by which powers of
// two.
Powers settled(Tensor& fixed, Tensor& moving, const Options& options) {
  NoGrad off;
  check(fixed, "fixed");
  check(moving, "moving");
  if (holds_shares(fixed.dtype()) && holds_shares(moving.dtype())) return {};
  const Powers powers =
      settling_powers(largest_grey(fixed, options.fixed_mask, "fixed"), fixed.dtype(),
                      largest_grey(moving, options.moving_mask, "moving"), moving.dtype(), options.gain_bias);
  const auto scale = [](Tensor& image, int power) {
    if (power == 0) return;
    // In two steps: a power may be one that a float does not have.
    image = mul(mul(shares_of(image), std::ldexp(1.0, power / 2)), std::ldexp(1.0, power - power / 2));
  };
  scale(fixed, powers.fixed), scale(moving, powers.moving);
  return powers;
}

}  // namespace

Result register_there(const Tensor& fixed, const Tensor& moving, const Options& options) {
  require_picture(fixed, "fixed");
  require_picture(moving, "moving");
  require<DeviceError>(fixed.device() == moving.device(), "register_images: expected two images on one device, got ",
                       fixed.device(), " and ", moving.device(), "; move one with to()");
  const auto batch = [](const Tensor& image) {
    return image.rank() == 2 ? unsqueeze(unsqueeze(image, 0), 0) : unsqueeze(image, 0);
  };
  Tensor f = batch(fixed.detach()), m = batch(moving.detach());
  const Powers powers = settled(f, m, options);
  Result result = align_batch(f, m, options).results()[0];
  unsettle(result, powers);
  if (result.converged() || options.start != Start::automatic) return result;
  // The search for a start looks at small pictures, where the CPU is at home.
  Tensor small_f = grey_of(f, options.fixed_mask, "fixed"), small_m = grey_of(m, options.moving_mask, "moving");
  int halvings = 0;
  const auto sides = [&] { return std::minmax({small_f.size(2), small_f.size(3), small_m.size(2), small_m.size(3)}); };
  for (; sides().second > 640 && sides().first >= 2; ++halvings) {
    small_f = halved(small_f);
    small_m = halved(small_m);
  }
  Options search = options;
  search.fixed_mask = search.moving_mask = Tensor();  // as NaN in the pictures
  const Result found = register_images(squeeze(small_f, 0).to(Device()), squeeze(small_m, 0).to(Device()), search);
  Options given = options;
  given.start = Start::given;
  given.initial = found.matrix;
  for (int k = 0; k < halvings; ++k) given.initial = to_double_size(given.initial);
  Result refined = align_batch(f, m, given).results()[0];
  unsettle(refined, powers);
  if (!found.converged() && refined.converged()) refined.status = found.status;
  refined.start = found.start;
  return refined.correlation >= result.correlation ? refined : result;
}

}  // namespace lumigrad::registration
