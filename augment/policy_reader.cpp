// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/augment/policy.h>
#include <lumigrad/augment/registry.h>
#include <lumigrad/engine/files/file.h>
#include <lumigrad/engine/files/safetensors.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace lumigrad::augment {
namespace {

using Json = nlohmann::json;
constexpr int most_nesting = 32;
constexpr int most_steps = 10000;
constexpr std::uint64_t most_bytes = 16 << 20;

/// Where in the policy something stands, for messages.
class Reader {
 public:
  std::shared_ptr<Augmentation> policy(const Json& json) {
    expect(json.is_object(), "policy", "an object", json);
    const Json& version = at(json, "policy", "version");
    expect(version.is_number_integer() && version == 1, "version", "1", version);
    std::shared_ptr<Augmentation> root;
    if (json.contains("steps")) {
      for (const auto& [key, value] : json.items())
        known(key, "policy",
              {"version", "same_on_batch", "steps", "seed", "samples_seen", "state", "p", "estimator", "temperature",
               "learn"});
      root = std::make_shared<AugmentationSequential>(steps(json.at("steps"), "steps"),
                                                      PipelineOptions{.p = gate(json, 1.0, "policy")});
      finish(*root, json, "policy");
    } else {
      root = step(json, "policy", true);
    }
    root->seed(whole(json, "seed"), whole(json, "samples_seen"));
    return root;
  }

 private:
  // The start of an error about a place in the policy, or about all of it.
  static std::string at_place(const std::string& where) {
    return where == "policy" ? "policy: " : "policy: " + where + ": ";
  }
  [[noreturn]] static void refuse(const std::string& where, const std::string& wanted, const Json& got) {
    std::string text = got.dump(-1, ' ', true, Json::error_handler_t::replace);
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    throw FormatError(message(at_place(where), "expected ", wanted, ", got ", text));
  }
  static void expect(bool ok, const std::string& where, const std::string& wanted, const Json& got) {
    if (!ok) refuse(where, wanted, got);
  }
  static const Json& at(const Json& json, const std::string& where, const char* key) {
    if (!json.contains(key)) throw FormatError(message(at_place(where), "expected \"", key, "\", got none"));
    return json.at(key);
  }
  static void known(const std::string& key, const std::string& where, std::initializer_list<const char*> names) {
    std::string list;
    for (const char* name : names) {
      if (key == name) return;
      list += std::string(list.empty() ? "" : ", ") + name;
    }
    throw FormatError(message(at_place(where), "expected one of ", list, ", got \"", key, "\""));
  }
  static double number(const Json& json, const std::string& where) {
    expect(json.is_number(), where, "a number", json);
    const double value = json.get<double>();
    expect(std::isfinite(value), where, "a finite number", json);
    return value;
  }
  static std::uint64_t whole(const Json& json, const char* key) {
    if (!json.contains(key)) return 0;
    expect(json.at(key).is_number_unsigned(), key, "a whole number >= 0", json.at(key));
    return json.at(key).get<std::uint64_t>();
  }
  /// Runs what may throw about a value, and says where it stands.
  template <class F>
  static auto placed(const std::string& where, const F& f) {
    try {
      return f();
    } catch (const Error& error) {
      if (std::string_view(error.what()).starts_with("policy: ")) throw;
      throw FormatError(message(at_place(where), error.what()));
    }
  }

  Steps steps(const Json& json, const std::string& where) {
    expect(json.is_array(), where, "a list of steps", json);
    Steps all;
    for (std::size_t k = 0; k < json.size(); ++k) all.push_back(step(json[k], message(where, "[", k, "]"), false));
    return all;
  }

  std::shared_ptr<Augmentation> step(const Json& json, const std::string& where, bool root) {
    require<FormatError>(++count_ <= most_steps, "policy: expected at most ", most_steps, " steps, got more");
    expect(json.is_object(), where, "a step", json);
    std::string kind;
    for (const char* name : {"op", "one_of", "some_of", "sequence"})
      if (json.contains(name)) {
        expect(kind.empty(), where, "one of op, one_of, some_of, sequence", json);
        kind = name;
      }
    if (kind.empty()) refuse(where, "\"op\", \"one_of\", \"some_of\" or \"sequence\"", json);
    for (const auto& [key, value] : json.items()) {
      const bool head = root && (key == "version" || key == "seed" || key == "samples_seen" || key == "state");
      if (head || key == kind || key == "p" || key == "estimator" || key == "temperature" || key == "learn" ||
          key == "same_on_batch")
        continue;
      if (kind == "op") known(key, where, {"op", "p", "params", "estimator", "temperature", "learn", "same_on_batch"});
      if (kind == "one_of")
        known(key, where, {"one_of", "p", "weights", "estimator", "temperature", "learn", "same_on_batch"});
      if (kind == "some_of")
        known(key, where, {"some_of", "p", "n", "estimator", "temperature", "learn", "same_on_batch"});
      if (kind == "sequence")
        known(key, where, {"sequence", "p", "estimator", "temperature", "learn", "same_on_batch"});
    }
    auto made = kind == "op" ? operation(json, where) : composite(kind, json, where);
    finish(*made, json, where);
    return made;
  }

  std::shared_ptr<Augmentation> composite(const std::string& kind, const Json& json, const std::string& where) {
    Steps inner = steps(json.at(kind), where + "." + kind);
    const Gate p = gate(json, 1.0, where);
    return placed(where, [&]() -> std::shared_ptr<Augmentation> {
      if (kind == "sequence")
        return std::make_shared<AugmentationSequential>(std::move(inner), PipelineOptions{.p = p});
      if (kind == "some_of") {
        const Json& n = at(json, where, "n");
        expect(n.is_number_integer(), where + ".n", "a whole number", n);
        return std::make_shared<SomeOf>(std::move(inner), n.get<std::int64_t>(), PipelineOptions{.p = p});
      }
      OneOfOptions options = {.p = p};
      if (json.contains("weights")) {
        std::vector<double> weights;
        expect(json.at("weights").is_array(), where + ".weights", "a list of numbers", json.at("weights"));
        for (const Json& weight : json.at("weights")) weights.push_back(number(weight, where + ".weights"));
        options.weights = Tensor::from(weights, {static_cast<std::int64_t>(weights.size())});
      }
      return std::make_shared<OneOf>(std::move(inner), options);
    });
  }

  std::shared_ptr<Augmentation> operation(const Json& json, const std::string& where) {
    const Json& op = json.at("op");
    expect(op.is_string(), where + ".op", "a name", op);
    auto made = placed(where, [&] { return make(op.get<std::string>()); });
    made->gate() = gate(json, made->gate().probability.item(), where);
    if (!json.contains("params")) return made;
    const Json& params = json.at("params");
    expect(params.is_object(), where + ".params", "an object", params);
    const Settings settings = made->settings();
    for (const auto& param : params.items()) {
      const std::string& key = param.key();
      const Json& value = param.value();
      const std::string place = where + ".params." + key;
      placed(place, [&] {
        if (settings.contains(key))
          made->set(key, setting(value, place));
        else
          made->distribution(key) = distribution(value, place, *parameter(*made, key), learns(json, key));
      });
    }
    return made;
  }

  static const Parameter* parameter(Augmentation& made, const std::string& name) {
    made.distribution(name);  // refuses a name that is none
    return &*std::find_if(made.drawn().begin(), made.drawn().end(), [&](const Parameter& p) { return p.name == name; });
  }
  static bool learns(const Json& step, const std::string& name) {
    if (!step.contains("learn") || !step.at("learn").is_array()) return false;
    return std::find(step.at("learn").begin(), step.at("learn").end(), Json(name)) != step.at("learn").end();
  }

  /// Learning may have led the ends out of their domain, where values act as its ends; who writes them does not mean
  /// it.
  Distribution distribution(const Json& json, const std::string& where, const Parameter& of, bool learned) {
    Distribution made = distribution(json, where);
    if (learned) return made;
    const auto [low, high] = made.range({});
    if (made.kind() == Distribution::Kind::log_uniform) expect(low > 0, where, "a range > 0", json);
    if (made.kind() != Distribution::Kind::spread)
      expect(high >= of.domain.lowest && low <= of.domain.highest, where,
             message("values in [", of.domain.lowest, ", ", of.domain.highest, "]"), json);
    return made;
  }
  Distribution distribution(const Json& json, const std::string& where) {
    if (json.is_number()) return Distribution(number(json, where));
    Distribution::Kind kind = Distribution::Kind::uniform;
    const Json* ends = &json;
    if (json.is_object()) {
      expect(json.size() == 1, where, "one named distribution", json);
      kind = parse_distribution(json.begin().key());
      ends = &json.begin().value();
    }
    std::vector<Tensor> numbers;
    if (ends->is_array()) {
      for (const Json& end : *ends) numbers.push_back(number(end, where));
    } else {
      numbers.push_back(number(*ends, where));
    }
    if (json.is_array() && numbers.size() == 2) return Distribution(numbers[0], numbers[1]);
    return Distribution(kind, std::move(numbers));
  }

  static Setting setting(const Json& json, const std::string& where) {
    if (json.is_boolean()) return json.get<bool>();
    if (json.is_string()) return json.get<std::string>();
    return number(json, where);
  }

  Gate gate(const Json& json, double otherwise, const std::string& where) {
    const double p = json.contains("p") ? number(json.at("p"), where + ".p") : otherwise;
    Gate gate;
    if (json.contains("estimator")) {
      expect(json.at("estimator").is_string(), where + ".estimator", "a name", json.at("estimator"));
      gate.estimator = placed(where, [&] { return parse_estimator(json.at("estimator").get<std::string>()); });
    }
    if (json.contains("temperature")) gate.temperature = number(json.at("temperature"), where + ".temperature");
    return placed(where + ".p", [&] { return Gate(p, gate.estimator, gate.temperature); });
  }

  /// What every step may say.
  void finish(Augmentation& made, const Json& json, const std::string& where) {
    if (json.contains("same_on_batch")) {
      expect(json.at("same_on_batch").is_boolean(), where + ".same_on_batch", "true or false",
             json.at("same_on_batch"));
      made.same_on_batch = json.at("same_on_batch").get<bool>();
    }
    if (!json.contains("learn")) return;
    const Json& learn = json.at("learn");
    expect(learn.is_array(), where + ".learn", "a list of names", learn);
    for (const Json& name : learn) {
      expect(name.is_string(), where + ".learn", "a list of names", learn);
      placed(where + ".learn", [&] { made.learn_own(name.get<std::string>()); });
    }
  }

  int count_ = 0;
};

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

Json parsed(std::string_view text) {
  const auto shallow = [](int depth, Json::parse_event_t, Json&) {
    require<FormatError>(depth <= 2 * most_nesting, "policy: expected lists and objects at most ", most_nesting,
                         " deep, got more");
    return true;
  };
  try {
    return Json::parse(text, shallow);
  } catch (const Json::parse_error& error) {
    throw FormatError(message("policy: expected JSON, got something else at byte ", error.byte));
  } catch (const Json::exception&) {
    throw FormatError("policy: expected JSON whose numbers fit into double precision");
  }
}

}  // namespace

std::shared_ptr<Augmentation> parse_policy(std::string_view json) { return Reader().policy(parsed(json)); }

std::shared_ptr<Augmentation> load_policy(const std::string& path) {
  const FileBytes file = read_file(path, most_bytes);
  const Json json = [&] {
    try {
      return parsed({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()});
    } catch (const FormatError& error) {
      throw FormatError(message(path, ": ", error.what()));
    }
  }();
  auto made = Reader().policy(json);
  if (!json.contains("state")) return made;
  const Json& state = json.at("state");
  const std::string name = state.is_string() ? state.get<std::string>() : "";
  require<FormatError>(!name.empty() && name.find('/') == std::string::npos,
                       "policy: state: expected the name of a file in the same folder, got ", name);
  made->load(load_safetensors(folder_of(path) + name));
  return made;
}

}  // namespace lumigrad::augment
