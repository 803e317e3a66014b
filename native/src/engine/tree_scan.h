#pragma once

#include <set>

#include "transfer.h"

namespace smartcopy {

// Walks the source once and publishes its totals in the control block while the copy runs, so that progress has an end
// to compare with. Counts as the copy does: names that are no directories and are selected, and the bytes of each inode
// once. Gives up (leaving the totals to the copy) on a tree deeper than its descriptors reach, and on anything it
// cannot read.
class TreeScan {
 public:
  TreeScan(Transfer& transfer, int source) : transfer_(transfer), source_(source) {}

  void Run();
  // Makes Run end soon; callable from another thread.
  void Stop() { stopped_.store(true); }

 private:
  bool ScanDirectory(int directory, const std::string& path);

  Transfer& transfer_;
  const int source_;
  std::atomic<bool> stopped_{false};
  size_t depth_ = 0;
  Buffer buffer_;
  std::set<FileId> linked_;
};

}  // namespace smartcopy
