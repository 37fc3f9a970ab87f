// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/augment/draw.h>
#include <lumigrad/augment/gate.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/vision/enhance/enhance.h>
#include <algorithm>

namespace lumigrad::augment {
namespace {

constexpr const char* estimator_names[] = {"none", "straight_through", "relaxed", "score_function"};

/// f of every tensor of a draw and its steps.
template <class F>
Draw mapped(const Draw& draw, const F& f) {
  Draw result = draw;
  for (Tensor* tensor : {&result.gate, &result.choice, &result.log_probability})
    if (tensor->defined()) *tensor = f(*tensor);
  for (auto& [name, tensor] : result.values) tensor = f(tensor);
  for (Draw& step : result.steps) step = mapped(step, f);
  return result;
}

}  // namespace

std::string to_string(Estimator estimator) { return estimator_names[static_cast<int>(estimator)]; }

Estimator parse_estimator(std::string_view name) {
  for (int i = 0; i < 4; ++i)
    if (name == estimator_names[i]) return static_cast<Estimator>(i);
  throw FormatError(message("estimator: expected none, straight_through, relaxed or score_function, got ", name));
}

Gate::Gate(const Tensor& p, Estimator how, double t)
    : probability(learnable("probability", p)), estimator(how), temperature(t) {
  const double value = probability.item();
  require<NumericError>(value >= 0 && value <= 1, "probability: expected a number in [0, 1], got ", value);
  require<NumericError>(t >= 0.02 && t <= 10, "temperature: expected a number in [0.02, 10], got ", t);
}

// Relaxed: with odds p : 1 - p and u uniform, p u > (1 - p) (1 - u) is an event of probability p, since it says
// u > 1 - p. Sharpened by 1 / T and normalised,
//     g = a / (a + b),  a = (p u)^(1/T),  b = ((1 - p) (1 - u))^(1/T)
// which is the sigmoid of (logit p + logit u) / T without its logarithms: 0 and 1 need no special case. 1 - u stands
// for u, so that the soft gate lies above one half exactly where the hard one, u < p, is open.
Tensor Gate::draw(const Generator& generator, std::int64_t count, bool soft) const {
  const Tensor u = lumigrad::uniform(generator, {count}, 0, 1, DType::f64);
  const bool learns = recording() && probability.needs_grad() && estimator != Estimator::none;
  const Tensor limit = reshape(probability.to(DType::f64), Shape{});
  if (soft && estimator == Estimator::relaxed) {
    const Tensor p = clamp(learns ? limit : limit.detach(), 0, 1);
    const Tensor open = p * (1 - u), closed = (1 - p) * u, scale = maximum(open, closed).detach();
    const Tensor a = pow(open / scale, 1 / temperature), b = pow(closed / scale, 1 / temperature);
    return a / (a + b);
  }
  Tensor gates = Tensor::empty({count}, DType::f64);
  const double p = limit.item();
  const auto* draws = u.data<double>();
  auto* out = gates.mutable_data<double>();
  for (std::int64_t i = 0; i < count; ++i) out[i] = draws[i] < p ? 1 : 0;
  // g + (p - p): the value of the gate, the slope of p.
  return learns && estimator == Estimator::straight_through ? gates + (limit - limit.detach()) : gates;
}

Tensor Gate::log_probability(const Tensor& gates) const {
  if (estimator != Estimator::score_function || !probability.needs_grad() || !recording()) return {};
  const Tensor p = reshape(probability.to(DType::f64), Shape{}), open = gates.detach();
  return log(open * p + (1 - open) * (1 - p));
}

bool is_hard(const Tensor& gates) {
  if (gates.needs_grad()) return false;
  const std::vector<double> values = gates.values();
  return std::all_of(values.begin(), values.end(), [](double g) { return g == 0 || g == 1; });
}

Tensor blend(const Tensor& gates, const Tensor& y, const Tensor& x) {
  require<ShapeError>(y.shape() == x.shape(), "blend: expected two images of one shape, got ", y.shape(), " and ",
                      x.shape());
  if (is_hard(gates)) {
    const std::vector<double> values = gates.values();
    const auto open = std::count(values.begin(), values.end(), 1.0);
    if (open == static_cast<std::int64_t>(values.size())) return y;
    if (open == 0) return x;
    Shape columns = {gates.size(0)};
    while (columns.rank() < x.rank()) columns = columns.inserted(columns.rank(), 1);
    return where(reshape(gates.to(x.dtype()).to(x.device()), columns), y, x);
  }
  const Tensor g = gates.to(x.dtype());
  return enhance::add_weighted(y, x, {.alpha = g, .beta = 1 - g, .gamma = 0.0});
}

Tensor score_function(const Tensor& losses, const Draw& draw) {
  const std::int64_t n = draw.count();
  require<ShapeError>(losses.rank() == 1 && losses.size(0) == n, "score_function: expected losses [", n, "], got ",
                      losses.shape());
  const Tensor total = draw.total_log_probability();
  if (!total.defined() || n == 0) return Tensor::zeros({}, losses.dtype());
  Tensor advantage = losses.detach().to(DType::f64);
  if (!draw.shared && n > 1) advantage = (advantage - mean(advantage)) * (double(n) / double(n - 1));  // b: the others
  return mean(advantage * (total - total.detach())).to(losses.dtype());
}

const Tensor& Draw::value(const std::string& name) const {
  const auto found = values.find(name);
  require<FormatError>(found != values.end(), "draw: expected a parameter named ", name, ", got none");
  return found->second;
}

Draw Draw::part(std::int64_t begin, std::int64_t end) const {
  return mapped(*this, [&](const Tensor& x) { return x.rank() == 0 || x.size(0) == 1 ? x : slice(x, 0, begin, end); });
}

Draw Draw::repeated(std::int64_t count) const {
  Draw all = mapped(*this, [&](const Tensor& x) { return expand(x, x.shape().with(0, count)); });
  all.shared = true;
  return all;
}

Draw Draw::detach() const {
  return mapped(*this, [](const Tensor& x) { return x.detach(); });
}

Tensor Draw::total_log_probability() const {
  Tensor total = log_probability;
  for (const Draw& step : steps) {
    const Tensor more = step.total_log_probability();
    if (more.defined()) total = total.defined() ? total + more : more;
  }
  return total;
}

}  // namespace lumigrad::augment
