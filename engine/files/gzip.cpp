// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/files/gzip.h>
#include <zlib.h>

#include <algorithm>

namespace lumigrad {
namespace {

constexpr int gzip_bits = MAX_WBITS + 16;            // zlib: with the frame of a file
constexpr std::size_t piece = std::size_t{1} << 30;  // zlib counts in 32 bits
constexpr std::uint64_t densest = 1032;              // deflate packs at most so many bytes into one

struct Stream : z_stream {
  int (*end)(z_stream*);
  explicit Stream(int (*finish)(z_stream*)) : z_stream(), end(finish) {}
  ~Stream() { end(this); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Hands over the next part of `bytes`, when the last one is used up.
  void feed(std::span<const std::byte>& bytes) {
    if (avail_in != 0) return;
    const auto part = bytes.first(std::min(bytes.size(), piece));
    next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(part.data()));
    avail_in = static_cast<uInt>(part.size());
    bytes = bytes.subspan(part.size());
  }
};

void begin_inflating(std::string_view format, Stream& stream) {
  require<ResourceError>(::inflateInit2(&stream, gzip_bits) == Z_OK, format, ": no memory to unpack");
}

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

std::vector<std::byte> gunzip_start(std::string_view format, std::span<const std::byte> bytes, std::size_t count) {
  Stream stream(::inflateEnd);
  begin_inflating(format, stream);
  std::vector<std::byte> start(count);
  stream.next_out = reinterpret_cast<Bytef*>(start.data());
  stream.avail_out = static_cast<uInt>(count);
  int status = Z_OK;
  while (status == Z_OK && stream.avail_out > 0) {
    stream.feed(bytes);
    status = ::inflate(&stream, Z_NO_FLUSH);
    if (status == Z_STREAM_END && (stream.avail_in != 0 || !bytes.empty())) status = ::inflateReset(&stream);
  }
  require<FormatError>(status == Z_OK || status == Z_STREAM_END, format, ": the packed bytes are damaged");
  start.resize(count - stream.avail_out);
  return start;
}

FileBytes gunzip(std::string_view format, std::span<const std::byte> bytes, std::uint64_t size) {
  require<FormatError>(size / densest <= bytes.size(), format, ": ", bytes.size(), " packed bytes cannot hold ", size);
  FileBytes unpacked;
  unpacked.reserve(static_cast<std::size_t>(size));
  std::span<std::byte> to = unpacked.room().first(static_cast<std::size_t>(size));
  Stream stream(::inflateEnd);
  begin_inflating(format, stream);
  std::byte beyond{};  // a file that unpacks to more than it said writes here, and is refused
  int status = Z_OK;
  while (status == Z_OK) {
    stream.feed(bytes);
    const auto part = to.first(std::min(to.size(), piece));
    const bool full = part.empty();
    stream.next_out = reinterpret_cast<Bytef*>(full ? &beyond : part.data());
    stream.avail_out = full ? 1 : static_cast<uInt>(part.size());
    status = ::inflate(&stream, Z_NO_FLUSH);
    if (full && stream.avail_out == 0) break;
    if (!full) to = to.subspan(part.size() - stream.avail_out);
    // Another stream may follow.
    if (status == Z_STREAM_END && (stream.avail_in != 0 || !bytes.empty())) status = ::inflateReset(&stream);
  }
  require<FormatError>(status == Z_STREAM_END && to.empty(), format, ": the packed bytes are damaged, or not ", size,
                       " bytes");
  unpacked.resize(static_cast<std::size_t>(size));
  return unpacked;
}

std::vector<std::byte> gzip(std::span<const std::byte> bytes) {
  Stream stream(::deflateEnd);
  require<ResourceError>(
      ::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK,
      "gzip: no memory to pack");
  std::vector<std::byte> packed;
  std::byte block[65536];
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    stream.feed(bytes);
    stream.next_out = reinterpret_cast<Bytef*>(block);
    stream.avail_out = sizeof block;
    status = ::deflate(&stream, bytes.empty() ? Z_FINISH : Z_NO_FLUSH);
    packed.insert(packed.end(), block, block + (sizeof block - stream.avail_out));
  }
  return packed;
}

}  // namespace lumigrad
