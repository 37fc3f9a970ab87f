// SPDX-License-Identifier: Apache-2.0
// The augmentations by name: what policies, the catalogue and the gradient check walk over. One that is not here does
// not exist for them.
#pragma once
#include <lumigrad/augment/augmentation.h>

namespace lumigrad::augment {

/// One augmentation.
struct Kind {
  const char* name;  ///< in policies; "augment." before it in the catalogue
  const char* doc;   ///< one line
  std::shared_ptr<Augmentation> (*make)();
  bool volume = false;  ///< acts on volumes [N, C, D, H, W] instead of images
};

/// All of them, sorted by name.
LUMIGRAD_API const std::vector<Kind>& kinds();
/// One with its defaults. Throws FormatError for an unknown name.
LUMIGRAD_API std::shared_ptr<Augmentation> make(std::string_view name);

}  // namespace lumigrad::augment
