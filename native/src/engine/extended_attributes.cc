#include "extended_attributes.h"

#include <errno.h>
#include <linux/magic.h>

#include <algorithm>
#include <cstring>

namespace smartcopy {
namespace {

// Not in linux/magic.h of every release, from the file systems' own sources.
constexpr long kNtfs3Magic = 0x7366746e;
constexpr long kCifsMagic = 0xFF534D42;
constexpr long kSmb2Magic = 0xFE534D42;
constexpr long kFuseMagic = 0x65735546;

// ntfs-3g; ntfs3 of the kernel; Samba shares: with owner, both lists and audit, without audit, the list of rights
// alone.
constexpr std::array kNtfs3gNames = {"system.ntfs_acl"};
constexpr std::array kNtfs3Names = {"system.ntfs_security"};
constexpr std::array kCifsNames = {"system.cifs_ntsd_full", "system.cifs_ntsd", "system.cifs_acl"};

// Other ACLs that file systems list or answer to.
constexpr std::array<std::string_view, 10> kOtherAcls = {
    "system.nfs4_acl",      "system.nfs4_dacl",      "system.nfs4_sacl", "system.richacl",        "system.ntfs_acl",
    "system.ntfs_security", "system.cifs_ntsd_full", "system.cifs_ntsd", "system.smb3_ntsd_full", "system.cifs_acl"};

}  // namespace

XattrKind XattrKindOf(std::string_view name) {
  if (name.starts_with("user.")) return XattrKind::kUser;
  // XFS shows its ACLs a second time, as it stores them.
  if (name == "trusted.SGI_ACL_FILE" || name == "trusted.SGI_ACL_DEFAULT") return XattrKind::kForeign;
  if (name.starts_with("trusted.")) return XattrKind::kTrusted;
  if (name == kAccessAcl || name == kDefaultAcl) return XattrKind::kPosixAcl;
  if (std::find(kOtherAcls.begin(), kOtherAcls.end(), name) != kOtherAcls.end()) return XattrKind::kOtherAcl;
  if (!name.starts_with("security.")) return XattrKind::kForeign;
  if (name == "security.capability") return XattrKind::kCapability;
  if (name == "security.NTACL") return XattrKind::kWindowsAcl;
  const auto label = name.substr(std::strlen("security."));
  const bool is_label = label == "selinux" || label == "ima" || label == "evm" || label.starts_with("SMACK64");
  return is_label ? XattrKind::kLabel : XattrKind::kSecurity;
}

std::span<const char* const> HiddenXattrs(long file_system_type) {
  switch (static_cast<uint32_t>(file_system_type)) {
    case static_cast<uint32_t>(kFuseMagic):
      return kNtfs3gNames;
    case static_cast<uint32_t>(kNtfs3Magic):
      return kNtfs3Names;
    case static_cast<uint32_t>(kCifsMagic):
    case static_cast<uint32_t>(kSmb2Magic):
      return kCifsNames;
    default:
      return {};
  }
}

std::optional<mode_t> OwningGroupIn(std::string_view access_acl) {
  // linux/posix_acl_xattr.h: a version, then entries of tag, rights and id, all little-endian.
  constexpr size_t kHeader = 4;
  constexpr size_t kEntry = 8;
  constexpr uint16_t kGroupObject = 0x04;
  const auto number = [&](size_t at) {
    return static_cast<uint16_t>(static_cast<uint8_t>(access_acl[at]) | static_cast<uint8_t>(access_acl[at + 1]) << 8);
  };
  for (size_t at = kHeader; at + kEntry <= access_acl.size(); at += kEntry) {
    if (number(at) == kGroupObject) return static_cast<mode_t>(number(at + 2) & 07) << 3;
  }
  return std::nullopt;
}

}  // namespace smartcopy
