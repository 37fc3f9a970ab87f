// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/finite_differences.h>
#include <lumigrad/engine/gradcheck.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/tape.h>
#include <algorithm>
#include <cmath>

namespace lumigrad {
namespace {

using namespace differences;

bool differentiable(const Tensor& y) { return is_differentiable(y.dtype()); }

// J' seeds for outputs that are part of the graph; zeros when none is.
std::vector<Tensor> pulled(const std::vector<Tensor>& y, const std::vector<Tensor>& seeds,
                           const std::vector<Tensor>& inputs, bool create_graph) {
  std::vector<Tensor> live, weights;
  for (std::size_t k = 0; k < y.size(); ++k)
    if (y[k].needs_grad()) {
      live.push_back(y[k]);
      weights.push_back(seeds[k]);
    }
  return grad(live, inputs, {.seeds = weights, .create_graph = create_graph, .retain_graph = true});
}

std::vector<Tensor> tensors(const Point& values, const std::vector<Shape>& shapes, bool leaves) {
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    result.push_back(Tensor::from(values[i], shapes[i]));
    if (leaves) result.back().requires_grad();
  }
  return result;
}

Point numbers(const std::vector<Tensor>& of) {
  Point result;
  for (const Tensor& tensor : of) result.push_back(tensor.values());
  return result;
}

// The point, and the program seen from there.
class Checker {
 public:
  Checker(const Program& program, const std::vector<Tensor>& inputs, const GradcheckOptions& options)
      : program_(program), options_(options), generator_{options.seed, operation_id("gradcheck")} {
    point_ = numbers(inputs);
    for (const Tensor& input : inputs) shapes_.push_back(input.shape());
    NoGrad off;
    for (const Tensor& y : outputs(point_, false)) output_shapes_.push_back(y.shape());
  }

  GradcheckReport check() {
    std::int64_t rows = 0, columns = 0;
    for (const Shape& shape : output_shapes_) rows += shape.numel();
    for (const Shape& shape : shapes_) columns += shape.numel();
    const bool full = rows * columns <= options_.full_entries;
    for (std::size_t k = 0; k < output_shapes_.size(); ++k)
      for (std::size_t i = 0; i < point_.size(); ++i)
        report_.blocks.push_back(
            {.order = 1, .output = static_cast<int>(k), .input = static_cast<int>(i), .projected = !full});
    full ? whole_jacobian() : projections();
    if (options_.order >= 2) second_order();
    return std::move(report_);
  }

 private:
  std::vector<Tensor> outputs(const Point& point, bool leaves) const {
    return outputs(tensors(point, shapes_, leaves));
  }
  std::vector<Tensor> outputs(const std::vector<Tensor>& inputs) const {
    std::vector<Tensor> all = program_(inputs);
    std::erase_if(all, [](const Tensor& y) { return !differentiable(y); });
    return all;
  }
  GradcheckBlock& block(std::size_t output, std::size_t input) {
    return report_.blocks[output * point_.size() + input];
  }
  double step(double size) const { return options_.step * std::max(1.0, size); }
  Generator draw() { return generator_.then(++drawn_); }
  Point random_seeds() {
    Point v;
    for (const Shape& shape : output_shapes_)
      v.push_back(random_numbers(static_cast<std::size_t>(shape.numel()), draw()));
    return v;
  }

  // The deviation over what is allowed. Noise excuses at most 1e-5 of the value: beyond that the estimate says nothing
  // and the entry fails.
  double excess(double analytic, const Estimate& numeric) const {
    const double off = std::fabs(analytic - numeric.value);
    const double size = std::max(std::fabs(analytic), std::fabs(numeric.value));
    if (!std::isfinite(off)) return INFINITY;
    return off / (options_.absolute + options_.relative * size + std::min(numeric.noise, 1e-5 * std::max(size, 1e-3)));
  }
  void add(GradcheckBlock& block, double analytic, const Estimate& numeric, std::int64_t output_element,
           std::int64_t input_element) const;
  std::vector<Estimate> careful_slopes(const Line& line, double h, const Numbers& analytic) const;
  std::vector<std::size_t> some_entries(std::size_t count, std::size_t most);
  // The directions of a projected check of input i: one random through all of it, then single elements.
  struct Direction {
    Numbers u;
    double size;
    std::int64_t element;
  };
  std::vector<Direction> directions(const Numbers& x, std::size_t singles);

  void whole_jacobian();
  void projections();
  void second_order();

  const Program& program_;
  const GradcheckOptions& options_;
  Generator generator_;
  std::uint32_t drawn_ = 0;
  Point point_;
  std::vector<Shape> shapes_, output_shapes_;
  GradcheckReport report_;
};

void Checker::add(GradcheckBlock& block, double analytic, const Estimate& numeric, std::int64_t output_element,
                  std::int64_t input_element) const {
  const double off = std::fabs(analytic - numeric.value), over = excess(analytic, numeric);
  const double size = std::max(std::fabs(analytic), std::fabs(numeric.value));
  block.absolute = std::max(block.absolute, off);
  if (size > 1e3 * options_.absolute) block.relative = std::max(block.relative, off / size);
  block.noise = std::max(block.noise, numeric.noise);
  if (block.compared++ > 0 && over <= block.excess) return;
  block.excess = over;
  block.analytic = analytic;
  block.numeric = numeric.value;
  block.output_element = output_element;
  block.input_element = input_element;
}

// Slopes along a line; where they do not agree, smaller steps are tried, and of each slope the estimate that is most
// consistent with itself is kept.
std::vector<Estimate> Checker::careful_slopes(const Line& line, double h, const Numbers& analytic) const {
  std::vector<Estimate> best = slopes(line, h);
  const auto agrees = [&] {
    for (std::size_t k = 0; k < best.size(); ++k)
      if (excess(analytic[k], best[k]) > 1) return false;
    return true;
  };
  for (int level = 0; level < 3 && !agrees(); ++level) {
    h /= 8;
    const std::vector<Estimate> finer = slopes(line, h);
    for (std::size_t k = 0; k < best.size(); ++k)
      if (!(best[k].noise <= finer[k].noise)) best[k] = finer[k];
  }
  return best;
}

std::vector<std::size_t> Checker::some_entries(std::size_t count, std::size_t most) {
  std::vector<std::size_t> entries;
  const Stream stream = draw().stream(0);
  for (std::size_t n = 0; n < std::min(count, most); ++n) entries.push_back(count <= most ? n : stream.below(count, n));
  return entries;
}

std::vector<Checker::Direction> Checker::directions(const Numbers& x, std::size_t singles) {
  std::vector<Direction> result;
  if (x.empty()) return result;
  result.push_back({random_numbers(x.size(), draw()), 0, -1});
  for (const std::size_t j : some_entries(x.size(), singles)) {
    result.push_back({Numbers(x.size()), std::fabs(x[j]), static_cast<std::int64_t>(j)});
    result.back().u[j] = 1;
  }
  return result;
}

// Analytic: one sweep a row. Numeric: four evaluations a column.
void Checker::whole_jacobian() {
  struct Row {
    std::size_t output;
    std::int64_t element;
    Point gradients;  // an entry an input
  };
  std::vector<Row> rows;
  const std::vector<Tensor> leaves = tensors(point_, shapes_, true);
  const std::vector<Tensor> y = outputs(leaves);
  for (std::size_t k = 0; k < y.size(); ++k)
    for (std::int64_t r = 0; r < y[k].numel(); ++r) {
      Numbers one(static_cast<std::size_t>(y[k].numel()));
      one[static_cast<std::size_t>(r)] = 1;
      rows.push_back({k, r, numbers(pulled({y[k]}, {Tensor::from(one, y[k].shape())}, leaves, false))});
    }

  NoGrad off;
  for (std::size_t i = 0; i < point_.size(); ++i)
    for (std::size_t j = 0; j < point_[i].size(); ++j) {
      const Line line = [&](double t) {
        Point at = point_;
        at[i][j] += t;
        Heights heights;
        for (const Tensor& value : outputs(at, false))
          for (const double height : value.values()) heights.values.push_back(height);
        for (const double height : heights.values) heights.sizes.push_back(std::fabs(height));
        return heights;
      };
      Numbers analytic;
      for (const Row& row : rows) analytic.push_back(row.gradients[i][j]);
      const std::vector<Estimate> numeric = careful_slopes(line, step(std::fabs(point_[i][j])), analytic);
      for (std::size_t r = 0; r < rows.size(); ++r)
        add(block(rows[r].output, i), analytic[r], numeric[r], rows[r].element, static_cast<std::int64_t>(j));
    }
}

void Checker::projections() {
  const std::vector<Tensor> leaves = tensors(point_, shapes_, true);
  const std::vector<Tensor> y = outputs(leaves);
  for (int p = 0; p < options_.projections; ++p) {
    const Point v = random_seeds();
    std::vector<Point> gradients;  // of <v_k, y_k>, an entry an output
    for (std::size_t k = 0; k < y.size(); ++k)
      gradients.push_back(numbers(pulled({y[k]}, {Tensor::from(v[k], y[k].shape())}, leaves, false)));
    NoGrad off;
    for (std::size_t i = 0; i < point_.size(); ++i)
      for (const Direction& direction : directions(point_[i], 4)) {
        const Line line = [&](double t) {
          Point at = point_;
          at[i] = moved(at[i], direction.u, t);
          Heights heights;
          for (const Tensor& value : outputs(at, false)) {
            const Numbers height = value.values();
            heights.values.push_back(dot(height, v[heights.values.size()]));
            heights.sizes.push_back(dot_size(height, v[heights.sizes.size()]));
          }
          return heights;
        };
        Numbers analytic;
        for (std::size_t k = 0; k < y.size(); ++k) analytic.push_back(dot(gradients[k][i], direction.u));
        const std::vector<Estimate> numeric = careful_slopes(line, step(direction.size), analytic);
        for (std::size_t k = 0; k < y.size(); ++k) add(block(k, i), analytic[k], numeric[k], -1, direction.element);
      }
  }
}

// s(x, v) = sum_i <w_i, g_i> with g = J(x)' v: its gradients by x and v from the recorded sweep against differences of
// g. (ds/dv is J w, the Jacobian-vector product.)
void Checker::second_order() {
  const Point v = random_seeds();
  Point w;
  for (const Numbers& x : point_) w.push_back(random_numbers(x.size(), draw()));

  const std::vector<Tensor> leaves = tensors(point_, shapes_, true);
  const std::vector<Tensor> seeds = tensors(v, output_shapes_, true);
  const std::vector<Tensor> first = pulled(outputs(leaves), seeds, leaves, true);
  std::vector<Tensor> wanted = leaves;
  wanted.insert(wanted.end(), seeds.begin(), seeds.end());
  const Point second = numbers(pulled(first, tensors(w, shapes_, false), wanted, false));

  const auto height = [&](const Point& x, const Point& cotangents) {
    const std::vector<Tensor> inputs = tensors(x, shapes_, true);
    const Point g = numbers(pulled(outputs(inputs), tensors(cotangents, output_shapes_, false), inputs, false));
    Heights heights{{0}, {0}};
    for (std::size_t i = 0; i < g.size(); ++i) {
      heights.values[0] += dot(g[i], w[i]);
      heights.sizes[0] += dot_size(g[i], w[i]);
    }
    return heights;
  };
  const std::size_t inputs = point_.size();
  for (std::size_t i = 0; i < second.size(); ++i) {
    const bool cotangent = i >= inputs;
    const std::size_t place = cotangent ? i - inputs : i;
    const Numbers& base = cotangent ? v[place] : point_[place];
    GradcheckBlock& block = report_.blocks.emplace_back();
    block.order = 2;
    block.output = cotangent ? static_cast<int>(place) : -1;
    block.input = cotangent ? -1 : static_cast<int>(place);
    block.projected = true;
    for (const Direction& direction : directions(base, cotangent ? 4 : 12)) {
      const Line line = [&](double t) {
        Point at = cotangent ? v : point_;
        at[place] = moved(base, direction.u, t);
        return cotangent ? height(point_, at) : height(at, v);
      };
      const double analytic = dot(second[i], direction.u);
      add(block, analytic, careful_slopes(line, step(direction.size), {analytic})[0], -1, direction.element);
    }
  }
}

std::string place(std::int64_t element) { return element < 0 ? "projected" : message("element ", element); }

}  // namespace

bool GradcheckReport::passed() const {
  return std::all_of(blocks.begin(), blocks.end(), [](const GradcheckBlock& block) { return block.passed(); });
}

const GradcheckBlock* GradcheckReport::worst() const {
  const auto found =
      std::max_element(blocks.begin(), blocks.end(), [](const auto& a, const auto& b) { return a.excess < b.excess; });
  return found == blocks.end() ? nullptr : &*found;
}

std::string GradcheckReport::text() const {
  std::string lines;
  for (const GradcheckBlock& block : blocks) {
    lines += message(block.passed() ? "passed" : "FAILED", " order ", block.order, ", ",
                     block.output < 0 ? "all outputs" : message("output ", block.output), " by ",
                     block.input < 0 ? "its cotangent" : message("input ", block.input), ": ", block.compared,
                     " compared, largest deviation ", block.absolute, " (relative ", block.relative, "), worst at ");
    if (block.output_element >= 0) lines += message("element ", block.output_element, " by ");
    lines += message(place(block.input_element), ": analytic ", block.analytic, ", numeric ", block.numeric,
                     ", noise up to ", block.noise, "\n");
  }
  return lines;
}

GradcheckReport gradcheck(const Program& program, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  for (const Tensor& input : inputs)
    require<DTypeError>(is_floating(input.dtype()), "gradcheck: expected floating inputs, got ", input.dtype());
  Recording on(true);
  return Checker(program, inputs, options).check();
}

DotTest dot_test(const Program& program, const std::vector<Tensor>& inputs, std::uint64_t seed) {
  require<GraphError>(!inputs.empty(), "dot_test: expected an input, got none");
  Recording on(true);
  Generator generator{seed, operation_id("dot_test")};
  std::vector<Tensor> at;
  for (const Tensor& input : inputs) at.push_back(input.detach().to(DType::f64));
  const Shape shape = at[0].shape();
  const auto count = static_cast<std::size_t>(shape.numel());
  const auto value_at = [&](const Numbers& x) {
    NoGrad off;
    at[0] = Tensor::from(x, shape);
    return program(at)[0].values();
  };
  const Numbers u = random_numbers(count, generator.then(1)), v = random_numbers(count, generator.then(2));

  DotTest test;
  at[0] = Tensor::from(u, shape).requires_grad();
  const std::vector<Tensor> leaf = {at[0]};
  const Tensor y = program(at)[0];
  const Numbers w = random_numbers(static_cast<std::size_t>(y.numel()), generator.then(3)), fu = y.values();
  const Numbers back = pulled({y}, {Tensor::from(w, y.shape())}, leaf, false)[0].values();
  test.forward = dot(fu, w);
  test.adjoint = dot(u, back);
  const double size = std::max(dot_size(fu, w), dot_size(u, back));
  test.deviation = size > 0 ? std::fabs(test.forward - test.adjoint) / size : 0;

  const Numbers fv = value_at(v), fm = value_at(moved(moved(u, u, 1), v, -1));
  double largest = 0, off = 0;
  for (std::size_t i = 0; i < fu.size(); ++i) {
    largest = std::max({largest, std::fabs(fm[i]), 2 * std::fabs(fu[i]), std::fabs(fv[i])});
    off = std::max(off, std::fabs(fm[i] - 2 * fu[i] + fv[i]));
  }
  test.linearity = largest > 0 ? off / largest : 0;
  return test;
}

}  // namespace lumigrad
