// SPDX-License-Identifier: Apache-2.0
// Numbers as keys to sort by, on the CPU and on devices.
#pragma once
#include <lumigrad/engine/math.h>
#include <bit>
#include <cstdint>
#include <type_traits>

namespace lumigrad {

/// The bits that a key of T has: 4-byte numbers have the lower half.
template <class T>
inline constexpr std::uint64_t all_bits = sizeof(T) == 4 ? 0xffffffffu : ~std::uint64_t{0};

/// A number as an unsigned one of the same order: negative numbers have more bits set the smaller they are, NaN has all
/// and is larger than everything, -0 is 0.
template <class T>
LUMIGRAD_HD std::uint64_t key_of(T x) {
  constexpr std::uint64_t sign = all_bits<T> / 2 + 1;
  if constexpr (std::is_integral_v<T>) {
    return static_cast<std::uint64_t>(x) ^ sign;
  } else {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    const std::uint64_t bits = std::bit_cast<Bits>(x + T(0));
    return x != x ? all_bits<T> : bits & sign ? ~bits & all_bits<T> : bits | sign;
  }
}

}  // namespace lumigrad
