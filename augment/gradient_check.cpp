// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/augment/gradient_check.h>
#include <lumigrad/augment/pipeline.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <algorithm>
#include <cmath>

namespace lumigrad::augment {
namespace {

constexpr std::int64_t group = 64;          // draws
constexpr std::int64_t fewest_groups = 16;  // before anything is said about errors
constexpr std::int64_t paired_groups = 16;  // in which ends are moved: there the noise cancels
constexpr double step = 1e-6;

/// Means and their standard errors, group by group (Welford).
class Means {
 public:
  void add(double x) {
    ++count_;
    const double before = x - mean_;
    mean_ += before / count_;
    squares_ += before * (x - mean_);
  }
  double mean() const { return mean_; }
  double error() const { return count_ < 2 ? INFINITY : std::sqrt(squares_ / (count_ - 1) / count_); }

 private:
  double count_ = 0, mean_ = 0, squares_ = 0;
};

/// A smooth image whose channels stay apart, and two smooth weights: what is compared must not drown in texture.
struct Scene {
  Tensor image, target, slope;
};
Scene scene_of(const Kind& kind) {
  const std::int64_t depth = kind.volume ? 5 : 1, height = 7, width = 8, channels = kind.volume ? 1 : 3;
  const Shape shape = kind.volume ? Shape{1, channels, depth, height, width} : Shape{1, channels, height, width};
  Scene scene = {Tensor::empty(shape, DType::f64), Tensor::empty(shape, DType::f64), Tensor::empty(shape, DType::f64)};
  constexpr double tints[] = {1.9, 0.6, -0.5};
  std::int64_t at = 0;
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t z = 0; z < depth; ++z)
      for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t x = 0; x < width; ++x, ++at) {
          const double u = double(x) / double(width - 1), v = double(y) / double(height - 1), w = 0.2 * double(z);
          scene.image.mutable_data<double>()[at] =
              0.5 - 0.13 * double(c) + 0.12 * u * (0.4 + v) + 0.04 * std::sin(3 * v + w) + 0.03 * w;
          scene.target.mutable_data<double>()[at] = 0.1 + 0.1 * double(c) * v + 0.1 * u * u;
          scene.slope.mutable_data<double>()[at] = tints[c] + u - 1.7 * v * u - 0.4 * w;
        }
  return scene;
}

Tensor per_sample(const Tensor& x) {
  const std::int64_t n = x.size(0);
  return sum(reshape(x, {n, x.numel() / std::max<std::int64_t>(n, 1)}), {1}) * (double(n) / double(x.numel()));
}

/// A range to one side of the value at which nothing happens: effects of many draws add up.
Distribution upper_part(const Parameter& p) {
  const double low = p.usual.first, width = p.usual.second - low;
  return Distribution(low + 0.55 * width, low + 0.85 * width);
}

class Check {
 public:
  Check(const std::string& name, const GradientCheckOptions& options) : options_(options) {
    for (const Kind& kind : kinds())
      if (name == kind.name) kind_ = &kind;
    require<FormatError>(kind_ != nullptr, "check_gradients: expected the name of an augmentation, got ", name);
    scene_ = scene_of(*kind_);
    shape_ = scene_.image.shape().with(0, group);
    image_ = expand(scene_.image, shape_);
  }

  std::vector<GradientLine> run() {
    if (!kind_->make()->drawn().empty()) {
      ranges("inside", upper_part);
      if (!kind_->volume)
        ranges("neutral", [](const Parameter& p) { return Distribution(p.domain.neutral, p.domain.neutral); });
      ranges("spread", [](const Parameter& p) { return Distribution(0.4 * (p.usual.second - p.usual.first)); });
      if (!kind_->volume) ranges("spread of 0", [](const Parameter&) { return Distribution(0.0); });
    }
    for (const double p : {0.0, 0.3, 1.0}) gate(Estimator::straight_through, p);
    for (const double p : {0.3, 0.8}) gate(Estimator::relaxed, p);
    for (const double p : {0.3, 0.8}) gate(Estimator::score_function, p);
    for (const double p : {0.0, 0.3, 1.0}) gate(Estimator::none, p);  // by enumeration
    return std::move(lines_);
  }

 private:
  /// Losses of single images, linear in them or not.
  Tensor losses(const Tensor& y, bool linear) const {
    const Tensor first = per_sample(y * scene_.slope);
    return linear ? first : first + 0.5 * per_sample(square(y - scene_.target));
  }

  Generator draws(std::int64_t index) const {
    return Generator{options_.seed}.from_sample(static_cast<std::uint64_t>(index * group));
  }

  std::shared_ptr<Augmentation> made() const {
    auto augmentation = kind_->make();
    augmentation->gate() = Gate(1.0);
    for (const Parameter& p : augmentation->drawn()) augmentation->distribution(p.name) = upper_part(p);
    return augmentation;
  }

  template <class F>
  void ranges(const char* where, const F& range) {
    auto augmentation = made();
    const std::string place = where;
    if (place.find("0") != std::string::npos || place == "neutral")
      if (augmentation->settings().contains("mode")) augmentation->set("mode", std::string("bicubic"));
    std::vector<Tensor> ends;
    for (const Parameter& p : augmentation->drawn()) {
      augmentation->distribution(p.name) = range(p);
      if (!p.differentiable || p.moves_jump) continue;
      Distribution& distribution = augmentation->distribution(p.name);
      distribution.learn();
      for (std::size_t i = 0; i < distribution.ends().size(); ++i) {
        ends.push_back(distribution.ends()[i]);
        lines_.push_back({kind_->name, message(p.name, ".", distribution.names()[i]), place});
      }
    }
    const auto loss = [&](std::int64_t index) {
      return mean(losses(augmentation->apply(image_, augmentation->draw(draws(index), shape_)), false));
    };
    compare(ends, loss, [&](std::size_t k, std::int64_t index) { return central(ends[k], loss, index); });
  }

  /// The slope of a loss in one end.
  template <class Loss>
  static double central(Tensor end, const Loss& loss, std::int64_t index) {
    NoGrad off;
    const double middle = end.item();
    double value[2];
    for (int side = 0; side < 2; ++side) {
      end.assign(Tensor(middle + (side ? step : -step)));
      value[side] = loss(index).item();
    }
    end.assign(Tensor(middle));
    return (value[1] - value[0]) / (2 * step);
  }

  void gate(Estimator estimator, double p) {
    auto augmentation = made();
    augmentation->gate() = Gate(p, estimator);
    augmentation->learn({"probability"});
    const bool linear = estimator == Estimator::straight_through;
    const std::string how = estimator == Estimator::none ? "enumeration" : to_string(estimator);
    lines_.push_back({kind_->name, "probability", message(how, " at p = ", p)});
    const auto loss = [&](std::int64_t index) {
      const Draw draw = augmentation->draw(draws(index), shape_);
      if (estimator == Estimator::none)
        return mean(enumerate(*augmentation, image_, draw, [&](const Tensor& y) { return losses(y, linear); }));
      const Tensor each = losses(augmentation->apply(image_, draw), linear);
      return estimator == Estimator::score_function ? mean(each) + score_function(each, draw) : mean(each);
    };
    const Tensor end = augmentation->gate().probability;
    const auto exact = [&](std::size_t, std::int64_t index) {  // L(y) - L(x)
      NoGrad off;
      Draw open = augmentation->draw(draws(index), shape_);
      open.gate = Tensor::ones({group}, DType::f64);
      return (mean(losses(augmentation->apply(image_, open), linear)) - mean(losses(image_, linear))).item();
    };
    if (estimator == Estimator::relaxed)
      compare({end}, loss, [&](std::size_t, std::int64_t index) { return central(end, loss, index); });
    else
      compare({end}, loss, exact, true);
  }

  /// Adds groups until every gradient is known well enough, then judges the last lines, one an end.
  template <class Loss, class Numeric>
  void compare(const std::vector<Tensor>& ends, const Loss& loss, const Numeric& numeric, bool every_group = false) {
    const std::size_t count = ends.size(), first = lines_.size() - count;
    if (count == 0) return;
    std::vector<Means> analytic(count), paired(count), differences(count), between(count);
    std::int64_t index = 0;
    const auto known = [&](std::size_t k) {
      return analytic[k].error() <= options_.precision * std::fabs(analytic[k].mean());
    };
    const auto vanishes = [&](std::size_t k) {
      return std::fabs(analytic[k].mean()) <= 4 * analytic[k].error() + 1e-12;
    };
    // Draws on both sides of neutral nearly cancel: what is left is small against what is added up.
    const bool symmetric = lines_.back().where.starts_with("spread");
    const auto finished = [&] {
      for (std::size_t k = 0; k < count; ++k)
        if (!known(k) && !((vanishes(k) || symmetric) && index >= 4 * fewest_groups)) return false;
      return true;
    };
    while (index < fewest_groups || (!finished() && index * group < options_.most_draws)) {
      for (Tensor end : ends) end.clear_grad();
      loss(index).backward();
      for (std::size_t k = 0; k < count; ++k) {
        const Tensor gradient = ends[k].grad();
        const double g = gradient.defined() ? gradient.item() : 0;
        analytic[k].add(g);
        if (index >= paired_groups && !every_group) continue;
        const double d = numeric(k, index);
        paired[k].add(g);
        differences[k].add(d);
        between[k].add(g - d);
      }
      ++index;
    }
    // A mean of few groups is as uncertain as the many say, not as the few happen to lie.
    const auto paired_error = [&](std::size_t k) {
      return analytic[k].error() * std::sqrt(double(index) / double(every_group ? index : paired_groups));
    };
    for (std::size_t k = 0; k < count; ++k) {
      GradientLine& line = lines_[first + k];
      line.analytic = paired[k].mean();
      line.numeric = differences[k].mean();
      line.standard_error = analytic[k].error();
      line.difference_error = between[k].error();
      line.draws = index * group;
      line.zero = !known(k);
      const double size = std::max(std::fabs(line.analytic), std::fabs(line.numeric));
      const bool agrees = std::fabs(line.analytic - line.numeric) <= 3 * line.difference_error + 1e-5 * size + 1e-8;
      line.passed = std::isfinite(line.analytic) && agrees &&
                    (known(k) || symmetric || (vanishes(k) && std::fabs(line.numeric) <= 4 * paired_error(k) + 1e-8));
    }
  }

  GradientCheckOptions options_;
  const Kind* kind_ = nullptr;
  Scene scene_;
  Shape shape_;
  Tensor image_;
  std::vector<GradientLine> lines_;
};

}  // namespace

std::vector<GradientLine> check_gradients(const std::string& name, const GradientCheckOptions& options) {
  return Check(name, options).run();
}

}  // namespace lumigrad::augment
