// SPDX-License-Identifier: Apache-2.0
// Holds a shaky sequence still.
//
//   stabilisation [--frames N] [--out DIR] [PHOTOGRAPH | FRAME FRAME ...]
//
// Every frame is registered to the first and drawn onto it. Frames are what a camera delivers: 8-bit BGR rows in memory
// of the program's own; lumigrad looks at that memory and copies nothing. From one photograph (or none: then a scene is
// drawn) a sequence of N views (60) by an unsteady hand is made, with changing light and noise, whose motion is known,
// and the program fails when it is not found. With --out the steady frames are written as DIR/0000.png ...
#include <lumigrad/lumigrad.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>

using namespace lumigrad;

using Motion = std::array<double, 9>;  // row-major, first frame -> this frame, pixels

struct Frame {
  int height = 0, width = 0;
  std::vector<unsigned char> bgr;
  int row_bytes() const { return 3 * width; }
};

// ---- all that lumigrad needs ----------------------------------------------------------------------------------------

static Tensor view_of(const Frame& frame) {
  return image_from(frame.bgr.data(), frame.height, frame.width, frame.row_bytes(), PixelFormat::bgr_u8);
}

// A sequence moves on from where it was: the motion of the last frame is where to start with the next, and only a frame
// that does not fit is looked for anew.
static registration::Result motion_to(const Frame& first, const Frame& frame, const Motion& last) {
  registration::Options options{
      .model = registration::Model::similarity, .start = registration::Start::given, .initial = last};
  registration::Result result = registration::register_images(view_of(first), view_of(frame), options);
  if (!result.converged()) {
    options.start = registration::Start::automatic;
    result = registration::register_images(view_of(first), view_of(frame), options);
  }
  return result;
}

static Frame steadied(const Frame& frame, const Motion& motion, int height, int width) {
  const Tensor matrix = Tensor::from(std::vector<double>(motion.begin(), motion.end()), {1, 3, 3});
  const Tensor warped = geometry::warp_perspective(unsqueeze(to_float(view_of(frame)), 0), matrix.to(DType::f32),
                                                   {.size = {height, width}, .inverse_map = true});
  Frame out{height, width, std::vector<unsigned char>(static_cast<std::size_t>(3 * height * width))};
  image_to(warped, out.bgr.data(), out.row_bytes(), PixelFormat::bgr_u8);
  return out;
}

// ---- the camera -----------------------------------------------------------------------------------------------------

static Frame frame_from(const std::string& path) {
  const Tensor image = load_image(path, {.channels = Channels::rgb, .dtype = DType::u8});
  Frame frame{static_cast<int>(image.size(1)), static_cast<int>(image.size(2)), {}};
  frame.bgr.resize(static_cast<std::size_t>(frame.height * frame.row_bytes()));
  image_to(image, frame.bgr.data(), frame.row_bytes(), PixelFormat::bgr_u8);
  return frame;
}

// A hilly scene for those who bring no photograph, [1, 3, 600, 800].
static Tensor drawn_scene() {
  Tensor scene = Tensor::empty({1, 3, 600, 800});
  float* to = scene.mutable_data<float>();
  for (int c = 0; c < 3; ++c)
    for (int v = 0; v < 600; ++v)
      for (int u = 0; u < 800; ++u) {
        const double x = u, y = v;
        *to++ = static_cast<float>(0.5 + 0.15 * std::sin(0.05 * x + 0.03 * y + 0.2 * c) +
                                   0.12 * std::cos(0.11 * y - 0.0003 * x * x) +
                                   0.1 * std::sin(0.17 * x + 0.0005 * y * y) * std::cos(0.21 * y + c));
      }
  return scene;
}

struct Sequence {
  std::vector<Frame> frames;
  std::vector<Motion> truth;  // empty for frames that were given
};

// Views of the middle of a photograph; the hand drifts and trembles by some pixels and half a degree.
static Sequence filmed(const Tensor& photograph, int count) {
  const int height = static_cast<int>(photograph.size(2)) * 4 / 5, width = static_cast<int>(photograph.size(3)) * 4 / 5;
  const double cx = 0.5 * (width - 1), cy = 0.5 * (height - 1);
  Sequence sequence;
  const Generator dice{.seed = 7};
  for (int k = 0; k < count; ++k) {
    const double t = k / 10.0, angle = 0.009 * (std::sin(2.1 * t) + 0.6 * std::sin(5.3 * t));
    const double scale = 1 + 0.01 * std::sin(1.3 * t), c = scale * std::cos(angle), s = scale * std::sin(angle);
    const double dx = 8 * std::sin(0.9 * t) + 3 * std::sin(7.1 * t), dy = 6 * std::sin(1.7 * t) + 2 * std::sin(8.9 * t);
    const Motion motion = {c, -s, cx - c * cx + s * cy + dx, s, c, cy - s * cx - c * cy + dy, 0, 0, 1};
    // The frame shows at x what the photograph has at margin + motion^-1 x.
    const Tensor to_frame = Tensor::from(std::vector<double>(motion.begin(), motion.end()), {1, 3, 3});
    const double mx = static_cast<double>(photograph.size(3)) / 10, my = static_cast<double>(photograph.size(2)) / 10;
    const Tensor margin = Tensor::from(std::vector<double>{1, 0, -mx, 0, 1, -my, 0, 0, 1}, {1, 3, 3});
    Tensor seen = geometry::warp_perspective(photograph, matmul(to_frame, margin).to(DType::f32),
                                             {.size = {height, width}, .mode = Interpolation::bicubic});
    seen = seen * (1 + 0.05 * std::sin(3 * t)) + 0.01 * normal(dice.then(static_cast<std::uint32_t>(k)), seen.shape());
    Frame frame{height, width, std::vector<unsigned char>(static_cast<std::size_t>(3 * height * width))};
    image_to(seen, frame.bgr.data(), frame.row_bytes(), PixelFormat::bgr_u8);
    sequence.frames.push_back(std::move(frame));
    sequence.truth.push_back(motion);
  }
  return sequence;
}

// ---------------------------------------------------------------------------------------------------------------------

// Mean distance of the corners of a frame under two motions.
static double corner_error(const Motion& a, const Motion& b, const Frame& frame) {
  double sum = 0;
  for (const double x : {0.0, frame.width - 1.0})
    for (const double y : {0.0, frame.height - 1.0}) {
      auto at = [&](const Motion& m, std::size_t row) {
        return (m[3 * row] * x + m[3 * row + 1] * y + m[3 * row + 2]) / (m[6] * x + m[7] * y + m[8]);
      };
      sum += 0.25 * std::hypot(at(a, 0) - at(b, 0), at(a, 1) - at(b, 1));
    }
  return sum;
}

static void write(const Frame& frame, std::size_t number, const std::string& folder) {
  char name[32];
  std::snprintf(name, sizeof name, "%04zu.png", number);
  save_image((std::filesystem::path(folder) / name).string(), view_of(frame));
}

static int stabilise(Sequence sequence, const std::string& out) {
  const Frame& first = sequence.frames.front();
  Motion last = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  double seconds = 0, worst = 0, shake = 0;
  int lost = 0;
  if (!out.empty()) write(first, 0, out);
  for (std::size_t k = 1; k < sequence.frames.size(); ++k) {
    const Frame& frame = sequence.frames[k];
    const auto begin = std::chrono::steady_clock::now();
    const registration::Result found = motion_to(first, frame, last);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (!found.converged()) {
      ++lost;
      std::printf("frame %zu: %s, left as it is\n", k, registration::name(found.status));
      continue;
    }
    last = found.matrix;
    shake = std::max(shake, corner_error(found.matrix, {1, 0, 0, 0, 1, 0, 0, 0, 1}, first));
    if (!sequence.truth.empty()) worst = std::max(worst, corner_error(found.matrix, sequence.truth[k], first));
    if (!out.empty()) write(steadied(frame, found.matrix, first.height, first.width), k, out);
  }
  const auto count = sequence.frames.size() - 1;
  std::printf("%zu frames of %d x %d, moved by up to %.1f px: %.0f frames/s, %d lost", count, first.width, first.height,
              shake, static_cast<double>(count) / seconds, lost);
  if (!sequence.truth.empty()) std::printf(", worst error %.3f px", worst);
  std::printf("\n");
  return lost > 0 || worst > 0.1 ? 1 : 0;
}

int main(int count, char** words) try {
  std::vector<std::string> files;
  std::string out;
  int frames = 60;
  for (int k = 1; k < count; ++k) {
    const std::string word = words[k];
    if (word == "--out" && k + 1 < count)
      out = words[++k];
    else if (word == "--frames" && k + 1 < count)
      frames = std::max(2, std::atoi(words[++k]));
    else
      files.push_back(word);
  }
  if (!out.empty()) std::filesystem::create_directories(out);
  if (files.size() > 1) {
    Sequence sequence;
    for (const std::string& file : files) sequence.frames.push_back(frame_from(file));
    return stabilise(std::move(sequence), out);
  }
  const Tensor photograph =
      files.empty() ? drawn_scene() : unsqueeze(load_image(files[0], {.channels = Channels::rgb}), 0);
  return stabilise(filmed(photograph, frames), out);
} catch (const std::exception& error) {
  std::fprintf(stderr, "stabilisation: %s\n", error.what());
  return 2;
}
