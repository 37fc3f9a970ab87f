// SPDX-License-Identifier: Apache-2.0
// Rows of parts moved, repeated or left out.
#include <lumigrad/engine/arrangement.h>
#include <lumigrad/engine/operator_rows.h>

namespace lumigrad::rows {
namespace {

using I = std::int64_t;
using Kind = Argument::Kind;
using List = std::vector<double>;

template <class T>
std::vector<T> whole(const List& values) {
  std::vector<T> result;
  for (const double value : values) result.push_back(static_cast<T>(value));
  return result;
}
Argument integer(const char* name, const char* doc, const char* otherwise) {
  return {.name = name, .kind = Kind::integer, .doc = doc, .otherwise = otherwise};
}
Argument list(const char* name, const char* doc) {
  return {.name = name, .kind = Kind::list, .doc = doc, .optional = true};
}
int axis_of(const Values& v) { return static_cast<int>(v.integer("axis")); }

struct Case {
  const char* name;
  Shape shape;
  Values rest;
};

Operator row(const char* name, const char* doc, std::vector<Argument> rest, std::vector<Tensor> (*call)(const Values&),
             const std::vector<Case>& cases, const std::vector<Case>& wrong) {
  const std::string label = name;
  Operator op;
  op.name = "engine." + label;
  op.doc = doc;
  op.arguments = {tensor("x", "any shape")};
  op.arguments.insert(op.arguments.end(), rest.begin(), rest.end());
  op.linear = true;
  op.call = call;
  op.f32_bound = 0;
  op.samples = [=](std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const Case& c : cases) {
      const Generator generator{seed, operation_id(label), samples.size()};
      Values values = c.rest;
      values.set("x", numbers(generator, 0, c.shape, -1, 1));
      samples.push_back({c.name, values});
    }
    return samples;
  };
  for (const Case& c : wrong) {
    Values values = c.rest;
    values.set("x", Tensor::ones(c.shape, DType::f64));
    op.refusals.push_back({c.name, values, label + ": expected"});
  }
  return op;
}

Operator roll_row() {
  return row("roll", "Entries moved along axes, around the end; without axes, all elements in row-major order.",
             {list("shifts", "how far, a number an axis"), list("axes", "which")},
             [](const Values& v) {
               const std::vector<I> shifts = whole<I>(v.list("shifts"));
               if (!v.has("axes")) return std::vector{roll(v.tensor("x"), shifts.at(0))};
               return std::vector{roll(v.tensor("x"), shifts, whole<int>(v.list("axes")))};
             },
             {{"vector", {5}, {{"shifts", List{2}}, {"axes", List{0}}}},
              {"backwards", {2, 5}, {{"shifts", List{-1}}, {"axes", List{1}}}},
              {"two axes", {3, 4, 5}, {{"shifts", List{2, -1}}, {"axes", List{1, 2}}}},
              {"more than once around", {2, 3}, {{"shifts", List{7}}, {"axes", List{-1}}}},
              {"one axis twice", {6}, {{"shifts", List{2, 1}}, {"axes", List{0, 0}}}},
              {"image", {1, 3, 5, 7}, {{"shifts", List{1, 3}}, {"axes", List{2, 3}}}},
              {"all elements", {3, 4}, {{"shifts", List{5}}}},
              {"one row", {1, 9}, {{"shifts", List{4}}, {"axes", List{1}}}},
              {"not at all", {2, 2}, {{"shifts", List{0}}, {"axes", List{0}}}},
              {"empty", {0, 3}, {{"shifts", List{2}}, {"axes", List{0}}}}},
             {{"an axis too few", {2, 3}, {{"shifts", List{1, 2}}, {"axes", List{0}}}},
              {"no such axis", {2}, {{"shifts", List{1}}, {"axes", List{1}}}}});
}

Operator parts(const char* name, const char* doc, std::vector<Argument> rest,
               std::vector<Tensor> (*call)(const Values&), const std::vector<Case>& cases,
               const std::vector<Case>& wrong) {
  rest.push_back(integer("axis", "along which", "0"));
  Operator op = row(name, doc, rest, call, cases, wrong);
  op.variadic = true;
  op.linear = false;  // the test of linear rows looks at one result
  op.outputs = {"0", "1"};
  return op;
}

Operator split_row() {
  Operator op = parts("split", "Parts along an axis, of one size or of given extents.",
                      {{.name = "size", .kind = Kind::integer, .doc = "of each part but the last", .optional = true},
                       list("extents", "of the parts, instead of one size")},
                      [](const Values& v) {
                        if (v.has("extents")) return split(v.tensor("x"), whole<I>(v.list("extents")), axis_of(v));
                        return split(v.tensor("x"), v.integer("size"), axis_of(v));
                      },
                      {{"even", {4}, {{"size", I{2}}}},
                       {"a rest", {5, 3}, {{"size", I{2}}}},
                       {"columns", {2, 7}, {{"size", I{3}}, {"axis", I{1}}}},
                       {"larger than the axis", {2, 3}, {{"size", I{9}}}},
                       {"channels", {1, 3, 5, 7}, {{"size", I{1}}, {"axis", I{1}}}},
                       {"extents", {2, 6}, {{"extents", List{1, 3, 2}}, {"axis", I{-1}}}},
                       {"an empty part", {4}, {{"extents", List{0, 4}}}},
                       {"one row", {1, 9}, {{"extents", List{4, 5}}, {"axis", I{1}}}},
                       {"empty", {0, 2}, {{"size", I{2}}}}},
                      {{"parts of nothing", {3}, {{"size", I{0}}}},
                       {"extents that leave a rest", {3}, {{"extents", List{1, 1}}}},
                       {"extents that are too many", {3}, {{"extents", List{2, 2}}}},
                       {"no such axis", {3}, {{"size", I{1}}, {"axis", I{1}}}}});
  return op;
}

Operator chunk_row() {
  return parts("chunk", "At most so many parts of one size along an axis, the last with what is left.",
               {integer("count", "of parts", "2")},
               [](const Values& v) { return chunk(v.tensor("x"), v.integer("count"), axis_of(v)); },
               {{"even", {4}, {}},
                {"odd", {5, 3}, {}},
                {"columns", {2, 7}, {{"count", I{3}}, {"axis", I{1}}}},
                {"fewer than asked for", {2, 5}, {{"count", I{4}}, {"axis", I{1}}}},
                {"one", {2, 3}, {{"count", I{1}}}},
                {"channels", {1, 3, 5, 7}, {{"count", I{3}}, {"axis", I{-3}}}},
                {"one row", {1, 9}, {{"axis", I{1}}}},
                {"empty", {0, 2}, {}}},
               {{"no parts", {3}, {{"count", I{0}}}}, {"no such axis", {3}, {{"axis", I{1}}}}});
}

Operator repeat_row() {
  const auto counts = [](const std::vector<I>& values) {
    return Tensor::from(values, {static_cast<I>(values.size())});
  };
  Operator op = row(
      "repeat_interleave", "Every entry of an axis several times in a row.",
      {tensor("repeats", "one number, or one an entry", Differentiability::none), integer("axis", "along which", "0")},
      [](const Values& v) {
        const Tensor repeats = v.tensor("repeats"), x = v.tensor("x");
        return std::vector{repeats.rank() == 0 ? repeat_interleave(x, static_cast<I>(repeats.item()), axis_of(v))
                                               : repeat_interleave(x, repeats, axis_of(v))};
      },
      {{"vector", {4}, {{"repeats", I{3}}}},
       {"middle axis", {3, 4, 5}, {{"repeats", I{2}}, {"axis", I{1}}}},
       {"last axis", {2, 5}, {{"repeats", I{2}}, {"axis", I{-1}}}},
       {"once", {2, 3}, {{"repeats", I{1}}}},
       {"not at all", {2, 3}, {{"repeats", I{0}}}},
       {"one number an entry", {3, 2}, {{"repeats", counts({2, 0, 3})}}},
       {"one an entry, columns", {2, 3}, {{"repeats", counts({1, 2, 1})}, {"axis", I{1}}}},
       {"image", {1, 3, 5, 7}, {{"repeats", I{2}}, {"axis", I{3}}}},
       {"one row", {1, 9}, {{"repeats", I{2}}}},
       {"empty", {0, 2}, {{"repeats", I{2}}}}},
      {{"less than none", {3}, {{"repeats", I{-1}}}},
       {"less than none of an entry", {2}, {{"repeats", counts({1, -1})}}},
       {"entries without a number", {3}, {{"repeats", counts({1, 2})}}},
       {"no such axis", {3}, {{"repeats", I{1}}, {"axis", I{1}}}}});
  op.grad_bound = 1e-6;
  return op;
}

Operator triangle_row(const char* name, const char* doc, std::vector<Tensor> (*call)(const Values&)) {
  return row(name, doc, {integer("diagonal", "j - i of the last one kept", "0")}, call,
             {{"square", {4, 4}, {}},
              {"wide", {4, 5}, {{"diagonal", I{1}}}},
              {"tall", {5, 3}, {{"diagonal", I{-1}}}},
              {"batch of two", {2, 3, 3}, {}},
              {"image", {1, 3, 5, 7}, {{"diagonal", I{2}}}},
              {"everything or nothing", {3, 3}, {{"diagonal", I{9}}}},
              {"nothing or everything", {3, 3}, {{"diagonal", I{-9}}}},
              {"one row", {1, 9}, {{"diagonal", I{3}}}},
              {"empty", {0, 3}, {}}},
             {{"a vector", {3}, {}}});
}

}  // namespace

std::vector<Operator> arrangements() {
  return {roll_row(),
          split_row(),
          chunk_row(),
          repeat_row(),
          triangle_row("tril", "The lower triangle of matrices; zeros above.",
                       [](const Values& v) { return std::vector{tril(v.tensor("x"), v.integer("diagonal"))}; }),
          triangle_row("triu", "The upper triangle of matrices; zeros below.",
                       [](const Values& v) { return std::vector{triu(v.tensor("x"), v.integer("diagonal"))}; })};
}

}  // namespace lumigrad::rows
