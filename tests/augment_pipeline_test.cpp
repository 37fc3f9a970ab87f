// SPDX-License-Identifier: Apache-2.0
// Pipelines: one pass over memory, choices that learn, volumes, hostile policies.
#include <doctest/doctest.h>
#include <lumigrad/augment/geometric.h>
#include <lumigrad/augment/photometric.h>
#include <lumigrad/augment/policy.h>
#include <lumigrad/augment/volume.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/tape.h>
#include <cmath>

using namespace lumigrad;
using namespace lumigrad::augment;

namespace {

Tensor images(std::int64_t n, DType dtype = DType::f64) {
  return lumigrad::uniform({4, 5}, {n, 3, 6, 7}, 0.2, 0.8, dtype);
}

std::shared_ptr<Augmentation> shifted(double by) {
  return std::make_shared<RandomRGBShift>(ShiftOptions{.red = Distribution::constant(by),
                                                       .green = Distribution::constant(by),
                                                       .blue = Distribution::constant(by),
                                                       .p = 1});
}

Tensor losses_of(const Tensor& y) { return mean(square(y), {1, 2, 3}); }

}  // namespace

TEST_CASE("a chain of pixel changes in one pass has the bits of its steps one after the other, gates included") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Steps steps = {std::make_shared<RandomBrightness>(FactorOptions{.factor = 0.3, .p = 0.6}),
                         std::make_shared<RandomGamma>(GammaOptions{.gamma = {0.5, 1.5}}),
                         std::make_shared<RandomHue>(HueOptions{.angle = 0.5, .p = 0.5}),
                         std::make_shared<RandomInvert>(0.5), std::make_shared<RandomSolarize>()};
    AugmentationSequential chain(steps);
    chain.learn({"factor", "gamma", "angle"});
    const Tensor x = images(6, dtype).requires_grad();
    const Draw draw = chain.draw({3}, x.shape());
    const Tensor fused = chain.apply(x, draw);
    Tensor apart = x;
    for (std::size_t k = 0; k < steps.size(); ++k) apart = steps[k]->apply(apart, draw.steps[k]);
    CHECK(fused.values() == apart.values());
    std::vector<Tensor> leaves = chain.parameters();
    leaves.push_back(x);
    const std::vector<Tensor> a = grad({mean(square(fused))}, leaves, {.retain_graph = true}),
                              b = grad({mean(square(apart))}, leaves);
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      const std::vector<double> first = a[i].values(), second = b[i].values();
      for (std::size_t j = 0; j < first.size(); ++j)
        CHECK(first[j] == doctest::Approx(second[j]).epsilon(dtype == DType::f32 ? 1e-4 : 1e-10));
    }
  }
}

TEST_CASE("a sample comes out the same, bit for bit, whatever its neighbours in the batch do") {
  const auto turned = [](double p) {
    return std::make_shared<RandomRotation>(
        RotationOptions{.angle = 0.5, .p = p, .resampling = {.align_corners = false}});
  };
  const auto brighter = std::make_shared<RandomBrightness>(FactorOptions{.factor = 0.3, .p = 0.5});
  const auto jitter = std::make_shared<ColorJitter>(ColorJitterOptions{.hue = 0.2, .order = "random", .p = 0.5});
  const std::vector<Steps> all = {{turned(1), brighter, turned(1)},
                                  {turned(0.5), jitter, turned(0.5), turned(0.5)},
                                  {std::make_shared<RandomHorizontalFlip>(0.5), turned(0.5), turned(0.3), brighter}};
  for (const Steps& steps : all)
    for (const DType dtype : {DType::f32, DType::f64}) {
      const AugmentationSequential pipeline(steps);
      const Tensor x = images(8, dtype);
      const Draw draw = pipeline.draw({9}, x.shape());
      const Tensor together = pipeline.apply(x, draw);
      for (std::int64_t i = 0; i < x.size(0); ++i) {
        const Tensor alone = pipeline.apply(slice(x, 0, i, i + 1), draw.part(i, i + 1));
        CHECK(alone.values() == slice(together, 0, i, i + 1).values());
      }
    }
}

TEST_CASE("gates that are left out of a draw are open, in steps too") {
  const auto turned = [] { return std::make_shared<RandomRotation>(RotationOptions{.angle = 0.5, .p = 1}); };
  const auto inner = std::make_shared<AugmentationSequential>(Steps{turned(), turned()});
  const AugmentationSequential pipeline({inner, turned(), shifted(0.1)});
  const Tensor x = images(2);
  const Draw draw = pipeline.draw({9}, x.shape());
  Draw given = draw;
  given.gate = {};
  for (Draw& step : given.steps) step.gate = {};
  for (Draw& step : given.steps[0].steps) step.gate = {};
  CHECK(pipeline.apply(x, given).values() == pipeline.apply(x, draw).values());
  CHECK(pipeline.transform_matrix(given, x.shape()).values() == pipeline.transform_matrix(draw, x.shape()).values());
}

TEST_CASE("an order that is none is refused") {
  const ColorJitter jitter({.order = "random"});
  const Tensor x = images(2);
  Draw draw = jitter.draw({9}, x.shape());
  for (const double order : {-5.0, 256.0, std::nan("")}) {
    draw.values["order"] = Tensor::full({2}, order, DType::f64);
    CHECK_THROWS_AS(jitter.apply(x, draw), NumericError);
  }
  draw.values["order"] = Tensor::full({3}, 0b00'01'10'11, DType::f64);
  CHECK_THROWS_AS(jitter.apply(x, draw), ShapeError);
}

TEST_CASE("weights of a choice learn: every estimator goes the way of the exact gradient") {
  const std::int64_t n = 4000;
  const Tensor x = expand(images(1), {n, 3, 6, 7});
  const double offsets[] = {0.05, -0.1, 0.15};
  // Exactly: E = sum p_k L_k with p = w / sum w, so dE/dw_k = (L_k - E) / sum w.
  const double weights[] = {1, 2, 1};
  double loss[3], expected = 0;
  for (int k = 0; k < 3; ++k) {
    loss[k] = mean(square(slice(x, 0, 0, 1) + offsets[k])).item();
    expected += weights[k] / 4 * loss[k];
  }
  for (const Estimator estimator : {Estimator::score_function, Estimator::straight_through, Estimator::relaxed}) {
    OneOf choice({shifted(offsets[0]), shifted(offsets[1]), shifted(offsets[2])},
                 {.weights = Tensor::from(std::vector<double>{1, 2, 1}, {3}), .p = Gate(1.0, estimator, 0.2)});
    choice.learn({"weights"});
    CHECK(choice.parameters().size() == 1);
    const Draw draw = choice.draw({17}, x.shape());
    const std::vector<double> shares = sum(draw.choice, {0}).values();
    for (std::size_t k = 0; k < 3; ++k) CHECK(shares[k] / double(n) == doctest::Approx(weights[k] / 4).epsilon(0.06));
    const Tensor losses = losses_of(choice.apply(x, draw));
    (mean(losses) + score_function(losses, draw)).backward();
    const std::vector<double> gradient = choice.weights().grad().values();
    for (std::size_t k = 0; k < 3; ++k) {
      INFO(to_string(estimator) << ", weight " << k);
      const double exact = (loss[k] - expected) / 4;
      CHECK(std::fabs(gradient[k] - exact) < (estimator == Estimator::score_function ? 0.08 : 0.35) * 0.03);
      CHECK((gradient[k] > 0) == (exact > 0));
    }
  }
  // A choice that does not learn is hard and its gradient is that of what was chosen.
  const OneOf fixed({shifted(0.1), shifted(-0.1)});
  CHECK(is_hard(fixed.draw({1}, x.shape()).choice));
}

TEST_CASE("enumeration is the expectation over gates, and its gradient the derivative") {
  AugmentationSequential pipeline({shifted(0.1), shifted(-0.05), std::make_shared<RandomInvert>(0.3)});
  const double p[] = {0.25, 1.0, 0.3};
  pipeline.steps()[0]->gate() = Gate(p[0]);
  pipeline.steps()[1]->gate() = Gate(p[1]);
  for (const auto& step : pipeline.steps()) step->learn_own("probability");
  const Tensor x = images(2);
  const Draw draw = pipeline.draw({1}, x.shape());
  const auto total = [&] { return mean(enumerate(pipeline, x, draw, [](const Tensor& y) { return losses_of(y); })); };
  double by_hand = 0;
  double slope[3] = {0, 0, 0};
  for (int mask = 0; mask < 8; ++mask) {
    Tensor y = x;
    if (mask & 1) y = y + 0.1;
    if (mask & 2) y = y - 0.05;
    if (mask & 4) y = 1 - y;
    const double loss = mean(losses_of(y)).item();
    double weight = 1;
    for (int k = 0; k < 3; ++k) weight *= mask >> k & 1 ? p[k] : 1 - p[k];
    by_hand += weight * loss;
    for (int k = 0; k < 3; ++k) {
      double others = mask >> k & 1 ? 1 : -1;
      for (int j = 0; j < 3; ++j)
        if (j != k) others *= mask >> j & 1 ? p[j] : 1 - p[j];
      slope[k] += others * loss;
    }
  }
  const Tensor loss = total();
  CHECK(loss.item() == doctest::Approx(by_hand).epsilon(1e-12));
  loss.backward();
  for (int k = 0; k < 3; ++k)
    CHECK(pipeline.steps()[static_cast<std::size_t>(k)]->gate().probability.grad().item() ==
          doctest::Approx(slope[k]).epsilon(1e-10));
}

TEST_CASE("some_of takes exactly n, and every step equally often") {
  SomeOf some({shifted(0.01), shifted(0.02), shifted(0.03), shifted(0.04)}, 2);
  const Draw draw = some.draw({5}, {4000, 3, 2, 2});
  const std::vector<double> rows = sum(draw.choice, {1}).values(), columns = sum(draw.choice, {0}).values();
  for (const double row : rows) CHECK(row == 2);
  for (const double column : columns) CHECK(column == doctest::Approx(2000).epsilon(0.06));
  CHECK_THROWS_AS(SomeOf({shifted(0.1)}, 2), ShapeError);
}

TEST_CASE("volumes: mask, points and boxes follow, and come back") {
  constexpr std::int64_t size = 24;
  Tensor volume = Tensor::zeros({2, 1, size, size, size}, DType::f64);
  for (std::int64_t i = 0; i < 2; ++i)
    for (std::int64_t z = 13; z < 16; ++z)
      for (std::int64_t y = 9; y < 12; ++y)
        for (std::int64_t x = 10; x < 13; ++x)
          volume.mutable_data<double>()[((i * size + z) * size + y) * size + x] = 1;
  const Example example = {
      .image = volume,
      .mask = volume.to(DType::u8),
      .boxes = expand(Tensor::from(std::vector<double>{10, 9, 13, 13, 12, 16}, {1, 1, 6}), {2, 1, 6}),
      .keypoints = expand(Tensor::from(std::vector<double>{11, 10, 14}, {1, 1, 3}), {2, 1, 3})};
  AugmentationSequential pipeline(
      {std::make_shared<RandomAffine3D>(Affine3DOptions{.angle_x = 0.2, .angle_z = {0.2, 0.5}, .scale = 0.1, .p = 1}),
       std::make_shared<RandomDepthFlip>(), std::make_shared<RandomHorizontalFlip>(1.0)});
  const Draw draw = pipeline.draw({8}, volume.shape());
  const Example moved = pipeline.apply(example, draw);
  CHECK(pipeline.transform_matrix(draw, volume.shape()).shape() == Shape{2, 4, 4});
  for (std::int64_t i = 0; i < 2; ++i) {
    const std::vector<double> point = slice(moved.keypoints, 0, i, i + 1).values();
    for (const Tensor& of : {moved.image, moved.mask}) {
      const std::vector<double> values = slice(of, 0, i, i + 1).values();
      double mass = 0, at[3] = {0, 0, 0};
      for (std::int64_t j = 0; j < size * size * size; ++j) {
        const double v = values[static_cast<std::size_t>(j)];
        mass += v, at[0] += v * double(j % size), at[1] += v * double(j / size % size),
            at[2] += v * double(j / (size * size));
      }
      for (std::size_t axis = 0; axis < 3; ++axis) CHECK(std::fabs(at[axis] / mass - point[axis]) < 0.35);
    }
  }
  const Example back = pipeline.inverse(moved, draw);
  CHECK(mean(abs(back.keypoints - example.keypoints)).item() < 1e-9);
  CHECK(mean(abs(back.image - example.image)).item() < 2e-3);
}

TEST_CASE("enumeration takes a probability beyond 0 or 1 as the nearer end, as draws do") {
  for (const double p : {-0.25, 1.5}) {
    AugmentationSequential pipeline({shifted(0.1)});
    pipeline.learn({"probability"});
    {
      const NoGrad off;
      pipeline.steps()[0]->gate().probability.assign(Tensor(p));
    }
    const Tensor x = images(2);
    const Tensor loss =
        enumerate(pipeline, x, pipeline.draw({1}, x.shape()), [](const Tensor& y) { return losses_of(y); });
    const std::vector<double> wanted = losses_of(p > 1 ? x + 0.1 : x).values(), got = loss.values();
    for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(got[i] == doctest::Approx(wanted[i]).epsilon(1e-12));
  }
}

TEST_CASE("the probability that a pipeline learns is that of its steps") {
  const auto inner = std::make_shared<OneOf>(Steps{std::make_shared<RandomInvert>(0.3), shifted(0.1)});
  AugmentationSequential pipeline({inner, shifted(0.2)});
  pipeline.learn({"probability"});
  CHECK(pipeline.learning().empty());
  CHECK(inner->learning() == std::vector<std::string>{"probability"});
  CHECK(inner->steps()[0]->learning() == std::vector<std::string>{"probability"});
  CHECK(pipeline.parameters().size() == 4);
  pipeline.learn_own("probability");
  CHECK(pipeline.parameters().size() == 5);
  pipeline.learn({"probability"}, false);
  CHECK(pipeline.parameters().empty());
}

TEST_CASE("damaged policies end in an error of the library or in a pipeline, never otherwise") {
  AugmentationSequential pipeline(
      {std::make_shared<RandomRotation>(RotationOptions{.angle = Distribution::normal(0, 0.1)}),
       std::make_shared<OneOf>(Steps{std::make_shared<ColorJitter>(), std::make_shared<RandomInvert>()}),
       std::make_shared<SomeOf>(Steps{std::make_shared<RandomGaussianBlur>(), std::make_shared<RandomGamma>()}, 1)});
  pipeline.learn({"angle", "probability"});
  const std::string text = policy_text(pipeline);
  CHECK(policy_text(*parse_policy(text)) == text);
  const std::string bytes = "{}[]\",:0159-.eE truefalsnp\\\x7f\xff";
  int read = 0, refused = 0;
  for (std::uint64_t round = 0; round < 4000; ++round) {
    const Stream stream(21, 1, round);
    std::string damaged = text;
    for (std::uint64_t k = 0; k <= stream.below(3, 0); ++k) {
      const std::size_t place = stream.below(damaged.size(), 1 + 3 * k);
      if (stream.below(2, 2 + 3 * k))
        damaged[place] = bytes[stream.below(bytes.size(), 3 + 3 * k)];
      else
        damaged.erase(place, 1 + stream.below(40, 3 + 3 * k));
    }
    try {
      parse_policy(damaged);
      ++read;
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find("policy: ") == 0);
      ++refused;
    }
  }
  CHECK(read > 50);
  CHECK(refused > 1000);
}

TEST_CASE("a setting is a switch, a number or a text by what it is made from") {
  const Setting flag = true, number = 3, text = "zeros";
  CHECK((flag.if_flag() && *flag.if_flag() && !flag.if_number() && !flag.if_text()));
  CHECK((number.if_number() && *number.if_number() == 3 && !number.if_flag()));
  CHECK((text.if_text() && *text.if_text() == "zeros" && !text.if_flag()));
  const Settings settings = {{"border", "zeros"}, {"size", 1}};
  CHECK((settings == Settings{{"size", 1}, {"border", "zeros"}}));
  for (const Setting& other : {Setting(2), Setting(true), Setting("1")})  // another value, other kinds
    CHECK((settings != Settings{{"border", "zeros"}, {"size", other}}));
}

TEST_CASE("a setting that does not fit is refused where it is set, and a policy holds what can be read back") {
  RandomGaussianBlur blur;
  for (const double extent : {-3.0, 0.0, 4.5, 1e18, double(NAN)})
    CHECK_THROWS_AS(blur.set("kernel_height", extent), FormatError);
  CHECK_THROWS_AS(blur.set("border", "mirror"), FormatError);
  CHECK_THROWS_AS(blur.set("border", 3), FormatError);
  blur.set("kernel_height", 7), blur.set("border", "zeros");
  CHECK(*blur.settings().at("kernel_height").if_number() == 7);
  RandomRotation turn;
  turn.set("fill", double(NAN));  // marks what lies outside, but JSON has no such number
  CHECK_THROWS_WITH_AS(policy_text(turn), doctest::Contains("expected a finite fill"), FormatError);
}
