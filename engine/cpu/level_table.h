// SPDX-License-Identifier: Apache-2.0
// A table of kernels that is compiled once per instruction level, and how one of them is picked.
#pragma once
#include <lumigrad/engine/cpu/kernels.h>

namespace lumigrad {

/// What of a table, or of a formula's kernels, is for numbers of type T.
template <class T, class Table>
constexpr const auto& of_type(const Table& table) {
  if constexpr (sizeof(T) == sizeof(float))
    return table.f32;
  else
    return table.f64;
}

}  // namespace lumigrad

/// In namespace lumigrad: declares `table` as every level compiles it.
/// LUMIGRAD_AT(level, table) is the one of that level, or of the best below it that this build has.
#if defined(__x86_64__)
#define LUMIGRAD_LEVEL_TABLE(Type, table) \
  namespace baseline {                    \
  extern const Type table;                \
  }                                       \
  namespace v3 {                          \
  extern const Type table;                \
  }                                       \
  namespace v4 {                          \
  extern const Type table;                \
  }
#define LUMIGRAD_AT(level, table) \
  ((level) == Level::v4 ? v4::table : (level) == Level::v3 ? v3::table : baseline::table)
#else
#define LUMIGRAD_LEVEL_TABLE(Type, table) \
  namespace baseline {                    \
  extern const Type table;                \
  }
#define LUMIGRAD_AT(level, table) (static_cast<void>(level), baseline::table)
#endif
