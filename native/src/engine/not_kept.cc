#include "not_kept.h"

namespace smartcopy {

const char* AttributeName(Attribute attribute) {
  switch (attribute) {
    case Attribute::kOwner:
      return "owner";
    case Attribute::kMode:
      return "mode";
    case Attribute::kSetuid:
      return "setuid";
    case Attribute::kXattr:
      return "xattr";
    case Attribute::kCapability:
      return "capability";
    case Attribute::kAcl:
      return "acl";
    case Attribute::kTime:
      return "time";
    case Attribute::kSpecialFile:
      return "specialFile";
  }
  return "xattr";
}

std::vector<NotKept> NotKeptCounts::Take() const {
  const std::lock_guard lock(mutex_);
  std::vector<NotKept> all;
  for (const auto& [key, kind] : kinds_) all.push_back(kind);
  return all;
}

}  // namespace smartcopy
