// SPDX-License-Identifier: Apache-2.0
// Damaged files by the thousand, the same ones on every machine. A reader may refuse or read, but nothing else; the
// sanitizer builds of tools/check --full are where this tells the most, and there each format gets 10,000 files.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "file_formats.h"

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr int default_count = 10000;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr int default_count = 10000;
#else
constexpr int default_count = 1000;
#endif
#else
constexpr int default_count = 1000;
#endif

int files_a_format() {
  const char* asked = std::getenv("LUMIGRAD_MUTATIONS");
  return asked ? std::atoi(asked) : default_count;
}

// Marsaglia's xorshift: the files must not depend on a library's random numbers.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  std::size_t below(std::size_t bound) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return bound == 0 ? 0 : static_cast<std::size_t>(state_ % bound);
  }

 private:
  std::uint64_t state_;
};

void damage(sample_files::Bytes& file, Numbers& numbers, const std::vector<sample_files::Bytes>& others) {
  constexpr std::uint64_t telling[] = {
      0,     1,     2,     7,          8,        127,        128,        255,        256,        32767,
      32768, 65535, 65536, 0x7fffffff, 1u << 31, 0xfffffffe, 0xffffffff, 1ull << 32, 1ull << 63, ~std::uint64_t{0}};
  const std::size_t at = numbers.below(file.size());
  const std::size_t count = 1 + numbers.below(std::min<std::size_t>(file.size() - at, 32));
  const auto place = file.begin() + static_cast<std::ptrdiff_t>(at);
  switch (file.empty() ? 6 : numbers.below(8)) {
    case 0:
      *place ^= std::byte{1} << static_cast<int>(numbers.below(8));
      break;
    case 1:
      *place = static_cast<std::byte>(numbers.below(256));
      break;
    case 2:
    case 3: {  // a number that is likely to be a limit
      const int size = 1 << numbers.below(4);
      const std::uint64_t value = telling[numbers.below(std::size(telling))];
      const bool big = numbers.below(2) != 0;
      for (int i = 0; i < size && at + static_cast<std::size_t>(i) < file.size(); ++i)
        file[at + static_cast<std::size_t>(i)] = static_cast<std::byte>(value >> (8 * (big ? size - 1 - i : i)));
      break;
    }
    case 4:
      file.erase(place, place + static_cast<std::ptrdiff_t>(count));
      break;
    case 5: {
      const sample_files::Bytes part(place, place + static_cast<std::ptrdiff_t>(count));
      file.insert(place, part.begin(), part.end());
      break;
    }
    case 6: {  // a part of another file
      const auto& other = others[numbers.below(others.size())];
      const std::size_t from = numbers.below(other.size());
      const std::size_t length = 1 + numbers.below(std::min<std::size_t>(other.size() - from, 64));
      file.insert(place, other.begin() + static_cast<std::ptrdiff_t>(from),
                  other.begin() + static_cast<std::ptrdiff_t>(from + std::min(length, other.size() - from)));
      break;
    }
    default:
      if (numbers.below(4) == 0) file.resize(at);
  }
}

}  // namespace

TEST_CASE("damaged files are read or refused, and nothing else happens") {
  for (const auto& format : file_formats::formats) {
    CAPTURE(format.name);
    const auto seeds = format.seeds();
    for (const auto& seed : seeds) format.read(seed);
    int done = 0;
    for (const int total = files_a_format(); done < total; ++done) {
      Numbers numbers(static_cast<std::uint64_t>(done) + 1);
      sample_files::Bytes file = seeds[numbers.below(seeds.size())];
      for (std::size_t i = 1 + numbers.below(6); i > 0; --i) damage(file, numbers, seeds);
      if (format.repair && numbers.below(8) != 0) format.repair(file);
      format.read(file);
    }
    CHECK(done == files_a_format());
    MESSAGE(std::string(format.name), ": ", done, " damaged files");
  }
}
