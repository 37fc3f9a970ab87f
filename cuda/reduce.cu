// SPDX-License-Identifier: Apache-2.0
// Sums over axes, and sums of what the pixel family's blocks left.
//
// Terms are added up in double and in an order that the extents alone decide: a long sum is cut into chunks, each chunk
// leaves one number, and those are added up by the same code. There are three ways through memory. Where the summed
// axis is the innermost, neighbours go to one sum: a block takes a chunk, or, where sums are short, a thread takes all
// of one. Where it is not, neighbours go to different sums: a thread takes one sum's terms and a warp reads whole
// lines.
#include <lumigrad/cuda/launch.h>
#include <lumigrad/cuda/tables.h>
#include <lumigrad/cuda/walk.h>

namespace lumigrad::cuda {
namespace {

constexpr std::int64_t row_chunk = 8192;  // terms that a block adds up
constexpr std::int64_t few = 16;          // as many as a thread takes of neighbours
constexpr int sum_threads = 256;

// The part of an array with axes [first, first + count).
Array axes_of(const Array& x, int first, int count) {
  Array part = x;
  part.rank = count;
  for (int i = 0; i < count; ++i) {
    part.extents[i] = x.extents[first + i];
    part.strides[i] = x.strides[first + i];
  }
  return part;
}

// The terms of K sums, R each: term r of sum k.
template <class T>
struct Terms {
  const T* x;
  Walk<1> sums, terms;
  LUMIGRAD_INLINE const T* of(std::int64_t k) const {
    std::int64_t at[1];
    sums.at(k, at);
    return x + at[0];
  }
  template <class Index>
  LUMIGRAD_INLINE double term(const T* from, Index r) const {
    if (terms.rank <= 1) return static_cast<double>(from[static_cast<std::int64_t>(r) * terms.strides[0][0]]);
    std::int64_t at[1];
    terms.at(r, at);
    return static_cast<double>(from[at[0]]);
  }
};

// Sum k of chunk c, by a block.
template <class T, class To>
struct RowSum {
  Terms<T> x;
  std::int64_t chunks, length;  // terms of a chunk
  double scale;
  To* to;  // [K][chunks]
  template <class B>
  LUMIGRAD_KERNEL void operator()(const B& block) const {
    const std::int64_t k = block.index() / chunks, begin = block.index() % chunks * length;
    const std::int64_t rest = x.terms.count - begin;
    const int n = static_cast<int>(rest < length ? rest : length);
    const T* from = x.of(k);
    double sum = 0;
    for (int i = block.thread(); i < n; i += block.threads()) sum += x.term(from, begin + i);
    sum = block.sum(sum);
    if (block.thread() == 0) to[block.index()] = static_cast<To>(scale * sum);
  }
};

// Sum k of chunk c, by a thread; c K + k is the thread's number.
template <class T, class To>
struct ColumnSum {
  Terms<T> x;
  std::int64_t length;
  double scale;
  To* to;  // [chunks][K]
  template <class Index>
  LUMIGRAD_INLINE void operator()(Index i) const {
    const auto K = static_cast<Index>(x.sums.count);
    const Index c = i / K;
    const std::int64_t begin = static_cast<std::int64_t>(c) * length, rest = x.terms.count - begin;
    const int n = static_cast<int>(rest < length ? rest : length);
    const T* from = x.of(i - c * K);
    double sum = 0;
    for (int r = 0; r < n; ++r) sum += x.term(from, begin + r);
    to[i] = static_cast<To>(scale * sum);
  }
};

// [chunks][K] of doubles to K sums.
template <class T>
Status join_chunks(Place place, const double* parts, std::int64_t chunks, std::int64_t chunk_step, std::int64_t K,
                   std::int64_t sum_step, double scale, T* to) {
  Array array;
  array.rank = 2;
  array.extents[0] = K;
  array.strides[0] = sum_step;
  array.extents[1] = chunks;
  array.strides[1] = chunk_step;
  const Array sums = axes_of(array, 0, 1), terms = axes_of(array, 1, 1);
  const Terms<double> all{parts, Walk<1>({&sums}), Walk<1>({&terms})};
  if (chunks > few) return for_each_block(place, K, default_threads, 0, RowSum<double, T>{all, 1, chunks, scale, to});
  return for_each(place, K, ColumnSum<double, T>{all, chunks, scale, to});
}

template <class T>
Status sum_axes(Place place, const Array& x, int kept, bool rows, double scale, T* to) {
  const Array outer = axes_of(x, 0, kept), inner = axes_of(x, kept, x.rank - kept);
  const Terms<T> terms{static_cast<const T*>(x.data), Walk<1>({&outer}), Walk<1>({&inner})};
  const std::int64_t K = terms.sums.count, R = terms.terms.count;
  if (K == 0) return {};
  if (rows && R > few) {
    const std::int64_t chunks = (R + row_chunk - 1) / row_chunk;
    const int threads = R > 4 * sum_threads ? sum_threads : R > 128 ? 128 : 32;
    if (chunks == 1) return for_each_block(place, K, threads, 0, RowSum<T, T>{terms, 1, R, scale, to});
    const Scratch parts(place, static_cast<std::size_t>(K * chunks) * sizeof(double));
    LUMIGRAD_TRY(parts.status());
    LUMIGRAD_TRY(for_each_block(place, K * chunks, threads, 0,
                                RowSum<T, double>{terms, chunks, row_chunk, 1, parts.as<double>()}));
    return join_chunks(place, parts.as<double>(), chunks, 1, K, chunks, scale, to);
  }
  // Enough chunks to keep a device busy where there are few sums of many terms.
  std::int64_t length = R > 0 ? R : 1;
  while (K * ((R + length - 1) / length) < 65536 && length > 64) length = (length + 1) / 2;
  const std::int64_t chunks = R == 0 ? 1 : (R + length - 1) / length;
  if (chunks == 1) return for_each(place, K, ColumnSum<T, T>{terms, R, scale, to});
  const Scratch parts(place, static_cast<std::size_t>(K * chunks) * sizeof(double));
  LUMIGRAD_TRY(parts.status());
  LUMIGRAD_TRY(for_each(place, K * chunks, ColumnSum<T, double>{terms, length, 1, parts.as<double>()}));
  return join_chunks(place, parts.as<double>(), chunks, K, K, 1, scale, to);
}

Status sum_axes_of_any(Place place, const Array* x, std::int32_t kept, bool rows, double scale, const Array* y) {
  if (x->dtype == DType::f32) return sum_axes<float>(place, *x, kept, rows, scale, static_cast<float*>(y->data));
  return sum_axes<double>(place, *x, kept, rows, scale, static_cast<double*>(y->data));
}

// Number k over chunks (and images): a block each.
struct Totals {
  const double* sums;
  std::int64_t images, chunks;
  std::int32_t width;
  double scale;
  device::PixelTotal total;
  std::int32_t k;
  template <class B>
  LUMIGRAD_KERNEL void operator()(const B& block) const {
    const std::int64_t image = total.each_image ? block.index() : 0;
    const std::int64_t n = total.each_image ? chunks : images * chunks;
    const double* from = sums + image * chunks * width + k;
    double sum = 0;
    for (std::int64_t i = block.thread(); i < n; i += block.threads()) sum += from[i * width];
    sum = scale * block.sum(sum);
    if (block.thread() != 0) return;
    const std::int64_t at = image * total.image_step;
    if (total.dtype == DType::f32) {
      static_cast<float*>(total.base)[at] = static_cast<float>(sum);
    } else {
      static_cast<double*>(total.base)[at] = sum;
    }
  }
};

}  // namespace

const device::ReduceTable reduce_table = {sum_axes_of_any};

Status pixel_totals(Place place, const device::PixelTotals* call) {
  for (std::int32_t k = 0; k < call->width; ++k) {
    const device::PixelTotal& total = call->totals[k];
    if (!total.base) continue;
    const std::int64_t blocks = total.each_image ? call->images : 1;
    const std::int64_t n = (total.each_image ? 1 : call->images) * call->chunks;
    LUMIGRAD_TRY(for_each_block(place, blocks, n > 64 ? sum_threads : 32, 0,
                                Totals{call->sums, call->images, call->chunks, call->width, call->scale, total, k}));
  }
  return {};
}

}  // namespace lumigrad::cuda
