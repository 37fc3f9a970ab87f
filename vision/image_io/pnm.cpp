// SPDX-License-Identifier: Apache-2.0
// PBM, PGM and PPM, as text and as bytes (P1 to P6). Values are scaled by the file's own largest value.
#include <lumigrad/engine/files/byte_reader.h>
#include <lumigrad/vision/image_io/raster.h>

#include <limits>

namespace lumigrad {

namespace {

constexpr const char* format = "pnm";

bool is_blank(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

void skip_blanks(ByteReader& reader) {
  for (;;) {
    if (reader.peek() == '#')
      while (!reader.at_end() && reader.peek() != '\n') reader.skip(1);
    else if (is_blank(reader.peek()))
      reader.skip(1);
    else
      return;
  }
}

std::uint32_t read_number(ByteReader& reader) {
  skip_blanks(reader);
  std::uint32_t value = 0;
  int digits = 0;
  for (int c = reader.peek(); c >= '0' && c <= '9'; c = reader.peek(), ++digits) {
    require<FormatError>(digits < 9, format, ": a number too large at byte ", reader.position());
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
    reader.skip(1);
  }
  require<FormatError>(digits > 0, format, ": expected a number at byte ", reader.position());
  return value;
}

template <class T>
void scale(Tensor& pixels, std::uint32_t largest) {
  constexpr std::uint32_t full = std::numeric_limits<T>::max();
  T* values = pixels.mutable_data<T>();
  for (std::int64_t i = 0; i < pixels.numel(); ++i) {
    require<FormatError>(values[i] <= largest, format, ": a value of ", values[i], ", at most ", largest);
    if (largest != full) values[i] = static_cast<T>((values[i] * full + largest / 2) / largest);
  }
}

}  // namespace

Raster read_pnm(std::span<const std::byte> bytes, const DecodeBudget& budget) {
  ByteReader reader(bytes, format, ByteOrder::big);
  reader.skip(1);
  const int kind = reader.read<std::uint8_t>() - '0';
  require<FormatError>(is_blank(reader.peek()) || reader.peek() == '#', format, ": expected a blank behind P", kind);
  const std::uint64_t width = read_number(reader), height = read_number(reader);
  const bool bitmap = kind == 1 || kind == 4, text = kind <= 3;
  const std::uint32_t largest = bitmap ? 1 : read_number(reader);
  require<FormatError>(largest >= 1 && largest <= 65535, format, ": expected a largest value from 1 to 65535, got ",
                       largest);
  budget.check(format, height, width);
  const int channels = kind == 3 || kind == 6 ? 3 : 1;
  const bool wide = largest > 255;
  const std::uint64_t numbers = height * width * static_cast<std::uint64_t>(channels);
  if (!text) reader.skip(1);  // the single blank before the bytes
  const std::uint64_t row_bytes = bitmap ? (width + 7) / 8 : width * static_cast<std::uint64_t>(channels) * (wide + 1u);
  require<FormatError>(reader.remaining() >= (text ? numbers : height * row_bytes), format, ": the file is cut short");

  Raster raster = budget.raster(height, width, channels, wide ? DType::u16 : DType::u8);
  const auto put = [&](std::uint64_t i, std::uint32_t value) {
    if (wide)
      raster.pixels.mutable_data<std::uint16_t>()[i] = static_cast<std::uint16_t>(value);
    else
      raster.pixels.mutable_data<std::uint8_t>()[i] = static_cast<std::uint8_t>(value);
  };
  if (bitmap) {  // 1 is black
    std::uint8_t* to = raster.pixels.mutable_data<std::uint8_t>();
    for (std::uint64_t y = 0; y < height; ++y) {
      ByteReader row = text ? reader : reader.part(reader.position(), row_bytes);
      unsigned byte = 0;
      for (std::uint64_t x = 0; x < width; ++x) {
        if (text) {
          skip_blanks(reader);
          const int c = reader.read<std::uint8_t>();
          require<FormatError>(c == '0' || c == '1', format, ": expected 0 or 1 at byte ", reader.position() - 1);
          *to++ = c == '0' ? 255 : 0;
        } else {
          if (x % 8 == 0) byte = row.read<std::uint8_t>();
          *to++ = (byte >> (7 - x % 8)) & 1 ? 0 : 255;
        }
      }
      if (!text) reader.skip(row_bytes);
    }
    return raster;
  }
  if (text) {
    for (std::uint64_t i = 0; i < numbers; ++i) {
      const std::uint32_t value = read_number(reader);
      require<FormatError>(value <= largest, format, ": a value of ", value, ", at most ", largest);
      put(i, value);
    }
  } else if (wide) {
    std::uint16_t* to = raster.pixels.mutable_data<std::uint16_t>();
    for (std::uint64_t i = 0; i < numbers; ++i) to[i] = reader.read<std::uint16_t>();
  } else {
    const auto part = reader.take(numbers);
    std::memcpy(raster.pixels.mutable_data<std::uint8_t>(), part.data(), part.size());
  }
  if (wide)
    scale<std::uint16_t>(raster.pixels, largest);
  else
    scale<std::uint8_t>(raster.pixels, largest);
  return raster;
}

}  // namespace lumigrad
