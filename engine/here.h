// SPDX-License-Identifier: Apache-2.0
// The line of the caller. Every public operator ends in a parameter `Here here = {}`, so that an error in a backward
// sweep can name the line that recorded the operator. (The compiler fills it in where the call stands.)
#pragma once

namespace lumigrad {

/// File and line of the call that made it.
struct Here {
  const char* file;
  int line;
  constexpr Here(const char* f = __builtin_FILE(), int l = __builtin_LINE()) : file(f), line(l) {}
};

}  // namespace lumigrad
