// SPDX-License-Identifier: Apache-2.0
// A recorded tape as text, as a drawing and as JSON.
#include <doctest/doctest.h>
#include <lumigrad/engine/inspect.h>
#include <lumigrad/engine/ops.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace lumigrad;

namespace {

const Here here("folder/example.cpp", 12);

Tensor example() {
  Tensor moving = Tensor::from(std::vector<double>{1, 2, 3}, {3}).requires_grad().named("moving");
  Tensor gain = Tensor::from(std::vector<double>{2}, {1}).named("gain").requires_grad();
  const Tensor scaled = mul(moving, gain, here);
  return sum(mul(scaled, scaled, here), here).named("loss");
}

}  // namespace

TEST_CASE("the text of a tape, line by line") {
  CHECK(to_text(Tape({example()})) ==
        "0  moving = leaf          f64[3]\n"
        "1  gain = leaf            f64[1]\n"
        "2  a = mul(moving, gain)  f64[3]  saves 32 B  example.cpp:12\n"
        "3  b = mul(a, a)          f64[3]  saves 48 B  example.cpp:12\n"
        "4  loss = sum(b)          f64[]               example.cpp:12\n");
}

TEST_CASE("after the sweep the text says what was released") {
  const Tensor loss = example();
  loss.backward();
  const std::string text = to_text(Tape({loss}));
  CHECK(text.find("a = mul(moving, gain)  f64[3]  released") != std::string::npos);
  CHECK(text.find("saves") == std::string::npos);
}

TEST_CASE("an input that no gradient flows to is a blank, wherever it stands") {
  Tensor x = Tensor::ones({2}).requires_grad();
  const std::string text = to_text(Tape({sum(Tensor::ones({2}) - x)}));
  CHECK(text.find("b = sub(_, a)") != std::string::npos);
}

TEST_CASE("unnamed values are a to z, aa and on, stepping over names that are taken; a second x is x#2") {
  Tensor x = Tensor::ones({}).requires_grad().named("x");
  Tensor other = Tensor::ones({}).requires_grad().named("x");
  Tensor y = (x * other).named("b");
  for (int i = 0; i < 30; ++i) y = y * 2;
  const std::vector<std::string> names = names_of(Tape({y}));
  REQUIRE(names.size() == 33);
  CHECK(names[0] == "x");
  CHECK(names[1] == "x#2");
  CHECK(names[2] == "b");
  CHECK(names[3] == "a");
  CHECK(names[4] == "c");
  CHECK(names[26] == "z");
  CHECK(names[27] == "aa");
  CHECK(names[32] == "af");
}

TEST_CASE("the drawing has a node a step and an arrow an input") {
  CHECK(to_dot(Tape({example()})) ==
        "digraph tape {\n"
        "  node [fontname=\"monospace\"];\n"
        "  n0 [shape=ellipse, label=\"moving\\nf64[3]\"];\n"
        "  n1 [shape=ellipse, label=\"gain\\nf64[1]\"];\n"
        "  n2 [shape=box, label=\"a = mul\\nf64[3]\"];\n"
        "  n0 -> n2;\n"
        "  n1 -> n2;\n"
        "  n3 [shape=box, label=\"b = mul\\nf64[3]\"];\n"
        "  n2 -> n3;\n"
        "  n2 -> n3;\n"
        "  n4 [shape=box, label=\"loss = sum\\nf64[]\"];\n"
        "  n3 -> n4;\n"
        "}\n");
}

TEST_CASE("the JSON of a tape follows its schema") {
  const auto json = nlohmann::json::parse(to_json(Tape({example()})));
  CHECK(json["schema"] == "lumigrad.tape");
  CHECK(json["version"] == 1);
  REQUIRE(json["nodes"].size() == 5);
  const auto& leaf = json["nodes"][0];
  CHECK(leaf["name"] == "moving");
  CHECK(leaf["leaf"] == true);
  CHECK(leaf["inputs"].empty());
  CHECK(leaf["source"].is_null());
  const auto& product = json["nodes"][2];
  CHECK(product["id"] == 2);
  CHECK(product["operator"] == "mul");
  CHECK(product["inputs"] == nlohmann::json::parse(R"([{"node":0,"output":0},{"node":1,"output":0}])"));
  CHECK(product["outputs"] == nlohmann::json::parse(R"([{"dtype":"f64","shape":[3]}])"));
  CHECK(product["saved_bytes"] == 32);
  CHECK(product["released"] == false);
  CHECK(product["source"] == nlohmann::json::parse(R"({"file":"folder/example.cpp","line":12})"));
  CHECK(json["outputs"] == nlohmann::json::parse(R"([{"node":4,"output":0}])"));
}

TEST_CASE("names of any bytes break neither text nor drawing nor JSON") {
  Tensor x = Tensor::ones({}).requires_grad().named("quote \" slash \\ line\n\x01 bad \xff");
  const Tape tape({x * 2});
  CHECK(to_text(tape).find("quote \\\" slash \\\\ line\\x0a\\x01 bad") != std::string::npos);
  CHECK(to_dot(tape).find("label=\"quote \\\" slash \\\\ line\\x0a\\x01 bad") != std::string::npos);
  const auto json = nlohmann::json::parse(to_json(tape));
  CHECK(json["nodes"][0]["name"] == "quote \" slash \\ line\n\x01 bad \xef\xbf\xbd");
}

TEST_CASE("an empty tape is an empty text, and outputs outside the graph are null") {
  const Tape tape({Tensor::ones({2})});
  CHECK(to_text(tape).empty());
  CHECK(nlohmann::json::parse(to_json(tape))["outputs"][0].is_null());
}

TEST_CASE("write_json writes what to_json says") {
  const auto path = std::filesystem::temp_directory_path() / "lumigrad_inspect_test.json";
  const Tape tape({example()});
  write_json(tape, path.string());
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  CHECK(text.str() == to_json(tape));
  std::filesystem::remove(path);
  CHECK_THROWS_AS(write_json(tape, "/nonexistent/folder/tape.json"), IoError);
}
