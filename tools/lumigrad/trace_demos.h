// SPDX-License-Identifier: Apache-2.0
// Small programs worth stepping through.
#pragma once
#include <lumigrad/engine/trace.h>
#include <span>

namespace lumigrad::command {

struct TraceDemo {
  const char* name;
  const char* doc;
  void (*run)(Trace& trace);  // records and sweeps
};
std::span<const TraceDemo> trace_demos();

}  // namespace lumigrad::command
