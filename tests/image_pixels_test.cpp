// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/color/color.h>
#include <lumigrad/vision/geometry/transform.h>
#include <lumigrad/vision/image_io/pixels.h>

#include <array>
#include <cmath>
#include <cstring>
#include <vector>

using namespace lumigrad;
using Values = std::vector<double>;

TEST_CASE("interleaved memory is seen as planes, without a copy") {
  std::uint8_t memory[] = {1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0};  // rows of 2 pixels and 2 bytes of gap
  const Tensor rgb = image_from(memory, 2, 2, 8, PixelFormat::rgb_u8);
  CHECK(rgb.shape() == Shape{3, 2, 2});
  CHECK(rgb.dtype() == DType::u8);
  CHECK(rgb.values() == Values{1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12});
  const Tensor bgr = image_from(memory, 2, 2, 8, PixelFormat::bgr_u8);
  CHECK(bgr.values() == Values{3, 6, 9, 12, 2, 5, 8, 11, 1, 4, 7, 10});
  CHECK(image_from(memory, 2, 2, 8, PixelFormat::rgba_u8).values() ==
        Values{1, 5, 7, 11, 2, 6, 8, 12, 3, 0, 9, 0, 4, 0, 10, 0});
  CHECK(image_from(memory, 2, 2, 8, PixelFormat::bgra_u8).values() == Values{3, 0, 9, 0, 2, 6, 8, 12, 1, 5, 7, 11});
  CHECK(image_from(memory + 8, 2, 2, -8, PixelFormat::grey_u8).values() == Values{7, 8, 1, 2});
  memory[0] = 100;
  CHECK(rgb.values()[0] == 100);
  CHECK_THROWS_AS(image_from(memory, 2, 2, 5, PixelFormat::rgb_u8), ShapeError);
  CHECK_THROWS_AS(image_from(memory, 2, 1, 7, PixelFormat::rgb_u16), ShapeError);
  CHECK_THROWS_AS(image_from(memory, -1, 2, 8, PixelFormat::rgb_u8), ShapeError);
  CHECK_THROWS_AS(image_from(nullptr, 1, 2, 8, PixelFormat::rgb_u8), ShapeError);
  CHECK(image_from(nullptr, 0, 2, 8, PixelFormat::bgr_u8).numel() == 0);
}

TEST_CASE("to_float is value / largest to the last bit, for every width, format and value") {
  for (const PixelFormat format :
       {PixelFormat::grey_u8, PixelFormat::rgb_u8, PixelFormat::bgr_u8, PixelFormat::rgba_u8, PixelFormat::bgra_u8,
        PixelFormat::grey_u16, PixelFormat::rgb_u16, PixelFormat::bgr_u16, PixelFormat::rgba_u16, PixelFormat::bgra_u16,
        PixelFormat::bgr_f32})
    for (const std::int64_t width : {1, 2, 3, 5, 15, 16, 17, 18, 33, 70}) {
      const auto size = static_cast<std::int64_t>(size_of(pixel_dtype(format)));
      const std::int64_t row = width * pixel_channels(format) * size;
      // Exactly the bytes of the picture, so that the address sanitizer sees a step too far.
      std::vector<std::uint8_t> memory(static_cast<std::size_t>(3 * row));
      for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<std::uint8_t>(i * 89 + i / 256);
      if (size == 4)
        for (std::size_t i = 0; i < memory.size(); i += 4) {
          const auto value = static_cast<float>(i);
          std::memcpy(&memory[i], &value, 4);
        }
      const Tensor image = image_from(memory.data(), 3, width, row, format);
      const Tensor floats = to_float(image);
      CHECK(floats.is_contiguous());
      const Values raw = image.values(), found = floats.values();
      const float largest = size == 1 ? 255.0f : size == 2 ? 65535.0f : 1.0f;
      for (std::size_t i = 0; i < raw.size(); ++i)
        REQUIRE(found[i] == static_cast<double>(static_cast<float>(raw[i]) / largest));

      // And back: every integer is met again, in memory with a guard behind it.
      if (size == 4) continue;
      std::vector<std::uint8_t> back(memory.size() + 1, 0xee);
      image_to(floats, back.data(), row, format);
      const std::int64_t channels = pixel_channels(format);
      for (std::int64_t i = 0; i < 3 * row; ++i) {
        const bool alpha_of_bgra = is_bgr(format) && channels == 4 && i / size % 4 == 3;
        REQUIRE(back[static_cast<std::size_t>(i)] == (alpha_of_bgra ? 255 : memory[static_cast<std::size_t>(i)]));
      }
      CHECK(back.back() == 0xee);
    }
}

TEST_CASE("to_float of all 256 and 65536 values, of batches and of other layouts") {
  std::vector<std::uint16_t> words(65536);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<std::uint16_t>(i);
  const Tensor all = Tensor::from(words, {1, 256, 256});
  const Tensor floats = to_float(all);
  for (std::size_t i = 0; i < words.size(); ++i) REQUIRE(floats.data<float>()[i] == static_cast<float>(i) / 65535.0f);
  CHECK(to_float(floats).data<float>() == floats.data<float>());
  const Tensor batch =
      Tensor::from(std::vector<std::uint8_t>{0, 51, 102, 255, 0, 51, 102, 255, 153, 204, 0, 255}, {2, 1, 2, 3});
  const Tensor turned = transpose(batch, 2, 3);
  const Values raw = turned.values(), found = to_float(turned).values();
  for (std::size_t i = 0; i < raw.size(); ++i)
    CHECK(found[i] == static_cast<double>(static_cast<float>(raw[i]) / 255.0f));
  CHECK(to_float(Tensor::full({2}, 0.5, DType::f64)).dtype() == DType::f32);
  CHECK(to_float(Tensor::zeros({3, 0, 2}, DType::u8)).shape() == Shape{3, 0, 2});
}

TEST_CASE("operators take stored pixels as to_float does, bit for bit, whatever their layout") {
  constexpr std::int64_t height = 31, width = 43, row = 43 * 4 * 2 + 6;
  std::vector<std::uint8_t> memory(height * row);
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<std::uint8_t>(i * 2654435761u >> 11);
  const Tensor turn = Tensor::from(std::vector<float>{0.9f, 0.3f, 1, -0.3f, 0.9f, 2}, {1, 2, 3});
  for (const PixelFormat format : {PixelFormat::rgb_u8, PixelFormat::bgr_u8, PixelFormat::rgba_u8, PixelFormat::bgra_u8,
                                   PixelFormat::rgb_u16, PixelFormat::bgr_u16, PixelFormat::bgra_u16}) {
    const Tensor whole = unsqueeze(image_from(memory.data(), height, width, row, format), 0);
    for (const Tensor& image : {whole, slice(whole, 3, 1, 40, 2), transpose(whole, 2, 3), flip(whole, std::array{3})}) {
      const Tensor three = slice(image, 1, 0, 3), numbers = to_float(three);
      CHECK(color::rgb_to_hsv(three).values() == color::rgb_to_hsv(numbers).values());
      CHECK(color::rgb_to_grayscale(three).values() == color::rgb_to_grayscale(numbers).values());
      CHECK(geometry::warp_affine(image, turn, {20, 20}).values() ==
            geometry::warp_affine(to_float(image), turn, {20, 20}).values());
    }
  }
}

TEST_CASE("image_to clamps, rounds to nearest even, spreads grey and fills alpha") {
  const Tensor grey = Tensor::from(std::vector<float>{-1, NAN, 2, 0.5f / 255, 1.5f / 255, INFINITY}, {1, 1, 6});
  std::uint8_t bytes[24];
  image_to(grey, bytes, 6, PixelFormat::grey_u8);
  CHECK(std::vector<int>(bytes, bytes + 6) == std::vector<int>{0, 0, 255, 0, 2, 255});
  image_to(slice(grey, 2, 2, 4), bytes, 8, PixelFormat::bgra_u8);
  CHECK(std::vector<int>(bytes, bytes + 8) == std::vector<int>{255, 255, 255, 255, 0, 0, 0, 255});
  float floats[3];
  image_to(Tensor::from(std::vector<float>{1, 2, 3}, {3, 1, 1}), floats, 12, PixelFormat::bgr_f32);
  CHECK(floats[0] == 3);
  std::uint16_t words[3];
  image_to(Tensor::from(std::vector<float>{0, 0.5f, 1}, {3, 1, 1}), words, 6, PixelFormat::rgb_u16);
  CHECK(std::vector<int>(words, words + 3) == std::vector<int>{0, 32768, 65535});
  CHECK_THROWS_AS(image_to(Tensor::zeros({3, 1, 1}), bytes, 1, PixelFormat::grey_u8), ShapeError);
  CHECK_THROWS_AS(image_to(Tensor::zeros({3, 2, 2}), bytes, 5, PixelFormat::rgb_u8), ShapeError);
  CHECK_THROWS_AS(image_to(Tensor::zeros({2, 3, 1, 1}), bytes, 3, PixelFormat::rgb_u8), ShapeError);
  CHECK_THROWS_AS(image_to(Tensor::zeros({1, 1}), nullptr, 1, PixelFormat::grey_u8), ShapeError);
}
