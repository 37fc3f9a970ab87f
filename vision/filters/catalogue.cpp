// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/vision/filters/catalogue.h>
#include <lumigrad/vision/filters/rows.h>

namespace lumigrad {
namespace filters {

// ---- arguments ------------------------------------------------------------------------------------------------------

const std::vector<std::string> border_names = {"zeros", "border", "reflection", "symmetric", "circular"};

Argument border_argument(const char* otherwise) {
  return rows::choice("border", "what lies outside", border_names, otherwise);
}
Border border_of(const Values& v) {
  const std::string wanted = v.choice("border");
  for (std::size_t i = 0; i < border_names.size(); ++i)
    if (border_names[i] == wanted) return static_cast<Border>(i);
  throw FormatError(message("border: expected one of the listed choices, got ", wanted));
}
Argument size_argument(const char* name, const char* doc, const char* otherwise) {
  return {.name = name, .kind = Argument::Kind::list, .doc = doc, .otherwise = otherwise};
}
Size size_of_list(const Values& v, const char* name) {
  const std::vector<double> list = v.list(name);
  require<FormatError>(list.size() == 1 || list.size() == 2, name, ": expected one or two numbers, got ", list.size());
  return {static_cast<std::int64_t>(list.front()), static_cast<std::int64_t>(list.back())};
}
Argument weights_argument(const char* name, const char* doc) {
  return {.name = name, .doc = doc, .gradient = Differentiability::exact};
}

Tensor weights(const Shape& shape, std::size_t index) {
  return uniform(Generator{index, operation_id("weights")}, shape, 0.2, 1, DType::f64);
}

std::int64_t kernels_of(const Shape& image, std::size_t index, int axes) {
  return image.rank() > axes + 1 && index % 2 == 1 ? image[0] : 1;
}

Tensor sigmas(const Shape& image, std::size_t index) {
  const std::int64_t count = kernels_of(image, index);
  if (index % 4 == 0) return Tensor::full({}, 0.9, DType::f64);
  return uniform(Generator{index, operation_id("sigma")}, {count, 2}, 0.6, 1.8, DType::f64);
}

Size window_of(std::size_t index) {
  static constexpr Size sizes[] = {{3, 5}, {5, 3}, {1, 4}, {7, 7}, {2, 3}};
  return sizes[index % 5];
}
void choose_blur(Values& v, const Shape& image, std::size_t index) {
  v.set("kernel", listed(window_of(index)));
  v.set("sigma", sigmas(image, index));
  v.set("border", border_names[(index + 2) % 5]);
}
std::vector<double> listed(Size size) { return {static_cast<double>(size.height), static_cast<double>(size.width)}; }

}  // namespace filters

namespace {

using namespace filters;
using rows::image_row;
constexpr auto exact = Differentiability::exact;

std::vector<Operator> linear_rows() {
  std::vector<Operator> all;
  all.push_back(image_row(
      {.name = "filters.filter2d",
       .doc = "Correlation of every channel with a kernel.",
       .channels = 0,
       .call =
           [](const Tensor& x, const Values& v) {
             return std::vector{filter2d(x, v.tensor("kernel"),
                                         {border_of(v), v.flag("valid"), v.flag("normalized"), v.flag("convolve")})};
           },
       .options = {weights_argument("kernel", "[rows, columns], or one an image"), border_argument("reflection"),
                   rows::flag("valid", "only where the window lies within the image", false),
                   rows::flag("normalized", "divide by the sum of magnitudes", false),
                   rows::flag("convolve", "turn the kernel round", false)},
       .choose =
           [](Values& v, const Shape& image, std::size_t i) {
             const Size size = i == 2 ? Size{3, 3} : window_of(i);  // the benchmark's
             const bool valid = i % 3 == 2 && image[-2] >= size.height && image[-1] >= size.width;
             v.set("kernel", weights({kernels_of(image, i), size.height, size.width}, i));
             v.set("border", border_names[(i + 2) % 5]);
             v.set("valid", valid);
             v.set("normalized", i % 4 == 1);
             v.set("convolve", i % 5 == 3);
           }}));
  all.push_back(
      image_row({.name = "filters.filter2d_separable",
                 .doc = "Correlation with a row along x and a column along y.",
                 .channels = 0,
                 .call =
                     [](const Tensor& x, const Values& v) {
                       return std::vector{filter2d_separable(x, v.tensor("row"), v.tensor("column"),
                                                             {border_of(v), v.flag("valid"), v.flag("normalized")})};
                     },
                 .options = {weights_argument("row", "[taps], or one an image"),
                             weights_argument("column", "[taps], or one an image"), border_argument("reflection"),
                             rows::flag("valid", "only where the window lies within the image", false),
                             rows::flag("normalized", "divide by the sum of magnitudes", false)},
                 .choose =
                     [](Values& v, const Shape& image, std::size_t i) {
                       const Size size = window_of(i);
                       v.set("row", weights({kernels_of(image, i), size.width}, i));
                       v.set("column", weights({kernels_of(image, i + i / 4), size.height}, i + 20));
                       v.set("border", border_names[(i + 2) % 5]);
                       v.set("valid", i % 3 == 2 && image[-2] >= size.height && image[-1] >= size.width);
                       v.set("normalized", i % 4 == 1);
                     }}));
  all.push_back(image_row(
      {.name = "filters.gaussian_blur2d",
       .doc = "Gaussian average; sigma is learnable.",
       .channels = 0,
       .call =
           [](const Tensor& x, const Values& v) {
             return std::vector{gaussian_blur2d(x, {size_of_list(v, "kernel"), v.tensor("sigma"), border_of(v)})};
           },
       .options = {size_argument("kernel", "(rows, columns) of the window", "[5, 5]"),
                   rows::factor("sigma", "(y, x) in pixels, one pair an image, or a number", "[1.5, 1.5]", exact,
                                "> 0"),
                   border_argument("reflection")},
       .choose = choose_blur}));
  all.push_back(image_row(
      {.name = "filters.unsharp_mask",
       .doc = "2 image - Gaussian average.",
       .channels = 0,
       .call =
           [](const Tensor& x, const Values& v) {
             return std::vector{unsharp_mask(x, {size_of_list(v, "kernel"), v.tensor("sigma"), border_of(v)})};
           },
       .options = {size_argument("kernel", "(rows, columns) of the window", "[5, 5]"),
                   rows::factor("sigma", "(y, x) in pixels, one pair an image, or a number", "[1.5, 1.5]", exact,
                                "> 0"),
                   border_argument("reflection")},
       .choose = choose_blur}));
  all.push_back(image_row(
      {.name = "filters.box_blur",
       .doc = "Mean of a window.",
       .channels = 0,
       .call =
           [](const Tensor& x, const Values& v) {
             return std::vector{box_blur(x, {size_of_list(v, "kernel"), border_of(v)})};
           },
       .options = {size_argument("kernel", "(rows, columns) of the window", "[3, 3]"), border_argument("reflection")},
       .choose =
           [](Values& v, const Shape&, std::size_t i) {
             v.set("kernel", listed(window_of(i)));
             v.set("border", border_names[(i + 2) % 5]);
           }}));
  for (Operator& row : all) row.linear = true;
  for (const std::size_t blur : {2, 3}) {
    Values values{{"image", Tensor::ones({1, 1, 4, 4}, DType::f64)}, {"sigma", 0.0}};
    all[blur].refusals.push_back({"sigma 0", values, "sigma > 0"});
    values.set("sigma", 1.0);
    values.set("kernel", std::vector<double>{0, 3});
    all[blur].refusals.push_back({"no window", values, "at least one weight"});
  }
  return all;
}

Operator median_row() {
  Operator row = image_row(
      {.name = "filters.median_blur",
       .doc = "Median of a window.",
       .channels = 0,
       .call =
           [](const Tensor& x, const Values& v) {
             return std::vector{median_blur(x, {size_of_list(v, "kernel"), border_of(v)})};
           },
       .gradient = Differentiability::almost_everywhere,
       .options = {size_argument("kernel", "(rows, columns) of the window", "[3, 3]"), border_argument("reflection")},
       .choose =
           [](Values& v, const Shape&, std::size_t i) {
             v.set("kernel", listed(window_of(i)));
             v.set("border", border_names[(i + 2) % 5]);
           }});
  const Tensor flat = Tensor::ones({1, 1, 1, 5}, DType::f64);
  row.kinks.push_back({"equal values",
                       {{"image", flat}, {"kernel", std::vector<double>{1, 3}}},
                       Tensor::from(std::vector<double>{0, 0, 1, 0, 0}, flat.shape()),
                       "image",
                       Tensor::from(std::vector<double>{0, 1, 0, 0, 0}, flat.shape())});
  row.golden.push_back({"by hand: the lower median of an even window, zeros outside",
                        {{"image", Tensor::from(std::vector<double>{4, 1, 3, 2}, {1, 1, 1, 4})},
                         {"kernel", std::vector<double>{1, 2}},
                         {"border", std::string("zeros")}},
                        {Tensor::from(std::vector<double>{1, 1, 2, 0}, {1, 1, 1, 4})}});
  return row;
}

// Benchmarks of images take the defaults, where everything else has one.
void bench_with_defaults(Operator& row) {
  if (row.arguments[0].name != "image") return;
  for (std::size_t i = 1; i < row.arguments.size(); ++i)
    if (row.arguments[i].otherwise.empty() && !row.arguments[i].optional) return;
  row.bench = [](const Shape& shape, DType dtype) {
    return Values{{"image", uniform({7, 1}, shape, 0.04, 0.96, dtype)}};
  };
}

Operator range_row() {
  Operator row =
      image_row({.name = "filters.in_range",
                 .doc = "The image where every channel lies between bounds, or the mask of these pixels.",
                 .channels = 3,
                 .call =
                     [](const Tensor& x, const Values& v) {
                       return std::vector{in_range(x, v.tensor("lower"), v.tensor("upper"), v.flag("mask"))};
                     },
                 .kinks = {0.2, 0.3, 0.4, 0.6, 0.7, 0.8},
                 .gradient = Differentiability::almost_everywhere,
                 .options = {{.name = "lower", .doc = "a number, one a channel, or [N, C, 1, 1]"},
                             {.name = "upper", .doc = "likewise"},
                             rows::flag("mask", "1 and 0 instead of the image", false)},
                 .choose =
                     [](Values& v, const Shape&, std::size_t i) {
                       v.set("lower", i % 2 ? rows::numbers_of({0.2, 0.3, 0.2}) : Tensor::full({}, 0.2, DType::f64));
                       v.set("upper", i % 2 ? rows::numbers_of({0.8, 0.7, 0.6}) : Tensor::full({}, 0.8, DType::f64));
                     }});
  std::erase_if(row.refusals, [](const Refusal& refusal) { return refusal.name == "wrong channels"; });
  row.kinks.push_back({"the ends are inside",
                       {{"image", rows::pixel_of({0.25, 0.5, 0.75})}, {"lower", 0.25}, {"upper", 0.75}},
                       rows::pixel_of({1, 1, 1}),
                       "image",
                       rows::pixel_of({1, 1, 1})});
  row.golden.push_back({"by hand",
                        {{"image", rows::pixel_of({0.1, 0.5, 0.9})},
                         {"lower", rows::numbers_of({0, 0.5, 0})},
                         {"upper", rows::numbers_of({1, 0.5, 0.8})},
                         {"mask", true}},
                        {rows::pixel_of({0})}});
  return row;
}

}  // namespace

const std::vector<Operator>& filter_operators() {
  static const std::vector<Operator> all = [] {
    std::vector<Operator> joined;
    for (auto part : {linear_rows(), edge_rows(), kernel_rows(), smoothing_rows()})
      joined.insert(joined.end(), part.begin(), part.end());
    joined.push_back(median_row());
    joined.push_back(canny_row());
    joined.push_back(motion3d_row());
    joined.push_back(range_row());
    for (Operator& row : joined) bench_with_defaults(row);
    return joined;
  }();
  return all;
}

}  // namespace lumigrad
