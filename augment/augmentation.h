// SPDX-License-Identifier: Apache-2.0
// Augmentation: a random change of images, as a module.
//
//   auto jitter = std::make_shared<ColorJitter>(ColorJitterOptions{.brightness = 0.3, .hue = 0.1});
//   Tensor y = (*jitter)(x);                                     drawn and applied; like a layer
//
//   Draw draw = jitter->draw(Generator{seed}, x.shape());        parameters first: look at them, keep them,
//   Tensor y = jitter->apply(x, draw);                           apply them, as often as wanted
//   Example moved = jitter->apply(example, draw);                to image, mask, boxes and keypoints together
//   Tensor m = jitter->transform_matrix(draw, x.shape());        [N, 3, 3], input pixels -> output pixels
//   Example back = jitter->inverse(moved, draw);                 geometric changes undone
//
//   jitter->learn({"brightness", "probability"});                ends become leaves: parameters() has them
//   Adam adam(jitter->parameters());
//
// Three things are kept apart. What is drawn: named parameters, each a distribution (distribution.h), and a gate
// (gate.h). How it is drawn: keyed by seed, sample and name, so that draws are the same at any thread count and however
// samples are split into batches. What it does: transform(), a function of the image and the draw, recorded on the
// tape; gradients of a loss reach the image and, through the drawn numbers, the ends of the distributions.
//
// To write one: derive, hand names, distributions and domains to the constructor, and override transform() (or, for a
// geometric one, matrix(); see geometric.h). The registry (registry.h) gives it a name in policies; saving, learning,
// replay, the gradient check and the catalogue follow.
#pragma once
#include <lumigrad/augment/draw.h>
#include <lumigrad/augment/example.h>
#include <lumigrad/augment/gate.h>
#include <lumigrad/augment/setting.h>
#include <lumigrad/engine/families/chain.h>
#include <lumigrad/engine/families/sample.h>
#include <lumigrad/engine/module.h>
#include <concepts>

namespace lumigrad::augment {

/// A named random number of an augmentation.
struct Parameter {
  std::string name;
  Distribution distribution;
  Domain domain = {};
  std::pair<double, double> usual = {};  ///< values that change an image visibly without spoiling it
  bool differentiable = true;            ///< false: no gradient reaches it
  bool moves_jump = false;  ///< its gradient, where there is one, misses what a jump contributes to the expected loss
};

/// How a geometric augmentation reads its image. Two with the same reading can share one resampling.
struct Resampling {
  Interpolation mode = Interpolation::bilinear;
  Border border = Border::zeros;
  double fill = 0;            ///< outside, with Border::zeros; not read with others
  bool align_corners = true;  ///< false: Kornia's default for RandomAffine (see WarpOptions)
  friend bool operator==(const Resampling&, const Resampling&) = default;
};

class LUMIGRAD_API Augmentation : public Module {
 public:
  /// Draws for a batch of this shape, [N, C, H, W] or [N, C, D, H, W]. Sample i has the number
  /// generator.first_sample + i; its draws depend on that, the seed and nothing else.
  Draw draw(const Generator& generator, const Shape& image) const;
  /// Images under a draw. f32, f64. Throws ShapeError unless the draw has one entry an image.
  Tensor apply(const Tensor& image, const Draw& draw) const;
  /// Images and their annotations.
  Example apply(const Example& example, const Draw& draw) const;
  /// Geometric changes undone: images are read back through the matrix (what had left them is lost), masks, boxes
  /// (which grow, being boxes around boxes) and points too. Changes of pixel values stay.
  Example inverse(const Example& example, const Draw& draw) const;
  /// Where pixels go: [N, 3, 3] f64 ([N, 4, 4] for volumes), source to destination; the identity for samples that the
  /// gate leaves alone (relaxed gates below one half) and for changes of pixel values.
  Tensor transform_matrix(const Draw& draw, const Shape& image) const;

  /// Draws for the next N samples and applies. The module counts the samples it has seen, so that two batches of four
  /// are drawn as one of eight.
  Tensor forward(const Tensor& image) override;
  /// As a module, for a tensor and nothing that becomes one: `pipeline({.image = images})` is an example.
  template <std::same_as<Tensor> T>
  Tensor operator()(const T& image) {
    return forward(image);
  }
  Example operator()(const Example& example);
  /// What the last call drew.
  const Draw& last_draw() const { return last_; }
  /// Where the draws of calls start.
  void seed(std::uint64_t seed, std::uint64_t first_sample = 0);
  std::uint64_t seed() const { return seed_; }
  std::uint64_t samples_seen() const { return seen_; }

  /// A draw with what may be left out: the gate, which is then open, and one number for all images in place of one an
  /// image; in the draws of steps too. Throws ShapeError, FormatError for what does not fit.
  Draw completed(const Draw& draw, const Shape& image) const;

  /// The name in policies and in the catalogue: "rotate" is augment.rotate.
  const std::string& name() const { return name_; }
  const std::vector<Parameter>& drawn() const { return drawn_; }
  /// A distribution by name, to look at or to replace. Throws FormatError for an unknown name.
  Distribution& distribution(const std::string& name);
  const Gate& gate() const { return gate_; }
  Gate& gate() { return gate_; }
  /// One draw for the whole batch.
  bool same_on_batch = false;

  /// Makes leaves of the ends of the named distributions ("angle"), of "probability", or with no name of all of them;
  /// in pipelines of every step that has the name. A pipeline's own probability, by which nothing at all happens, is
  /// not meant by its name: learn_own("probability"). Throws FormatError when nothing has the name.
  void learn(const std::vector<std::string>& names, bool on = true);
  void learn();
  /// The same for this augmentation alone, without its steps.
  void learn_own(const std::string& name, bool on = true);
  /// What of its own learns now.
  std::vector<std::string> learning() const;

  /// Options that are not drawn, by name; set() throws FormatError for an unknown name or a value that does not fit.
  virtual Settings settings() const;
  virtual void set(const std::string& name, const Setting& value);

  /// The steps of a pipeline.
  virtual std::vector<std::shared_ptr<Augmentation>> steps() const;
  /// True when the matrix can be other than the identity.
  virtual bool is_geometric() const { return false; }
  /// When under this draw one warp by transform_matrix() is all that happens: how it reads. Else null.
  virtual const Resampling* one_warp(const Draw& draw) const;
  /// When all that happens is a step of a chain (engine/families/chain.h): that step, without the gate. Else none.
  virtual PixelStep pixel_step(const Tensor& image, const Draw& draw) const;

 protected:
  Augmentation(std::string name, Gate gate, std::vector<Parameter> drawn);
  /// Nothing: draws are made on the CPU, of numbers that stay there.
  void add_to(Moves&, Device) const override {}

  /// What happens where the gate is open. `draw` holds one number an image for each parameter.
  virtual Tensor transform(const Tensor& image, const Draw& draw) const = 0;
  /// Where pixels go then, f64.
  virtual Tensor matrix(const Draw& draw, const Shape& image) const;
  /// Draws beyond named distributions and the gate.
  virtual void draw_more(Draw& draw, const Generator& generator, const Shape& image) const;
  /// What else can be learned, by name (the weights of a choice).
  virtual Dictionary<Tensor> more_to_learn() const;

  void collect(const std::string& prefix, bool trained_only,
               std::vector<std::pair<std::string, Tensor>>& to) const override;

 private:
  std::vector<Tensor> learnable_named(const std::string& name) const;
  bool learn_named(const std::string& name, bool on);
  std::vector<std::string> names_to_learn() const;

  std::string name_;
  Gate gate_;
  std::vector<Parameter> drawn_;
  Draw last_;
  std::uint64_t seed_ = 0, seen_ = 0;
};

}  // namespace lumigrad::augment
