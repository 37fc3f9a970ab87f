// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Marks what the library exports; everything else is hidden (compiled with -fvisibility=hidden).
#ifndef LUMIGRAD_API
#define LUMIGRAD_API __attribute__((visibility("default")))
#endif
