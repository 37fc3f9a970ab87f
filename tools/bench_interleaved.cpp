// SPDX-License-Identifier: Apache-2.0
// Interleaved bytes in, interleaved bytes out: what it takes from the memory of another program through an operator and
// back into such memory. tools/bench_opencv runs it beside the same work of OpenCV's.
//
// usage: bench_interleaved HEIGHT WIDTH [SECONDS]    one line an operator: its name, and ns of processor time a call
#include <lumigrad/lumigrad.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <vector>

using namespace lumigrad;

namespace {

double processor_ns() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

double median_ns(const std::function<void()>& call, double seconds) {
  call();
  std::vector<double> times;
  const double end = processor_ns() + 1e9 * seconds;
  while (processor_ns() < end || times.size() < 5) {
    const double start = processor_ns();
    call();
    times.push_back(processor_ns() - start);
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main(int count, char** arguments) {
  const std::int64_t h = count > 2 ? std::atoll(arguments[1]) : 480, w = count > 2 ? std::atoll(arguments[2]) : 640;
  const double seconds = count > 3 ? std::atof(arguments[3]) : 0.3;
  set_num_threads(1);
  const NoGrad no_tape;
  std::vector<std::uint8_t> from(static_cast<std::size_t>(3 * h * w)), to(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::uint8_t>(i * 2654435761u >> 21);
  const Tensor homography =
      Tensor::from(std::vector<double>{0.99, -0.12, 30, 0.12, 0.99, -25, 1e-5, 2e-5, 1}, {1, 3, 3});
  const auto picture = [&] { return image_from(from.data(), h, w, 3 * w, PixelFormat::bgr_u8); };
  const auto run = [&](const char* name, std::int64_t width, PixelFormat format, const auto& work) {
    const std::int64_t row_bytes = pixel_channels(format) * width;
    if constexpr (std::is_convertible_v<decltype(work), ImageStep>) {
      std::printf("%s %.0f\n", name,
                  median_ns([&] { image_to(picture(), {work}, to.data(), row_bytes, format); }, seconds));
    } else {
      std::printf("%s %.0f\n", name,
                  median_ns([&] { image_to(work(unsqueeze(picture(), 0)), to.data(), row_bytes, format); }, seconds));
    }
  };
  using enum PixelFormat;
  run("color.rgb_to_grayscale", w, grey_u8, color::steps::rgb_to_grayscale());
  run("color.rgb_to_ycbcr", w, rgb_u8, color::steps::rgb_to_ycbcr());
  run("color.rgb_to_hsv", w, rgb_u8, color::steps::rgb_to_hsv());
  run("geometry.warp_perspective", w, bgr_u8, [&](const Tensor& x) {
    return geometry::warp_perspective(x, homography.to(DType::f32), {h, w});
  });
  run("geometry.warp_affine", w, bgr_u8, [&](const Tensor& x) {
    return geometry::warp_affine(x, slice(homography, 1, 0, 2).to(DType::f32), {h, w});
  });
  run("geometry.resize", w / 2, bgr_u8, geometry::steps::resize({.size = {h / 2, w / 2}}));
  run("filters.gaussian_blur2d", w, bgr_u8, filters::steps::gaussian_blur2d({.kernel = {5, 5}, .sigma = {1.5, 1.5}}));
  run("filters.gaussian_blur2d 21x21", w, bgr_u8,
      filters::steps::gaussian_blur2d({.kernel = {21, 21}, .sigma = {3.5, 3.5}}));
}
