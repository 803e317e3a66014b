#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace smartcopy {

// What of an entry a copy may be without although its content is complete.
enum class Attribute : uint8_t {
  kOwner,
  kMode,
  kSetuid,  // the setuid and setgid bits
  kXattr,
  kCapability,  // the capabilities that a program gets: security.capability
  kAcl,         // POSIX, NFSv4 and Windows
  kTime,
  kSpecialFile,
};

const char* AttributeName(Attribute attribute);

// One kind of what was not kept, with the first entry it befell. A code of 0: no system call failed, it was left out or
// the file system keeps something else.
struct NotKept {
  Attribute what{};
  int code = 0;
  int64_t count = 0;
  std::string path;
};

// Counts what was not kept. Thread-safe; bounded by the kinds that there are, however many entries.
class NotKeptCounts {
 public:
  // `path` is asked for the first of each kind alone.
  template <typename Path>
  void Add(Attribute what, int code, Path path) {
    const std::lock_guard lock(mutex_);
    auto& kind = kinds_[{what, code}];
    if (kind.count++ == 0) kind = {what, code, 1, path()};
  }
  std::vector<NotKept> Take() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<Attribute, int>, NotKept> kinds_;
};

}  // namespace smartcopy
