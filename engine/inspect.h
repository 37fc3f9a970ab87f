// SPDX-License-Identifier: Apache-2.0
// A recorded tape to read, to draw, to keep and to step through.
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
///    "nodes": [{"id": 0, "name": "x", "operator": "leaf", "leaf": true, "inputs": [PLACE | null],
///               "outputs": [{"shape": [3], "dtype": "f64"}], "saved_bytes": 48, "released": false,
///               "source": {"file": "example.cpp", "line": 12} | null,
///               "kept": [{"of": PLACE | null, "storage": 0, "bytes": 24}],
///               "values": [THUMBNAIL | null], "gradients": [THUMBNAIL | null]}],
///    "outputs": [PLACE | null],
///    "sweep": {"seeds": [THUMBNAIL | null], "releases": true,
///              "steps": [{"node": 2, "gives": [{"node": 0, "output": 0, "gradient": THUMBNAIL}]}]} | null}
///   PLACE is {"node": 0, "output": 0}: an output of a node.
///   THUMBNAIL is {"numbers": [1, 2, 3], "block": 1, "finite": true}, each the mean of `block` elements in order, or
///   {"picture": "base64", "width": 48, "height": 36, "channels": 3, "low": 0, "high": 1, "block": 4, "finite": true},
///   a byte a channel of a point, 0 for low and 255 for high, each point the mean of `block` x `block` elements.
/// Inputs refer to earlier nodes. `kept` says what the node holds for its adjoint; entries with the same storage share
/// memory. `values` and `gradients` belong to the outputs: a tape alone knows the values that some node keeps and the
/// gradients of leaves, a trace (trace.h) knows all and the sweep. `gives` are the gradients that a step leaves with
/// the inputs of its node, added to what earlier steps left there. Of a leaf, the last gradient is its grad().
/// Names that are not UTF-8 have the offending bytes replaced by U+FFFD. Later versions only add members; anything else
/// raises the number.
LUMIGRAD_API std::string to_json(const Tape& tape);
/// Writes to_json(tape) to a file, under a temporary name first. Throws IoError.
LUMIGRAD_API void write_json(const Tape& tape, const std::string& path);

/// Writes one page that shows the tape and steps through it, with to_json(tape) inside. It needs no network and no
/// other file. Throws IoError.
LUMIGRAD_API void write_html(const Tape& tape, const std::string& path);

}  // namespace lumigrad
