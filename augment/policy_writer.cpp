// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/augment/policy.h>
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/files/safetensors.h>
#include <lumigrad/engine/ops.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace lumigrad::augment {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Distribution& distribution) {
  std::vector<double> ends;
  for (const Tensor& end : distribution.ends()) ends.push_back(end.item());
  if (distribution.kind() == Distribution::Kind::spread && ends[0] >= 0) return ends[0];
  if (distribution.kind() == Distribution::Kind::uniform && ends[0] <= ends[1]) return ends;
  return {{to_string(distribution.kind()), ends}};
}

Json steps_of(const Augmentation& augmentation);

void write_gate(Json& json, const Augmentation& augmentation) {
  const Gate& gate = augmentation.gate();
  json["p"] = std::clamp(gate.probability.item(), 0.0, 1.0);  // beyond them, learned ones act like the ends
  if (gate.estimator != Estimator::straight_through) json["estimator"] = to_string(gate.estimator);
  if (gate.temperature != Gate().temperature) json["temperature"] = gate.temperature;
  if (augmentation.same_on_batch) json["same_on_batch"] = true;
  Json learn = Json::array();
  for (const std::string& name : augmentation.learning()) learn.push_back(name);
  if (!learn.empty()) json["learn"] = learn;
}

Json json_of(const Augmentation& augmentation) {
  Json json;
  if (const auto* choice = dynamic_cast<const OneOf*>(&augmentation)) {
    json["one_of"] = steps_of(augmentation);
    json["weights"] = choice->weights().values();
  } else if (const auto* some = dynamic_cast<const SomeOf*>(&augmentation)) {
    json["some_of"] = steps_of(augmentation);
    json["n"] = some->n();
  } else if (dynamic_cast<const AugmentationSequential*>(&augmentation)) {
    json["sequence"] = steps_of(augmentation);
  } else {
    json["op"] = augmentation.name();
    Json params = Json::object();
    for (const Parameter& p : augmentation.drawn()) params[p.name] = json_of(p.distribution);
    for (const auto& [name, setting] : augmentation.settings()) {
      if (const bool* flag = setting.if_flag()) params[name] = *flag;
      if (const double* number = setting.if_number()) {
        require<FormatError>(std::isfinite(*number), "policy: expected a finite ", name, ", got ", *number);
        params[name] = *number;
      }
      if (const std::string* text = setting.if_text()) params[name] = *text;
    }
    if (!params.empty()) json["params"] = params;
  }
  write_gate(json, augmentation);
  return json;
}

Json steps_of(const Augmentation& augmentation) {
  Json all = Json::array();
  for (const auto& step : augmentation.steps()) all.push_back(json_of(*step));
  return all;
}

Json policy_of(const Augmentation& augmentation) {
  Json json = {{"version", 1}};
  if (dynamic_cast<const AugmentationSequential*>(&augmentation)) {
    json["same_on_batch"] = augmentation.same_on_batch;
    json["steps"] = steps_of(augmentation);
    write_gate(json, augmentation);
  } else {
    json.update(json_of(augmentation));
  }
  json["seed"] = augmentation.seed();
  json["samples_seen"] = augmentation.samples_seen();
  return json;
}

void add_draw(Json& list, const Augmentation& augmentation, const Draw& draw, std::int64_t sample) {
  const auto number = [&](const Tensor& x) {
    const std::vector<double> values = x.values();
    return values.at(values.size() == 1 ? 0 : static_cast<std::size_t>(sample));
  };
  Json json = {{"op", augmentation.name()}, {"gate", draw.gate.defined() ? number(draw.gate) : 1.0}};
  if (!draw.values.empty()) {
    Json params = Json::object();
    for (const auto& [name, values] : draw.values) params[name] = number(values);
    json["params"] = params;
  }
  if (draw.choice.defined()) json["choice"] = select(draw.choice.detach(), 0, sample).values();
  if (!draw.steps.empty()) {
    Json inner = Json::array();
    const auto steps = augmentation.steps();
    for (std::size_t k = 0; k < draw.steps.size() && k < steps.size(); ++k)
      add_draw(inner, *steps[k], draw.steps[k], sample);
    json["steps"] = inner;
  }
  list.push_back(json);
}

}  // namespace

std::string policy_text(const Augmentation& augmentation) { return policy_of(augmentation).dump(1) + "\n"; }

void save_policy(const std::string& path, const Augmentation& augmentation) {
  std::string stem = path;
  if (stem.ends_with(".json")) stem.resize(stem.size() - 5);
  const std::string state = stem + ".safetensors";
  save_safetensors(state, augmentation.state());
  Json json = policy_of(augmentation);
  json["state"] = state.substr(state.rfind('/') + 1);
  FileWriter file(path);
  file.write(json.dump(1) + "\n");
  file.commit();
}

std::string draw_text(const Augmentation& augmentation, const Draw& draw, std::int64_t sample) {
  Json list = Json::array();
  add_draw(list, augmentation, draw, sample);
  return list[0].dump();
}

}  // namespace lumigrad::augment
