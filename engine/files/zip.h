// SPDX-License-Identifier: Apache-2.0
// As much of ZIP as .npz needs: entries stored or deflated, ZIP64 for the large ones, check sums verified.
//
// The directory at the end of the archive is believed for what an entry is called and where it lies, its local header
// only for where its bytes begin. An entry may unpack to no more than deflate could have packed (1032 to 1), all
// entries together to no more than the caller allows, and packed bytes may not be counted twice: so the work is bounded
// by the length of the file.
#pragma once
#include <lumigrad/engine/files/byte_reader.h>
#include <lumigrad/engine/files/file.h>
#include <vector>

namespace lumigrad {

struct ZipEntry {
  std::string name;
  std::uint64_t packed = 0, unpacked = 0, offset = 0;
  std::uint32_t crc = 0;
  bool deflated = false;
};

class ZipArchive {
 public:
  /// Reads the directory; the bytes must outlive the archive.
  ZipArchive(std::span<const std::byte> bytes, std::uint64_t most_unpacked_bytes);
  const std::vector<ZipEntry>& entries() const { return entries_; }
  /// The content of an entry, its check sum verified.
  FileBytes unpack(const ZipEntry& entry) const;

 private:
  void read_directory(ByteReader directory, std::uint64_t count);

  ByteReader archive_;
  std::vector<ZipEntry> entries_;
};

/// Writes an archive entry by entry. Dates are fixed, so that equal contents give equal files.
class ZipWriter {
 public:
  explicit ZipWriter(FileWriter& file) : file_(file) {}
  /// An entry that is the parts one behind the other.
  void add(const std::string& name, std::span<const std::span<const std::byte>> parts, bool deflate);
  /// The directory; nothing may be added afterwards.
  void finish();

 private:
  void write(std::span<const std::byte> bytes);

  FileWriter& file_;
  std::uint64_t at_ = 0, count_ = 0;
  std::string directory_;
};

}  // namespace lumigrad
