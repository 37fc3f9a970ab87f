// SPDX-License-Identifier: Apache-2.0
// PNG in through libspng; PNG out by hand over zlib, so that every build writes the same bytes.
#include <lumigrad/engine/files/byte_reader.h>
#include <lumigrad/vision/image_io/exif.h>
#include <lumigrad/vision/image_io/raster.h>
#include <zlib.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#ifdef LUMIGRAD_HAVE_SPNG
#include <spng.h>
#endif

namespace lumigrad {

#ifdef LUMIGRAD_HAVE_SPNG

namespace {

constexpr const char* format = "png";

void succeed(int status) {
  require<ResourceError>(status != SPNG_EMEM, format, ": no memory to unpack");
  require<FormatError>(status == 0, format, ": ", spng_strerror(status));
}

struct FreeContext {
  void operator()(spng_ctx* context) const { spng_ctx_free(context); }
};

// Colour key and palette come out as channels; everything else as it is stored, below 8 bits scaled to 8.
struct Unpacking {
  int format;
  int channels;
  DType dtype;
};
Unpacking unpacking(const spng_ihdr& head, bool transparent) {
  const bool wide = head.bit_depth == 16;
  const DType dtype = wide ? DType::u16 : DType::u8;
  switch (head.color_type) {
    case SPNG_COLOR_TYPE_GRAYSCALE:
      if (transparent) return {wide ? SPNG_FMT_GA16 : SPNG_FMT_GA8, 2, dtype};
      return {wide ? SPNG_FMT_PNG : SPNG_FMT_G8, 1, dtype};
    case SPNG_COLOR_TYPE_GRAYSCALE_ALPHA:
      return {SPNG_FMT_PNG, 2, dtype};
    case SPNG_COLOR_TYPE_TRUECOLOR:
      if (transparent) return {wide ? SPNG_FMT_RGBA16 : SPNG_FMT_RGBA8, 4, dtype};
      return {SPNG_FMT_PNG, 3, dtype};
    case SPNG_COLOR_TYPE_INDEXED:
      return {transparent ? SPNG_FMT_RGBA8 : SPNG_FMT_RGB8, transparent ? 4 : 3, dtype};
    default:
      return {SPNG_FMT_PNG, 4, dtype};
  }
}

}  // namespace

Raster read_png(std::span<const std::byte> bytes, const DecodeBudget& budget) {
  const std::unique_ptr<spng_ctx, FreeContext> context(spng_ctx_new(0));
  require<ResourceError>(context != nullptr, format, ": no memory to unpack");
  constexpr auto most = static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max());
  succeed(spng_set_image_limits(context.get(), most, most));
  succeed(spng_set_chunk_limits(context.get(), std::size_t{16} << 20, std::size_t{32} << 20));
  succeed(spng_set_png_buffer(context.get(), bytes.data(), bytes.size()));
  spng_ihdr head{};
  succeed(spng_get_ihdr(context.get(), &head));
  budget.check(format, head.height, head.width);

  spng_trns key{};
  const int key_status = spng_get_trns(context.get(), &key);
  if (key_status != SPNG_ECHUNKAVAIL) succeed(key_status);
  const Unpacking how = unpacking(head, key_status == 0);
  std::size_t size = 0;
  succeed(spng_decoded_image_size(context.get(), how.format, &size));
  // Deflate packs at most 1032 to 1; at least one bit a pixel is packed.
  require<FormatError>(std::uint64_t{head.height} * head.width / 8 <= (bytes.size() + 1) * 1032, format,
                       ": too few bytes for a picture of ", head.width, " x ", head.height, " pixels");
  Raster raster = budget.raster(head.height, head.width, how.channels, how.dtype);
  require<FormatError>(size == static_cast<std::size_t>(raster.pixels.numel()) * size_of(how.dtype), format,
                       ": damaged");
  succeed(spng_decode_image(context.get(), const_cast<std::byte*>(raster.pixels.bytes()), size, how.format,
                            key_status == 0 ? SPNG_DECODE_TRNS : 0));
  succeed(spng_decode_chunks(context.get()));  // to the end mark: a shortened file is refused
  spng_exif exif{};
  if (spng_get_exif(context.get(), &exif) == 0)
    raster.orientation = exif_orientation(std::as_bytes(std::span(exif.data, exif.length)));
  return raster;
}

std::string png_codec() { return message("libspng ", spng_version_string()); }

#else

Raster read_png(std::span<const std::byte> bytes, const DecodeBudget& budget) {
  return read_with_stb("png", bytes, budget);
}

std::string png_codec() { return "stb_image (trusted files only)"; }

#endif

namespace {

class PngWriter {
 public:
  std::vector<std::byte> bytes;

  void chunk(const char* name, std::string_view content) {
    std::string text;
    append_number(text, static_cast<std::uint32_t>(content.size()), ByteOrder::big);
    append(text + name);
    append(content);
    const auto* from = reinterpret_cast<const Bytef*>(bytes.data() + bytes.size() - content.size() - 4);
    text.clear();
    append_number(text, static_cast<std::uint32_t>(::crc32_z(0, from, content.size() + 4)), ByteOrder::big);
    append(text);
  }
  void append(std::string_view text) {
    const auto part = bytes_of(text);
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
};

int paeth(int left, int up, int corner) {
  const int a = std::abs(up - corner), b = std::abs(left - corner), c = std::abs(left + up - 2 * corner);
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

// One row less its prediction (PNG 9.2). `bpp` bytes before either row are zero.
template <class Prediction>
std::uint64_t filter_row(const std::uint8_t* row, std::size_t count, Prediction prediction, std::uint8_t* to) {
  std::uint64_t cost = 0;
  for (std::size_t i = 0; i < count; ++i) {
    to[i] = static_cast<std::uint8_t>(row[i] - prediction(i));
    cost += static_cast<std::uint64_t>(std::abs(static_cast<std::int8_t>(to[i])));
  }
  return cost;
}

struct Deflater : z_stream {
  std::string packed;
  Deflater() : z_stream() {
    require<ResourceError>(::deflateInit2(this, 4, Z_DEFLATED, MAX_WBITS, 9, Z_FILTERED) == Z_OK,
                           "png: no memory to pack");
  }
  ~Deflater() { ::deflateEnd(this); }
  void add(const std::uint8_t* data, std::size_t count, int flush) {
    char block[32768];
    next_in = const_cast<Bytef*>(data);
    avail_in = static_cast<uInt>(count);
    do {
      next_out = reinterpret_cast<Bytef*>(block);
      avail_out = sizeof block;
      ::deflate(this, flush);
      packed.append(block, sizeof block - avail_out);
    } while (avail_out == 0);
  }
};

}  // namespace

std::vector<std::byte> write_png(const Tensor& pixels) {
  const auto height = static_cast<std::size_t>(pixels.size(0)), width = static_cast<std::size_t>(pixels.size(1));
  const auto channels = static_cast<std::size_t>(pixels.size(2));
  const std::size_t depth = size_of(pixels.dtype()), bpp = channels * depth, count = width * bpp;
  require<ShapeError>(height <= 0x7fffffff && count <= 0x7ffffffe, "png: a picture too large, ", pixels.shape());

  PngWriter png;
  png.append("\x89PNG\r\n\x1a\n");
  std::string head;
  append_number(head, static_cast<std::uint32_t>(width), ByteOrder::big);
  append_number(head, static_cast<std::uint32_t>(height), ByteOrder::big);
  constexpr char color_types[] = {0, 4, 2, 6};
  head += static_cast<char>(8 * depth);
  head += color_types[channels - 1];
  head.append(3, '\0');
  png.chunk("IHDR", head);

  // Of the five predictions the one whose differences are smallest in sum packs best, as a rule.
  std::vector<std::uint8_t> rows[2] = {std::vector<std::uint8_t>(count + bpp), std::vector<std::uint8_t>(count + bpp)};
  std::vector<std::uint8_t> best(count + 1), tried(count + 1);
  Deflater deflater;
  const std::byte* from = pixels.bytes();
  for (std::size_t y = 0; y < height; ++y, from += count) {
    std::uint8_t* row = rows[y % 2].data() + bpp;
    const std::uint8_t* above = rows[(y + 1) % 2].data() + bpp;
    std::memcpy(row, from, count);
    if (depth == 2 && std::endian::native == std::endian::little)
      for (std::size_t i = 0; i < count; i += 2) std::swap(row[i], row[i + 1]);
    const std::uint8_t *left = row - bpp, *corner = above - bpp;
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    const auto attempt = [&](int filter, auto prediction) {
      tried[0] = static_cast<std::uint8_t>(filter);
      const std::uint64_t cost = filter_row(row, count, prediction, tried.data() + 1);
      if (cost >= least) return;
      least = cost;
      best.swap(tried);
    };
    attempt(0, [](std::size_t) { return 0; });
    attempt(1, [&](std::size_t i) { return left[i]; });
    attempt(2, [&](std::size_t i) { return above[i]; });
    attempt(3, [&](std::size_t i) { return (left[i] + above[i]) / 2; });
    attempt(4, [&](std::size_t i) { return paeth(left[i], above[i], corner[i]); });
    deflater.add(best.data(), best.size(), Z_NO_FLUSH);
  }
  deflater.add(nullptr, 0, Z_FINISH);
  constexpr std::size_t piece = std::size_t{1} << 20;
  for (std::size_t at = 0; at < deflater.packed.size(); at += piece)
    png.chunk("IDAT", std::string_view(deflater.packed).substr(at, piece));
  png.chunk("IEND", "");
  return std::move(png.bytes);
}

}  // namespace lumigrad
