// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <lumigrad/engine/allocator.h>
#include <lumigrad/engine/files/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

namespace lumigrad {

namespace {

// One line whatever the path holds: control characters are shown as '?'.
std::string shown(const std::string& path) {
  std::string text = path.empty() ? std::string("(no name)") : path;
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  return text;
}

[[noreturn]] void fail(const char* doing, const std::string& path, int reason) {
  throw IoError(message(doing, " ", shown(path), ": ", std::generic_category().message(reason)));
}

// A path with a zero inside would be cut there by the system.
const char* checked(const char* doing, const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) fail(doing, path.c_str(), EINVAL);
  return path.c_str();
}

struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

}  // namespace

std::span<const std::byte> FileBytes::bytes() const { return {data_, size_}; }
std::span<std::byte> FileBytes::room() { return {data_, capacity_}; }

FileBytes::~FileBytes() { deallocate(data_, capacity_); }

void FileBytes::swap(FileBytes& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
}

void FileBytes::reserve(std::size_t capacity) {
  if (capacity <= capacity_) return;
  auto* larger = static_cast<std::byte*>(allocate(capacity));
  if (size_ != 0) std::memcpy(larger, data_, size_);
  deallocate(data_, capacity_);
  data_ = larger;
  capacity_ = capacity;
}

FileBytes read_file(const std::string& path, std::uint64_t most_bytes) {
  constexpr const char* doing = "read";
  const Descriptor file{::open(checked(doing, path), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
  if (file.number < 0) fail(doing, path, errno);
  struct stat about {};
  if (::fstat(file.number, &about) != 0) fail(doing, path, errno);
  if (S_ISDIR(about.st_mode)) fail(doing, path, EISDIR);
  require<IoError>(S_ISREG(about.st_mode) || S_ISFIFO(about.st_mode), doing, " ", shown(path),
                   ": expected a file, got a device");
  const auto refuse_beyond = [&](std::uint64_t size) {
    require<ResourceError>(size <= most_bytes, doing, " ", shown(path), ": expected at most ", most_bytes,
                           " bytes, got ", S_ISREG(about.st_mode) ? to_string(size) : std::string("more"));
  };
  const std::uint64_t told = S_ISREG(about.st_mode) ? static_cast<std::uint64_t>(about.st_size) : 0;
  refuse_beyond(told);

  // One byte more than expected, so that the end is seen without a second buffer; pipes and growing files double it.
  FileBytes bytes;
  std::size_t size = 0;
  bytes.reserve(static_cast<std::size_t>(told) + 1);
  for (;;) {
    if (size == bytes.room().size()) bytes.reserve(std::max<std::size_t>(2 * size, 65536));
    const auto free = bytes.room().subspan(size);
    const ssize_t got = ::read(file.number, free.data(), std::min<std::size_t>(free.size(), 1u << 30));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(doing, path, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    bytes.resize(size);
    refuse_beyond(size);
  }
  return bytes;
}

FileWriter::FileWriter(const std::string& path) : path_(path), target_(path) {
  constexpr const char* doing = "write";
  checked(doing, path);
  struct stat about {};
  bool exists = ::lstat(target_.c_str(), &about) == 0;
  if (exists && S_ISLNK(about.st_mode)) {
    if (char* resolved = ::realpath(target_.c_str(), nullptr)) {
      target_ = resolved;
      std::free(resolved);
    }
    exists = ::stat(target_.c_str(), &about) == 0;
  }
  if (exists && S_ISDIR(about.st_mode)) fail(doing, path, EISDIR);
  if (exists && ::access(target_.c_str(), W_OK) != 0) fail(doing, path, errno);
  if (exists && !S_ISREG(about.st_mode)) {
    file_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (file_ < 0) fail(doing, path, errno);
    return;
  }
  static std::atomic<unsigned> count{0};
  const std::size_t slash = target_.rfind('/');
  const std::string folder = slash == std::string::npos ? std::string() : target_.substr(0, slash + 1);
  for (int attempt = 0; attempt < 100 && file_ < 0; ++attempt) {
    temporary_ = message(folder, ".lumigrad-", ::getpid(), "-", count.fetch_add(1), ".tmp");
    file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file_ < 0 && errno != EEXIST) break;
  }
  if (file_ < 0) {
    const int reason = errno;
    temporary_.clear();
    fail(doing, path, reason);
  }
  if (exists) [[maybe_unused]]
    const int ignored = ::fchmod(file_, about.st_mode & 07777);
}

FileWriter::~FileWriter() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void FileWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(file_, bytes.data(), std::min<std::size_t>(bytes.size(), 1u << 30));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail("write", path_, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
}

void FileWriter::write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

void FileWriter::commit() {
  // Pipes and devices cannot be synchronised; for them EINVAL and EROFS say just that.
  if (::fsync(file_) != 0 && !temporary_.empty()) fail("write", path_, errno);
  if (::close(std::exchange(file_, -1)) != 0) fail("write", path_, errno);
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("write", path_, errno);
  temporary_.clear();
}

void write_file(const std::string& path, std::span<const std::byte> bytes) {
  FileWriter file(path);
  file.write(bytes);
  file.commit();
}

void write_file(const std::string& path, std::string_view text) {
  write_file(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace lumigrad
