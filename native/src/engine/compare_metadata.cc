#include "compare_metadata.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdio>
#include <map>

namespace smartcopy {
namespace {

// Of a value, this much is shown; what differs may come later.
constexpr size_t kShownValueBytes = 64;

std::string ModeText(const struct stat& of) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", of.st_mode & 07777);
  return text.data();
}

std::string OwnerText(const struct stat& of) { return std::to_string(of.st_uid) + ":" + std::to_string(of.st_gid); }

// Seconds since 1970, with all nanoseconds: the next day may differ by the last of them alone.
std::string TimeText(const struct stat& of) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%lld.%09ld", static_cast<long long>(of.st_mtim.tv_sec), of.st_mtim.tv_nsec);
  return text.data();
}

// Calls until what it answers fits: the attribute may grow in between. The answer of the last call.
template <typename Call>
long ReadGrowing(std::string& into, Call call) {
  for (;;) {
    long length = call(nullptr, 0);
    if (length > 0) {
      into.resize(static_cast<size_t>(length));
      length = call(into.data(), into.size());
    }
    if (length == -ERANGE) continue;
    into.resize(static_cast<size_t>(std::max(length, 0L)));
    return length;
  }
}

using Xattrs = std::map<std::string, std::string>;

Result<Xattrs> ReadXattrs(const XattrPlace& place) {
  Xattrs all;
  std::string names;
  const long listed = ReadGrowing(names, [&](char* into, size_t length) {
    return place.name == nullptr ? sys::Flistxattr(place.fd, into, length)
                                 : sys::Llistxattr(place.fd, place.name, into, length);
  });
  if (listed == -EOPNOTSUPP) return all;  // attributes are not offered there, so there are none
  if (auto error = ErrorOf(listed, place.name == nullptr ? Syscall::kFlistxattr : Syscall::kLlistxattr)) return *error;
  for (size_t at = 0; at < names.size();) {
    const char* const name = names.data() + at;
    at += std::char_traits<char>::length(name) + 1;
    std::string value;
    const long got = ReadGrowing(value, [&](char* into, size_t length) {
      return place.name == nullptr ? sys::Fgetxattr(place.fd, name, into, length)
                                   : sys::Lgetxattr(place.fd, place.name, name, into, length);
    });
    if (got == -ENODATA) continue;  // removed meanwhile
    if (auto error = ErrorOf(got, place.name == nullptr ? Syscall::kFgetxattr : Syscall::kLgetxattr)) return *error;
    all.emplace(name, std::move(value));
  }
  return all;
}

std::string Shown(const Xattrs& attributes, const std::string& name) {
  const auto found = attributes.find(name);
  if (found == attributes.end()) return "absent";
  return std::to_string(found->second.size()) + " bytes: " + found->second.substr(0, kShownValueBytes);
}

}  // namespace

std::string TypeText(const struct stat& of) {
  const std::string numbers = " " + std::to_string(major(of.st_rdev)) + ":" + std::to_string(minor(of.st_rdev));
  switch (of.st_mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symbolic link";
    case S_IFIFO:
      return "FIFO";
    case S_IFSOCK:
      return "socket";
    case S_IFBLK:
      return "block device" + numbers;
    case S_IFCHR:
      return "character device" + numbers;
  }
  return "entry of an unknown type";
}

void CompareAttributes(Comparison& comparison, const EntrySides& sides) {
  const auto& [path, source, destination] = sides;
  // The mode of a symbolic link means nothing, and cannot be set.
  if (!S_ISLNK(source.st_mode) && (source.st_mode & 07777) != (destination.st_mode & 07777))
    comparison.Report({DifferenceKind::kMode, path, ModeText(source), ModeText(destination)});
  if (source.st_uid != destination.st_uid || source.st_gid != destination.st_gid)
    comparison.Report({DifferenceKind::kOwner, path, OwnerText(source), OwnerText(destination)});
  if (!SameTime(source.st_mtim, destination.st_mtim))
    comparison.Report({DifferenceKind::kTime, path, TimeText(source), TimeText(destination)});
}

void CompareXattrs(Comparison& comparison, const std::string& path, const XattrPlace& source,
                   const XattrPlace& destination) {
  if (!comparison.Looks(DifferenceKind::kXattr)) return;
  auto here = ReadXattrs(source);
  if (!here) return comparison.Fail(here.error(), Side::kSource, path);
  auto there = ReadXattrs(destination);
  if (!there) return comparison.Fail(there.error(), Side::kDestination, path);
  if (*here == *there) return;
  Xattrs names = *here;
  names.insert(there->begin(), there->end());
  for (const auto& [name, _] : names) {
    const auto one = here->find(name);
    const auto other = there->find(name);
    const bool same = one != here->end() && other != there->end() && one->second == other->second;
    if (!same) comparison.Report({DifferenceKind::kXattr, path, Shown(*here, name), Shown(*there, name), name});
  }
}

}  // namespace smartcopy
