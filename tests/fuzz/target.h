// SPDX-License-Identifier: Apache-2.0
// What makes a fuzz target of a format: good files enter through the mutator, so that no corpus has to be kept.
#pragma once
#include <algorithm>
#include <cstring>

#include "../file_formats.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace fuzz {

inline int read(const char* name, const std::uint8_t* data, std::size_t size) {
  static const file_formats::Format& format = file_formats::format(name);
  format.read({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}

inline std::size_t mutate(const char* name, std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  static const file_formats::Format& format = file_formats::format(name);
  static const auto seeds = format.seeds();
  if (size < 8 || seed % 50 == 0) {
    const auto& file = seeds[seed / 50 % seeds.size()];
    size = std::min(file.size(), most);
    std::memcpy(data, file.data(), size);
  }
  size = LLVMFuzzerMutate(data, size, most);
  if (format.repair && seed % 8 != 1) {
    file_formats::Bytes file(reinterpret_cast<std::byte*>(data), reinterpret_cast<std::byte*>(data) + size);
    format.repair(file);
    std::memcpy(data, file.data(), size);
  }
  return size;
}

}  // namespace fuzz

#define LUMIGRAD_FUZZ_TARGET(name)                                                                       \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {                    \
    return fuzz::read(name, data, size);                                                                 \
  }                                                                                                      \
  extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, \
                                                 unsigned seed) {                                        \
    return fuzz::mutate(name, data, size, most, seed);                                                   \
  }
