#pragma once

#include <string>

#include "entries.h"

namespace smartcopy {

Result<std::string> ReadTarget(int directory, const char* name);

// Copies symbolic links: their target, owner and times. Thread-safe.
class SymbolicLinkCopier {
 public:
  SymbolicLinkCopier(Transfer& transfer, Entries& entries) : transfer_(transfer), entries_(entries) {}

  // Handles an entry whose directory counts it as pending; ends with the listener's word.
  void Copy(FileTask task, const OpenDirectory& open);

 private:
  // What the destination has by that name is the link already, but perhaps for its owner and times.
  std::optional<IoError> Mend(const FileTask& task, const OpenDirectory& open, const struct stat& source);
  Result<FileId> Make(const FileTask& task, const OpenDirectory& open, const struct stat& source, const char* target);
  Result<FileId> KeepMetadata(int directory, const char* name, const struct stat& source);

  Transfer& transfer_;
  Entries& entries_;
};

}  // namespace smartcopy
