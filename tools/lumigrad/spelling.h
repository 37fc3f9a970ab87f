// SPDX-License-Identifier: Apache-2.0
// What a mistyped word was probably meant to be.
#pragma once
#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace lumigrad::command {

/// Letters to insert, remove or replace to make one word the other (Levenshtein 1966).
inline std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t corner = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = corner + (a[i] == b[j] ? 0 : 1);
      corner = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, corner + 1, replaced});
    }
  }
  return row.back();
}

/// "; did you mean register?" for the closest of the words, or nothing when none is close.
inline std::string suggestion(std::string_view given, const std::vector<std::string>& words) {
  const std::string* nearest = nullptr;
  std::size_t least = std::max<std::size_t>(1, given.size() / 3) + 1;
  for (const std::string& word : words)
    if (const std::size_t steps = distance(given, word); steps < least) {
      least = steps;
      nearest = &word;
    }
  return nearest ? "; did you mean " + *nearest + "?" : "";
}

}  // namespace lumigrad::command
