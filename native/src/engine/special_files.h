#pragma once

#include "entries.h"
#include "metadata.h"

namespace smartcopy {

// Makes FIFOs, sockets and devices anew, with everything that can be kept of them. Thread-safe.
class SpecialFileCopier {
 public:
  SpecialFileCopier(Transfer& transfer, Entries& entries) : transfer_(transfer), entries_(entries) {}

  // Whether the request copies any at all; what it does not is refused by name.
  static bool Copies(const CopyRequest& request) { return request.preserve.special_files && request.keep_devices; }
  // Names one that is not copied.
  void Refuse(const Directory& directory, const char* name);

  // Handles an entry whose directory counts it as pending; ends with the listener's word.
  void Copy(FileTask task, const OpenDirectory& open);

 private:
  void CopyOpened(const FileTask& task, const OpenDirectory& open, int source, const struct stat& source_stat);
  Result<UniqueFd> Make(const FileTask& task, const OpenDirectory& open, const struct stat& source);
  Outcome KeepAll(const FileTask& task, const MetadataEnds& ends);

  Transfer& transfer_;
  Entries& entries_;
};

}  // namespace smartcopy
