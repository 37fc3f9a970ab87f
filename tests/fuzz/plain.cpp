// SPDX-License-Identifier: Apache-2.0
// BMP, TGA, HDR and PNM.
#include "target.h"

LUMIGRAD_FUZZ_TARGET("plain")
