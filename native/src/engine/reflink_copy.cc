#include <errno.h>
#include <linux/fs.h>

#include "copy_strategy.h"
#include "open_beneath.h"

namespace smartcopy {

Result<std::optional<off_t>> ReflinkCopy::CopyRange(const ContentCopy& file, Range range, const Watch& watch) {
  const bool whole = range.begin == 0 && range.end == file.size && file.size > 0;
  if (!whole || watch || capabilities_.KnownRefused(method(), file)) return std::optional<off_t>();
  if (auto error = KeepNoCowFlag(file)) return *error;
  const long answer = sys::Ficlone(file.destination, file.source);
  if (answer >= 0) {
    // The clone holds what the source held at that instant, which may be more or less than when it was opened.
    auto cloned = StatOf(file.destination);
    if (!cloned) return cloned.error();
    file.moved->Add(transfer_.control, method(), cloned->st_size);
    return std::optional<off_t>(cloned->st_size);
  }
  const IoError error{static_cast<int>(-answer), Syscall::kFiclone};
  if (auto final = capabilities_.Refused(method(), file, error, MethodName(Method::kReadWrite))) return *final;
  return std::optional<off_t>();
}

// On btrfs a file without copy on write shares blocks only with its like, and the flag can be set only while it is
// empty. A flag that cannot be set makes the clone fail, and the bytes are moved.
std::optional<IoError> ReflinkCopy::KeepNoCowFlag(const ContentCopy& file) {
  auto type = capabilities_.TypeOf(file.destination, file.destination_device);
  if (!type) return type.error();
  if (!TraitsOf(*type).has_no_cow_flag) return std::nullopt;
  int of_source = 0;
  int of_destination = 0;
  if (sys::GetFlags(file.source, &of_source) < 0 || sys::GetFlags(file.destination, &of_destination) < 0)
    return std::nullopt;
  if (((of_source ^ of_destination) & FS_NOCOW_FL) == 0) return std::nullopt;
  sys::SetFlags(file.destination, of_destination ^ FS_NOCOW_FL);
  return std::nullopt;
}

}  // namespace smartcopy
