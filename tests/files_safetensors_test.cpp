// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <lumigrad/engine/files/byte_reader.h>
#include <lumigrad/engine/files/safetensors.h>
#include <lumigrad/engine/views.h>

#include "sample_files.h"
#include "temporary_folder.h"

using namespace lumigrad;
using sample_files::Bytes;

namespace {

Bytes file_of(const std::string& header, const std::string& data = "") {
  return sample_files::bytes(sample_files::little(header.size(), 8) + header + data);
}

}  // namespace

TEST_CASE("safetensors: every dtype, rank and layout comes back as it was") {
  const Dictionary<Tensor> tensors{
      {"f32", Tensor::arange(6)},
      {"f64", Tensor::full({}, 0.1, DType::f64)},
      {"f16", Tensor::ones({3}, DType::f16)},
      {"bf16", Tensor::ones({2, 1}, DType::bf16)},
      {"u8", Tensor::full({5}, 200, DType::u8)},
      {"u16", Tensor::full({1, 1, 1}, 65535, DType::u16)},
      {"i32", Tensor::full({2}, -7, DType::i32)},
      {"i64", Tensor::full({2}, 1e15, DType::i64)},
      {"bool", Tensor::ones({3}, DType::boolean)},
      {"empty", Tensor::zeros({0, 4})},
      {"turned", transpose(Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3}), 0, 1)},
      {"name with \"quotes\" and \xc3\xa9", Tensor::zeros({1})}};
  const Dictionary<std::string> remarks{{"format", "pt"}, {"two\nlines", "\t\x01"}};
  const TemporaryFolder folder;
  save_safetensors(folder / "a.safetensors", tensors, remarks);
  const TensorFile file = read_safetensors(folder / "a.safetensors");
  CHECK(file.metadata == remarks);
  REQUIRE(file.tensors.size() == tensors.size());
  for (const auto& item : tensors) {
    CAPTURE(item.first);
    const Tensor &tensor = item.second, &back = file.tensors.at(item.first);
    CHECK(back.dtype() == tensor.dtype());
    CHECK(back.shape() == tensor.shape());
    CHECK(back.values() == tensor.values());
  }
  CHECK(TemporaryFolder::get(folder / "a.safetensors") == encode_safetensors(tensors, remarks));
  CHECK(folder.count() == 1);
}

// Written by Hugging Face's safetensors 0.8.0 from the same tensors and remark.
TEST_CASE("safetensors: the bytes are those of Hugging Face's writer") {
  const Dictionary<Tensor> tensors{{"a", Tensor::arange(6)},
                                   {"b/c", Tensor::ones({2, 3}, DType::u8)},
                                   {"z", Tensor::zeros({0, 4}, DType::i64)},
                                   {"s", Tensor::full({}, 3, DType::f64)}};
  std::string numbers = sample_files::little(0x4008000000000000, 8);
  for (const std::uint32_t bits : {0u, 0x3f800000u, 0x40000000u, 0x40400000u, 0x40800000u, 0x40a00000u})
    numbers += sample_files::little(bits);
  const std::string header =
      R"({"__metadata__":{"k":"v\n\"\u0001"},"z":{"dtype":"I64","shape":[0,4],"data_offsets":[0,0]},)"
      R"("s":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[6],"data_offsets":[8,32]},)"
      R"("b/c":{"dtype":"U8","shape":[2,3],"data_offsets":[32,38]}} )";
  CHECK(encode_safetensors(tensors, {{"k", "v\n\"\x01"}}) == file_of(header, numbers + "\1\1\1\1\1\1"));
}

TEST_CASE("safetensors: small integers of other programs widen") {
  const auto read = [](const std::string& dtype, const std::string& data) {
    return load_safetensors(file_of(R"({"a":{"dtype":")" + dtype + R"(","shape":[2],"data_offsets":[0,)" +
                                        std::to_string(data.size()) + "]}}",
                                    data))
        .at("a");
  };
  CHECK(read("I8", "\xff\x7f").values() == std::vector<double>{-1, 127});
  CHECK(read("I16", "\xff\xff\x01\x01").values() == std::vector<double>{-1, 257});
  CHECK(read("U32", "\xff\xff\xff\xff\1\1\1\1").dtype() == DType::i64);
  CHECK(read("BOOL", std::string("\x02\0", 2)).values() == std::vector<double>{1, 0});
  CHECK_THROWS_AS(read("U64", std::string(16, '\xff')), FormatError);
  CHECK_THROWS_AS(read("F8_E4M3", "ab"), FormatError);
}

TEST_CASE("safetensors: what the format forbids is refused") {
  const auto entry = [](const std::string& shape, const std::string& offsets) {
    return R"({"a":{"dtype":"U8","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  const std::string deep = "{\"a\":" + std::string(100000, '[');
  const std::pair<std::string, std::string> refused[] = {
      {"", ""},
      {"[]", ""},
      {" {}", ""},
      {"\xef\xbb\xbf{}", ""},         // byte-order mark
      {"{}x", ""},                    // more behind the end
      {std::string("{}\0", 3), ""},   // a zero that some take for the end
      {"{}", "a"},                    // data that nobody owns
      {entry("[2]", "[0,1]"), "a"},   // shape and bytes disagree
      {entry("[1]", "[0,1]"), ""},    // one byte short
      {entry("[1]", "[1,2]"), "ab"},  // a hole
      {entry("[1]", "[0,1]"), "ab"},  // a hole at the end
      {entry("[1]", "[1,0]"), "a"},   // swapped
      {entry("[1]", "[-1,0]"), "a"},  // negative
      {entry("[-1]", "[0,1]"), "a"},
      {entry("[1]", "[0,1.0]"), "a"},  // not whole
      {entry("[1]", "[0,1e0]"), "a"},
      {entry("[1]", "[0,1e30]"), "a"},
      {entry("[1]", "[0,18446744073709551616]"), "a"},  // 2^64
      {entry("[1]", "[0]"), "a"},
      {entry("[1]", "[0,1,1]"), "a"},
      {entry("[4294967296,4294967296]", "[0,0]"), ""},  // 2^32 x 2^32 wraps to 0
      {entry("[9223372036854775808,2]", "[0,0]"), ""},
      {entry("[1,1,1,1,1,1,1,1,1]", "[0,1]"), "a"},  // nine axes
      {entry("[[1]]", "[0,1]"), "a"},
      {R"({"a":{"dtype":"U8","shape":[1]}})", "a"},  // a field is missing
      {R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "a"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":1}})", "a"},
      {R"({"a":{"dtype":"X8","shape":[1],"data_offsets":[0,1]}})", "a"},
      {R"({"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}})", "a"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       "ab"},  // a name twice
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       "abc"},  // overlap
      {R"({"__metadata__":{"k":1}})", ""},
      {R"({"__metadata__":"k"})", ""},
      {R"({"__metadata__":{"k":"a","k":"b"}})", ""},
      {R"({"__metadata__":{},"__metadata__":{}})", ""},
      {R"({"__metadata__":{"k":{"k":"v"}}})", ""},
      {"{\"\xff\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", ""},  // not UTF-8
      {deep, ""},
      {R"({"a":null})", ""},
      {R"({"a":true})", ""},
  };
  for (const auto& file : refused) {
    CAPTURE(file.first.substr(0, 120));
    CHECK_THROWS_AS(load_safetensors(file_of(file.first, file.second)), FormatError);
  }
  for (const std::uint64_t length :
       {std::uint64_t{3}, std::uint64_t{1} << 40, ~std::uint64_t{0} - 7, ~std::uint64_t{0}})
    CHECK_THROWS_AS(load_safetensors(sample_files::bytes(sample_files::little(length, 8) + "{}")), FormatError);
  CHECK_THROWS_AS(load_safetensors(file_of("{}" + std::string(98, ' ')), {.header_bytes = 99}), ResourceError);
  CHECK(load_safetensors(file_of("{}      ")).empty());
}

TEST_CASE("safetensors: a file shortened anywhere is refused") {
  const Bytes whole = encode_safetensors({{"a", Tensor::arange(5)}, {"b", Tensor::ones({2}, DType::u8)}}, {{"k", "v"}});
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_THROWS_AS(load_safetensors(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))),
                    FormatError);
}

TEST_CASE("safetensors: names that the format cannot hold are refused before anything is written") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(save_safetensors(folder / "a", {{"__metadata__", Tensor(1)}}), FormatError);
  CHECK_THROWS_AS(save_safetensors(folder / "a", {{"\xff", Tensor(1)}}), FormatError);
  CHECK(folder.count() == 0);
}

TEST_CASE("byte reader: nothing is read beyond the end, whatever the sizes") {
  const Bytes file = sample_files::bytes("\1\2\3\4");
  ByteReader reader(file, "test");
  CHECK(reader.read<std::uint16_t>() == 0x0201);
  CHECK_THROWS_AS(reader.read<std::uint32_t>(), FormatError);
  CHECK_THROWS_AS(reader.take(~std::uint64_t{0}), FormatError);
  CHECK_THROWS_AS(reader.seek(5), FormatError);
  CHECK_THROWS_AS(reader.part(1, ~std::uint64_t{0}), FormatError);
  reader.set_order(ByteOrder::big);
  CHECK(reader.read<std::uint16_t>() == 0x0304);
  CHECK(reader.at_end());
  CHECK(reader.peek() == -1);
  CHECK_THROWS_AS(checked_mul("test", std::uint64_t{1} << 32, std::uint64_t{1} << 32), FormatError);
  CHECK_THROWS_AS(checked_add("test", ~std::uint64_t{0}, 1), FormatError);
}
