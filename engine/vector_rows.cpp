// SPDX-License-Identifier: Apache-2.0
// Rows of lengths, distances, cross products and Einstein's sums.
#include <lumigrad/engine/einsum.h>
#include <lumigrad/engine/operator_rows.h>
#include <lumigrad/engine/vectors.h>
#include <algorithm>
#include <limits>

namespace lumigrad::rows {
namespace {

using I = std::int64_t;
using Kind = Argument::Kind;
using List = std::vector<double>;
using Results = std::vector<Tensor>;

const double infinity = std::numeric_limits<double>::infinity();
Tensor vector(const List& values) { return Tensor::from(values, {static_cast<I>(values.size())}); }

struct Case {
  const char* name;
  std::vector<Shape> shapes;
  Values rest = {};
};

Operator row(const char* name, const char* doc, std::vector<Argument> arguments, Results (*call)(const Values&),
             const std::vector<Case>& cases, double avoid = 0) {
  const std::string label = name;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = std::move(arguments);
  op.call = call;
  op.samples = [=, arguments = op.arguments](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const Case& c : cases) {
      const Generator generator{seed, operation_id(label), samples.size()};
      Values values = c.rest;
      std::size_t n = 0;
      for (const Argument& argument : arguments)
        if (argument.kind == Kind::tensor && n < c.shapes.size()) {
          values.set(argument.name, numbers(generator, static_cast<std::uint32_t>(n), c.shapes[n], -1, 1, {avoid}));
          ++n;
        }
      samples.push_back({c.name, values});
    }
    return samples;
  };
  return op;
}

Operator vector_norm_row() {
  Operator op =
      row("vector_norm", "The length (sum |x|^p)^(1/p) over some axes, or of all elements.",
          {tensor("x", "any shape", Differentiability::almost_everywhere),
           {.name = "p", .kind = Kind::number, .doc = "exponent; infinities for the extremes", .otherwise = "2"},
           {.name = "axes", .kind = Kind::list, .doc = "axes; all when left out", .optional = true},
           {.name = "keep", .kind = Kind::flag, .doc = "leave the axes with extent 1", .otherwise = "false"}},
          [](const Values& v) {
            const Tensor x = v.tensor("x");
            std::vector<int> axes;
            for (int axis = 0; axis < x.rank() && !v.has("axes"); ++axis) axes.push_back(axis);
            if (v.has("axes"))
              for (const double axis : v.list("axes")) axes.push_back(static_cast<int>(axis));
            return Results{vector_norm(x, v.number("p"), axes, v.flag("keep"))};
          },
          {{"all", {{3, 4}}},
           {"last axis", {{3, 4, 5}}, {{"axes", List{-1}}}},
           {"two axes, kept", {{2, 3, 4}}, {{"axes", List{0, 2}}, {"keep", true}}},
           {"sum of sizes", {{3, 5}}, {{"p", 1.0}, {"axes", List{1}}}},
           {"cubes", {{3, 5}}, {{"p", 3.0}, {"axes", List{1}}}},
           {"roots", {{2, 4}}, {{"p", 0.5}, {"axes", List{1}}}},
           {"a negative exponent", {{2, 4}}, {{"p", -1.5}, {"axes", List{1}}}},
           {"largest", {{3, 5}}, {{"p", infinity}, {"axes", List{1}}}},
           {"smallest", {{3, 5}}, {{"p", -infinity}, {"axes", List{1}}}},
           {"count", {{3, 5}}, {{"p", 0.0}, {"axes", List{1}}}},
           {"image", {{1, 3, 5, 7}}, {{"axes", List{1}}}},
           {"one row", {{1, 9}}, {{"axes", List{1}}, {"p", 2.5}}},
           {"no lines", {{0, 3}}, {{"axes", List{1}}}},
           {"scalar", {{}}}});
  op.kinks = {{"the zero vector", {{"x", vector({0, 0})}}, number(1), "x", vector({0, 0})},
              {"the zero vector, cubes", {{"x", vector({0, 0})}, {"p", 3.0}}, number(1), "x", vector({0, 0})},
              {"a zero, roots", {{"x", vector({0, 4})}, {"p", 0.5}}, number(1), "x", vector({0, 1})},
              {"two are largest", {{"x", vector({-2, 2})}, {"p", infinity}}, number(1), "x", vector({-0.5, 0.5})}};
  op.golden = {{"hand calculation", {{"x", vector({3, -4})}}, {number(5)}, 1e-14},
               {"not zero", {{"x", vector({3, 0, -4})}, {"p", 0.0}}, {number(2)}, 0}};
  op.refusals = {{"integers", {{"x", Tensor::ones({2}, DType::i64)}}, "vector_norm: expected"},
                 {"no exponent",
                  {{"x", Tensor::ones({2})}, {"p", std::numeric_limits<double>::quiet_NaN()}},
                  "vector_norm: expected"},
                 {"no such axis", {{"x", Tensor::ones({2})}, {"axes", List{1}}}, "expected"}};
  return op;
}

const std::vector<std::string>& norms() {
  static const std::vector<std::string> all = {"fro", "nuc", "2", "-2", "1", "-1", "inf", "-inf"};
  return all;
}

Operator matrix_norm_row() {
  std::vector<Case> cases = {{"batch of one", {{1, 3, 4}}},
                             {"kept", {{2, 3, 4}}, {{"keep", true}}},
                             {"one number", {{1, 1}}, {{"norm", std::string("2")}}},
                             {"kept value", {{2, 3, 3}}, {{"norm", std::string("nuc")}, {"keep", true}}},
                             {"empty batch", {{0, 2, 3}}, {{"norm", std::string("1")}}}};
  for (const std::string& norm : norms()) {
    cases.push_back({norm.c_str(), {{2, 3, 4}}, {{"norm", norm}}});
    cases.push_back({norm.c_str(), {{4, 2}}, {{"norm", norm}}});
  }
  Operator op = row(
      "matrix_norm", "The length of matrices, by squares, singular values, columns or rows.",
      {tensor("a", "[.., m, n]", Differentiability::almost_everywhere),
       {.name = "norm",
        .kind = Kind::choice,
        .doc = "squares; sum, largest, smallest singular value; largest, smallest column; row",
        .otherwise = "\"fro\"",
        .choices = norms()},
       {.name = "keep", .kind = Kind::flag, .doc = "leave the axes with extent 1", .otherwise = "false"}},
      [](const Values& v) {
        const auto at = std::find(norms().begin(), norms().end(), v.choice("norm")) - norms().begin();
        return Results{matrix_norm(v.tensor("a"), static_cast<MatrixNorm>(at), v.flag("keep"))};
      },
      cases);
  op.f32_bound = 1e-4;
  op.grad_bound = 1e-3;
  op.bound_reason = "singular vectors of values that are close";
  op.golden = {{"hand calculation",
                {{"a", Tensor::from(List{1, -7, 2, 3}, {2, 2})}, {"norm", std::string("1")}},
                {number(10)},
                0}};
  op.refusals = {{"a vector", {{"a", Tensor::ones({2})}}, "matrix_norm: expected"},
                 {"integers", {{"a", Tensor::ones({2, 2}, DType::i64)}}, "matrix_norm: expected"}};
  return op;
}

Operator cross_row() {
  Operator op = row(
      "cross", "The cross product of vectors of three numbers along an axis.",
      {tensor("a", "three along the axis"),
       tensor("b", "three along the axis"),
       {.name = "axis", .kind = Kind::integer, .doc = "along which", .otherwise = "-1"}},
      [](const Values& v) { return Results{cross(v.tensor("a"), v.tensor("b"), static_cast<int>(v.integer("axis")))}; },
      {{"two vectors", {{3}, {3}}},
       {"rows", {{4, 3}, {4, 3}}},
       {"columns", {{3, 5}, {3, 5}}, {{"axis", I{0}}}},
       {"one for many", {{3}, {2, 4, 3}}},
       {"broadcast", {{2, 1, 3}, {1, 4, 3}}},
       {"channels", {{1, 3, 5, 7}, {1, 3, 5, 7}}, {{"axis", I{1}}}},
       {"batch of two", {{2, 3, 3}, {2, 3, 3}}, {{"axis", I{-2}}}},
       {"empty", {{0, 3}, {0, 3}}}});
  op.linear = true;
  op.golden = {{"hand calculation", {{"a", vector({1, 0, 0})}, {"b", vector({0, 1, 0})}}, {vector({0, 0, 1})}, 0}};
  op.refusals = {
      {"two numbers", {{"a", Tensor::ones({2})}, {"b", Tensor::ones({2})}}, "cross: expected"},
      {"no such axis", {{"a", Tensor::ones({3})}, {"b", Tensor::ones({3})}, {"axis", I{1}}}, "cross: expected"}};
  return op;
}

Operator cdist_row() {
  Operator op = row("cdist", "The distance of each row of a from each row of b.",
                    {tensor("a", "[.., m, d]", Differentiability::almost_everywhere),
                     tensor("b", "[.., n, d]", Differentiability::almost_everywhere),
                     {.name = "p", .kind = Kind::number, .doc = "exponent", .otherwise = "2"}},
                    [](const Values& v) { return Results{cdist(v.tensor("a"), v.tensor("b"), v.number("p"))}; },
                    {{"points of a plane", {{4, 2}, {3, 2}}},
                     {"of space", {{2, 4, 3}, {2, 5, 3}}},
                     {"one for a batch", {{3, 2}, {2, 4, 2}}},
                     {"batch of one", {{1, 3, 2}, {1, 2, 2}}, {{"p", 1.0}}},
                     {"largest", {{3, 4}, {2, 4}}, {{"p", infinity}}},
                     {"cubes", {{3, 2}, {2, 2}}, {{"p", 3.0}}},
                     {"descriptors", {{2, 16}, {3, 16}}},
                     {"no points", {{0, 2}, {3, 2}}}});
  op.kinks = {{"a point and itself",
               {{"a", Tensor::ones({1, 2}, DType::f64)}, {"b", Tensor::ones({1, 2}, DType::f64)}},
               Tensor::ones({1, 1}, DType::f64),
               "a",
               Tensor::zeros({1, 2}, DType::f64)}};
  op.refusals = {
      {"numbers of coordinates differ", {{"a", Tensor::ones({2, 3})}, {"b", Tensor::ones({2, 2})}}, "cdist: expected"},
      {"a vector", {{"a", Tensor::ones({3})}, {"b", Tensor::ones({2, 3})}}, "cdist: expected"}};
  return op;
}

Operator einsum_row() {
  const auto sum = [](const char* equation) { return Values{{"equation", std::string(equation)}}; };
  Operator op =
      row("einsum", "Products of tensors along axes with letters, summed over those that the result does not have.",
          {{.name = "equation",
            .kind = Kind::choice,
            .doc = "letters of each operand, -> and those of the result",
            .choices = {"bij,bjk->bik", "bchw,cd->bdhw", "ij->ji", "..."}},
           tensor("a", "first operand"),
           tensor("b", "second operand"),
           tensor("c", "third operand")},
          [](const Values& v) {
            std::vector<Tensor> operands;
            for (const char* name : {"a", "b", "c"})
              if (v.has(name)) operands.push_back(v.tensor(name));
            return Results{einsum(v.choice("equation"), operands)};
          },
          {{"products", {{2, 3, 4}, {2, 4, 5}}, sum("bij,bjk->bik")},
           {"channels", {{2, 3, 4, 2}, {3, 5}}, sum("bchw,cd->bdhw")},
           {"transposed", {{2, 3}}, sum("ij->ji")},
           {"a trace", {{3, 3}}, sum("ii")},
           {"diagonals", {{2, 3, 3}}, sum("bii->bi")},
           {"the diagonal of a cube", {{2, 2, 2}}, sum("iii->i")},
           {"sums", {{2, 3, 4}}, sum("ijk->j")},
           {"outer", {{3}, {4}}, sum("i,j->ij")},
           {"everything", {{2, 3}, {2, 3}}, sum("ij,ij->")},
           {"by the alphabet", {{2, 3}, {3, 4}}, sum("ba, ac")},
           {"leading axes", {{2, 1, 3, 4}, {5, 4, 2}}, sum("...ij,...jk->...ik")},
           {"one is repeated", {{2, 1}, {2, 3}}, sum("ij,ij->ij")},
           {"three", {{2, 3}, {3, 4}, {4, 2}}, sum("ij,jk,kl->il")},
           {"three, one letter late", {{2, 3}, {2}, {3, 2}}, sum("ij,i,ji->j")},
           {"summed in one alone", {{2, 3, 4}, {2}}, sum("ijk,i->k")},
           {"empty", {{0, 3}, {3, 2}}, sum("ij,jk->ik")}});
  op.arguments[2].optional = op.arguments[3].optional = true;
  op.golden = {{"hand calculation",
                {{"equation", std::string("i,i->")}, {"a", vector({1, 2})}, {"b", vector({3, 4})}},
                {number(11)},
                0}};
  const auto refuse = [&](const char* what, const char* equation, const Shape& a) {
    op.refusals.push_back(
        {what, {{"equation", std::string(equation)}, {"a", Tensor::ones(a, DType::f64)}}, "einsum: expected"});
  };
  refuse("a letter that is nowhere", "ij->k", {2, 2});
  refuse("a letter twice in the result", "ij->ii", {2, 2});
  refuse("too few letters", "i->i", {2, 2});
  refuse("two operands where there is one", "i,i->", {2});
  refuse("a diagonal that is none", "ii->i", {2, 3});
  refuse("signs that mean nothing", "i+j", {2});
  return op;
}

}  // namespace

std::vector<Operator> vectors() {
  return {vector_norm_row(), matrix_norm_row(), cross_row(), cdist_row(), einsum_row()};
}

}  // namespace lumigrad::rows
