// SPDX-License-Identifier: Apache-2.0
#include "target.h"

LUMIGRAD_FUZZ_TARGET("policy")
