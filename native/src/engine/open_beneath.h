#pragma once

#include "result.h"
#include "unique_fd.h"

namespace smartcopy {

// How paths below a root are opened: beneath it, through no symbolic link, and on its file system unless mounts are
// crossed.
uint64_t ConfinedResolve(bool cross_mounts);

// Opens one component below a held directory. `resolve` comes from ConfinedResolve; `mode` matters with O_CREAT.
Result<UniqueFd> OpenBeneath(int directory, const char* name, uint64_t flags, uint64_t resolve, uint64_t mode = 0);
// The same for a directory to work in. A symbolic link in its place answers ELOOP, anything else ENOTDIR.
Result<UniqueFd> OpenDirectoryBeneath(int directory, const char* name, uint64_t resolve);

bool SameTime(const timespec& a, const timespec& b);

Result<struct stat> StatOf(int fd);
// Of the name itself, when it is a symbolic link.
Result<struct stat> StatBeneath(int directory, const char* name);

}  // namespace smartcopy
