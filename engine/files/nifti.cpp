// SPDX-License-Identifier: Apache-2.0
// The header has 348 bytes; a file is that, extensions nobody needs to know, and the numbers from vox_offset on.
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/files/gzip.h>
#include <lumigrad/engine/files/nifti.h>
#include <lumigrad/engine/files/stored_numbers.h>
#include <lumigrad/engine/ops.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lumigrad {
namespace {

constexpr const char* format = "nifti";
constexpr std::size_t header_bytes = 348, data_start = 352;

struct Kind {
  std::int16_t code, bits;
  Stored stored;
};
constexpr Kind kinds[] = {
    {2, 8, DType::u8},      {4, 16, Stored::signed_16},     {8, 32, DType::i32},   {16, 32, DType::f32},
    {64, 64, DType::f64},   {256, 8, Stored::signed_8},     {512, 16, DType::u16}, {768, 32, Stored::unsigned_32},
    {1024, 64, DType::i64}, {1280, 64, Stored::unsigned_64}};

using Affine = std::array<double, 16>;

struct Header {
  ByteOrder order = ByteOrder::little;
  Stored stored = DType::f32;
  std::vector<std::uint64_t> extents;  // slowest first
  std::uint64_t start = 0;             // of the numbers
  double slope = 0, intercept = 0;
  Affine affine = {};
  std::string description;
};

template <class T>
T number_at(const ByteReader& reader, std::uint64_t offset) {
  ByteReader at = reader;
  at.seek(offset);
  return at.read<T>();
}
double real_at(const ByteReader& reader, std::uint64_t offset) { return number_at<float>(reader, offset); }

bool usable(const Affine& a) {
  return std::all_of(a.begin(), a.end(), [](double v) { return std::isfinite(v); });
}

// sform: three rows. qform: the rotation of a unit quaternion (a, b, c, d), of which b, c and d are stored, after the
// distances between voxels; the third axis may be mirrored.
Affine affine_of(const ByteReader& reader) {
  Affine m{};
  m[15] = 1;
  if (number_at<std::int16_t>(reader, 254) > 0) {
    for (std::size_t k = 0; k < 12; ++k) m[k] = real_at(reader, 280 + 4 * k);
    if (usable(m)) return m;
  }
  double step[3];
  for (std::size_t k = 0; k < 3; ++k) {
    step[k] = std::abs(real_at(reader, 80 + 4 * k));
    if (!std::isfinite(step[k]) || step[k] == 0) step[k] = 1;
  }
  m = {step[0], 0, 0, 0, 0, step[1], 0, 0, 0, 0, step[2], 0, 0, 0, 0, 1};
  if (number_at<std::int16_t>(reader, 252) <= 0) return m;
  const double b = real_at(reader, 256), c = real_at(reader, 260), d = real_at(reader, 264);
  const double a = std::sqrt(std::max(0.0, 1 - b * b - c * c - d * d));
  const double turn[9] = {a * a + b * b - c * c - d * d, 2 * (b * c - a * d),           2 * (b * d + a * c),
                          2 * (b * c + a * d),           a * a + c * c - b * b - d * d, 2 * (c * d - a * b),
                          2 * (b * d - a * c),           2 * (c * d + a * b),           a * a + d * d - b * b - c * c};
  if (real_at(reader, 76) < 0) step[2] = -step[2];
  Affine q = m;
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t k = 0; k < 3; ++k) q[4 * r + k] = turn[3 * r + k] * step[k];
    q[4 * r + 3] = real_at(reader, 268 + 4 * r);
  }
  return usable(q) ? q : m;
}

Header read_header(std::span<const std::byte> bytes) {
  ByteReader reader(bytes, format);
  Header header;
  const auto size = number_at<std::int32_t>(reader, 0);
  if (size == 0x5c010000) {  // 348 of the other byte order
    header.order = ByteOrder::big;
    reader.set_order(ByteOrder::big);
  } else {
    require<FormatError>(size == 348, format, ": expected a NIfTI-1 header of 348 bytes, got ", size);
  }
  ByteReader magic = reader.part(344, 4);
  const std::string_view mark = magic.text(4);
  require<FormatError>(mark.substr(0, 3) == "n+1", format, ": expected one file with its numbers (n+1)",
                       mark.substr(0, 3) == "ni1" ? ", got a header of a pair (ni1)" : "");
  const auto rank = number_at<std::int16_t>(reader, 40);
  require<FormatError>(rank >= 1 && rank <= 7, format, ": expected 1 to 7 axes, got ", rank);
  for (int k = rank; k >= 1; --k) {
    const auto extent = number_at<std::int16_t>(reader, 40 + 2 * static_cast<std::uint64_t>(k));
    require<FormatError>(extent >= 0, format, ": expected extents of at least 0, got ", extent);
    header.extents.push_back(static_cast<std::uint64_t>(extent));
  }
  const auto code = number_at<std::int16_t>(reader, 70), bits = number_at<std::int16_t>(reader, 72);
  const auto* kind = std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& k) { return k.code == code; });
  require<FormatError>(kind != std::end(kinds), format, ": numbers of type ", code, " are not supported");
  require<FormatError>(bits == kind->bits, format, ": expected ", kind->bits, " bits a number of type ", code, ", got ",
                       bits);
  header.stored = kind->stored;
  const double start = real_at(reader, 108);
  require<FormatError>(start >= data_start && start < 0x1p40 && start == std::floor(start), format,
                       ": expected numbers from byte 352 on or later, got ", start);
  header.start = static_cast<std::uint64_t>(start);
  header.slope = real_at(reader, 112);
  header.intercept = real_at(reader, 116);
  header.affine = affine_of(reader);
  ByteReader description = reader.part(148, 80);
  const std::string_view text = description.text(80);
  header.description = text.substr(0, std::min(text.find('\0'), text.size()));
  return header;
}

// slope value + intercept, where there is a slope.
Tensor scaled(const Tensor& data, const Header& header) {
  if (!std::isfinite(header.slope) || !std::isfinite(header.intercept) || header.slope == 0) return data;
  if (header.slope == 1 && header.intercept == 0) return data;
  const bool wide = header.stored.bytes() == 8 || (header.stored.bytes() == 4 && data.dtype() != DType::f32);
  return add(mul(data.to(wide ? DType::f64 : DType::f32), header.slope), header.intercept);
}

// What a file can hold.
Tensor storable(const Tensor& tensor) {
  const Tensor dense = tensor.detach().contiguous();
  if (dense.dtype() == DType::bf16 || dense.dtype() == DType::f16) return dense.to(DType::f32);
  return dense.dtype() == DType::boolean ? dense.to(DType::u8) : dense;
}

void append_real(std::string& to, double value) {
  append_number(to, std::bit_cast<std::int32_t>(static_cast<float>(value)));
}

std::string header_of(const NiftiVolume& volume, const Tensor& dense) {
  require<ShapeError>(dense.rank() >= 1 && dense.rank() <= 7, format, ": expected 1 to 7 axes, got ", dense.shape());
  for (const std::int64_t extent : dense.shape())
    require<ShapeError>(extent <= 32767, format, ": expected extents of at most 32767, got ", extent);
  const auto fits = [](double v) { return std::abs(v) <= std::numeric_limits<float>::max(); };
  require<NumericError>(std::all_of(volume.affine.begin(), volume.affine.end(), fits), format,
                        ": expected an affine map of finite numbers within the range of float");
  require<FormatError>(volume.description.size() < 80, format, ": expected a description of at most 79 bytes, got ",
                       volume.description.size());
  const auto* kind = std::find_if(std::begin(kinds), std::end(kinds),
                                  [&](const Kind& k) { return k.stored == Stored(dense.dtype()); });
  require<DTypeError>(kind != std::end(kinds), format, ": cannot hold ", dense.dtype());
  std::string head;
  append_number(head, std::int32_t{348});
  head.resize(40, '\0');
  append_number(head, static_cast<std::int16_t>(dense.rank()));
  for (int k = 1; k <= 7; ++k)
    append_number(head, static_cast<std::int16_t>(k <= dense.rank() ? dense.size(dense.rank() - k) : 1));
  head.resize(70, '\0');
  append_number(head, kind->code);
  append_number(head, kind->bits);
  head.resize(76, '\0');
  append_real(head, 1);
  for (std::size_t k = 0; k < 7; ++k) {  // distances: lengths of the columns
    const Affine& m = volume.affine;
    const double length = k < 3 ? std::sqrt(m[k] * m[k] + m[4 + k] * m[4 + k] + m[8 + k] * m[8 + k]) : 1;
    append_real(head, length > 0 ? std::min(length, double{std::numeric_limits<float>::max()}) : 1);
  }
  append_real(head, data_start);
  append_real(head, 1);  // slope
  head.resize(123, '\0');
  head.push_back(2);  // millimetres
  head.resize(148, '\0');
  head += volume.description;
  head.resize(254, '\0');
  append_number(head, std::int16_t{1});  // sform: coordinates of the scanner
  head.resize(280, '\0');
  for (std::size_t k = 0; k < 12; ++k) append_real(head, volume.affine[k]);
  head.resize(344, '\0');
  head += "n+1";
  head.resize(data_start, '\0');
  return head;
}

}  // namespace

NiftiVolume load_nifti(std::span<const std::byte> bytes, const TensorFileLimits& limits) {
  const bool packed = is_gzip(bytes);
  const std::vector<std::byte> start = packed ? gunzip_start(format, bytes, header_bytes) : std::vector<std::byte>();
  const Header header = read_header(packed ? std::span<const std::byte>(start) : bytes);
  const Shape shape = checked_shape(format, header.extents);
  const std::uint64_t size = checked_mul(format, static_cast<std::uint64_t>(shape.numel()), header.stored.bytes());
  require<ResourceError>(size <= limits.tensor_bytes, format, ": shape ", shape, " asks for ", size, " bytes, at most ",
                         limits.tensor_bytes, " are allowed");
  const std::uint64_t whole = checked_add(format, header.start, size);
  const FileBytes unpacked = packed ? gunzip(format, bytes, whole) : FileBytes();
  const std::span<const std::byte> all = packed ? unpacked.bytes() : bytes;
  require<FormatError>(all.size() == whole, format, ": shape ", shape, " asks for ", whole, " bytes, ", all.size(),
                       " are there");
  ByteReader numbers(all, format);
  numbers.skip(header.start);
  const Tensor data = tensor_from_stored(format, header.stored, shape, numbers, header.order);
  return {scaled(data, header), header.affine, header.description};
}

NiftiVolume load_nifti(const std::string& path, const TensorFileLimits& limits) {
  return load_nifti(read_file(path, limits.file_bytes).bytes(), limits);
}

std::vector<std::byte> encode_nifti(const NiftiVolume& volume, bool packed) {
  const Tensor dense = storable(volume.data);
  const std::string head = header_of(volume, dense);
  std::vector<std::byte> bytes(bytes_of(head).begin(), bytes_of(head).end());
  const auto numbers = stored_bytes(dense);
  bytes.insert(bytes.end(), numbers.begin(), numbers.end());
  return packed ? gzip(bytes) : bytes;
}

void save_nifti(const std::string& path, const NiftiVolume& volume) {
  write_file(path, encode_nifti(volume, path.ends_with(".gz")));
}

}  // namespace lumigrad
