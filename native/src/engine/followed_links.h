#pragma once

#include <string>
#include <variant>

#include "failure.h"
#include "unique_fd.h"

namespace smartcopy {

// How a symbolic link of the source is followed: beneath the source's top, so that it may lead up but never out,
// through no link of /proc; an absolute one leads out wherever it ends.
struct FollowedLink {
  int top = -1;      // of the source, open
  std::string path;  // of the link, relative to it
  bool cross_mounts = false;
};

// Opens what the link leads to, or says why not: DanglingLink, PathEscape, LinkLoop, MountPoint or what the system
// said.
std::variant<UniqueFd, Failure> OpenFollowed(const FollowedLink& link, uint64_t flags);

}  // namespace smartcopy
