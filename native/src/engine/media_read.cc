#include "media_read.h"

#include <errno.h>
#include <fcntl.h>

#include <algorithm>

namespace smartcopy {
namespace {

// Where a read that stopped early may go on: the block of every device but a few that are read whole anyway.
constexpr size_t kBlockBytes = 4096;

constexpr size_t RoundDown(size_t length, size_t unit) { return length / unit * unit; }

}  // namespace

std::optional<IoError> BeginMediaRead(int fd, bool is_memory) {
  if (is_memory) return IoError{EOPNOTSUPP, Syscall::kFstatfs};
  if (auto error = ErrorOf(sys::Fdatasync(fd), Syscall::kFdatasync)) return error;
  if (auto error = ErrorOf(sys::Fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), Syscall::kFadvise)) return error;
  return ErrorOf(sys::SetDirect(fd), Syscall::kFcntl);
}

bool IsMediaNotOffered(const IoError& error) {
  return (error.call == Syscall::kFcntl && error.code == EINVAL) || error.code == EOPNOTSUPP;
}

std::span<std::byte> MediaBuffer(const Worker& worker) {
  return worker.buffer.bytes().first(std::max(kMediaAlignment, RoundDown(worker.copy_bytes, kMediaAlignment)));
}

Result<size_t> ReadMediumAt(int fd, std::span<std::byte> into, off_t offset, off_t size) {
  size_t done = 0;
  while (done < into.size()) {
    const auto at = offset + static_cast<off_t>(done);
    const long got = sys::Pread(fd, into.data() + done, into.size() - done, at);
    if (got < 0) return IoError{static_cast<int>(-got), Syscall::kPread, at};
    if (got == 0) break;
    const size_t reached = done + static_cast<size_t>(got);
    if (reached == into.size() || offset + static_cast<off_t>(reached) >= size) return reached;
    // Short, and not at the end: on from the last whole block. Less than a block would be asked for again for ever.
    if (RoundDown(reached, kBlockBytes) <= done) return IoError{EIO, Syscall::kPread, at};
    done = RoundDown(reached, kBlockBytes);
  }
  return done;
}

}  // namespace smartcopy
