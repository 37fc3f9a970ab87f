// SPDX-License-Identifier: Apache-2.0
// Pipelines: augmentations one after the other, one of several, some of several. A pipeline is an augmentation itself:
// it draws first and applies then, has a gate, is replayed, inverted, learned and saved as one, and stands inside
// others.
//
//   AugmentationSequential pipeline({std::make_shared<RandomHorizontalFlip>(),
//                                    std::make_shared<RandomAffine>(AffineOptions{.angle = 30_deg, .scale = 0.2}),
//                                    std::make_shared<ColorJitter>(ColorJitterOptions{.brightness = 0.3})});
//   Example moved = pipeline({.image = images, .mask = masks, .boxes = boxes, .keypoints = points});
//
// Reading an image between its pixels blurs it a little and loses what leaves the frame. So neighbours that only move
// pixels and read in the same way are multiplied into one matrix, and the image is read once: a rotation and the
// rotation back are nothing at all. Masks, boxes and points always follow the matrix of the whole.
#pragma once
#include <lumigrad/augment/augmentation.h>
#include <lumigrad/engine/callable.h>

namespace lumigrad::augment {

using Steps = std::vector<std::shared_ptr<Augmentation>>;

struct PipelineOptions {
  Gate p = 1;
  bool same_on_batch = false;  ///< one draw for the whole batch
};

/// What pipelines share: steps, and draws of every step whether it is taken or not, so that what is drawn for one step
/// does not depend on the others.
class LUMIGRAD_API Pipeline : public Augmentation {
 public:
  Steps steps() const override;
  bool is_geometric() const override;

 protected:
  Pipeline(std::string name, Steps steps, PipelineOptions options, std::vector<Parameter> drawn);
  void draw_more(Draw& draw, const Generator& generator, const Shape& image) const override;
  void require_steps(const Draw& draw) const;
  void require_choice(const Draw& draw) const;

 private:
  Steps steps_;
};

/// All steps in order.
class LUMIGRAD_API AugmentationSequential final : public Pipeline {
 public:
  explicit AugmentationSequential(Steps steps, PipelineOptions options = {});
  const Resampling* one_warp(const Draw& draw) const override;

 protected:
  Tensor transform(const Tensor& image, const Draw& draw) const override;
  Tensor matrix(const Draw& draw, const Shape& image) const override;
};

struct OneOfOptions {
  Tensor weights = {};  ///< [steps], > 0; step k is chosen with probability w_k / sum w. Left out: all alike
  Gate p = 1;           ///< its estimator and temperature hold for the choice too
  bool same_on_batch = false;
};
/// One step for each sample. `learn({"weights"})` makes the weights leaves. Their gradients, by the gate's estimator:
///   straight_through   one-hot choice, with the slope of the probabilities
///   relaxed            shares s_k = (w_k / E_k)^(1/T) / sum, E_k exponential: the Gumbel softmax; the result is the
///                      mixture of the steps, and the largest share is the hard choice
///   score_function     log of the probability of the choice, in Draw::log_probability
class LUMIGRAD_API OneOf final : public Pipeline {
 public:
  explicit OneOf(Steps steps, OneOfOptions options = {});
  const Tensor& weights() const { return weights_; }
  const Resampling* one_warp(const Draw& draw) const override;

 protected:
  Tensor transform(const Tensor& image, const Draw& draw) const override;
  Tensor matrix(const Draw& draw, const Shape& image) const override;
  void draw_more(Draw& draw, const Generator& generator, const Shape& image) const override;
  Dictionary<Tensor> more_to_learn() const override;

 private:
  Tensor weights_;
};

/// n different steps for each sample, all subsets equally likely, in the order they stand in.
class LUMIGRAD_API SomeOf final : public Pipeline {
 public:
  SomeOf(Steps steps, std::int64_t n, PipelineOptions options = {});
  std::int64_t n() const { return n_; }

 protected:
  Tensor transform(const Tensor& image, const Draw& draw) const override;
  Tensor matrix(const Draw& draw, const Shape& image) const override;
  void draw_more(Draw& draw, const Generator& generator, const Shape& image) const override;

 private:
  std::int64_t n_;
};

/// The expected loss of each sample over all gates that learn, exactly: every combination of open and closed is applied
/// and weighted with its probability. Its gradient with respect to the probabilities has neither bias nor variance from
/// gates, at 0 and 1 too (beyond them it is 0); it costs 2^k applications for k gates. `loss` maps images [N, ..] to
/// losses [N]; other draws are those of `draw`. Throws GraphError for more than 12 gates or where a choice (one_of)
/// learns.
LUMIGRAD_API Tensor enumerate(const Augmentation& augmentation, const Tensor& image, const Draw& draw,
                              const Callable<Tensor(const Tensor& image)>& loss);

}  // namespace lumigrad::augment
