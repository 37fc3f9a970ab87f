// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <lumigrad/engine/cpu/level.h>
#include <lumigrad/engine/cpu/volume_kernels.h>
#include <lumigrad/engine/families/sample_volume.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/parallel.h>
#include <lumigrad/engine/random.h>
#include <lumigrad/engine/tape.h>
#include <cmath>
#include <functional>
#include <limits>

using namespace lumigrad;

namespace {

Tensor noise(const Shape& shape, DType dtype, unsigned seed, double low = 0, double high = 1) {
  return uniform({seed, 3}, shape, low, high, DType::f64).to(dtype);
}

Tensor matrix_of(std::initializer_list<double> entries, std::int64_t rows) {
  return Tensor::from(std::vector<double>(entries), {1, rows, 4});
}
// Digits that put no position on a kink.
const std::initializer_list<double> turned = {0.8312, 0.2134, -0.1057, -1.3571, -0.1719, 0.7533,
                                              0.2011, 1.1371, 0.1237,  -0.0913, 0.9071,  -0.6913};
Tensor affinity() { return matrix_of(turned, 3); }
Tensor homography() { return concat({affinity(), matrix_of({0.0031, -0.0017, 0.0023, 1.02}, 1)}, 1); }

double reference_at(const std::vector<double>& volume, std::int64_t channel, VolumeSize s, const double (&p)[3]) {
  double sum = 0;
  sample_volume_reference(p, s, [&](std::int64_t z, std::int64_t y, std::int64_t x, double weight) {
    sum += weight * volume[static_cast<std::size_t>(((channel * s.depth + z) * s.height + y) * s.width + x)];
  });
  return sum;
}

double dot(const Tensor& a, const Tensor& b) { return sum(mul(a.to(DType::f64), b.to(DType::f64))).item(); }

bool same_bits(const Tensor& a, const Tensor& b) {
  const Tensor x = a.contiguous(), y = b.contiguous();
  return x.shape() == y.shape() && x.dtype() == y.dtype() &&
         std::equal(x.bytes(), x.bytes() + static_cast<std::size_t>(x.numel()) * size_of(x.dtype()), y.bytes());
}

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

// Gradients of <w, f> against central differences along one random direction for each argument.
void check_gradients(const Function& f, const std::vector<Tensor>& at, double bound = 1e-5) {
  const double step = 1e-7;
  std::vector<Tensor> leaves;
  for (const Tensor& t : at) leaves.push_back(t.clone().requires_grad());
  const Tensor y = f(leaves);
  const Tensor w = noise(y.shape(), DType::f64, 99, -1, 1);
  const std::vector<Tensor> g = grad({y}, leaves, {.seeds = {w}});
  for (std::size_t i = 0; i < at.size(); ++i) {
    CAPTURE(i);
    const Tensor u = noise(at[i].shape(), DType::f64, 100 + static_cast<unsigned>(i), -1, 1);
    std::vector<Tensor> up = at, down = at;
    up[i] = at[i] + u * step;
    down[i] = at[i] - u * step;
    CHECK(dot(g[i], u) == doctest::Approx((dot(f(up), w) - dot(f(down), w)) / (2 * step)).epsilon(bound).scale(1));
  }
}

// The gradient itself, as a function of the same arguments: its gradients are second derivatives.
Function gradient_of(const Function& f, std::size_t argument) {
  return [f, argument](const std::vector<Tensor>& given) {
    std::vector<Tensor> x = given;
    for (Tensor& t : x)
      if (!t.needs_grad()) t = t.clone().requires_grad();
    const Tensor y = f(x);
    const Tensor w = noise(y.shape(), DType::f64, 77, -1, 1);
    return grad({y}, {x[argument]}, {.seeds = {w}, .create_graph = true})[0];
  };
}

const Border all_borders[] = {Border::zeros, Border::border, Border::reflection, Border::symmetric, Border::circular};
const Interpolation both_modes[] = {Interpolation::nearest, Interpolation::bilinear};

}  // namespace

TEST_CASE("a homography reads in a volume what the reference reads, at every level and in both precisions") {
  const VolumeSize s{11, 23, 41}, o{13, 35, 70};
  const std::int64_t channels = 2;
  const Tensor volume = noise({1, channels, s.depth, s.height, s.width}, DType::f64, 1);
  const std::vector<double> values = volume.values(), m = homography().values();
  const auto run = [&]<class T>(const VolumeKernels<T>& kernels, const Tensor& source, double bound) {
    VolumeTask<T> task;
    task.volume = source.data<T>();
    task.extent[0] = 41, task.extent[1] = 23, task.extent[2] = 11, task.channels = channels;
    task.stride[1] = s.width, task.stride[2] = s.width * s.height, task.channel_stride = s.width * s.height * s.depth;
    task.out[0] = 70, task.out[1] = 35, task.out[2] = 13;
    task.kind = MapKind::homography;
    std::copy(m.begin(), m.end(), task.matrix);
    std::vector<T> out(static_cast<std::size_t>(channels * o.depth * o.height * o.width), T(-1));
    kernels.forward(task, out.data(), 0, 2 * 3 * 13);
    double worst = 0;
    std::size_t i = 0;
    for (std::int64_t c = 0; c < channels; ++c)
      for (int z = 0; z < o.depth; ++z)
        for (int y = 0; y < o.height; ++y)
          for (int x = 0; x < o.width; ++x, ++i) {
            const auto row = [&](std::size_t r) {
              return m[4 * r] * x + m[4 * r + 1] * y + m[4 * r + 2] * z + m[4 * r + 3];
            };
            const double q = row(3), at[3] = {row(0) / q, row(1) / q, row(2) / q};
            worst = std::max(worst, std::abs(reference_at(values, c, s, at) - static_cast<double>(out[i])));
          }
    CHECK(worst < bound);
  };
  for (Level level : {Level::baseline, Level::v3, Level::v4})
    if (available(level)) run(volume_kernels_f32(level), volume.to(DType::f32), 2e-5);
  run(volume_kernels_f64(), volume, 1e-12);
}

TEST_CASE("identity and whole-voxel warps of volumes are exact to the bit") {
  for (DType dtype : {DType::f32, DType::f64}) {
    const Tensor volume = noise({2, 2, 9, 18, 67}, dtype, 2, -3, 3);
    for (Interpolation mode : both_modes) {
      const Tensor same = sample_volume_homography(
          volume, matrix_of({1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}, 4), {9, 18, 67}, {.mode = mode});
      CHECK(same_bits(same, volume));
      const Tensor moved = sample_volume_affine(volume, matrix_of({1, 0, 0, 7, 0, 1, 0, -5, 0, 0, 1, 2}, 3),
                                                {9, 18, 67}, {.mode = mode});
      const auto part = [](const Tensor& v, std::int64_t z, std::int64_t y, std::int64_t x) {
        return slice(slice(slice(v, 2, z, z + 7), 3, y, y + 13), 4, x, x + 60);
      };
      CHECK(same_bits(part(moved, 0, 5, 0), part(volume, 2, 0, 7)));
      for (double v : slice(moved, 3, 0, 5).values()) CHECK(v == 0);
      // Axes exchanged: out(x, y, z) = in(y, x, z).
      const Tensor exchanged =
          sample_volume_affine(volume, matrix_of({0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0}, 3), {9, 67, 18}, {.mode = mode});
      CHECK(same_bits(exchanged, transpose(volume, 3, 4)));
    }
  }
}

TEST_CASE("borders of volumes follow the rules of images along every axis") {
  const Tensor line = Tensor::from(std::vector<double>{1, 2, 3, 4}, {1, 1, 1, 1, 4});
  for (Interpolation mode : both_modes)
    for (Border border : all_borders)
      for (double x :
           {-7.3, -1.25, -0.25, 0.5, 1.5, 3.25, 3.5, 4.0, 6.5, 1e6, std::numeric_limits<double>::quiet_NaN()}) {
        const SampleOptions options{.mode = mode, .border = border};
        const double expected =
            sample(squeeze(line, 2), Tensor::from(std::vector<double>{x, 0}, {1, 1, 1, 2}), options).item();
        for (int axis = 0; axis < 3; ++axis) {
          std::vector<double> position(3, 0.0);
          position[static_cast<std::size_t>(axis)] = x;
          const Tensor volume = transpose(line, 4, 4 - axis);
          CHECK(sample_volume(volume, Tensor::from(position, {1, 1, 1, 1, 3}), options).item() == expected);
        }
      }
}

TEST_CASE("splat_volume is the transpose of sample_volume") {
  for (DType dtype : {DType::f32, DType::f64})
    for (Interpolation mode : both_modes)
      for (Border border : all_borders) {
        Tensor leaf = noise({1, 3, 12, 17, 41}, dtype, 1).requires_grad();
        const Tensor out = sample_volume_homography(leaf, homography(), {14, 20, 70}, {.mode = mode, .border = border});
        const Tensor cotangent = noise(out.shape(), dtype, 2, -1, 1);
        const Tensor back = grad({out}, {leaf}, {.seeds = {cotangent}})[0];
        CHECK(std::abs(dot(out, cotangent) - dot(back, leaf)) < (dtype == DType::f32 ? 2e-3 : 1e-11));
      }
}

TEST_CASE("gradients to volume, map and fill agree with differences, to second order") {
  const Tensor volume = noise({2, 2, 5, 6, 7}, DType::f64, 3), fill = noise({2}, DType::f64, 4);
  const Tensor grid = noise({2, 3, 4, 5, 3}, DType::f64, 5, -1.5, 7.5);
  const VolumeSize size{4, 5, 6};
  for (Border border : all_borders) {
    CAPTURE(int(border));
    const SampleOptions options{.border = border};
    const Function by_homography = [&](auto& x) { return sample_volume_homography(x[0], x[1], size, options); };
    const Function by_affinity = [&](auto& x) { return sample_volume_affine(x[0], x[1], size, options); };
    const Function by_grid = [&](auto& x) { return sample_volume(x[0], x[1], options); };
    check_gradients(by_homography, {volume, homography()});
    check_gradients(by_affinity, {volume, affinity()});
    check_gradients(by_grid, {volume, grid});
    if (border != Border::zeros && border != Border::reflection) continue;
    for (std::size_t argument : {0u, 1u}) {
      check_gradients(gradient_of(by_homography, argument), {volume, homography()});
      check_gradients(gradient_of(by_affinity, argument), {volume, affinity()});
      check_gradients(gradient_of(by_grid, argument), {volume, grid});
    }
  }
  check_gradients([&](auto& x) { return sample_volume_affine(x[0], x[1], size, {.fill = x[2]}); },
                  {volume, affinity(), fill});
  const Tensor values = noise({2, 2, 3, 4, 5}, DType::f64, 6);
  check_gradients([&](auto& x) { return sample_volume_slopes(x[0], x[1], {0, 1, 0}); }, {volume, grid});
  check_gradients([&](auto& x) { return splat_volume_slopes(x[0], x[1], {1, 0, 0}, {5, 6, 7}); }, {values, grid});
  Tensor leaf = grid.clone().requires_grad();
  const Tensor y = sum(sample_volume_slopes(volume, leaf, {1, 0, 1}));
  CHECK_THROWS_WITH_AS(grad({y}, {leaf}), doctest::Contains("third"), GraphError);
}

TEST_CASE("threads, batches and layouts change no bit of a warp of volumes or of its gradients") {
  const Tensor volume = noise({2, 2, 19, 21, 43}, DType::f32, 7);
  const Tensor grid = noise({1, 9, 21, 77, 3}, DType::f32, 8, -9, 50);
  for (Border border : all_borders)
    for (Interpolation mode : both_modes) {
      const auto results = [&](const Tensor& source, int threads) {
        set_num_threads(threads);
        std::vector<Tensor> all;
        for (bool by_grid : {false, true}) {
          Tensor x = source.detach().requires_grad(), p = (by_grid ? grid : homography()).clone().requires_grad();
          const SampleOptions options{.mode = mode, .border = border};
          const Tensor y =
              by_grid ? sample_volume(x, p, options) : sample_volume_homography(x, p, {20, 30, 66}, options);
          all.push_back(y);
          const Tensor cotangent = slice(noise({2, 2, 20, 30, 77}, DType::f32, 9, -1, 1), 0, 0, y.size(0));
          const Tensor fitting = slice(slice(slice(cotangent, 2, 0, y.size(2)), 3, 0, y.size(3)), 4, 0, y.size(4));
          for (const Tensor& g : grad({y}, {x, p}, {.seeds = {fitting}})) all.push_back(g);
        }
        set_num_threads(0);
        return all;
      };
      const std::vector<Tensor> one = results(volume, 1);
      for (int threads : {2, 3, 7}) {
        const std::vector<Tensor> many = results(volume, threads);
        for (std::size_t i = 0; i < one.size(); ++i) CHECK(same_bits(many[i], one[i]));
      }
      const std::vector<Tensor> first = results(slice(volume, 0, 0, 1), 3);
      for (std::size_t i : {0u, 1u, 3u, 4u}) CHECK(same_bits(first[i], slice(one[i], 0, 0, 1)));
      const Tensor turned_around = transpose(transpose(volume, 2, 4).contiguous(), 2, 4);
      const std::vector<Tensor> again = results(turned_around, 2);
      for (std::size_t i = 0; i < one.size(); ++i) CHECK(same_bits(again[i], one[i]));
    }
}

TEST_CASE("no map makes a warp read outside its volume or return anything but numbers") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const Tensor volume = noise({1, 1, 5, 6, 19}, DType::f32, 4);
  const std::vector<double> identity = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  const std::vector<std::pair<std::size_t, double>> changes = {
      {0, nan}, {11, inf}, {15, 0}, {14, -0.5}, {0, 1e30}, {3, 1e18}, {15, -1e-320}, {12, 1e38}, {5, -1e9}, {10, nan}};
  for (const auto& [entry, value] : changes) {
    std::vector<double> m = identity;
    m[entry] = value;
    for (DType dtype : {DType::f32, DType::f64})
      for (Border border : all_borders)
        for (int threads : {1, 3}) {
          set_num_threads(threads);
          Tensor leaf = volume.to(dtype).clone().requires_grad(), matrix = Tensor::from(m, {1, 4, 4}).requires_grad();
          const Tensor out = sample_volume_homography(leaf, matrix, {7, 18, 70}, {.border = border});
          bool finite = true;
          for (double v : out.values()) finite = finite && std::abs(v) < 4;
          for (double v : grad({sum(out)}, {leaf})[0].values()) finite = finite && std::isfinite(v);
          set_num_threads(0);
          CHECK(finite);
        }
  }
}

TEST_CASE("bytes, empty volumes and single voxels are volumes; what does not fit is refused in one clear line") {
  std::vector<std::uint8_t> bytes(2 * 3 * 4 * 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37);
  const Tensor packed = permute(Tensor::from(bytes, {1, 2, 3, 4, 2}), {0, 4, 1, 2, 3});
  const Tensor whole = sample_volume_affine(packed, matrix_of({1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}, 3), {2, 3, 4});
  const std::vector<double> got = whole.values(), given = packed.values();
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(given[i] / 255).epsilon(1e-6));

  CHECK(sample_volume_affine(Tensor::zeros({0, 3, 4, 4, 4}), affinity(), {2, 5, 7}).shape() == Shape{0, 3, 2, 5, 7});
  for (double v : sample_volume_affine(Tensor::ones({1, 1, 0, 4, 4}), affinity(), {2, 2, 2}).values()) CHECK(v == 0);
  for (Border border : {Border::border, Border::reflection, Border::symmetric})
    for (double v :
         sample_volume_affine(Tensor::full({1, 1, 1, 1, 1}, 3), affinity(), {3, 4, 5}, {.border = border}).values())
      CHECK(v == doctest::Approx(3));

  const Tensor volume = Tensor::zeros({1, 1, 4, 4, 4});
  CHECK_THROWS_WITH_AS(sample_volume_affine(select(volume, 0, 0), affinity(), {4, 4, 4}),
                       doctest::Contains("sample_volume_affine: expected a volume [N, C, D, H, W]"), ShapeError);
  CHECK_THROWS_AS(sample_volume_homography(volume, affinity(), {4, 4, 4}), ShapeError);
  CHECK_THROWS_AS(sample_volume_affine(volume, affinity(), {4, -1, 4}), ShapeError);
  CHECK_THROWS_AS(sample_volume_affine(volume, affinity(), {4, 4, 4}, {.mode = Interpolation::bicubic}), NumericError);
  CHECK_THROWS_AS(sample_volume(volume, Tensor::zeros({1, 2, 2, 2, 2})), ShapeError);
  CHECK_THROWS_AS(sample_volume_slopes(volume, Tensor::zeros({1, 1, 1, 1, 3}), {1, 1, 1}), GraphError);
}
