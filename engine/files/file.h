// SPDX-License-Identifier: Apache-2.0
// Whole files in, whole files out. A reader never takes more than it was allowed to, and a writer leaves either the
// finished file or what was there before: bytes go to a temporary name beside the target and are renamed at the end.
#pragma once
#include <lumigrad/engine/error.h>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lumigrad {

/// What a file held, in memory of the library's allocator.
class LUMIGRAD_API FileBytes {
 public:
  FileBytes() = default;
  FileBytes(FileBytes&& other) noexcept { swap(other); }
  FileBytes& operator=(FileBytes&& other) noexcept {
    swap(other);
    return *this;
  }
  ~FileBytes();
  std::span<const std::byte> bytes() const;

  /// Room for `capacity` bytes; what is held is kept. Throws ResourceError beyond the memory budget.
  void reserve(std::size_t capacity);
  /// All of the room; `resize` then says how much of it is filled.
  std::span<std::byte> room();
  void resize(std::size_t size) { size_ = size; }

 private:
  void swap(FileBytes& other) noexcept;

  std::byte* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

/// Reads a regular file or a pipe to its end. Throws IoError when it is missing, unreadable, a directory or a device,
/// and ResourceError when it holds more than `most_bytes`.
LUMIGRAD_API FileBytes read_file(const std::string& path, std::uint64_t most_bytes);

/// A file in the making. Without commit() the destructor removes every trace of it.
class LUMIGRAD_API FileWriter {
 public:
  /// Creates the temporary file; throws IoError when the folder is missing or cannot be written. A symbolic link is
  /// followed, an existing file keeps its permissions, and a pipe or device is written directly.
  explicit FileWriter(const std::string& path);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  /// Appends; throws IoError with the system's reason (disk full, ...).
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  /// Brings the bytes to the disk and gives the file its name.
  void commit();

 private:
  std::string path_, target_, temporary_;
  int file_ = -1;
};

/// Writes a whole file through FileWriter.
LUMIGRAD_API void write_file(const std::string& path, std::span<const std::byte> bytes);
LUMIGRAD_API void write_file(const std::string& path, std::string_view text);

}  // namespace lumigrad
