#include "symbolic_links.h"

#include <errno.h>
#include <limits.h>

#include <array>

namespace smartcopy {
namespace {

Result<std::string> ReadTarget(int directory, const char* name) {
  std::array<char, PATH_MAX> target{};
  const long length = sys::Readlinkat(directory, name, target.data(), target.size());
  if (auto error = ErrorOf(length, Syscall::kReadlinkat)) return *error;
  return std::string(target.data(), static_cast<size_t>(length));
}

}  // namespace

void SymbolicLinkCopier::Copy(FileTask task, const OpenDirectory& open) {
  auto source = StatBeneath(open.source.get(), task.source_name.c_str());
  if (!source) return entries_.FailAtSource(task, source.error());
  if (!S_ISLNK(source->st_mode)) {
    entries_.Meet(task, 0);
    return entries_.Fail(task, JudgedFailure(task, FailureReason::kSourceChanged, Side::kSource));
  }
  auto target = ReadTarget(open.source.get(), task.source_name.c_str());
  if (!target) return entries_.FailAtSource(task, target.error());
  if (!entries_.Claim(task, open, *source)) return;
  std::optional<struct stat> found;
  if (!entries_.LookAt(task, open, found)) return;
  if (found && S_ISLNK(found->st_mode) && transfer_.leaves_equal_alone()) {
    auto present = ReadTarget(open.destination.get(), task.name.c_str());
    if (!present) return entries_.FailAtDestination(task, present.error());
    if (*present == *target) {
      const bool same_metadata = found->st_uid == source->st_uid && found->st_gid == source->st_gid &&
                                 SameTime(found->st_mtim, source->st_mtim);
      const auto error = same_metadata || transfer_.request.dry_run ? std::nullopt : Mend(task, open, *source);
      if (error) return entries_.FailAtDestination(task, *error);
      return entries_.Done(task, FileId::Of(*found), true, {});
    }
  }
  if (found && entries_.KeepsPresent(task, 0)) return;
  if (transfer_.request.dry_run) return entries_.Plan(task, "symbolicLink", std::nullopt);
  auto made = Make(task, open, *source, target->c_str());
  if (!made) return entries_.FailAtDestination(task, made.error());
  if (const auto error = entries_.MakeNameDurable(open)) return entries_.FailAtDestination(task, *error);
  entries_.Done(task, *made, false, {});
}

std::optional<IoError> SymbolicLinkCopier::Mend(const FileTask& task, const OpenDirectory& open,
                                                const struct stat& source) {
  auto kept = KeepMetadata(open.destination.get(), task.name.c_str(), source);
  if (!kept) return kept.error();
  return std::nullopt;
}

Result<FileId> SymbolicLinkCopier::Make(const FileTask& task, const OpenDirectory& open, const struct stat& source,
                                        const char* target) {
  const int directory = open.destination.get();
  std::string present = task.name;
  long answer = sys::Symlinkat(target, directory, present.c_str());
  for (int tries = 0; answer == -EEXIST && !task.directory->created && tries < kMostNameTries; ++tries) {
    present = transfer_.NewTemporaryName();
    answer = sys::Symlinkat(target, directory, present.c_str());
  }
  if (auto error = ErrorOf(answer, Syscall::kSymlinkat)) return *error;
  auto made = KeepMetadata(directory, present.c_str(), source);
  if (made && present != task.name) {
    const long renamed = sys::Renameat(directory, present.c_str(), directory, task.name.c_str());
    if (auto error = ErrorOf(renamed, Syscall::kRenameat)) made = *error;
  }
  if (!made) sys::Unlinkat(directory, present.c_str());
  return made;
}

// Through a descriptor of the link itself. Whatever is not a link with one name was put here by somebody else, and
// keeps its owner and times: it may be another name of a file far outside.
Result<FileId> SymbolicLinkCopier::KeepMetadata(int directory, const char* name, const struct stat& source) {
  auto link = OpenBeneath(directory, name, O_PATH | O_NOFOLLOW, transfer_.directories.resolve());
  if (!link) return link.error();
  auto found = StatOf(link->get());
  if (!found) return found.error();
  if (!S_ISLNK(found->st_mode) || found->st_nlink != 1) return IoError{ESTALE, Syscall::kOpenat2};
  auto kept = KeepOwner(transfer_, link->get(), source, found->st_uid, found->st_gid);
  if (!kept) return kept.error();
  const timespec times[2] = {source.st_atim, source.st_mtim};
  if (auto error = ErrorOf(sys::SetTimes(link->get(), times), Syscall::kUtimensat)) return *error;
  return FileId::Of(*found);
}

}  // namespace smartcopy
