// SPDX-License-Identifier: Apache-2.0
// The demonstration's panels: each does one of lumigrad's jobs and shows what came out.
#pragma once
#include <string>
#include <vector>

namespace lumigrad::demo {

struct Panel {
  std::string html;      ///< cards and sections of a page
  std::string sentence;  ///< what happened, for the terminal
  bool good = true;      ///< false when a result is not what it is known to be
};

/// Views with a known motion between them, rendered from the photographs (or a painted scene where there are none) and
/// registered: the error is the distance from the truth, good up to 0.05 pixels.
Panel known_registration(const std::vector<std::string>& photographs);

/// The four numbers of a colour jitter, learned from a photograph and its jittered self; good to 1 %.
Panel recovered_jitter(const std::vector<std::string>& photographs);

/// A recorded tape: its steps, and a page beside the demonstration's in `folder` that steps through them.
Panel recorded_tape(const std::string& folder);

/// The user's own two pictures.
Panel own_registration(const std::string& fixed_path, const std::string& moving_path);

}  // namespace lumigrad::demo
