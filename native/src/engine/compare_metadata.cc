#include "compare_metadata.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdio>
#include <set>

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

// Attributes are not offered there, so there are none.
bool HasNone(const IoError& error) { return error.code == EOPNOTSUPP; }

Result<std::set<std::string>> ListXattrs(const XattrPlace& place) {
  std::string names;
  for (;;) {
    const auto list = [&](char* into, size_t length) {
      return place.name == nullptr ? sys::ListXattrs(place.fd, into, length)
                                   : sys::ListXattrsAt(place.fd, place.name, into, length);
    };
    long length = list(nullptr, 0);
    if (length > 0) {
      names.resize(static_cast<size_t>(length));
      length = list(names.data(), names.size());
      if (length == -ERANGE) continue;  // one was added meanwhile
    }
    if (auto error = ErrorOf(length, Syscall::kListxattr)) {
      if (HasNone(*error)) return std::set<std::string>();
      return *error;
    }
    names.resize(static_cast<size_t>(length));
    break;
  }
  std::set<std::string> all;
  for (size_t at = 0; at < names.size(); at += std::char_traits<char>::length(names.data() + at) + 1)
    all.emplace(names.data() + at);
  return all;
}

// Nothing when it was removed meanwhile.
Result<std::optional<std::string>> GetXattr(const XattrPlace& place, const std::string& name) {
  std::string value;
  for (;;) {
    const auto get = [&](void* into, size_t length) {
      return place.name == nullptr ? sys::GetXattr(place.fd, name.c_str(), into, length)
                                   : sys::GetXattrAt(place.fd, place.name, name.c_str(), into, length);
    };
    long length = get(nullptr, 0);
    if (length > 0) {
      value.resize(static_cast<size_t>(length));
      length = get(value.data(), value.size());
      if (length == -ERANGE) continue;
    }
    if (length == -ENODATA) return std::optional<std::string>();
    if (auto error = ErrorOf(length, Syscall::kGetxattr)) return *error;
    value.resize(static_cast<size_t>(length));
    return std::optional(std::move(value));
  }
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
  auto here = ListXattrs(source);
  if (!here) return comparison.Fail(here.error(), Side::kSource, path);
  auto there = ListXattrs(destination);
  if (!there) return comparison.Fail(there.error(), Side::kDestination, path);
  std::set<std::string> names = *here;
  names.insert(there->begin(), there->end());
  for (const auto& name : names) {
    Result<std::optional<std::string>> values[2] = {std::optional<std::string>(), std::optional<std::string>()};
    if (here->contains(name)) values[0] = GetXattr(source, name);
    if (!values[0]) return comparison.Fail(values[0].error(), Side::kSource, path);
    if (there->contains(name)) values[1] = GetXattr(destination, name);
    if (!values[1]) return comparison.Fail(values[1].error(), Side::kDestination, path);
    if (*values[0] == *values[1]) continue;
    const auto shown = [](const std::optional<std::string>& value) {
      return value ? std::to_string(value->size()) + " bytes: " + value->substr(0, kShownValueBytes)
                   : std::string("absent");
    };
    comparison.Report({DifferenceKind::kXattr, path, shown(*values[0]), shown(*values[1]), name});
  }
}

}  // namespace smartcopy
