#pragma once

#include "transfer.h"

namespace smartcopy {

// Reading a file back from what lies below the page cache: memory that the copy itself has filled proves nothing about
// a disk. The file is made durable first, then its pages are let go of, and then it is read with O_DIRECT: the one
// keeps a file system that answers direct reads from its cache (btrfs, for compressed extents) from doing so, the other
// holds where somebody else keeps the pages in memory. A file system that offers no direct reads is not taken at its
// word: the file fails. What lies below the file system (a controller, a loop device, a server) may still answer from a
// memory of its own.

// What every range and buffer of such reads is a multiple of. Files that ask for more are not read so; no block device
// does.
inline constexpr size_t kMediaAlignment = size_t{64} << 10;

// What direct reads of the file must be aligned to. `fd` must be open for reading; from here on only aligned reads of
// it work.
Result<size_t> BeginMediaRead(int fd, bool is_memory);
// Whether the error says that the file system has no such reads, rather than that something went wrong.
bool IsMediaNotOffered(const IoError& error);

// The longest aligned part of a worker's buffer that is about what one read moves.
std::span<std::byte> MediaBuffer(const Worker& worker);

// A file below the page cache.
struct Medium {
  int fd = -1;
  off_t size = 0;  // where its end is expected
  size_t alignment = kMediaAlignment;
};

// Reads until `into`, which is aligned as `offset` is, is full or the file ends.
Result<size_t> ReadMediumAt(const Medium& file, std::span<std::byte> into, off_t offset);

}  // namespace smartcopy
