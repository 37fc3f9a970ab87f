// SPDX-License-Identifier: Apache-2.0
// Augmentations: draws, replay, annotations, pipelines, files, learning.
#include <doctest/doctest.h>
#include <lumigrad/augment/geometric.h>
#include <lumigrad/augment/photometric.h>
#include <lumigrad/augment/policy.h>
#include <lumigrad/augment/registry.h>
#include <lumigrad/engine/families/ranks.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/optim.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/vision/conventions.h>
#include <lumigrad/vision/enhance/enhance.h>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include "temporary_folder.h"

using namespace lumigrad;
using namespace lumigrad::augment;

namespace {

Tensor images(std::int64_t n, std::int64_t height = 12, std::int64_t width = 15, DType dtype = DType::f32) {
  return lumigrad::uniform({4, 4}, {n, 3, height, width}, 0.2, 0.8, dtype);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && a.values() == b.values();
}

bool same_draw(const Draw& a, const Draw& b) {
  if (!same_bits(a.gate, b.gate) || a.values.size() != b.values.size() || a.steps.size() != b.steps.size())
    return false;
  if (a.choice.defined() != b.choice.defined() || (a.choice.defined() && !same_bits(a.choice, b.choice))) return false;
  for (const auto& [name, value] : a.values)
    if (!b.values.contains(name) || !same_bits(value, b.value(name))) return false;
  for (std::size_t k = 0; k < a.steps.size(); ++k)
    if (!same_draw(a.steps[k], b.steps[k])) return false;
  return true;
}

/// Something of everything, changing with every draw.
std::shared_ptr<AugmentationSequential> pipeline() {
  return std::make_shared<AugmentationSequential>(
      Steps{std::make_shared<RandomHorizontalFlip>(),
            std::make_shared<RandomAffine>(
                AffineOptions{.angle = 30_deg, .translate_x = 0.1, .scale = {0.8, 1.2}, .shear_y = 0.1, .p = 0.8}),
            std::make_shared<RandomRotation>(RotationOptions{.angle = Distribution::normal(0.1, 0.2)}),
            std::make_shared<ColorJitter>(
                ColorJitterOptions{.brightness = 0.3, .contrast = 0.2, .hue = 0.2, .order = "random"}),
            std::make_shared<OneOf>(Steps{std::make_shared<RandomInvert>(1.0), std::make_shared<RandomGrayscale>(1.0),
                                          std::make_shared<RandomTranslate>(TranslationOptions{.x = 0.2, .p = 1})}),
            std::make_shared<SomeOf>(
                Steps{std::make_shared<RandomGamma>(GammaOptions{.gamma = Distribution::log_uniform(0.5, 2)}),
                      std::make_shared<RandomBrightness>(FactorOptions{.factor = 0.2}),
                      std::make_shared<RandomVerticalFlip>(1.0)},
                2)});
}

}  // namespace

TEST_CASE("draws and results do not depend on threads, on how samples are split, or on the type of the images") {
  const auto augmentation = pipeline();
  const Tensor x = images(7);
  augmentation->seed(11);
  const Tensor whole = (*augmentation)(x);
  const Draw draw = augmentation->last_draw();
  for (const int threads : {1, 2, 7}) {
    set_num_threads(threads);
    augmentation->seed(11);
    CHECK(same_bits((*augmentation)(x), whole));
  }
  set_num_threads(0);
  for (const std::vector<std::int64_t>& split : {std::vector<std::int64_t>{3, 4}, {1, 1, 5}, {2, 2, 2, 1}}) {
    augmentation->seed(11);
    std::vector<Tensor> parts;
    std::int64_t at = 0;
    for (const std::int64_t n : split) {
      parts.push_back((*augmentation)(slice(x, 0, at, at + n)));
      CHECK(same_draw(augmentation->last_draw(), draw.part(at, at + n)));
      at += n;
    }
    CHECK(same_bits(concat(parts, 0), whole));
  }
  CHECK(same_draw(augmentation->draw({11}, x.shape()), draw));
  augmentation->seed(12);
  CHECK(!same_bits((*augmentation)(x), whole));
}

TEST_CASE("a draw that is given again gives the same bits, and one draw serves a whole batch when asked") {
  const auto augmentation = pipeline();
  const Tensor x = images(5);
  const Tensor y = (*augmentation)(x);
  CHECK(same_bits(augmentation->apply(x, augmentation->last_draw()), y));
  augmentation->same_on_batch = true;
  const Draw shared = augmentation->draw({3}, x.shape());
  const Tensor one = slice(x, 0, 0, 1);
  const Tensor many = augmentation->apply(expand(one, x.shape()), shared);
  const Tensor alone = augmentation->apply(one, shared.part(0, 1));
  for (int i = 0; i < 5; ++i) CHECK(same_bits(slice(many, 0, i, i + 1), alone));
}

TEST_CASE("the noise of one parameter does not depend on the others, nor on probabilities") {
  AffineOptions options = {.angle = 0.5, .p = 0.3};
  const RandomAffine a(options);
  options.translate_x = 0.2, options.p = 1.0;
  const RandomAffine b(options);
  const Draw first = a.draw({8}, {6, 3, 4, 4}), second = b.draw({8}, {6, 3, 4, 4});
  CHECK(same_bits(first.value("angle"), second.value("angle")));
  CHECK(sum(second.gate).item() == 6);
}

TEST_CASE("ranges have the meaning they have in TorchVision and Kornia") {
  const ColorJitter jitter({.brightness = 0.2, .contrast = 1.5, .saturation = {0.7, 0.9}, .hue = 0.1});
  const Draw draw = jitter.draw({1}, {4000, 3, 1, 1});
  const auto ends = [&](const char* name) {
    const std::vector<double> values = draw.value(name).values();
    return std::pair(*std::min_element(values.begin(), values.end()), *std::max_element(values.begin(), values.end()));
  };
  const auto within = [](std::pair<double, double> got, double low, double high) {
    CHECK(got.first >= low);
    CHECK(got.second <= high);
    CHECK(got.first < low + 0.01 * (high - low));
    CHECK(got.second > high - 0.01 * (high - low));
  };
  within(ends("brightness"), 0.8, 1.2);
  within(ends("contrast"), 0, 2.5);
  within(ends("saturation"), 0.7, 0.9);
  within(ends("hue"), -0.1, 0.1);
  CHECK_THROWS_AS(RandomBrightness({.factor = {1.2, 0.8}}), NumericError);
  CHECK_THROWS_AS(RandomInvert(1.5), NumericError);
}

TEST_CASE("jitters limit the image to [0, 1] before, in every order") {
  const Tensor x = lumigrad::uniform({5, 6}, {2, 3, 5, 7}, -0.4, 1.4, DType::f64);
  const std::vector<double> pixels = x.values();
  for (const char* order : {"bcsh", "hcbs"}) {
    const ColorJitterOptions options = {.brightness = {0.7, 0.9}, .contrast = {0.8, 0.9}, .hue = 0.3, .order = order};
    const ColorJitter jitter(options);
    const ColorJiggle jiggle(options);
    for (const Augmentation* one :
         {static_cast<const Augmentation*>(&jitter), static_cast<const Augmentation*>(&jiggle)}) {
      const Draw draw = one->draw({2}, x.shape());
      const Tensor wild = x.detach().clone().requires_grad(), tame = clamp(x, 0, 1).requires_grad();
      const Tensor y = one->apply(wild, draw), z = one->apply(tame, draw);
      const std::vector<double> got = y.values(), wanted = z.values();
      for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(wanted[i]).epsilon(1e-12));
      mean(square(y)).backward();
      mean(square(z)).backward();
      const std::vector<double> a = wild.grad().values(), b = tame.grad().values();
      for (std::size_t i = 0; i < a.size(); ++i)
        CHECK(a[i] == doctest::Approx(pixels[i] >= 0 && pixels[i] <= 1 ? b[i] : 0).epsilon(1e-9));
    }
  }
}

TEST_CASE("in double precision a jitter is its four adjustments to the last digits, dark channels too") {
  const Tensor x = lumigrad::uniform({5, 7}, {2, 3, 5, 7}, 0, 1, DType::f64);
  const ColorJitter jitter({.brightness = {0.9, 1.4}, .contrast = {1.2, 1.5}, .saturation = {1.5, 2.0}, .hue = 0.3});
  const Draw draw = jitter.draw({3}, x.shape());
  Tensor wanted = enhance::adjust_brightness_accumulative(x, draw.value("brightness"));
  wanted = enhance::adjust_contrast_with_mean_subtraction(wanted, draw.value("contrast"));
  wanted = enhance::adjust_saturation_with_gray_subtraction(wanted, draw.value("saturation"));
  wanted = enhance::adjust_hue(wanted, draw.value("hue"));
  const std::vector<double> a = jitter.apply(x, draw).values(), b = wanted.values();
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(std::fabs(a[i] - b[i]) < 1e-14);
}

TEST_CASE("image, mask, boxes and points move together, and back") {
  // Bright squares of 3 x 3 whose centres are the keypoints and whose frames are the boxes.
  constexpr std::int64_t n = 4, size = 64;
  Tensor image = Tensor::zeros({n, 3, size, size}, DType::f64);
  const std::int64_t cx = 36, cy = 27;
  for (std::int64_t i = 0; i < n * 3; ++i)
    for (std::int64_t y = cy - 1; y <= cy + 1; ++y)
      for (std::int64_t x = cx - 1; x <= cx + 1; ++x) image.mutable_data<double>()[(i * size + y) * size + x] = 1;
  const Tensor one = Tensor::from(std::vector<double>{cx - 1, cy - 1, cx + 2, cy + 2}, {1, 1, 4});
  Example example = {.image = image,
                     .mask = slice(image, 1, 0, 1).to(DType::u8),
                     .boxes = expand(one, {n, 1, 4}),
                     .keypoints = expand(Tensor::from(std::vector<double>{cx, cy}, {1, 1, 2}), {n, 1, 2}),
                     .labels = Tensor::arange(n, DType::i64)};
  AugmentationSequential pipeline({std::make_shared<RandomHorizontalFlip>(),
                                   std::make_shared<RandomAffine>(AffineOptions{
                                       .angle = 0.5, .translate_x = 0.1, .translate_y = 0.1, .scale = 0.2, .p = 1}),
                                   std::make_shared<ColorJitter>(ColorJitterOptions{.brightness = 0.1}),
                                   std::make_shared<RandomVerticalFlip>()});
  const Draw draw = pipeline.draw({5}, image.shape());
  const Example moved = pipeline.apply(example, draw);
  CHECK(moved.mask.dtype() == DType::u8);
  CHECK(same_bits(moved.labels, example.labels));
  const auto centre = [&](const Tensor& plane) {  // of mass
    double mass = 0, x = 0, y = 0;
    const std::vector<double> values = plane.values();
    for (std::int64_t j = 0; j < size * size; ++j) {
      const double v = values[static_cast<std::size_t>(j)];
      mass += v, x += v * double(j % size), y += v * double(j / size);
    }
    return std::array{x / mass, y / mass};
  };
  for (std::int64_t i = 0; i < n; ++i) {
    const std::vector<double> point = slice(moved.keypoints, 0, i, i + 1).values();
    const std::vector<double> box = slice(moved.boxes, 0, i, i + 1).values();
    const auto of_image = centre(select(select(moved.image, 0, i), 0, 0)),
               of_mask = centre(select(select(moved.mask, 0, i), 0, 0));
    for (std::size_t axis = 0; axis < 2; ++axis) {
      CHECK(of_image[axis] == doctest::Approx(point[axis]).epsilon(0.002));
      CHECK(std::fabs(of_mask[axis] - point[axis]) < 0.6);
      CHECK((box[axis] + box[axis + 2] - 1) / 2 == doctest::Approx(point[axis]).epsilon(1e-9));
      CHECK(box[axis + 2] - box[axis] >= 3 * 0.8);
    }
  }
  const Example back = pipeline.inverse(moved, draw);
  CHECK(mean(abs(back.keypoints - example.keypoints)).item() < 1e-9);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto of_image = centre(select(select(back.image, 0, i), 0, 0));
    CHECK(of_image[0] == doctest::Approx(cx).epsilon(0.003));
    CHECK(of_image[1] == doctest::Approx(cy).epsilon(0.003));
  }
  // A mirrored half-open box, by hand: [2, 5) of 10 columns becomes [5, 8).
  const RandomHorizontalFlip flip(1.0);
  const Example small = {.image = Tensor::zeros({1, 3, 4, 10}, DType::f64),
                         .boxes = Tensor::from(std::vector<double>{2, 1, 5, 3}, {1, 1, 4})};
  CHECK(flip.apply(small, flip.draw({1}, small.image.shape())).boxes.values() == std::vector<double>{5, 1, 8, 3});
}

TEST_CASE("a perspective takes corners inwards, and comes back; quarter turns are exact; a rectangle is erased") {
  const Tensor x = images(2, 9, 13, DType::f64);
  const RandomPerspective perspective({.p = 1});
  Draw draw = perspective.draw({3}, x.shape());
  draw.values["x2"] = Tensor::from(std::vector<double>{0.5, 0.25}, {2});
  draw.values["y2"] = Tensor::from(std::vector<double>{0.5, 0.0}, {2});
  const Tensor corner = Tensor::from(std::vector<double>{12, 8, 12, 8}, {2, 1, 2});
  const Example moved = perspective.apply(Example{.image = x, .keypoints = corner}, draw);
  const std::vector<double> at = moved.keypoints.values(), wanted = {12 - 3.25, 8 - 2.25, 12 - 1.625, 8};
  for (std::size_t i = 0; i < 4; ++i) CHECK(at[i] == doctest::Approx(wanted[i]).epsilon(1e-12));
  CHECK(max(abs(perspective.inverse(moved, draw).keypoints - corner)).item() < 1e-10);
  // In a pipeline it is the same, and its neighbour follows.
  const auto one = std::make_shared<RandomPerspective>(PerspectiveOptions{.p = 1});
  const auto flipped = std::make_shared<RandomHorizontalFlip>(1.0);
  const AugmentationSequential both({one, flipped});
  const Draw drawn = both.draw({3}, x.shape());
  CHECK(same_bits(both.apply(x, drawn), flip(one->apply(x, drawn.steps[0]), std::array{-1})));

  const RandomRotation90 turn({.times = Distribution::constant(1.2), .p = 1});
  const Tensor square = images(1, 5, 5);
  CHECK(same_bits(turn.apply(square, turn.draw({1}, square.shape())), flip(transpose(square, -1, -2), std::array{-2})));

  const RandomErasing erasing({.width = Distribution::constant(0.5),
                               .height = Distribution::constant(0.25),
                               .x = Distribution::constant(1),
                               .y = Distribution::constant(0),
                               .value = 0.5,
                               .p = 1});
  const Tensor board = Tensor::ones({1, 1, 4, 6}), erased = erasing.apply(board, erasing.draw({1}, board.shape()));
  CHECK(erased.values() ==
        std::vector<double>{1, 1, 1, 0.5, 0.5, 0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
}

TEST_CASE("matrices of neighbours are multiplied and the image is read once") {
  const Tensor x = images(2, 16, 16, DType::f64);
  const auto turn = [](double angle) {
    return std::make_shared<RandomRotation>(RotationOptions{.angle = Distribution::constant(angle), .p = 1});
  };
  AugmentationSequential there_and_back({turn(0.4), turn(-0.4)});
  const Tensor same = there_and_back(x);
  CHECK(mean(abs(same - x)).item() < 1e-12);
  AugmentationSequential apart({turn(0.4), std::make_shared<RandomInvert>(1.0), turn(-0.4)});
  CHECK(mean(abs(1 - apart(x) - x)).item() > 0.01);  // read twice, corners lost
  // Under a gate that is shut for some, the others move alone.
  AugmentationSequential mixed({std::make_shared<RandomHorizontalFlip>(), turn(0.2)});
  const Draw draw = mixed.draw({6}, x.shape().with(0, 8));
  const Tensor m = mixed.transform_matrix(draw, x.shape().with(0, 8));
  for (std::int64_t i = 0; i < 8; ++i) {
    const bool open = slice(draw.steps[0].gate, 0, i, i + 1).item() == 1;
    CHECK((slice(m, 0, i, i + 1).values()[0] < 0) == open);
  }
}

TEST_CASE("a pipeline comes back from its files with every draw, bit for bit") {
  const TemporaryFolder folder;
  const auto augmentation = pipeline();
  augmentation->learn({"angle", "probability", "weights", "brightness"});
  augmentation->seed(99);
  const Tensor x = images(4);
  Adam adam(augmentation->parameters(), {.learning_rate = 0.013});
  mean(square((*augmentation)(x))).backward();
  adam.step();
  const std::string path = folder / "policy.json";
  save_policy(path, *augmentation);
  const auto again = load_policy(path);
  const State a = augmentation->state(), b = again->state();
  REQUIRE(a.size() == b.size());
  for (const auto& item : a) CHECK_MESSAGE(same_bits(item.second, b.at(item.first)), item.first);
  CHECK(again->parameters().size() == augmentation->parameters().size());
  CHECK(policy_text(*again) == policy_text(*augmentation));
  CHECK(same_bits((*again)(x), (*augmentation)(x)));
  CHECK(same_draw(again->last_draw(), augmentation->last_draw()));
  const auto by_text = parse_policy(policy_text(*augmentation));  // the text alone says it all
  CHECK(same_bits((*by_text)(x), (*augmentation)(x)));
  // State is live: what is loaded is what is drawn from.
  State other = augmentation->state();
  for (auto& [name, tensor] : other) tensor = tensor.detach().clone();
  other.at("1.angle.magnitude").assign(Tensor(0.0));
  other.at("1.probability").assign(Tensor(1.0));
  again->load(other);
  CHECK(abs(again->draw({1}, x.shape()).steps[1].value("angle")).values() == std::vector<double>(4, 0.0));
}

TEST_CASE("policies of the documented form are read, others are refused with the place") {
  const auto made = parse_policy(R"({"version": 1, "same_on_batch": false, "steps": [
    {"op": "rotate", "p": 0.5, "params": {"angle": [-0.5, 0.5], "border": "reflection"}},
    {"one_of": [{"op": "invert"}, {"op": "grayscale", "p": 1}], "weights": [1, 3]},
    {"some_of": [{"op": "hue", "params": {"angle": {"normal": [0, 0.1]}}}, {"op": "brightness"}], "n": 1}]})");
  CHECK(made->steps().size() == 3);
  CHECK(made->steps()[0]->gate().probability.item() == 0.5);
  CHECK((*made)(images(2)).shape() == Shape{2, 3, 12, 15});
  CHECK((*made)({.image = images(2)}).image.shape() == Shape{2, 3, 12, 15});
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"[]", "policy: expected an object"},
      {"{", "policy: expected JSON"},
      {R"({"version": 2, "steps": []})", "version: expected 1"},
      {R"({"version": 1, "step": []})", "expected \"op\""},
      {R"({"version": 1, "steps": [{"op": "turn"}]})", "steps[0]: op: expected the name of an augmentation, got turn"},
      {R"({"version": 1, "steps": [{"op": "rotate", "params": {"angel": 1}}]})",
       "steps[0].params.angel: rotate: expected the name of a drawn parameter (angle), got angel"},
      {R"({"version": 1, "steps": [{"op": "rotate", "params": {"angle": [1, -1]}}]})", "expected low <= high"},
      {R"({"version": 1, "steps": [{"op": "rotate", "params": {"border": "sky"}}]})", "border: expected one of zeros"},
      {R"({"version": 1, "steps": [{"op": "gamma", "params": {"gamma": {"log_uniform": [0, 2]}}}]})",
       "steps[0].params.gamma: expected a range > 0"},
      {R"({"version": 1, "steps": [{"op": "gamma", "params": {"gamma": {"log_uniform": [0.5, -2]}}}]})", "range > 0"},
      {R"({"version": 1, "steps": [{"op": "hue", "params": {"angle": [4, 5]}}]})", "angle: expected values in [-3.14"},
      {R"({"version": 1, "steps": [{"op": "gamma", "params": {"gain": [-2, -1]}}]})", "gain: expected values in [0"},
      {R"({"version": 1, "steps": [{"op": "solarize", "params": {"threshold": {"constant": 1.5}}}]})", "in [0, 1]"},
      {R"({"version": 1, "steps": [{"op": "brightness", "params": {"factor": {"normal": [9, 1]}}}]})", "in [0, 2]"},
      {R"({"version": 1, "steps": [{"op": "rotate", "p": 1.5}]})", "expected a number in [0, 1]"},
      {R"({"version": 1, "steps": [{"op": "rotate", "q": 1}]})", "got \"q\""},
      {R"({"version": 1, "steps": [{"some_of": [{"op": "hue"}], "n": 2}]})", "some_of: expected n from 0 to 1"},
      {R"({"version": 1, "steps": [{"one_of": []}]})", "at least one step"},
      {R"({"version": 1, "steps": [{"op": "rotate", "params": {"angle": 1e999}}]})", "policy"}};
  for (const auto& policy : refused) {
    INFO(policy.first);
    CHECK_THROWS_WITH_AS(parse_policy(policy.first), doctest::Contains(policy.second.c_str()), FormatError);
  }
  // What cuts the domain is meant, and learning may lead anywhere.
  for (const char* params : {R"({"gamma": [-1, 2]})", R"({"gain": {"normal": [-1, 1]}})", R"({"gamma": 3})"})
    parse_policy(std::string(R"({"version": 1, "steps": [{"op": "gamma", "params": )") + params + "}]}");
  parse_policy(
      R"({"version": 1, "steps": [{"op": "gamma", "params": {"gain": {"log_uniform": [-2, 1]}}, "learn": ["gain"]}]})");
  std::string deep, close;
  for (int i = 0; i < 5000; ++i) deep += R"({"sequence": [)", close += "]}";
  CHECK_THROWS_WITH_AS(parse_policy(R"({"version": 1, "steps": [)" + deep + close + "]}"), doctest::Contains("deep"),
                       FormatError);
}

TEST_CASE("a strength is learned back by gradient descent") {
  // Images jittered with brightness within 0.25 of 1; the strength is found from the spread of their mean levels.
  const Tensor x = Tensor::full({512, 3, 2, 2}, 0.4, DType::f64);
  const auto spread_of = [](const Tensor& y) {
    const Tensor level = mean(y, {1, 2, 3});
    return mean(square(level - mean(level)));
  };
  const ColorJitter truth({.brightness = 0.25});
  const Tensor wanted = spread_of(truth.apply(x, truth.draw({77}, x.shape()))).detach();
  ColorJitter jitter({.brightness = 0.05});
  jitter.learn({"brightness"});
  CHECK(jitter.parameters().size() == 1);
  Adam adam(jitter.parameters(), {.learning_rate = 0.02});
  for (int step = 0; step < 150; ++step) {
    adam.clear_grad();
    square(spread_of(jitter(x)) / wanted - 1).backward();
    adam.step();
  }
  CHECK(std::fabs(jitter.parameters()[0].item()) == doctest::Approx(0.25).epsilon(0.05));
}

TEST_CASE("an augmentation stands in a network like a layer and trains with it") {
  auto rotate = std::make_shared<RandomRotation>(RotationOptions{.angle = {0.05, 0.3}, .p = 1});
  rotate->learn({"angle"});
  Sequential network({rotate, std::make_shared<Linear>(8, 4, 3)});
  CHECK(network.parameters().size() == 4);
  CHECK(network.state().contains("0.angle.low"));
  Sgd sgd(network.parameters(), {.learning_rate = 0.1});
  const Tensor x = images(4, 8, 8);
  double first = 0, last = 0;
  for (int step = 0; step < 30; ++step) {
    sgd.clear_grad();
    const Tensor loss = mean(square(network(x) - 0.3));
    loss.backward();
    sgd.step();
    (step == 0 ? first : last) = loss.item();
  }
  CHECK(last < 0.2 * first);
  CHECK(network.parameters()[0].grad().defined());
}
