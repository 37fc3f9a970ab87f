// SPDX-License-Identifier: Apache-2.0
// Bytes that tensors share. Views of one tensor hold the same buffer, and with it one version number: every change in
// place raises it, which is how the tape notices that a value it saved is no longer the value it saw.
#pragma once
#include <lumigrad/engine/device.h>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace lumigrad {

/// A block of memory of one device: from the library's allocator (on the CPU 64-byte aligned) or a program's own.
class Buffer {
 public:
  /// Uninitialised memory; throws ResourceError beyond the memory budget.
  static std::shared_ptr<Buffer> allocate(std::size_t bytes, Device device = {});
  /// A view over foreign memory that `owner` keeps alive (an empty owner: the caller does).
  static std::shared_ptr<Buffer> wrap(void* data, std::size_t bytes, std::shared_ptr<void> owner);

  Buffer(void* data, std::size_t bytes, std::shared_ptr<void> owner, bool own, Device device = {});
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  /// Where the bytes are; a pointer of `device()`.
  std::byte* data() { return data_; }
  Device device() const { return device_; }
  std::size_t bytes() const { return bytes_; }
  /// How often the bytes were changed after they were first written.
  std::uint32_t version() const { return version_; }
  /// The operator that changed them last, or null.
  const char* changed_by() const { return changed_by_; }
  void changed(const char* by) { changed_since(*this, by); }
  /// These bytes take the place of those of `before`: a change of what was saved from there.
  void changed_since(const Buffer& before, const char* by) {
    version_ = before.version_ + 1;
    changed_by_ = by;
  }

 private:
  std::byte* data_;
  std::size_t bytes_;
  std::shared_ptr<void> owner_;
  const char* changed_by_ = nullptr;
  std::uint32_t version_ = 0;
  Device device_;
  bool own_;
};

}  // namespace lumigrad
