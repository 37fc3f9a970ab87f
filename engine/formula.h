// SPDX-License-Identifier: Apache-2.0
// Formulas: arithmetic on a few scalars, written once, that the library turns into everything else.
//
//     struct Gamma {
//       template <class V>
//       LUMIGRAD_HD V operator()(V x, Params<V, 1> p) const { return pow(x, p[0]); }
//     };
//
// A formula is an empty type. Its call operator takes the inputs of one pixel, then (if it has any) its parameters,
// which are the same for a whole image, and returns one V or a `Pixel<V, M>`. From it come, without further work, the
// forward kernel, the gradients in the inputs and in the parameters, the directional derivative and the second order,
// on the CPU's vectors and on CUDA. math.h lists the words a formula may use and the three rules of writing one.
//
// With x the inputs, p the parameters and y = f(x, p), this file derives from dual numbers alone
//
//     forward      y
//     jvp          y, and its change when x moves along u and p along up:  df/dx u + df/dp up
//     dual_vjp     the change of w'y per change of each input (and parameter):  w' df/dx, w' df/dp
//
// The gradient that kernels use is the recorded reverse (recorded.h), which is faster; second order is that reverse run
// on dual numbers (derivatives.h).
#pragma once
#include <type_traits>
#include <utility>

#include <lumigrad/engine/dual.h>

namespace lumigrad {

/// The N numbers that a formula returns for one pixel.
template <class V, int N>
struct Pixel {
  V channel[N];
  LUMIGRAD_HD V& operator[](int i) { return channel[i]; }
  LUMIGRAD_HD const V& operator[](int i) const { return channel[i]; }
};

/// The K parameters of a formula: run-time numbers shared by all pixels of an image, with gradients of their own.
template <class V, int K>
struct Params {
  V value[K];
  LUMIGRAD_HD const V& operator[](int k) const { return value[k]; }
};

// ---- what a formula looks like, read off its call operator ----------------------------------------------------------

template <class R>
struct OutputsOf {
  static constexpr int count = 0;
};
template <>
struct OutputsOf<float> {
  static constexpr int count = 1;
};
template <int N>
struct OutputsOf<Pixel<float, N>> {
  static constexpr int count = N;
};
template <class A>
struct ParamsOf {
  static constexpr int count = 0;
};
template <int K>
struct ParamsOf<Params<float, K>> {
  static constexpr int count = K;
};

template <class Member>
struct Signature {
  static constexpr bool callable = false;
  static constexpr int inputs = 0, outputs = 0, params = 0;
};
template <class F, class R, class... A>
struct Signature<R (F::*)(A...) const> {
  static constexpr bool callable = true;
  static constexpr int inputs = (int(std::is_same_v<std::decay_t<A>, float>) + ... + 0);
  static constexpr int outputs = OutputsOf<R>::count;
  static constexpr int params = (ParamsOf<std::decay_t<A>>::count + ... + 0);
};
template <class F, class R, class... A>
struct Signature<R (F::*)(A...) const noexcept> : Signature<R (F::*)(A...) const> {};

template <class F, class = void>
struct SignatureOf : Signature<void> {};
template <class F>
struct SignatureOf<F, std::void_t<decltype(&F::template operator()<float>)>>
    : Signature<decltype(&F::template operator()<float>)> {};

inline constexpr int max_inputs = 12;

/// Counts of a formula's inputs, outputs and parameters; refuses, with a sentence, what is not a formula.
template <class F>
struct FormulaTraits {
  using Shape = SignatureOf<F>;
  static_assert(
      std::is_empty_v<F>,
      "lumigrad: a formula has no data members; run-time numbers are parameters: operator()(V x, Params<V, 1> p)");
  static_assert(Shape::callable,
                "lumigrad: a formula needs  template <class V> LUMIGRAD_HD ... operator()(V x, ...) const");
  static_assert(!Shape::callable || (Shape::inputs >= 1 && Shape::inputs <= max_inputs),
                "lumigrad: a formula takes 1 to 12 inputs of type V, then at most one Params<V, K>");
  static_assert(!Shape::callable || Shape::outputs >= 1, "lumigrad: a formula returns V or Pixel<V, M>");
  static constexpr int inputs = Shape::inputs;
  static constexpr int outputs = Shape::outputs;
  static constexpr int params = Shape::params;
};
template <class F>
inline constexpr int inputs_of = FormulaTraits<F>::inputs;
template <class F>
inline constexpr int outputs_of = FormulaTraits<F>::outputs;
template <class F>
inline constexpr int params_of = FormulaTraits<F>::params;

template <class F>
inline constexpr bool is_formula = std::is_empty_v<F>&& SignatureOf<F>::inputs >= 1 && SignatureOf<F>::outputs >= 1;
#if defined(__cpp_concepts)
/// An empty type whose call operator is a template over the number type.
template <class F>
concept Formula = is_formula<F>;
#endif

/// A list of formulas that are compiled together. A header of formulas ends with the list of those that are operators.
template <class... Fs>
struct FormulaList {
  static constexpr int size = sizeof...(Fs);
  template <class F>
  static constexpr bool contains = (std::is_same_v<F, Fs> || ...);
  template <class F>
  static constexpr int index() {
    int i = 0;
    bool found = false;
    ((found = found || std::is_same_v<F, Fs>, i += found ? 0 : 1), ...);
    return i;
  }
};
/// Lists one behind the other: `using Colors = decltype(Grays() + Hues());`
template <class... Fs, class... Gs>
FormulaList<Fs..., Gs...> operator+(FormulaList<Fs...>, FormulaList<Gs...>);

// ---- evaluation, and derivatives from dual numbers ------------------------------------------------------------------

template <class F, class V, std::size_t... I, std::size_t... K>
LUMIGRAD_HD auto call(const V* x, const V* p, std::index_sequence<I...>, std::index_sequence<K...>) {
  if constexpr (sizeof...(K) == 0) {
    return F{}(x[I]...);
  } else {
    return F{}(x[I]..., Params<V, int(sizeof...(K))>{{p[K]...}});
  }
}

/// y = f(x, p)
template <class F, class V>
LUMIGRAD_HD Pixel<V, outputs_of<F>> forward(const V* x, const V* p) {
  auto y = call<F>(x, p, std::make_index_sequence<inputs_of<F>>(), std::make_index_sequence<params_of<F>>());
  if constexpr (std::is_same_v<decltype(y), V>) {
    return {{y}};
  } else {
    static_assert(std::is_same_v<decltype(y), Pixel<V, outputs_of<F>>>,
                  "lumigrad: a formula returns V or Pixel<V, M>, the same for every number type V");
    return y;
  }
}

/// y and dy = df/dx u + df/dp up, as dual numbers with one direction.
template <class F, class V>
LUMIGRAD_HD Pixel<Dual<V, 1>, outputs_of<F>> jvp(const V* x, const V* p, const V* u, const V* up) {
  Dual<V, 1> dx[inputs_of<F>], dp[params_of<F> + 1];
  for (int i = 0; i < inputs_of<F>; ++i) {
    dx[i].value = x[i];
    dx[i].tangent[0] = u[i];
  }
  for (int k = 0; k < params_of<F>; ++k) {
    dp[k].value = p[k];
    dp[k].tangent[0] = up[k];
  }
  return forward<F>(dx, dp);
}

/// gx = w' df/dx, and with `WithParams` gp = w' df/dp: one direction for each input and parameter.
template <class F, bool WithParams, class V>
LUMIGRAD_HD void dual_vjp(const V* x, const V* p, const V* w, V* gx, V* gp) {
  constexpr int inputs = inputs_of<F>, directions = inputs + (WithParams ? params_of<F> : 0);
  Dual<V, directions> dx[inputs], dp[params_of<F> + 1];
  for (int i = 0; i < inputs; ++i) dx[i] = Dual<V, directions>::variable(x[i], i);
  for (int k = 0; k < params_of<F>; ++k) {
    if constexpr (WithParams) {
      dp[k] = Dual<V, directions>::variable(p[k], inputs + k);
    } else {
      dp[k] = Dual<V, directions>::constant(p[k]);
    }
  }
  const auto y = forward<F>(dx, dp);
  for (int i = 0; i < directions; ++i) {
    V sum = w[0] * y[0].tangent[i];
    for (int m = 1; m < outputs_of<F>; ++m) sum = fma(w[m], y[m].tangent[i], sum);
    (i < inputs ? gx[i] : gp[i - inputs]) = sum;
  }
}

}  // namespace lumigrad
