// SPDX-License-Identifier: Apache-2.0
#include "tools/catalogue_check.h"
#include <lumigrad/engine/gradcheck.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
#include <algorithm>
#include <bit>
#include <cmath>

namespace lumigrad {
namespace {

class Check {
 public:
  Check(const Operator& op, const CheckOptions& options) : op_(op), options_(options) { result_.name = op.name; }

  OperatorCheck run_all() {
    const std::vector<Sample> samples = samples_of(op_, options_.seed, options_.samples);
    result_.samples = static_cast<int>(samples.size());
    for (const Sample& sample : samples) {
      guarded("gradient", sample.name, [&] { gradients(sample); });
      guarded("f32", sample.name, [&] { single_precision(sample); });
      if (op_.linear) guarded("adjoint", sample.name, [&] { adjoint(sample); });
      if (options_.device != Device()) guarded("device", sample.name, [&] { elsewhere(sample); });
    }
    for (const Kink& kink : op_.kinks)
      for (const DType dtype : {DType::f64, DType::f32})
        guarded("kink", message(kink.name, ", ", kink.argument, ", ", dtype), [&] { slope(kink, dtype); });
    for (const Golden& golden : op_.golden) guarded("golden", golden.source, [&] { known(golden); });
    for (const Refusal& refusal : op_.refusals) refused(refusal);
    promises(samples);
    return std::move(result_);
  }

 private:
  void add(CheckLine line) { result_.lines.push_back(std::move(line)); }
  template <class F>
  void guarded(const char* check, const std::string& where, const F& f) {
    try {
      f();
    } catch (const std::exception& error) {
      add({check, where, false, INFINITY, error.what()});
    }
  }

  // What the row promises about itself.
  void promises(const std::vector<Sample>& samples) {
    const auto live = [](Differentiability g) {
      return g == Differentiability::exact || g == Differentiability::almost_everywhere;
    };
    const bool differentiable =
        std::any_of(op_.arguments.begin(), op_.arguments.end(), [&](const Argument& a) { return live(a.gradient); });
    if (differentiable && options_.samples == 0)
      add({"promise", "at least eight samples", samples.size() >= 8, samples.size() >= 8 ? 0.0 : INFINITY});
    for (const Argument& argument : op_.arguments) {
      if (!live(argument.gradient) || options_.samples != 0) continue;
      const bool seen = std::any_of(samples.begin(), samples.end(), [&](const Sample& sample) {
        return complete(op_, sample.values).has(argument.name);
      });
      add({"promise", argument.name + " is sampled", seen, seen ? 0.0 : INFINITY});
    }
  }

  void gradients(const Sample& sample) {
    const Values full = in_dtype(op_, sample.values, DType::f64);
    const std::vector<std::string> names = live_arguments(op_, full);
    if (names.empty() || op_.order < 1) return;
    std::vector<Tensor> inputs;
    for (const std::string& name : names) inputs.push_back(full.tensor(name));
    const Program program = [&](const std::vector<Tensor>& at) {
      Values moved = full;
      for (std::size_t i = 0; i < names.size(); ++i) moved.set(names[i], at[i]);
      return run_on(op_, moved, options_.device);
    };
    const GradcheckReport report = gradcheck(program, inputs, {.order = op_.order >= 2 ? 2 : 1, .seed = options_.seed});
    for (const GradcheckBlock& block : report.blocks) {
      const std::string by = block.input < 0 ? "cotangent" : names[static_cast<std::size_t>(block.input)];
      const std::string of =
          block.output < 0 ? "all outputs" : output_name(op_, static_cast<std::size_t>(block.output));
      add({block.order == 1 ? "gradient" : "second order", sample.name, block.passed(), block.excess,
           message(of, " by ", by, ": analytic ", block.analytic, ", numeric ", block.numeric, " at element ",
                   block.input_element)});
    }
    if (op_.order == 1) undefined_second_order(sample, program, inputs);
  }

  // Where no second derivative is defined, asking for one raises GraphError instead of giving a wrong number.
  void undefined_second_order(const Sample& sample, const Program& program, std::vector<Tensor> inputs) {
    for (Tensor& input : inputs) input = input.clone().requires_grad();
    bool raised = false;
    try {
      const std::vector<Tensor> y = program(inputs);
      const Tensor first =
          grad({y[0]}, inputs, {.seeds = {Tensor::ones(y[0].shape(), y[0].dtype())}, .create_graph = true})[0];
      if (first.needs_grad()) grad({first}, inputs, {.seeds = {Tensor::ones(first.shape(), first.dtype())}});
    } catch (const GraphError&) {
      raised = true;
    }
    add({"second order", sample.name, raised, raised ? 0.0 : INFINITY, "a row of order 1 must raise GraphError"});
  }

  void single_precision(const Sample& sample) {
    const Values narrow = in_dtype(op_, sample.values, DType::f32);
    const Values wide = in_dtype(op_, narrow, DType::f64);  // the same numbers
    const ValuesAndGradients a = differentiate(op_, narrow, options_.seed, true, options_.device),
                             b = differentiate(op_, wide, options_.seed);
    for (std::size_t k = 0; k < a.outputs.size(); ++k)
      compare(sample.name, "value of " + output_name(op_, k), a.outputs[k], b.outputs[k], op_.f32_bound);
    const std::vector<std::string> names = live_arguments(op_, wide, true);
    for (std::size_t i = 0; i < a.gradients.size(); ++i)
      compare(sample.name, "gradient of " + names[i], a.gradients[i], b.gradients[i], op_.grad_bound);
  }

  // The same numbers as on the CPU, and twice the same bits.
  void elsewhere(const Sample& sample) {
    const Values full = in_dtype(op_, sample.values, DType::f64);
    const ValuesAndGradients here = differentiate(op_, full, options_.seed),
                             there = differentiate(op_, full, options_.seed, true, options_.device),
                             again = differentiate(op_, full, options_.seed, true, options_.device);
    const std::vector<std::string> names = live_arguments(op_, full, true);
    const auto all = [&](const std::vector<Tensor>& a, const std::vector<Tensor>& b, const std::vector<Tensor>& c,
                         const auto& name) {
      for (std::size_t i = 0; i < b.size(); ++i) {
        compare(sample.name, name(i), a.at(i), b[i], 1e-11, "device");
        const bool same = bits(a[i]) == bits(c.at(i));
        if (!same) add({"device", sample.name, false, INFINITY, name(i) + ": a repetition gives other bits"});
      }
    };
    all(there.outputs, here.outputs, again.outputs, [&](std::size_t k) { return "value of " + output_name(op_, k); });
    all(there.gradients, here.gradients, again.gradients, [&](std::size_t i) { return "gradient of " + names[i]; });
  }

  static std::vector<std::uint64_t> bits(const Tensor& tensor) {
    std::vector<std::uint64_t> result;
    for (const double value : tensor.values()) result.push_back(std::bit_cast<std::uint64_t>(value));
    return result;
  }

  void compare(const std::string& where, const std::string& what, const Tensor& narrow, const Tensor& wide,
               double bound, const char* check = "f32") {
    const std::vector<double> a = narrow.values(), b = wide.values();
    double largest = 0, off = a.size() == b.size() ? 0 : INFINITY;
    for (std::size_t i = 0; i < b.size() && i < a.size(); ++i) {
      if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
      largest = std::max(largest, std::fabs(b[i]));
      off = std::isnan(a[i] - b[i]) ? INFINITY : std::max(off, std::fabs(a[i] - b[i]));
    }
    for (const double value : b) largest = std::max(largest, std::fabs(value));
    const double rounding = wide.dtype() == DType::f64 && check[0] == 'd' ? 1e-15 : 6e-8;  // of the result itself
    const double over = off == 0 ? 0 : off / (std::max(bound, rounding) * std::max(largest, 1e-3));
    add({check, where, over <= 1, over, message(what, ": off by ", off, " where the largest is ", largest)});
  }

  void adjoint(const Sample& sample) {
    const Values full = in_dtype(op_, sample.values, DType::f64);
    const std::string first = op_.arguments.at(0).name;
    const Program program = [&](const std::vector<Tensor>& at) {
      Values moved = full;
      moved.set(first, at[0]);
      return run_on(op_, moved, options_.device);
    };
    const DotTest test = dot_test(program, {full.tensor(first)}, options_.seed);
    const double over = std::max(test.deviation, test.linearity) / 1e-12;
    add({"adjoint", sample.name, over <= 1, over,
         message("<f(u), w> = ", test.forward, ", <u, f'(w)> = ", test.adjoint, ", off linear by ", test.linearity)});
  }

  void slope(const Kink& kink, DType dtype) {
    Values full = in_dtype(op_, kink.values, dtype);
    const Tensor leaf = full.tensor(kink.argument).clone().requires_grad();
    full.set(kink.argument, leaf);
    const std::vector<Tensor> y = run_on(op_, full, options_.device);
    const Tensor got = y[0].needs_grad() ? grad({y[0]}, {leaf}, {.seeds = {kink.seed.to(dtype)}})[0]
                                         : Tensor::zeros(leaf.shape(), dtype);
    const std::vector<double> a = got.values(), b = kink.slope.to(dtype).values();
    const bool same = a == b;
    add({"kink", message(kink.name, ", ", kink.argument, ", ", dtype), same, same ? 0.0 : INFINITY,
         message("slope ", a.empty() ? NAN : a[0], " instead of ", b.empty() ? NAN : b[0])});
  }

  void known(const Golden& golden) {
    const std::vector<Tensor> y = run_on(op_, in_dtype(op_, golden.values, DType::f64), options_.device);
    for (std::size_t k = 0; k < golden.outputs.size(); ++k) {
      const std::vector<double> a = y.at(k).values(), b = golden.outputs[k].values();
      double over = y[k].shape() == golden.outputs[k].shape() ? 0 : INFINITY;
      std::size_t at = 0;
      for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        if (a[i] == b[i]) continue;
        const double off =
            std::fabs(a[i] - b[i]) / (std::max(golden.tolerance, 1e-300) * std::max(1.0, std::fabs(b[i])));
        if (off > over || std::isnan(off)) {
          over = std::isnan(off) ? INFINITY : off;
          at = i;
        }
      }
      add({"golden", golden.source, over <= 1, over,
           message(output_name(op_, k), " element ", at, ": ", a.empty() ? NAN : a[at], " instead of ",
                   b.empty() ? NAN : b[at])});
    }
  }

  void refused(const Refusal& refusal) {
    CheckLine line = {"refusal", refusal.name, false, INFINITY, "was taken"};
    try {
      run_on(op_, refusal.values, options_.device);
    } catch (const Error& error) {
      line.passed = std::string(error.what()).find(refusal.message) != std::string::npos;
      line.deviation = line.passed ? 0 : INFINITY;
      line.detail = error.what();
    } catch (const std::exception& error) {
      line.detail = message("not a lumigrad::Error: ", error.what());
    }
    add(line);
  }

  const Operator& op_;
  const CheckOptions& options_;
  OperatorCheck result_;
};

}  // namespace

bool OperatorCheck::passed() const {
  return std::all_of(lines.begin(), lines.end(), [](const CheckLine& line) { return line.passed; });
}

double OperatorCheck::worst(const std::string& check) const {
  double worst = -1;
  for (const CheckLine& line : lines)
    if (line.check == check) worst = std::max(worst, line.deviation);
  return worst;
}

OperatorCheck check_operator(const Operator& op, const CheckOptions& options) { return Check(op, options).run_all(); }

Values on_device(const Operator& op, const Values& values, Device device) {
  Values moved = complete(op, values);
  for (const Argument& argument : op.arguments) {
    if (argument.kind != Argument::Kind::tensor || !moved.has(argument.name)) continue;
    const Tensor tensor = moved.tensor(argument.name);
    if (!tensor.is_weak()) moved.set(argument.name, tensor.to(device));
  }
  return moved;
}

std::vector<Tensor> run_on(const Operator& op, const Values& values, Device device) {
  if (device == Device()) return run(op, values);
  std::vector<Tensor> results = run(op, on_device(op, values, device));
  for (Tensor& result : results) result = result.to(Device());
  return results;
}

std::vector<Sample> samples_of(const Operator& op, std::uint64_t seed, int count) {
  std::vector<Sample> all = op.samples(seed);
  while (count > static_cast<int>(all.size()) && !all.empty()) {
    const std::vector<Sample> more = op.samples(++seed);
    all.insert(all.end(), more.begin(), more.end());
  }
  if (count > 0 && count < static_cast<int>(all.size())) all.resize(static_cast<std::size_t>(count));
  return all;
}

std::vector<std::string> live_arguments(const Operator& op, const Values& values, bool surrogates) {
  std::vector<std::string> names;
  for (const Argument& argument : op.arguments) {
    const bool live = argument.gradient == Differentiability::exact ||
                      argument.gradient == Differentiability::almost_everywhere ||
                      (surrogates && argument.gradient == Differentiability::surrogate);
    if (live && argument.kind == Argument::Kind::tensor && values.has(argument.name)) names.push_back(argument.name);
  }
  return names;
}

Values in_dtype(const Operator& op, const Values& values, DType dtype) {
  Values full = complete(op, values);
  for (const Argument& argument : op.arguments) {
    if (argument.kind != Argument::Kind::tensor || !full.has(argument.name)) continue;
    const Tensor tensor = full.tensor(argument.name);
    if (is_floating(tensor.dtype())) full.set(argument.name, tensor.to(dtype));
  }
  return full;
}

ValuesAndGradients differentiate(const Operator& op, const Values& values, std::uint64_t seed, bool surrogates,
                                 Device device) {
  Values full = complete(op, values);
  std::vector<Tensor> leaves;
  for (const std::string& name : live_arguments(op, full, surrogates)) {
    leaves.push_back(full.tensor(name).detach().requires_grad());
    full.set(name, leaves.back());
  }
  ValuesAndGradients result{run_on(op, full, device), {}};
  if (op.order < 1) return result;
  std::vector<Tensor> live, seeds;
  for (const Tensor& y : result.outputs) {
    if (!y.needs_grad()) continue;
    const Generator generator{seed, operation_id("seeds"), live.size()};
    live.push_back(y);
    seeds.push_back(uniform(generator, y.shape(), -1, 1, DType::f64).to(DType::f32).to(y.dtype()));
  }
  result.gradients = grad(live, leaves, {.seeds = seeds});
  return result;
}

}  // namespace lumigrad
