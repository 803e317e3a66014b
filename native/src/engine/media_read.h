#pragma once

#include "transfer.h"

namespace smartcopy {

// Reading a file back from what lies below the page cache: memory that the copy itself has filled proves nothing about
// a disk. The file is made durable first, then its pages are let go of, and then it is read with O_DIRECT: the one
// keeps a file system that answers direct reads from its cache (btrfs, for compressed extents) from doing so, the other
// holds where somebody else keeps the pages in memory. A file system that offers no direct reads is not taken at its
// word: the file fails. What lies below the file system (a controller, a loop device, a server) may still answer from a
// memory of its own.

// What a direct read must be aligned to, in the file and in memory: no block device asks for more.
inline constexpr size_t kMediaAlignment = size_t{64} << 10;

// `fd` must be open for reading; from here on only aligned reads of it work.
std::optional<IoError> BeginMediaRead(int fd, bool is_memory);
// Whether the error says that the file system has no such reads, rather than that something went wrong.
bool IsMediaNotOffered(const IoError& error);

// The longest aligned part of a worker's buffer that is about what one read moves.
std::span<std::byte> MediaBuffer(const Worker& worker);

// Reads until `into`, which is aligned, is full or the file ends. `offset` is aligned; `size` is where the end is
// expected.
Result<size_t> ReadMediumAt(int fd, std::span<std::byte> into, off_t offset, off_t size);

}  // namespace smartcopy
