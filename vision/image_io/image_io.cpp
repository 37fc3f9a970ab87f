// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/files/byte_reader.h>
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/image_io/pixels.h>
#include <lumigrad/vision/image_io/raster.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace lumigrad {

namespace {

using Reader = Raster (*)(std::span<const std::byte>, const DecodeBudget&);

struct Signature {
  std::string_view bytes;
  std::size_t at;
  const char* name;
  Reader read;  // null: known, but not supported
};

using namespace std::string_view_literals;
const Signature signatures[] = {
    {"\x89PNG\r\n\x1a\n"sv, 0, "PNG", read_png},
    {"\xff\xd8\xff"sv, 0, "JPEG", read_jpeg},
    {"II*\0"sv, 0, "TIFF", read_tiff},
    {"MM\0*"sv, 0, "TIFF", read_tiff},
    {"II+\0"sv, 0, "TIFF", read_tiff},
    {"MM\0+"sv, 0, "TIFF", read_tiff},
    {"BM"sv, 0, "BMP", [](auto bytes, const auto& budget) { return read_with_stb("bmp", bytes, budget); }},
    {"#?RADIANCE"sv, 0, "HDR", [](auto bytes, const auto& budget) { return read_with_stb("hdr", bytes, budget); }},
    {"#?RGBE"sv, 0, "HDR", [](auto bytes, const auto& budget) { return read_with_stb("hdr", bytes, budget); }},
    {"GIF8"sv, 0, "GIF", nullptr},
    {"WEBP"sv, 8, "WebP", nullptr},
    {"ftypavif"sv, 4, "AVIF", nullptr},
    {"ftyphei"sv, 4, "HEIC", nullptr},
    {"ftypmif1"sv, 4, "HEIF", nullptr},
    {"\xff\x0a"sv, 0, "JPEG XL", nullptr},
    {"\0\0\0\x0cJXL "sv, 0, "JPEG XL", nullptr},
    {"\0\0\0\x0cjP  "sv, 0, "JPEG 2000", nullptr},
    {"8BPS"sv, 0, "PSD", nullptr},
    {"\x76\x2f\x31\x01"sv, 0, "OpenEXR", nullptr},
    {"%PDF"sv, 0, "PDF", nullptr},
    {"<svg"sv, 0, "SVG", nullptr},
    {"<?xml"sv, 0, "XML", nullptr},
};

// TGA has no signature; what its head may hold is narrow enough to tell it from a text.
bool looks_like_tga(std::string_view head) {
  if (head.size() < 18) return false;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(head[i]); };
  const int map = byte(1), kind = byte(2), depth = byte(16);
  const bool indexed = kind == 1 || kind == 9;
  const bool known_kind = indexed || kind == 2 || kind == 3 || kind == 10 || kind == 11;
  return known_kind && map == (indexed ? 1 : 0) &&
         (depth == 8 || depth == 15 || depth == 16 || depth == 24 || depth == 32);
}

Raster decode(std::span<const std::byte> bytes, const DecodeBudget& budget) {
  require<FormatError>(!bytes.empty(), "image: the file is empty");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const Signature& signature : signatures) {
    if (text.size() < signature.at || !text.substr(signature.at).starts_with(signature.bytes)) continue;
    require<FormatError>(signature.read != nullptr, "image: unsupported format ", signature.name);
    return signature.read(bytes, budget);
  }
  if (text.size() >= 2 && text[0] == 'P' && text[1] >= '1' && text[1] <= '6') return read_pnm(bytes, budget);
  require<FormatError>(looks_like_tga(text), "image: unknown format (known: png, jpeg, bmp, tga, pnm, hdr, tiff)");
  return read_with_stb("tga", bytes, budget);
}

template <class T>
T quantised(float value) {
  constexpr float largest = std::numeric_limits<T>::max();
  return static_cast<T>(std::nearbyint((value > 0 ? std::min(value, 1.0f) : 0.0f) * largest));
}

// Planes of the wanted type, dense. An 8-bit value v stands for v / 255, a 16-bit one for v / 65535.
Tensor converted(const Tensor& planes, DType dtype) {
  if (planes.dtype() == dtype) return planes.contiguous();
  if (dtype == DType::f32) return to_float(planes);
  const Tensor from = planes.contiguous();
  Tensor to = Tensor::empty(from.shape(), dtype);
  const auto each = [&]<class S, class T>(const S* source, T* target, auto convert) {
    for (std::int64_t i = 0; i < from.numel(); ++i) target[i] = convert(source[i]);
  };
  if (from.dtype() == DType::u8)
    each(from.data<std::uint8_t>(), to.mutable_data<std::uint16_t>(),
         [](std::uint8_t v) { return static_cast<std::uint16_t>(v * 257); });
  else if (from.dtype() == DType::u16)
    each(from.data<std::uint16_t>(), to.mutable_data<std::uint8_t>(),
         [](std::uint16_t v) { return static_cast<std::uint8_t>((v + 128) / 257); });
  else if (dtype == DType::u8)
    each(from.data<float>(), to.mutable_data<std::uint8_t>(), quantised<std::uint8_t>);
  else
    each(from.data<float>(), to.mutable_data<std::uint16_t>(), quantised<std::uint16_t>);
  return to;
}

template <class T>
void weigh(const Tensor& rgb, Tensor& grey) {
  const T* from = rgb.data<T>();
  T* to = grey.mutable_data<T>();
  const std::int64_t area = grey.numel();
  for (std::int64_t i = 0; i < area; ++i) {
    const T r = from[i], g = from[area + i], b = from[2 * area + i];
    if constexpr (std::is_same_v<T, float>)
      to[i] = 0.299f * r + 0.587f * g + 0.114f * b;
    else
      to[i] = static_cast<T>((299u * r + 587u * g + 114u * b + 500u) / 1000u);
  }
}

Tensor grey_of(const Tensor& rgb) {
  Tensor grey = Tensor::empty({1, rgb.size(1), rgb.size(2)}, rgb.dtype());
  if (rgb.dtype() == DType::f32)
    weigh<float>(rgb, grey);
  else if (rgb.dtype() == DType::u8)
    weigh<std::uint8_t>(rgb, grey);
  else
    weigh<std::uint16_t>(rgb, grey);
  return grey;
}

Tensor with_channels(const Tensor& planes, Channels wanted, DType dtype) {
  const std::int64_t channels = planes.size(0);
  const bool grey = channels <= 2, alpha = channels % 2 == 0;
  if (wanted == Channels::keep || (wanted == Channels::rgba && channels == 4)) return converted(planes, dtype);
  const Tensor colours = converted(alpha ? slice(planes, 0, 0, channels - 1) : planes, dtype);
  if (wanted == Channels::grey) return grey ? colours : grey_of(colours);
  if (wanted == Channels::rgb && !grey) return colours;
  const double one = dtype == DType::u8 ? 255 : dtype == DType::u16 ? 65535 : 1;
  std::vector<Tensor> parts(grey ? 3 : 1, colours);
  if (wanted == Channels::rgba)
    parts.push_back(alpha ? converted(slice(planes, 0, channels - 1), dtype)
                          : Tensor::full({1, planes.size(1), planes.size(2)}, one, dtype));
  return concat(parts, 0);
}

// EXIF 4.6.4: which row and column of the file stand at the top left. 5 to 8 exchange rows and columns as well.
Tensor oriented(Tensor planes, int orientation) {
  if (orientation >= 5) planes = transpose(planes, 1, 2);
  const bool bottom = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const bool right = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  std::vector<int> axes;
  if (bottom) axes.push_back(1);
  if (right) axes.push_back(2);
  return axes.empty() ? planes : flip(planes, axes);
}

}  // namespace

Tensor load_image(std::span<const std::byte> bytes, const LoadImageOptions& options) {
  require<DTypeError>(options.dtype == DType::f32 || options.dtype == DType::u8 || options.dtype == DType::u16,
                      "load_image: expected dtype f32, u8 or u16, got ", options.dtype);
  require<ResourceError>(bytes.size() <= options.limits.file_bytes, "load_image: expected at most ",
                         options.limits.file_bytes, " bytes, got ", bytes.size());
  const Raster raster = decode(bytes, {options.limits});
  Tensor planes = with_channels(permute(raster.pixels, {2, 0, 1}), options.channels,
                                options.as_stored ? raster.pixels.dtype() : options.dtype);
  if (options.orient && raster.orientation != 1) planes = oriented(planes, raster.orientation).contiguous();
  return planes;
}

Tensor load_image(const std::string& path, const LoadImageOptions& options) {
  const FileBytes file = read_file(path, options.limits.file_bytes);
  try {
    return load_image(file.bytes(), options);
  } catch (const FormatError& error) {
    throw FormatError(message(path, ": ", error.what()));
  } catch (const ResourceError& error) {
    throw ResourceError(message(path, ": ", error.what()));
  }
}

std::vector<std::byte> encode_image(const Tensor& image, ImageFormat format, const SaveImageOptions& options) {
  const int rank = image.rank();
  require<ShapeError>(rank == 2 || rank == 3 || (rank == 4 && image.size(0) == 1),
                      "save_image: expected shape [C, H, W], [1, C, H, W] or [H, W], got ", image.shape());
  const std::int64_t channels = rank == 2 ? 1 : image.size(-3), height = image.size(-2), width = image.size(-1);
  const bool jpeg = format == ImageFormat::jpeg;
  require<ShapeError>(jpeg ? channels == 1 || channels == 3 : channels >= 1 && channels <= 4, "save_image: expected ",
                      jpeg ? "1 or 3" : "1 to 4", " channels, got ", channels);
  require<ShapeError>(height > 0 && width > 0, "save_image: expected at least one pixel, got ", image.shape());
  require<ShapeError>(!jpeg || (height <= 65500 && width <= 65500), "save_image: JPEG goes up to 65500 pixels, got ",
                      image.shape());
  require<DTypeError>(is_floating(image.dtype()) || image.dtype() == DType::u8 || image.dtype() == DType::u16 ||
                          image.dtype() == DType::boolean,
                      "save_image: expected floats, u8, u16 or bool, got ", image.dtype());
  const int bits = options.bits;
  require<FormatError>(bits == 8 || (bits == 16 && !jpeg) || (bits == 32 && format == ImageFormat::tiff),
                       "save_image: ", bits, " bits are not possible in this format");
  require<NumericError>(options.quality >= 1 && options.quality <= 100,
                        "save_image: expected a quality from 1 to 100, got ", options.quality);

  // Two channels have no PixelFormat; they are interleaved as two grey planes.
  Tensor pixels = Tensor::empty({height, width, channels}, bits == 8    ? DType::u8
                                                           : bits == 16 ? DType::u16
                                                                        : DType::f32);
  const auto type = bits == 8 ? 0 : bits == 16 ? 1 : 2;
  const auto size = static_cast<std::int64_t>(size_of(pixels.dtype()));
  auto* to = const_cast<std::byte*>(pixels.bytes());
  const Tensor source = image.detach();
  if (channels == 2) {
    const Tensor planes = rank == 4 ? select(source, 0, 0) : source;
    Tensor plane = Tensor::empty({height, width}, pixels.dtype());
    for (int c = 0; c < 2; ++c) {
      image_to(select(planes, 0, c), const_cast<std::byte*>(plane.bytes()), width * size,
               static_cast<PixelFormat>(5 * type));
      for (std::int64_t i = 0; i < height * width; ++i)
        std::memcpy(to + (2 * i + c) * size, plane.bytes() + i * size, static_cast<std::size_t>(size));
    }
  } else {
    constexpr int orders[] = {0, 0, 0, 1, 3};  // grey, -, -, rgb, rgba within a type
    image_to(source, to, width * channels * size, static_cast<PixelFormat>(5 * type + orders[channels]));
  }
  switch (format) {
    case ImageFormat::jpeg:
      return write_jpeg(pixels, options.quality);
    case ImageFormat::tiff:
      return write_tiff(pixels);
    case ImageFormat::png:
      break;
  }
  return write_png(pixels);
}

void save_image(const std::string& path, const Tensor& image, const SaveImageOptions& options) {
  const std::size_t slash = path.rfind('/'), dot = path.rfind('.');
  std::string ending;
  if (dot != std::string::npos && (slash == std::string::npos || dot > slash)) ending = path.substr(dot + 1);
  for (char& c : ending)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  ImageFormat format = ImageFormat::png;
  if (ending == "jpg" || ending == "jpeg")
    format = ImageFormat::jpeg;
  else if (ending == "tif" || ending == "tiff")
    format = ImageFormat::tiff;
  else
    require<FormatError>(ending == "png",
                         "save_image: expected a name that ends in .png, .jpg, .jpeg, .tif or .tiff, got ", path);
  write_file(path, encode_image(image, format, options));
}

std::string image_codecs() {
  return message("png: ", png_codec(), ", jpeg: ", jpeg_codec(), ", tiff: ", tiff_codec(),
                 ", bmp tga hdr: stb_image, pnm: own");
}

}  // namespace lumigrad
