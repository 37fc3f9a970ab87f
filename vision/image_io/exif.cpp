// SPDX-License-Identifier: Apache-2.0
// Layout: CIPA DC-008 (EXIF 2.32) 4.5 and 4.6.
#include <lumigrad/engine/files/byte_reader.h>
#include <lumigrad/vision/image_io/exif.h>

namespace lumigrad {

namespace {

int orientation_in(ByteReader exif) {
  const auto mark = exif.read<std::uint16_t>();  // "II" or "MM", the same in both orders
  if (mark != 0x4949 && mark != 0x4d4d) return 1;
  exif.set_order(mark == 0x4949 ? ByteOrder::little : ByteOrder::big);
  if (exif.read<std::uint16_t>() != 42) return 1;
  exif.seek(exif.read<std::uint32_t>());
  const auto entries = exif.read<std::uint16_t>();
  for (int i = 0; i < entries; ++i) {
    const auto tag = exif.read<std::uint16_t>();
    const auto type = exif.read<std::uint16_t>();
    const auto count = exif.read<std::uint32_t>();
    const auto value = exif.read<std::uint16_t>();
    exif.skip(2);
    if (tag == 0x0112) return type == 3 && count == 1 && value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

int orientation_in_jpeg(ByteReader jpeg) {
  jpeg.set_order(ByteOrder::big);
  if (jpeg.read<std::uint16_t>() != 0xffd8) return 1;
  for (;;) {
    if (jpeg.read<std::uint8_t>() != 0xff) return 1;
    int marker = jpeg.read<std::uint8_t>();
    while (marker == 0xff) marker = jpeg.read<std::uint8_t>();  // fill bytes
    if (marker == 0xda || marker == 0xd9) return 1;             // the scan begins, or the file ends
    if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue;
    const auto length = jpeg.read<std::uint16_t>();
    if (length < 2) return 1;
    ByteReader segment = jpeg.part(jpeg.position(), length - 2u);
    jpeg.skip(length - 2u);
    if (marker != 0xe1 || segment.remaining() < 6 || segment.text(6) != std::string_view("Exif\0\0", 6)) continue;
    return orientation_in(segment.part(6, segment.remaining()));
  }
}

}  // namespace

// Damaged EXIF data are no reason to refuse a picture.
int exif_orientation(std::span<const std::byte> exif) noexcept {
  try {
    return orientation_in(ByteReader(exif, "exif"));
  } catch (...) {
    return 1;
  }
}

int jpeg_orientation(std::span<const std::byte> jpeg) noexcept {
  try {
    return orientation_in_jpeg(ByteReader(jpeg, "exif"));
  } catch (...) {
    return 1;
  }
}

}  // namespace lumigrad
