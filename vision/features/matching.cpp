// SPDX-License-Identifier: Apache-2.0
// Descriptors have length 1, so the nearest is the one with the largest product: |a - b|^2 = 2 - 2 a.b.
#include <lumigrad/engine/cpu/product_kernels.h>
#include <lumigrad/vision/features/features.h>

#include <algorithm>
#include <cmath>

namespace lumigrad::features {
namespace {

/// The largest and second largest product of a point, and with whom.
struct Nearest {
  float first = -2, second = -2;
  int with = -1;
  void see(float product, int other) {
    if (product > first) {
      second = first, first = product, with = other;
    } else if (product > second) {
      second = product;
    }
  }
};

float distance(float product) { return std::sqrt(std::max(0.0f, 2 - 2 * product)); }

}  // namespace

std::vector<Match> match(const Features& a, const Features& b, const MatchOptions& options) {
  // Products of a block of both, which stays in the cache while its largest are looked for.
  constexpr std::int64_t block_rows = 120, block_columns = 512, length = descriptor_length;
  const auto rows = static_cast<std::int64_t>(a.size()), columns = static_cast<std::int64_t>(b.size());
  const auto multiply = product_kernels().f32.multiply;
  std::vector<float> room(static_cast<std::size_t>(product_room<float>(length, block_columns, block_rows)));
  std::vector<float> products(block_rows * block_columns);
  std::vector<Nearest> of_a(a.size()), of_b(b.size());
  for (std::int64_t j = 0; j < columns; j += block_columns)
    for (std::int64_t i = 0; i < rows; i += block_rows) {
      const std::int64_t down = std::min(block_rows, rows - i), across = std::min(block_columns, columns - j);
      multiply({&a.descriptors[static_cast<std::size_t>(i * length)], length, 1},
               {&b.descriptors[static_cast<std::size_t>(j * length)], 1, length}, {products.data(), across, 1}, down,
               length, across, room.data());
      for (std::int64_t r = 0; r < down; ++r)
        for (std::int64_t c = 0; c < across; ++c) {
          const float p = products[static_cast<std::size_t>(r * across + c)];
          of_a[static_cast<std::size_t>(i + r)].see(p, static_cast<int>(j + c));
          of_b[static_cast<std::size_t>(j + c)].see(p, static_cast<int>(i + r));
        }
    }
  std::vector<Match> found;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Nearest& n = of_a[i];
    if (n.with < 0) continue;
    const Nearest& back = of_b[static_cast<std::size_t>(n.with)];
    if (options.mutual && back.with != static_cast<int>(i)) continue;
    Match m;
    m.a = static_cast<int>(i), m.b = n.with, m.distance = distance(n.first);
    const float next = distance(options.mutual ? std::max(n.second, back.second) : n.second);
    m.ratio = next > 0 ? m.distance / next : 1.0f;
    if (static_cast<double>(m.ratio) <= options.ratio) found.push_back(m);
  }
  std::stable_sort(found.begin(), found.end(), [](const Match& p, const Match& q) { return p.ratio < q.ratio; });
  return found;
}

}  // namespace lumigrad::features
