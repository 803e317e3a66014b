#pragma once

#include <utility>

#include "copy_strategy.h"
#include "direct_probe.h"

namespace smartcopy {

// Moves the content of files, each by the way that suits it. Thread-safe; what concerns a single file lies in its plan.
class ContentCopier {
 public:
  explicit ContentCopier(Transfer& transfer)
      : transfer_(transfer),
        capabilities_(transfer),
        reflink_(transfer, capabilities_),
        copy_file_range_(transfer, capabilities_),
        mapped_(transfer, capabilities_),
        ring_(transfer),
        read_write_(transfer) {}

  // Settles how the file is moved, and asks for no more than that takes. `destination_type` is what statfs calls its
  // file system. Whoever finds `wants_direct` then opens the direct files.
  Result<ContentChoice> Choose(const ContentCopy& file, const struct stat& source, long destination_type);
  static bool WantsDirect(const ContentChoice& choice) { return choice.is_direct || choice.is_probed; }

  // Shares the content instead of moving it: how much, or nothing when that is not offered.
  Result<std::optional<off_t>> Share(const ContentCopy& file, const Watch& watch);
  // Moves everything, on this thread.
  Result<off_t> Copy(const ContentCopy& file, const Watch& watch);
  // Moves the half-open range, holes as the plan says; several ranges may be moved at once. The count is short when the
  // source ends early.
  Result<off_t> CopyRange(const ContentCopy& file, Range range, const Watch& watch);

 private:
  Result<ContentFacts> FactsOf(const ContentCopy& file, const struct stat& source, long destination_type);
  void CountUnmet(const ContentChoice& choice, const ContentFacts& facts);
  Result<off_t> PassHole(const ContentCopy& file, Range hole, const Watch& watch);
  Result<off_t> CopyData(const ContentCopy& file, Range range, const Watch& watch);
  Result<off_t> CopyProbed(const ContentCopy& file, Range range, const Watch& watch);
  CopyStrategy& WayOf(Method method);
  // Asks the kernel to write the range out, and to forget what is written.
  std::optional<IoError> SpareCache(const ContentCopy& file, Range range, bool waits);

  Transfer& transfer_;
  Capabilities capabilities_;
  ReflinkCopy reflink_;
  CopyFileRangeCopy copy_file_range_;
  MappedCopy mapped_;
  RingCopy ring_;
  ReadWriteCopy read_write_;
  std::mutex mutex_;
  std::map<std::pair<dev_t, dev_t>, DirectProbe> probes_;
};

}  // namespace smartcopy
