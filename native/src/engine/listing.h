#pragma once

#include <dirent.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "result.h"

namespace smartcopy {

// The names in one directory, without "." and "..", in the order in which the kernel gave them. Immutable once read, so
// several threads may work through it.
class Listing {
 public:
  struct Entry {
    const char* name;
    uint8_t type;  // DT_*; DT_UNKNOWN where the file system does not say
  };

  // Reads the whole directory, from where it is, through `buffer`, which must hold at least one entry (a name of 255
  // bytes). After an error the directory is at its beginning.
  static Result<Listing> Read(int directory, std::span<std::byte> buffer);
  // Adds what one getdents64 gave. False when that is not a sequence of entries with a name each: the kernel checks
  // what comes from a disk or a FUSE server, not every version of it checks everything.
  bool Add(std::span<const std::byte> given);

  size_t size() const { return entries_.size(); }
  Entry operator[](size_t index) const { return {names_.data() + entries_[index].offset, entries_[index].type}; }

 private:
  struct Packed {
    size_t offset = 0;
    uint8_t type = DT_UNKNOWN;
  };

  std::string names_;  // each ended by a NUL
  std::vector<Packed> entries_;
};

}  // namespace smartcopy
