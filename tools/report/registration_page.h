// SPDX-License-Identifier: Apache-2.0
// What a registration looks like.
#pragma once
#include <lumigrad/vision/registration/registration.h>

#include <string>

namespace lumigrad::report {

/// The images of a registration, 1 to 4 channels; u8, u16, or floats in [0, 1].
struct RegisteredPair {
  std::string fixed_name, moving_name;
  Tensor fixed, moving;
  registration::Result result;
};

/// The moving image on the frame of the fixed one, zero outside: out(x) = moving(matrix x). Channels and dtype f32.
Tensor warped_onto(const Tensor& moving, const std::array<double, 9>& matrix, std::int64_t height, std::int64_t width);

/// The same in u8 or u16 (bits 8 or 16), a band of rows at a time: a large picture never stands in memory as floats.
Tensor warped_picture(const Tensor& moving, const std::array<double, 9>& matrix, std::int64_t height,
                      std::int64_t width, int bits);

/// What a status means for whoever wants to use the motion.
const char* registration_meaning(registration::Status status);

/// One line: the status and how well the images agree, by a measure that means something under that status.
std::string registration_sentence(const registration::Result& result);

/// Key figures, pictures (overlay before and after, checkerboard, difference) and certainty, as sections of a page.
std::string registration_cards(const RegisteredPair& pair);
std::string registration_pictures(const RegisteredPair& pair);
std::string registration_figures(const RegisteredPair& pair);

/// The whole report.
std::string registration_page(const RegisteredPair& pair);

}  // namespace lumigrad::report
