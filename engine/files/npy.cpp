// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/files/npy.h>
#include <lumigrad/engine/files/npy_header.h>
#include <lumigrad/engine/files/zip.h>

#include <algorithm>
#include <map>

namespace lumigrad {

namespace {

constexpr const char* format = "npy";

Tensor storable(const Tensor& tensor) {
  const Tensor dense = tensor.detach().contiguous();
  return dense.dtype() == DType::bf16 ? dense.to(DType::f32) : dense;
}

// Fortran order is row-major order of the reversed shape; the view back is made dense by a copy.
Tensor from_fortran(const Tensor& reversed, const Shape& shape) {
  Strides strides{};
  std::int64_t step = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    strides[static_cast<std::size_t>(i)] = step;
    step *= std::max<std::int64_t>(shape[i], 1);
  }
  return reversed.with_layout(shape, strides, 0).contiguous();
}

}  // namespace

Tensor load_npy(std::span<const std::byte> bytes, const TensorFileLimits& limits) {
  ByteReader reader(bytes, format);
  const NpyHeader header = read_npy_header(reader);
  const Shape shape = checked_shape(format, header.shape);
  const std::uint64_t size = checked_mul(format, static_cast<std::uint64_t>(shape.numel()), header.stored.bytes());
  require<ResourceError>(size <= limits.tensor_bytes, format, ": shape ", shape, " asks for ", size, " bytes, at most ",
                         limits.tensor_bytes, " are allowed");
  require<FormatError>(size == reader.remaining(), format, ": shape ", shape, " asks for ", size, " bytes, ",
                       reader.remaining(), " are there");
  std::vector<std::uint64_t> extents = header.shape;
  if (header.fortran_order) std::reverse(extents.begin(), extents.end());
  const Tensor tensor = tensor_from_stored(format, header.stored, checked_shape(format, extents), reader, header.order);
  return header.fortran_order ? from_fortran(tensor, shape) : tensor;
}

Tensor load_npy(const std::string& path, const TensorFileLimits& limits) {
  return load_npy(read_file(path, limits.file_bytes).bytes(), limits);
}

void save_npy(const std::string& path, const Tensor& tensor) {
  const Tensor dense = storable(tensor);
  FileWriter file(path);
  file.write(npy_header(dense.dtype(), dense.shape()));
  file.write(stored_bytes(dense));
  file.commit();
}

std::vector<std::byte> encode_npy(const Tensor& tensor) {
  const Tensor dense = storable(tensor);
  const std::string head = npy_header(dense.dtype(), dense.shape());
  std::vector<std::byte> bytes(bytes_of(head).begin(), bytes_of(head).end());
  const auto numbers = stored_bytes(dense);
  bytes.insert(bytes.end(), numbers.begin(), numbers.end());
  return bytes;
}

Dictionary<Tensor> load_npz(std::span<const std::byte> bytes, const TensorFileLimits& limits) {
  const ZipArchive archive(bytes, limits.tensor_bytes);
  std::map<std::string, Tensor> tensors;
  for (const ZipEntry& entry : archive.entries()) {
    std::string name = entry.name;
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    require<FormatError>(!tensors.contains(name), "npz: a name twice in the archive");
    const FileBytes content = archive.unpack(entry);
    tensors.emplace(name, load_npy(content.bytes(), limits));
  }
  return {tensors.begin(), tensors.end()};
}

Dictionary<Tensor> load_npz(const std::string& path, const TensorFileLimits& limits) {
  return load_npz(read_file(path, limits.file_bytes).bytes(), limits);
}

void save_npz(const std::string& path, const Dictionary<Tensor>& tensors, const NpzOptions& options) {
  FileWriter file(path);
  ZipWriter archive(file);
  for (const auto& [name, tensor] : tensors) {
    const Tensor dense = storable(tensor);
    const std::string head = npy_header(dense.dtype(), dense.shape());
    const std::span<const std::byte> parts[] = {bytes_of(head), stored_bytes(dense)};
    archive.add(name + ".npy", parts, options.compress);
  }
  archive.finish();
  file.commit();
}

}  // namespace lumigrad
