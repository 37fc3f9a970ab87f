// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/augment/augmentation.h>
#include <lumigrad/augment/warp.h>
#include <lumigrad/engine/ops.h>

namespace lumigrad::augment {
namespace {

void require_images(const std::string& name, const Shape& image) {
  require<ShapeError>(image.rank() == 4 || image.rank() == 5, name,
                      ": expected images [N, C, H, W] or volumes [N, C, D, H, W], got ", image);
}

Tensor identity(const Shape& image) {
  const std::int64_t n = image.rank() - 1;
  return expand(unsqueeze(Tensor::eye(n, DType::f64), 0), {image[0], n, n});
}

}  // namespace

Augmentation::Augmentation(std::string name, Gate gate, std::vector<Parameter> drawn)
    : name_(std::move(name)), gate_(std::move(gate)), drawn_(std::move(drawn)) {}

Draw Augmentation::draw(const Generator& generator, const Shape& image) const {
  require_images(name_, image);
  const std::int64_t count = same_on_batch ? std::min<std::int64_t>(image[0], 1) : image[0];
  const Generator own = generator.then(name_);
  Draw draw;
  draw.gate = gate_.draw(own.then("gate"), count, training());
  draw.log_probability = gate_.log_probability(draw.gate);
  for (const Parameter& p : drawn_) draw.values[p.name] = p.distribution.draw(own.then(p.name), count, p.domain);
  draw_more(draw, own, image.with(0, count));
  return same_on_batch && image[0] > 0 ? draw.repeated(image[0]) : draw;
}

void Augmentation::draw_more(Draw&, const Generator&, const Shape&) const {}

// A parameter that is given as one number serves all images, and a gate that is left out is open.
Draw Augmentation::completed(const Draw& given, const Shape& image) const {
  require_images(name_, image);
  Draw draw = given;
  const Shape all = {image[0]};
  const auto complete = [&](const std::string& what, Tensor& x) {
    require<ShapeError>(x.defined() && (x.numel() == 1 || x.shape() == all), name_, ": expected a draw of ", what,
                        " with one number an image, ", all, ", got ", x.defined() ? x.shape() : Shape{});
    if (x.shape() != all) x = expand(reshape(x, {1}), all);
  };
  if (!draw.gate.defined()) draw.gate = Tensor::ones(all, DType::f64);
  complete("gate", draw.gate);
  for (const Parameter& p : drawn_) {
    draw.value(p.name);
    complete(p.name, draw.values[p.name]);
  }
  Device there;  // draws that come from elsewhere take those of the CPU along
  for (const Parameter& p : drawn_)
    if (const Device device = draw.values[p.name].device(); device != Device()) there = device;
  for (const Parameter& p : drawn_) draw.values[p.name] = draw.values[p.name].to(there);
  const auto inner = steps();
  for (std::size_t k = 0; k < inner.size() && k < draw.steps.size(); ++k)
    draw.steps[k] = inner[k]->completed(draw.steps[k], image);
  return draw;
}

Tensor Augmentation::apply(const Tensor& image, const Draw& draw) const {
  const Draw complete = completed(draw, image.shape());
  require<DTypeError>(is_differentiable(image.dtype()), name_, ": expected images of f32 or f64, got ", image.dtype());
  if (image.numel() == 0) return image;
  const bool hard = is_hard(complete.gate);
  if (hard && max_of(complete.gate) == 0) return image;
  return blend(complete.gate, transform(image, complete), image);
}

Tensor Augmentation::transform_matrix(const Draw& draw, const Shape& image) const {
  const Draw complete = completed(draw, image);
  if (!is_geometric()) return identity(image);
  const Tensor full = matrix(complete, image);
  if (is_hard(complete.gate) && min_of(complete.gate) == 1) return full;
  Tensor open = Tensor::empty({image[0], 1, 1}, DType::f64);
  const std::vector<double> gates = complete.gate.values();
  for (std::size_t i = 0; i < gates.size(); ++i) open.mutable_data<double>()[i] = gates[i] > 0.5 ? 1 : 0;
  return where(open.to(full.device()), full, identity(image).to(full.device()));
}

Tensor Augmentation::matrix(const Draw&, const Shape& image) const { return identity(image); }

const Resampling* Augmentation::one_warp(const Draw&) const { return nullptr; }

PixelStep Augmentation::pixel_step(const Tensor&, const Draw&) const { return {}; }

Example Augmentation::apply(const Example& example, const Draw& draw) const {
  Example moved = example;
  moved.image = apply(example.image, draw);
  if (is_geometric()) move_annotations(moved, transform_matrix(draw, example.image.shape()));
  return moved;
}

Example Augmentation::inverse(const Example& example, const Draw& draw) const {
  if (!is_geometric()) return example;
  Example back = example;
  const Tensor to_source = lumigrad::inverse(transform_matrix(draw, example.image.shape()));
  back.image = warp(example.image, to_source, {});
  move_annotations(back, to_source);
  return back;
}

Tensor Augmentation::forward(const Tensor& image) {
  require_images(name_, image.shape());
  Draw drawn = draw({seed_, 0, seen_}, image.shape());
  Tensor result = apply(image, drawn);
  last_ = std::move(drawn);
  seen_ += static_cast<std::uint64_t>(image.size(0));
  return result;
}

Example Augmentation::operator()(const Example& example) {
  require_images(name_, example.image.shape());
  Draw drawn = draw({seed_, 0, seen_}, example.image.shape());
  Example result = apply(example, drawn);
  last_ = std::move(drawn);
  seen_ += static_cast<std::uint64_t>(example.image.size(0));
  return result;
}

void Augmentation::seed(std::uint64_t seed, std::uint64_t first_sample) {
  seed_ = seed;
  seen_ = first_sample;
}

Distribution& Augmentation::distribution(const std::string& name) {
  for (Parameter& p : drawn_)
    if (p.name == name) return p.distribution;
  std::string known;
  for (const Parameter& p : drawn_) known += (known.empty() ? "" : ", ") + p.name;
  throw FormatError(message(name_, ": expected the name of a drawn parameter (",
                            known.empty() ? "there is none" : known, "), got ", name));
}

std::vector<std::string> Augmentation::names_to_learn() const {
  std::vector<std::string> names = {"probability"};
  for (const auto& [name, tensor] : more_to_learn()) names.push_back(name);
  for (const Parameter& p : drawn_) names.push_back(p.name);
  return names;
}

std::vector<Tensor> Augmentation::learnable_named(const std::string& name) const {
  if (name == "probability") return {gate_.probability};
  for (const Parameter& p : drawn_)
    if (p.name == name) return p.distribution.ends();
  const Dictionary<Tensor> more = more_to_learn();
  const auto found = more.find(name);
  return found == more.end() ? std::vector<Tensor>{} : std::vector<Tensor>{found->second};
}

// The handles are shared with whatever draws from them, so turning one into a leaf is all there is to do.
bool Augmentation::learn_named(const std::string& name, bool on) {
  std::vector<Tensor> tensors = learnable_named(name);
  for (Tensor& tensor : tensors)
    if (tensor.needs_grad() != on) tensor.requires_grad(on);
  return !tensors.empty();
}

void Augmentation::learn_own(const std::string& name, bool on) {
  require<FormatError>(learn_named(name, on), name_, ": expected something to learn, got ", name);
}

void Augmentation::learn() { learn({}, true); }

void Augmentation::learn(const std::vector<std::string>& names, bool on) {
  if (names.empty()) {
    for (const std::string& name : names_to_learn()) learn_named(name, on);
    for (const auto& step : steps()) step->learn({}, on);
    return;
  }
  // Whoever asks a pipeline for probabilities means those of its steps; switched off, its own is meant too.
  const auto visit = [&](const auto& self, Augmentation& augmentation, const std::string& name) -> bool {
    const bool own = name == "probability" && on && &augmentation == this && !steps().empty();
    bool found = !own && augmentation.learn_named(name, on);
    for (const auto& step : augmentation.steps()) found = self(self, *step, name) || found;
    return found;
  };
  for (const std::string& name : names)
    require<FormatError>(visit(visit, *this, name), name_, ": expected something to learn, got ", name);
}

std::vector<std::string> Augmentation::learning() const {
  std::vector<std::string> names;
  for (const std::string& name : names_to_learn())
    if (const std::vector<Tensor> tensors = learnable_named(name); !tensors.empty() && tensors[0].is_leaf())
      names.push_back(name);
  return names;
}

Settings Augmentation::settings() const { return {}; }
void Augmentation::set(const std::string& name, const Setting&) {
  throw FormatError(message(name_, ": expected a known option, got ", name));
}

std::vector<std::shared_ptr<Augmentation>> Augmentation::steps() const { return {}; }
Dictionary<Tensor> Augmentation::more_to_learn() const { return {}; }

void Augmentation::collect(const std::string& prefix, bool trained_only,
                           std::vector<std::pair<std::string, Tensor>>& to) const {
  const auto add = [&](const std::string& name, const Tensor& tensor) {
    if (!trained_only || tensor.is_leaf()) to.emplace_back(prefix + name, tensor);
  };
  add("probability", gate_.probability);
  for (const auto& [name, tensor] : more_to_learn()) add(name, tensor);
  for (const Parameter& p : drawn_)
    for (std::size_t i = 0; i < p.distribution.ends().size(); ++i)
      add(p.name + "." + p.distribution.names()[i], p.distribution.ends()[i]);
  Module::collect(prefix, trained_only, to);
}

}  // namespace lumigrad::augment
