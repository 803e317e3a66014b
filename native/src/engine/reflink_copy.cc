#include <errno.h>

#include <algorithm>
#include <array>

#include "copy_strategy.h"

namespace smartcopy {
namespace {

// What kernels and file systems answer for "not here" or "not this file". Everything else is an error of the copy:
// after EIO, ENOMEM, ENOSPC or EDQUOT no other way may be tried.
constexpr std::array kNotOffered = {ENOSYS,  ENOTTY, EOPNOTSUPP, EINVAL, EBADF, EXDEV,
                                    ETXTBSY, EPERM,  EACCES,     ENOENT, EFBIG, EAGAIN};

// Those of them that hold for every file between the same two file systems.
constexpr std::array kNeverOffered = {ENOSYS, ENOTTY, EOPNOTSUPP, EXDEV};

template <size_t kSize>
bool Contains(const std::array<int, kSize>& codes, int code) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

}  // namespace

Result<std::optional<off_t>> ReflinkCopy::Copy(const ContentCopy& file) {
  if (file.digest != nullptr || file.size == 0 || KnownRefused(file)) return std::optional<off_t>();
  const long answer = sys::Ficlone(file.destination, file.source);
  if (answer >= 0) {
    // The clone holds what the source held at that instant, which may be more or less than when it was opened.
    auto cloned = StatOf(file.destination);
    if (!cloned) return cloned.error();
    transfer_.control.Add(Word::kReflinkBytes, cloned->st_size);
    file.moved->reflink.fetch_add(cloned->st_size);
    return std::optional<off_t>(cloned->st_size);
  }
  const int code = static_cast<int>(-answer);
  if (!Contains(kNotOffered, code)) return IoError{code, Syscall::kFiclone};
  transfer_.fallbacks.Add(name(), "readWrite", code);
  if (Contains(kNeverOffered, code)) {
    const std::lock_guard lock(mutex_);
    refused_[{file.source_device, file.destination_device}] = true;
  }
  return std::optional<off_t>();
}

bool ReflinkCopy::KnownRefused(const ContentCopy& file) {
  const std::lock_guard lock(mutex_);
  return refused_.contains({file.source_device, file.destination_device});
}

}  // namespace smartcopy
