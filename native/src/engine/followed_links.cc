#include "followed_links.h"

#include <errno.h>

#include "open_beneath.h"

namespace smartcopy {
namespace {

uint64_t FollowingResolve(bool cross_mounts) { return ConfinedResolve(cross_mounts) & ~uint64_t{RESOLVE_NO_SYMLINKS}; }

// A link that leads through `..` is not followed while anything anywhere is renamed or mounted: the kernel could not
// tell whether it left the tree (openat2(2)), and asks for another try.
constexpr int kMostTries = 1'000;

Result<UniqueFd> OpenThrough(const FollowedLink& link, uint64_t flags) {
  const uint64_t resolve = FollowingResolve(link.cross_mounts);
  auto opened = OpenBeneath(link.top, link.path.c_str(), flags, resolve);
  for (int tries = 1; !opened && opened.error().code == EAGAIN && tries < kMostTries; ++tries)
    opened = OpenBeneath(link.top, link.path.c_str(), flags, resolve);
  return opened;
}

FailureReason ReasonNotFollowed(const FollowedLink& link, const IoError& error) {
  switch (error.code) {
    case ENOENT:
    case ENOTDIR:
      return FailureReason::kDanglingLink;
    case ELOOP:
      return FailureReason::kLinkLoop;
    case EXDEV: {
      if (link.cross_mounts) return FailureReason::kPathEscape;
      // The kernel has one answer for a way out and for a mount on the way.
      FollowedLink across_mounts = link;
      across_mounts.cross_mounts = true;
      const auto across = OpenThrough(across_mounts, O_PATH);
      return across ? FailureReason::kMountPoint : FailureReason::kPathEscape;
    }
    default:
      return ReasonOf(error, Side::kSource);
  }
}

}  // namespace

std::variant<UniqueFd, Failure> OpenFollowed(const FollowedLink& link, uint64_t flags) {
  auto opened = OpenThrough(link, flags);
  if (opened) return std::move(*opened);
  return Failure{ReasonNotFollowed(link, opened.error()), Side::kSource, link.path, opened.error(), false};
}

}  // namespace smartcopy
