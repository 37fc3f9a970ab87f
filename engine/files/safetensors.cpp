// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/files/byte_reader.h>
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/files/safetensors.h>
#include <lumigrad/engine/files/safetensors_header.h>
#include <lumigrad/engine/files/stored_numbers.h>

#include <algorithm>

namespace lumigrad {

namespace {

constexpr const char* format = "safetensors";
constexpr std::uint64_t most_header_bytes = 100'000'000;

struct TypeName {
  const char* name;
  Stored stored;
};
constexpr TypeName type_names[] = {
    {"BOOL", {DType::boolean}},   {"U8", {DType::u8}},   {"I8", Stored::signed_8}, {"I16", Stored::signed_16},
    {"U16", {DType::u16}},        {"F16", {DType::f16}}, {"BF16", {DType::bf16}},  {"I32", {DType::i32}},
    {"U32", Stored::unsigned_32}, {"F32", {DType::f32}}, {"F64", {DType::f64}},    {"I64", {DType::i64}},
    {"U64", Stored::unsigned_64},
};

Stored stored_type(const SafetensorsEntry& entry) {
  for (const TypeName& type : type_names)
    if (entry.dtype == type.name) return type.stored;
  throw FormatError(
      message(format, ": unknown dtype \"", entry.dtype.substr(0, 20), "\" of \"", entry.name.substr(0, 80), "\""));
}

// Hugging Face's writer puts larger alignments first and, within one, its enumeration from the end; then names.
int rank_in_file(DType dtype) {
  switch (dtype) {
    case DType::i64:
      return 0;
    case DType::f64:
      return 1;
    case DType::f32:
      return 2;
    case DType::i32:
      return 3;
    case DType::bf16:
      return 4;
    case DType::f16:
      return 5;
    case DType::u16:
      return 6;
    case DType::u8:
      return 7;
    case DType::boolean:
      return 8;
  }
  return 9;
}

struct Layout {
  std::string head;  // length and header, ready to be written
  std::vector<const Dictionary<Tensor>::value_type*> order;
};

Layout lay_out(const Dictionary<Tensor>& tensors, const Dictionary<std::string>& metadata) {
  Layout layout;
  for (const auto& item : tensors) {
    require<FormatError>(item.first != "__metadata__", format, ": __metadata__ is not a name for a tensor");
    layout.order.push_back(&item);
  }
  std::stable_sort(layout.order.begin(), layout.order.end(), [](const auto* a, const auto* b) {
    return rank_in_file(a->second.dtype()) < rank_in_file(b->second.dtype());
  });

  std::string text = "{";
  const auto separate = [&] {
    if (text.back() != '{') text += ',';
  };
  if (!metadata.empty()) {
    text += "\"__metadata__\":{";
    for (const auto& [key, remark] : metadata) {
      separate();
      text += json_quoted(key) + ':' + json_quoted(remark);
    }
    text += '}';
  }
  std::uint64_t at = 0;
  for (const auto* item : layout.order) {
    const Tensor& tensor = item->second;
    separate();
    text += json_quoted(item->first) + ":{\"dtype\":\"";
    for (const TypeName& type : type_names)
      if (type.stored == Stored{tensor.dtype()}) text += type.name;
    text += "\",\"shape\":[";
    for (int i = 0; i < tensor.rank(); ++i) text.append(i ? "," : "").append(to_string(tensor.size(i)));
    const auto bytes = checked_mul(format, static_cast<std::uint64_t>(tensor.numel()), size_of(tensor.dtype()));
    text += message("],\"data_offsets\":[", at, ",", at + bytes, "]}");
    at = checked_add(format, at, bytes);
  }
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');
  require<FormatError>(text.size() <= most_header_bytes, format, ": the header would have ", text.size(),
                       " bytes, at most ", most_header_bytes);
  append_number(layout.head, static_cast<std::uint64_t>(text.size()));
  layout.head += text;
  return layout;
}

}  // namespace

TensorFile read_safetensors(std::span<const std::byte> bytes, const TensorFileLimits& limits) {
  ByteReader reader(bytes, format);
  const auto header_bytes = reader.read<std::uint64_t>();
  require<FormatError>(header_bytes <= reader.remaining(), format, ": the header says ", header_bytes, " bytes, ",
                       reader.remaining(), " are left");
  require<ResourceError>(header_bytes <= std::min(limits.header_bytes, most_header_bytes), format, ": a header of ",
                         header_bytes, " bytes, at most ", std::min(limits.header_bytes, most_header_bytes));
  SafetensorsHeader header = parse_safetensors_header(reader.text(header_bytes));
  const ByteReader data = reader.part(reader.position(), reader.remaining());

  // The tensors must lie one behind the other from the first byte to the last. That is checked before any memory is
  // asked for.
  std::vector<const SafetensorsEntry*> order;
  for (const auto& entry : header.entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(),
            [](const auto* a, const auto* b) { return std::pair(a->begin, a->end) < std::pair(b->begin, b->end); });
  std::uint64_t at = 0;
  for (const auto* entry : order) {
    const std::string name = entry->name.substr(0, 80);
    require<FormatError>(entry->begin == at && entry->end >= at, format, ": \"", name, "\" lies at [", entry->begin,
                         ", ", entry->end, "), expected to begin at ", at, " (no holes, no overlaps)");
    std::uint64_t size = stored_type(*entry).bytes();
    for (const std::uint64_t extent : entry->shape) size = checked_mul(format, size, extent);
    require<FormatError>(size == entry->end - entry->begin, format, ": \"", name, "\" has ", entry->end - entry->begin,
                         " bytes, its shape asks for ", size);
    at = entry->end;
  }
  require<FormatError>(at == data.size(), format, ": the tensors cover ", at, " bytes of data, the file has ",
                       data.size());

  TensorFile file;
  file.metadata = std::move(header.metadata);
  // In the order of their names: a dictionary grows at its end without moving anything.
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  for (const auto* entry : order) {
    const ByteReader part = data.part(entry->begin, entry->end - entry->begin);
    file.tensors.emplace(entry->name, tensor_from_stored(format, stored_type(*entry),
                                                         checked_shape(format, entry->shape), part, ByteOrder::little));
  }
  return file;
}

TensorFile read_safetensors(const std::string& path, const TensorFileLimits& limits) {
  return read_safetensors(read_file(path, limits.file_bytes).bytes(), limits);
}

Dictionary<Tensor> load_safetensors(const std::string& path, const TensorFileLimits& limits) {
  return read_safetensors(path, limits).tensors;
}

Dictionary<Tensor> load_safetensors(std::span<const std::byte> bytes, const TensorFileLimits& limits) {
  return read_safetensors(bytes, limits).tensors;
}

void save_safetensors(const std::string& path, const Dictionary<Tensor>& tensors,
                      const Dictionary<std::string>& metadata) {
  const Layout layout = lay_out(tensors, metadata);
  FileWriter file(path);
  file.write(layout.head);
  for (const auto* item : layout.order) {
    const Tensor dense = item->second.detach().contiguous();
    file.write(stored_bytes(dense));
  }
  file.commit();
}

std::vector<std::byte> encode_safetensors(const Dictionary<Tensor>& tensors, const Dictionary<std::string>& metadata) {
  const Layout layout = lay_out(tensors, metadata);
  std::vector<std::byte> bytes;
  const auto append = [&](std::span<const std::byte> part) { bytes.insert(bytes.end(), part.begin(), part.end()); };
  append(bytes_of(layout.head));
  for (const auto* item : layout.order) {
    const Tensor dense = item->second.detach().contiguous();
    append(stored_bytes(dense));
  }
  return bytes;
}

}  // namespace lumigrad
