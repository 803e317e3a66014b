#include "listing.h"

#include <errno.h>

#include <cstring>

namespace smartcopy {
namespace {

// What getdents64 writes, from its manual page; libc gives the same layout the name dirent64.
using RawEntry = dirent64;

}  // namespace

Result<Listing> Listing::Read(int directory, std::span<std::byte> buffer) {
  Listing listing;
  for (;;) {
    const long got = sys::Getdents64(directory, buffer.data(), buffer.size());
    if (got < 0) return IoError{static_cast<int>(-got), Syscall::kGetdents64};
    if (got == 0) return listing;
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const RawEntry*>(buffer.data() + at);
      at += entry->d_reclen;
      const char* name = entry->d_name;
      if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
      listing.entries_.push_back({listing.names_.size(), entry->d_type});
      listing.names_.append(name, std::strlen(name) + 1);
    }
  }
}

}  // namespace smartcopy
