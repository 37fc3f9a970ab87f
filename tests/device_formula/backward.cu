// SPDX-License-Identifier: Apache-2.0
// Recorded gradients as device code: what run compiles and reads the resources of.
#include <lumigrad/engine/derivatives.h>
#include <lumigrad/vision/color/hsv.h>
#include <lumigrad/vision/enhance/tone.h>

/// gx and gp of one pixel a thread, planes of n pixels.
template <class F>
__global__ void backward(const float* x, const float* p, const float* w, float* gx, float* gp, int n) {
  constexpr int inputs = lumigrad::inputs_of<F>, params = lumigrad::params_of<F>, outputs = lumigrad::outputs_of<F>;
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  float in[inputs], par[params + 1], up[outputs], g[inputs], q[params + 1];
  for (int k = 0; k < inputs; ++k) in[k] = x[i + k * n];
  for (int k = 0; k < params; ++k) par[k] = p[k];
  for (int k = 0; k < outputs; ++k) up[k] = w[i + k * n];
  lumigrad::vjp<F, (params > 0)>(in, par, up, g, q);
  for (int k = 0; k < inputs; ++k) gx[i + k * n] = g[k];
  for (int k = 0; k < params; ++k) gp[i + k * n] = q[k];
}

using lumigrad::color::HsvToRgb;
using lumigrad::color::RgbToHsv;
using Jitter = lumigrad::enhance::ColorJitter<lumigrad::enhance::HueTurn::hexagon>;
template __global__ void backward<RgbToHsv>(const float*, const float*, const float*, float*, float*, int);
template __global__ void backward<HsvToRgb>(const float*, const float*, const float*, float*, float*, int);
template __global__ void backward<Jitter>(const float*, const float*, const float*, float*, float*, int);
