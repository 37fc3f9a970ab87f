// SPDX-License-Identifier: Apache-2.0
// One golden case, run through its binding and compared.
#pragma once
#include <map>
#include <optional>
#include "binding.h"

namespace lumigrad::parity {

enum class Verdict { passed, failed, skipped, unbound };

/// The largest deviation of one compared tensor.
struct Deviation {
  std::string what;  ///< "output 0", "gradient of image"
  double absolute = 0;
  double allowed = 0;  ///< at the entry that fits worst
  double value = 0;
  double reference = 0;
  std::int64_t element = -1;
};

struct Result {
  std::string op;
  std::string name;
  Verdict verdict = Verdict::passed;
  std::string reason = {};  ///< why it failed or was skipped
  std::optional<Deviation> worst = {};
};

/// Bindings by golden name, and rows by name.
struct Bound {
  std::multimap<std::string, Binding> bindings;
  std::map<std::string, const Operator*> rows;
};

/// Runs one entry of the manifest in f32 or f64. `tensors` are those of the case's file.
Result run_case(const Bound& bound, const nlohmann::json& entry, const Dictionary<Tensor>& tensors, DType dtype,
                Device device);

}  // namespace lumigrad::parity
