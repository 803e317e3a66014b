#include "failure.h"

#include <errno.h>

#include <algorithm>
#include <array>

namespace smartcopy {

const char* FailureReasonName(FailureReason reason) {
  switch (reason) {
    case FailureReason::kConflict:
      return "Conflict";
    case FailureReason::kDanglingLink:
      return "DanglingLink";
    case FailureReason::kDestinationInsideSource:
      return "DestinationInsideSource";
    case FailureReason::kDotDotInList:
      return "DotDotInList";
    case FailureReason::kIoError:
      return "IoError";
    case FailureReason::kLinkLoop:
      return "LinkLoop";
    case FailureReason::kLinkToDirectory:
      return "LinkToDirectory";
    case FailureReason::kMediaNotOffered:
      return "MediaNotOffered";
    case FailureReason::kMetadataNotKept:
      return "MetadataNotKept";
    case FailureReason::kMountPoint:
      return "MountPoint";
    case FailureReason::kNameTooLong:
      return "NameTooLong";
    case FailureReason::kNoSpace:
      return "NoSpace";
    case FailureReason::kNotInSource:
      return "NotInSource";
    case FailureReason::kNulInList:
      return "NulInList";
    case FailureReason::kOutOfMemory:
      return "OutOfMemory";
    case FailureReason::kPathEscape:
      return "PathEscape";
    case FailureReason::kPermissionDenied:
      return "PermissionDenied";
    case FailureReason::kQuotaExceeded:
      return "QuotaExceeded";
    case FailureReason::kReadOnlyFileSystem:
      return "ReadOnlyFileSystem";
    case FailureReason::kSourceChanged:
      return "SourceChanged";
    case FailureReason::kSourceVanished:
      return "SourceVanished";
    case FailureReason::kSpecialFile:
      return "SpecialFile";
    case FailureReason::kSystemError:
      return "SystemError";
    case FailureReason::kTooManyLinks:
      return "TooManyLinks";
    case FailureReason::kTooManyOpenFiles:
      return "TooManyOpenFiles";
    case FailureReason::kTypeConflict:
      return "TypeConflict";
    case FailureReason::kVerifyMismatch:
      return "VerifyMismatch";
  }
  return "SystemError";
}

FailureReason ReasonOf(const IoError& error, Side side) {
  if (error.loses_metadata) return FailureReason::kMetadataNotKept;
  switch (error.code) {
    case EACCES:
    case EPERM:
      return FailureReason::kPermissionDenied;
    case EDQUOT:
      return FailureReason::kQuotaExceeded;
    case EIO:
      return FailureReason::kIoError;
    // RESOLVE_NO_SYMLINKS: somebody put a link in the way.
    case ELOOP:
      return FailureReason::kPathEscape;
    // RESOLVE_NO_XDEV; RESOLVE_BENEATH answers the same for a way out, but a single component has none.
    case EXDEV:
      return error.call == Syscall::kOpenat2 ? FailureReason::kMountPoint : FailureReason::kSystemError;
    case EMFILE:
    case ENFILE:
      return FailureReason::kTooManyOpenFiles;
    case ENAMETOOLONG:
      return FailureReason::kNameTooLong;
    case ENOENT:
    case ESTALE:
      return side == Side::kSource ? FailureReason::kSourceVanished : FailureReason::kSystemError;
    case ENOMEM:
      return FailureReason::kOutOfMemory;
    case ENOSPC:
      return FailureReason::kNoSpace;
    // In a directory that this run made: two names of the source are one here.
    case EEXIST:
    case EISDIR:
    case ENOTDIR:
      return FailureReason::kTypeConflict;
    case EROFS:
      return FailureReason::kReadOnlyFileSystem;
    default:
      return FailureReason::kSystemError;
  }
}

bool IsTransient(const Failure& failure) {
  static constexpr std::array kCodes = {EAGAIN,   EBUSY,       ETIMEDOUT, ESTALE,       EINTR,
                                        EMFILE,   ENFILE,      ENOLCK,    ECONNRESET,   ECONNABORTED,
                                        ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, EREMOTEIO};
  return failure.error && std::find(kCodes.begin(), kCodes.end(), failure.error->code) != kCodes.end();
}

}  // namespace smartcopy
