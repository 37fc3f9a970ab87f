// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/image_io/image_io.h>

#include <cmath>

#include "file_formats.h"
#include "temporary_folder.h"

using namespace lumigrad;
using namespace std::string_literals;
using sample_files::Bytes;
using sample_files::png;
using sample_files::png_chunk;

namespace {

const bool has_tiff = image_codecs().find("tiff: none") == std::string::npos;

std::vector<double> u8_values(const Bytes& file, Channels channels = Channels::keep) {
  return load_image(file, {.channels = channels, .dtype = DType::u8}).values();
}
using Values = std::vector<double>;

double largest_difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  const Values x = a.values(), y = b.values();
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::abs(x[i] - y[i]));
  return largest;
}

// Red grows to the right, green downwards: enough to see every turn.
Tensor slopes(std::int64_t height, std::int64_t width) {
  std::vector<float> values;
  for (int c = 0; c < 3; ++c)
    for (std::int64_t y = 0; y < height; ++y)
      for (std::int64_t x = 0; x < width; ++x)
        values.push_back(c == 0   ? static_cast<float>(x) / static_cast<float>(width)
                         : c == 1 ? static_cast<float>(y) / static_cast<float>(height)
                                  : 0.5f);
  return Tensor::from(values, {3, height, width});
}

}  // namespace

TEST_CASE("PNG and TIFF keep every value of 1 to 4 channels and 8 or 16 bits") {
  for (const ImageFormat format : {ImageFormat::png, ImageFormat::tiff}) {
    if (format == ImageFormat::tiff && !has_tiff) continue;
    for (const int channels : {1, 2, 3, 4})
      for (const int bits : {8, 16}) {
        CAPTURE(channels);
        CAPTURE(bits);
        Tensor image = Tensor::empty({channels, 13, 17}, bits == 8 ? DType::u8 : DType::u16);
        for (std::int64_t i = 0; i < image.numel(); ++i) {
          if (bits == 8)
            image.mutable_data<std::uint8_t>()[i] = static_cast<std::uint8_t>(i * 37);
          else
            image.mutable_data<std::uint16_t>()[i] = static_cast<std::uint16_t>(i * 30011);
        }
        const Bytes file = encode_image(image, format, {.bits = bits});
        CHECK(load_image(file, {.dtype = image.dtype()}).values() == image.values());
        const Values floats = load_image(file).values(), numbers = image.values();
        const float largest = bits == 8 ? 255.0f : 65535.0f;
        for (std::size_t i = 0; i < floats.size(); ++i)
          REQUIRE(floats[i] == static_cast<double>(static_cast<float>(numbers[i]) / largest));
      }
  }
  if (!has_tiff) return;
  const Tensor floats = Tensor::from(std::vector<float>{-1.5f, 0, 1e-9f, 300, 0.25f, 1}, {1, 2, 3});
  CHECK(load_image(encode_image(floats, ImageFormat::tiff, {.bits = 32})).values() == floats.values());
}

TEST_CASE("PNG: palettes, few bits, colour keys and interlacing come out as channels") {
  const std::string palette = png_chunk("PLTE", "rgbRGB012");
  CHECK(u8_values(png(2, 1, 8, 3, "\0\2\1"s, palette)) == Values{'0', 'R', '1', 'G', '2', 'B'});
  CHECK(u8_values(png(2, 1, 8, 3, "\0\2\1"s, palette + png_chunk("tRNS", "\x10\x20"))) ==
        Values{'0', 'R', '1', 'G', '2', 'B', 255, 0x20});
  CHECK(u8_values(png(3, 1, 2, 3, "\0\x18"s, palette)) == Values{'r', 'R', '0', 'g', 'G', '1', 'b', 'B', '2'});
  CHECK(u8_values(png(9, 1, 1, 0, "\0\xaa\x80"s)) == Values{255, 0, 255, 0, 255, 0, 255, 0, 255});
  CHECK(u8_values(png(3, 1, 2, 0, "\0\x6c"s)) == Values{85, 170, 255});
  CHECK(u8_values(png(3, 1, 4, 0, "\0\x5a\x30"s)) == Values{85, 170, 51});
  CHECK(u8_values(png(2, 1, 8, 0, "\0ab"s, png_chunk("tRNS", "\0a"s))) == Values{'a', 'b', 0, 255});
  CHECK(u8_values(png(2, 2, 8, 0, "\0a\0b\0cd"s, "", 1)) == Values{'a', 'b', 'c', 'd'});
  CHECK(load_image(png(1, 1, 16, 4, "\0\x12\x34\xab\xcd"s), {.dtype = DType::u16}).values() == Values{0x1234, 0xabcd});
  CHECK(u8_values(png(1, 1, 16, 0, "\0\x80\x80"s)) == Values{128});
}

TEST_CASE("channels: grey by weight, alpha dropped or set to one, numbers in three types") {
  const Bytes rgba = png(1, 1, 8, 6, "\0\x64\xc8\x32\x80"s), ga = png(1, 1, 8, 4, "\0\x64\x80"s);
  CHECK(u8_values(rgba, Channels::keep) == Values{100, 200, 50, 128});
  CHECK(u8_values(rgba, Channels::rgb) == Values{100, 200, 50});
  CHECK(u8_values(rgba, Channels::grey) == Values{153});
  CHECK(u8_values(ga, Channels::rgba) == Values{100, 100, 100, 128});
  CHECK(u8_values(ga, Channels::rgb) == Values{100, 100, 100});
  CHECK(u8_values(ga, Channels::grey) == Values{100});
  const Bytes grey = png(1, 1, 8, 0, "\0\x64"s);
  CHECK(u8_values(grey, Channels::rgba) == Values{100, 100, 100, 255});
  CHECK(load_image(grey, {.channels = Channels::rgba, .dtype = DType::u16}).values() ==
        Values{25700, 25700, 25700, 65535});
  CHECK(load_image(rgba, {.channels = Channels::grey}).item() ==
        doctest::Approx((0.299 * 100 + 0.587 * 200 + 0.114 * 50) / 255).epsilon(1e-6));
  CHECK_THROWS_AS(load_image(grey, {.dtype = DType::f64}), DTypeError);
}

TEST_CASE("JPEG: close in colour and grey, CMYK and YCCK converted, arithmetic coding refused") {
  const Tensor image = slopes(40, 56);
  CHECK(largest_difference(load_image(encode_image(image, ImageFormat::jpeg)), image) < 4.0 / 255);
  CHECK(largest_difference(load_image(encode_image(image, ImageFormat::jpeg, {.quality = 30})), image) < 24.0 / 255);
  const Tensor grey = slice(image, 0, 0, 1);
  // stb_image_write, where it stands in, writes grey as three channels.
  const Tensor back = load_image(encode_image(grey, ImageFormat::jpeg), {.channels = Channels::grey});
  CHECK(largest_difference(back, grey) < 4.0 / 255);
  for (const Bytes& file : {sample_files::cmyk_jpeg(), sample_files::ycck_jpeg()}) {
    const Values values = u8_values(file);
    REQUIRE(values.size() == 3 * 64);
    CHECK(std::abs(values[0] - 190) <= 3);
    CHECK(std::abs(values[64] - 131) <= 3);
    CHECK(std::abs(values[128] - 46) <= 3);
  }
  const Values progressive = u8_values(sample_files::progressive_jpeg());
  CHECK(std::abs(progressive[3 * 8 + 3] - 90) <= 4);
  CHECK_THROWS_AS(load_image(sample_files::arithmetic_jpeg()), FormatError);
  Bytes twelve = sample_files::progressive_jpeg();
  for (std::size_t i = 0; i + 4 < twelve.size(); ++i)
    if (twelve[i] == std::byte{0xff} && twelve[i + 1] == std::byte{0xc2}) twelve[i + 4] = std::byte{12};
  CHECK_THROWS_AS(load_image(twelve), FormatError);
}

// Position of the file's first pixel, and of its neighbour to the right, after each turn (EXIF 2.32, 4.6.4).
TEST_CASE("EXIF orientations 1 to 8 turn the picture upright, in either byte order") {
  struct Turn {
    int orientation;
    bool swapped, right, bottom;
  };
  const Turn turns[] = {{1, false, false, false}, {2, false, true, false}, {3, false, true, true},
                        {4, false, false, true},  {5, true, false, false}, {6, true, true, false},
                        {7, true, true, true},    {8, true, false, true}};
  const Bytes jpeg = encode_image(slopes(24, 40), ImageFormat::jpeg, {.quality = 98});
  const Tensor plain = load_image(jpeg);
  for (const Turn& turn : turns)
    for (const bool big : {false, true}) {
      CAPTURE(turn.orientation);
      Tensor wanted = turn.swapped ? transpose(plain, 1, 2) : plain;
      if (turn.right) wanted = flip(wanted, std::vector<int>{2});
      if (turn.bottom) wanted = flip(wanted, std::vector<int>{1});
      const std::string exif = sample_files::exif(turn.orientation, big);
      const Bytes turned = sample_files::with_exif(jpeg, exif);
      CHECK(load_image(turned).values() == wanted.values());
      CHECK(load_image(turned).is_contiguous());
      CHECK(load_image(turned, {.orient = false}).values() == plain.values());
      if (image_codecs().find("spng") == std::string::npos) continue;
      const Bytes in_png = png(2, 1, 8, 0, "\0ab"s, png_chunk("eXIf", exif));
      CHECK(load_image(in_png).shape() == (turn.swapped ? Shape{1, 2, 1} : Shape{1, 1, 2}));
      CHECK((u8_values(in_png)[0] == 'b') == (turn.swapped ? turn.bottom : turn.right));
    }
}

TEST_CASE("EXIF that makes no sense leaves the picture as it is") {
  const auto orientation = [](const std::string& exif) { return exif_orientation(sample_files::bytes(exif)); };
  const std::string good = sample_files::exif(6);
  CHECK(orientation(good) == 6);
  for (std::size_t size = 0; size < 18; ++size) CHECK(orientation(good.substr(0, size)) == 1);
  CHECK(orientation(sample_files::exif(0)) == 1);
  CHECK(orientation(sample_files::exif(9)) == 1);
  std::string loop = good;
  loop.replace(4, 4, sample_files::little(0));  // the directory is the header itself
  CHECK(orientation(loop) == 1);
  loop.replace(4, 4, sample_files::little(0xffffffff));
  CHECK(orientation(loop) == 1);
  CHECK(jpeg_orientation(sample_files::bytes("\xff\xd8" + std::string(100, '\xff'))) == 1);
}

TEST_CASE("BMP, TGA, HDR and PNM") {
  CHECK(u8_values(sample_files::bmp(2, 1, "abcdef..")) == Values{'c', 'f', 'b', 'e', 'a', 'd'});
  CHECK(u8_values(sample_files::tga(2, 2, 1, 24, "abcdef")) == Values{'c', 'f', 'b', 'e', 'a', 'd'});
  CHECK(u8_values(sample_files::tga(11, 5, 1, 8, "\x84z")) == Values(5, 'z'));
  CHECK(load_image(sample_files::hdr(1, 1, "\x80\x40\x20\x82"s)).values() == Values{2, 1, 0.5});
  CHECK(u8_values(sample_files::bytes("P1 3 1 1 0\n1")) == Values{0, 255, 0});
  CHECK(u8_values(sample_files::bytes("P2 # remark\n3 1 15 0 5 15")) == Values{0, 85, 255});
  CHECK(u8_values(sample_files::bytes("P3 1 1 255 1 2 3")) == Values{1, 2, 3});
  CHECK(u8_values(sample_files::bytes("P4 9 1\n\xaa\x80"s)) == Values{0, 255, 0, 255, 0, 255, 0, 255, 0});
  CHECK(u8_values(sample_files::bytes("P5 3 1 255\nabc")) == Values{'a', 'b', 'c'});
  CHECK(load_image(sample_files::bytes("P5 2 1 65535\n\x12\x34\xff\xff"s), {.dtype = DType::u16}).values() ==
        Values{0x1234, 65535});
  for (const std::string wrong : {"P5 3 1 255\nab", "P5 3 1 0\nabc", "P5 3 1 65536\nabcdef", "P5 -3 1 255\nabc",
                                  "P5 0 1 255\n", "P2 1 1 15 16", "P5 2 1 100\nzz", "P5 4294967297 1 255\nabc", "P5"})
    CHECK_THROWS_AS(load_image(sample_files::bytes(wrong)), FormatError);
}

TEST_CASE("TIFF: strips and tiles, planes, palettes, inverted grey, either byte order") {
  if (!has_tiff) return;
  for (const bool big : {false, true})
    CHECK(u8_values(sample_files::tiff({{256, 3, {2}},
                                        {257, 3, {1}},
                                        {258, 3, {8, 8, 8}},
                                        {259, 3, {1}},
                                        {262, 3, {2}},
                                        {273, 4, {8}},
                                        {277, 3, {3}},
                                        {278, 3, {1}},
                                        {279, 4, {6}}},
                                       "abcdef", big)) == Values{'a', 'd', 'b', 'e', 'c', 'f'});
  CHECK(u8_values(sample_files::tiff({{256, 3, {2}},
                                      {257, 3, {1}},
                                      {258, 3, {8, 8, 8}},
                                      {259, 3, {1}},
                                      {262, 3, {2}},
                                      {273, 4, {8, 10, 12}},
                                      {277, 3, {3}},
                                      {278, 3, {1}},
                                      {279, 4, {2, 2, 2}},
                                      {284, 3, {2}}},
                                     "adbecf")) == Values{'a', 'd', 'b', 'e', 'c', 'f'});
  CHECK(u8_values(sample_files::tiff({{256, 3, {3}},
                                      {257, 3, {1}},
                                      {258, 3, {8}},
                                      {259, 3, {1}},
                                      {262, 3, {0}},
                                      {273, 4, {8}},
                                      {277, 3, {1}},
                                      {278, 3, {1}},
                                      {279, 4, {3}}},
                                     "\0\1\xff"s)) == Values{255, 254, 0});
  std::string tiles(2 * 256, '-');
  for (std::size_t x = 0; x < 20; ++x) tiles[x < 16 ? x : 256 + x - 16] = static_cast<char>('a' + x);
  const Values tiled = u8_values(sample_files::tiff({{256, 3, {20}},
                                                     {257, 3, {1}},
                                                     {258, 3, {8}},
                                                     {259, 3, {1}},
                                                     {262, 3, {1}},
                                                     {277, 3, {1}},
                                                     {322, 3, {16}},
                                                     {323, 3, {16}},
                                                     {324, 4, {8, 264}},
                                                     {325, 4, {256, 256}}},
                                                    tiles));
  REQUIRE(tiled.size() == 20);
  for (std::size_t x = 0; x < 20; ++x) CHECK(tiled[x] == static_cast<double>('a' + x));
  std::vector<std::uint32_t> map(768, 0);
  map[1] = 65535, map[256 + 2] = 257 * 7;
  CHECK(u8_values(sample_files::tiff({{256, 3, {2}},
                                      {257, 3, {1}},
                                      {258, 3, {8}},
                                      {259, 3, {1}},
                                      {262, 3, {3}},
                                      {273, 4, {8}},
                                      {277, 3, {1}},
                                      {278, 3, {1}},
                                      {279, 4, {2}},
                                      {320, 3, map}},
                                     "\1\2"s)) == Values{255, 0, 0, 7, 0, 0});
}
