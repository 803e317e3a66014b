#include "media_read.h"

#include <errno.h>
#include <fcntl.h>

#include <algorithm>

namespace smartcopy {
namespace {

// Where it is not told (before Linux 6.1): the blocks of every device but a few divide this.
constexpr size_t kUsualAlignment = 4096;

constexpr size_t RoundDown(size_t length, size_t unit) { return length / unit * unit; }

Result<size_t> AlignmentOf(int fd) {
  sys::ExtraStat facts;
  if (sys::Statx(fd, &facts) < 0 || !facts.knows_direct) return kUsualAlignment;
  const size_t alignment = facts.direct_read_alignment;
  if (alignment == 0 || kMediaAlignment % alignment != 0) return IoError{EOPNOTSUPP, Syscall::kStatx};
  return alignment;
}

}  // namespace

Result<size_t> BeginMediaRead(int fd, bool is_memory) {
  if (is_memory) return IoError{EOPNOTSUPP, Syscall::kFstatfs};
  auto alignment = AlignmentOf(fd);
  if (!alignment) return alignment;
  if (auto error = ErrorOf(sys::Fdatasync(fd), Syscall::kFdatasync)) return *error;
  if (auto error = ErrorOf(sys::Fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), Syscall::kFadvise)) return *error;
  if (auto error = ErrorOf(sys::SetDirect(fd), Syscall::kFcntl)) return *error;
  return alignment;
}

bool IsMediaNotOffered(const IoError& error) {
  return (error.call == Syscall::kFcntl && error.code == EINVAL) || error.code == EOPNOTSUPP;
}

std::span<std::byte> MediaBuffer(const Worker& worker) {
  return worker.buffer.bytes().first(std::max(kMediaAlignment, RoundDown(worker.copy_bytes, kMediaAlignment)));
}

Result<size_t> ReadMediumAt(const Medium& file, std::span<std::byte> into, off_t offset) {
  size_t done = 0;
  while (done < into.size()) {
    const auto at = offset + static_cast<off_t>(done);
    const long got = sys::Pread(file.fd, into.data() + done, into.size() - done, at);
    if (got < 0) return IoError{static_cast<int>(-got), Syscall::kPread, at};
    if (got == 0) break;
    const size_t reached = done + static_cast<size_t>(got);
    if (reached == into.size() || offset + static_cast<off_t>(reached) >= file.size) return reached;
    // Short, and not at the end: on from the last whole block. Less than a block would be asked for again for ever.
    if (RoundDown(reached, file.alignment) <= done) return IoError{EIO, Syscall::kPread, at};
    done = RoundDown(reached, file.alignment);
  }
  return done;
}

}  // namespace smartcopy
