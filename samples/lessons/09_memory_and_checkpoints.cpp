// SPDX-License-Identifier: Apache-2.0
// Lesson 9: memory and checkpoints. A tape keeps what its adjoints need, and a long program keeps a lot.
//
// The cure is to forget. Keep the values at a few places, drop those between, and when the sweep comes back to a
// stretch, compute it once more from the value at its beginning. With n steps in about sqrt(n) stretches the memory
// falls from n to 2 sqrt(n) values, and the price is one more forward pass.
//
// Break it: `lesson_09 --broken` puts noise into the steps and draws it anew when a stretch is computed again. The
// sweep then differentiates a program that nobody ran.
#include <lumigrad/engine/derivative_modes.h>
#include <lumigrad/engine/families/reduce.h>
#include <lumigrad/engine/function.h>
#include <lumigrad/engine/gradcheck.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

using namespace lumigrad;

namespace {

bool broken = false;
std::uint32_t drawn = 0;  // counts draws: the hidden state that breaks things

void must(bool ok, const char* what) {
  if (ok) return;
  std::printf("WRONG: %s\n", what);
  std::exit(1);
}

// A step of some long simulation. Its noise belongs to its number, so that the same step is always the same step.
Tensor advanced(const Tensor& x, int number) {
  const Generator source{.seed = 5, .operation = broken ? 1000 + drawn++ : static_cast<std::uint32_t>(number)};
  const Tensor noise = uniform(source, x.shape(), 0.9, 1.1, x.dtype());
  return x + 0.1 * sin(3 * x * noise);
}

// Steps [begin, end), all recorded.
Tensor stretch(Tensor x, int begin, int end) {
  for (int k = begin; k < end; ++k) x = advanced(x, k);
  return x;
}

// The same, but the tape sees one node that keeps x alone. Its adjoint records the stretch, sweeps it and drops it.
Tensor checkpointed(const Tensor& x, int begin, int end) {
  const Function segment{
      .name = "segment",
      .forward = [=](const std::vector<Tensor>& in) { return stretch(in[0], begin, end); },
      .adjoint =
          [=](const std::vector<Tensor>& in, const Tensor&, const Tensor& w) {
            return vjp([=](const std::vector<Tensor>& again) { return stretch(again[0], begin, end); }, {in[0]}, w)
                .gradients;
          }};
  return segment({x});
}

Tensor whole(const Tensor& x, int steps, int length) {
  Tensor at = x;
  for (int k = 0; k < steps; k += length)
    at = length == 1 ? advanced(at, k) : checkpointed(at, k, std::min(k + length, steps));
  return sum(square(at));
}

std::size_t kept_bytes(const Tape& tape) {
  std::size_t bytes = 0;
  for (Node* node : tape)
    for (const Saved& value : node->saved()) bytes += value.bytes();
  return bytes;
}

}  // namespace

int main(int, char** argv) {
  broken = argv[1] && std::string_view(argv[1]) == "--broken";
  constexpr int steps = 64;
  Tensor x = uniform(Generator{1}, {500}, -1, 1, DType::f64).requires_grad();

  // What the tape keeps, by the length of a stretch: all of it, or one value a stretch.
  std::size_t all = 0, few = 0;
  for (const int length : {1, 4, 8, 16}) {
    const std::size_t bytes = kept_bytes(Tape({whole(x, steps, length)}));
    std::printf("stretches of %2d: the tape keeps %7zu bytes\n", length, bytes);
    (length == 1 ? all : few) = bytes;
  }
  must(few * 10 < all, "checkpoints save memory");

  // And the gradients are the same, bit for bit, because the same arithmetic is done again.
  const std::vector<double> plain = grad({whole(x, steps, 1)}, {x})[0].values(),
                            saved = grad({whole(x, steps, 8)}, {x})[0].values();
  if (!broken) must(plain == saved, "forgetting changes no bit");

  // The library's checkpoint is this node, for functions of many tensors and to second order.
  Tensor at = x;
  for (int k = 0; k < steps; k += 8)
    at = checkpoint([k](const std::vector<Tensor>& in) { return stretch(in[0], k, k + 8); }, {at});
  if (!broken) must(grad({sum(square(at))}, {x})[0].values() == plain, "checkpoint forgets in the same way");

  const Tensor small = uniform(Generator{2}, {4}, -1, 1, DType::f64);
  const GradcheckReport report = gradcheck(
      [](const std::vector<Tensor>& in) {
        drawn = 0;
        return std::vector{whole(in[0], 12, 4)};
      },
      {small});
  std::printf("with checkpoints, against differences:\n%s", report.text().c_str());
  must(report.passed(), "what is computed again is what was computed");
  std::puts("Lesson 10 has a tape that costs no memory at all.");
}
