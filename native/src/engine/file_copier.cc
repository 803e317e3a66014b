#include "file_copier.h"

#include <errno.h>
#include <limits.h>

#include <algorithm>
#include <array>

namespace smartcopy {
namespace {

// From here on a file is copied in ranges by all threads that have nothing better to do.
constexpr off_t kLargeFileBytes = off_t{64} << 20;

// From here on reserving the space pays: fewer extents, and a full file system says so within milliseconds.
constexpr off_t kSmallestReserved = off_t{1} << 20;

constexpr uint64_t kOpenSource = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
constexpr int kMostNameTries = 100;

bool IsCode(long answer, std::initializer_list<int> codes) {
  return std::find(codes.begin(), codes.end(), static_cast<int>(-answer)) != codes.end();
}

std::optional<IoError> ErrorOf(long answer, Syscall call) {
  if (answer >= 0) return std::nullopt;
  return IoError{static_cast<int>(-answer), call};
}

bool SameTime(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

// Files that the kernel makes up (/proc, /sys) have no blocks, and sizes that mean nothing.
bool IsMadeUp(const struct stat& source) { return source.st_blocks == 0; }

bool IsSparse(const struct stat& source) { return source.st_blocks * 512 < source.st_size; }

int64_t PackOwner(const struct stat& of) { return (static_cast<int64_t>(of.st_uid) << 32) | of.st_gid; }

Failure TaskFailure(const FileTask& task, const IoError& error, Side side) {
  return SystemFailure(error, side, PathOf(*task.directory, side == Side::kSource ? task.source_name : task.name));
}

Failure Judged(FailureReason reason, Side side, std::string path) {
  return Failure{reason, side, std::move(path), std::nullopt, false};
}

}  // namespace

void FileCopier::CopyRegularFile(Worker& worker, FileTask task, const std::shared_ptr<OpenDirectory>& open) {
  const auto file = Open(std::move(task), open);
  if (file == nullptr) return;
  if (file->source_stat.st_size >= kLargeFileBytes)
    return large_files_.Add(std::move(file->task), file->source_stat.st_size);
  Outcome failed = CreateDestination(*file);
  if (!failed) failed = CopyContent(*file, worker);
  if (!failed && transfer_.request.verify == VerifyLevel::kReadback) failed = VerifyReadback(*file, worker);
  if (failed) return Fail(*file, std::move(*failed));
  Finish(*file);
}

std::unique_ptr<FileCopy> FileCopier::Open(FileTask task, std::shared_ptr<OpenDirectory> open) {
  const long fd =
      sys::Openat2(open->source.get(), task.source_name.c_str(), kOpenSource, 0, transfer_.directories.resolve());
  if (fd < 0) {
    if (!std::exchange(task.met, true)) transfer_.Meet(0);
    FailTask(task, TaskFailure(task, {static_cast<int>(-fd), Syscall::kOpenat2}, Side::kSource));
    return nullptr;
  }
  auto file = std::make_unique<FileCopy>();
  file->source = UniqueFd(static_cast<int>(fd));
  if (const long answer = sys::Fstat(file->source.get(), &file->source_stat); answer < 0) {
    if (!std::exchange(task.met, true)) transfer_.Meet(0);
    FailTask(task, TaskFailure(task, {static_cast<int>(-answer), Syscall::kFstat}, Side::kSource));
    return nullptr;
  }
  const struct stat& source = file->source_stat;
  if (!S_ISREG(source.st_mode)) {
    if (!std::exchange(task.met, true)) transfer_.Meet(0);
    FailTask(task, Judged(FailureReason::kSourceChanged, Side::kSource, PathOf(*task.directory, task.source_name)));
    return nullptr;
  }
  file->linked = source.st_nlink > 1;
  if (!ClaimInode(task, *open, source)) return nullptr;
  struct stat found{};
  switch (LookAtExisting(task, *open, source, found)) {
    case Existing::kSettled:
      return nullptr;
    case Existing::kUnchanged:
      SettleUnchanged(task, *open, source, found);
      return nullptr;
    case Existing::kReplace:
      file->replaces = true;
      break;
    case Existing::kNone:
      break;
  }
  file->task = std::move(task);
  file->open = std::move(open);
  return file;
}

bool FileCopier::ClaimInode(FileTask& task, const OpenDirectory& open, const struct stat& source) {
  const bool was_met = std::exchange(task.met, true);
  if (source.st_nlink <= 1 || task.claimed_inode || task.alone) {
    if (!was_met) transfer_.Meet(S_ISREG(source.st_mode) ? source.st_size : 0);
    return true;
  }
  std::optional<HardLinks::Copied> copied;
  const auto claim = hard_links.Ask(FileId::Of(source), task, copied);
  if (!was_met) transfer_.Meet(claim == HardLinks::Claim::kCopy && S_ISREG(source.st_mode) ? source.st_size : 0);
  switch (claim) {
    case HardLinks::Claim::kWait:
      return false;
    case HardLinks::Claim::kLink:
      if (LinkTo(task, *copied, open)) return false;
      task.alone = true;
      return true;
    case HardLinks::Claim::kCopy:
      task.claimed_inode = FileId::Of(source);
      return true;
  }
  return true;
}

bool FileCopier::LinkTo(const FileTask& task, const HardLinks::Copied& copied, const OpenDirectory& open) {
  if (!task.directory->created) {
    struct stat found{};
    const long answer = sys::Lstatat(open.destination.get(), task.name.c_str(), &found);
    if (answer >= 0 && FileId::Of(found) == copied.id) {
      DoneTask(task, copied.id, true, {});
      return true;
    }
  }
  std::optional<DirectoryTable::OpenError> open_error;
  const auto first = transfer_.directories.Get(copied.directory, open_error);
  if (first == nullptr) {
    FailTask(task, TaskFailure(task, open_error->error, Side::kDestination));
    return true;
  }
  const long fd = sys::Openat2(first->destination.get(), copied.name.c_str(), O_PATH | O_NOFOLLOW, 0,
                               transfer_.directories.resolve());
  UniqueFd target(static_cast<int>(std::max(fd, -1L)));
  std::optional<IoError> error = ErrorOf(fd, Syscall::kOpenat2);
  struct stat present{};
  if (!error) error = ErrorOf(sys::Fstat(target.get(), &present), Syscall::kFstat);
  // Only a file that this run made is given another name: anything else there was put in its place meanwhile.
  if (!error && FileId::Of(present) != copied.id) error = IoError{ESTALE, Syscall::kOpenat2};
  if (!error) error = MakeLink(target.get(), task, open);
  if (!error) {
    DoneTask(task, copied.id, false, copied.digest);
    return true;
  }
  // The file system allows no more links to it, or none between these directories: the bytes are copied instead.
  if (error->call == Syscall::kLinkat && IsCode(-error->code, {EMLINK, EXDEV, EPERM, EOPNOTSUPP})) {
    transfer_.fallbacks.Add("hardLink", "copy", error->code);
    return false;
  }
  FailTask(task, TaskFailure(task, *error, Side::kDestination));
  return true;
}

std::optional<IoError> FileCopier::MakeLink(int target, const FileTask& task, const OpenDirectory& open) {
  const int directory = open.destination.get();
  const long answer = sys::LinkFd(target, directory, task.name.c_str());
  if (answer >= 0) return std::nullopt;
  if (answer != -EEXIST) return IoError{static_cast<int>(-answer), Syscall::kLinkat};
  const std::string temporary = transfer_.NewTemporaryName();
  if (auto error = ErrorOf(sys::LinkFd(target, directory, temporary.c_str()), Syscall::kLinkat)) return error;
  const long renamed = sys::Renameat(directory, temporary.c_str(), directory, task.name.c_str());
  if (renamed < 0) sys::Unlinkat(directory, temporary.c_str());
  return ErrorOf(renamed, Syscall::kRenameat);
}

FileCopier::Existing FileCopier::LookAtExisting(const FileTask& task, const OpenDirectory& open,
                                                const struct stat& source, struct stat& found) {
  if (task.directory->created) return Existing::kNone;
  const long answer = sys::Lstatat(open.destination.get(), task.name.c_str(), &found);
  if (answer == -ENOENT) return Existing::kNone;
  if (answer < 0) {
    FailTask(task, TaskFailure(task, {static_cast<int>(-answer), Syscall::kFstatat}, Side::kDestination));
    return Existing::kSettled;
  }
  if (S_ISDIR(found.st_mode)) {
    FailTask(task, Judged(FailureReason::kTypeConflict, Side::kDestination, PathOf(*task.directory, task.name)));
    return Existing::kSettled;
  }
  const bool same = S_ISREG(source.st_mode) && S_ISREG(found.st_mode) && source.st_size == found.st_size &&
                    SameTime(source.st_mtim, found.st_mtim);
  return same && transfer_.request.update == UpdateMode::kIfDifferent ? Existing::kUnchanged : Existing::kReplace;
}

void FileCopier::SettleUnchanged(const FileTask& task, const OpenDirectory& open, const struct stat& source,
                                 const struct stat& found) {
  if (const auto error = KeepMetadata(task, open, source, found))
    return FailTask(task, TaskFailure(task, *error, Side::kDestination));
  if (task.claimed_inode || source.st_nlink <= 1) transfer_.control.Add(Word::kBytesUnchanged, source.st_size);
  DoneTask(task, FileId::Of(found), true, {});
}

std::optional<IoError> FileCopier::KeepMetadata(const FileTask& task, const OpenDirectory& open,
                                                const struct stat& source, const struct stat& found) {
  if (source.st_uid == found.st_uid && source.st_gid == found.st_gid && source.st_mode == found.st_mode)
    return std::nullopt;
  const long fd =
      sys::Openat2(open.destination.get(), task.name.c_str(), kOpenSource, 0, transfer_.directories.resolve());
  if (fd < 0) return IoError{static_cast<int>(-fd), Syscall::kOpenat2};
  const UniqueFd file(static_cast<int>(fd));
  struct stat opened{};
  if (auto error = ErrorOf(sys::Fstat(file.get(), &opened), Syscall::kFstat)) return error;
  if (FileId::Of(opened) != FileId::Of(found)) return IoError{ESTALE, Syscall::kOpenat2};
  return KeepOwnerAndMode(transfer_, file.get(), source, found.st_uid, found.st_gid);
}

Outcome FileCopier::CreateDestination(FileCopy& file) {
  const int directory = file.open->destination.get();
  const uint64_t access = transfer_.request.verify == VerifyLevel::kReadback ? O_RDWR : O_WRONLY;
  const uint64_t flags = access | O_CREAT | O_EXCL | O_NOFOLLOW;
  long fd = -EEXIST;
  if (!file.replaces)
    fd = sys::Openat2(directory, file.task.name.c_str(), flags, 0600, transfer_.directories.resolve());
  for (int tries = 0; fd == -EEXIST && tries < kMostNameTries; ++tries) {
    file.temporary = transfer_.NewTemporaryName();
    fd = sys::Openat2(directory, file.temporary.c_str(), flags, 0600, transfer_.directories.resolve());
  }
  if (fd < 0) return TaskFailure(file.task, {static_cast<int>(-fd), Syscall::kOpenat2}, Side::kDestination);
  file.destination = UniqueFd(static_cast<int>(fd));
  auto& created_owner = file.task.directory->created_owner;
  if (created_owner.load() >= 0 && !file.linked && transfer_.request.durability != Durability::kBatch)
    return std::nullopt;
  struct stat created{};
  if (const long answer = sys::Fstat(file.destination.get(), &created); answer < 0)
    return TaskFailure(file.task, {static_cast<int>(-answer), Syscall::kFstat}, Side::kDestination);
  file.destination_id = FileId::Of(created);
  created_owner.store(PackOwner(created));
  return std::nullopt;
}

Outcome FileCopier::CopyContent(FileCopy& file, Worker& worker) {
  for (bool again = false;; again = true) {
    auto copied = CopyOnce(file, worker);
    if (!copied) return SystemFailureOf(file, copied.error());
    auto changed = SourceChanged(file, *copied);
    if (!changed) return SystemFailureOf(file, changed.error());
    if (!*changed) return std::nullopt;
    if (again) return JudgedFailureOf(file, FailureReason::kSourceChanged);
    if (Outcome failed = StartAgain(file)) return failed;
  }
}

Result<off_t> FileCopier::CopyOnce(FileCopy& file, Worker& worker) {
  auto shared = CopyByReference(file);
  if (!shared) return shared.error();
  if (*shared) return **shared;
  if (worker.digest != nullptr) worker.digest->Reset();
  auto copied = read_write().Copy(ContentOf(file, worker.buffer.bytes(), worker.digest.get()));
  if (!copied) return copied.error();
  if (worker.digest != nullptr) file.digest = worker.digest->Hex();
  return copied->value_or(0);
}

Result<std::optional<off_t>> FileCopier::CopyByReference(FileCopy& file) {
  const bool wants_digest = transfer_.request.digest.has_value();
  if (!wants_digest) {
    const ContentCopy content = ContentOf(file, {}, nullptr);
    for (size_t index = 0; index + 1 < strategies_.size(); ++index) {
      auto copied = strategies_[index]->Copy(content);
      if (!copied || *copied) return copied;
    }
  }
  if (auto error = Reserve(file)) return *error;
  return std::optional<off_t>();
}

// The size stays 0 until bytes are written (FALLOC_FL_KEEP_SIZE), so that what a killed run leaves behind never has the
// size of a finished file before it has its bytes.
std::optional<IoError> FileCopier::Reserve(FileCopy& file) {
  const struct stat& source = file.source_stat;
  if (source.st_size < kSmallestReserved || IsSparse(source) || !file.task.directory->file_system->preallocates)
    return std::nullopt;
  const long answer = sys::Fallocate(file.destination.get(), FALLOC_FL_KEEP_SIZE, 0, source.st_size);
  if (IsCode(answer, {EOPNOTSUPP, ENOSYS, EINVAL})) {
    transfer_.fallbacks.Add("fallocate", "write", static_cast<int>(-answer));
    return std::nullopt;
  }
  return ErrorOf(answer, Syscall::kFallocate);
}

Result<bool> FileCopier::SourceChanged(FileCopy& file, off_t copied) {
  struct stat now{};
  if (const long answer = sys::Fstat(file.source.get(), &now); answer < 0)
    return IoError{static_cast<int>(-answer), Syscall::kFstat};
  const struct stat& then = file.source_stat;
  if (now.st_size != then.st_size || !SameTime(now.st_mtim, then.st_mtim) || !SameTime(now.st_ctim, then.st_ctim))
    return true;
  return copied != then.st_size && !IsMadeUp(then);
}

Outcome FileCopier::StartAgain(FileCopy& file) {
  TakeBackMoved(file);
  if (const long answer = sys::Fstat(file.source.get(), &file.source_stat); answer < 0)
    return TaskFailure(file.task, {static_cast<int>(-answer), Syscall::kFstat}, Side::kSource);
  if (const long answer = sys::Ftruncate(file.destination.get(), 0); answer < 0)
    return TaskFailure(file.task, {static_cast<int>(-answer), Syscall::kFtruncate}, Side::kDestination);
  return std::nullopt;
}

ContentCopy FileCopier::ContentOf(FileCopy& file, std::span<std::byte> buffer, Digest* digest) const {
  return ContentCopy{file.source.get(),
                     file.destination.get(),
                     file.source_stat.st_size,
                     file.task.directory->source_id.device,
                     file.task.directory->destination_id.device,
                     digest,
                     buffer,
                     &file.moved};
}

Outcome FileCopier::VerifyReadback(FileCopy& file, Worker& worker) {
  worker.digest->Reset();
  const auto buffer = worker.buffer.bytes();
  off_t done = 0;
  for (;;) {
    if (transfer_.control.cancelled()) return SystemFailureOf(file, {ECANCELED, Syscall::kPread, done});
    auto got = ReadAt(file.destination.get(), buffer, done);
    if (!got) return SystemFailure(got.error(), Side::kDestination, file.DestinationPath());
    worker.digest->Update(buffer.first(*got));
    done += static_cast<off_t>(*got);
    transfer_.control.Add(Word::kBytesVerified, static_cast<int64_t>(*got));
    if (*got < buffer.size()) break;
  }
  if (worker.digest->Hex() != file.digest) return JudgedFailureOf(file, FailureReason::kVerifyMismatch);
  return std::nullopt;
}

void FileCopier::Finish(FileCopy& file) {
  const int64_t owner = file.task.directory->created_owner.load();
  const auto error = KeepOwnerAndMode(transfer_, file.destination.get(), file.source_stat,
                                      static_cast<uid_t>(owner >> 32), static_cast<gid_t>(owner));
  if (error) return Fail(file, TaskFailure(file.task, *error, Side::kDestination));
  WrittenFile written;
  written.directory = file.task.directory;
  written.name = std::move(file.task.name);
  written.temporary = std::move(file.temporary);
  written.id = file.destination_id;
  written.times[0] = file.source_stat.st_atim;
  written.times[1] = file.source_stat.st_mtim;
  written.fd = std::move(file.destination);
  written.reflink_bytes = file.moved.reflink;
  written.read_write_bytes = file.moved.read_write;
  written.link_group = file.task.claimed_inode;
  written.digest = std::move(file.digest);
  completion_.Finish(std::move(written));
}

void FileCopier::Fail(FileCopy& file, Failure failure) {
  TakeBackMoved(file);
  if (file.destination.valid()) {
    const std::string& present = file.temporary.empty() ? file.task.name : file.temporary;
    sys::Unlinkat(file.open->destination.get(), present.c_str());
  }
  FailTask(file.task, std::move(failure));
}

void FileCopier::TakeBackMoved(FileCopy& file) {
  transfer_.control.Add(Word::kReflinkBytes, -file.moved.reflink.exchange(0));
  transfer_.control.Add(Word::kReadWriteBytes, -file.moved.read_write.exchange(0));
}

Failure FileCopier::SystemFailureOf(const FileCopy& file, const IoError& error) {
  const Side side = error.call == Syscall::kPread || error.call == Syscall::kFstat ? Side::kSource : Side::kDestination;
  return TaskFailure(file.task, error, side);
}

Failure FileCopier::JudgedFailureOf(const FileCopy& file, FailureReason reason) {
  const bool in_destination = reason == FailureReason::kVerifyMismatch;
  return Judged(reason, in_destination ? Side::kDestination : Side::kSource,
                in_destination ? file.DestinationPath() : file.SourcePath());
}

void FileCopier::CopySymbolicLink(FileTask task, const OpenDirectory& open) {
  struct stat source{};
  std::array<char, PATH_MAX> target{};
  std::optional<IoError> error =
      ErrorOf(sys::Lstatat(open.source.get(), task.source_name.c_str(), &source), Syscall::kFstatat);
  long length = 0;
  if (!error && S_ISLNK(source.st_mode)) {
    length = sys::Readlinkat(open.source.get(), task.source_name.c_str(), target.data(), target.size() - 1);
    error = ErrorOf(length, Syscall::kReadlinkat);
  }
  if (error || !S_ISLNK(source.st_mode)) {
    if (!std::exchange(task.met, true)) transfer_.Meet(0);
    if (error) return FailTask(task, TaskFailure(task, *error, Side::kSource));
    return FailTask(task,
                    Judged(FailureReason::kSourceChanged, Side::kSource, PathOf(*task.directory, task.source_name)));
  }
  target[static_cast<size_t>(length)] = '\0';
  if (!ClaimInode(task, open, source)) return;
  struct stat found{};
  const Existing existing = LookAtExisting(task, open, source, found);
  if (existing == Existing::kSettled) return;
  if (existing == Existing::kReplace && S_ISLNK(found.st_mode) &&
      transfer_.request.update == UpdateMode::kIfDifferent) {
    std::array<char, PATH_MAX> present{};
    const long got = sys::Readlinkat(open.destination.get(), task.name.c_str(), present.data(), present.size());
    if (got == length && std::equal(target.begin(), target.begin() + length, present.begin()))
      return DoneTask(task, FileId::Of(found), true, {});
  }
  error = MakeSymbolicLink(task, open, source, target.data());
  if (error) return FailTask(task, TaskFailure(task, *error, Side::kDestination));
  if (!task.claimed_inode) return DoneTask(task, {}, false, {});
  error = ErrorOf(sys::Lstatat(open.destination.get(), task.name.c_str(), &found), Syscall::kFstatat);
  if (error) return FailTask(task, TaskFailure(task, *error, Side::kDestination));
  DoneTask(task, FileId::Of(found), false, {});
}

std::optional<IoError> FileCopier::MakeSymbolicLink(const FileTask& task, const OpenDirectory& open,
                                                    const struct stat& source, const char* target) {
  const int directory = open.destination.get();
  std::string present = task.name;
  long answer = sys::Symlinkat(target, directory, present.c_str());
  for (int tries = 0; answer == -EEXIST && tries < kMostNameTries; ++tries) {
    present = transfer_.NewTemporaryName();
    answer = sys::Symlinkat(target, directory, present.c_str());
  }
  if (answer < 0) return IoError{static_cast<int>(-answer), Syscall::kSymlinkat};
  const long fd = sys::Openat2(directory, present.c_str(), O_PATH | O_NOFOLLOW, 0, transfer_.directories.resolve());
  const UniqueFd link(static_cast<int>(std::max(fd, -1L)));
  std::optional<IoError> error = ErrorOf(fd, Syscall::kOpenat2);
  struct stat made{};
  if (!error) error = ErrorOf(sys::Fstat(link.get(), &made), Syscall::kFstat);
  // Whatever is not a link with one name was put here by somebody else, and keeps its owner and times.
  if (!error && (!S_ISLNK(made.st_mode) || made.st_nlink != 1)) error = IoError{ESTALE, Syscall::kOpenat2};
  if (!error && (made.st_uid != source.st_uid || made.st_gid != source.st_gid)) {
    const long owned = sys::Fchown(link.get(), source.st_uid, source.st_gid);
    if (IsCode(owned, {EPERM, EINVAL}))
      transfer_.owners_not_kept.fetch_add(1);
    else
      error = ErrorOf(owned, Syscall::kFchown);
  }
  const timespec times[2] = {source.st_atim, source.st_mtim};
  if (!error) error = ErrorOf(sys::SetTimes(link.get(), times), Syscall::kUtimensat);
  if (!error && present != task.name)
    error = ErrorOf(sys::Renameat(directory, present.c_str(), directory, task.name.c_str()), Syscall::kRenameat);
  if (error) sys::Unlinkat(directory, present.c_str());
  return error;
}

void FileCopier::FailTask(const FileTask& task, Failure failure) {
  WrittenFile file;
  file.directory = task.directory;
  file.name = task.name;
  file.link_group = task.claimed_inode;
  listener_.FileFailed(file, std::move(failure));
}

void FileCopier::CancelTask(const FileTask& task) {
  FailTask(task, TaskFailure(task, {ECANCELED, Syscall::kOpenat2}, Side::kSource));
}

void FileCopier::DoneTask(const FileTask& task, const FileId& id, bool unchanged, std::string digest) {
  WrittenFile file;
  file.directory = task.directory;
  file.name = task.name;
  file.id = id;
  file.link_group = task.claimed_inode;
  file.digest = std::move(digest);
  file.unchanged = unchanged;
  listener_.FileDone(file);
}

std::optional<IoError> KeepOwnerAndMode(Transfer& transfer, int fd, const struct stat& source, uid_t owner,
                                        gid_t group) {
  mode_t mode = source.st_mode & 07777;
  if (source.st_uid != owner || source.st_gid != group) {
    const long answer = sys::Fchown(fd, source.st_uid, source.st_gid);
    if (answer < 0 && !IsCode(answer, {EPERM, EINVAL})) return IoError{static_cast<int>(-answer), Syscall::kFchown};
    if (answer < 0) {
      // EPERM: no privilege to give files away; EINVAL: the owner does not exist in this user namespace. The group may
      // still be kept by a member of it. Under another owner the setuid and setgid bits would lend other rights.
      transfer.owners_not_kept.fetch_add(1);
      if (source.st_gid != group) sys::Fchown(fd, static_cast<uid_t>(-1), source.st_gid);
      mode &= ~static_cast<mode_t>(S_ISUID | S_ISGID);
    }
  }
  return ErrorOf(sys::Fchmod(fd, mode), Syscall::kFchmod);
}

}  // namespace smartcopy
