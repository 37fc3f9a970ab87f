// SPDX-License-Identifier: Apache-2.0
// What a program outside the repository does, built four ways by the projects beside this file.
#include <lumigrad/lumigrad.h>

#include <cstdio>
#include <cstring>

int main() {
  if (std::strlen(lumigrad::version()) == 0) return 1;
  std::printf("lumigrad %s\n", lumigrad::version());
  return 0;
}
