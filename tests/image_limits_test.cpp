// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <lumigrad/engine/allocator.h>
#include <lumigrad/vision/image_io/image_io.h>

#include <cmath>

#include "file_formats.h"
#include "temporary_folder.h"

using namespace lumigrad;
using namespace std::string_literals;
using sample_files::Bytes;
using sample_files::png;
using sample_files::png_chunk;

TEST_CASE("a picture shortened anywhere is refused") {
  for (const char* name : {"png", "jpeg", "tiff"}) {
    if (image_codecs().find(name + ": stb"s) != std::string::npos) continue;  // stb_image fills up with grey
    for (const Bytes& whole : file_formats::format(name).seeds()) {
      try {
        load_image(whole);
      } catch (const FormatError&) {
        continue;  // a seed that is refused as it is (arithmetic coding)
      }
      for (std::size_t size = 0; size < whole.size(); ++size) {
        const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        const std::size_t idle = name == "png"s ? 4 : 0;  // the check sum of the end mark
        if (size + idle < whole.size())
          CHECK_THROWS_AS(load_image(part), Error);
        else
          file_formats::tolerate([&] { load_image(part); });
      }
    }
  }
}

TEST_CASE("sizes beyond the limits are refused before memory is taken") {
  const Bytes huge = png(65535, 65535, 8, 2, "\0"s), wide = png(0x7fffffff, 1, 8, 2, "\0"s);
  reset_peak_memory();
  const std::size_t before = memory_stats().peak;
  CHECK_THROWS_AS(load_image(huge), Error);
  CHECK_THROWS_AS(load_image(wide), Error);
  CHECK_THROWS_AS(load_image(png(16384, 16384, 8, 2, "\0"s)), Error);  // few bytes for many pixels
  CHECK_THROWS_AS(load_image(png(8, 8, 8, 0, std::string(72, 0)), {.limits = {.pixels = 63}}), ResourceError);
  CHECK_NOTHROW(load_image(png(8, 8, 8, 0, std::string(72, 0)), {.limits = {.pixels = 64}}));
  CHECK_THROWS_AS(load_image(sample_files::bytes("P5 65535 65535 255\n")), ResourceError);
  CHECK_THROWS_AS(load_image(sample_files::bmp(30000, 30000, "")), Error);
  CHECK_THROWS_AS(load_image(sample_files::tga(2, 65535, 65535, 24, "")), ResourceError);
  CHECK_THROWS_AS(load_image(png(4, 4, 8, 0, std::string(20, 0)), {.limits = {.file_bytes = 20}}), ResourceError);
  CHECK_THROWS_AS(load_image(png(64, 64, 8, 6, std::string(64 * 257, 0)), {.limits = {.decoder_bytes = 16383}}),
                  ResourceError);
  CHECK(memory_stats().peak - before < (std::size_t{4} << 20));
}

TEST_CASE("a PNG that inflates to far more than its pixels costs only its pixels") {
  const Bytes bomb = png(16, 16, 8, 0, std::string(std::size_t{64} << 20, 0));
  reset_peak_memory();
  const std::size_t before = memory_stats().peak;
  Shape shape{1, 16, 16};
  file_formats::tolerate([&] { shape = load_image(bomb).shape(); });  // stb_image inflates all, up to its budget
  CHECK(shape == Shape{1, 16, 16});
  CHECK(memory_stats().peak - before < (std::size_t{4} << 20));
}

TEST_CASE("what is no picture is named") {
  const auto message_for = [](const Bytes& file) {
    try {
      load_image(file);
    } catch (const FormatError& error) {
      return std::string(error.what());
    }
    return "nothing"s;
  };
  CHECK(message_for({}) == "image: the file is empty");
  CHECK(message_for(sample_files::bytes("GIF89a.....")) == "image: unsupported format GIF");
  CHECK(message_for(sample_files::bytes("RIFF....WEBPVP8 ")) == "image: unsupported format WebP");
  CHECK(message_for(sample_files::bytes("just a text, nothing else")).find("unknown format") != std::string::npos);
  CHECK_THROWS_AS(load_image(png(0, 1, 8, 2, "\0"s)), FormatError);
  CHECK_THROWS_AS(load_image(png(1, 1, 8, 5, "\0a"s)), FormatError);
  CHECK_THROWS_AS(load_image(png(2, 1, 8, 3, "\0\0\1"s)), FormatError);  // no palette
  file_formats::tolerate([&] { load_image(png(2, 1, 8, 3, "\0\0\xff"s, png_chunk("PLTE", "rgb"))); });
}

TEST_CASE("files: the name does not matter for reading, and says the format for writing") {
  const TemporaryFolder folder;
  const Tensor image = file_formats::ramp(3, 5, 7);
  save_image(folder / "a b \xc3\xa9.PNG", image);
  std::filesystem::rename(folder / "a b \xc3\xa9.PNG", folder / "a.jpg");
  CHECK(load_image(folder / "a.jpg").shape() == Shape{3, 5, 7});
  CHECK_THROWS_AS(save_image(folder / "a.gif", image), FormatError);
  CHECK_THROWS_AS(save_image(folder / "png", image), FormatError);
  CHECK_THROWS_AS(save_image(folder / "missing/a.png", image), IoError);
  CHECK_THROWS_AS(load_image(folder / "missing.png"), IoError);
  CHECK_THROWS_AS(load_image(folder.path()), IoError);
  CHECK_THROWS_AS(load_image("/dev/zero"), IoError);
  CHECK(folder.count() == 1);
}

TEST_CASE("what a format cannot hold is refused before anything is written") {
  const Tensor image = Tensor::zeros({3, 2, 2});
  CHECK_THROWS_AS(encode_image(image, ImageFormat::jpeg, {.bits = 16}), FormatError);
  CHECK_THROWS_AS(encode_image(image, ImageFormat::png, {.bits = 32}), FormatError);
  CHECK_THROWS_AS(encode_image(image, ImageFormat::jpeg, {.quality = 0}), NumericError);
  CHECK_THROWS_AS(encode_image(Tensor::zeros({4, 2, 2}), ImageFormat::jpeg), ShapeError);
  CHECK_THROWS_AS(encode_image(Tensor::zeros({5, 2, 2}), ImageFormat::png), ShapeError);
  CHECK_THROWS_AS(encode_image(Tensor::zeros({3, 0, 2}), ImageFormat::png), ShapeError);
  CHECK_THROWS_AS(encode_image(Tensor::zeros({2, 3, 2, 2}), ImageFormat::png), ShapeError);
  CHECK_THROWS_AS(encode_image(Tensor::zeros({3, 2, 2}, DType::i64), ImageFormat::png), DTypeError);
  CHECK(load_image(encode_image(Tensor::full({1, 1, 2, 2}, 2), ImageFormat::png)).values() ==
        std::vector<double>(4, 1));
  CHECK(load_image(encode_image(Tensor::full({2, 2}, NAN), ImageFormat::png)).values() == std::vector<double>(4, 0));
}
