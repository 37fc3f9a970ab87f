// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Before a loop whose arrays are to stay in registers.
#if defined(__CUDACC__)
#define LUMIGRAD_UNROLL _Pragma("unroll")
#else
#define LUMIGRAD_UNROLL
#endif
