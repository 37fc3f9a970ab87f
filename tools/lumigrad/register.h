// SPDX-License-Identifier: Apache-2.0
// What the two forms of `lumigrad register` share.
#pragma once
#include <lumigrad/vision/registration/registration.h>

#include <string>

#include "picture_file.h"

namespace lumigrad::command {

/// The words of the command line.
struct RegisterRequest {
  std::string fixed, moving, model = "homography", out, init = "auto", loss = "geman_mcclure";
  std::string fixed_mask, moving_mask, device = "cpu", pairs, shard;
  int threads = 0;  ///< 0: the library's choice
  bool resume = false, pictures = false;
};

/// Start, loss and model of every pair.
registration::Options registration_options(const RegisterRequest& request);

/// transform.json, warped.png and report.html: all of them or none.
void write_registration(const std::string& folder, const std::string& fixed_path, const std::string& moving_path,
                        const Picture& fixed, const Picture& moving, const registration::Result& result);

/// register --pairs.
int register_pairs(const RegisterRequest& request);

}  // namespace lumigrad::command
