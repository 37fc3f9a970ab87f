// SPDX-License-Identifier: Apache-2.0
// Three ways to differentiate a formula, on every formula of every list: dual numbers run through the formula itself,
// the reverse that the compiler recorded (the kernels in use), and finite differences of the values; and both ways to
// second order.
#include <doctest/doctest.h>
#include <lumigrad/engine/formulas.h>
#include <lumigrad/vision/color/formulas.h>
#include <lumigrad/vision/enhance/formulas.h>
#include <lumigrad/vision/geometry/formulas.h>
#include <lumigrad/vision/losses/formulas.h>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace lumigrad;

namespace {

using Numbers = std::vector<double>;

template <class F>
std::string name_of() {
  const std::string_view text = __PRETTY_FUNCTION__;
  const std::size_t from = text.find("F = ") + 4;
  return std::string(text.substr(from, text.find_first_of(";]", from) - from));
}

// A formula's compiled kernels at one point.
struct Kernels {
  const PixelKernel<double>& k;
  int inputs, outputs, params;

  std::vector<const double*> lanes(const Numbers& x) const {
    std::vector<const double*> p;
    for (const double& v : x) p.push_back(&v);
    return p;
  }
  std::vector<double*> lanes(Numbers& x) const {
    std::vector<double*> p;
    for (double& v : x) p.push_back(&v);
    return p;
  }
  Numbers values(const Numbers& x, const Numbers& p) const {
    Numbers y(static_cast<std::size_t>(outputs));
    k.forward(lanes(x).data(), p.data(), lanes(y).data(), 1, 0);
    return y;
  }
  // w' df/dx, then w' df/dp
  Numbers gradient(const Numbers& x, const Numbers& p, const Numbers& w) const {
    Numbers g(static_cast<std::size_t>(inputs)), gp(static_cast<std::size_t>(params));
    if (params > 0)
      k.vjp_params(lanes(x).data(), p.data(), lanes(w).data(), lanes(g).data(), gp.data(), 1, 0);
    else
      k.vjp(lanes(x).data(), p.data(), lanes(w).data(), lanes(g).data(), 1, 0);
    g.insert(g.end(), gp.begin(), gp.end());
    return g;
  }
};

double dot(const Numbers& a, const Numbers& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
double size(const Numbers& a) {
  double sum = 0;
  for (const double v : a) sum += std::abs(v);
  return sum;
}
bool finite(const Numbers& a) { return std::isfinite(size(a)); }
Numbers moved(const Numbers& a, const Numbers& u, double t) {
  Numbers b = a;
  for (std::size_t i = 0; i < b.size(); ++i) b[i] += t * u[i];
  return b;
}
Numbers joined(Numbers a, const Numbers& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// True when the formula and its gradient are numbers there.
template <class F>
bool agree_at(std::mt19937& random, double low, double high) {
  const PixelKernels& all = kernels_of(F{});
  const Kernels f{all.f64, all.inputs, all.outputs, all.params};
  std::uniform_real_distribution<double> box(low, high), unit(-1, 1);
  const auto draw = [&](int count, auto& from) {
    Numbers v(static_cast<std::size_t>(count));
    for (double& one : v) one = from(random);
    return v;
  };
  const Numbers x = draw(f.inputs, box), p = draw(f.params, box), w = draw(f.outputs, unit), u = draw(f.inputs, unit),
                up = draw(f.params, unit);
  const Numbers y = f.values(x, p), g = f.gradient(x, p, w), direction = joined(u, up);
  if (!finite(y) || !finite(g)) return false;
  const double along = dot(g, direction), scale = size(y) + size(g) * size(direction) + 1e-3;

  // dual numbers through the formula itself
  Numbers padded = p, padded_up = up;  // a formula without parameters still takes a pointer
  padded.push_back(0), padded_up.push_back(0);
  const auto dual = jvp<F>(x.data(), padded.data(), u.data(), padded_up.data());
  Numbers tangent, value;
  for (int m = 0; m < f.outputs; ++m) {
    tangent.push_back(dual[m].tangent[0]);
    value.push_back(dual[m].value);
    CHECK(std::abs(value.back() - y[static_cast<std::size_t>(m)]) <= 1e-12 * scale);
  }
  CHECK(std::abs(dot(w, tangent) - along) <= 1e-11 * scale);

  // finite differences of the values
  const double h = 1e-6;
  const Numbers xa = moved(x, u, h), xb = moved(x, u, -h), pa = moved(p, up, h), pb = moved(p, up, -h);
  const double slope = (dot(w, f.values(xa, pa)) - dot(w, f.values(xb, pb))) / (2 * h);
  CHECK(std::abs(slope - along) <= 2e-6 * scale);

  // second order: duals run through the recorded reverse; its tangent is forward mode again
  Numbers sx(x.size()), sp(p.size() + 1), sw(w.size());
  f.k.second(f.lanes(x).data(), padded.data(), f.lanes(u).data(), padded_up.data(), f.lanes(w).data(),
             f.lanes(sx).data(), sp.data(), f.lanes(sw).data(), 1);
  for (std::size_t m = 0; m < sw.size(); ++m) CHECK(std::abs(sw[m] - tangent[m]) <= 1e-11 * scale);
  sp.pop_back();
  const Numbers second = joined(sx, sp), ga = f.gradient(xa, pa, w), gb = f.gradient(xb, pb, w);
  REQUIRE(finite(second));
  const double steep = scale + size(second) * size(direction);
  for (std::size_t i = 0; i < second.size(); ++i)
    CHECK(std::abs(second[i] - (ga[i] - gb[i]) / (2 * h)) <= 1e-5 * steep);
  return true;
}

// Formulas are tried where they are numbers: in the first of these boxes that will do.
constexpr double boxes[][2] = {{0.15, 0.85}, {1.15, 1.85}, {-0.85, -0.15}};

template <class F>
int formula_agrees() {
  CAPTURE(name_of<F>());
  int tried = 0;
  for (const auto& box : boxes) {
    std::mt19937 random(3);
    for (int point = 0; point < 12; ++point) tried += agree_at<F>(random, box[0], box[1]);
  }
  CHECK(tried >= 12);
  return 1;
}

template <class... F>
int list_agrees(FormulaList<F...>) {
  return (formula_agrees<F>() + ... + 0);
}

}  // namespace

TEST_CASE("dual numbers, the recorded reverse and finite differences agree on every formula of every list") {
  int formulas = 0;
  std::set<std::string> here;
#define LIST(area, List) \
  here.insert(#area);    \
  formulas += list_agrees(List())
  LIST(elementwise, ElementwiseFormulas);
  LIST(activation, ActivationFormulas);
  LIST(gamma, GammaFormulas);
  LIST(color, color::ColorFormulas);
  LIST(enhance, enhance::EnhanceFormulas);
  LIST(geometry, geometry::GeometryFormulas);
  LIST(losses, losses::LossFormulas);
#undef LIST
  MESSAGE(formulas << " formulas");

  // A list that is compiled and not tried here would go unnoticed: read the names off the headers.
  std::set<std::string> compiled;
  const std::filesystem::path root = std::filesystem::path(LUMIGRAD_TEST_DIR).parent_path();
  for (const char* room : {"engine", "vision", "augment"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / room)) {
      if (entry.path().filename() != "formulas.h") continue;
      std::ifstream file(entry.path());
      const std::string start = "LUMIGRAD_FORMULA_TABLE(";
      for (std::string line; std::getline(file, line);)
        if (line.starts_with(start)) compiled.insert(line.substr(start.size(), line.find(',') - start.size()));
    }
  CHECK(compiled == here);
}
