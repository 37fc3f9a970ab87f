// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <lumigrad/engine/files/npy.h>
#include <lumigrad/engine/views.h>

#include "sample_files.h"
#include "temporary_folder.h"

using namespace lumigrad;
using sample_files::Bytes;

namespace {

Bytes npy(const std::string& dictionary, const std::string& data, int version = 1) {
  return sample_files::bytes("\x93NUMPY" + std::string(1, static_cast<char>(version)) + std::string(1, 0) +
                             sample_files::little(dictionary.size(), version == 1 ? 2 : 4) + dictionary + data);
}
std::string header(const std::string& descr, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape +
         ", }\n";
}

}  // namespace

TEST_CASE("npy: every dtype, rank and layout comes back as it was") {
  const TemporaryFolder folder;
  const Tensor tensors[] = {Tensor::arange(6),
                            Tensor::full({}, 0.1, DType::f64),
                            Tensor::ones({3}, DType::f16),
                            Tensor::full({5}, 200, DType::u8),
                            Tensor::full({1, 2}, 65535, DType::u16),
                            Tensor::full({2}, -7, DType::i32),
                            Tensor::full({2}, 1e15, DType::i64),
                            Tensor::ones({3}, DType::boolean),
                            Tensor::zeros({0, 4}),
                            transpose(Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3}), 0, 1)};
  for (const Tensor& tensor : tensors) {
    save_npy(folder / "a.npy", tensor);
    const Tensor back = load_npy(folder / "a.npy");
    CHECK(back.dtype() == tensor.dtype());
    CHECK(back.shape() == tensor.shape());
    CHECK(back.values() == tensor.values());
    CHECK(TemporaryFolder::get(folder / "a.npy") == encode_npy(tensor));
  }
  CHECK(load_npy(encode_npy(Tensor::full({2}, 1.5, DType::bf16))).dtype() == DType::f32);
}

TEST_CASE("npy: the bytes are those of numpy") {
  const std::string dictionary = header("<f8", "(2, 3)");
  std::string text = dictionary.substr(0, dictionary.size() - 1);
  text.resize(117, ' ');
  const Bytes bytes = encode_npy(Tensor::zeros({2, 3}, DType::f64));
  CHECK(bytes == npy(text + "\n", std::string(48, 0)));
}

TEST_CASE("npy: versions, quotes, byte orders and Fortran order of other writers") {
  CHECK(load_npy(npy(header("<u2", "(2,)"), std::string("\1\0\2\0", 4))).values() == std::vector<double>{1, 2});
  CHECK(load_npy(npy(header(">u2", "(2,)"), std::string("\0\1\0\2", 4), 2)).values() == std::vector<double>{1, 2});
  CHECK(load_npy(npy(header(">i2", "(1L,)"), "\xff\xfe", 3)).values() == std::vector<double>{-2});
  CHECK(load_npy(npy("{ \"shape\" :(),\"descr\":\"|i1\",'fortran_order':False}", "\x80")).values() ==
        std::vector<double>{-128});
  const Tensor turned = load_npy(npy(header("|u1", "(2, 3)", true), "\1\2\3\4\5\6"));
  CHECK(turned.values() == std::vector<double>{1, 3, 5, 2, 4, 6});
  CHECK(turned.is_contiguous());
  CHECK(load_npy(npy(header("|u1", "(0, 3)", true), "")).shape() == Shape{0, 3});
  CHECK(load_npy(npy(header(">f8", "()"), std::string("\x3f\xf0\0\0\0\0\0\0", 8))).item() == 1);
}

TEST_CASE("npy: what is wrong or not supported is refused") {
  const std::string good = header("|u1", "(1,)");
  const std::pair<std::string, std::string> refused[] = {
      {header("|O", "(1,)"), "abcdefgh"},
      {header("<c8", "(1,)"), "abcdefgh"},
      {header("<U1", "(1,)"), "abcd"},
      {header("<f16", "(1,)"), std::string(16, 0)},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "abcd"},
      {header("|u1", "(-1,)"), "a"},
      {header("|u1", "(1.0,)"), "a"},
      {header("|u1", "(4294967296, 4294967296)"), ""},
      {header("|u1", "(18446744073709551617,)"), "a"},
      {header("|u1", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), "a"},
      {header("|u1", "(9223372036854775808, 0)"), ""},
      {header("|u1", "[1]"), "a"},
      {header("|u1", "(1"), "a"},
      {header("|u1", "(2,)"), "a"},
      {header("|u1", "(1,)"), "ab"},
      {header("|u1\\", "(1,)"), "a"},
      {good + good, "a"},
      {"", "a"},
      {"{}", "a"},
      {"{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", "a"},
      {"{'descr': '|u1', 'fortran_order': Maybe, 'shape': (1,)}", "a"},
      {"{'descr': '|u1', 'fortran_order': F", "a"},
      {"{'descr': '|u1, 'fortran_order': False, 'shape': (1,)}", "a"},
      {"{'more': 1, 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", "a"},
  };
  for (const auto& file : refused) {
    CAPTURE(file.first);
    CHECK_THROWS_AS(load_npy(npy(file.first, file.second)), FormatError);
  }
  CHECK_THROWS_AS(load_npy(npy(good, "a", 4)), FormatError);
  CHECK_THROWS_AS(load_npy(npy(good + std::string(70000, ' '), "a", 2)), FormatError);
  const Bytes whole = encode_npy(Tensor::arange(4));
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_THROWS_AS(load_npy(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))), FormatError);
}

TEST_CASE("npy: a tensor larger than allowed is refused") {
  const Bytes bytes = encode_npy(Tensor::arange(1000));
  CHECK_THROWS_AS(load_npy(bytes, {.tensor_bytes = 3999}), ResourceError);
  CHECK(load_npy(bytes, {.tensor_bytes = 4000}).numel() == 1000);
}

TEST_CASE("npz: stored and deflated archives come back, and equal tensors give equal files") {
  const TemporaryFolder folder;
  const Dictionary<Tensor> tensors{
      {"a", Tensor::arange(1000)}, {"b/c", Tensor::ones({2, 2}, DType::u8)}, {"empty", Tensor::zeros({0})}};
  for (const bool compress : {false, true}) {
    save_npz(folder / "a.npz", tensors, {.compress = compress});
    save_npz(folder / "b.npz", tensors, {.compress = compress});
    const Bytes bytes = TemporaryFolder::get(folder / "a.npz");
    CHECK(bytes == TemporaryFolder::get(folder / "b.npz"));
    CHECK((bytes.size() < 4000) == compress);
    const auto back = load_npz(folder / "a.npz");
    REQUIRE(back.size() == 3);
    for (const auto& [name, tensor] : tensors) CHECK(back.at(name).values() == tensor.values());
    for (std::size_t size = 0; size < bytes.size(); size += 7)
      CHECK_THROWS_AS(load_npz(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))), FormatError);
  }
  CHECK_THROWS_AS(load_npz(folder / "a.npz", {.tensor_bytes = 100}), ResourceError);
  save_npz(folder / "none.npz", {});
  CHECK(load_npz(folder / "none.npz").empty());
}

TEST_CASE("npz: an entry that lies about its size or check sum is refused") {
  const TemporaryFolder folder;
  save_npz(folder / "a.npz", {{"a", Tensor::zeros({4096})}}, {.compress = true});
  const Bytes good = TemporaryFolder::get(folder / "a.npz");
  const std::string text(reinterpret_cast<const char*>(good.data()), good.size());
  const std::size_t directory = text.rfind("PK\1\2");
  const auto with = [&](std::size_t at, const std::string& value) {
    std::string changed = text;
    changed.replace(directory + at, value.size(), value);
    return sample_files::bytes(changed);
  };
  CHECK_NOTHROW(load_npz(good));
  CHECK_THROWS_AS(load_npz(with(16, "abcd")), FormatError);                            // check sum
  CHECK_THROWS_AS(load_npz(with(24, sample_files::little(0x7fffffff))), FormatError);  // unpacks to 2 GiB
  CHECK_THROWS_AS(load_npz(with(24, sample_files::little(100))), FormatError);         // unpacks to less
  CHECK_THROWS_AS(load_npz(with(42, sample_files::little(1))), FormatError);           // lies elsewhere
  CHECK_THROWS_AS(load_npz(with(10, sample_files::little(9, 2))), FormatError);        // another packing
  CHECK_THROWS_AS(load_npz(with(8, sample_files::little(1, 2))), FormatError);         // encrypted
}
