// SPDX-License-Identifier: Apache-2.0
// Dictionary against std::map, whose interface it has.
#include <doctest/doctest.h>
#include <lumigrad/engine/dictionary.h>
#include <lumigrad/engine/random.h>

#include <algorithm>
#include <map>

using namespace lumigrad;

namespace {

using Items = std::vector<std::pair<std::string, int>>;

template <class Map>
Items items_of(const Map& map) {
  Items items;
  for (const auto& [name, value] : map) items.push_back({name, value});
  return items;
}

}  // namespace

TEST_CASE("a dictionary holds after each change what a map holds") {
  Dictionary<int> dictionary;
  std::map<std::string, int> map;
  const Stream random(17, 3, 0);
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const std::string name = std::to_string(random.below(60, 3 * i));  // "9" comes after "10": bytes, not numbers
    const int value = static_cast<int>(random.below(1000, 3 * i + 1));
    const std::uint64_t change = random.below(4, 3 * i + 2);
    if (change == 0) dictionary[name] = map[name] = value;
    if (change == 1) CHECK(dictionary.emplace(name, value).second == map.emplace(name, value).second);
    if (change == 2) CHECK(dictionary.insert({name, value}).first->second == map.insert({name, value}).first->second);
    if (change == 3) CHECK(dictionary.erase(name) == map.erase(name));
    REQUIRE(items_of(dictionary) == items_of(map));
    const std::string other = std::to_string(random.below(60, i));
    CHECK(dictionary.contains(other) == map.contains(other));
    CHECK((dictionary.find(other) == dictionary.end()) == (map.find(other) == map.end()));
  }
  CHECK(!dictionary.empty());
  dictionary.clear();
  CHECK(dictionary.empty());
}

TEST_CASE("references into a dictionary hold while names come and go") {
  Dictionary<std::string> dictionary = {{"m", "middle"}};
  std::string& held = dictionary["m"];
  dictionary["a"] = dictionary["m"];  // the right side is a reference already when the left side adds a name
  dictionary.emplace("b", dictionary["a"]);
  for (int k = 0; k < 100; ++k) dictionary["name " + std::to_string(k)] = held;
  dictionary.erase("a");
  held += "!";
  CHECK(dictionary.at("m") == "middle!");
  CHECK(dictionary.at("b") == "middle");
  CHECK(dictionary.at("name 99") == "middle");

  Dictionary<std::string> copy = dictionary;
  CHECK(copy == dictionary);
  copy["m"] = "other";
  CHECK(held == "middle!");
  const auto& same = copy;
  copy = same;
  dictionary = std::move(copy);
  CHECK(dictionary.at("m") == "other");
  CHECK(dictionary.size() == 102);
}

TEST_CASE("iterators of a dictionary are those of an array, and names cannot be written") {
  const Dictionary<int> dictionary = {{"a", 1}, {"b", 2}, {"c", 3}};
  const auto found = std::find_if(dictionary.begin(), dictionary.end(), [](const auto& p) { return p.second == 2; });
  CHECK(found - dictionary.begin() == 1);
  CHECK(found[1].first == "c");
  CHECK(*(found + 1) == *--dictionary.end());
  CHECK(std::is_sorted(dictionary.begin(), dictionary.end()));
  CHECK(dictionary.begin() < found);
  static_assert(std::is_same_v<decltype(Dictionary<int>().begin()->first), const std::string>);
}

TEST_CASE("a dictionary goes to a map and back, and keeps the first of equal names") {
  const Dictionary<int> dictionary = {{"b", 2}, {"a", 1}, {"b", 3}};
  CHECK(items_of(dictionary) == Items{{"a", 1}, {"b", 2}});
  const std::map<std::string, int> map(dictionary.begin(), dictionary.end());
  CHECK(items_of(map) == items_of(dictionary));
  CHECK(Dictionary<int>(map.begin(), map.end()) == dictionary);
  CHECK(!(Dictionary<int>{{"a", 1}} == dictionary));
}

TEST_CASE("a dictionary's values can be changed, and a missing one is refused by name") {
  Dictionary<int> dictionary = {{"one", 1}, {"two", 2}};
  for (auto& [name, value] : dictionary) value *= 10;
  dictionary.at("two") += 1;
  dictionary.find("one")->second += 2;
  CHECK(items_of(dictionary) == Items{{"one", 12}, {"two", 21}});
  CHECK_THROWS_WITH_AS(std::as_const(dictionary).at("three"), "at: expected a name that is there, got three",
                       FormatError);
}
