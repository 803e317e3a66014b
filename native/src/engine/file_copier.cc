#include "file_copier.h"

#include <errno.h>
#include <linux/magic.h>

#include <algorithm>
#include <array>

#include "followed_links.h"
#include "metadata.h"

namespace smartcopy {
namespace {

// From here on reserving the space pays: fewer extents, and a full file system says so within milliseconds.
constexpr off_t kSmallestReserved = off_t{1} << 20;

// O_NONBLOCK: what was a regular file in the listing may be a FIFO by now, and opening that would wait for a writer.
constexpr uint64_t kOpenSource = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

// Of a file that is not finished.
constexpr mode_t kPrivateMode = 0600;

// Whether the file is one that the kernel makes up as it is read, whose size means nothing.
Result<bool> IsMadeUp(int file) {
  struct statfs found{};
  if (auto error = ErrorOf(sys::Fstatfs(file, &found), Syscall::kFstatfs)) return *error;
  static constexpr std::array<long, 7> kTypes = {PROC_SUPER_MAGIC, SYSFS_MAGIC,        DEBUGFS_MAGIC,
                                                 TRACEFS_MAGIC,    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
                                                 SECURITYFS_MAGIC};
  return std::find(kTypes.begin(), kTypes.end(), static_cast<long>(found.f_type)) != kTypes.end();
}

// A name that waited may be another file by now, and must not pass for the one whose other names wait for it.
bool IsExchanged(const FileTask& task, const struct stat& source) {
  return task.claimed_inode && *task.claimed_inode != FileId::Of(source);
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
  Outcome failed = CreateDestination(file, worker.creates_exactly);
  if (!failed) failed = CopyContent(file, worker);
  if (!failed && ReadsBack(transfer_.request.verify)) failed = VerifyReadback(file, worker);
  return failed;
}

bool FileCopier::MakeSpace(FileCopy& file) {
  RemoveWritten(file);
  completion_.Flush();
  // Also when another thread has just finished the batch: this file may find room now.
  return transfer_.request.durability == Durability::kBatch;
}

std::unique_ptr<FileCopy> FileCopier::Open(FileTask task, std::shared_ptr<OpenDirectory> open) {
  if (SettleUnopened(task, *open)) return nullptr;
  auto file = std::make_unique<FileCopy>();
  if (!OpenSource(task, *open, file->source)) return nullptr;
  auto source_stat = StatOf(file->source.get());
  if (!source_stat) return entries_.FailAtSource(task, source_stat.error()), nullptr;
  file->source_stat = *source_stat;
  if (!S_ISREG(file->source_stat.st_mode) || IsExchanged(task, file->source_stat)) {
    entries_.Meet(task, 0);
    entries_.Fail(task, JudgedFailure(task, FailureReason::kSourceChanged, Side::kSource));
    return nullptr;
  }
  std::optional<struct stat> found;
  if (!BeginWith(task, *open, file->source_stat, found)) return nullptr;
  file->replaces = found.has_value();
  if (found && S_ISREG(found->st_mode)) file->replaced_mode = found->st_mode;
  file->task = std::move(task);
  file->open = std::move(open);
  if (found && IsUnchanged(file->source_stat, *found) && SettleUnchanged(*file, *found)) return nullptr;
  const int64_t content_bytes = file->source_stat.st_size;
  if (found && entries_.KeepsPresent(file->task, content_bytes)) return nullptr;
  if (transfer_.request.dry_run) {
    entries_.Plan(file->task, found ? "replace" : "copy", content_bytes);
    return nullptr;
  }
  return file;
}

// Of a tree that is copied again most files are what they were, and two names can tell. What cannot be told by them, or
// differs, is for Open to find.
bool FileCopier::SettleUnopened(FileTask& task, const OpenDirectory& open) {
  if (task.follows || task.directory->created || !transfer_.leaves_equal_alone()) return false;
  const auto source = GlanceAtSource(task, open);
  if (!source) return false;
  std::optional<struct stat> found;
  if (!BeginWith(task, open, *source, found)) return true;
  if (!found || !IsUnchanged(*source, *found)) return false;
  if (!transfer_.request.dry_run) {
    if (!HasOwnerAndMode(transfer_.request, *source, *found)) return false;
    bool may_differ = false;
    Outcome failed = LookForXattrs(transfer_, {*task.directory, task.source_name, task.name}, open, may_differ);
    if (failed) return entries_.Fail(task, std::move(*failed)), true;
    if (may_differ) return false;
  }
  SettleEqual(task, *source, *found);
  return true;
}

// A regular file by its name, which is one component and no link. Nothing where a mount that may not be entered has the
// name, or could have. When the kernel gives no answer, opening the file gives its error.
std::optional<struct stat> FileCopier::GlanceAtSource(const FileTask& task, const OpenDirectory& open) const {
  struct stat source{};
  bool is_no_mount = false;
  if (sys::StatxAt(open.source.get(), task.source_name.c_str(), &source, &is_no_mount) < 0) return std::nullopt;
  const bool may_enter = is_no_mount || transfer_.directories.crosses_in_source();
  if (!may_enter || !S_ISREG(source.st_mode) || IsExchanged(task, source)) return std::nullopt;
  return source;
}

// Whether the file is to be looked at any further, and then what has its name in the destination. A second time for the
// same task it answers the same.
bool FileCopier::BeginWith(FileTask& task, const OpenDirectory& open, const struct stat& source,
                           std::optional<struct stat>& found) {
  // One that waited, or comes back from the lane of large files, was counted as copied already.
  if (!task.met && !transfer_.selection.HoldsSize(source.st_size))
    return entries_.LeaveOut(task, Word::kEntriesFiltered), false;
  return entries_.Claim(task, open, source) && entries_.LookAt(task, open, found);
}

// What has the task's name in the source, or what that leads to. The task is settled when there is nothing to open.
bool FileCopier::OpenSource(FileTask& task, const OpenDirectory& open, UniqueFd& source) {
  if (task.follows) {
    auto opened =
        OpenFollowed(transfer_.LinkAt(*task.directory, task.source_name), kOpenSource & ~uint64_t{O_NOFOLLOW});
    if (auto* failure = std::get_if<Failure>(&opened)) {
      entries_.Meet(task, 0);
      entries_.Fail(task, std::move(*failure));
      return false;
    }
    source = std::move(*std::get_if<UniqueFd>(&opened));
    return true;
  }
  auto opened =
      OpenBeneath(open.source.get(), task.source_name.c_str(), kOpenSource, transfer_.directories.source_resolve());
  if (opened) {
    source = std::move(*opened);
    return true;
  }
  if (transfer_.IsLeftOutMount(opened.error()))
    entries_.LeaveOut(task, Word::kEntriesFiltered);
  else
    entries_.FailAtSource(task, opened.error());
  return false;
}

bool FileCopier::IsUnchanged(const struct stat& source, const struct stat& found) const {
  return transfer_.leaves_equal_alone() && S_ISREG(found.st_mode) && source.st_size == found.st_size &&
         SameTime(source.st_mtim, found.st_mtim);
}

bool FileCopier::SettleUnchanged(FileCopy& file, const struct stat& found) {
  const FileTask& task = file.task;
  const NamedEntry name{*task.directory, task.source_name, task.name};
  bool mended = true;
  if (transfer_.request.dry_run) return SettleEqual(task, file.source_stat, found), true;
  const bool other_mode = !HasOwnerAndMode(transfer_.request, file.source_stat, found);
  auto other_xattrs = MayDifferInXattrs(transfer_, file.source.get(), name, *file.open);
  if (!other_xattrs) {
    const Side side = other_xattrs.error().call == Syscall::kFlistxattr ? Side::kSource : Side::kDestination;
    return entries_.Fail(task, TaskFailure(task, other_xattrs.error(), side)), true;
  }
  Outcome failed;
  if (other_mode || *other_xattrs) failed = MendMetadata(file, found, mended);
  if (failed) return entries_.Fail(task, std::move(*failed)), true;
  if (!mended) return false;
  SettleEqual(task, file.source_stat, found);
  return true;
}

void FileCopier::SettleEqual(const FileTask& task, const struct stat& source, const struct stat& found) {
  const bool counts_once = task.claimed_inode || source.st_nlink <= 1 || !transfer_.request.preserve.hardlinks;
  if (counts_once) transfer_.control.Add(Word::kBytesUnchanged, source.st_size);
  entries_.Done(task, FileId::Of(found), true, {});
}

// Held with O_PATH, so that a file which may not be read can be mended too.
Outcome FileCopier::MendMetadata(const FileCopy& file, const struct stat& found, bool& mended) {
  const FileTask& task = file.task;
  auto present = OpenBeneath(file.open->destination.get(), task.name.c_str(), O_PATH | O_NOFOLLOW,
                             transfer_.directories.resolve());
  if (!present) return TaskFailure(task, present.error(), Side::kDestination);
  auto opened = StatOf(present->get());
  if (!opened) return TaskFailure(task, opened.error(), Side::kDestination);
  if (FileId::Of(*opened) != FileId::Of(found))
    return TaskFailure(task, {ESTALE, Syscall::kOpenat2}, Side::kDestination);
  const NamedEntry name{*task.directory, task.source_name, task.name};
  const MetadataEnds ends{file.source.get(), file.source_stat, present->get(), *opened};
  if (opened->st_nlink == 1) return KeepMetadata(transfer_, name, ends);
  // The metadata of a file with several names is not mended: another name of it may be far outside, put here by a link.
  mended = HasOwnerAndMode(transfer_.request, file.source_stat, *opened) && HasSameXattrs(transfer_, name, ends);
  return std::nullopt;
}

Outcome FileCopier::CreateDestination(FileCopy& file, bool exactly) {
  const auto final_mode = exactly ? FinalMode(file) : std::nullopt;
  auto made = MakeFile(file, final_mode.value_or(kPrivateMode));
  if (!made) return TaskFailure(file.task, made.error(), Side::kDestination);
  file.destination = std::move(*made);
  if (!final_mode) return LookAtCreated(file);
  file.created = {};
  file.created.st_mode = S_IFREG | *final_mode;
  file.created.st_uid = file.source_stat.st_uid;
  file.created.st_gid = file.source_stat.st_gid;
  return std::nullopt;
}

// What a killed run leaves unfinished under its own name must not be taken for somebody else's file by the next one.
bool FileCopier::TakesOwnName(const FileCopy& file) const {
  return !file.replaces && transfer_.request.atomic == Atomic::kReplace &&
         transfer_.request.on_conflict == OnConflict::kOverwrite;
}

// Under its own name where it may have that at once and nothing has it, else under a temporary one.
Result<UniqueFd> FileCopier::MakeFile(FileCopy& file, mode_t mode) {
  const bool own_name = TakesOwnName(file);
  Result<UniqueFd> made = IoError{EEXIST, Syscall::kOpenat2};
  if (own_name) made = MakeFileCalled(file, file.task.name, mode);
  // In a directory that this run made, nothing can have the name but another entry of the source: on a file system that
  // does not tell their names apart. One may not replace the other.
  const bool may_replace = !own_name || !file.task.directory->created;
  for (int tries = 0; !made && made.error().code == EEXIST && may_replace && tries < kMostNameTries; ++tries) {
    file.temporary = transfer_.NewTemporaryName();
    made = MakeFileCalled(file, file.temporary, mode);
  }
  return made;
}

Result<UniqueFd> FileCopier::MakeFileCalled(const FileCopy& file, const std::string& name, mode_t mode) {
  const uint64_t access = ReadsBack(transfer_.request.verify) ? O_RDWR : O_WRONLY;
  return OpenBeneath(file.open->destination.get(), name.c_str(), access | O_CREAT | O_EXCL | O_NOFOLLOW,
                     transfer_.directories.resolve(), mode);
}

Outcome FileCopier::LookAtCreated(FileCopy& file) {
  auto created = StatOf(file.destination.get());
  if (!created) {
    // Made a moment ago and never to be recognised again: it goes now or stays for good.
    file.destination = UniqueFd();
    sys::Unlinkat(file.open->destination.get(), file.PresentName().c_str());
    file.temporary.clear();
    return TaskFailure(file.task, created.error(), Side::kDestination);
  }
  file.created = *created;
  Directory& directory = *file.task.directory;
  if ((created->st_mode & 07777) != kPrivateMode)
    directory.file_system->invents_modes.store(true, std::memory_order_relaxed);
  else if (directory.created)
    directory.new_file_owner.Learn(*created);
  return std::nullopt;
}

// The mode that the file keeps for good, where it can have it from the beginning: in a directory that this run made,
// where new files belong to its owner by themselves. So nobody may read it now who may not later, and neither its owner
// nor its mode have to be looked at or set.
std::optional<mode_t> FileCopier::FinalMode(const FileCopy& file) const {
  const Directory& directory = *file.task.directory;
  if (!directory.created || directory.inherits_acl || !directory.new_file_owner.IsOf(file.source_stat))
    return std::nullopt;
  if (directory.file_system->invents_modes.load(std::memory_order_relaxed)) return std::nullopt;
  const mode_t mode = ModeOf(transfer_.request, file.source_stat);
  const bool is_plain = (mode & ~static_cast<mode_t>(0777)) == 0;
  return transfer_.request.preserve.mode && is_plain ? std::optional(mode) : std::nullopt;
}

Outcome FileCopier::CopyContent(FileCopy& file, Worker& worker) {
  for (bool again = false;; again = true) {
    off_t copied = 0;
    if (Outcome failed = CopyOnce(file, worker, copied)) return failed;
    auto changed = SourceChanged(file, copied);
    if (!changed) return SystemFailureOf(file, changed.error());
    if (!*changed) return std::nullopt;
    if (again) return JudgedFailure(file.task, FailureReason::kSourceChanged, Side::kSource);
    if (Outcome failed = StartAgain(file)) return failed;
  }
}

Outcome FileCopier::CopyOnce(FileCopy& file, Worker& worker, off_t& copied) {
  std::optional<off_t> shared;
  Outcome failed = CopyByReference(file, shared);
  copied = shared.value_or(0);
  if (failed || shared) return failed;
  Watch watch;
  if (worker.digest != nullptr) {
    worker.digest->Reset();
    watch = [&worker](std::span<const std::byte> bytes) {
      worker.digest->Update(bytes);
      return true;
    };
  }
  auto moved = content_.Copy(ContentOf(file, &worker), watch);
  if (!moved) return SystemFailureOf(file, moved.error());
  if (worker.digest != nullptr) file.digest = worker.digest->Hex();
  copied = *moved;
  return std::nullopt;
}

Outcome FileCopier::CopyByReference(FileCopy& file, std::optional<off_t>& shared) {
  const ContentCopy content = ContentOf(file, nullptr);
  auto choice = content_.Choose(content, file.source_stat, file.task.directory->file_system->type);
  if (!choice) return SystemFailureOf(file, choice.error());
  file.plan.choice = *choice;
  auto by_reference = content_.Share(content, {});
  if (!by_reference) return SystemFailureOf(file, by_reference.error());
  shared = *by_reference;
  if (shared) return std::nullopt;
  if (ContentCopier::WantsDirect(*choice)) {
    if (Outcome failed = OpenDirect(file)) return failed;
  }
  if (auto error = MakeReady(file)) return SystemFailureOf(file, *error);
  return std::nullopt;
}

// A file that cannot bypass the page cache goes through it, and that is counted. What went wrong in other ways is no
// reason to try that: it is final.
Outcome FileCopier::OpenDirect(FileCopy& file) {
  file.plan.direct.reset();
  const std::string& present = file.PresentName();
  const auto refused = OpenDirectFiles({file.open->source.get(), file.task.source_name.c_str(), file.source.get()},
                                       {file.open->destination.get(), present.c_str(), file.destination.get()},
                                       transfer_.directories.resolve(), file.plan.direct);
  if (!refused) return std::nullopt;
  if (JudgeRefusal(refused->error.code) == Refusal::kFinal)
    return TaskFailure(file.task, refused->error, refused->side);
  transfer_.fallbacks.Add("directIo", "pageCache", refused->error.code);
  return std::nullopt;
}

// The place for the bytes. A sparse file gets its size, so that the file system adds nothing behind what is written;
// direct writes that would extend a file are made one after the other, so it gets its size for these too.
std::optional<IoError> FileCopier::MakeReady(FileCopy& file) {
  const bool keeps_holes = file.plan.choice.holes != Holes::kWritten;
  if (!keeps_holes) {
    if (auto error = Reserve(file)) return error;
  }
  const bool knows_size = file.plan.choice.holes == Holes::kFromMap || file.plan.choice.holes == Holes::kFromBoth;
  if (!knows_size && !file.plan.direct) return std::nullopt;
  file.plan.has_size = true;
  return ErrorOf(sys::Ftruncate(file.destination.get(), file.source_stat.st_size), Syscall::kFtruncate);
}

// The size stays 0 until bytes are written (FALLOC_FL_KEEP_SIZE), so that what a killed run leaves behind never has the
// size of a finished file before it has its bytes.
std::optional<IoError> FileCopier::Reserve(FileCopy& file) {
  const struct stat& source = file.source_stat;
  if (source.st_size < kSmallestReserved || !file.task.directory->file_system->preallocates) return std::nullopt;
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
  auto error = ErrorOf(sys::Ftruncate(file.destination.get(), 0), Syscall::kFtruncate);
  if (!error) error = MakeReady(file);
  return error ? Outcome(TaskFailure(file.task, *error, Side::kDestination)) : std::nullopt;
}

ContentCopy FileCopier::ContentOf(FileCopy& file, Worker* worker) {
  ContentCopy content;
  content.source = file.source.get();
  content.destination = file.destination.get();
  content.size = file.source_stat.st_size;
  // The file's own: overlayfs has its files on other devices than its directories.
  content.source_device = file.source_stat.st_dev;
  content.destination_device = file.task.directory->destination_id.device;
  content.moved = &file.moved;
  content.plan = &file.plan;
  if (worker != nullptr) {
    content.buffer = worker->CopyBuffer();
    content.ring = &worker->ring;
  }
  return content;
}

Outcome FileCopier::VerifyReadback(FileCopy& file, Worker& worker) {
  worker.digest->Reset();
  const bool from_media = transfer_.request.verify == VerifyLevel::kMedia;
  if (from_media) {
    if (Outcome failed = BeginMediaRead(file)) return failed;
  }
  const auto buffer = from_media ? MediaBuffer(worker) : worker.CopyBuffer();
  off_t done = 0;
  for (;;) {
    if (transfer_.control.cancelled()) return SystemFailureOf(file, {ECANCELED, Syscall::kPread, done});
    auto got = from_media ? ReadMediumAt(MediumOf(file), buffer, done) : ReadAt(file.destination.get(), buffer, done);
    if (!got) return TaskFailure(file.task, got.error(), Side::kDestination);
    worker.digest->Update(buffer.first(*got));
    done += static_cast<off_t>(*got);
    transfer_.control.Add(Word::kBytesVerified, static_cast<int64_t>(*got));
    if (*got < buffer.size()) break;
  }
  if (!SameDigest(worker.digest->Hex(), file.digest))
    return JudgedFailure(file.task, FailureReason::kVerifyMismatch, Side::kDestination);
  return std::nullopt;
}

Outcome FileCopier::BeginMediaRead(FileCopy& file) {
  const auto began = smartcopy::BeginMediaRead(file.destination.get(), file.task.directory->file_system->is_memory);
  if (began) {
    file.media_alignment = began.value();
    return std::nullopt;
  }
  Failure failure = TaskFailure(file.task, began.error(), Side::kDestination);
  if (IsMediaNotOffered(began.error())) failure.reason = FailureReason::kMediaNotOffered;
  return failure;
}

Medium FileCopier::MediumOf(const FileCopy& file) {
  return {file.destination.get(), file.source_stat.st_size, file.media_alignment};
}

void FileCopier::Finish(FileCopy& file) {
  if (transfer_.request.digest && file.digest.empty())
    return Fail(file, JudgedFailure(file.task, FailureReason::kSystemError, Side::kDestination));
  Outcome failed = KeepMetadata(
      transfer_, {*file.task.directory, file.task.source_name, file.task.name},
      {file.source.get(), file.source_stat, file.destination.get(), file.created, true, file.replaced_mode});
  if (failed) return Fail(file, std::move(*failed));
  // Who finds it again by its name has to know it.
  const bool is_found_again = transfer_.request.durability != Durability::kNone || file.task.claimed_inode;
  if (file.created.st_ino == 0 && is_found_again) {
    auto found = StatOf(file.destination.get());
    if (!found) return Fail(file, TaskFailure(file.task, found.error(), Side::kDestination));
    file.created = *found;
  }
  WrittenFile written = SettledAs(file.task);
  written.is_new = !file.replaces;
  written.content_bytes = file.source_stat.st_size;
  written.temporary = std::move(file.temporary);
  written.id = FileId::Of(file.created);
  TimesFor(transfer_, file.source_stat, written.times);
  written.fd = std::move(file.destination);
  written.moved = file.moved.Counts();
  const char* const method = written.moved.method();
  written.method = method != nullptr ? method : MethodName(Method::kReadWrite);
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
  const std::string& present = file.PresentName();
  RemoveIfSame(file.open->destination.get(), present.c_str(), FileId::Of(file.created));
  file.temporary.clear();
  // All that is known of the destination was of the one that is gone now.
  file.plan.direct.reset();
  file.plan.has_size = false;
}

void FileCopier::TakeBackMoved(FileCopy& file) { file.moved.TakeBackFrom(transfer_.control); }

Failure FileCopier::SystemFailureOf(const FileCopy& file, const IoError& error) {
  static constexpr std::array kOfSource = {Syscall::kPread, Syscall::kFstat, Syscall::kRingRead, Syscall::kLseek,
                                           Syscall::kMmap};
  const bool of_source = std::find(kOfSource.begin(), kOfSource.end(), error.call) != kOfSource.end();
  return TaskFailure(file.task, error, of_source ? Side::kSource : Side::kDestination);
}

}  // namespace smartcopy
