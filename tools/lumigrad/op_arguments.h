// SPDX-License-Identifier: Apache-2.0
// Arguments of one operator, as files and the command line give them.
#pragma once
#include <lumigrad/engine/catalogue.h>
#include <lumigrad/engine/dictionary.h>
#include <map>
#include <string>

namespace lumigrad::command {

/// The tensors of a file by argument name, without the cotangents (up/...); sizes and numbers may come as tensors too.
Values tensors_of(const Operator& op, const Dictionary<Tensor>& file);
/// Sets the arguments of a JSON object: the text itself, or that of a file for @FILE.
void set_parameters(Values& values, const std::string& text);
/// What the tensors that are no bare numbers have; f32 when there are none.
DType dtype_of(const Operator& op, const Values& values);

}  // namespace lumigrad::command
