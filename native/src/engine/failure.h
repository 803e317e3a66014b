#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "batch_sink.h"
#include "result.h"

namespace smartcopy {

enum class Side : uint8_t { kSource, kDestination };

// Why an entry was not copied, as people and scripts see it.
enum class FailureReason : uint8_t {
  kConflict,
  kDanglingLink,
  kDestinationInsideSource,
  kDotDotInList,
  kIoError,
  kLinkLoop,
  kLinkToDirectory,
  kMediaNotOffered,
  kMetadataNotKept,
  kMountPoint,
  kNameTooLong,
  kNoSpace,
  kNotInSource,
  kNulInList,
  kOutOfMemory,
  kPathEscape,
  kPermissionDenied,
  kQuotaExceeded,
  kReadOnlyFileSystem,
  kSourceChanged,
  kSourceVanished,
  kSpecialFile,
  kSystemError,
  kTooManyLinks,
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
  // Absent when the engine itself judged (SourceChanged, VerifyMismatch, SpecialFile, TypeConflict, MetadataNotKept).
  std::optional<IoError> error;
  bool refused = false;
};

inline Failure SystemFailure(const IoError& error, Side side, std::string path) {
  return Failure{ReasonOf(error, side), side, std::move(path),
                 error.code == 0 ? std::nullopt : std::optional<IoError>(error), false};
}

using FailureSink = BatchSink<Failure>;

// What a step of the work on an entry ended in, when not in success.
using Outcome = std::optional<Failure>;

}  // namespace smartcopy
