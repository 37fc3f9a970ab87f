// SPDX-License-Identifier: Apache-2.0
// Packed files of one stream (RFC 1952).
#pragma once
#include <lumigrad/engine/files/file.h>
#include <vector>

namespace lumigrad {

/// Whether the bytes begin as a packed file does.
bool is_gzip(std::span<const std::byte> bytes);

/// Unpacks the first `count` bytes, at most; what follows is not looked at. FormatError where the stream is damaged.
std::vector<std::byte> gunzip_start(std::string_view format, std::span<const std::byte> bytes, std::size_t count);

/// Unpacks a whole file, several streams in a row included, to exactly `size` bytes; its check sums are compared.
/// FormatError otherwise.
FileBytes gunzip(std::string_view format, std::span<const std::byte> bytes, std::uint64_t size);

/// Packs. The same bytes give the same file: it carries no time and no name.
std::vector<std::byte> gzip(std::span<const std::byte> bytes);

}  // namespace lumigrad
