// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/families/neighbours.h>

#include <lumigrad/engine/cpu/level_table.h>
#include <lumigrad/engine/cpu/sum_kernels.h>
#include <lumigrad/engine/families/lanes.h>
#include <lumigrad/engine/families/line_room.h>
#include <lumigrad/engine/families/lines.h>
#include <lumigrad/engine/families/pixel_call.h>
#include <lumigrad/engine/families/reduce.h>
#include <lumigrad/engine/formulas.h>
#include <lumigrad/engine/node.h>
#include <lumigrad/engine/ops.h>
#include <cstring>

namespace lumigrad {
namespace {

constexpr std::int64_t rows_a_job = 16;

struct NeighbourCall {
  const PixelKernels* kernels;
  std::vector<Tensor> images;  // dense
  std::vector<NeighbourGroup> groups;

  std::int64_t count() const { return images[0].size(0); }
  std::int64_t height() const { return images[0].size(2); }
  std::int64_t width() const { return images[0].size(3); }
  /// Where pixel (y, 0) of a lane lies in image n of `in`, which is shaped as the image of the lane.
  std::int64_t at(const NeighbourLane& lane, const Tensor& in, std::int64_t n, std::int64_t y) const {
    return ((n * in.size(1) + lane.channel) * height() + y + lane.row) * width() + lane.column;
  }
  /// How many rows kernels take in one call, as if they were one: between the columns of one row and the next stand
  /// places of no pair, which are made too and become zero.
  std::int64_t together() const {
    return std::max<std::int64_t>(1, 12288 / (std::max<std::int64_t>(width(), 1) * (kernels->inputs + 1)));
  }
  std::int64_t length(const NeighbourGroup& group, std::int64_t rows) const {
    return (rows - 1) * width() + group.columns;
  }
  template <class T>
  void clear_between(const NeighbourGroup& group, std::int64_t rows, T* x) const {
    for (std::int64_t r = 1; r < rows; ++r)
      for (T* at = x + (r - 1) * width() + group.columns; at < x + r * width(); ++at) *at = 0;
  }
  /// Calls body(n, first row, end, job) for all rows of all images.
  template <class Body>
  void each_job(const Body& body) const {
    const std::int64_t jobs = (height() + rows_a_job - 1) / rows_a_job;
    parallel_for(
        count() * jobs,
        [&](std::int64_t job) {
          const std::int64_t begin = job % jobs * rows_a_job;
          body(job / jobs, begin, std::min(begin + rows_a_job, height()), job);
        },
        1e-3 * static_cast<double>(rows_a_job * width() * kernels->inputs));
  }
};

template <class T>
void add_up(const NeighbourCall& call, T* y) {
  const std::int64_t jobs = (call.height() + rows_a_job - 1) / rows_a_job;
  std::vector<double> sums(static_cast<std::size_t>(call.count() * jobs), 0.0);
  call.each_job([&](std::int64_t n, std::int64_t begin, std::int64_t end, std::int64_t job) {
    const LineRoom<T> terms(static_cast<std::size_t>(call.together() * call.width()));
    T* const out = terms.get();
    for (const NeighbourGroup& group : call.groups) {
      double sum = 0;
      const std::int64_t last = group.columns == 0 ? begin : std::min(end, group.rows);
      for (std::int64_t row = begin, rows = 0; row < last; row += rows) {
        rows = std::min(call.together(), last - row);
        const T* lanes[max_lanes];
        for (std::size_t k = 0; k < group.lanes.size(); ++k) {
          const Tensor& image = call.images[static_cast<std::size_t>(group.lanes[k].image)];
          lanes[k] = elements<T>(image) + call.at(group.lanes[k], image, n, row);
        }
        const std::int64_t length = call.length(group, rows);
        of_type<T>(*call.kernels).forward(lanes, nullptr, &out, static_cast<std::size_t>(length), 0);
        call.clear_between(group, rows, out);
        for (std::int64_t at = 0; at < length; at += lane_block)
          sum += of_type<T>(sum_kernels()).block(out + at, static_cast<std::size_t>(std::min(lane_block, length - at)));
      }
      sums[static_cast<std::size_t>(job)] += group.scale * sum;
    }
  });
  for (std::int64_t n = 0; n < call.count(); ++n) {
    double total = 0;
    for (std::int64_t job = n * jobs; job < (n + 1) * jobs; ++job) total += sums[static_cast<std::size_t>(job)];
    y[n] = static_cast<T>(total);
  }
}

// One number many times, by copies of copies.
template <class T>
void repeat(T number, std::int64_t count, T* to) {
  if (count > 0) *to = number;
  for (std::int64_t done = 1; done < count; done *= 2)
    std::memcpy(to + done, to, static_cast<std::size_t>(std::min(done, count - done)) * sizeof(T));
}

// Gradients of <w, y> for the images that are defined in `gradients`.
template <class T>
void hand_back(const NeighbourCall& call, const T* w, std::span<const Tensor> gradients) {
  const auto add = of_type<T>(kernels_of(Add{})).forward;
  const std::int64_t width = call.width();
  call.each_job([&](std::int64_t n, std::int64_t begin, std::int64_t end, std::int64_t) {
    const auto inputs = static_cast<std::size_t>(call.kernels->inputs);
    const std::int64_t most = call.together() * width;
    const LineRoom<T> room((inputs + 1) * static_cast<std::size_t>(most));
    T* const seed = room.get() + static_cast<std::int64_t>(inputs) * most;
    for (const Tensor& g : gradients)
      for (std::int64_t c = 0; g.defined() && c < g.size(1); ++c)
        std::memset(new_elements<T>(g) + ((n * g.size(1) + c) * call.height() + begin) * width, 0,
                    static_cast<std::size_t>((end - begin) * width) * sizeof(T));
    for (const NeighbourGroup& group : call.groups) {
      if (group.columns == 0) continue;
      repeat(static_cast<T>(group.scale * static_cast<double>(w[n])), most, seed);
      std::int64_t reach = 0;  // rows above that are seen from here
      for (const NeighbourLane& lane : group.lanes) reach = std::max(reach, lane.row);
      const std::int64_t last = std::min(end, group.rows);
      for (std::int64_t row = std::max<std::int64_t>(begin - reach, 0), rows = 0; row < last; row += rows) {
        // Rows whose lanes all lie in these rows go together.
        rows = row < begin ? 1 : std::clamp<std::int64_t>(std::min(last, end - reach) - row, 1, call.together());
        const auto length = static_cast<std::size_t>(call.length(group, rows));
        const T* lanes[max_lanes];
        T* slopes[max_lanes];
        for (std::size_t k = 0; k < inputs; ++k) {
          const auto image = static_cast<std::size_t>(group.lanes[k].image);
          lanes[k] = elements<T>(call.images[image]) + call.at(group.lanes[k], call.images[image], n, row);
          const bool here =
              gradients[image].defined() && row + group.lanes[k].row >= begin && row + group.lanes[k].row < end;
          slopes[k] = here ? room.get() + static_cast<std::int64_t>(k) * most : nullptr;
        }
        of_type<T>(*call.kernels).vjp(lanes, nullptr, &seed, slopes, length, 0);
        for (std::size_t k = 0; k < inputs; ++k) {
          if (!slopes[k]) continue;
          call.clear_between(group, rows, slopes[k]);
          const Tensor& g = gradients[static_cast<std::size_t>(group.lanes[k].image)];
          T* const to = new_elements<T>(g) + call.at(group.lanes[k], g, n, row);
          const T* const both[2] = {to, slopes[k]};
          add(both, nullptr, &to, length, 0);
        }
      }
    }
  });
}

// The lanes of a group as slices: what the operator is made of.
TensorList lanes_of(const NeighbourGroup& group, std::span<const Tensor> images, Here here) {
  TensorList lanes;
  for (const NeighbourLane& lane : group.lanes) {
    const Tensor plane = select(images[static_cast<std::size_t>(lane.image)], 1, lane.channel, here);
    const Tensor rows = slice(plane, 1, lane.row, lane.row + group.rows, 1, here);
    lanes.push_back(slice(rows, 2, lane.column, lane.column + group.columns, 1, here));
  }
  return lanes;
}

struct NeighboursNode final : Node {
  using Node::Node;
  const PixelKernels* kernels = nullptr;
  std::vector<NeighbourGroup> groups;
  InlineVector<Saved, 3> kept;
  std::span<Saved> saved() override { return {kept.data(), kept.size()}; }

  void adjoint(std::span<const Tensor> cotangents, std::span<Tensor> gradients) override {
    std::vector<Tensor> images;
    for (const Saved& s : kept) images.push_back(s.get(*this));
    if (recording()) return record_gradients(images, cotangents[0], gradients);
    NeighbourCall call{kernels, {}, groups};
    for (const Tensor& image : images) call.images.push_back(image.detach().contiguous());
    for (std::size_t i = 0; i < images.size(); ++i)
      if (wants(i)) gradients[i] = Tensor::empty(images[i].shape(), images[i].dtype());
    const Tensor w = cotangents[0].detach().contiguous();
    by_differentiable_dtype(images[0].dtype(), [&](auto t) { hand_back(call, elements<decltype(t)>(w), gradients); });
  }

 private:
  void record_gradients(const std::vector<Tensor>& images, const Tensor& w, std::span<Tensor> gradients) {
    for (const NeighbourGroup& group : groups) {
      const TensorList lanes = lanes_of(group, images, here());
      const Shape shape{images[0].size(0), group.rows, group.columns};
      const Tensor seed = expand(reshape(mul(w, group.scale, here()), {shape[0], 1, 1}, here()), shape, here());
      TensorList slopes(lanes.size());
      InlineVector<bool, 8> want(lanes.size());
      for (std::size_t k = 0; k < lanes.size(); ++k) want[k] = wants(static_cast<std::size_t>(group.lanes[k].image));
      pixel_gradients(name(), *kernels, Lanes::elements, lanes, {}, seed, {want.data(), want.size()},
                      {slopes.data(), slopes.size()}, here());
      for (std::size_t k = 0; k < lanes.size(); ++k) {
        if (!want[k]) continue;
        const NeighbourLane& lane = group.lanes[k];
        const auto image = static_cast<std::size_t>(lane.image);
        const Shape& whole = images[image].shape();
        const Tensor rows = embed(slopes[k], 1, lane.row, 1, whole[2], here());
        const Tensor plane = unsqueeze(embed(rows, 2, lane.column, 1, whole[3], here()), 1, here());
        const Tensor part = embed(plane, 1, lane.channel, 1, whole[1], here());
        gradients[image] = gradients[image].defined() ? add(gradients[image], part, here()) : part;
      }
    }
  }
};

}  // namespace

Tensor reduce_neighbours(const char* name, const PixelKernels& kernels, std::vector<Tensor> images,
                         std::vector<NeighbourGroup> groups, Here here) {
  if (images[0].device() != Device()) {
    Tensor total;
    for (const NeighbourGroup& group : groups) {
      const TensorList lanes = lanes_of(group, images, here);
      const Tensor part = reduce(name, kernels, Lanes::elements, lanes, {}, Segments::images, group.scale, here);
      total = total.defined() ? add(total, part, here) : part;
    }
    return total;
  }
  NeighbourCall call{&kernels, {}, std::move(groups)};
  for (const Tensor& image : images) call.images.push_back(image.detach().contiguous());
  Tensor y = Tensor::empty({images[0].size(0)}, images[0].dtype());
  by_differentiable_dtype(y.dtype(), [&](auto t) { add_up(call, new_elements<decltype(t)>(y)); });
  InlineVector<const Tensor*, 4> sources;
  for (const Tensor& image : images) sources.push_back(&image);
  if (auto node = record<NeighboursNode>(name, here, std::span<const Tensor* const>(sources))) {
    node->kernels = &kernels;
    node->groups = std::move(call.groups);
    for (std::size_t i = 0; i < images.size(); ++i) node->kept.push_back(node->save_input(i, images[i]));
    node->attach(y);
  }
  return y;
}

}  // namespace lumigrad
