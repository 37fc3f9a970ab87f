// SPDX-License-Identifier: Apache-2.0
// What the engine itself costs: an operator on the tape, a block of memory, a parallel region.
//
// The tape's cost is the time of a chain of 1,000 scalar products that is recorded and swept, less the same chain under
// NoGrad, an operator. Requests to the system during it are counted: in the steady state there are none.
#include <lumigrad/engine/allocator.h>
#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/tape.h>
#include <cstdio>
#include <cstdlib>
#include <vector>
#include "tools/stream.h"

namespace {

using namespace lumigrad;

constexpr int links = 1000;

void chain(Tensor& x, const Tensor& factor, bool recorded) {
  Recording mode(recorded);
  Tensor y = x;
  for (int i = 0; i < links; ++i) y = mul(y, factor);
  if (!recorded) return;
  x.clear_grad();
  y.backward();
}

void tape() {
  for (const DType dtype : {DType::f32, DType::f64}) {
    Tensor x = Tensor::full({}, 1, dtype), factor = Tensor::full({}, 1.0001, dtype);
    x.requires_grad();
    const Timing bare = time_of([&] { chain(x, factor, false); }, 1);
    const Timing both = time_of([&] { chain(x, factor, true); }, 1);
    const std::size_t before = memory_stats().allocations;
    for (int i = 0; i < 100; ++i) chain(x, factor, true);
    const std::size_t requests = memory_stats().allocations - before;
    std::printf(
        "tape, %s: %.3f us an operator under NoGrad, %.3f us recorded and swept; the tape costs %.3f us "
        "(spread %.0f%%); %zu requests to the system in 100,000 operators\n",
        to_string(dtype).c_str(), 1e6 * bare.median / links, 1e6 * both.median / links,
        1e6 * (both.median - bare.median) / links, 100 * both.spread(), requests);
  }
}

void million() {
  Tensor x = Tensor::full({}, 1, DType::f64);
  x.requires_grad();
  const double start = now();
  Tensor y = x;
  for (int i = 0; i < 1000000; ++i) y = neg(y);
  const double recorded = now();
  y.backward();
  const double swept = now();
  y = Tensor();
  const double freed = now();
  std::printf("chain of 1,000,000: recorded in %.0f ms, swept in %.0f ms, freed in %.0f ms; peak %.0f MiB\n",
              1e3 * (recorded - start), 1e3 * (swept - recorded), 1e3 * (freed - swept),
              static_cast<double>(memory_stats().peak) / (1 << 20));
}

void memory() {
  for (const std::size_t bytes : {std::size_t{64}, std::size_t{1} << 12, std::size_t{1} << 20, std::size_t{50} << 20}) {
    const Timing ours = time_of([&] { deallocate(allocate(bytes), bytes); }, 0.2);
    const Timing theirs = time_of(
        [&] {
          void* volatile block = std::malloc(bytes);
          std::free(block);
        },
        0.2);
    std::printf("allocate and return %9zu bytes: %8.1f ns (malloc and free: %8.1f ns)\n", bytes, 1e9 * ours.median,
                1e9 * theirs.median);
  }
  Tensor image = Tensor::full({50 << 18}, 1);
  const Timing kept = time_of([&] { neg(image); }, 0.5);
  const Timing fresh = time_of(
      [&] {
        empty_cache();
        neg(image);
      },
      0.5);
  std::printf("-x of 50 MB: %.1f ms in a reused buffer, %.1f ms in a fresh one\n", 1e3 * kept.median,
              1e3 * fresh.median);
}

void parallel() {
  const int all = num_threads();
  for (const int threads : {1, all}) {
    set_num_threads(threads);
    const Timing region = time_of(
        [] {
          parallel_for(
              64, [](std::int64_t) {}, 1000);
        },
        0.2);
    const Tensor x = Tensor::full({1 << 22}, 0.5);
    const Timing work = time_of([&] { exp(x); }, 0.4);
    std::printf("%d threads: an empty region of 64 chunks %.2f us, exp of 4M elements %.2f ms\n", threads,
                1e6 * region.median, 1e3 * work.median);
  }
  set_num_threads(0);
}

}  // namespace

int main() {
  std::printf("lumigrad engine, instruction level %s, %d threads\n", name(simd_level()), num_threads());
  tape();
  million();
  memory();
  parallel();
}
