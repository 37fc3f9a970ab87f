// SPDX-License-Identifier: Apache-2.0
// What a trace sees, and the page that shows it.
#include <doctest/doctest.h>
#include <lumigrad/engine/families/reduce.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/thumbnail.h>
#include <lumigrad/engine/trace.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/engine/witness.h>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace lumigrad;
using Json = nlohmann::json;

namespace {

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

std::string page(const auto& recording) {
  const auto path = std::filesystem::temp_directory_path() / "lumigrad_trace_test.html";
  write_html(recording, path.string());
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  std::filesystem::remove(path);
  return text.str();
}

Json numbers(std::initializer_list<double> values) { return Json(std::vector<double>(values)); }

// y = x x, z = y + x at x = 3: the sweep reaches z first, which gives 1 to x; then y adds 2 x = 6.
Json traced_polynomial(bool retain = false) {
  Trace trace;
  Tensor x = Tensor::full({}, 3, DType::f64).requires_grad().named("x");
  const Tensor y = (x * x).named("y");
  trace.backward({(y + x).named("z")}, {}, {.retain_graph = retain});
  CHECK(x.grad().item() == 7);
  return Json::parse(trace.json());
}

}  // namespace

TEST_CASE("a trace holds every value, every gradient, and what each step of the sweep gave") {
  const Json json = traced_polynomial();
  REQUIRE(json["nodes"].size() == 3);
  CHECK(json["nodes"][0]["values"][0]["numbers"] == numbers({3}));
  CHECK(json["nodes"][1]["values"][0]["numbers"] == numbers({9}));
  CHECK(json["nodes"][2]["values"][0]["numbers"] == numbers({12}));
  CHECK(json["nodes"][0]["gradients"][0]["numbers"] == numbers({7}));
  CHECK(json["nodes"][1]["gradients"][0]["numbers"] == numbers({1}));
  CHECK(json["nodes"][2]["gradients"][0]["numbers"] == numbers({1}));
  const Json& steps = json["sweep"]["steps"];
  REQUIRE(steps.size() == 2);
  CHECK(steps[0]["node"] == 2);
  REQUIRE(steps[0]["gives"].size() == 2);
  CHECK(steps[0]["gives"][0]["node"] == 1);
  CHECK(steps[0]["gives"][1]["gradient"]["numbers"] == numbers({1}));  // x, so far
  CHECK(steps[1]["node"] == 1);
  REQUIRE(steps[1]["gives"].size() == 1);  // x twice, told once
  CHECK(steps[1]["gives"][0]["gradient"]["numbers"] == numbers({7}));
  CHECK(json["sweep"]["releases"] == true);
  CHECK(traced_polynomial(true)["sweep"]["releases"] == false);
}

TEST_CASE("kept values are named, and memory that two steps keep is one storage") {
  const Json json = traced_polynomial();
  const Json &square = json["nodes"][1]["kept"], &plus = json["nodes"][2]["kept"];
  REQUIRE(square.size() == 2);
  CHECK(square[0]["of"] == Json::parse(R"({"node": 0, "output": 0})"));
  CHECK(square[0]["storage"] == square[1]["storage"]);
  CHECK(square[0]["bytes"] == 8);
  for (const Json& kept : plus) CHECK((kept["storage"] == square[0]["storage"]) == (kept["of"]["node"] == 0));
}

TEST_CASE("the same program gives the same bytes, and a second trace nothing of the first") {
  CHECK(traced_polynomial() == traced_polynomial());
  CHECK(page(Tape({Tensor::ones({2}) * Tensor::ones({2}).requires_grad()})) ==
        page(Tape({Tensor::ones({2}) * Tensor::ones({2}).requires_grad()})));
}

TEST_CASE("a trace looks on while it lives, also when a sweep fails, and traces nest") {
  CHECK(witness == nullptr);
  {
    Trace outer;
    Witness* const first = witness;
    {
      Trace inner;
      CHECK(witness != first);
      CHECK_THROWS_AS(inner.backward({Tensor::ones({2}).requires_grad() * 2}), ShapeError);
      CHECK(witness != nullptr);
      CHECK_THROWS_AS(inner.json(), GraphError);
    }
    CHECK(witness == first);
  }
  CHECK(witness == nullptr);
}

TEST_CASE("a trace keeps no graph alive and stops at its number of values") {
  Trace trace(1);
  Tensor x = Tensor::full({}, 3, DType::f64).requires_grad();
  std::weak_ptr<Node> node;
  {
    const Tensor y = x * x;
    node = y.state().node;
    trace.backward({y});
  }
  CHECK(node.expired());
  const Json json = Json::parse(trace.json());
  CHECK(json["nodes"][0]["values"][0]["numbers"] == numbers({3}));
  CHECK(json["nodes"][1]["values"][0].is_null());
}

TEST_CASE("a tape alone knows what its nodes keep, and the gradients of leaves") {
  Tensor x = Tensor::full({}, 3, DType::f64).requires_grad();
  const Tensor y = sum(square(x));
  y.backward({}, {.retain_graph = true});
  const Json json = Json::parse(to_json(Tape({y})));
  CHECK(json["nodes"][0]["values"][0]["numbers"] == numbers({3}));
  CHECK(json["nodes"][0]["gradients"][0]["numbers"] == numbers({6}));
  CHECK(json["nodes"][1]["values"][0].is_null());
  CHECK(json["sweep"].is_null());
}

TEST_CASE("the page is one file that asks nobody for anything") {
  Tensor x = Tensor::ones({2, 8, 8}).requires_grad();
  const std::string text = page(Tape({sum(x * x)}));
  CHECK(text.find("default-src 'none'") != std::string::npos);
  for (const char* outside : {"src=", "href", "url(", "@import", "import(", "fetch(", "XMLHttpRequest", "WebSocket",
                              "eval(", "innerHTML", "document.write", "https:"})
    CHECK_MESSAGE(text.find(outside) == std::string::npos, outside);
  CHECK(count_of(text, "http:") == 1);  // the name of SVG, which is no address
  CHECK(text.find("http://www.w3.org/2000/svg'") != std::string::npos);
}

TEST_CASE("names of any bytes stay names") {
  const std::string name = "</script><script>alert(1)</script><!--<b>\"'&\xe2\x80\xa8";
  Tensor x = Tensor::ones({2}).requires_grad().named(name);
  const std::string text = page(Tape({sum(x * x)}));
  CHECK(count_of(text, "</script") == 2);
  CHECK(count_of(text, "<script") == 2);
  CHECK(text.find("<!--") == std::string::npos);
  const std::size_t begin = text.find('{', text.find("id=\"tape\"")), end = text.find("</script", begin);
  CHECK(Json::parse(text.substr(begin, end - begin))["nodes"][0]["name"] == name);
}

TEST_CASE("an image becomes a picture of block means with its scale") {
  std::vector<float> values(2 * 3 * 96 * 64);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = i % 2 ? 1.0f : 0.0f;
  const Tensor image = Tensor::from(values, {2, 3, 96, 64});
  const Thumbnail small = thumbnail(image, Scale::values);
  CHECK(small.block == 2);
  CHECK(small.width == 32);
  CHECK(small.height == 48);
  CHECK(small.channels == 3);
  CHECK(small.pixels == std::vector<std::uint8_t>(32 * 48 * 3, 128));
  // Transposed the blocks are the same; signed the scale is symmetric.
  const Thumbnail signed_ = thumbnail(transpose(image, 2, 3) * -4, Scale::gradients);
  CHECK(signed_.width == 48);
  CHECK(signed_.low == -2);
  CHECK(signed_.high == 2);
  CHECK(signed_.pixels[0] == 0);
}

TEST_CASE("what is no image becomes at most 48 numbers, and NaN is told") {
  const Thumbnail few = thumbnail(Tensor::from(std::vector<double>{1, NAN, 3}, {3}), Scale::values);
  CHECK(few.numbers.size() == 3);
  CHECK(!few.finite);
  const Thumbnail many = thumbnail(Tensor::arange(100, DType::f64), Scale::values);
  CHECK(many.block == 3);
  CHECK(many.numbers.size() == 34);
  CHECK(many.numbers[0] == 1);
  CHECK(many.numbers[33] == 99);
  CHECK(thumbnail(Tensor::empty({0, 5, 5}), Scale::values).numbers.empty());
}

TEST_CASE("a program writes its trace when it is asked to") {
  Trace trace;
  trace.backward({square(Tensor::full({}, 3, DType::f64).requires_grad())});
  unsetenv("LUMIGRAD_TRACE");
  CHECK(!write_if_asked(trace));
  const auto path = std::filesystem::temp_directory_path() / "lumigrad_trace_test.json";
  setenv("LUMIGRAD_TRACE", path.c_str(), 1);
  CHECK(write_if_asked(trace));
  unsetenv("LUMIGRAD_TRACE");
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  CHECK(text.str() == trace.json());
  std::filesystem::remove(path);
  CHECK_THROWS_AS(write_html(trace, "/nonexistent/folder/page.html"), IoError);
}
