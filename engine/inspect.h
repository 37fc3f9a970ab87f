// SPDX-License-Identifier: Apache-2.0
// A recorded tape to read, to draw and to keep.
//
//   std::puts(to_text(Tape({loss})).c_str());
//
//      0  x = leaf                f64[3]
//      1  a = mul(x, x)           f64[3]   saves 48 B  example.cpp:12
//      2  loss = sum(a)           f64[]                example.cpp:12
//
// Values go by the names that `named` gave them (a second x becomes x#2), else by a, b, ..., z, aa, ab, ... in order.
// An input that no gradient flows to is `_`. Numbers count the nodes of this tape, so that the same program gives the
// same text each time.
#pragma once
#include <lumigrad/engine/tape.h>
#include <string>
#include <vector>

namespace lumigrad {

/// The name of each node of the tape, in order, all different.
LUMIGRAD_API std::vector<std::string> names_of(const Tape& tape);

/// One line a node: number, name, operator and inputs, dtype and shape, bytes saved for the sweep, source line.
LUMIGRAD_API std::string to_text(const Tape& tape);

/// The graph for Graphviz (`dot -Tsvg`): leaves are ellipses, operators boxes, arrows go the way the values went.
LUMIGRAD_API std::string to_dot(const Tape& tape);

/// The tape as JSON, one object:
///   {"schema": "lumigrad.tape", "version": 1,
///    "nodes": [{"id": 0, "name": "x", "operator": "leaf", "leaf": true, "inputs": [{"node": 0, "output": 0} | null],
///               "outputs": [{"shape": [3], "dtype": "f64"}], "saved_bytes": 48, "released": false,
///               "source": {"file": "example.cpp", "line": 12} | null}],
///    "outputs": [{"node": 2, "output": 0} | null]}
/// Inputs refer to earlier nodes. Names that are not UTF-8 have the offending bytes replaced by U+FFFD. Later versions
/// only add members; anything else raises the number.
LUMIGRAD_API std::string to_json(const Tape& tape);
/// Writes to_json(tape) to a file, under a temporary name first. Throws IoError.
LUMIGRAD_API void write_json(const Tape& tape, const std::string& path);

}  // namespace lumigrad
