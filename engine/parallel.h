// SPDX-License-Identifier: Apache-2.0
// Work on several threads. The caller cuts its problem into chunks by the size of the problem alone, never by the
// number of threads, and each chunk writes its own part of the result: so the result is the same bits at any thread
// count. Sums over chunks are kept one per chunk and added by the caller in order.
#pragma once
#include <lumigrad/engine/callable.h>
#include <lumigrad/engine/error.h>
#include <cstdint>

namespace lumigrad {

/// Calls body(0) ... body(chunks - 1), each once, on several threads and in any order, and returns when all are done.
/// `microseconds_per_chunk` (0: not known) says whether threads pay: work of less than about 10 microseconds in all
/// runs on the caller. Inside a body further calls run serially. Any threads may call it at once.
///
/// When bodies throw, the exception of the lowest chunk that throws arrives here; of the chunks above it some may not
/// have run.
LUMIGRAD_API void parallel_for(std::int64_t chunks, FunctionRef<void(std::int64_t)> body,
                               double microseconds_per_chunk = 0);

/// Threads a region may use, the caller included. At first LUMIGRAD_THREADS, else available_processors().
LUMIGRAD_API int num_threads();
/// From the next region on, 1 to 1024; 0 restores the default. Throws ResourceError otherwise.
LUMIGRAD_API void set_num_threads(int count);

/// Runs body(0) ... body(chunks - 1), each once, and returns when all are done. The bodies it is given do not throw.
using Executor = Callable<void(std::int64_t chunks, FunctionRef<void(std::int64_t)> body)>;

/// Lets a program run the library's work on its own threads; an empty Executor restores the library's pool. Regions
/// under way finish where they began. With one thread (num_threads() == 1) the executor is not asked.
LUMIGRAD_API void set_executor(Executor executor);

}  // namespace lumigrad
