#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "result.h"

namespace smartcopy {

enum class Side : uint8_t { kSource, kDestination };

// Why an entry was not copied, as people and scripts see it.
enum class FailureReason : uint8_t {
  kConflict,
  kDanglingLink,
  kDestinationInsideSource,
  kIoError,
  kLinkLoop,
  kMountPoint,
  kNameTooLong,
  kNoSpace,
  kNotInSource,
  kOutOfMemory,
  kPathEscape,
  kPermissionDenied,
  kQuotaExceeded,
  kReadOnlyFileSystem,
  kSourceChanged,
  kSourceVanished,
  kSpecialFile,
  kSystemError,
  kTooManyOpenFiles,
  kTypeConflict,
  kVerifyMismatch,
};

const char* FailureReasonName(FailureReason reason);

// What an error of a system call on one side of the copy means.
FailureReason ReasonOf(const IoError& error, Side side);

struct Failure;
// Whether it may pass by itself: somebody holds what was wanted, or a server or the network was away for a moment. What
// a disk or a quota said (EIO, ENOSPC, EDQUOT) and what was out of memory stays so.
bool IsTransient(const Failure& failure);

// One entry that was not copied. `path` is relative to the transfer's directory on that side and may hold any bytes.
struct Failure {
  FailureReason reason{};
  Side side{};
  std::string path;
  // Absent when the engine itself judged (SourceChanged, VerifyMismatch, SpecialFile, TypeConflict).
  std::optional<IoError> error;
  bool refused = false;
};

inline Failure SystemFailure(const IoError& error, Side side, std::string path) {
  return Failure{ReasonOf(error, side), side, std::move(path), error, false};
}

// Carries failures from engine threads to the caller, in batches. Thread-safe.
// Bounded: once kMostUndelivered failures wait, reporting threads wait too, so that a tree of unreadable files cannot
// fill the memory faster than somebody writes its names down.
class FailureSink {
 public:
  // Called from engine threads when the first failure of a batch arrives; the receiver then calls Take, on any thread.
  explicit FailureSink(std::function<void()> notify) : notify_(std::move(notify)) {}

  void Report(Failure failure);
  std::vector<Failure> Take();
  // Nobody takes failures any more: what waits and what comes is dropped, so that no thread waits for ever.
  void Discard();

 private:
  static constexpr size_t kMostUndelivered = 10'000;

  const std::function<void()> notify_;
  std::mutex mutex_;
  std::condition_variable taken_;
  std::vector<Failure> waiting_;
  bool discarding_ = false;
};

}  // namespace smartcopy
