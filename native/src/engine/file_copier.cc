#include "file_copier.h"

#include <errno.h>
#include <linux/magic.h>

#include <algorithm>
#include <array>

namespace smartcopy {
namespace {

// From here on reserving the space pays: fewer extents, and a full file system says so within milliseconds.
constexpr off_t kSmallestReserved = off_t{1} << 20;

// O_NONBLOCK: what was a regular file in the listing may be a FIFO by now, and opening that would wait for a writer.
constexpr uint64_t kOpenSource = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

// Whether the file is one that the kernel makes up as it is read, whose size means nothing.
Result<bool> IsMadeUp(int file) {
  struct statfs found{};
  if (auto error = ErrorOf(sys::Fstatfs(file, &found), Syscall::kFstatfs)) return *error;
  static constexpr std::array<long, 7> kTypes = {PROC_SUPER_MAGIC, SYSFS_MAGIC,        DEBUGFS_MAGIC,
                                                 TRACEFS_MAGIC,    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
                                                 SECURITYFS_MAGIC};
  return std::find(kTypes.begin(), kTypes.end(), static_cast<long>(found.f_type)) != kTypes.end();
}

bool IsSparse(const struct stat& source) { return source.st_blocks * 512 < source.st_size; }

bool SameOwnerAndMode(const struct stat& a, const struct stat& b) {
  return a.st_uid == b.st_uid && a.st_gid == b.st_gid && a.st_mode == b.st_mode;
}

}  // namespace

bool IsOutOfSpace(const Outcome& failed) {
  if (!failed || !failed->error || failed->side != Side::kDestination) return false;
  return failed->error->code == ENOSPC || failed->error->code == EDQUOT;
}

void FileCopier::Copy(Worker& worker, FileTask task, const std::shared_ptr<OpenDirectory>& open) {
  const auto file = Open(std::move(task), open);
  if (file == nullptr) return;
  if (file->source_stat.st_size >= transfer_.request.large_file_bytes)
    return large_files_.Add(std::move(file->task), file->source_stat.st_size);
  Outcome failed = CopyWhole(*file, worker);
  if (IsOutOfSpace(failed) && MakeSpace(*file)) failed = CopyWhole(*file, worker);
  if (failed) return Fail(*file, std::move(*failed));
  Finish(*file);
}

Outcome FileCopier::CopyWhole(FileCopy& file, Worker& worker) {
  Outcome failed = CreateDestination(file);
  if (!failed) failed = CopyContent(file, worker);
  if (!failed && transfer_.request.verify == VerifyLevel::kReadback) failed = VerifyReadback(file, worker);
  return failed;
}

bool FileCopier::MakeSpace(FileCopy& file) {
  RemoveWritten(file);
  completion_.Flush();
  // Also when another thread has just finished the batch: this file may find room now.
  return transfer_.request.durability == Durability::kBatch;
}

std::unique_ptr<FileCopy> FileCopier::Open(FileTask task, std::shared_ptr<OpenDirectory> open) {
  auto file = std::make_unique<FileCopy>();
  auto source = OpenBeneath(open->source.get(), task.source_name.c_str(), kOpenSource, transfer_.directories.resolve());
  if (!source) return entries_.FailAtSource(task, source.error()), nullptr;
  file->source = std::move(*source);
  auto source_stat = StatOf(file->source.get());
  if (!source_stat) return entries_.FailAtSource(task, source_stat.error()), nullptr;
  file->source_stat = *source_stat;
  // A name that waited may be another file by now, and must not pass for the one whose other names wait for it.
  const bool exchanged = task.claimed_inode && *task.claimed_inode != FileId::Of(file->source_stat);
  if (!S_ISREG(file->source_stat.st_mode) || exchanged) {
    entries_.Meet(task, 0);
    entries_.Fail(task, JudgedFailure(task, FailureReason::kSourceChanged, Side::kSource));
    return nullptr;
  }
  if (!entries_.Claim(task, *open, file->source_stat)) return nullptr;
  std::optional<struct stat> found;
  if (!entries_.LookAt(task, *open, found)) return nullptr;
  // Of a file with several names the metadata is not mended: another name of it may be far outside, put here by a link.
  const bool may_mend = found && (found->st_nlink == 1 || SameOwnerAndMode(file->source_stat, *found));
  if (found && IsUnchanged(file->source_stat, *found) && may_mend) {
    SettleUnchanged(task, *open, file->source_stat, *found);
    return nullptr;
  }
  file->replaces = found.has_value();
  file->task = std::move(task);
  file->open = std::move(open);
  return file;
}

bool FileCopier::IsUnchanged(const struct stat& source, const struct stat& found) const {
  return transfer_.request.update == UpdateMode::kIfDifferent && S_ISREG(found.st_mode) &&
         source.st_size == found.st_size && SameTime(source.st_mtim, found.st_mtim);
}

void FileCopier::SettleUnchanged(const FileTask& task, const OpenDirectory& open, const struct stat& source,
                                 const struct stat& found) {
  if (const auto error = KeepMetadata(task, open, source, found)) return entries_.FailAtDestination(task, *error);
  if (task.claimed_inode || source.st_nlink <= 1) transfer_.control.Add(Word::kBytesUnchanged, source.st_size);
  entries_.Done(task, FileId::Of(found), true, {});
}

std::optional<IoError> FileCopier::KeepMetadata(const FileTask& task, const OpenDirectory& open,
                                                const struct stat& source, const struct stat& found) {
  if (SameOwnerAndMode(source, found)) return std::nullopt;
  auto file = OpenBeneath(open.destination.get(), task.name.c_str(), kOpenSource, transfer_.directories.resolve());
  if (!file) return file.error();
  auto opened = StatOf(file->get());
  if (!opened) return opened.error();
  if (FileId::Of(*opened) != FileId::Of(found) || opened->st_nlink != 1) return IoError{ESTALE, Syscall::kOpenat2};
  return KeepOwnerAndMode(transfer_, file->get(), source, found.st_uid, found.st_gid);
}

Outcome FileCopier::CreateDestination(FileCopy& file) {
  const int directory = file.open->destination.get();
  const uint64_t resolve = transfer_.directories.resolve();
  const uint64_t access = transfer_.request.verify == VerifyLevel::kReadback ? O_RDWR : O_WRONLY;
  const uint64_t flags = access | O_CREAT | O_EXCL | O_NOFOLLOW;
  Result<UniqueFd> made = IoError{EEXIST, Syscall::kOpenat2};
  if (!file.replaces) made = OpenBeneath(directory, file.task.name.c_str(), flags, resolve, 0600);
  // In a directory that this run made, nothing can have the name but another entry of the source: on a file system that
  // does not tell their names apart. One may not replace the other.
  const bool may_replace = !file.task.directory->created;
  for (int tries = 0; !made && made.error().code == EEXIST && may_replace && tries < kMostNameTries; ++tries) {
    file.temporary = transfer_.NewTemporaryName();
    made = OpenBeneath(directory, file.temporary.c_str(), flags, resolve, 0600);
  }
  if (!made) return TaskFailure(file.task, made.error(), Side::kDestination);
  file.destination = std::move(*made);
  auto created = StatOf(file.destination.get());
  if (!created) {
    // Made a moment ago and never to be recognised again: it goes now or stays for good.
    file.destination = UniqueFd();
    sys::Unlinkat(directory, (file.temporary.empty() ? file.task.name : file.temporary).c_str());
    file.temporary.clear();
    return TaskFailure(file.task, created.error(), Side::kDestination);
  }
  file.created = *created;
  return std::nullopt;
}

Outcome FileCopier::CopyContent(FileCopy& file, Worker& worker) {
  for (bool again = false;; again = true) {
    auto copied = CopyOnce(file, worker);
    if (!copied) return SystemFailureOf(file, copied.error());
    auto changed = SourceChanged(file, *copied);
    if (!changed) return SystemFailureOf(file, changed.error());
    if (!*changed) return std::nullopt;
    if (again) return JudgedFailure(file.task, FailureReason::kSourceChanged, Side::kSource);
    if (Outcome failed = StartAgain(file)) return failed;
  }
}

Result<off_t> FileCopier::CopyOnce(FileCopy& file, Worker& worker) {
  auto shared = CopyByReference(file);
  if (!shared) return shared.error();
  if (*shared) return **shared;
  if (worker.digest != nullptr) worker.digest->Reset();
  auto copied = read_write().Copy(ContentOf(file, worker.CopyBuffer(), worker.digest.get()));
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
  // A request that must fail is not made: while ext4 finds that out, it holds what little space there is, and the small
  // files of other threads fail for it.
  struct statfs space{};
  if (auto error = ErrorOf(sys::Fstatfs(file.destination.get(), &space), Syscall::kFstatfs)) return error;
  const auto blocks = static_cast<uint64_t>(source.st_size) / static_cast<uint64_t>(space.f_bsize);
  if (space.f_type == EXT4_SUPER_MAGIC && blocks > space.f_bfree) return IoError{ENOSPC, Syscall::kFallocate};
  auto error =
      ErrorOf(sys::Fallocate(file.destination.get(), FALLOC_FL_KEEP_SIZE, 0, source.st_size), Syscall::kFallocate);
  if (error && (error->code == EOPNOTSUPP || error->code == ENOSYS || error->code == EINVAL)) {
    transfer_.fallbacks.Add("fallocate", "write", error->code);
    return std::nullopt;
  }
  return error;
}

Result<bool> FileCopier::SourceChanged(FileCopy& file, off_t copied) {
  auto now = StatOf(file.source.get());
  if (!now) return now.error();
  const struct stat& then = file.source_stat;
  if (now->st_size != then.st_size || !SameTime(now->st_mtim, then.st_mtim) || !SameTime(now->st_ctim, then.st_ctim))
    return true;
  if (copied == then.st_size) return false;
  auto made_up = IsMadeUp(file.source.get());
  if (!made_up) return made_up.error();
  return !*made_up;
}

Outcome FileCopier::StartAgain(FileCopy& file) {
  TakeBackMoved(file);
  auto now = StatOf(file.source.get());
  if (!now) return TaskFailure(file.task, now.error(), Side::kSource);
  file.source_stat = *now;
  const auto error = ErrorOf(sys::Ftruncate(file.destination.get(), 0), Syscall::kFtruncate);
  return error ? Outcome(TaskFailure(file.task, *error, Side::kDestination)) : std::nullopt;
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
  const auto buffer = worker.CopyBuffer();
  off_t done = 0;
  for (;;) {
    if (transfer_.control.cancelled()) return SystemFailureOf(file, {ECANCELED, Syscall::kPread, done});
    auto got = ReadAt(file.destination.get(), buffer, done);
    if (!got) return TaskFailure(file.task, got.error(), Side::kDestination);
    worker.digest->Update(buffer.first(*got));
    done += static_cast<off_t>(*got);
    transfer_.control.Add(Word::kBytesVerified, static_cast<int64_t>(*got));
    if (*got < buffer.size()) break;
  }
  if (worker.digest->Hex() != file.digest)
    return JudgedFailure(file.task, FailureReason::kVerifyMismatch, Side::kDestination);
  return std::nullopt;
}

void FileCopier::Finish(FileCopy& file) {
  const auto error =
      KeepOwnerAndMode(transfer_, file.destination.get(), file.source_stat, file.created.st_uid, file.created.st_gid);
  if (error) return Fail(file, TaskFailure(file.task, *error, Side::kDestination));
  WrittenFile written;
  written.directory = file.task.directory;
  written.name = std::move(file.task.name);
  written.temporary = std::move(file.temporary);
  written.id = FileId::Of(file.created);
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
  RemoveWritten(file);
  entries_.Fail(file.task, std::move(failure));
}

void FileCopier::RemoveWritten(FileCopy& file) {
  TakeBackMoved(file);
  if (!file.destination.valid()) return;
  file.destination = UniqueFd();
  const std::string& present = file.temporary.empty() ? file.task.name : file.temporary;
  RemoveIfSame(file.open->destination.get(), present.c_str(), FileId::Of(file.created));
  file.temporary.clear();
}

void FileCopier::TakeBackMoved(FileCopy& file) {
  transfer_.control.Add(Word::kReflinkBytes, -file.moved.reflink.exchange(0));
  transfer_.control.Add(Word::kReadWriteBytes, -file.moved.read_write.exchange(0));
}

Failure FileCopier::SystemFailureOf(const FileCopy& file, const IoError& error) {
  const Side side = error.call == Syscall::kPread || error.call == Syscall::kFstat ? Side::kSource : Side::kDestination;
  return TaskFailure(file.task, error, side);
}

}  // namespace smartcopy
