// SPDX-License-Identifier: Apache-2.0
// Convolutions as layers of a network.
#pragma once
#include <lumigrad/engine/families/stencil.h>
#include <lumigrad/engine/module.h>

namespace lumigrad {

/// How the windows of a layer lie; see ConvOptions and ConvTransposeOptions for what each means.
struct ConvLayerOptions {
  Extents stride = 1;
  Extents padding = 0;
  Extents dilation = 1;
  std::int64_t groups = 1;
  bool same = false;
  bool bias = true;  ///< a number for each channel of the result, to be trained
};
struct ConvTransposeLayerOptions {
  Extents stride = 1;
  Extents padding = 0;
  Extents output_padding = 0;
  Extents dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
};

/// What the layers below share: conv1d, conv2d or conv3d of [N, in, ..] with a weight [out, in / groups, kernel ..] and
/// a bias [out]. They start uniform in +-1/sqrt(n), n the products in one result, drawn by `seed`. State: weight, bias.
class LUMIGRAD_API ConvLayer : public Module {
 public:
  Tensor forward(const Tensor& x) override;

 protected:
  ConvLayer(int axes, std::int64_t in, std::int64_t out, const Extents& kernel, std::uint64_t seed,
            const ConvLayerOptions& options, DType dtype);

 private:
  int axes_;
  ConvLayerOptions options_;
  Tensor weight_, bias_;
};
/// The same with conv_transpose and a weight [in, out / groups, kernel ..], where n = out / groups times the taps.
class LUMIGRAD_API ConvTransposeLayer : public Module {
 public:
  Tensor forward(const Tensor& x) override;

 protected:
  ConvTransposeLayer(int axes, std::int64_t in, std::int64_t out, const Extents& kernel, std::uint64_t seed,
                     const ConvTransposeLayerOptions& options, DType dtype);

 private:
  int axes_;
  ConvTransposeLayerOptions options_;
  Tensor weight_, bias_;
};

template <int axes>
class ConvOf final : public ConvLayer {
 public:
  ConvOf(std::int64_t in, std::int64_t out, const Extents& kernel, std::uint64_t seed,
         const ConvLayerOptions& options = {}, DType dtype = DType::f32)
      : ConvLayer(axes, in, out, kernel, seed, options, dtype) {}
};
template <int axes>
class ConvTransposeOf final : public ConvTransposeLayer {
 public:
  ConvTransposeOf(std::int64_t in, std::int64_t out, const Extents& kernel, std::uint64_t seed,
                  const ConvTransposeLayerOptions& options = {}, DType dtype = DType::f32)
      : ConvTransposeLayer(axes, in, out, kernel, seed, options, dtype) {}
};
using Conv1d = ConvOf<1>;
using Conv2d = ConvOf<2>;
using Conv3d = ConvOf<3>;
using ConvTranspose1d = ConvTransposeOf<1>;
using ConvTranspose2d = ConvTransposeOf<2>;
using ConvTranspose3d = ConvTransposeOf<3>;

}  // namespace lumigrad
