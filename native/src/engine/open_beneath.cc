#include "open_beneath.h"

namespace smartcopy {

uint64_t ConfinedResolve(bool cross_mounts) {
  const uint64_t confined = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return cross_mounts ? confined : confined | RESOLVE_NO_XDEV;
}

Result<UniqueFd> OpenBeneath(int directory, const char* name, uint64_t flags, uint64_t resolve, uint64_t mode) {
  const long fd = sys::Openat2(directory, name, flags, mode, resolve);
  if (auto error = ErrorOf(fd, Syscall::kOpenat2)) return *error;
  return UniqueFd(static_cast<int>(fd));
}

Result<UniqueFd> OpenDirectoryBeneath(int directory, const char* name, uint64_t resolve) {
  return OpenBeneath(directory, name, O_RDONLY | O_DIRECTORY, resolve);
}

bool SameTime(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

Result<struct stat> StatOf(int fd) {
  struct stat found{};
  if (auto error = ErrorOf(sys::Fstat(fd, &found), Syscall::kFstat)) return *error;
  return found;
}

Result<struct stat> StatBeneath(int directory, const char* name) {
  struct stat found{};
  if (auto error = ErrorOf(sys::Lstatat(directory, name, &found), Syscall::kFstatat)) return *error;
  return found;
}

}  // namespace smartcopy
