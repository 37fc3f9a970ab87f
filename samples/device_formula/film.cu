// SPDX-License-Identifier: Apache-2.0
// All that a device needs to know of the formula.
#include "film.h"

#include <lumigrad/cuda/formula.h>

LUMIGRAD_DEVICE_FORMULA(sample::Film);
