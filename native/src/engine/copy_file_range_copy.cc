#include <errno.h>

#include <algorithm>

#include "copy_strategy.h"

namespace smartcopy {
namespace {

// One call stays far below the 2 GiB that a kernel takes at most, and a cancel waits for the end of a slice.
constexpr off_t kSliceBytes = off_t{1} << 30;
constexpr off_t kWatchedSliceBytes = off_t{64} << 20;

}  // namespace

Result<std::optional<off_t>> CopyFileRangeCopy::CopyRange(const ContentCopy& file, Range range, const Watch& watch) {
  if (watch || file.size == 0 || capabilities_.KnownRefused(method(), file)) return std::optional<off_t>();
  off_t at = range.begin;
  while (at < range.end) {
    const auto granted = transfer_.limiter.Acquire(std::min(range.end - at, SliceBytes()));
    if (!granted) return IoError{ECANCELED, Syscall::kCopyFileRange, at};
    const long copied = sys::CopyFileRange(file.source, file.destination, at, static_cast<size_t>(*granted));
    if (copied > 0) {
      file.moved->Add(transfer_.control, method(), copied);
      at += copied;
      continue;
    }
    if (at > range.begin) {
      // Part of the range is written: what the call refuses now, nobody else is asked for.
      if (copied < 0) return IoError{static_cast<int>(-copied), Syscall::kCopyFileRange, at};
      break;
    }
    // Nothing at once, where there should be something: some file systems say so of files that read gives whole.
    const IoError error{copied == 0 ? EINVAL : static_cast<int>(-copied), Syscall::kCopyFileRange, at};
    if (auto final = capabilities_.Refused(method(), file, error, MethodName(Method::kReadWrite))) return *final;
    return std::optional<off_t>();
  }
  return std::optional<off_t>(at - range.begin);
}

off_t CopyFileRangeCopy::SliceBytes() const {
  const bool watched = transfer_.request.scan_totals || transfer_.control.bytes_per_second() >= 0;
  return watched ? kWatchedSliceBytes : kSliceBytes;
}

}  // namespace smartcopy
