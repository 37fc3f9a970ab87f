// SPDX-License-Identifier: Apache-2.0
// What the rows of engine/operators.h are made from: parts by kind of operator, and the samples they share.
#pragma once
#include <lumigrad/engine/catalogue.h>
#include <lumigrad/engine/random.h>

namespace lumigrad::rows {

std::vector<Operator> unary();
std::vector<Operator> several_inputs();
std::vector<Operator> reductions_and_products();
std::vector<Operator> views();
std::vector<Operator> statistics();
std::vector<Operator> networks();
std::vector<Operator> classification();
std::vector<Operator> gathers();
std::vector<Operator> arrangements();
std::vector<Operator> ranks();
std::vector<Operator> scans();
std::vector<Operator> stencils();
std::vector<Operator> pooling();
std::vector<Operator> decompositions();
std::vector<Operator> vectors();

/// A tensor argument.
Argument tensor(const char* name, const char* doc, Differentiability gradient = Differentiability::exact,
                const char* range = "", const char* otherwise = "");

/// Numbers in [low, high], f64, that keep away from some points; the n-th draw of a sample.
Tensor numbers(const Generator& generator, std::uint32_t n, const Shape& shape, double low, double high,
               const std::vector<double>& avoid = {});

/// Shapes every elementwise operator is tried on: scalar, one row, odd, even, batches of one and two, empty.
const std::vector<std::pair<const char*, Shape>>& shapes();

/// One number as an f64 tensor.
Tensor number(double value);

/// Bytes of an elementwise operator with k inputs: read them and write a result; back: read the inputs and a cotangent,
/// write k gradients.
std::function<std::pair<double, double>(const Shape&, DType)> elementwise_bytes(int inputs);

}  // namespace lumigrad::rows
