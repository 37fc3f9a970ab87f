// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/augment/distribution.h>
#include <lumigrad/engine/ops.h>
#include <algorithm>
#include <cmath>

namespace lumigrad::augment {
namespace {

constexpr double least = 1e-12;  // of what a logarithm is taken, wherever learning may lead
constexpr const char* kind_names[] = {"spread", "uniform", "normal", "log_uniform", "log_normal", "constant"};

Tensor noise(const Generator& generator, std::int64_t count, bool gaussian) {
  return gaussian ? lumigrad::normal(generator, {count}, 0, 1, DType::f64)
                  : lumigrad::uniform(generator, {count}, 0, 1, DType::f64);
}

Tensor limited(const Tensor& value, const Domain& domain) {
  Tensor inside = value;
  if (std::isfinite(domain.lowest)) inside = maximum(inside, domain.lowest);
  if (std::isfinite(domain.highest)) inside = minimum(inside, domain.highest);
  return inside;
}

Distribution in_order(const Distribution& distribution) {
  using Kind = Distribution::Kind;
  const Kind kind = distribution.kind();
  const double first = distribution.ends()[0].item(), last = distribution.ends()[1].item();
  if (kind == Kind::uniform || kind == Kind::log_uniform)
    require<NumericError>(first <= last, to_string(kind), ": expected low <= high, got ", first, " and ", last);
  else
    require<NumericError>(last >= 0, to_string(kind), ": expected a deviation >= 0, got ", last);
  if (kind == Kind::log_uniform) require<NumericError>(first > 0, "log_uniform: expected low > 0, got ", first);
  return distribution;
}

}  // namespace

std::string to_string(Distribution::Kind kind) { return kind_names[static_cast<int>(kind)]; }

Distribution::Kind parse_distribution(std::string_view name) {
  for (int i = 0; i < 6; ++i)
    if (name == kind_names[i]) return static_cast<Distribution::Kind>(i);
  throw FormatError(
      message("distribution: expected spread, uniform, normal, log_uniform, log_normal or constant, got ", name));
}

Tensor learnable(const char* what, const Tensor& number) {
  require<ShapeError>(number.defined() && number.numel() == 1, what, ": expected one number, got ",
                      number.defined() ? to_string(number.shape()) : std::string("nothing"));
  require<NumericError>(std::isfinite(number.item()), what, ": expected a finite number, got ", number.item());
  if (number.needs_grad() || (number.rank() == 0 && number.dtype() == DType::f64 && !number.is_weak())) return number;
  return Tensor::full({}, number.item(), DType::f64);
}

const std::vector<const char*>& Distribution::names(Kind kind) {
  static const std::vector<const char*> magnitude = {"magnitude"}, ends = {"low", "high"},
                                        moments = {"mean", "deviation"}, value = {"value"};
  switch (kind) {
    case Kind::spread:
      return magnitude;
    case Kind::normal:
    case Kind::log_normal:
      return moments;
    case Kind::constant:
      return value;
    default:
      return ends;
  }
}

Distribution::Distribution(Kind kind, std::vector<Tensor> ends) : kind_(kind), ends_(std::move(ends)) {
  const std::string name = to_string(kind);
  require<ShapeError>(ends_.size() == names().size(), name, ": expected ", names().size(), " numbers, got ",
                      ends_.size());
  for (Tensor& end : ends_) end = learnable(name.c_str(), end);
}

Distribution::Distribution(const Tensor& magnitude) : Distribution(Kind::spread, {magnitude}) {}
Distribution::Distribution(const Tensor& low, const Tensor& high) : Distribution(uniform(low, high)) {}

bool Distribution::defined() const { return !ends_.empty(); }

Distribution Distribution::constant(const Tensor& value) { return {Kind::constant, {value}}; }

Distribution Distribution::uniform(const Tensor& low, const Tensor& high) {
  return in_order({Kind::uniform, {low, high}});
}
Distribution Distribution::log_uniform(const Tensor& low, const Tensor& high) {
  return in_order({Kind::log_uniform, {low, high}});
}
Distribution Distribution::normal(const Tensor& mean, const Tensor& deviation) {
  return in_order({Kind::normal, {mean, deviation}});
}
Distribution Distribution::log_normal(const Tensor& mean, const Tensor& deviation) {
  return in_order({Kind::log_normal, {mean, deviation}});
}

void Distribution::learn(bool on) {
  for (Tensor& end : ends_)
    if (end.needs_grad() != on) end.requires_grad(on);
}

Tensor Distribution::draw(const Generator& generator, std::int64_t count, const Domain& domain) const {
  const auto end = [&](std::size_t i) { return reshape(ends_[i].to(DType::f64), Shape{}); };
  const Shape all = {count};
  switch (kind_) {
    case Kind::constant:
      return limited(expand(end(0), all), domain);
    case Kind::spread: {  // the range is cut, not the values: none piles up at the end of the domain
      const Tensor low = limited(domain.neutral - end(0), domain), high = limited(domain.neutral + end(0), domain);
      return low + (high - low) * noise(generator, count, false);
    }
    case Kind::uniform:
      return limited(end(0) + (end(1) - end(0)) * noise(generator, count, false), domain);
    case Kind::normal:
      return limited(end(0) + end(1) * noise(generator, count, true), domain);
    case Kind::log_uniform: {
      const Tensor low = log(maximum(end(0), least)), high = log(maximum(end(1), least));
      return limited(exp(low + (high - low) * noise(generator, count, false)), domain);
    }
    default:
      return limited(exp(end(0) + end(1) * noise(generator, count, true)), domain);
  }
}

std::pair<double, double> Distribution::range(const Domain& domain) const {
  double low = ends_.front().item(), high = ends_.back().item();
  if (kind_ == Kind::spread) {
    const double r = std::fabs(high);
    low = domain.neutral - r, high = domain.neutral + r;
  } else if (kind_ == Kind::normal || kind_ == Kind::log_normal) {
    const double mean = low, reach = 3 * std::fabs(high);
    low = mean - reach, high = mean + reach;
    if (kind_ == Kind::log_normal) low = std::exp(low), high = std::exp(high);
  }
  if (low > high) std::swap(low, high);
  return {std::max(low, domain.lowest), std::min(high, domain.highest)};
}

}  // namespace lumigrad::augment
