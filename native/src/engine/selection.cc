#include "selection.h"

#include <algorithm>
#include <string>

namespace smartcopy {
namespace {

std::string PathOf(const EntryName& entry) {
  std::string path(entry.directory);
  if (!path.empty()) path += '/';
  return path += entry.name;
}

bool AnyMatches(const std::vector<Glob>& globs, std::string_view path, const EntryName& entry, bool is_directory) {
  return std::any_of(globs.begin(), globs.end(),
                     [&](const Glob& glob) { return glob.Matches(path, entry.name, is_directory); });
}

}  // namespace

Selection::Selection(const SelectionRules& rules) : rules_(rules) {
  const auto looks_at_path = [](const Glob& glob) { return glob.needs_path(); };
  needs_paths_ = std::any_of(rules.include.begin(), rules.include.end(), looks_at_path) ||
                 std::any_of(rules.exclude.begin(), rules.exclude.end(), looks_at_path);
  limits_sizes_ = rules.min_bytes > 0 || rules.max_bytes < std::numeric_limits<int64_t>::max();
}

bool Selection::Walks(const EntryName& entry) const {
  if (rules_.include.empty() && rules_.exclude.empty()) return true;
  const std::string path = needs_paths_ ? PathOf(entry) : std::string();
  if (AnyMatches(rules_.exclude, path, entry, true)) return false;
  return rules_.include.empty() || std::any_of(rules_.include.begin(), rules_.include.end(),
                                               [&](const Glob& glob) { return glob.MayMatchBelow(path); });
}

bool Selection::Copies(const EntryName& entry) const {
  if (rules_.include.empty() && rules_.exclude.empty()) return true;
  const std::string path = needs_paths_ ? PathOf(entry) : std::string();
  if (AnyMatches(rules_.exclude, path, entry, false)) return false;
  return rules_.include.empty() || AnyMatches(rules_.include, path, entry, false);
}

}  // namespace smartcopy
