#pragma once

#include <string>

#include "entries.h"

namespace smartcopy {

Result<std::string> ReadTarget(int directory, const char* name);

// Copies symbolic links: their target, owner, extended attributes and times. Thread-safe.
class SymbolicLinkCopier {
 public:
  SymbolicLinkCopier(Transfer& transfer, Entries& entries) : transfer_(transfer), entries_(entries) {}

  // Handles an entry whose directory counts it as pending; ends with the listener's word.
  void Copy(FileTask task, const OpenDirectory& open);

 private:
  // The source, and the target it had.
  struct Link {
    const struct stat& source;
    const char* target;
  };
  // The source, and what has its name and target already.
  struct Equal {
    const struct stat& source;
    const struct stat& found;
    bool& mended;  // set to false where it has to be made anew
  };
  // The source, and the name that its copy has now.
  struct Present {
    const struct stat& source;
    const char* name;
    bool* mended;  // null: just made; else set to false where it may not be changed, and something differs
  };

  // What the destination has by that name is the link already, but perhaps for its metadata.
  Outcome Mend(const FileTask& task, const OpenDirectory& open, const Equal& equal);
  bool HasOwnerAndTime(const struct stat& source, const struct stat& found) const;
  Outcome Make(const FileTask& task, const OpenDirectory& open, const Link& link, FileId& made);
  Outcome KeepAll(const FileTask& task, const OpenDirectory& open, const Present& present, FileId& id);

  Transfer& transfer_;
  Entries& entries_;
};

}  // namespace smartcopy
