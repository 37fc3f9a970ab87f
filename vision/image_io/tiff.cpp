// SPDX-License-Identifier: Apache-2.0
// TIFF in and out through libtiff, from and to memory. Messages are collected, never printed; only compressions whose
// decoders are old and well tried are let in.
#include <lumigrad/vision/image_io/raster.h>

#ifdef LUMIGRAD_HAVE_TIFF
#include <tiffio.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <limits>
#endif

namespace lumigrad {

#ifdef LUMIGRAD_HAVE_TIFF

namespace {

constexpr const char* format = "tiff";

// A file in memory, the way libtiff wants to see one, and the first thing it complained about.
struct Memory {
  std::span<const std::byte> in;
  std::vector<std::byte> out;
  std::uint64_t at = 0;
  char complaint[256] = "";

  std::uint64_t size() const { return in.data() ? in.size() : out.size(); }
};

Memory& memory_of(thandle_t handle) { return *static_cast<Memory*>(handle); }

tmsize_t read_some(thandle_t handle, void* to, tmsize_t count) {
  Memory& memory = memory_of(handle);
  const std::byte* data = memory.in.data() ? memory.in.data() : memory.out.data();
  const std::uint64_t left = memory.at < memory.size() ? memory.size() - memory.at : 0;
  const auto n =
      static_cast<std::size_t>(std::min<std::uint64_t>(left, count < 0 ? 0 : static_cast<std::uint64_t>(count)));
  if (n != 0) std::memcpy(to, data + memory.at, n);
  memory.at += n;
  return static_cast<tmsize_t>(n);
}

tmsize_t write_some(thandle_t handle, void* from, tmsize_t count) {
  Memory& memory = memory_of(handle);
  if (memory.in.data() || count < 0) return -1;
  try {
    const auto n = static_cast<std::size_t>(count);
    if (memory.at + n > memory.out.size()) memory.out.resize(static_cast<std::size_t>(memory.at) + n);
    if (n != 0) std::memcpy(memory.out.data() + memory.at, from, n);
    memory.at += n;
    return count;
  } catch (...) {
    return -1;
  }
}

toff_t seek(thandle_t handle, toff_t offset, int from) {
  Memory& memory = memory_of(handle);
  const std::uint64_t base = from == SEEK_SET ? 0 : from == SEEK_CUR ? memory.at : memory.size();
  memory.at = base + offset;  // offsets back arrive as wrapped numbers, and wrap again here
  return memory.at;
}

toff_t size_of_file(thandle_t handle) { return memory_of(handle).size(); }
int close_nothing(thandle_t) { return 0; }

int collect(TIFF*, void* user, const char*, const char* text, va_list arguments) {
  auto& memory = *static_cast<Memory*>(user);
  if (!memory.complaint[0]) {
    std::vsnprintf(memory.complaint, sizeof memory.complaint, text, arguments);
    for (char* c = memory.complaint; *c; ++c)
      if (static_cast<unsigned char>(*c) < 32 || static_cast<unsigned char>(*c) > 126) *c = '?';
  }
  return 1;
}
int ignore(TIFF*, void*, const char*, const char*, va_list) { return 1; }

struct CloseTiff {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using Tiff = std::unique_ptr<TIFF, CloseTiff>;

Tiff open(Memory& memory, const char* mode, std::uint64_t most_block_bytes) {
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  require<ResourceError>(options != nullptr, format, ": no memory");
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), static_cast<tmsize_t>(most_block_bytes));
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), collect, &memory);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), ignore, nullptr);
  return Tiff(TIFFClientOpenExt("", mode, &memory, read_some, write_some, seek, close_nothing, size_of_file, nullptr,
                                nullptr, options.get()));
}

[[noreturn]] void fail(const Memory& memory) {
  throw FormatError(message(format, ": ", memory.complaint[0] ? memory.complaint : "damaged"));
}

template <class T>
T field(TIFF* tiff, std::uint32_t tag, T missing) {
  T value = missing;
  return TIFFGetFieldDefaulted(tiff, tag, &value) ? value : missing;
}

bool known(std::uint16_t compression) {
  for (const int c : {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_DEFLATE,
                      COMPRESSION_PACKBITS, COMPRESSION_JPEG, COMPRESSION_CCITTFAX3, COMPRESSION_CCITTFAX4,
                      COMPRESSION_CCITTRLE, COMPRESSION_ZSTD, COMPRESSION_LZMA})
    if (compression == c) return true;
  return false;
}

struct Picture {
  std::uint32_t width = 0, height = 0;
  std::uint16_t bits = 1, samples = 1, kind = 0, planar = PLANARCONFIG_CONTIG, photometric = 0;
  int channels = 1;  // of the raster: a palette makes three of one, further samples are dropped
  bool palette = false, white_is_zero = false, ink = false;

  DType dtype() const { return bits == 32 ? DType::f32 : bits == 16 ? DType::u16 : DType::u8; }
  std::size_t sample_bytes() const { return size_of(dtype()); }
};

Picture describe(TIFF* tiff) {
  Picture p;
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &p.width);
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &p.height);
  p.bits = field<std::uint16_t>(tiff, TIFFTAG_BITSPERSAMPLE, 1);
  p.samples = field<std::uint16_t>(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
  p.kind = field<std::uint16_t>(tiff, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
  p.planar = field<std::uint16_t>(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  p.photometric = field<std::uint16_t>(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  const auto compression = field<std::uint16_t>(tiff, TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  require<FormatError>(known(compression), format, ": compression ", compression, " is not supported");
  require<FormatError>(TIFFNumberOfDirectories(tiff) >= 1, format, ": no picture");
  const bool number =
      p.kind == SAMPLEFORMAT_IEEEFP ? p.bits == 32 : p.kind == SAMPLEFORMAT_UINT || p.kind == SAMPLEFORMAT_VOID;
  const bool grey = p.photometric == PHOTOMETRIC_MINISBLACK || p.photometric == PHOTOMETRIC_MINISWHITE;
  require<FormatError>(number && (p.bits == 8 || p.bits == 16 || (p.bits == 32 && p.kind == SAMPLEFORMAT_IEEEFP) ||
                                  (p.bits == 1 && grey && p.samples == 1)),
                       format, ": ", p.bits, " bits of sample format ", p.kind, " are not supported");
  require<FormatError>(p.samples >= 1 && p.samples <= 16, format, ": ", p.samples, " samples a pixel");

  const int colours = grey || p.photometric == PHOTOMETRIC_PALETTE ? 1 : p.photometric == PHOTOMETRIC_SEPARATED ? 4 : 3;
  require<FormatError>(p.samples >= colours, format, ": ", p.samples, " samples a pixel, expected ", colours);
  p.palette = p.photometric == PHOTOMETRIC_PALETTE;
  p.white_is_zero = p.photometric == PHOTOMETRIC_MINISWHITE && p.bits != 32;
  p.ink = p.photometric == PHOTOMETRIC_SEPARATED;
  require<FormatError>(!p.palette || p.bits == 8, format, ": a palette with ", p.bits, " bits is not supported");
  require<FormatError>(!p.ink || (p.bits == 8 && p.samples == 4), format, ": this kind of CMYK is not supported");
  if (p.photometric == PHOTOMETRIC_YCBCR) {
    require<FormatError>(compression == COMPRESSION_JPEG, format, ": YCbCr without JPEG is not supported");
    TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  } else {
    require<FormatError>(grey || p.palette || p.ink || p.photometric == PHOTOMETRIC_RGB, format,
                         ": photometric interpretation ", p.photometric, " is not supported");
  }
  // The first further sample is taken for alpha when it says so (or, as many writers forget, says nothing in RGB + 1).
  std::uint16_t extra_count = 0;
  std::uint16_t* extra = nullptr;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra_count, &extra);
  const bool alpha = !p.palette && !p.ink && p.samples > colours &&
                     (extra_count == 0 || extra[0] == EXTRASAMPLE_ASSOCALPHA || extra[0] == EXTRASAMPLE_UNASSALPHA);
  p.channels = p.palette || p.ink ? 3 : colours + (alpha ? 1 : 0);
  return p;
}

// Copies samples of one unpacked strip or tile to their place: `from` holds `from_samples` samples a pixel, of which
// `count` go to the channels from `channel` on.
void place(const Picture& p, Tensor& pixels, const std::byte* from, std::size_t row_bytes, std::uint32_t x0,
           std::uint32_t y0, std::uint32_t width, std::uint32_t height, std::size_t from_samples, std::size_t channel,
           std::size_t count) {
  const std::size_t size = p.sample_bytes(), channels = static_cast<std::size_t>(pixels.size(2));
  auto* to = const_cast<std::byte*>(pixels.bytes());
  for (std::uint32_t y = 0; y < height; ++y) {
    const std::byte* row = from + row_bytes * y;
    std::byte* out = to + ((std::size_t{y0} + y) * p.width + x0) * channels * size + channel * size;
    for (std::uint32_t x = 0; x < width; ++x, out += channels * size) {
      if (p.bits == 1)
        *out = (std::to_integer<unsigned>(row[x / 8]) >> (7 - x % 8)) & 1 ? std::byte{255} : std::byte{0};
      else
        std::memcpy(out, row + x * from_samples * size, count * size);
    }
  }
}

// All strips or tiles, contiguous or a plane at a time, into [H, W, stored] where stored is what the file has of use.
Tensor read_blocks(TIFF* tiff, const Picture& p, int stored, const DecodeBudget& budget, const Memory& memory) {
  Tensor pixels = budget.raster(p.height, p.width, stored, p.dtype()).pixels;
  const bool tiled = TIFFIsTiled(tiff);
  std::uint32_t block_width = p.width, block_height = 0;
  if (tiled) {
    block_width = block_height = 0;
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &block_width);
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &block_height);
  } else {
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &block_height);
    block_height = std::min(block_height, p.height);
  }
  require<FormatError>(block_width > 0 && block_height > 0, format, ": empty strips or tiles");
  const auto bytes = static_cast<std::uint64_t>(tiled ? TIFFTileSize64(tiff) : TIFFStripSize64(tiff));
  const auto row_bytes = static_cast<std::uint64_t>(tiled ? TIFFTileRowSize64(tiff) : TIFFScanlineSize64(tiff));
  const bool planes = p.planar == PLANARCONFIG_SEPARATE;
  const std::size_t samples = planes ? 1 : p.samples;
  const std::uint64_t needed =
      p.bits == 1 ? (std::uint64_t{block_width} + 7) / 8 : std::uint64_t{block_width} * samples * p.sample_bytes();
  // What libtiff means to unpack must be what place() is going to read.
  require<FormatError>(row_bytes >= needed && bytes / block_height >= row_bytes, format, ": damaged strips or tiles");
  require<ResourceError>(bytes <= budget.decoder_bytes(p.height, p.width), format, ": strips or tiles of ", bytes,
                         " bytes");
  std::vector<std::byte> block(static_cast<std::size_t>(bytes));
  for (int plane = 0; plane < (planes ? stored : 1); ++plane) {
    for (std::uint32_t y = 0; y < p.height; y += std::min(block_height, p.height - y)) {
      for (std::uint32_t x = 0; x < p.width; x += std::min(block_width, p.width - x)) {
        const auto sample = static_cast<std::uint16_t>(plane);
        const std::uint32_t rows = std::min(block_height, p.height - y);
        const auto wanted = static_cast<tmsize_t>(tiled ? bytes : row_bytes * rows);
        const tmsize_t got =
            tiled ? TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, x, y, 0, sample), block.data(), wanted)
                  : TIFFReadEncodedStrip(tiff, TIFFComputeStrip(tiff, y, sample), block.data(), wanted);
        if (got != wanted) fail(memory);
        place(p, pixels, block.data(), static_cast<std::size_t>(row_bytes), x, y, std::min(block_width, p.width - x),
              rows, samples, static_cast<std::size_t>(plane), planes ? 1 : static_cast<std::size_t>(stored));
      }
    }
  }
  if (memory.complaint[0]) fail(memory);
  return pixels;
}

Tensor colours_of_palette(TIFF* tiff, const Tensor& indices, const Memory& memory, const DecodeBudget& budget) {
  std::uint16_t* map[3] = {};
  if (!TIFFGetField(tiff, TIFFTAG_COLORMAP, &map[0], &map[1], &map[2])) fail(memory);
  const auto height = static_cast<std::uint64_t>(indices.size(0)), width = static_cast<std::uint64_t>(indices.size(1));
  Tensor colours = budget.raster(height, width, 3, DType::u16).pixels;
  auto* to = colours.mutable_data<std::uint16_t>();
  const auto* index = indices.data<std::uint8_t>();
  for (std::int64_t i = 0; i < indices.numel(); ++i)
    for (int c = 0; c < 3; ++c) to[3 * i + c] = map[c][index[i]];  // 8 bits: 256 entries each
  return colours;
}

Tensor colours_of_ink(const Tensor& ink, const DecodeBudget& budget) {
  Tensor colours =
      budget.raster(static_cast<std::uint64_t>(ink.size(0)), static_cast<std::uint64_t>(ink.size(1)), 3, DType::u8)
          .pixels;
  auto* to = colours.mutable_data<std::uint8_t>();
  const auto* from = ink.data<std::uint8_t>();
  for (std::int64_t i = 0; i < ink.size(0) * ink.size(1); ++i)
    for (int c = 0; c < 3; ++c)
      to[3 * i + c] = static_cast<std::uint8_t>(((255 - from[4 * i + c]) * (255 - from[4 * i + 3]) + 127) / 255);
  return colours;
}

void invert(Tensor& pixels) {
  const std::int64_t channels = pixels.size(2);  // alpha, where there is one, stays
  const auto flip = [&]<class T>(T* values) {
    for (std::int64_t i = 0; i < pixels.numel(); i += channels)
      values[i] = static_cast<T>(std::numeric_limits<T>::max() - values[i]);
  };
  if (pixels.dtype() == DType::u8)
    flip(pixels.mutable_data<std::uint8_t>());
  else
    flip(pixels.mutable_data<std::uint16_t>());
}

}  // namespace

Raster read_tiff(std::span<const std::byte> bytes, const DecodeBudget& budget) {
  Memory memory{.in = bytes, .out = {}};
  const std::uint64_t most = budget.limits.decoder_bytes ? budget.limits.decoder_bytes
                                                         : 64 * std::uint64_t{bytes.size()} + (std::uint64_t{64} << 20);
  const Tiff tiff = open(memory, "rm", most);
  if (!tiff) fail(memory);
  const Picture p = describe(tiff.get());
  budget.check(format, p.height, p.width);
  const int stored = p.ink ? 4 : p.palette ? 1 : p.channels;
  Raster raster{read_blocks(tiff.get(), p, stored, budget, memory)};
  if (p.palette) raster.pixels = colours_of_palette(tiff.get(), raster.pixels, memory, budget);
  if (p.ink) raster.pixels = colours_of_ink(raster.pixels, budget);
  if (p.white_is_zero) invert(raster.pixels);
  const auto orientation = field<std::uint16_t>(tiff.get(), TIFFTAG_ORIENTATION, 1);
  raster.orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
  return raster;
}

std::vector<std::byte> write_tiff(const Tensor& pixels) {
  Memory memory;
  const std::int64_t height = pixels.size(0), width = pixels.size(1), channels = pixels.size(2);
  const std::size_t bits = 8 * size_of(pixels.dtype());
  const auto row_bytes = static_cast<std::size_t>(width * channels) * size_of(pixels.dtype());
  require<ShapeError>(height <= 0x7fffffff && width <= 0x7fffffff, format, ": a picture too large, ", pixels.shape());
  {
    const bool large = row_bytes * static_cast<std::size_t>(height) > 0xf0000000u;
    const Tiff tiff = open(memory, large ? "w8" : "w", 0);
    if (!tiff) fail(memory);
    const bool real = pixels.dtype() == DType::f32;
    const auto rows = static_cast<std::uint32_t>(std::clamp<std::size_t>(
        (std::size_t{1} << 18) / std::max<std::size_t>(row_bytes, 1), 1, static_cast<std::size_t>(height)));
    TIFFSetField(tiff.get(), TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(width));
    TIFFSetField(tiff.get(), TIFFTAG_IMAGELENGTH, static_cast<std::uint32_t>(height));
    TIFFSetField(tiff.get(), TIFFTAG_BITSPERSAMPLE, static_cast<int>(bits));
    TIFFSetField(tiff.get(), TIFFTAG_SAMPLESPERPIXEL, static_cast<int>(channels));
    TIFFSetField(tiff.get(), TIFFTAG_SAMPLEFORMAT, real ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT);
    TIFFSetField(tiff.get(), TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff.get(), TIFFTAG_PHOTOMETRIC, channels >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK);
    TIFFSetField(tiff.get(), TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE);
    TIFFSetField(tiff.get(), TIFFTAG_PREDICTOR, real ? PREDICTOR_FLOATINGPOINT : PREDICTOR_HORIZONTAL);
    TIFFSetField(tiff.get(), TIFFTAG_ROWSPERSTRIP, rows);
    if (channels % 2 == 0) {
      const std::uint16_t alpha = EXTRASAMPLE_UNASSALPHA;
      TIFFSetField(tiff.get(), TIFFTAG_EXTRASAMPLES, 1, &alpha);
    }
    // libtiff predicts in place: a row of its own keeps the tensor as it is
    std::vector<std::byte> row(row_bytes);
    for (std::int64_t y = 0; y < height; ++y) {
      std::memcpy(row.data(), pixels.bytes() + static_cast<std::size_t>(y) * row_bytes, row_bytes);
      if (TIFFWriteScanline(tiff.get(), row.data(), static_cast<std::uint32_t>(y), 0) != 1) fail(memory);
    }
    if (!TIFFFlush(tiff.get())) fail(memory);
  }
  if (memory.complaint[0]) fail(memory);
  return std::move(memory.out);
}

std::string tiff_codec() {
  const std::string version = TIFFGetVersion();  // "LIBTIFF, Version 4.5.0\n..."
  const std::string line = version.substr(0, version.find('\n'));
  const std::size_t blank = line.rfind(' ');
  return "libtiff" + (blank == std::string::npos ? std::string() : line.substr(blank));
}

#else

Raster read_tiff(std::span<const std::byte>, const DecodeBudget&) {
  throw FormatError("tiff: this build of lumigrad has no TIFF reader (libtiff 4.5 or newer was not there)");
}

std::vector<std::byte> write_tiff(const Tensor&) {
  throw FormatError("tiff: this build of lumigrad has no TIFF writer (libtiff 4.5 or newer was not there)");
}

std::string tiff_codec() { return "none"; }

#endif

}  // namespace lumigrad
