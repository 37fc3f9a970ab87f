// SPDX-License-Identifier: Apache-2.0
// Does nvcc work here at all? setup compiles this and nothing else.
#include <cmath>
__global__ void probe(float* x) { x[threadIdx.x] = std::sqrt(x[threadIdx.x]); }
