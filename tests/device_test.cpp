// SPDX-License-Identifier: Apache-2.0
// Tensors on a device: where they are, how they get there and back, what is refused, and what memory does. Runs on
// whatever module LUMIGRAD_CUDA_MODULE names: the stand-in in the fast suite.
#include <doctest/doctest.h>
#include <lumigrad/engine/capture.h>
#include <lumigrad/engine/device_memory.h>
#include <lumigrad/engine/normalization.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/optim.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
#include <lumigrad/engine/views.h>
#include <lumigrad/vision/geometry/resize.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace lumigrad;

namespace {

const Device gpu{Device::Kind::cuda, 0};

}  // namespace

TEST_CASE("a tensor goes to the device and back, in every dtype and layout") {
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::u8, DType::u16, DType::i32,
                            DType::i64, DType::boolean}) {
    const Tensor x = reshape(Tensor::arange(24), {2, 3, 4}).to(dtype);
    for (const Tensor& view : {x, permute(x, {2, 0, 1}), slice(x, 1, 1, 3), expand(slice(x, 2, 1, 2), {2, 3, 5})}) {
      const Tensor there = view.to(gpu);
      CHECK(there.device() == gpu);
      CHECK(there.dtype() == dtype);
      CHECK(there.to(Device()).values() == view.values());
      CHECK(permute(there, {1, 2, 0}).contiguous().values() == permute(view, {1, 2, 0}).values());
    }
  }
}

TEST_CASE("numbers change their dtype on the device as on the CPU") {
  const Tensor x =
      Tensor::from(std::vector<double>{-3.5, -0.5, 0.5, 1.5, 2.5, 254.5, 300.0, 70000.0, -1e30, 1e30}, {10});
  for (const DType from : {DType::f64, DType::f32, DType::f16, DType::u8, DType::i64})
    for (const DType to : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::u8, DType::u16, DType::i32,
                           DType::i64, DType::boolean}) {
      CAPTURE(to_string(from));
      CAPTURE(to_string(to));
      CHECK(x.to(from).to(gpu).to(to).values() == x.to(from).to(to).values());
    }
}

TEST_CASE("tensors are made on the device") {
  CHECK(Tensor::zeros({2, 3}, DType::f64, gpu).values() == std::vector<double>(6, 0.0));
  CHECK(Tensor::full({3}, 2.5, DType::f32, gpu).values() == std::vector<double>(3, 2.5));
  CHECK(Tensor::arange(4, DType::i64, gpu).values() == std::vector<double>{0, 1, 2, 3});
  CHECK(Tensor::eye(3, DType::f32, gpu).values() == Tensor::eye(3).values());
  CHECK(Tensor::zeros({0, 3}, DType::f32, gpu).values().empty());
  CHECK(Tensor::full({}, 7, DType::f64, gpu).item() == 7);
}

TEST_CASE("gradients come back over the bus") {
  Tensor x = Tensor({1.0, 2.0, 3.0}).to(DType::f64).requires_grad();
  const Tensor y = x.to(gpu);
  y.backward(Tensor::full({3}, 2, DType::f64, gpu));
  CHECK(x.grad().device() == Device());
  CHECK(x.grad().values() == std::vector<double>{2, 2, 2});
}

TEST_CASE("what is on a device cannot be read as if it were here") {
  const Tensor x = Tensor::zeros({2}, DType::f32, gpu);
  CHECK_THROWS_WITH_AS(x.data<float>(),
                       "data: expected a tensor on the cpu, got one on cuda:0; move it with to(Device{})", DeviceError);
  CHECK_THROWS_AS(Tensor::zeros({2}, DType::f32, {Device::Kind::cuda, 7}), DeviceError);
}

TEST_CASE("memory of a device is reused, bounded, and given back") {
  empty_cache(gpu);
  const DeviceMemoryStats before = memory_stats(gpu);
  { const Tensor x = Tensor::empty({1000}, DType::f32, gpu); }
  const std::size_t asked = memory_stats(gpu).allocations;
  { const Tensor x = Tensor::empty({1000}, DType::f32, gpu); }
  CHECK(memory_stats(gpu).allocations == asked);
  CHECK(memory_stats(gpu).in_use == before.in_use);
  CHECK(memory_stats(gpu).cached >= 4000);
  empty_cache(gpu);
  CHECK(memory_stats(gpu).cached == 0);

  set_memory_budget(gpu, before.in_use + (1 << 20));
  Tensor half = Tensor::empty({1 << 17}, DType::f32, gpu);  // half of the budget
  CHECK_THROWS_AS(Tensor::empty({1 << 18}, DType::f32, gpu), ResourceError);
  half = Tensor();  // now cached: the next request empties the cache and fits
  CHECK_NOTHROW(Tensor::empty({(1 << 18) - 1024}, DType::f32, gpu));
  set_memory_budget(gpu, 0);
}

TEST_CASE("a request beyond the device names what there is") {
  try {
    Tensor::empty({std::int64_t{1} << 40}, DType::f32, gpu);
    FAIL("4 TiB were given");
  } catch (const ResourceError& error) {
    const std::string text = error.what();
    CHECK(text.find("4398046511104 bytes on cuda:0") != std::string::npos);
    CHECK(text.find("free of") != std::string::npos);
  }
}

TEST_CASE("a fork of a process that used the device is refused it") {
  const Tensor x = Tensor::zeros({2}, DType::f32, gpu);
  const pid_t child = fork();
  if (child == 0) {
    bool refused = false;
    try {
      Tensor::zeros({2}, DType::f32, gpu);
    } catch (const DeviceError& error) {
      refused = std::string(error.what()).find("fork") != std::string::npos;
    }
    _exit(refused ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(x.values() == std::vector<double>{0, 0});
}

TEST_CASE("a captured step runs again on the same memory") {
  Tensor source = Tensor({1.0, 2.0, 3.0}).to(DType::f32).to(gpu), result = Tensor::zeros({3}, DType::f32, gpu);
  const DeviceMemoryStats before = memory_stats(gpu);
  int runs = 0;
  {
    CapturedStep step(gpu, [&] {
      ++runs;
      const Tensor doubled = concat({source, source}, 0);  // memory of the step
      result.assign(slice(doubled, 0, 2, 5));
    });
    CHECK(runs == 2);  // once for real, once to record
    CHECK(result.values() == std::vector<double>{3, 1, 2});
    source.assign(Tensor({4.0, 5.0, 6.0}).to(DType::f32).to(gpu));
    const Tensor other = Tensor::full({64}, -1, DType::f32, gpu);  // may not fall into the step's memory
    step.replay();
    CHECK(result.values() == std::vector<double>{6, 4, 5});
    CHECK(other.values() == std::vector<double>(64, -1.0));
    CHECK(runs == 2);
    step.replay();
    CHECK(result.values() == std::vector<double>{6, 4, 5});
  }
  CHECK(memory_stats(gpu).in_use == before.in_use);
}

TEST_CASE("a captured step keeps the memory of what it replaced while it was recorded") {
  Tensor state = Tensor::full({300}, 1, DType::f32, gpu);
  Tensor seen = Tensor::zeros({300}, DType::f32, gpu);
  CapturedStep step(gpu, [&] {
    seen.assign(state);  // recorded: a read of the block that state has now
    state = concat({slice(state, 0, 0, 299), slice(state, 0, 0, 1)}, 0);  // which is given back here
  });
  std::vector<Tensor> others;  // of the same size: none may get that block
  for (int i = 0; i < 8; ++i) others.push_back(Tensor::full({300}, -1, DType::f32, gpu));
  step.replay();
  CHECK(seen.values() == std::vector<double>(300, 1.0));
  for (const Tensor& other : others) CHECK(other.values() == std::vector<double>(300, -1.0));
}

TEST_CASE("a captured step keeps the tables of a resize, which are larger than the arguments of one kernel") {
  Tensor source = uniform(Generator{3}, {1, 1, 20, 700}).to(gpu), result = Tensor::zeros({1, 1, 30, 1500}).to(gpu);
  CapturedStep step(gpu, [&] { result.assign(geometry::resize(source, {.size = {30, 1500}})); });
  source.assign(uniform(Generator{4}, {1, 1, 20, 700}));
  const Tensor wanted = geometry::resize(source, {.size = {30, 1500}});
  Tensor::full({1 << 16}, 7, DType::u8, gpu);  // may not fall onto the tables
  step.replay();
  CHECK(result.values() == wanted.values());
}

TEST_CASE("what cannot be recorded is refused, and the device goes on") {
  const Tensor x = Tensor::ones({3}, DType::f32, gpu);
  CHECK_THROWS_AS(CapturedStep(gpu, [&] { x.values(); }), DeviceError);
  CHECK_THROWS_AS(CapturedStep(gpu, [&] { Tensor::zeros({100000}).to(gpu); }), DeviceError);
  CHECK_THROWS_AS(CapturedStep(Device(), [] {}), DeviceError);
  CHECK_THROWS_AS(CapturedStep(gpu, [&] { CapturedStep inner(gpu, [] {}); }), DeviceError);
  CHECK(x.values() == std::vector<double>{1, 1, 1});
  int small = 0;
  CapturedStep step(gpu, [&] { small += static_cast<int>(Tensor({1.0, 2.0}).to(gpu).numel()); });
  CHECK(small == 4);
}

TEST_CASE("draws on the device are those of the CPU, bit for bit") {
  const Generator generator{7, operation_id("device"), 3};
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{3, 7, 11}, Shape{0, 4}, Shape{1, 4097}}) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      CHECK(uniform(generator, shape, -2, 3, dtype, gpu).values() == uniform(generator, shape, -2, 3, dtype).values());
      CHECK(normal(generator, shape, 1, 2, dtype, gpu).values() == normal(generator, shape, 1, 2, dtype).values());
    }
    for (const DType dtype : {DType::i32, DType::i64})
      CHECK(integers(generator, shape, -5, 1000, dtype, gpu).values() ==
            integers(generator, shape, -5, 1000, dtype).values());
  }
  CHECK(permutation(generator, 9, gpu).values() == permutation(generator, 9).values());
}

TEST_CASE("a module moves to the device with its buffers, and the optimiser that trains it goes on there") {
  const Tensor x = reshape(Tensor::arange(24), {8, 3}), wanted = Tensor::ones({8, 2});
  const auto train = [&](bool moves) {
    auto linear = std::make_shared<Linear>(3, 2, 1);
    auto frozen = std::make_shared<Linear>(2, 2, 2);
    for (Tensor& p : frozen->parameters()) p.requires_grad(false);
    Sequential net({linear, frozen});
    Adam adam(linear->parameters());
    for (int step = 0; step < 6; ++step) {
      const Device where = moves && step / 2 == 1 ? gpu : Device();
      adam.clear_grad();
      sum(square(net(x.to(where)) - wanted.to(where))).backward();
      if (moves && step == 1) net.to(gpu);  // with gradients that the next line reads
      if (moves && step == 3) net.to(Device());
      adam.step();
    }
    CHECK(!frozen->parameters()[0].needs_grad());
    return linear->parameters()[0].values();
  };
  const std::vector<double> here = train(false), there = train(true);
  for (std::size_t i = 0; i < here.size(); ++i) CHECK(there[i] == doctest::Approx(here[i]).epsilon(1e-5));

  Tensor leaf = Tensor::ones({2}).requires_grad();
  const Tensor handle = leaf, view = slice(leaf.detach(), 0, 1, 2);
  leaf.move_to(gpu);
  CHECK(handle.device() == gpu);
  CHECK(handle.is_leaf());
  CHECK(view.device() == Device());  // a view has its own place
  Tensor computed = leaf * leaf;
  CHECK_THROWS_AS(computed.move_to(Device()), GraphError);
}

TEST_CASE("a value that a sweep needs is missed when it has moved, also when it is back with other numbers") {
  const auto refused = [](const Tensor& loss) {
    try {
      loss.backward();
    } catch (const GraphError& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  for (const bool back : {false, true}) {
    Tensor w = Tensor({3.0, 3.0}).to(DType::f64).requires_grad();
    const Tensor y = sum(w * w);
    w.move_to(gpu);
    if (back) {
      {
        NoGrad off;
        w.assign(Tensor({100.0, 100.0}));
      }
      w.move_to(Device());
    }
    const std::string text = refused(y);
    INFO(text);
    CHECK(text.starts_with("mul: expected the value of shape"));
    CHECK(text.find("move_to changed it") != std::string::npos);
    CHECK(!w.grad().defined());
    sum(w * w).backward();  // what is recorded afterwards is swept
    CHECK(w.grad().values() == std::vector<double>(2, back ? 200 : 6));
  }
}

TEST_CASE("a module for which the device has no room stays where it is, whole") {
  auto small = std::make_shared<Linear>(2, 2, 1), large = std::make_shared<Linear>(512, 1024, 2);
  Sequential net({small, large});
  sum(net.parameters()[0]).backward();
  empty_cache(gpu);
  const DeviceMemoryStats before = memory_stats(gpu);
  set_memory_budget(gpu, before.in_use + (1 << 20));
  CHECK_THROWS_AS(net.to(gpu), ResourceError);
  set_memory_budget(gpu, 0);
  for (const Tensor& p : net.parameters()) CHECK(p.device() == Device());
  CHECK(small->parameters()[0].grad().device() == Device());
  CHECK(memory_stats(gpu).in_use == before.in_use);
  net.to(gpu);  // and can move when there is room
  for (const Tensor& p : net.parameters()) CHECK(p.device() == gpu);
  CHECK(small->parameters()[0].grad().device() == gpu);
}

TEST_CASE("buffers of a module move along") {
  BatchNorm2d norm(3);
  const Tensor x = uniform(Generator{1}, {4, 3, 5, 6});
  norm(x);
  const std::vector<double> before = norm.state().at("variance").values();
  norm.to(gpu);
  for (const auto& [name, tensor] : norm.state()) CHECK(tensor.device() == gpu);
  CHECK(norm.state().at("variance").values() == before);
  norm(x.to(gpu));
  CHECK(norm.state().at("variance").values() != before);
}
