// SPDX-License-Identifier: Apache-2.0
// A recording that can be stepped through: what each node computed, and what the sweep sent back through it.
//
//   Trace trace;                                       // looks on from here
//   const Tensor loss = losses::mse_loss(geometry::warp_perspective(image, matrix, options), target);
//   trace.backward({loss});                            // loss.backward(), watched
//   write_html(trace, "registration.html");            // open it in any browser; arrow keys step
//
// A tape knows the steps and the values that their adjoints need. The other values are gone by the time anybody asks,
// and so are all gradients but those of the leaves. A trace looks on instead: while it lives, every value that its
// thread records leaves a thumbnail with it, and during its sweep every gradient does. Numbers, not tensors: a trace
// keeps no graph and no image alive.
#pragma once
#include <lumigrad/engine/inspect.h>

namespace lumigrad {

class LUMIGRAD_API Trace {
 public:
  /// Looks on at what this thread records, until the trace is destroyed. Values beyond the first `most_values` are not
  /// kept. Traces may be nested; the innermost looks on.
  explicit Trace(std::size_t most_values = 10'000);
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// backward() of tape.h, watched. A second sweep takes the place of the first. Must be called on the trace's thread.
  void backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& seeds = {},
                BackwardOptions options = {});

  /// The recorded steps in the schema of to_json(Tape), with all values and the sweep. Throws GraphError before the
  /// first sweep.
  const std::string& json() const;

 private:
  class Eye;
  Eye* eye_;
};

/// Writes trace.json() to a file. Throws IoError.
LUMIGRAD_API void write_json(const Trace& trace, const std::string& path);
/// Writes the trace as a page to step through. Throws IoError.
LUMIGRAD_API void write_html(const Trace& trace, const std::string& path);
/// For programs that are run by `lumigrad trace PROGRAM`: writes the JSON to the file that the environment variable
/// LUMIGRAD_TRACE names and returns true; does nothing when it is not set.
LUMIGRAD_API bool write_if_asked(const Trace& trace);

}  // namespace lumigrad
