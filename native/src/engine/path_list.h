#pragma once

#include <optional>
#include <string>
#include <vector>

#include "failure.h"
#include "transfer.h"

namespace smartcopy {

// One line of a list of paths.
struct ListedPath {
  std::string text;  // as it was written
  // Of the path below the source, without empty and "." ones. None: the source itself.
  std::vector<std::string> components;
  // It ended in a slash: everything below is meant.
  bool with_contents = false;
  // Why it is no path that can be copied; then there are no components, and the text may be its beginning alone.
  std::optional<FailureReason> refused;
};

// Reads a list of paths, one at a time: lines, or ended by NUL. Empty ones are passed over. Used by one thread.
class PathListReader {
 public:
  PathListReader(const PathList& list, ControlBlock control) : list_(list), control_(control) {}

  // Nothing at the end of the list. ECANCELED when the transfer was cancelled while nothing came.
  Result<std::optional<ListedPath>> Next();

 private:
  std::optional<IoError> ReadMore();

  const PathList list_;
  const ControlBlock control_;
  std::string read_;
  size_t at_ = 0;
  bool ended_ = false;
  bool skipping_ = false;  // the rest of a path that was too long
};

}  // namespace smartcopy
