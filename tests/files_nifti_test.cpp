// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <lumigrad/engine/files/gzip.h>
#include <lumigrad/engine/files/nifti.h>
#include <lumigrad/engine/random.h>
#include <cmath>
#include <cstring>

#include <limits>
#include "sample_files.h"
#include "temporary_folder.h"

using namespace lumigrad;
using sample_files::Bytes;

namespace {

// A header written down from the standard, byte by byte, and numbers behind it.
struct File {
  std::string header = std::string(352, '\0');
  bool big = false;

  File& put(std::size_t at, std::uint64_t value, int count) {
    const std::string number =
        big ? sample_files::big(static_cast<std::uint32_t>(value), count) : sample_files::little(value, count);
    header.replace(at, number.size(), number);
    return *this;
  }
  File& put_real(std::size_t at, float value) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, 4);
    return put(at, bits, 4);
  }
  Bytes with(const std::string& numbers) const { return sample_files::bytes(header + numbers); }
};

File file_of(std::initializer_list<int> extents, int code, int bits, bool big = false) {
  File file;
  file.big = big;
  file.put(0, 348, 4).put(40, extents.size(), 2).put(70, static_cast<unsigned>(code), 2);
  file.put(72, static_cast<unsigned>(bits), 2).put_real(108, 352);
  std::size_t at = 42;
  for (const int extent : extents) file.put(at, static_cast<unsigned>(extent), 2), at += 2;
  file.header.replace(344, 3, "n+1");
  return file;
}

}  // namespace

TEST_CASE("nifti: every dtype and rank comes back as it was, packed or not") {
  const TemporaryFolder folder;
  const NiftiVolume volumes[] = {{Tensor::arange(6)},
                                 {uniform({1, 1}, {3, 4, 5}, -1, 1, DType::f64),
                                  {0.5, 0.25, 0, -10, -0.25, 0.5, 0, 4, 0, 0, 2, 7, 0, 0, 0, 1},
                                  "a head"},
                                 {Tensor::full({2, 3, 4, 5}, 200, DType::u8)},
                                 {Tensor::full({1, 2}, 65535, DType::u16)},
                                 {Tensor::full({2, 1, 1}, -7, DType::i32)},
                                 {Tensor::full({2}, 1e15, DType::i64)},
                                 {Tensor::zeros({0, 4, 2})},
                                 {Tensor::full({1, 1, 1, 1, 1, 2, 3}, 2.5, DType::f32)}};
  for (const NiftiVolume& volume : volumes)
    for (const char* name : {"a.nii", "a.nii.gz"}) {
      save_nifti(folder / name, volume);
      const NiftiVolume back = load_nifti(folder / name);
      CHECK(back.data.dtype() == volume.data.dtype());
      CHECK(back.data.shape() == volume.data.shape());
      CHECK(back.data.values() == volume.data.values());
      CHECK(back.affine == volume.affine);
      CHECK(back.description == volume.description);
    }
  CHECK(load_nifti(encode_nifti({Tensor::ones({3}, DType::bf16)})).data.dtype() == DType::f32);
  CHECK(load_nifti(encode_nifti({Tensor::ones({3}, DType::boolean)})).data.dtype() == DType::u8);
}

TEST_CASE("nifti: the fastest axis is the last, in either byte order") {
  for (const bool big : {false, true}) {
    const std::string numbers =
        big ? std::string("\0\1\0\2\0\3\xff\xff\0\5\0\6", 12) : std::string("\1\0\2\0\3\0\xff\xff\5\0\6\0", 12);
    const NiftiVolume v = load_nifti(file_of({3, 2}, 4, 16, big).with(numbers));
    CHECK(v.data.shape() == Shape{2, 3});
    CHECK(v.data.dtype() == DType::i32);
    CHECK(v.data.values() == std::vector<double>{1, 2, 3, -1, 5, 6});
    CHECK(v.affine == NiftiVolume().affine);
  }
}

TEST_CASE("nifti: scale, sform and qform are those of the standard") {
  File scaled = file_of({2}, 2, 8);
  scaled.put_real(112, 0.5f).put_real(116, -3);
  const Tensor data = load_nifti(scaled.with("\x0a\x14")).data;
  CHECK(data.dtype() == DType::f32);
  CHECK(data.values() == std::vector<double>{2, 7});
  File wide = file_of({1}, 8, 32);
  wide.put_real(112, 2);
  CHECK(load_nifti(wide.with(std::string("\1\0\0\0", 4))).data.dtype() == DType::f64);

  // A quarter turn about z: (0, 0, sqrt(1/2)), voxels of 2, 3 and 4, the third axis mirrored.
  File turned = file_of({1, 1, 1}, 2, 8);
  turned.put(252, 1, 2).put_real(264, std::sqrt(0.5f)).put_real(76, -1);
  turned.put_real(80, 2).put_real(84, 3).put_real(88, 4).put_real(268, 10).put_real(272, 20).put_real(276, 30);
  const double expected[] = {0, -3, 0, 10, 2, 0, 0, 20, 0, 0, -4, 30, 0, 0, 0, 1};
  const auto got = load_nifti(turned.with("a")).affine;
  for (std::size_t k = 0; k < 16; ++k) CHECK(got[k] == doctest::Approx(expected[k]).epsilon(1e-6));
  // The sform goes before it.
  turned.put(254, 2, 2).put_real(280, 1).put_real(300, 1).put_real(320, 1).put_real(292, 5);
  CHECK(load_nifti(turned.with("a")).affine == std::array<double, 16>{1, 0, 0, 5, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1});
}

TEST_CASE("nifti: packed in several streams, as parallel packers do it, is one file") {
  const Bytes plain = encode_nifti({uniform({2, 1}, {9, 8, 7}, 0, 1, DType::f32)});
  for (const std::size_t cut : {std::size_t{5}, std::size_t{348}, std::size_t{1000}}) {
    const std::span<const std::byte> all(plain);
    Bytes packed = gzip(all.first(cut));
    const Bytes rest = gzip(all.subspan(cut));
    packed.insert(packed.end(), rest.begin(), rest.end());
    CHECK(load_nifti(packed).data.values() == load_nifti(plain).data.values());
  }
}

TEST_CASE("nifti: an affine map that float does not hold is refused, not written as infinite") {
  lumigrad::NiftiVolume volume{Tensor::ones({2, 2})};
  for (const double value : {1e39, -1e300, std::numeric_limits<double>::infinity(), std::nan("")}) {
    volume.affine = {1, 0, 0, value, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
    CHECK_THROWS_AS(lumigrad::encode_nifti(volume), lumigrad::NumericError);
  }
  volume.affine = {3e38, 0, 0, 0, 3e38, 1, 0, 0, 3e38, 0, 1, 0, 0, 0, 0, 1};  // as long a column as can be
  CHECK(load_nifti(lumigrad::encode_nifti(volume)).affine[0] == doctest::Approx(3e38).epsilon(1e-6));
}

TEST_CASE("nifti: what is wrong or not supported is refused") {
  const auto refused = [](const Bytes& bytes) { CHECK_THROWS_AS(load_nifti(bytes), FormatError); };
  const File good = file_of({2, 2}, 2, 8);
  load_nifti(good.with("abcd"));
  refused(good.with("abc"));
  refused(good.with("abcde"));
  refused(sample_files::bytes(good.header.substr(0, 347)));
  refused({});
  refused(File(good).put(0, 540, 4).with("abcd"));      // NIfTI-2
  refused(File(good).put(40, 8, 2).with("abcd"));       // axes
  refused(File(good).put(42, 0x8000, 2).with("abcd"));  // a negative extent
  refused(File(good).put(72, 16, 2).with("abcd"));      // bits
  refused(File(good).put_real(108, 348).with("abcd"));  // numbers inside the header
  refused(File(good).put_real(108, 1e30f).with("abcd"));
  refused(File(good).put_real(108, std::nanf("")).with("abcd"));
  for (const int code : {0, 1, 32, 128, 1536, 1792, 2048, 2304}) refused(file_of({1}, code, 8).with("abcd"));
  File pair = good;
  pair.header.replace(344, 3, "ni1");
  refused(pair.with("abcd"));
  refused(file_of({32767, 32767, 32767, 32767, 32767}, 64, 64).with(""));

  // Packed: cut, damaged, with a false size, with something behind.
  const Bytes packed = encode_nifti({Tensor::ones({40, 50}, DType::u8)}, true);
  for (const std::size_t length : {std::size_t{2}, std::size_t{12}, packed.size() / 2, packed.size() - 1})
    refused(Bytes(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length)));
  Bytes wrong = packed;
  wrong[wrong.size() - 6] ^= std::byte{1};  // the check sum
  refused(wrong);
  Bytes longer = packed;
  longer.insert(longer.end(), packed.begin(), packed.end());
  refused(longer);
  CHECK_THROWS_AS(load_nifti(packed, {.tensor_bytes = 1999}), ResourceError);

  CHECK_THROWS_AS(encode_nifti({Tensor::zeros({})}), ShapeError);
  CHECK_THROWS_AS(encode_nifti({Tensor::zeros({1, 40000})}), ShapeError);
  CHECK_THROWS_AS(encode_nifti({Tensor::zeros({1}), {std::nan("")}}), NumericError);
}
