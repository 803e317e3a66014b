#include "special_files.h"

#include <errno.h>

namespace smartcopy {
namespace {

bool IsSpecial(const struct stat& found) {
  return S_ISFIFO(found.st_mode) || S_ISSOCK(found.st_mode) || S_ISCHR(found.st_mode) || S_ISBLK(found.st_mode);
}

}  // namespace

void SpecialFileCopier::Refuse(const Directory& directory, const char* name) {
  const std::string entry_name = name;
  Outcome failed;
  // What the user does not ask for is not missed; what may not be made at the destination is.
  if (transfer_.request.preserve.special_files)
    failed =
        NoteNotKept(transfer_, {directory, entry_name, entry_name}, Attribute::kSpecialFile, {0, Syscall::kMknodat});
  if (failed) return transfer_.Fail(std::move(*failed));
  transfer_.Refuse({FailureReason::kSpecialFile, Side::kSource, PathOf(directory, entry_name), std::nullopt});
}

// With O_PATH nothing is opened in the sense of its driver, its reader or its server: there is only a hold on it.
void SpecialFileCopier::Copy(FileTask task, const OpenDirectory& open) {
  auto source = OpenBeneath(open.source.get(), task.source_name.c_str(), O_PATH | O_NOFOLLOW,
                            transfer_.directories.source_resolve());
  if (!source) return entries_.FailAtSource(task, source.error());
  auto source_stat = StatOf(source->get());
  if (!source_stat) return entries_.FailAtSource(task, source_stat.error());
  if (!IsSpecial(*source_stat)) {
    entries_.Meet(task, 0);
    return entries_.Fail(task, JudgedFailure(task, FailureReason::kSourceChanged, Side::kSource));
  }
  if (!entries_.Claim(task, open, *source_stat)) return;
  CopyOpened(task, open, source->get(), *source_stat);
}

void SpecialFileCopier::CopyOpened(const FileTask& task, const OpenDirectory& open, int source,
                                   const struct stat& source_stat) {
  const int directory = open.destination.get();
  bool created = false;
  Result<UniqueFd> destination = IoError{ENOENT, Syscall::kOpenat2};
  if (!task.directory->created)
    destination = OpenBeneath(directory, task.name.c_str(), O_PATH | O_NOFOLLOW, transfer_.directories.resolve());
  const bool dry_run = transfer_.request.dry_run;
  if (!destination && destination.error().code == ENOENT) {
    if (dry_run) return entries_.Plan(task, "specialFile", std::nullopt);
    destination = Make(task, open, source_stat);
    created = true;
  }
  if (!destination && destination.error().call == Syscall::kMknodat && destination.error().code == EPERM) {
    const NamedEntry name{*task.directory, task.source_name, task.name};
    if (Outcome failed = NoteNotKept(transfer_, name, Attribute::kSpecialFile, destination.error()))
      return entries_.Fail(task, std::move(*failed));
    return entries_.Refuse(
        task, {FailureReason::kSpecialFile, Side::kSource, name.PathOn(Side::kSource), destination.error()});
  }
  if (!destination) return entries_.FailAtDestination(task, destination.error());
  auto found = StatOf(destination->get());
  if (!found) return entries_.FailAtDestination(task, found.error());
  // Anything else in its place is more likely a mistyped destination than something to be replaced.
  if (!IsSameSpecialFile(*found, source_stat)) {
    if (entries_.KeepsPresent(task, 0)) return;
    return entries_.Fail(task, JudgedFailure(task, FailureReason::kTypeConflict, Side::kDestination));
  }
  if (dry_run) return entries_.Done(task, FileId::Of(*found), true, {});
  const MetadataEnds ends{source, source_stat, destination->get(), *found, created};
  // Another name of what is there already may be far outside.
  Outcome failed;
  if (created || found->st_nlink == 1) failed = KeepAll(task, ends);
  if (failed && created) RemoveIfSame(directory, task.name.c_str(), FileId::Of(*found));
  if (failed) return entries_.Fail(task, std::move(*failed));
  if (created) {
    if (const auto error = entries_.MakeNameDurable(open)) return entries_.FailAtDestination(task, *error);
  }
  entries_.Done(task, FileId::Of(*found), !created, {});
}

// Made private, and then found by its name: what somebody else put there meanwhile has another kind, or other names.
Result<UniqueFd> SpecialFileCopier::Make(const FileTask& task, const OpenDirectory& open, const struct stat& source) {
  const int directory = open.destination.get();
  const mode_t type_and_mode = (source.st_mode & S_IFMT) | 0600;
  const long answer = sys::Mknodat(directory, task.name.c_str(), type_and_mode, source.st_rdev);
  if (auto error = ErrorOf(answer, Syscall::kMknodat)) return *error;
  auto made = OpenBeneath(directory, task.name.c_str(), O_PATH | O_NOFOLLOW, transfer_.directories.resolve());
  if (!made) return made;
  auto found = StatOf(made->get());
  if (!found) return found.error();
  if (!IsSameSpecialFile(*found, source) || found->st_nlink != 1) return IoError{ESTALE, Syscall::kOpenat2};
  return made;
}

Outcome SpecialFileCopier::KeepAll(const FileTask& task, const MetadataEnds& ends) {
  const NamedEntry name{*task.directory, task.source_name, task.name};
  if (Outcome failed = KeepMetadata(transfer_, name, ends)) return failed;
  if (!transfer_.request.preserve.times) return std::nullopt;
  timespec times[2];
  TimesFor(transfer_, ends.source_stat, times);
  if (const auto error = KeepTimes(transfer_, name, ends.destination, times))
    return TaskFailure(task, *error, Side::kDestination);
  return std::nullopt;
}

}  // namespace smartcopy
