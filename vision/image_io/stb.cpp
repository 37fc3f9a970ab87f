// SPDX-License-Identifier: Apache-2.0
// stb_image, kept on a short lead: from memory only, without the formats that are read better elsewhere or known to be
// broken (GIF, PSD, PIC, PNM), without its global switches, and with every allocation counted against a budget. The
// library's one static table of settings is never written.
#include <lumigrad/vision/image_io/raster.h>

#include <cstdlib>
#include <cstring>
#include <limits>

namespace {

// A block knows its size and its neighbours, so that all of a decoder's blocks can be freed when it is given up.
struct alignas(16) Block {
  Block* before;
  Block* after;
  std::size_t size;
};

// What the decoder under way on this thread holds and may still take.
struct DecoderMemory {
  Block* held = nullptr;
  std::size_t left = 0;
  bool refused = false;
};
thread_local DecoderMemory decoder_memory;

void* budget_malloc(std::size_t size) {
  DecoderMemory& memory = decoder_memory;
  auto* block = size <= memory.left ? static_cast<Block*>(std::malloc(sizeof(Block) + size)) : nullptr;
  if (!block) {
    memory.refused = true;
    return nullptr;
  }
  *block = {nullptr, memory.held, size};
  if (memory.held) memory.held->before = block;
  memory.held = block;
  memory.left -= size;
  return block + 1;
}

void budget_free(void* pointer) {
  if (!pointer) return;
  Block* block = static_cast<Block*>(pointer) - 1;
  (block->before ? block->before->after : decoder_memory.held) = block->after;
  if (block->after) block->after->before = block->before;
  decoder_memory.left += block->size;
  std::free(block);
}

[[maybe_unused]] void* budget_realloc(void* pointer, std::size_t old_size, std::size_t size) {
  void* larger = budget_malloc(size);
  if (!larger) return nullptr;
  if (pointer) std::memcpy(larger, pointer, old_size < size ? old_size : size);
  budget_free(pointer);
  return larger;
}

// A decoder's use of this thread's budget: on the way out, whichever it is, nothing stays held.
struct DecoderRun {
  explicit DecoderRun(std::size_t bytes) { decoder_memory = {nullptr, bytes, false}; }
  ~DecoderRun() {
    while (decoder_memory.held) budget_free(decoder_memory.held + 1);
  }
};

[[noreturn]] void broken_assumption() { throw lumigrad::FormatError("image: the file is damaged"); }

}  // namespace

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_GIF
#define STBI_NO_PSD
#define STBI_NO_PIC
#define STBI_NO_PNM
#ifdef LUMIGRAD_HAVE_SPNG
#define STBI_NO_PNG
#endif
#ifdef LUMIGRAD_HAVE_JPEG
#define STBI_NO_JPEG
#endif
#define STBI_MAX_DIMENSIONS 65536
#define STBI_ASSERT(x) ((x) ? (void)0 : broken_assumption())
#define STBI_MALLOC(size) budget_malloc(size)
#define STBI_REALLOC_SIZED(pointer, old_size, size) budget_realloc(pointer, old_size, size)
#define STBI_FREE(pointer) budget_free(pointer)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace lumigrad {

namespace {

[[noreturn]] void refuse(const char* format) {
  require<ResourceError>(!decoder_memory.refused, format, ": the picture needs more memory than it may take");
  const char* reason = stbi_failure_reason();
  throw FormatError(message(format, ": ", reason ? reason : "damaged"));
}

}  // namespace

Raster read_with_stb(const char* format, std::span<const std::byte> bytes, const DecodeBudget& budget) {
  require<ResourceError>(bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()), format,
                         ": at most 2 GiB can be read");
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, channels = 0;
  const DecoderRun run(std::size_t{16} << 20);
  if (!stbi_info_from_memory(data, size, &width, &height, &channels)) refuse(format);
  require<FormatError>(width > 0 && height > 0, format, ": a picture without pixels");
  const auto h = static_cast<std::uint64_t>(height), w = static_cast<std::uint64_t>(width);
  budget.check(format, h, w);
  decoder_memory.left = static_cast<std::size_t>(budget.decoder_bytes(h, w));

  int w2 = 0, h2 = 0, found = 0;
  DType dtype = DType::u8;
  const void* pixels = nullptr;
  if (stbi_is_hdr_from_memory(data, size)) {
    dtype = DType::f32;
    pixels = stbi_loadf_from_memory(data, size, &w2, &h2, &found, 0);
  } else if (stbi_is_16_bit_from_memory(data, size)) {
    dtype = DType::u16;
    pixels = stbi_load_16_from_memory(data, size, &w2, &h2, &found, 0);
  } else {
    pixels = stbi_load_from_memory(data, size, &w2, &h2, &found, 0);
  }
  if (!pixels) refuse(format);
  // The two passes over the file must agree, for the limits were checked on the first.
  require<FormatError>(w2 == width && h2 == height && found >= 1 && found <= 4, format, ": damaged");
  Raster raster = budget.raster(h, w, found, dtype);
  std::memcpy(const_cast<std::byte*>(raster.pixels.bytes()), pixels,
              static_cast<std::size_t>(raster.pixels.numel()) * size_of(dtype));
  return raster;
}

}  // namespace lumigrad
