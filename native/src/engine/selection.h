#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "glob.h"

namespace smartcopy {

// Which entries of the source are copied.
struct SelectionRules {
  std::vector<Glob> include;
  std::vector<Glob> exclude;
  // Of regular files, both inclusive.
  int64_t min_bytes = 0;
  int64_t max_bytes = std::numeric_limits<int64_t>::max();
};

// An entry as patterns see it. `directory` is relative to the source, empty for its top, and is looked at only where
// `needs_paths` says so.
struct EntryName {
  std::string_view directory;
  std::string_view name;
};

// Answers for each entry whether it is copied. What is excluded is not, whatever includes it; with any include only
// what one of them matches is. Immutable; any thread may ask.
class Selection {
 public:
  explicit Selection(const SelectionRules& rules);

  // Whether some pattern looks at more than names, so that the directory's path must be given.
  bool needs_paths() const { return needs_paths_; }
  // Whether a directory is made only when something goes into it.
  bool makes_on_demand() const { return !rules_.include.empty(); }
  bool limits_sizes() const { return limits_sizes_; }

  // Of a directory: whether anything in it may be copied.
  bool Walks(const EntryName& entry) const;
  // Of anything else, whatever its size.
  bool Copies(const EntryName& entry) const;
  bool HoldsSize(int64_t bytes) const { return bytes >= rules_.min_bytes && bytes <= rules_.max_bytes; }

 private:
  const SelectionRules& rules_;  // the request's, which lives as long as the transfer
  bool needs_paths_ = false;
  bool limits_sizes_ = false;
};

}  // namespace smartcopy
