// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/augment/pipeline.h>
#include <lumigrad/augment/warp.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <algorithm>
#include <numeric>

namespace lumigrad::augment {
namespace {

Tensor identity(const Shape& image) {
  const std::int64_t n = image.rank() - 1;
  return expand(unsqueeze(Tensor::eye(n, DType::f64), 0), {image[0], n, n});
}

/// Column k of [N, steps].
Tensor share(const Tensor& choice, std::size_t k) { return select(choice, 1, static_cast<std::int64_t>(k)); }

/// a where g > 1/2, else b, a matrix a sample.
Tensor chosen(const Tensor& g, const Tensor& a, const Tensor& b) {
  const Tensor mask = Tensor::empty({g.size(0), 1, 1}, DType::f64);
  const std::vector<double> values = g.values();
  auto* out = Tensor(mask).mutable_data<double>();
  for (std::size_t i = 0; i < values.size(); ++i) out[i] = values[i] > 0.5 ? 1 : 0;
  const Device there = a.device() != Device() ? a.device() : b.device();
  return where(mask.to(there), a.to(there), b.to(there));
}

bool untouched(const Tensor& g) { return is_hard(g) && max_of(g) == 0; }

}  // namespace

Pipeline::Pipeline(std::string name, Steps steps, PipelineOptions options, std::vector<Parameter> drawn)
    : Augmentation(std::move(name), std::move(options.p), std::move(drawn)), steps_(std::move(steps)) {
  same_on_batch = options.same_on_batch;
  for (std::size_t k = 0; k < steps_.size(); ++k) {
    require<FormatError>(steps_[k] != nullptr, this->name(), ": expected an augmentation as step ", k, ", got none");
    child(std::to_string(k), steps_[k]);
  }
}

Steps Pipeline::steps() const { return steps_; }
bool Pipeline::is_geometric() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const auto& step) { return step->is_geometric(); });
}

void Pipeline::draw_more(Draw& draw, const Generator& generator, const Shape& image) const {
  for (std::size_t k = 0; k < steps_.size(); ++k)
    draw.steps.push_back(steps_[k]->draw(generator.then(static_cast<std::uint32_t>(k)), image));
}

void Pipeline::require_steps(const Draw& draw) const {
  require<ShapeError>(draw.steps.size() == steps_.size(), name(), ": expected a draw of ", steps_.size(),
                      " steps, got ", draw.steps.size());
}

void Pipeline::require_choice(const Draw& draw) const {
  require_steps(draw);
  const Shape all = {draw.count(), static_cast<std::int64_t>(steps_.size())};
  require<ShapeError>(draw.choice.defined() && draw.choice.shape() == all, name(), ": expected a choice ", all,
                      " in the draw, got ", draw.choice.defined() ? draw.choice.shape() : Shape{});
}

// ---- all -----------------------------------------------------------------------------------------------------------

AugmentationSequential::AugmentationSequential(Steps steps, PipelineOptions options)
    : Pipeline("sequential", std::move(steps), std::move(options), {}) {}

// Matrices wait until something else has to be done to the image, or something that reads it in another way; steps of
// pixels wait until something else comes. At most one of the two waits. What is read together is decided by the steps
// alone and not by who takes them: a sample must not be read otherwise because of its neighbours in the batch.
Tensor AugmentationSequential::transform(const Tensor& image, const Draw& draw) const {
  require_steps(draw);
  const Steps all = steps();
  Tensor y = image;
  std::vector<std::size_t> moves;  // steps that wait to be read
  const Resampling* reading = nullptr;
  std::vector<PixelStep> chain;
  const auto read = [&] {
    std::erase_if(moves, [&](std::size_t k) { return untouched(draw.steps[k].gate); });
    if (moves.size() == 1) y = all[moves[0]]->apply(y, draw.steps[moves[0]]);  // may know a better way (a flip)
    if (moves.size() > 1) {
      Tensor matrix, moved = Tensor::zeros({y.size(0)}, DType::f64);
      for (const std::size_t k : moves) {
        const Tensor next = all[k]->transform_matrix(draw.steps[k], y.shape());
        matrix = matrix.defined() ? matmul(next, matrix) : next;
        moved = maximum(moved, draw.steps[k].gate);
      }
      y = blend(moved, warp(y, matrix, *reading), y);
    }
    moves.clear();
  };
  const auto pass = [&] {
    if (!chain.empty()) y = fuse(y, chain);
    chain.clear();
  };
  for (std::size_t k = 0; k < all.size(); ++k) {
    const Draw& drawn = draw.steps[k];
    if (const Resampling* own = y.rank() == 4 ? all[k]->one_warp(drawn) : nullptr) {
      pass();
      if (!moves.empty() && !(*own == *reading)) read();
      moves.push_back(k);
      reading = own;
      continue;
    }
    read();
    const Tensor& gate = drawn.gate;
    if (untouched(gate)) continue;
    PixelStep step = is_hard(gate) ? all[k]->pixel_step(y, drawn) : PixelStep();
    if (step) {
      if (min_of(gate) == 0) step.applies = gate.to(y.dtype());
      chain.push_back(std::move(step));
    } else {
      pass();
      y = all[k]->apply(y, drawn);
    }
  }
  read();
  pass();
  return y;
}

Tensor AugmentationSequential::matrix(const Draw& draw, const Shape& image) const {
  require_steps(draw);
  const Steps all = steps();
  Tensor total;
  for (std::size_t k = 0; k < all.size(); ++k) {
    if (!all[k]->is_geometric()) continue;
    const Tensor next = all[k]->transform_matrix(draw.steps[k], image);
    total = total.defined() ? matmul(next, total) : next;
  }
  return total.defined() ? total : identity(image);
}

const Resampling* AugmentationSequential::one_warp(const Draw& draw) const {
  const Steps all = steps();
  if (!is_hard(draw.gate) || draw.steps.size() != all.size()) return nullptr;
  const Resampling* common = nullptr;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const Resampling* own = all[k]->one_warp(draw.steps[k]);
    if (!own || (common && !(*own == *common))) return nullptr;
    common = own;
  }
  return common;
}

// ---- one -----------------------------------------------------------------------------------------------------------

Dictionary<Tensor> OneOf::more_to_learn() const { return {{"weights", weights_}}; }

OneOf::OneOf(Steps steps, OneOfOptions options)
    : Pipeline("one_of", std::move(steps), {std::move(options.p), options.same_on_batch}, {}),
      weights_(options.weights) {
  const auto count = static_cast<std::int64_t>(this->steps().size());
  require<ShapeError>(count > 0, "one_of: expected at least one step, got none");
  if (!weights_.defined()) weights_ = Tensor::ones({count}, DType::f64);
  require<ShapeError>(weights_.shape() == Shape{count}, "one_of: expected ", count, " weights, got shape ",
                      weights_.shape());
  if (!weights_.needs_grad()) weights_ = weights_.to(DType::f64).clone();
  require<NumericError>(min_of(weights_) > 0, "one_of: expected weights > 0, got ", min_of(weights_));
}

// With E_k independent exponential numbers, min over k of E_k / w_k falls to k with probability w_k / sum w: so the
// largest w_k / E_k is the choice, and its sharpened shares are the relaxed one.
void OneOf::draw_more(Draw& draw, const Generator& generator, const Shape& image) const {
  Pipeline::draw_more(draw, generator, image);
  const std::int64_t count = image[0], k = weights_.size(0);
  const bool learns = recording() && weights_.needs_grad() && gate().estimator != Estimator::none;
  const Tensor u = lumigrad::uniform(generator.then("choice"), {count, k}, 0, 1, DType::f64);
  const Tensor waiting = neg(log(1 - u));  // exponential; 1 - u > 0
  const Tensor live = weights_.to(DType::f64), w = maximum(learns ? live : live.detach(), 1e-12);
  Tensor hard = Tensor::zeros({count, k}, DType::f64);
  const std::vector<double> keys = div(maximum(waiting, 1e-300), w.detach()).values();
  auto* out = hard.mutable_data<double>();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto row = keys.begin() + i * k;
    out[i * k + (std::min_element(row, row + k) - row)] = 1;
  }
  const Tensor probabilities = w / sum(w);
  draw.choice = hard;
  if (training() && gate().estimator == Estimator::relaxed) {
    const Tensor scores = w / maximum(waiting, 1e-300);
    std::vector<double> best = scores.values();
    Tensor top = Tensor::empty({count, 1}, DType::f64);
    for (std::int64_t i = 0; i < count; ++i)
      top.mutable_data<double>()[i] = *std::max_element(best.begin() + i * k, best.begin() + (i + 1) * k);
    const Tensor sharp = pow(scores / top, 1 / gate().temperature);
    draw.choice = sharp / sum(sharp, {1}, true);
  } else if (learns && gate().estimator == Estimator::straight_through) {
    draw.choice = hard + (probabilities - probabilities.detach());
  } else if (learns && gate().estimator == Estimator::score_function) {
    const Tensor of_choice = log(sum(hard * probabilities, {1}));
    draw.log_probability = draw.log_probability.defined() ? draw.log_probability + of_choice : of_choice;
  }
}

Tensor OneOf::transform(const Tensor& image, const Draw& draw) const {
  require_choice(draw);
  const Steps all = steps();
  const bool hard = is_hard(draw.choice);
  Tensor total;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const Tensor g = share(draw.choice, k);
    if (hard && max_of(g) == 0) continue;
    const Tensor y = all[k]->apply(image, draw.steps[k]);
    if (hard) {
      total = blend(g, y, total.defined() ? total : image);
    } else {
      Shape columns = {g.size(0)};
      while (columns.rank() < image.rank()) columns = columns.inserted(columns.rank(), 1);
      const Tensor part = reshape(g.to(image.dtype()), columns) * y;
      total = total.defined() ? total + part : part;
    }
  }
  return total.defined() ? total : image;
}

Tensor OneOf::matrix(const Draw& draw, const Shape& image) const {
  require_choice(draw);
  const Steps all = steps();
  Tensor total = identity(image);
  for (std::size_t k = 0; k < all.size(); ++k)
    if (all[k]->is_geometric())
      total = chosen(share(draw.choice, k), all[k]->transform_matrix(draw.steps[k], image), total);
  return total;
}

const Resampling* OneOf::one_warp(const Draw& draw) const {
  const Steps all = steps();
  if (!is_hard(draw.gate) || draw.steps.size() != all.size() || !draw.choice.defined() || !is_hard(draw.choice))
    return nullptr;
  const Resampling* common = nullptr;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const Resampling* own = all[k]->one_warp(draw.steps[k]);
    if (!own || (common && !(*own == *common))) return nullptr;
    common = own;
  }
  return common;
}

// ---- some ----------------------------------------------------------------------------------------------------------

SomeOf::SomeOf(Steps steps, std::int64_t n, PipelineOptions options)
    : Pipeline("some_of", std::move(steps), std::move(options), {}), n_(n) {
  const auto count = static_cast<std::int64_t>(this->steps().size());
  require<ShapeError>(n >= 0 && n <= count, "some_of: expected n from 0 to ", count, ", got ", n);
}

void SomeOf::draw_more(Draw& draw, const Generator& generator, const Shape& image) const {
  Pipeline::draw_more(draw, generator, image);
  const auto k = static_cast<std::int64_t>(steps().size());
  Tensor choice = Tensor::zeros({image[0], k}, DType::f64);
  for (std::int64_t i = 0; i < image[0]; ++i) {
    const std::vector<double> order =
        permutation(generator.then("choice").from_sample(static_cast<std::uint64_t>(i)), k).values();
    for (std::int64_t j = 0; j < n_; ++j)
      choice.mutable_data<double>()[i * k + static_cast<std::int64_t>(order[static_cast<std::size_t>(j)])] = 1;
  }
  draw.choice = choice;
}

Tensor SomeOf::transform(const Tensor& image, const Draw& draw) const {
  require_choice(draw);
  const Steps all = steps();
  Tensor y = image;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const Tensor g = share(draw.choice, k);
    if (!untouched(g)) y = blend(g, all[k]->apply(y, draw.steps[k]), y);
  }
  return y;
}

Tensor SomeOf::matrix(const Draw& draw, const Shape& image) const {
  require_choice(draw);
  const Steps all = steps();
  Tensor total = identity(image);
  for (std::size_t k = 0; k < all.size(); ++k) {
    if (!all[k]->is_geometric()) continue;
    const Tensor next = matmul(all[k]->transform_matrix(draw.steps[k], image), total);
    total = chosen(share(draw.choice, k), next, total);
  }
  return total;
}

// ---- every combination of gates ------------------------------------------------------------------------------------

namespace {

struct OpenGate {
  Draw* draw;
  Tensor probability;
};

void collect_gates(const Augmentation& augmentation, Draw& draw, std::vector<OpenGate>& to) {
  if (augmentation.gate().probability.needs_grad()) to.push_back({&draw, augmentation.gate().probability});
  const Steps steps = augmentation.steps();
  require<GraphError>(!draw.choice.defined() || !draw.choice.needs_grad(),
                      "enumerate: expected gates alone to learn, got a choice that does");
  for (std::size_t k = 0; k < steps.size() && k < draw.steps.size(); ++k) collect_gates(*steps[k], draw.steps[k], to);
}

}  // namespace

Tensor enumerate(const Augmentation& augmentation, const Tensor& image, const Draw& draw,
                 const Callable<Tensor(const Tensor& image)>& loss) {
  Draw trial = draw;
  std::vector<OpenGate> gates;
  collect_gates(augmentation, trial, gates);
  require<GraphError>(gates.size() <= 12, "enumerate: expected at most 12 gates that learn, got ", gates.size());
  Tensor total;
  for (std::size_t combination = 0; combination < std::size_t{1} << gates.size(); ++combination) {
    Tensor weight = Tensor::ones({}, DType::f64);
    for (std::size_t k = 0; k < gates.size(); ++k) {
      const bool open = combination >> k & 1;
      const Tensor p = clamp(gates[k].probability.to(DType::f64), 0, 1);  // as draws take it
      gates[k].draw->gate = Tensor::full({image.size(0)}, open ? 1 : 0, DType::f64);
      weight = weight * (open ? p : 1 - p);
    }
    const Tensor losses = loss(augmentation.apply(image, trial));
    const Tensor part = losses * weight.to(losses.dtype());
    total = total.defined() ? total + part : part;
  }
  return total;
}

}  // namespace lumigrad::augment
