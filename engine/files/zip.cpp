// SPDX-License-Identifier: Apache-2.0
// Record layouts: PKWARE's APPNOTE 6.3.
#include <lumigrad/engine/files/zip.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

namespace lumigrad {

namespace {

constexpr const char* format = "npz";
constexpr std::uint32_t local_mark = 0x04034b50, central_mark = 0x02014b50, end_mark = 0x06054b50,
                        end64_mark = 0x06064b50, locator_mark = 0x07064b50;
constexpr std::uint32_t none32 = 0xffffffff;
constexpr std::uint16_t none16 = 0xffff, zip64_tag = 1;
constexpr std::uint64_t end_bytes = 22, locator_bytes = 20;
constexpr std::size_t piece = std::size_t{1} << 30;  // zlib counts in 32 bits

std::uint32_t add_to_crc(std::uint32_t crc, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), piece));
    crc = static_cast<std::uint32_t>(
        ::crc32(crc, reinterpret_cast<const Bytef*>(part.data()), static_cast<uInt>(part.size())));
    bytes = bytes.subspan(part.size());
  }
  return crc;
}

struct Stream : z_stream {
  int (*end)(z_stream*);
  explicit Stream(int (*finish)(z_stream*)) : z_stream(), end(finish) {}
  ~Stream() { end(this); }
};

void inflate_all(std::span<const std::byte> from, std::span<std::byte> to) {
  Stream stream(::inflateEnd);
  require<ResourceError>(::inflateInit2(&stream, -MAX_WBITS) == Z_OK, format, ": no memory to unpack");
  std::byte beyond{};  // a stream that unpacks to more than it said writes here, and is refused
  int status = Z_OK;
  while (status == Z_OK) {
    if (stream.avail_in == 0) {
      const auto part = from.first(std::min(from.size(), piece));
      stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(part.data()));
      stream.avail_in = static_cast<uInt>(part.size());
      from = from.subspan(part.size());
    }
    const auto part = to.first(std::min(to.size(), piece));
    const bool full = part.empty();
    stream.next_out = reinterpret_cast<Bytef*>(full ? &beyond : part.data());
    stream.avail_out = full ? 1 : static_cast<uInt>(part.size());
    status = ::inflate(&stream, Z_NO_FLUSH);
    if (full && stream.avail_out == 0) break;
    if (!full) to = to.subspan(part.size() - stream.avail_out);
  }
  require<FormatError>(status == Z_STREAM_END && to.empty() && from.empty() && stream.avail_in == 0, format,
                       ": an entry's packed bytes are damaged");
}

std::string deflate_all(std::span<const std::span<const std::byte>> parts) {
  Stream stream(::deflateEnd);
  require<ResourceError>(
      ::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK, format,
      ": no memory to pack");
  std::string packed;
  char block[65536];
  const auto drain = [&](int flush) {
    int status;
    do {
      stream.next_out = reinterpret_cast<Bytef*>(block);
      stream.avail_out = sizeof block;
      status = ::deflate(&stream, flush);
      packed.append(block, sizeof block - stream.avail_out);
    } while (stream.avail_out == 0 && status != Z_STREAM_END);
  };
  for (std::span<const std::byte> bytes : parts)
    while (!bytes.empty()) {
      const auto part = bytes.first(std::min(bytes.size(), piece));
      stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(part.data()));
      stream.avail_in = static_cast<uInt>(part.size());
      drain(Z_NO_FLUSH);
      bytes = bytes.subspan(part.size());
    }
  drain(Z_FINISH);
  return packed;
}

}  // namespace

ZipArchive::ZipArchive(std::span<const std::byte> bytes, std::uint64_t most_unpacked_bytes) : archive_(bytes, format) {
  // The last record stands at the end, behind it at most a remark of 65535 bytes.
  const std::uint64_t size = archive_.size();
  require<FormatError>(size >= end_bytes, format, ": expected a ZIP archive");
  std::uint64_t at = size - end_bytes;
  const std::uint64_t lowest = at > 65535 ? at - 65535 : 0;
  for (;; --at) {
    ByteReader end = archive_.part(at, end_bytes);
    if (end.read<std::uint32_t>() == end_mark) {
      end.skip(16);
      if (end.read<std::uint16_t>() == size - at - end_bytes) break;
    }
    require<FormatError>(at > lowest, format, ": expected a ZIP archive (no directory at the end)");
  }
  ByteReader end = archive_.part(at, end_bytes);
  end.skip(4);
  require<FormatError>(end.read<std::uint32_t>() == 0, format, ": archives in several parts are not supported");
  end.skip(2);
  std::uint64_t count = end.read<std::uint16_t>(), length = end.read<std::uint32_t>(),
                start = end.read<std::uint32_t>();
  if (count == none16 || length == none32 || start == none32) {
    require<FormatError>(at >= locator_bytes, format, ": the ZIP64 directory is missing");
    ByteReader locator = archive_.part(at - locator_bytes, locator_bytes);
    require<FormatError>(locator.read<std::uint32_t>() == locator_mark, format, ": the ZIP64 directory is missing");
    locator.skip(4);
    ByteReader end64 = archive_;
    end64.seek(locator.read<std::uint64_t>());
    require<FormatError>(end64.read<std::uint32_t>() == end64_mark, format, ": the ZIP64 directory is damaged");
    end64.skip(28);
    count = end64.read<std::uint64_t>();
    length = end64.read<std::uint64_t>();
    start = end64.read<std::uint64_t>();
  }
  read_directory(archive_.part(start, length), count);

  std::uint64_t packed = 0, unpacked = 0;
  for (const ZipEntry& entry : entries_) {
    packed = checked_add(format, packed, entry.packed);
    unpacked = checked_add(format, unpacked, entry.unpacked);
    const std::uint64_t possible =
        entry.deflated ? checked_add(format, checked_mul(format, entry.packed, 1032), 1032) : entry.packed;
    require<FormatError>(entry.unpacked <= possible && (entry.deflated || entry.unpacked == entry.packed), format,
                         ": an entry of ", entry.packed, " bytes cannot unpack to ", entry.unpacked);
  }
  require<FormatError>(packed <= size, format, ": the entries overlap");
  require<ResourceError>(unpacked <= most_unpacked_bytes, format, ": expected at most ", most_unpacked_bytes,
                         " unpacked bytes, got ", unpacked);
}

void ZipArchive::read_directory(ByteReader directory, std::uint64_t count) {
  require<FormatError>(count <= directory.size() / 46, format, ": ", count, " entries do not fit the directory");
  for (std::uint64_t i = 0; i < count; ++i) {
    require<FormatError>(directory.read<std::uint32_t>() == central_mark, format, ": the directory is damaged");
    directory.skip(4);
    const auto flags = directory.read<std::uint16_t>();
    const auto method = directory.read<std::uint16_t>();
    directory.skip(4);
    ZipEntry entry;
    entry.crc = directory.read<std::uint32_t>();
    entry.packed = directory.read<std::uint32_t>();
    entry.unpacked = directory.read<std::uint32_t>();
    const auto name_bytes = directory.read<std::uint16_t>();
    const auto extra_bytes = directory.read<std::uint16_t>();
    const auto remark_bytes = directory.read<std::uint16_t>();
    directory.skip(8);
    entry.offset = directory.read<std::uint32_t>();
    entry.name = std::string(directory.text(name_bytes));
    require<FormatError>((flags & 1) == 0, format, ": encrypted entries are not supported");
    require<FormatError>(method == 0 || method == 8, format, ": packing method ", method,
                         " is not supported (stored and deflated are)");
    entry.deflated = method == 8;

    ByteReader extra = directory.part(directory.position(), extra_bytes);
    directory.skip(extra_bytes);
    directory.skip(remark_bytes);
    while (extra.remaining() >= 4) {
      const auto tag = extra.read<std::uint16_t>();
      const auto bytes = extra.read<std::uint16_t>();
      ByteReader field = extra.part(extra.position(), bytes);
      extra.skip(bytes);
      if (tag != zip64_tag) continue;
      for (std::uint64_t* value : {&entry.unpacked, &entry.packed, &entry.offset})
        if (*value == none32) *value = field.read<std::uint64_t>();
    }
    entries_.push_back(std::move(entry));
  }
}

FileBytes ZipArchive::unpack(const ZipEntry& entry) const {
  ByteReader reader = archive_;
  reader.seek(entry.offset);
  require<FormatError>(reader.read<std::uint32_t>() == local_mark, format, ": an entry is not where it should be");
  reader.skip(22);
  const auto name_bytes = reader.read<std::uint16_t>();
  const auto extra_bytes = reader.read<std::uint16_t>();
  require<FormatError>(reader.text(name_bytes) == entry.name, format, ": an entry and the directory name it twice");
  reader.skip(extra_bytes);
  const auto packed = reader.take(entry.packed);
  require<ResourceError>(entry.unpacked < std::numeric_limits<std::size_t>::max(), format, ": an entry too large");
  FileBytes content;
  content.reserve(static_cast<std::size_t>(entry.unpacked));
  content.resize(static_cast<std::size_t>(entry.unpacked));
  const auto room = content.room().first(content.bytes().size());
  if (entry.deflated)
    inflate_all(packed, room);
  else
    std::copy(packed.begin(), packed.end(), room.begin());
  require<FormatError>(add_to_crc(0, content.bytes()) == entry.crc, format, ": an entry's check sum is wrong");
  return content;
}

void ZipWriter::write(std::span<const std::byte> bytes) {
  file_.write(bytes);
  at_ += bytes.size();
}

void ZipWriter::add(const std::string& name, std::span<const std::span<const std::byte>> parts, bool deflate) {
  require<FormatError>(name.size() < none16, format, ": expected names below 65535 bytes, got ", name.size());
  std::uint64_t unpacked = 0;
  std::uint32_t crc = 0;
  for (const auto part : parts) {
    unpacked += part.size();
    crc = add_to_crc(crc, part);
  }
  const std::string deflated = deflate ? deflate_all(parts) : std::string();
  const std::uint64_t packed = deflate ? deflated.size() : unpacked;
  const std::uint64_t start = at_;
  // All three stand in the extra field when one needs it.
  const bool large = packed >= none32 || unpacked >= none32 || start >= none32;
  const auto record = [&](bool central) {
    std::string text;
    append_number(text, central ? central_mark : local_mark);
    if (central) append_number(text, std::uint16_t{45});
    append_number(text, static_cast<std::uint16_t>(large ? 45 : 20));
    append_number(text, std::uint16_t{0x0800});  // names are UTF-8
    append_number(text, static_cast<std::uint16_t>(deflate ? 8 : 0));
    append_number(text, std::uint32_t{0x00210000});  // 1 January 1980
    append_number(text, crc);
    append_number(text, large ? none32 : static_cast<std::uint32_t>(packed));
    append_number(text, large ? none32 : static_cast<std::uint32_t>(unpacked));
    append_number(text, static_cast<std::uint16_t>(name.size()));
    append_number(text, static_cast<std::uint16_t>(large ? (central ? 28 : 20) : 0));
    if (central) {
      text.append(10, '\0');  // remark length, disk, attributes
      append_number(text, large ? none32 : static_cast<std::uint32_t>(start));
    }
    text += name;
    if (large) {
      append_number(text, zip64_tag);
      append_number(text, static_cast<std::uint16_t>(central ? 24 : 16));
      append_number(text, unpacked);
      append_number(text, packed);
      if (central) append_number(text, start);
    }
    return text;
  };
  write(bytes_of(record(false)));
  if (deflate)
    write(bytes_of(deflated));
  else
    for (const auto part : parts) write(part);
  directory_ += record(true);
  ++count_;
}

void ZipWriter::finish() {
  const std::uint64_t start = at_;
  write(bytes_of(directory_));
  std::string text;
  const bool large = count_ >= none16 || start >= none32 || directory_.size() >= none32;
  if (large) {
    append_number(text, end64_mark);
    append_number(text, std::uint64_t{44});
    append_number(text, std::uint16_t{45});
    append_number(text, std::uint16_t{45});
    text.append(8, '\0');
    for (const std::uint64_t value : {count_, count_, std::uint64_t{directory_.size()}, start})
      append_number(text, value);
    append_number(text, locator_mark);
    append_number(text, std::uint32_t{0});
    append_number(text, start + directory_.size());
    append_number(text, std::uint32_t{1});
  }
  append_number(text, end_mark);
  append_number(text, std::uint32_t{0});
  for (int i = 0; i < 2; ++i) append_number(text, large ? none16 : static_cast<std::uint16_t>(count_));
  append_number(text, large ? none32 : static_cast<std::uint32_t>(directory_.size()));
  append_number(text, large ? none32 : static_cast<std::uint32_t>(start));
  append_number(text, std::uint16_t{0});
  write(bytes_of(text));
}

}  // namespace lumigrad
