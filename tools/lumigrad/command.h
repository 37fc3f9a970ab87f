// SPDX-License-Identifier: Apache-2.0
// The subcommands of `lumigrad`, one file each. A subcommand adds its options to the parser and, when it is the one
// that was called, leaves in `action` what is to be done. Actions return an exit code: 0 done, 1 a check failed. What
// they throw becomes one line on stderr and the exit code 2 (Usage) or 3 (everything else: data, files, limits).
//
// A new subcommand: a file here, its add_ function below, a call in main.cpp, a line in tools/meson.build.
#pragma once
#include <lumigrad/engine/catalogue.h>
#include <lumigrad/engine/device.h>
#include <functional>

#include "command_line.h"

namespace lumigrad::command {

using Action = std::function<int()>;

void add_info(Command app, Action& action);
void add_op(Command app, Action& action);
void add_register(Command app, Action& action);
void add_warp(Command app, Action& action);
void add_transform(Command app, Action& action);
void add_augment(Command app, Action& action);
void add_trace(Command app, Action& action);

// The subcommand of `augment`.
void add_augment_check(Command augment, Action& action);

// The subcommands of `op`.
void add_op_list(Command op, Action& action);
void add_op_run(Command op, Action& action);
void add_op_check(Command op, Action& action);
void add_op_bench(Command op, Action& action);

/// --device: throws DeviceError with the reason when the device is not there.
Device require_device(const std::string& name);
/// An operator and its arguments, a line each.
std::string operator_text(const Operator& row);
/// The rows of these names, or all when there are none; throws Usage for an unknown name. "color." stands for an area.
std::vector<const Operator*> chosen_operators(const std::vector<std::string>& names);

}  // namespace lumigrad::command
