// SPDX-License-Identifier: Apache-2.0
// Descriptors have length 1, so the nearest is the one with the largest product: |a - b|^2 = 2 - 2 a.b.
#include <lumigrad/vision/features/feature_kernels.h>
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

/// Groups of product_columns descriptors side by side, the last filled up with zeros.
std::vector<float> side_by_side(const Features& f) {
  const std::size_t groups = (f.size() + product_columns - 1) / product_columns;
  std::vector<float> packed(groups * product_columns * descriptor_length);
  for (std::size_t i = 0; i < f.size(); ++i)
    for (std::size_t k = 0; k < descriptor_length; ++k)
      packed[(i / product_columns * descriptor_length + k) * product_columns + i % product_columns] =
          f.descriptors[i * descriptor_length + k];
  return packed;
}

float distance(float product) { return std::sqrt(std::max(0.0f, 2 - 2 * product)); }

}  // namespace

std::vector<Match> match(const Features& a, const Features& b, const MatchOptions& options) {
  const auto block_products = feature_kernels(simd_level()).products;
  const std::vector<float> columns = side_by_side(b);
  std::vector<float> rows(a.descriptors);
  rows.resize((a.size() + product_rows - 1) / product_rows * product_rows * descriptor_length);
  std::vector<Nearest> of_a(a.size()), of_b(b.size());
  float products[product_rows * product_columns];
  for (std::size_t j = 0; j < b.size(); j += product_columns)
    for (std::size_t i = 0; i < a.size(); i += product_rows) {
      block_products(&rows[i * descriptor_length], &columns[j * descriptor_length], descriptor_length, products);
      const std::size_t down = std::min<std::size_t>(product_rows, a.size() - i),
                        across = std::min<std::size_t>(product_columns, b.size() - j);
      for (std::size_t r = 0; r < down; ++r)
        for (std::size_t c = 0; c < across; ++c) {
          const float p = products[r * product_columns + c];
          of_a[i + r].see(p, static_cast<int>(j + c));
          of_b[j + c].see(p, static_cast<int>(i + r));
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
