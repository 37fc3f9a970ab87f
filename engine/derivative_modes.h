// SPDX-License-Identifier: Apache-2.0
// Other ways to ask for derivatives, all of them made of reverse mode (tape.h).
//
// A sweep gives w -> J'w, one row of the Jacobian a time. Two observations give the rest.
//
// *Forward mode from two sweeps.* Take g(w) = J'w as a function of the cotangent w, with x held fixed. It is linear in
// w, so its own Jacobian is the matrix J', and one more sweep through it, seeded with u, gives J''u = Ju. Nothing is
// approximated: a linear function is its own derivative, whatever w is (here zero). The price is one recorded sweep and
// one sweep through that, some four to six times the function, where forward mode proper would take two to three; but
// it works for everything that has a second derivative, and needs no second set of rules to be kept right.
//
// *Memory for time.* A sweep needs the values that the program computed, and keeps all of them. `checkpoint` keeps the
// inputs of a part of the program only, runs that part again when its turn in the sweep comes, sweeps back through it
// at once and forgets it. A chain of n steps in sqrt(n) parts so needs the memory of 2 sqrt(n) steps for one more
// forward pass.
#pragma once
#include <lumigrad/engine/callable.h>
#include <lumigrad/engine/tape.h>

namespace lumigrad {

/// A function of some tensors with one tensor as its result. It sees its inputs outside the graph they came from, is
/// called more than once, and must do the same each time (draws keyed by a Generator do).
using TensorFunction = Callable<Tensor(const std::vector<Tensor>&)>;

/// f at `inputs`, and its change df/dinput u when every input moves along its direction: forward mode.
struct Pushforward {
  Tensor value;
  Tensor tangent;
};
/// `directions`: one an input, of its shape. Exact to rounding; f must be differentiable twice (GraphError where an
/// operator of order 1 is in it). f32 and f64.
LUMIGRAD_API Pushforward jvp(const TensorFunction& f, const std::vector<Tensor>& inputs,
                             const std::vector<Tensor>& directions);

/// df/dinput for each input, of shape [shape of f's result .., shape of the input ..]: one sweep an element of the
/// result. Throws ShapeError beyond eight axes.
LUMIGRAD_API std::vector<Tensor> jacobian(const TensorFunction& f, const std::vector<Tensor>& inputs);

/// Second derivatives of a function with a result of one element: [i][j] is d2f / dinput_i dinput_j, of shape
/// [shape of input i .., shape of input j ..]. One sweep an element of the inputs.
LUMIGRAD_API std::vector<std::vector<Tensor>> hessian(const TensorFunction& f, const std::vector<Tensor>& inputs);

/// The gradient of a function with a result of one element, and the change of that gradient along `directions`: the
/// Hessian times a vector, without the Hessian. One recorded sweep and one more.
struct HessianProduct {
  Tensor value;
  std::vector<Tensor> gradients;
  std::vector<Tensor> products;
};
LUMIGRAD_API HessianProduct hvp(const TensorFunction& f, const std::vector<Tensor>& inputs,
                                const std::vector<Tensor>& directions);

/// f(inputs), of which the tape keeps the inputs alone: f runs again when the sweep comes to it. Values and gradients
/// are those of f, bit for bit, to second order. Every tensor with a gradient that f uses must be among `inputs`; one
/// that it captured raises GraphError in the sweep, rather than losing its gradient.
LUMIGRAD_API Tensor checkpoint(const TensorFunction& f, const std::vector<Tensor>& inputs, Here here = {});

}  // namespace lumigrad
