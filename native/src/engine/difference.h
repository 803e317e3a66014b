#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <variant>

#include "failure.h"

namespace smartcopy {

// How an entry differs between two trees.
enum class DifferenceKind : uint8_t {
  kMissing,  // the destination lacks it, and whatever may be in it
  kExtra,    // the source lacks it
  kType,     // or they are devices of different numbers
  kSize,     // and so the content too, which is not read then
  kContent,
  kMode,
  kOwner,
  kTime,
  kXattr,
  kLink,  // a symbolic link's target, or which names are one file
  kCount,
};

inline constexpr size_t kDifferenceKindCount = static_cast<size_t>(DifferenceKind::kCount);
inline constexpr std::array<const char*, kDifferenceKindCount> kDifferenceKindNames = {
    "missing", "extra", "type", "size", "content", "mode", "owner", "time", "xattr", "link"};

inline const char* DifferenceKindName(DifferenceKind kind) { return kDifferenceKindNames[static_cast<size_t>(kind)]; }

using DifferenceKinds = std::bitset<kDifferenceKindCount>;

// One difference. `path` is relative to both trees; it and the rest may hold any bytes.
struct Difference {
  DifferenceKind kind{};
  std::string path;
  // What each side has: a type, size, digest, mode, owner, time, target, or the first bytes of an attribute's value. Of
  // names that are one file on one side alone, the other name, on that side.
  std::string source;
  std::string destination;
  // The attribute's name.
  std::string attribute = {};
};

// What a comparison tells of: a difference, or an entry that could not be compared.
using Finding = std::variant<Failure, Difference>;
using FindingSink = BatchSink<Finding>;

}  // namespace smartcopy
