// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/augment/geometric.h>
#include <lumigrad/augment/photometric.h>
#include <lumigrad/augment/registry.h>
#include <lumigrad/augment/volume.h>

namespace lumigrad::augment {
namespace {

template <class A>
std::shared_ptr<Augmentation> made() {
  return std::make_shared<A>();
}

}  // namespace

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"affine", "Shear, rotation, scale and translation about the middle, read once.", made<RandomAffine>},
      {"affine3d", "Volumes: shear, rotation, scale and translation about the middle.", made<RandomAffine3D>, true},
      {"box_blur", "The mean of a window.", made<RandomBoxBlur>},
      {"brightness", "image + (factor - 1).", made<RandomBrightness>},
      {"color_jiggle", "Kornia's ColorJiggle: added brightness, multiplied contrast, HSV saturation, hue.",
       made<ColorJiggle>},
      {"color_jitter", "TorchVision's ColorJitter: brightness, contrast about the mean, saturation about grey, hue.",
       made<ColorJitter>},
      {"contrast", "image x factor.", made<RandomContrast>},
      {"depth_flip", "Volumes mirrored front to back.", made<RandomDepthFlip>, true},
      {"erasing", "One value in a rectangle.", made<RandomErasing>},
      {"gamma", "gain image^gamma.", made<RandomGamma>},
      {"gaussian_blur", "A Gaussian average.", made<RandomGaussianBlur>},
      {"grayscale", "Grey in all channels.", made<RandomGrayscale>},
      {"horizontal_flip", "Mirrored left to right.", made<RandomHorizontalFlip>},
      {"hue", "Hue (HSV) + angle.", made<RandomHue>},
      {"invert", "max_value - image.", made<RandomInvert>},
      {"median_blur", "The median of a window.", made<RandomMedianBlur>},
      {"perspective", "Corners moved inwards: x0, y0 .. x3, y3, parts of half the extents, clockwise.",
       made<RandomPerspective>},
      {"posterize", "The upper bits of the image as bytes.", made<RandomPosterize>},
      {"rgb_shift", "A number added to each channel.", made<RandomRGBShift>},
      {"rotate", "Rotated about the middle.", made<RandomRotation>},
      {"rotate90", "Rotated about the middle by quarter turns.", made<RandomRotation90>},
      {"saturation", "Saturation (HSV) x factor.", made<RandomSaturation>},
      {"scale", "Enlarged about the middle.", made<RandomScale>},
      {"shear", "Sheared about the middle.", made<RandomShear>},
      {"solarize", "1 - image from a threshold on.", made<RandomSolarize>},
      {"translate", "Moved by fractions of the extents.", made<RandomTranslate>},
      {"vertical_flip", "Mirrored top to bottom.", made<RandomVerticalFlip>},
  };
  return all;
}

std::shared_ptr<Augmentation> make(std::string_view name) {
  for (const Kind& kind : kinds())
    if (name == kind.name) return kind.make();
  std::string known;
  for (const Kind& kind : kinds()) known += (known.empty() ? "" : ", ") + std::string(kind.name);
  throw FormatError(message("op: expected the name of an augmentation, got ", name, " (known: ", known, ")"));
}

}  // namespace lumigrad::augment
