#include "listing.h"

#include <errno.h>

#include <cstddef>
#include <cstring>

namespace smartcopy {
namespace {

// What getdents64 writes, from its manual page; libc gives the same layout the name dirent64.
using RawEntry = dirent64;

// Who reads the directory once more, because the error may pass, is to see what came before it too. One opened with
// O_PATH has nothing to go back on: that it cannot be read is what is wrong.
IoError Rewound(int directory, IoError error) {
  const long at = sys::Seek(directory, 0, SEEK_SET);
  return at < 0 && at != -EBADF ? IoError{EIO, Syscall::kLseek} : error;
}

}  // namespace

Result<Listing> Listing::Read(int directory, std::span<std::byte> buffer) {
  Listing listing;
  for (;;) {
    const long got = sys::Getdents64(directory, buffer.data(), buffer.size());
    if (got < 0) return Rewound(directory, IoError{static_cast<int>(-got), Syscall::kGetdents64});
    if (got == 0) return listing;
    if (!listing.Add(buffer.first(static_cast<size_t>(got)))) return IoError{EIO, Syscall::kGetdents64};
  }
}

bool Listing::Add(std::span<const std::byte> given) {
  constexpr size_t kHead = offsetof(RawEntry, d_name);
  while (!given.empty()) {
    if (given.size() <= kHead) return false;
    decltype(RawEntry::d_reclen) length = 0;
    std::memcpy(&length, given.data() + offsetof(RawEntry, d_reclen), sizeof(length));
    if (length <= kHead || length > given.size()) return false;
    const auto* name = reinterpret_cast<const char*>(given.data() + kHead);
    const size_t name_length = ::strnlen(name, length - kHead);
    // A name with a slash would be a path.
    if (name_length == 0 || name_length == length - kHead || std::memchr(name, '/', name_length) != nullptr)
      return false;
    const auto type = static_cast<uint8_t>(given[offsetof(RawEntry, d_type)]);
    given = given.subspan(length);
    if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
    entries_.push_back({names_.size(), type});
    names_.append(name, name_length + 1);
  }
  return true;
}

}  // namespace smartcopy
