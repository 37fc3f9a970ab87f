// SPDX-License-Identifier: Apache-2.0
// What is fed to the readers of files: for each format some good files to start from, and the call that must either
// succeed or throw one of lumigrad's errors, whatever the bytes are. Used by the fuzz targets and the mutation test.
#pragma once
#include <lumigrad/augment/policy.h>
#include <lumigrad/engine/dictionary.h>
#include <lumigrad/engine/error.h>
#include <lumigrad/engine/files/nifti.h>
#include <lumigrad/engine/files/npy.h>
#include <lumigrad/engine/files/safetensors.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/trace.h>
#include <lumigrad/vision/image_io/exif.h>
#include <lumigrad/vision/image_io/image_io.h>

#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <span>

#include "../tools/lumigrad/tape_file.h"
#include "sample_files.h"

namespace file_formats {

using lumigrad::DType;
using lumigrad::ImageFormat;
using lumigrad::Tensor;
using sample_files::Bytes;

struct Format {
  const char* name;
  std::vector<Bytes> (*seeds)();
  void (*read)(std::span<const std::byte>);
  void (*repair)(Bytes&);  // null, or makes the check sums right
};

/// Calls a reader; only the library's own errors are expected.
template <class Read>
void tolerate(Read read) {
  try {
    read();
  } catch (const lumigrad::Error&) {
  }
}

inline void read_image(std::span<const std::byte> bytes) {
  const lumigrad::ImageLimits limits{.pixels = 1 << 18, .file_bytes = 1 << 20};
  tolerate([&] { lumigrad::load_image(bytes, {.limits = limits, .channels = lumigrad::Channels::rgba}); });
  tolerate([&] { lumigrad::load_image(bytes, {.limits = limits, .dtype = DType::u16}); });
}

inline lumigrad::Dictionary<Tensor> some_tensors() {
  return {{"weight", Tensor::arange(12)},
          {"empty", Tensor::zeros({0, 3}, DType::i64)},
          {"scalar", Tensor::full({}, 2, DType::f64)},
          {"mask", Tensor::ones({2, 2}, DType::boolean)},
          {"half", Tensor::ones({3}, DType::bf16)}};
}

inline std::vector<Bytes> safetensors_seeds() {
  return {lumigrad::encode_safetensors(some_tensors(), {{"format", "pt"}, {"note", "\"quoted\" \n"}}),
          lumigrad::encode_safetensors({})};
}

inline Bytes npy_header_only(const std::string& dictionary, int version, const std::string& data) {
  return sample_files::bytes("\x93NUMPY" + std::string(1, static_cast<char>(version)) + std::string(1, 0) +
                             sample_files::little(dictionary.size(), version == 1 ? 2 : 4) + dictionary + data);
}
inline std::vector<Bytes> npy_seeds() {
  std::vector<Bytes> seeds;
  for (const auto& [name, tensor] : some_tensors()) seeds.push_back(lumigrad::encode_npy(tensor));
  seeds.push_back(npy_header_only("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3)}\n", 1, "aabbccddeeff"));
  seeds.push_back(npy_header_only("{\"descr\": \"|u1\", 'fortran_order': False, 'shape': (4L,), }\n", 3, "abcd"));
  return seeds;
}

inline std::vector<Bytes> npz_seeds() {
  std::vector<Bytes> seeds;
  for (const bool compress : {false, true}) {
    std::string path = "/tmp/lumigrad-seed-XXXXXX";
    if (const int file = mkstemp(path.data()); file >= 0) close(file);
    lumigrad::save_npz(path, some_tensors(), {.compress = compress});
    std::ifstream file(path, std::ios::binary);
    seeds.push_back(sample_files::bytes(std::string(std::istreambuf_iterator<char>(file), {})));
    std::remove(path.c_str());
  }
  return seeds;
}

inline std::vector<Bytes> nifti_seeds() {
  std::vector<Bytes> seeds;
  for (const DType dtype : {DType::u8, DType::i32, DType::f64})
    for (const bool packed : {false, true})
      seeds.push_back(lumigrad::encode_nifti({Tensor::ones({2, 3, 4}, dtype), {0, 1, 0, 5, 2}, "note"}, packed));
  return seeds;
}

inline Tensor ramp(std::int64_t channels, std::int64_t height, std::int64_t width) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < channels * height * width; ++i)
    values.push_back(static_cast<float>((i * 37) % 256) / 255.0f);
  return Tensor::from(values, {channels, height, width});
}

inline std::vector<Bytes> png_seeds() {
  using sample_files::png;
  using sample_files::png_chunk;
  std::vector<Bytes> seeds;
  for (const int channels : {1, 2, 3, 4})
    for (const int bits : {8, 16})
      seeds.push_back(lumigrad::encode_image(ramp(channels, 5, 7), ImageFormat::png, {.bits = bits}));
  const std::string palette = png_chunk("PLTE", "rgbRGB012"), key = png_chunk("tRNS", std::string("\x10\x80", 2));
  seeds.push_back(png(4, 2, 8, 3, std::string("\0\0\1\2\1\0\2\2\1\0", 10), palette + key));
  seeds.push_back(png(9, 1, 1, 0, std::string("\0\xaa\x80", 3)));
  seeds.push_back(png(5, 2, 2, 3, std::string("\0\x18\x40\0\x18\x40", 6), palette));
  seeds.push_back(png(3, 1, 4, 0, std::string("\0\x5a\x30", 3), png_chunk("tRNS", std::string("\0\x05", 2))));
  seeds.push_back(png(1, 1, 8, 2, std::string("\0abc", 4), png_chunk("eXIf", sample_files::exif(6))));
  seeds.push_back(png(2, 2, 8, 0, std::string("\0a\0b\0cd", 7), "", 1));  // interlaced: passes of 1, 1 and 2 pixels
  return seeds;
}

inline std::vector<Bytes> jpeg_seeds() {
  const Bytes rgb = lumigrad::encode_image(ramp(3, 9, 17), ImageFormat::jpeg, {.quality = 60});
  return {rgb,
          lumigrad::encode_image(ramp(1, 8, 8), ImageFormat::jpeg, {.quality = 95}),
          sample_files::cmyk_jpeg(),
          sample_files::ycck_jpeg(),
          sample_files::progressive_jpeg(),
          sample_files::arithmetic_jpeg(),
          sample_files::with_exif(rgb, sample_files::exif(8, true))};
}

inline std::vector<Bytes> plain_seeds() {
  using sample_files::bytes;
  const std::string palette("\0\0\0\0\x10\x20\x30\0\xff\xff\xff\0\x40\x50\x60\0", 16);
  return {sample_files::bmp(2, 2, "abcdef..ghijkl.."),
          sample_files::bmp(4, 1, std::string("\0\1\2\3", 4), 8, palette),
          sample_files::bmp(8, 1, std::string("\x1b\0\0\0", 4), 1, palette.substr(0, 8)),
          sample_files::tga(2, 2, 2, 24, "abcdefghijkl"),
          sample_files::tga(10, 4, 1, 32,
                            std::string("\x81"
                                        "abcd\1efghijkl",
                                        14)),
          sample_files::tga(1, 3, 1, 8, std::string("\0\1\0", 3), "abcdef"),
          sample_files::tga(11, 5, 1, 8, "\x84z"),
          sample_files::hdr(2, 1, std::string("\x80\x40\x20\x81\x80\x40\x20\x82", 8)),
          bytes("P1 3 2 1 0 1 010"),
          bytes("P2\n# remark\n2 2\n15\n0 5\n10 15\n"),
          bytes("P3 1 1 255 1 2 3"),
          bytes("P4 9 1\n\xaa\x80"),
          bytes("P5 3 1 255\nabc"),
          bytes("P6 1 2 1000\n\1\2\1\3\1\4\2\1\2\2\2\3")};
}

inline std::vector<Bytes> tiff_seeds() {
  std::vector<Bytes> seeds;
  if (lumigrad::image_codecs().find("tiff: none") != std::string::npos) return {sample_files::bytes("II*")};
  for (const int bits : {8, 16, 32})
    seeds.push_back(lumigrad::encode_image(ramp(bits == 8 ? 4 : 1, 5, 6), ImageFormat::tiff, {.bits = bits}));
  for (const bool big : {false, true})
    seeds.push_back(sample_files::tiff({{256, 3, {3}},
                                        {257, 3, {2}},
                                        {258, 3, {8, 8, 8}},
                                        {259, 3, {1}},
                                        {262, 3, {2}},
                                        {273, 4, {8}},
                                        {277, 3, {3}},
                                        {278, 3, {2}},
                                        {279, 4, {18}}},
                                       "abcdefghijklmnopqr", big));
  seeds.push_back(sample_files::tiff({{256, 3, {3}},
                                      {257, 3, {2}},
                                      {258, 3, {8}},
                                      {259, 3, {1}},
                                      {262, 3, {1}},
                                      {277, 3, {1}},
                                      {322, 3, {16}},
                                      {323, 3, {16}},
                                      {324, 4, {8}},
                                      {325, 4, {256}}},
                                     std::string(256, 'x')));
  seeds.push_back(sample_files::tiff({{256, 3, {9}},
                                      {257, 3, {2}},
                                      {258, 3, {1}},
                                      {259, 3, {1}},
                                      {262, 3, {0}},
                                      {273, 4, {8}},
                                      {277, 3, {1}},
                                      {278, 3, {2}},
                                      {279, 4, {4}}},
                                     "abcd"));
  return seeds;
}

inline std::vector<Bytes> exif_seeds() {
  return {sample_files::bytes(sample_files::exif(3)), sample_files::bytes(sample_files::exif(5, true)),
          sample_files::with_exif(sample_files::progressive_jpeg(), sample_files::exif(7))};
}

inline std::vector<Bytes> policy_seeds() {
  return {sample_files::bytes(R"({"version": 1, "same_on_batch": true, "seed": 7, "samples_seen": 3, "steps": [
            {"op": "rotate", "p": 0.5, "params": {"angle": [-0.5, 0.5], "border": "reflection"}},
            {"op": "color_jitter", "params": {"brightness": 0.2, "hue": {"normal": [0, 0.1]}, "order": "random"}},
            {"one_of": [{"op": "invert"}, {"op": "grayscale"}], "weights": [1, 3], "p": 0.3},
            {"some_of": [{"op": "gamma", "params": {"gamma": {"log_uniform": [0.5, 2]}}}, {"op": "hue"}], "n": 1},
            {"sequence": [{"op": "gaussian_blur", "params": {"sigma": {"constant": 1.5}, "kernel_height": 3}}]}]})"),
          sample_files::bytes(R"({"version": 1, "op": "affine", "p": 0.31, "estimator": "relaxed", "temperature": 0.5,
            "params": {"angle": {"uniform": [0.2, -0.1]}, "scale": {"log_normal": [0, 0.1]}},
            "learn": ["angle", "probability"]})")};
}
// What is read is drawn from and written again.
inline void read_policy(std::span<const std::byte> bytes) {
  tolerate([&] {
    const auto policy = lumigrad::augment::parse_policy({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    policy->draw({.seed = policy->seed()}, {1, 3, 4, 4});
    lumigrad::augment::parse_policy(lumigrad::augment::policy_text(*policy));
  });
}

inline std::vector<Bytes> tape_seeds() {
  lumigrad::Trace trace;
  const Tensor x = Tensor::arange(6).requires_grad(), image = Tensor::ones({3, 4, 5}).requires_grad();
  trace.backward({lumigrad::sum(x * x + 1), lumigrad::sum(lumigrad::exp(image))});
  return {sample_files::bytes(trace.json())};
}
inline void read_tape(std::span<const std::byte> bytes) {
  tolerate([&] {
    lumigrad::command::require_tape("tape", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  });
}

inline const Format formats[] = {
    {"safetensors", safetensors_seeds,
     [](std::span<const std::byte> b) { tolerate([&] { lumigrad::load_safetensors(b); }); }, nullptr},
    {"npy", npy_seeds, [](std::span<const std::byte> b) { tolerate([&] { lumigrad::load_npy(b); }); }, nullptr},
    {"nifti", nifti_seeds,
     [](std::span<const std::byte> b) { tolerate([&] { lumigrad::load_nifti(b, {.tensor_bytes = 1 << 24}); }); },
     nullptr},
    {"policy", policy_seeds, read_policy, nullptr},
    {"tape", tape_seeds, read_tape, nullptr},
    {"npz", npz_seeds,
     [](std::span<const std::byte> b) { tolerate([&] { lumigrad::load_npz(b, {.tensor_bytes = 1 << 24}); }); },
     nullptr},
    {"png", png_seeds, read_image, sample_files::repair_png},
    {"jpeg", jpeg_seeds, read_image, nullptr},
    {"plain", plain_seeds, read_image, nullptr},
    {"tiff", tiff_seeds, read_image, nullptr},
    {"exif", exif_seeds,
     [](std::span<const std::byte> b) {
       for (const int found : {lumigrad::exif_orientation(b), lumigrad::jpeg_orientation(b)})
         if (found < 1 || found > 8) __builtin_trap();
     },
     nullptr},
};

inline const Format& format(std::string_view name) {
  for (const Format& f : formats)
    if (name == f.name) return f;
  __builtin_trap();
}

}  // namespace file_formats
