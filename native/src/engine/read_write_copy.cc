#include <errno.h>

#include <algorithm>

#include "copy_strategy.h"

namespace smartcopy {
namespace {

// Short writes go on where the kernel says it stopped; a write that moves nothing and names no error would loop for
// ever.
std::optional<IoError> WriteAt(int fd, std::span<const std::byte> from, off_t offset) {
  while (!from.empty()) {
    const long wrote = sys::Pwrite(fd, from.data(), from.size(), offset);
    if (wrote < 0) return IoError{static_cast<int>(-wrote), Syscall::kPwrite, offset};
    if (wrote == 0) return IoError{EIO, Syscall::kPwrite, offset};
    from = from.subspan(static_cast<size_t>(wrote));
    offset += wrote;
  }
  return std::nullopt;
}

}  // namespace

Result<std::optional<off_t>> ReadWriteCopy::Copy(const ContentCopy& file) {
  const Watch watch = [&](std::span<const std::byte> bytes) {
    if (file.digest != nullptr) file.digest->Update(bytes);
    return true;
  };
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
    if (*moved == 0 || (*moved < length && done == file.size)) return std::optional<off_t>(done);
  }
}

Result<off_t> ReadWriteCopy::CopyRange(const ContentCopy& file, off_t begin, off_t end, const Watch& watch) {
  off_t at = begin;
  while (at < end) {
    const auto length = static_cast<size_t>(std::min(end - at, static_cast<off_t>(file.buffer.size())));
    auto moved = MoveBuffer(file, at, length, watch);
    if (!moved) return moved.error();
    if (*moved == 0) break;
    at += static_cast<off_t>(*moved);
  }
  return at - begin;
}

Result<size_t> ReadWriteCopy::MoveBuffer(const ContentCopy& file, off_t offset, size_t length, const Watch& watch) {
  // The byte that only looks for the end of the file is not charged.
  const auto expected = std::min(static_cast<int64_t>(length), std::max<int64_t>(file.size - offset, 0));
  const auto granted = transfer_.limiter.AcquireSome(expected);
  if (!granted) return IoError{ECANCELED, Syscall::kPread, offset};
  if (*granted < expected) length = static_cast<size_t>(*granted);
  const long got = sys::Pread(file.source, file.buffer.data(), length, offset);
  if (got < 0) return IoError{static_cast<int>(-got), Syscall::kPread, offset};
  // What a file holds beyond its size (it grew, or has none, as in /proc) is known only now.
  if (got > *granted && !transfer_.limiter.Acquire(got - *granted)) return IoError{ECANCELED, Syscall::kPread, offset};
  const auto bytes = file.buffer.first(static_cast<size_t>(got));
  if (got == 0) return bytes.size();
  if (!watch(bytes)) return IoError{ECANCELED, Syscall::kPread, offset};
  if (auto error = WriteAt(file.destination, bytes, offset)) return *error;
  transfer_.control.Add(Word::kReadWriteBytes, got);
  file.moved->read_write.fetch_add(got);
  return bytes.size();
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

std::vector<std::unique_ptr<CopyStrategy>> MakeStrategies(Transfer& transfer) {
  std::vector<std::unique_ptr<CopyStrategy>> strategies;
  strategies.push_back(std::make_unique<ReflinkCopy>(transfer));
  strategies.push_back(std::make_unique<ReadWriteCopy>(transfer));
  return strategies;
}

}  // namespace smartcopy
