// SPDX-License-Identifier: Apache-2.0
// Sorting by keys, by CUB on the device and by the standard library in the stand-in.
#pragma once
#include <lumigrad/cuda/launch.h>

namespace lumigrad::cuda {

/// Brings pairs into the order of the lowest `bits` bits of their keys; equal keys keep theirs. Results are in `keys`
/// and `values` again.
Status sort_pairs(Place place, std::uint64_t* keys, std::int64_t* values, std::int64_t n, int bits);

}  // namespace lumigrad::cuda
