#include "entries.h"

#include <errno.h>

#include <algorithm>
#include <array>

namespace smartcopy {
namespace {

// The file system allows no more names for an inode, or none across these directories.
constexpr std::array kNoLink = {EMLINK, EXDEV, EPERM, EOPNOTSUPP};

bool ForbidsLinks(const IoError& error) {
  return error.call == Syscall::kLinkat && std::find(kNoLink.begin(), kNoLink.end(), error.code) != kNoLink.end();
}

// As far as a listing tells.
bool IsEqual(const struct stat& source, const struct stat& found) {
  return (source.st_mode & S_IFMT) == (found.st_mode & S_IFMT) && source.st_size == found.st_size &&
         SameTime(source.st_mtim, found.st_mtim);
}

int64_t ContentBytes(const struct stat& source) { return S_ISREG(source.st_mode) ? source.st_size : 0; }

std::string TaskPath(const FileTask& task, Side side) {
  return PathOf(*task.directory, side == Side::kSource ? task.source_name : task.name);
}

}  // namespace

bool IsSameSpecialFile(const struct stat& a, const struct stat& b) {
  const bool is_device = S_ISCHR(a.st_mode) || S_ISBLK(a.st_mode);
  return (a.st_mode & S_IFMT) == (b.st_mode & S_IFMT) && (!is_device || a.st_rdev == b.st_rdev);
}

WrittenFile SettledAs(const FileTask& task) {
  WrittenFile file;
  file.directory = task.directory;
  file.name = task.name;
  file.link_group = task.claimed_inode;
  file.is_symbolic_link = task.is_symbolic_link;
  file.is_special_file = task.is_special_file;
  file.follows = task.follows;
  file.alone = task.alone;
  return file;
}

Failure TaskFailure(const FileTask& task, const IoError& error, Side side) {
  return SystemFailure(error, side, TaskPath(task, side));
}

Failure JudgedFailure(const FileTask& task, FailureReason reason, Side side) {
  return Failure{reason, side, TaskPath(task, side), std::nullopt, false};
}

void Entries::Meet(FileTask& task, int64_t bytes) {
  if (!std::exchange(task.met, true)) transfer_.Meet(bytes);
}

bool Entries::Claim(FileTask& task, const OpenDirectory& open, const struct stat& source) {
  if (source.st_nlink <= 1 || !transfer_.request.preserve.hardlinks || task.claimed_inode || task.alone) {
    Meet(task, ContentBytes(source));
    return true;
  }
  const bool was_met = std::exchange(task.met, true);  // before the task is kept by those that wait
  std::optional<HardLinks::Copied> copied;
  const auto claim = hard_links.Ask(source, task, copied);
  const bool copies = claim == HardLinks::Claim::kCopy || claim == HardLinks::Claim::kAlone;
  if (!was_met) transfer_.Meet(copies ? ContentBytes(source) : 0);
  switch (claim) {
    case HardLinks::Claim::kAlone:
      transfer_.fallbacks.Add("hardLink", "copy", ESTALE);
      task.alone = true;
      return true;
    case HardLinks::Claim::kWait:
      return false;
    case HardLinks::Claim::kLink:
      task.alone = !LinkTo(task, *copied, open, source);
      return task.alone;
    case HardLinks::Claim::kCopy:
      task.claimed_inode = FileId::Of(source);
      return true;
  }
  return true;
}

bool Entries::LinkTo(const FileTask& task, const HardLinks::Copied& copied, const OpenDirectory& open,
                     const struct stat& source) {
  std::optional<struct stat> found;
  if (!LookAt(task, open, found)) return true;
  if (found && FileId::Of(*found) == copied.id) {
    Done(task, copied.id, true, {});
    return true;
  }
  const bool keeps_present = transfer_.request.on_conflict != OnConflict::kOverwrite;
  if (found && keeps_present && IsEqual(source, *found)) {
    Done(task, FileId::Of(*found), true, {});
    return true;
  }
  if (found && KeepsPresent(task, 0)) return true;
  if (transfer_.request.dry_run) {
    Plan(task, "hardLink", std::nullopt);
    return true;
  }
  auto target = FindAgain(copied);
  if (target && found && task.is_special_file) {
    auto made = StatOf(target->get());
    if (!made || !IsSameSpecialFile(*made, *found))
      return Fail(task, JudgedFailure(task, FailureReason::kTypeConflict, Side::kDestination)), true;
  }
  auto error = target ? MakeLink(target->get(), task, open) : target.error();
  if (!error) error = MakeNameDurable(open);
  if (!error) {
    Done(task, copied.id, false, copied.digest);
    return true;
  }
  if (ForbidsLinks(*error)) {
    transfer_.fallbacks.Add("hardLink", "copy", error->code);
    return false;
  }
  FailAtDestination(task, *error);
  return true;
}

// Only a file that this run made is given another name: anything else there was put in its place meanwhile.
Result<UniqueFd> Entries::FindAgain(const HardLinks::Copied& copied) {
  std::optional<DirectoryTable::OpenError> error;
  const auto open = transfer_.directories.Get(copied.directory, error);
  if (open == nullptr) return error->error;
  auto target =
      OpenBeneath(open->destination.get(), copied.name.c_str(), O_PATH | O_NOFOLLOW, transfer_.directories.resolve());
  if (!target) return target;
  auto present = StatOf(target->get());
  if (!present) return present.error();
  if (FileId::Of(*present) != copied.id) return IoError{ESTALE, Syscall::kOpenat2};
  return target;
}

std::optional<IoError> Entries::MakeLink(int target, const FileTask& task, const OpenDirectory& open) {
  const int directory = open.destination.get();
  const long answer = sys::LinkFd(target, directory, task.name.c_str());
  if (answer != -EEXIST || task.directory->created) return ErrorOf(answer, Syscall::kLinkat);
  const std::string temporary = transfer_.NewTemporaryName();
  if (auto error = ErrorOf(sys::LinkFd(target, directory, temporary.c_str()), Syscall::kLinkat)) return error;
  auto error = ErrorOf(sys::Renameat(directory, temporary.c_str(), directory, task.name.c_str()), Syscall::kRenameat);
  if (error) sys::Unlinkat(directory, temporary.c_str());
  return error;
}

bool Entries::LookAt(const FileTask& task, const OpenDirectory& open, std::optional<struct stat>& found) {
  if (task.directory->created) return true;
  auto present = StatBeneath(open.destination.get(), task.name.c_str());
  if (!present && present.error().code == ENOENT) return true;
  if (!present) {
    FailAtDestination(task, present.error());
    return false;
  }
  // A device or FIFO in the way of a file is more likely a mistyped destination than something to be replaced, and so
  // is a file in the way of a device.
  if ((!S_ISREG(present->st_mode) && !S_ISLNK(present->st_mode)) != task.is_special_file) {
    if (transfer_.request.on_conflict == OnConflict::kSkip)
      LeaveOut(task, Word::kFilesSkipped);
    else
      Fail(task, JudgedFailure(task, FailureReason::kTypeConflict, Side::kDestination));
    return false;
  }
  found = *present;
  return true;
}

std::optional<IoError> Entries::MakeNameDurable(const OpenDirectory& open) {
  if (transfer_.request.durability != Durability::kFile) return std::nullopt;
  return ErrorOf(sys::Fsync(open.destination.get()), Syscall::kFsync);
}

void Entries::Fail(const FileTask& task, Failure failure) { listener_.FileFailed(SettledAs(task), std::move(failure)); }

void Entries::Refuse(const FileTask& task, Failure failure) {
  transfer_.MeetNot();
  failure.refused = true;
  Fail(task, std::move(failure));
}

void Entries::FailAtSource(FileTask& task, const IoError& error) {
  Meet(task, 0);
  Fail(task, TaskFailure(task, error, Side::kSource));
}

void Entries::FailAtDestination(const FileTask& task, const IoError& error) {
  Fail(task, TaskFailure(task, error, Side::kDestination));
}

void Entries::Cancel(const FileTask& task) {
  Fail(task, TaskFailure(task, {ECANCELED, Syscall::kOpenat2}, Side::kSource));
}

void Entries::Done(const FileTask& task, const FileId& id, bool unchanged, std::string digest) {
  WrittenFile file = SettledAs(task);
  file.id = id;
  file.digest = std::move(digest);
  file.unchanged = unchanged;
  file.method = task.is_symbolic_link ? "symbolicLink" : task.is_special_file ? "specialFile" : "hardLink";
  listener_.FileDone(file);
}

void Entries::LeaveOut(const FileTask& task, Word counts) {
  WrittenFile file = SettledAs(task);
  file.left_out = counts;
  listener_.FileDone(file);
}

void Entries::Plan(const FileTask& task, const char* what, std::optional<int64_t> content_bytes) {
  WrittenFile file = SettledAs(task);
  file.method = what;
  file.content_bytes = content_bytes;
  transfer_.planned_bytes.fetch_add(content_bytes.value_or(0));
  listener_.FileDone(file);
}

bool Entries::KeepsPresent(const FileTask& task, int64_t content_bytes) {
  switch (transfer_.request.on_conflict) {
    case OnConflict::kOverwrite:
      return false;
    case OnConflict::kSkip:
      transfer_.control.Add(Word::kBytesUnchanged, content_bytes);
      LeaveOut(task, Word::kFilesSkipped);
      return true;
    case OnConflict::kFail:
      Fail(task, JudgedFailure(task, FailureReason::kConflict, Side::kDestination));
      return true;
  }
  return false;
}

}  // namespace smartcopy
