#pragma once

#include <errno.h>

#include <array>
#include <atomic>

#include "difference.h"
#include "transfer.h"

namespace smartcopy {

// Which trees to compare, and in what. Plain data, validated by whoever made it.
struct CompareRequest {
  RootedPath source;
  RootedPath destination;
  size_t thread_count = 1;
  size_t buffer_bytes = size_t{1} << 20;
  DigestAlgorithm digest = DigestAlgorithm::kXxh3;
  // Not looked at and not reported.
  DifferenceKinds ignored;
  bool cross_mounts = false;
  // Receives the digest of every file of the source that was read; not closed. -1: none.
  int digests_fd = -1;
  // A file longer than this is read by several threads. A power of two.
  off_t range_bytes = off_t{16} << 20;
};

// What all parts of one running comparison share. Every member is thread-safe.
struct Comparison {
  Comparison(const CompareRequest& asked, ControlBlock block, FindingSink& findings, size_t directory_pairs)
      : request(asked),
        control(block),
        sink(findings),
        directories({asked.cross_mounts, false}, directory_pairs),
        digest_lines(asked.digests_fd) {}

  const CompareRequest request;
  const ControlBlock control;
  FindingSink& sink;
  DirectoryTable directories;
  DigestLines digest_lines;
  std::array<std::atomic<int64_t>, kDifferenceKindCount> counts{};

  bool Looks(DifferenceKind kind) const { return !request.ignored[static_cast<size_t>(kind)]; }

  void Report(Difference difference) {
    if (!Looks(difference.kind)) return;
    counts[static_cast<size_t>(difference.kind)].fetch_add(1, std::memory_order_relaxed);
    sink.Report(std::move(difference));
  }

  // An entry that was given up because of a cancel is no failure.
  void Fail(Failure failure) {
    if (failure.error && failure.error->code == ECANCELED && control.cancelled()) return;
    control.Add(Word::kFilesFailed, 1);
    sink.Report(std::move(failure));
  }
  void Fail(const IoError& error, Side side, const std::string& path) { Fail(SystemFailure(error, side, path)); }
};

}  // namespace smartcopy
