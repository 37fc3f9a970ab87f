// SPDX-License-Identifier: Apache-2.0
// JPEG through libjpeg-turbo.
//
// The library reports errors by a jump out of its depth. Every function that calls it therefore keeps nothing on its
// stack that has a destructor, and hands its findings back in a plain record; exceptions are thrown outside.
#include <lumigrad/vision/image_io/exif.h>
#include <lumigrad/vision/image_io/raster.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#ifdef LUMIGRAD_HAVE_JPEG
#include <jpeglib.h>
// after jpeglib.h
#include <jerror.h>

#include <csetjmp>
#else
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop
#endif

namespace lumigrad {

#ifdef LUMIGRAD_HAVE_JPEG

namespace {

constexpr const char* format = "jpeg";
constexpr int most_scans = 200;  // a progressive file may not ask for more passes over the picture

// libjpeg's error record, with the place to jump to and the text to bring along.
struct Failure {
  jpeg_error_mgr base;
  std::jmp_buf place;
  char text[JMSG_LENGTH_MAX];
  bool memory;
};

[[noreturn]] void jump(j_common_ptr codec) {
  auto* failure = reinterpret_cast<Failure*>(codec->err);
  codec->err->format_message(codec, failure->text);
  failure->memory = codec->err->msg_code == JERR_OUT_OF_MEMORY || codec->err->msg_code == JERR_NO_BACKING_STORE;
  std::longjmp(failure->place, 1);
}

// Of the warnings only those are let pass that leave the picture whole.
void on_message(j_common_ptr codec, int level) {
  if (level >= 0) return;
  switch (codec->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_TOO_MUCH_DATA:
    case JWRN_NOT_SEQUENTIAL:
    case JWRN_JFIF_MAJOR:
      return;
    default:
      jump(codec);
  }
}

void on_progress(j_common_ptr codec) {
  if (reinterpret_cast<j_decompress_ptr>(codec)->input_scan_number <= most_scans) return;
  auto* failure = reinterpret_cast<Failure*>(codec->err);
  std::snprintf(failure->text, sizeof failure->text, "more than %d scans", most_scans);
  std::longjmp(failure->place, 1);
}

void prepare(Failure& failure) {
  jpeg_std_error(&failure.base);
  failure.base.error_exit = jump;
  failure.base.emit_message = on_message;
  failure.base.output_message = [](j_common_ptr) {};
  failure.text[0] = 0;
  failure.memory = false;
}

[[noreturn]] void fail(const Failure& failure) {
  if (failure.memory) throw ResourceError(message(format, ": ", failure.text));
  throw FormatError(message(format, ": ", failure.text));
}

struct Decoder {
  jpeg_decompress_struct codec{};
  jpeg_progress_mgr progress{};
  Failure failure{};
  bool made = false;
  ~Decoder() {
    if (made) jpeg_destroy_decompress(&codec);
  }
};

bool read_head(Decoder& decoder, const unsigned char* data, std::size_t size) {
  if (setjmp(decoder.failure.place)) return false;
  jpeg_create_decompress(&decoder.codec);
  decoder.made = true;
  jpeg_mem_src(&decoder.codec, data, size);
  jpeg_read_header(&decoder.codec, TRUE);
  return true;
}

bool read_rows(Decoder& decoder, unsigned char* to, std::size_t row_bytes, long memory) {
  if (setjmp(decoder.failure.place)) return false;
  auto& codec = decoder.codec;
  codec.mem->max_memory_to_use = memory;
  codec.progress = &decoder.progress;
  jpeg_start_decompress(&codec);
  while (codec.output_scanline < codec.output_height) {
    JSAMPROW row = to + row_bytes * codec.output_scanline;
    jpeg_read_scanlines(&codec, &row, 1);
  }
  jpeg_finish_decompress(&codec);
  return true;
}

int rounded_product(int a, int b) { return (a * b + 127) / 255; }

// Ink over white paper: each colour is what its ink and black let through. Adobe's programs store the inverse of ink.
void cmyk_to_rgb(std::uint8_t* cmyk, std::uint8_t* rgb, std::size_t count, bool adobe) {
  for (std::size_t i = 0; i < count; ++i) {
    const int flip = adobe ? 0 : 255, black = cmyk[4 * i + 3] ^ flip;
    for (std::size_t c = 0; c < 3; ++c)
      rgb[3 * i + c] = static_cast<std::uint8_t>(rounded_product(cmyk[4 * i + c] ^ flip, black));
  }
}

}  // namespace

Raster read_jpeg(std::span<const std::byte> bytes, const DecodeBudget& budget) {
  Decoder decoder;
  auto& codec = decoder.codec;
  prepare(decoder.failure);
  codec.err = &decoder.failure.base;
  decoder.progress.progress_monitor = on_progress;
  if (!read_head(decoder, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size())) fail(decoder.failure);
  require<FormatError>(codec.data_precision == 8, format, ": ", codec.data_precision,
                       " bits a sample are not supported (8 are)");
  require<FormatError>(!codec.arith_code, format, ": arithmetic coding is not supported");
  budget.check(format, codec.image_height, codec.image_width);

  const bool grey = codec.num_components == 1, ink = codec.num_components == 4;
  require<FormatError>(grey || ink || codec.num_components == 3, format, ": ", codec.num_components,
                       " components are not supported (1, 3 and 4 are)");
  codec.out_color_space = grey ? JCS_GRAYSCALE : ink ? JCS_CMYK : JCS_RGB;
  const auto height = std::uint64_t{codec.image_height}, width = std::uint64_t{codec.image_width};
  Raster raster = budget.raster(height, width, codec.num_components, DType::u8);
  const bool adobe = codec.saw_Adobe_marker;
  auto* to = raster.pixels.mutable_data<std::uint8_t>();
  const auto memory = static_cast<long>(std::min<std::uint64_t>(budget.decoder_bytes(height, width), 1ull << 62));
  if (!read_rows(decoder, to, static_cast<std::size_t>(width) * static_cast<std::size_t>(codec.num_components), memory))
    fail(decoder.failure);
  if (ink) {
    Raster colour = budget.raster(height, width, 3, DType::u8);
    cmyk_to_rgb(to, colour.pixels.mutable_data<std::uint8_t>(), static_cast<std::size_t>(height * width), adobe);
    raster = std::move(colour);
  }
  raster.orientation = jpeg_orientation(bytes);
  return raster;
}

namespace {

struct Encoder {
  jpeg_compress_struct codec{};
  Failure failure{};
  unsigned char* out = nullptr;
  unsigned long size = 0;
  bool made = false;
  ~Encoder() {
    if (made) jpeg_destroy_compress(&codec);
    std::free(out);
  }
};

bool write_rows(Encoder& encoder, const unsigned char* from, std::size_t height, std::size_t row_bytes, int channels,
                int quality) {
  if (setjmp(encoder.failure.place)) return false;
  auto& codec = encoder.codec;
  jpeg_create_compress(&codec);
  encoder.made = true;
  jpeg_mem_dest(&codec, &encoder.out, &encoder.size);
  codec.image_height = static_cast<JDIMENSION>(height);
  codec.image_width = static_cast<JDIMENSION>(row_bytes / static_cast<std::size_t>(channels));
  codec.input_components = channels;
  codec.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&codec);
  jpeg_set_quality(&codec, quality, TRUE);
  codec.optimize_coding = TRUE;
  if (quality >= 90 && codec.num_components == 3)
    codec.comp_info[0].h_samp_factor = codec.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&codec, TRUE);
  while (codec.next_scanline < codec.image_height) {
    JSAMPROW row = const_cast<unsigned char*>(from) + row_bytes * codec.next_scanline;
    jpeg_write_scanlines(&codec, &row, 1);
  }
  jpeg_finish_compress(&codec);
  return true;
}

}  // namespace

std::vector<std::byte> write_jpeg(const Tensor& pixels, int quality) {
  Encoder encoder;
  prepare(encoder.failure);
  encoder.codec.err = &encoder.failure.base;
  const auto row_bytes = static_cast<std::size_t>(pixels.size(1) * pixels.size(2));
  if (!write_rows(encoder, pixels.data<std::uint8_t>(), static_cast<std::size_t>(pixels.size(0)), row_bytes,
                  static_cast<int>(pixels.size(2)), quality))
    fail(encoder.failure);
  const auto* from = reinterpret_cast<const std::byte*>(encoder.out);
  return std::vector<std::byte>(from, from + encoder.size);
}

#ifdef LIBJPEG_TURBO_VERSION
#define LUMIGRAD_QUOTED(x) #x
#define LUMIGRAD_TEXT_OF(x) LUMIGRAD_QUOTED(x)
std::string jpeg_codec() { return "libjpeg-turbo " LUMIGRAD_TEXT_OF(LIBJPEG_TURBO_VERSION); }
#else
std::string jpeg_codec() { return "libjpeg"; }
#endif

#else

Raster read_jpeg(std::span<const std::byte> bytes, const DecodeBudget& budget) {
  Raster raster = read_with_stb("jpeg", bytes, budget);
  raster.orientation = jpeg_orientation(bytes);
  return raster;
}

std::vector<std::byte> write_jpeg(const Tensor& pixels, int quality) {
  std::vector<std::byte> bytes;
  const auto append = [](void* to, void* data, int count) {
    const auto* from = static_cast<const std::byte*>(data);
    static_cast<std::vector<std::byte>*>(to)->insert(static_cast<std::vector<std::byte>*>(to)->end(), from,
                                                     from + count);
  };
  const bool done =
      stbi_write_jpg_to_func(append, &bytes, static_cast<int>(pixels.size(1)), static_cast<int>(pixels.size(0)),
                             static_cast<int>(pixels.size(2)), pixels.data<std::uint8_t>(), quality) != 0;
  require<FormatError>(done, "jpeg: the picture cannot be written");
  return bytes;
}

std::string jpeg_codec() { return "stb_image (trusted files only)"; }

#endif

}  // namespace lumigrad
