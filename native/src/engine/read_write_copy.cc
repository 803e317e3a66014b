#include <errno.h>

#include <algorithm>
#include <cstring>

#include "copy_strategy.h"

namespace smartcopy {
namespace {

// From Linux 6.14, where headers may be older: pages are dropped from the cache once they are used.
constexpr int kDontCache = 0x80;

// Zeros are looked for in blocks of this size at offsets of their multiples: the smallest that a file system keeps.
constexpr off_t kHoleBytes = 4096;

bool IsZero(std::span<const std::byte> bytes) {
  // Compared with itself, one byte on: as fast as the C library compares memory, which uses what the CPU has.
  return bytes.empty() ||
         (bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// The block of a file at `offset` ends at the next multiple of the block's size.
size_t BlockAt(off_t offset, size_t left) {
  return std::min(left, static_cast<size_t>(kHoleBytes - offset % kHoleBytes));
}

bool SkipsZeros(const ContentCopy& file) {
  if (file.plan == nullptr) return false;
  const Holes holes = file.plan->choice.holes;
  return holes == Holes::kFromZeros || holes == Holes::kFromBoth;
}

}  // namespace

Result<off_t> ReadWriteCopy::CopyToEnd(const ContentCopy& file, const Watch& watch) {
  const auto whole = static_cast<off_t>(file.buffer.size());
  off_t done = 0;
  for (;;) {
    // One byte more than is expected: a read that stops at the expected end has then seen the end of the file, and a
    // file that grew is read to its end. A size of 0 may mean nothing (as in /proc, where some files answer in a single
    // read or not at all).
    const off_t expected = file.size - done + 1;
    const bool knows_size = file.size > 0 && expected > 0;
    const auto length = static_cast<size_t>(knows_size ? std::min(expected, whole) : whole);
    auto moved = MoveBuffer(file, done, length, watch);
    if (!moved) return moved.error();
    done += static_cast<off_t>(*moved);
    if (*moved == 0 || (*moved < length && done == file.size)) return done;
  }
}

Result<std::optional<off_t>> ReadWriteCopy::CopyRange(const ContentCopy& file, Range range, const Watch& watch) {
  off_t at = range.begin;
  while (at < range.end) {
    const auto length = static_cast<size_t>(std::min(range.end - at, static_cast<off_t>(file.buffer.size())));
    auto moved = MoveBuffer(file, at, length, watch);
    if (!moved) return moved.error();
    if (*moved == 0) break;
    at += static_cast<off_t>(*moved);
  }
  return std::optional<off_t>(at - range.begin);
}

Result<size_t> ReadWriteCopy::MoveBuffer(const ContentCopy& file, off_t offset, size_t length, const Watch& watch) {
  if (const auto* direct = file.direct()) length = direct->UsefulLength(offset, length);
  // The byte that only looks for the end of the file is not charged.
  const auto expected = std::min(static_cast<int64_t>(length), std::max<int64_t>(file.size - offset, 0));
  const auto granted = transfer_.limiter.Acquire(expected, file.unit());
  if (!granted) return IoError{ECANCELED, Syscall::kPread, offset};
  if (*granted < expected) length = static_cast<size_t>(*granted);
  const long got = Read(file, file.buffer.first(length), offset);
  if (got < 0) return IoError{static_cast<int>(-got), Syscall::kPread, offset};
  // What a file holds beyond its size (it grew, or has none, as in /proc) is known only now.
  for (int64_t charged = *granted; charged < got;) {
    const auto more = transfer_.limiter.Acquire(got - charged);
    if (!more) return IoError{ECANCELED, Syscall::kPread, offset};
    charged += *more;
  }
  const auto bytes = file.buffer.first(static_cast<size_t>(got));
  if (got == 0) return bytes.size();
  if (watch && !watch(bytes)) return IoError{ECANCELED, Syscall::kPread, offset};
  const auto error = SkipsZeros(file) ? WriteAround(file, bytes, offset) : Write(file, bytes, offset);
  if (error) return *error;
  return bytes.size();
}

int ReadWriteCopy::CacheFlags(const ContentCopy& file) const {
  const bool spares = file.plan != nullptr && file.plan->choice.spares_cache;
  return spares && !keeps_in_cache_.load(std::memory_order_relaxed) ? kDontCache : 0;
}

long ReadWriteCopy::Read(const ContentCopy& file, std::span<std::byte> into, off_t offset) {
  if (const auto* direct = file.direct(); direct != nullptr && direct->Fits(offset, into.size(), into.data())) {
    const long got = sys::Pread(direct->source.get(), into.data(), into.size(), offset);
    if (got != -EINVAL) return got;
    transfer_.fallbacks.Add("directIo", "pageCache", EINVAL);
  }
  const int flags = CacheFlags(file);
  long got = sys::Pread(file.source, into.data(), into.size(), offset, flags);
  if (got == -EOPNOTSUPP && flags != 0) {
    keeps_in_cache_ = true;
    got = sys::Pread(file.source, into.data(), into.size(), offset);
  }
  return got;
}

// Short writes go on where the kernel says it stopped; a write that moves nothing and names no error would loop for
// ever.
std::optional<IoError> ReadWriteCopy::Write(const ContentCopy& file, std::span<const std::byte> from, off_t offset) {
  const auto* direct = file.direct();
  while (!from.empty()) {
    const size_t whole = direct == nullptr ? 0 : from.size() - from.size() % direct->alignment;
    const bool is_direct = direct != nullptr && direct->Fits(offset, whole, from.data());
    const int flags = is_direct ? 0 : CacheFlags(file);
    const long wrote = is_direct ? sys::Pwrite(direct->destination.get(), from.data(), whole, offset)
                                 : sys::Pwrite(file.destination, from.data(), from.size(), offset, flags);
    if (wrote == -EINVAL && is_direct) {
      transfer_.fallbacks.Add("directIo", "pageCache", EINVAL);
      direct = nullptr;
      continue;
    }
    if (wrote == -EOPNOTSUPP && flags != 0) {
      keeps_in_cache_ = true;
      continue;
    }
    if (wrote < 0) return IoError{static_cast<int>(-wrote), Syscall::kPwrite, offset};
    if (wrote == 0) return IoError{EIO, Syscall::kPwrite, offset};
    file.moved->Add(transfer_.control, method(), wrote);
    if (is_direct) file.moved->AddDirect(transfer_.control, wrote);
    from = from.subspan(static_cast<size_t>(wrote));
    offset += wrote;
  }
  return std::nullopt;
}

// Writes everything but blocks of zeros. The destination was empty, so that what is not written is a hole; the last
// block of a file whose size is not set yet is written all the same, for its size.
std::optional<IoError> ReadWriteCopy::WriteAround(const ContentCopy& file, std::span<const std::byte> from,
                                                  off_t offset) {
  const auto is_hole = [&](size_t at, size_t length) {
    const bool is_last = offset + static_cast<off_t>(at + length) >= file.size && !file.plan->has_size;
    return !is_last && IsZero(from.subspan(at, length));
  };
  size_t at = 0;
  while (at < from.size()) {
    const size_t begin = at;
    const bool hole = is_hole(at, BlockAt(offset + static_cast<off_t>(at), from.size() - at));
    while (at < from.size()) {
      const size_t length = BlockAt(offset + static_cast<off_t>(at), from.size() - at);
      if (is_hole(at, length) != hole) break;
      at += length;
    }
    if (hole) {
      file.moved->Add(transfer_.control, Method::kHoles, static_cast<int64_t>(at - begin));
    } else if (auto error = Write(file, from.subspan(begin, at - begin), offset + static_cast<off_t>(begin))) {
      return error;
    }
  }
  return std::nullopt;
}

Result<size_t> ReadAt(int fd, std::span<std::byte> into, off_t offset) {
  size_t done = 0;
  while (done < into.size()) {
    const auto at = offset + static_cast<off_t>(done);
    const long got = sys::Pread(fd, into.data() + done, into.size() - done, at);
    if (got < 0) return IoError{static_cast<int>(-got), Syscall::kPread, at};
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

}  // namespace smartcopy
