// SPDX-License-Identifier: Apache-2.0
// Random changes of pixel values. Images are [N, C, H, W] in [0, 1] (volumes too where no colour is asked for); results
// stay in [0, 1]. Masks, boxes and points are left alone. Gradients flow to the image, the drawn numbers and so the
// ends of every distribution, and to the probability.
//
// A distribution that is left out is a spread of 0: nothing happens until it is told or taught to.
#pragma once
#include <lumigrad/augment/augmentation.h>

namespace lumigrad::augment {

/// A change that is one function of image, numbers and options: a step of a chain, which pipelines join with its
/// neighbours into one pass over memory, or any other.
class LUMIGRAD_API Photometric : public Augmentation {
 public:
  Settings settings() const override;
  void set(const std::string& name, const Setting& value) override;
  PixelStep pixel_step(const Tensor& image, const Draw& draw) const override;

 protected:
  using Step = PixelStep (*)(const Tensor& image, const Draw& draw, const Settings& settings);
  using Change = Tensor (*)(const Tensor& image, const Draw& draw, const Settings& settings);
  Photometric(std::string name, Gate p, std::vector<Parameter> drawn, Step step, Settings settings = {});
  Photometric(std::string name, Gate p, std::vector<Parameter> drawn, Change change, Settings settings = {});
  Tensor transform(const Tensor& image, const Draw& draw) const override;

 private:
  Step step_ = nullptr;
  Change change_ = nullptr;
  Settings settings_;
};

struct ColorJitterOptions {
  Distribution brightness = {};  ///< factor, >= 0; 0.2 means [0.8, 1.2]
  Distribution contrast = {};    ///< factor about the mean grey level, >= 0
  Distribution saturation = {};  ///< factor about the grey of each pixel, >= 0
  Distribution hue = {};         ///< added to the hue, radians, in [-pi, pi] (Kornia and TorchVision count in turns)
  /// The four in this order, each a letter of b c s h; "random" draws an order for each sample.
  std::string order = "bcsh";
  Gate p = 1;
};
/// Brightness, contrast, saturation and hue of RGB images with the meaning they have in TorchVision and in Kornia's
/// ColorJitter, the image limited to [0, 1] before. In the order "bcsh" it is one pass over the image
/// (enhance::color_jitter).
class LUMIGRAD_API ColorJitter final : public Augmentation {
 public:
  explicit ColorJitter(ColorJitterOptions options = {});
  Settings settings() const override;
  void set(const std::string& name, const Setting& value) override;

 protected:
  Tensor transform(const Tensor& image, const Draw& draw) const override;
  void draw_more(Draw& draw, const Generator& generator, const Shape& image) const override;

 private:
  std::string order_;
};

/// The same four with the meaning they have in Kornia's ColorJiggle: brightness is added (factor - 1), contrast
/// multiplies, saturation is that of HSV; the image is limited to [0, 1] before.
class LUMIGRAD_API ColorJiggle final : public Augmentation {
 public:
  explicit ColorJiggle(ColorJitterOptions options = {});
  Settings settings() const override;
  void set(const std::string& name, const Setting& value) override;

 protected:
  Tensor transform(const Tensor& image, const Draw& draw) const override;
  void draw_more(Draw& draw, const Generator& generator, const Shape& image) const override;

 private:
  std::string order_;
};

struct FactorOptions {
  Distribution factor = {};
  Gate p = 1;
};
/// image + (factor - 1), factor in [0, 2]: Kornia's. TorchVision's brightness is that of ColorJitter.
class LUMIGRAD_API RandomBrightness final : public Photometric {
 public:
  explicit RandomBrightness(FactorOptions options = {});
};
/// image x factor, factor >= 0: Kornia's. TorchVision's contrast is that of ColorJitter.
class LUMIGRAD_API RandomContrast final : public Photometric {
 public:
  explicit RandomContrast(FactorOptions options = {});
};
/// Saturation (HSV) x factor, factor >= 0. RGB.
class LUMIGRAD_API RandomSaturation final : public Photometric {
 public:
  explicit RandomSaturation(FactorOptions options = {});
};

struct HueOptions {
  Distribution angle = {};  ///< radians, in [-pi, pi]
  Gate p = 1;
};
/// Hue (HSV) + angle. RGB.
class LUMIGRAD_API RandomHue final : public Photometric {
 public:
  explicit RandomHue(HueOptions options = {});
};

struct GammaOptions {
  Distribution gamma = {};  ///< >= 0
  Distribution gain = {};   ///< >= 0
  Gate p = 1;
};
/// gain x image^gamma.
class LUMIGRAD_API RandomGamma final : public Photometric {
 public:
  explicit RandomGamma(GammaOptions options = {});
};

struct ShiftOptions {
  Distribution red = {}, green = {}, blue = {};
  Gate p = 0.5;
};
/// A number added to each channel. RGB.
class LUMIGRAD_API RandomRGBShift final : public Photometric {
 public:
  explicit RandomRGBShift(ShiftOptions options = {});
};

struct SolarizeOptions {
  Distribution threshold = {0.4, 0.6};  ///< in [0, 1]; no gradient: it moves a jump
  Distribution addition = {-0.1, 0.1};  ///< in [-0.5, 0.5]; its gradient misses the pixels that cross the threshold
  Gate p = 0.5;
};
/// enhance::solarize.
class LUMIGRAD_API RandomSolarize final : public Photometric {
 public:
  explicit RandomSolarize(SolarizeOptions options = {});
};

struct GaussianBlurOptions {
  Distribution sigma = {0.1, 2.0};  ///< pixels, > 0
  Size kernel = {3, 3};             ///< extents of the window, odd or even
  Border border = Border::reflection;
  Gate p = 0.5;
};
/// A Gaussian average (filters::gaussian_blur2d). Its options are kernel_height, kernel_width and border.
class LUMIGRAD_API RandomGaussianBlur final : public Photometric {
 public:
  explicit RandomGaussianBlur(GaussianBlurOptions options = {});
};

struct WindowOptions {
  Size kernel = {3, 3};
  Border border = Border::reflection;
  Gate p = 0.5;
};
/// The mean of a window (filters::box_blur). Its options are kernel_height, kernel_width and border, as are those of
/// RandomMedianBlur.
class LUMIGRAD_API RandomBoxBlur final : public Photometric {
 public:
  explicit RandomBoxBlur(WindowOptions options = {});
};
/// The median of a window (filters::median_blur).
class LUMIGRAD_API RandomMedianBlur final : public Photometric {
 public:
  explicit RandomMedianBlur(WindowOptions options = {});
};

struct PosterizeOptions {
  Distribution bits = {3, 8};  ///< in [0, 8], rounded to whole ones; no gradient, and none in the image
  Gate p = 0.5;
};
/// enhance::posterize.
class LUMIGRAD_API RandomPosterize final : public Photometric {
 public:
  explicit RandomPosterize(PosterizeOptions options = {});
};

struct ErasingOptions {
  Distribution width = {0.15, 0.5}, height = {0.15, 0.5};  ///< parts of the extents, in [0, 1]
  Distribution x = {0, 1}, y = {0, 1};  ///< where in the room that is left it lies: 0 at the left (top), 1 at the right
  double value = 0;                     ///< what is put there
  Gate p = 0.5;
};
/// A rectangle of whole pixels gets one value. Its numbers have no gradient: they move a jump. Masks stay as they are.
/// Z. Zhong et al., Random erasing data augmentation, 2020, with width and height in place of area and aspect ratio.
class LUMIGRAD_API RandomErasing final : public Photometric {
 public:
  explicit RandomErasing(ErasingOptions options = {});
};

/// The grey of RGB images in all channels. The options red, green and blue are its weights: 0.299, 0.587, 0.114.
class LUMIGRAD_API RandomGrayscale final : public Photometric {
 public:
  explicit RandomGrayscale(Gate p = 0.1);
};
/// max_value - image; the option max_value is 1.
class LUMIGRAD_API RandomInvert final : public Photometric {
 public:
  explicit RandomInvert(Gate p = 0.5);
};

}  // namespace lumigrad::augment
