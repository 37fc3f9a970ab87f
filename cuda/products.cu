// SPDX-License-Identifier: Apache-2.0
#include <cublas_v2.h>
#include <lumigrad/cuda/products.h>
#include <lumigrad/cuda/status.h>
#include <atomic>
#include <limits>
#include <mutex>

namespace lumigrad::cuda {
namespace {

Status status_of(cublasStatus_t status) {
  if (status == CUBLAS_STATUS_SUCCESS) return {};
  if (status == CUBLAS_STATUS_ALLOC_FAILED) return {Code::no_memory, "cuBLAS found no memory"};
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE)
    return {Code::unsupported, cublasGetStatusString(status)};
  return {Code::lost, cublasGetStatusString(status)};
}

// A handle a device, made when it first multiplies, and its lock: a handle serves one thread at a time.
struct Library {
  std::mutex mutex;
  cublasHandle_t handle = nullptr;
};
Library& library(int device) {
  static Library* const all = new Library[16];
  return all[device];
}

cublasStatus_t call(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const float* a,
                    int lda, long long sa, const float* b, int ldb, long long sb, float* c, int ldc, long long sc,
                    int count) {
  const float one = 1, zero = 0;
  return cublasSgemmStridedBatched(h, ta, tb, m, n, k, &one, a, lda, sa, b, ldb, sb, &zero, c, ldc, sc, count);
}
cublasStatus_t call(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const double* a,
                    int lda, long long sa, const double* b, int ldb, long long sb, double* c, int ldc, long long sc,
                    int count) {
  const double one = 1, zero = 0;
  return cublasDgemmStridedBatched(h, ta, tb, m, n, k, &one, a, lda, sa, b, ldb, sb, &zero, c, ldc, sc, count);
}

// cuBLAS has columns in a row: a row-major matrix is its transpose, so y' = b' a' is what it is asked for.
template <class T>
struct Operand {
  cublasOperation_t turn;
  int lead;
  explicit Operand(const Matrix<T>& x, std::int64_t rows, std::int64_t columns)
      : turn(x.column == 1 ? CUBLAS_OP_N : CUBLAS_OP_T),
        lead(static_cast<int>(x.column == 1 ? (rows > 1 ? x.row : columns) : (columns > 1 ? x.column : rows))) {}
};

}  // namespace

template <class T>
Status library_product(Place place, const Walk<3>& batch, Matrix<T> a, Matrix<T> b, T* y, std::int64_t m,
                       std::int64_t k, std::int64_t n) {
  constexpr std::int64_t most = std::numeric_limits<int>::max();
  if (m > most || k > most || n > most || a.row > most || a.column > most || b.row > most || b.column > most)
    return {Code::unsupported, "a matrix beyond 2^31 rows or columns"};
  LUMIGRAD_TRY(status_of(cudaSetDevice(place.device)));  // which a new handle belongs to
  Library& own = library(place.device);
  std::lock_guard lock(own.mutex);
  if (!own.handle) {
    cublasHandle_t handle = nullptr;
    LUMIGRAD_TRY(status_of(cublasCreate(&handle)));
    LUMIGRAD_TRY(status_of(cublasSetMathMode(handle, CUBLAS_PEDANTIC_MATH)));  // no TF32, the same bits each time
    own.handle = handle;
  }
  LUMIGRAD_TRY(status_of(cublasSetStream(own.handle, static_cast<cudaStream_t>(place.stream))));
  const Operand<T> left(a, m, k), right(b, k, n);
  // The innermost batch axis lies evenly; the others are walked.
  const int last = batch.rank - 1;
  const std::int64_t run = batch.rank > 0 ? batch.extents[last] : 1;
  const auto step = [&](int which) { return batch.rank > 0 ? batch.strides[which][last] : 0; };
  for (std::int64_t i = 0; i < batch.count; i += run) {
    std::int64_t at[3];
    batch.at(i, at);
    LUMIGRAD_TRY(status_of(call(own.handle, right.turn, left.turn, static_cast<int>(n), static_cast<int>(m),
                                static_cast<int>(k), b.at + at[1], right.lead, step(1), a.at + at[0], left.lead,
                                step(0), y + at[2], static_cast<int>(n), step(2), static_cast<int>(run))));
  }
  return {};
}

template Status library_product(Place, const Walk<3>&, Matrix<float>, Matrix<float>, float*, std::int64_t, std::int64_t,
                                std::int64_t);
template Status library_product(Place, const Walk<3>&, Matrix<double>, Matrix<double>, double*, std::int64_t,
                                std::int64_t, std::int64_t);

}  // namespace lumigrad::cuda
