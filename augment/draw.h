// SPDX-License-Identifier: Apache-2.0
// Draw: everything random about one call, as numbers.
//
// An augmentation first draws its parameters, then applies them. In between stands this value, which can be looked at,
// changed, kept, and given again: applying the same draw to the same images gives the same result, bit for bit.
#pragma once
#include <lumigrad/engine/dictionary.h>
#include <lumigrad/engine/tensor.h>

namespace lumigrad::augment {

/// What was drawn for N samples.
struct LUMIGRAD_API Draw {
  Tensor gate;                   ///< [N] f64: 1 applied, 0 not, in between when relaxed
  Dictionary<Tensor> values;     ///< parameters by name, [N] (or one number for all), any float type
  std::vector<Draw> steps = {};  ///< of a pipeline, one a step
  Tensor choice = {};            ///< of one_of and some_of: [N, steps] f64, how much of each step is taken
  Tensor log_probability = {};   ///< [N]: of choices that learn by score function, of this step alone
  bool shared = false;           ///< one draw for the whole batch (same_on_batch)

  std::int64_t count() const { return gate.defined() ? gate.size(0) : 0; }
  /// A parameter; throws FormatError when it is not there.
  const Tensor& value(const std::string& name) const;
  /// Samples [begin, end) of it.
  Draw part(std::int64_t begin, std::int64_t end) const;
  /// The draw of one sample for `count` samples.
  Draw repeated(std::int64_t count) const;
  /// The same numbers outside the graph.
  Draw detach() const;
  /// Every log_probability of this draw and its steps added, [N]; undefined when there is none.
  Tensor total_log_probability() const;
};

}  // namespace lumigrad::augment
