// SPDX-License-Identifier: Apache-2.0
// The catalogue: one row an operator, and everything that can be asked about operators is answered from it. Gradient
// checks, agreement between levels, devices and dtypes, refused inputs, the command-line runner, benchmarks, fuzzing
// and the reference page all walk over rows; an operator that has none does not exist.
//
// Rows stand beside their operators (<area>/catalogue.cpp) and are joined only by tools and tests, so that a program
// that links the library does not carry them.
//
//   Operator{.name = "color.rgb_to_hsv",
//            .doc = "Hue (radians), saturation, value of an RGB image.",
//            .arguments = {image_argument()},
//            .call = [](const Values& v) { return std::vector{color::rgb_to_hsv(v.tensor("image"))}; },
//            .samples = rgb_samples, ...}
#pragma once
#include <lumigrad/engine/tensor.h>
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace lumigrad {

/// How an operator's result depends on an argument.
enum class Differentiability {
  exact,              ///< differentiable everywhere in its range
  almost_everywhere,  ///< except at the kinks the row lists, where the slope is agreed
  surrogate,          ///< the gradient is that of a stated stand-in (straight-through, ...)
  none                ///< no gradient (indices, sizes, modes, masks)
};

/// One argument of an operator.
struct Argument {
  enum class Kind {
    tensor,   ///< a tensor; a number or a list of numbers is taken as one (every continuous option is of this kind)
    integer,  ///< one whole number
    number,   ///< one number that is not differentiated (a tolerance, a padding value)
    flag,     ///< true or false
    choice,   ///< one of `choices`; any text where the last of these is "..."
    list,     ///< a list of numbers that is not differentiated: sizes (h, w), axes, ...
  };
  std::string name;
  Kind kind = Kind::tensor;
  std::string doc = {};  ///< what it is: shape, unit
  Differentiability gradient = Differentiability::none;
  std::string range = {};      ///< "[0, 1]", "> 0", ... for people
  std::string otherwise = {};  ///< the default as JSON ("2.2", "true", "\"zeros\"", "[5, 5]"); empty: required
  std::vector<std::string> choices = {};
  bool optional = false;  ///< a tensor that may be left out without a default
};

using Value = std::variant<std::monostate, Tensor, double, std::int64_t, bool, std::string, std::vector<double>>;

/// Arguments by name, as an operator's row receives them. A missing argument has its default filled in beforehand.
class LUMIGRAD_API Values {
 public:
  Values() = default;
  Values(std::initializer_list<std::pair<const std::string, Value>> items) : items_(items) {}
  bool has(const std::string& name) const;
  void set(const std::string& name, Value value) { items_[name] = std::move(value); }
  /// Accessors convert where nothing is lost (a number to a tensor, an integer to a number) and throw FormatError
  /// naming the argument otherwise. `tensor` of an absent argument is undefined.
  Tensor tensor(const std::string& name) const;
  double number(const std::string& name) const;
  std::int64_t integer(const std::string& name) const;
  bool flag(const std::string& name) const;
  std::string choice(const std::string& name) const;
  std::vector<double> list(const std::string& name) const;
  const std::map<std::string, Value>& items() const { return items_; }

 private:
  const Value& get(const std::string& name) const;
  std::map<std::string, Value> items_;
};

/// One example of use. Continuous values keep away from kinks by a margin that finite differences fit into.
struct Sample {
  std::string name;  ///< "batch of two, odd size", ...
  Values values;
};
/// Input that must be refused: the error's text contains `message`.
struct Refusal {
  std::string name;
  Values values;
  std::string message;
};
/// At a kink: with cotangent `seed` the gradient of `argument` is exactly `slope`.
struct Kink {
  std::string name;
  Values values;
  Tensor seed;
  std::string argument;
  Tensor slope;
};
/// A value known from elsewhere.
struct Golden {
  std::string source;  ///< paper, standard or hand calculation
  Values values;
  std::vector<Tensor> outputs;
  double tolerance = 1e-9;
};

/// One row of the catalogue.
struct Operator {
  std::string name;  ///< "area.operator"
  std::string doc;   ///< one line
  std::vector<Argument> arguments;
  std::vector<std::string> outputs = {"out"};
  bool variadic = false;  ///< there may be more or fewer results than `outputs` (levels of a pyramid)
  int order = 2;          ///< highest derivative that is defined: 0, 1 or 2
  bool linear = false;    ///< linear in its first argument: the adjoint dot test holds to rounding
  /// Calls the operator.
  std::function<std::vector<Tensor>(const Values&)> call;
  /// At least eight samples for differentiable operators (f64; batch 1 and 2, odd and even, 1xN, each option), the same
  /// for the same seed.
  std::function<std::vector<Sample>(std::uint64_t seed)> samples;
  std::vector<Refusal> refusals = {};
  std::vector<Kink> kinks = {};
  std::vector<Golden> golden = {};
  double f32_bound = 1e-5;        ///< f32 against f64 and between levels, relative to the output's largest magnitude
  double grad_bound = 1e-4;       ///< the same for gradients
  std::string bound_reason = {};  ///< why, where a bound is looser than the default
  /// Values for a benchmark on an image batch of the given shape, and the bytes that must move forward and in a
  /// forward+backward; empty: not benchmarked.
  std::function<Values(const Shape& image, DType dtype)> bench = {};
  std::function<std::pair<double, double>(const Shape& image, DType dtype)> bench_bytes = {};
};

/// `values` with the row's defaults filled in; throws FormatError for unknown or missing arguments or wrong kinds.
LUMIGRAD_API Values complete(const Operator& op, const Values& values);
/// The name of result k; one beyond `outputs` is called by its number.
LUMIGRAD_API std::string output_name(const Operator& op, std::size_t k);
/// complete() and call; every result is checked to be defined.
LUMIGRAD_API std::vector<Tensor> run(const Operator& op, const Values& values);

}  // namespace lumigrad
