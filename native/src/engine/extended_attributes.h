#pragma once

#include <sys/types.h>

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "not_kept.h"
#include "result.h"

namespace smartcopy {

// What an extended attribute is, by its name. Names of other namespaces (ceph.*, lustre.*, btrfs.*, and views such as
// system.sockprotoname) say how a file system stores a file; they are nobody's data and are not copied.
enum class XattrKind : uint8_t {
  kForeign,
  kUser,
  kTrusted,
  kSecurity,
  kLabel,       // security.selinux and others that the system gives to every file by itself, never removed
  kCapability,  // security.capability
  kPosixAcl,
  kWindowsAcl,  // what Samba keeps of Windows: security.NTACL
  kOtherAcl,    // NFSv4's and rich ACLs, and the descriptors that drivers of Windows file systems show
};

XattrKind XattrKindOf(std::string_view name);

constexpr bool IsAcl(XattrKind kind) { return kind >= XattrKind::kPosixAcl; }
// Whether only an administrator may have planted it: security.* and trusted.*.
constexpr bool IsPrivileged(XattrKind kind) {
  return kind != XattrKind::kForeign && kind != XattrKind::kUser && kind != XattrKind::kPosixAcl &&
         kind != XattrKind::kOtherAcl;
}
// As what it is told of when it was not kept.
constexpr Attribute AttributeOf(XattrKind kind) {
  if (kind == XattrKind::kCapability) return Attribute::kCapability;
  return IsAcl(kind) ? Attribute::kAcl : Attribute::kXattr;
}

inline constexpr const char* kAccessAcl = "system.posix_acl_access";
inline constexpr const char* kDefaultAcl = "system.posix_acl_default";

// Attributes that the driver of such a file system answers to but does not list, most complete first: all say the same.
std::span<const char* const> HiddenXattrs(long file_system_type);

// What the owning group itself may do according to an access ACL, as three mode bits: the group bits of a file with an
// ACL are the most that anybody named in it may do. Nothing when it cannot be read.
std::optional<mode_t> OwningGroupIn(std::string_view access_acl);

// Whether an answer about extended attributes means that there are none on that file system.
constexpr bool MeansNoXattrs(int code) { return code == EOPNOTSUPP || code == ENOSYS; }

// An answer of unknown length: in the room of its owner unless it is long.
template <size_t kUsual>
class Answer {
 public:
  // `ask(char*, size_t)` answers a length or a negative errno, -ERANGE when there is too little room.
  template <typename Ask>
  std::optional<IoError> Fill(Syscall call, Ask ask) {
    constexpr size_t kLongest = 65'536;  // of a list and of a value alike (XATTR_LIST_MAX, XATTR_SIZE_MAX)
    long length = ask(usual_.data(), usual_.size());
    const char* at = usual_.data();
    if (length == -ERANGE) {
      long_.resize(kLongest);
      length = ask(long_.data(), long_.size());
      at = long_.data();
    }
    bytes_ = {at, length < 0 ? 0 : static_cast<size_t>(length)};
    return ErrorOf(length, call);
  }
  std::string_view bytes() const { return bytes_; }

 private:
  std::array<char, kUsual> usual_;  // not cleared: filled for every file
  std::vector<char> long_;
  std::string_view bytes_;
};

// Visits the names in a list of attributes, each ended by a NUL; one that is not is left out.
template <typename Visit>
void ForEachName(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const auto end = list.find('\0');
    if (end == std::string_view::npos) return;
    visit(list.data());
    list.remove_prefix(end + 1);
  }
}

// The names of an entry's attributes, as its file system lists them.
class XattrNames {
 public:
  std::optional<IoError> Read(int fd) {
    return list_.Fill(Syscall::kFlistxattr, [&](char* into, size_t room) { return sys::Flistxattr(fd, into, room); });
  }
  // Of an entry that is not open.
  std::optional<IoError> ReadAt(int directory, const char* name) {
    return list_.Fill(Syscall::kLlistxattr,
                      [&](char* into, size_t room) { return sys::Llistxattr(directory, name, into, room); });
  }
  bool Has(std::string_view name) const {
    bool found = false;
    ForEach([&](const char* one) { found = found || name == one; });
    return found;
  }
  template <typename Visit>
  void ForEach(Visit visit) const {
    ForEachName(list_.bytes(), visit);
  }

 private:
  Answer<1024> list_;
};

// The value of one attribute.
class XattrValue {
 public:
  std::optional<IoError> Read(int fd, const char* name) {
    return value_.Fill(Syscall::kFgetxattr,
                       [&](char* into, size_t room) { return sys::Fgetxattr(fd, name, into, room); });
  }
  std::string_view bytes() const { return value_.bytes(); }

 private:
  Answer<1024> value_;
};

}  // namespace smartcopy
