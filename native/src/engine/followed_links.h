#pragma once

#include <cstdint>
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

// How often one copy comes to the same directory by links that lie in what other links led to. Links of a few
// directories to one another make more paths than anybody has time for: thirty directories with two links each make a
// thousand million. The kernel stops at 40 links on one path, which bounds their length and not their number. So the
// work stays in proportion to the source, however its links are laid.
inline constexpr uint32_t kMostNestedVisits = 1'000;

// Opens what the link leads to, or says why not: DanglingLink, PathEscape, LinkLoop, MountPoint or what the system
// said.
std::variant<UniqueFd, Failure> OpenFollowed(const FollowedLink& link, uint64_t flags);

}  // namespace smartcopy
