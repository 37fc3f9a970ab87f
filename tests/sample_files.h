// SPDX-License-Identifier: Apache-2.0
// Small files of every format, built byte by byte, so that tests can hold what no writer of ours would write.
#pragma once
#include <zlib.h>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sample_files {

using Bytes = std::vector<std::byte>;

inline Bytes bytes(std::string_view text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return Bytes(data, data + text.size());
}
inline std::string big(std::uint32_t value, int count = 4) {
  std::string text;
  for (int i = count - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}
inline std::string little(std::uint64_t value, int count = 4) {
  std::string text;
  for (int i = 0; i < count; ++i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}
inline std::string from_hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string text;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    text.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  return text;
}

// ---- PNG --------------------------------------------------------------------------------------------------------

inline std::string png_chunk(const std::string& name, const std::string& content) {
  const std::string body = name + content;
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(body.data()), body.size());
  return big(static_cast<std::uint32_t>(content.size())) + body + big(static_cast<std::uint32_t>(crc));
}
inline std::string zlib_packed(const std::string& content) {
  uLongf size = compressBound(content.size());
  std::string packed(size, 0);
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(content.data()),
           content.size());
  packed.resize(size);
  return packed;
}
/// `rows` are the filtered rows, each with its filter byte; `extra` holds chunks that stand before the data.
inline Bytes png(std::uint32_t width, std::uint32_t height, int depth, int color, const std::string& rows,
                 const std::string& extra = "", int interlace = 0) {
  const std::string head = big(width) + big(height) + static_cast<char>(depth) + static_cast<char>(color) +
                           std::string(2, 0) + static_cast<char>(interlace);
  return bytes("\x89PNG\r\n\x1a\n" + png_chunk("IHDR", head) + extra + png_chunk("IDAT", zlib_packed(rows)) +
               png_chunk("IEND", ""));
}
/// Makes every check sum of a damaged PNG right again, so that the damage reaches what lies behind them.
inline void repair_png(Bytes& file) {
  auto* data = reinterpret_cast<Bytef*>(file.data());
  for (std::size_t at = 8; at + 12 <= file.size();) {
    const std::size_t length = std::size_t{data[at]} << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3];
    if (length > file.size() - at - 12) return;
    const auto crc = big(static_cast<std::uint32_t>(crc32_z(0, data + at + 4, length + 4)));
    for (std::size_t i = 0; i < 4; ++i) data[at + 8 + length + i] = static_cast<Bytef>(crc[i]);
    at += 12 + length;
  }
}

// ---- TIFF: little- or big-endian, one directory, the pixels as they are -------------------------------------------

struct TiffTag {
  int tag, type;  // type 3 SHORT, 4 LONG
  std::vector<std::uint32_t> values;
};
inline Bytes tiff(const std::vector<TiffTag>& tags, const std::string& pixels, bool big_endian = false) {
  const auto number = [&](std::uint32_t v, int n) { return big_endian ? big(v, n) : little(v, n); };
  // Head, pixels, directory, long values.
  std::string text =
      (big_endian ? "MM" : "II") + number(42, 2) + number(static_cast<std::uint32_t>(8 + pixels.size()), 4) + pixels;
  std::string longer;
  const std::size_t longer_at = text.size() + 2 + 12 * tags.size() + 4;
  text += number(static_cast<std::uint32_t>(tags.size()), 2);
  for (const TiffTag& tag : tags) {
    std::string values;
    for (const std::uint32_t v : tag.values) values += number(v, tag.type == 3 ? 2 : 4);
    text += number(static_cast<std::uint32_t>(tag.tag), 2) + number(static_cast<std::uint32_t>(tag.type), 2) +
            number(static_cast<std::uint32_t>(tag.values.size()), 4);
    if (values.size() > 4) {
      text += number(static_cast<std::uint32_t>(longer_at + longer.size()), 4);
      longer += values;
    } else {
      values.resize(4, 0);
      text += values;
    }
  }
  return bytes(text + std::string(4, 0) + longer);
}

// ---- JPEG ---------------------------------------------------------------------------------------------------------

/// EXIF data with nothing but an orientation, with the TIFF header first.
inline std::string exif(int orientation, bool big_endian = false) {
  const Bytes file = tiff({{0x0112, 3, {static_cast<std::uint32_t>(orientation)}}}, "", big_endian);
  return std::string(reinterpret_cast<const char*>(file.data()), file.size());
}
/// The file with an EXIF segment put in behind its first marker.
inline Bytes with_exif(const Bytes& jpeg, const std::string& exif) {
  const Bytes segment =
      bytes("\xff\xe1" + big(static_cast<std::uint32_t>(exif.size() + 8), 2) + std::string("Exif\0\0", 6) + exif);
  Bytes file = jpeg;
  file.insert(file.begin() + 2, segment.begin(), segment.end());
  return file;
}
/// 8 x 8, ink C 30, M 100, Y 200, K 40 of 255, stored inverted as Adobe does.
inline Bytes cmyk_jpeg() {
  return bytes(from_hex(
      "ffd8ffee000e41646f626500640000000000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b"
      "0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffc000140800080008044311004d11005911004b1100ffc400"
      "1f0000010501010101010100000000000000000102030405060708090a0bffc400b5100002010303020403050504040000017d0102030004"
      "1105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a43444546"
      "4748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3"
      "b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffda000e0443004d005900"
      "4b00003f00fd03af48af8f2bee8affd9"));
}
/// The same ink as YCCK.
inline Bytes ycck_jpeg() {
  return bytes(from_hex(
      "ffd8ffee000e41646f626500640000000002ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b"
      "0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00430103040405040509050509140d0b0d141414141414"
      "1414141414141414141414141414141414141414141414141414141414141414141414141414141414141414ffc000140800080008040122"
      "00021101031101042200ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b5100002010303020403"
      "050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728"
      "292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798"
      "999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8"
      "f9faffc4001f0100030101010101010101010000000000000102030405060708090a0bffc400b51100020102040403040705040400010277"
      "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738"
      "393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5"
      "a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9faffda000e0401"
      "00021103110400003f00f1aa28a2bfa94fc30fba28a28affd9"));
}
/// 8 x 8, red = 30 x, green = 30 y, blue = 128, progressive.
inline Bytes progressive_jpeg() {
  return bytes(from_hex(
      "ffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b"
      "0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00430103040405040509050509140d0b0d14141414"
      "14141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414ffc20011080008000803"
      "012200021101031101ffc4001500010100000000000000000000000000000005ffc4001501010100000000000000000000000000000305ff"
      "da000c0301000210031000000188273fffc400161000030000000000000000000000000000000506ffda0008010100010502572e7fffc400"
      "191100010500000000000000000000000000050002041422ffda0008010301013f01005e5d26e97fffc40018110002030000000000000000"
      "00000000000004051332ffda0008010201013f016a499b347fffc400161000030000000000000000000000000000000122ffda0008010100"
      "063f02527fffc40015100101000000000000000000000000000000f1ffda0008010100013f2196ffda000c030100020003000000100fffc4"
      "00171100030100000000000000000000000000004171f0ffda0008010301013f10c22a7fffc4001511010100000000000000000000000000"
      "000011ffda0008010201013f10aa7fffc40015100101000000000000000000000000000000a1ffda0008010100013f108a7fffd9"));
}
/// The same with arithmetic coding.
inline Bytes arithmetic_jpeg() {
  return bytes(from_hex(
      "ffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b"
      "0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00430103040405040509050509140d0b0d14141414"
      "14141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414ffc90011080008000803"
      "012200021101031101ffcc000a0010100501101105ffda000c03010002110311003f00ff00a51d04af491a0943301570a2411f48b3387b8e"
      "f6bf563b0091d335560bf39a1ce4ffd9"));
}

// ---- BMP, TGA, HDR ------------------------------------------------------------------------------------------------

/// 24 bits, rows bottom up and padded to four bytes.
inline Bytes bmp(std::uint32_t width, std::uint32_t height, const std::string& rows, int depth = 24,
                 const std::string& palette = "") {
  const std::uint32_t start = static_cast<std::uint32_t>(54 + palette.size());
  return bytes("BM" + little(start + rows.size()) + little(0) + little(start) + little(40) + little(width) +
               little(height) + little(1, 2) + little(static_cast<std::uint32_t>(depth), 2) + little(0) +
               little(rows.size()) + little(2835) + little(2835) + little(palette.size() / 4) + little(0) + palette +
               rows);
}
/// Kinds: 1 palette, 2 colour, 3 grey, and 8 more for run lengths; rows top down.
inline Bytes tga(int kind, std::uint32_t width, std::uint32_t height, int depth, const std::string& content,
                 const std::string& palette = "") {
  const bool indexed = kind == 1 || kind == 9;
  return bytes(std::string(1, 0) + static_cast<char>(indexed) + static_cast<char>(kind) + little(0, 2) +
               little(indexed ? palette.size() / 3 : 0, 2) + static_cast<char>(indexed ? 24 : 0) + little(0, 4) +
               little(width, 2) + little(height, 2) + static_cast<char>(depth) + static_cast<char>(0x20) + palette +
               content);
}
inline Bytes hdr(std::uint32_t width, std::uint32_t height, const std::string& pixels) {
  return bytes("#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y " + std::to_string(height) + " +X " + std::to_string(width) +
               "\n" + pixels);
}

}  // namespace sample_files
