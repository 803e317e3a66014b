#include "completion.h"

#include <errno.h>
#include <sys/utsname.h>

#include <cstdio>
#include <ctime>
#include <map>

#include "metadata.h"

namespace smartcopy {
namespace {

// A batch ends with any of these: the first bounds the memory of waiting files (about 300 bytes each), the second the
// space that temporary files take beside what they replace, the third what a killed run has to do again.
constexpr size_t kBatchFiles = 65'536;
constexpr int64_t kBatchBytes = int64_t{4} << 30;
constexpr time_t kBatchSeconds = 30;

// syncfs tells of write-back errors only since Linux 5.8; before, a batch could lose data without a word.
bool SyncfsReportsErrors() {
  utsname system{};
  int major = 0;
  int minor = 0;
  if (::uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &major, &minor) != 2) return false;
  return major > 5 || (major == 5 && minor >= 8);
}

}  // namespace

void Completion::Finish(WrittenFile file) {
  if (transfer_.request.durability == Durability::kNone) {
    const auto open = OpenOrFail(file);
    if (open == nullptr) return;
    const auto error = SetTimesAndName(file, *open, false);
    return Settle(file, error);
  }
  if (SynchronisesEach(*file.directory->file_system)) return FinishDurably(file);
  KeepForBatch(std::move(file));
}

bool Completion::SynchronisesEach(const DestinationFileSystem& file_system) const {
  static const bool kBatchIsSafe = SyncfsReportsErrors();
  return transfer_.request.durability == Durability::kFile || !kBatchIsSafe || !file_system.trusts_syncfs;
}

void Completion::FinishDurably(WrittenFile& file) {
  const auto open = OpenOrFail(file);
  if (open == nullptr) return;
  auto error = ErrorOf(sys::Fdatasync(file.fd.get()), Syscall::kFdatasync);
  if (!error) error = SetTimesAndName(file, *open, true);
  if (!error) error = ErrorOf(sys::Fsync(open->destination.get()), Syscall::kFsync);
  Settle(file, error);
}

void Completion::KeepForBatch(WrittenFile file) {
  // A source written a moment ago may have, to the nanosecond, the time that its fresh copy has by itself, and the copy
  // would pass for finished before it is. It gets another time until then.
  if (file.temporary.empty() && file.times[1].tv_sec >= ::time(nullptr) - 1) {
    const timespec other[2] = {{file.times[1].tv_sec - 1, 0}, {file.times[1].tv_sec - 1, 0}};
    if (const auto error = ErrorOf(sys::SetTimes(file.fd.get(), other), Syscall::kUtimensat))
      return Settle(file, error);
  }
  std::vector<WrittenFile> full;
  {
    const std::lock_guard lock(mutex_);
    if (batch_.empty()) {
      batch_bytes_ = 0;
      batch_began_ = ::time(nullptr);
    }
    batch_bytes_ += file.moved.written();
    batch_.push_back(std::move(file));
    if (batch_.size() > transfer_.budget.kept_for_batch && !many_files_) {
      many_files_ = true;
      for (auto& waiting : batch_) waiting.fd = UniqueFd();
    }
    if (many_files_) batch_.back().fd = UniqueFd();
    const bool is_full = batch_.size() >= kBatchFiles || batch_bytes_ >= kBatchBytes;
    if (is_full || ::time(nullptr) - batch_began_ >= kBatchSeconds) full.swap(batch_);
  }
  if (!full.empty()) FinishBatch(std::move(full));
}

bool Completion::Flush() {
  std::vector<WrittenFile> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(batch_);
  }
  if (batch.empty()) return false;
  FinishBatch(std::move(batch));
  return true;
}

void Completion::FinishBatch(std::vector<WrittenFile> batch) {
  std::map<const DestinationFileSystem*, std::optional<IoError>> synced;
  for (auto& file : batch) {
    const auto* file_system = file.directory->file_system;
    if (file.fd.valid() || synced.contains(file_system)) continue;
    synced[file_system] = ErrorOf(sys::Syncfs(file_system->sync_fd.get()), Syscall::kSyncfs);
  }
  for (auto& file : batch) {
    // Few files have kept their descriptors. Each is synchronised by itself, and again for its times: fsync of their
    // directory makes those durable on ext4 and XFS, not on btrfs.
    const bool few = file.fd.valid();
    auto error =
        few ? ErrorOf(sys::Fdatasync(file.fd.get()), Syscall::kFdatasync) : synced[file.directory->file_system];
    if (!error) {
      const auto open = OpenOrFail(file);
      if (open == nullptr) continue;
      error = SetTimesAndName(file, *open, few);
    }
    Settle(file, error);
  }
}

// The file itself is what gets the times, whatever has its name by now: through its descriptor, or found again by name
// and recognised by device and inode.
std::optional<IoError> Completion::SetTimesAndName(WrittenFile& file, const OpenDirectory& open, bool sync_times) {
  const std::string& present = file.PresentName();
  if (!file.fd.valid()) {
    auto opened =
        OpenBeneath(open.destination.get(), present.c_str(), O_PATH | O_NOFOLLOW, transfer_.directories.resolve());
    if (!opened) return opened.error();
    file.fd = std::move(*opened);
    auto found = StatOf(file.fd.get());
    if (!found) return found.error();
    if (FileId::Of(*found) != file.id) return IoError{ESTALE, Syscall::kOpenat2};
  }
  if (auto error = KeepTimes(transfer_, {*file.directory, file.name, file.name}, file.fd.get(), file.times))
    return error;
  if (sync_times) {
    if (auto error = ErrorOf(sys::Fsync(file.fd.get()), Syscall::kFsync)) return error;
  }
  if (auto error = ErrorOf(file.fd.Close(), Syscall::kClose)) return error;
  if (file.temporary.empty()) return std::nullopt;
  const int directory = open.destination.get();
  // In a directory that this run made, or where nothing is to be replaced, what has the name by now came in between: it
  // stays. A file system that cannot promise that (EINVAL) is asked plainly.
  const bool keeps_others = file.directory->created || transfer_.request.on_conflict != OnConflict::kOverwrite;
  if (file.is_new && keeps_others) {
    const long answer = sys::RenameNew(directory, present.c_str(), file.name.c_str());
    if (answer != -EINVAL && answer != -ENOSYS) return ErrorOf(answer, Syscall::kRenameat);
  }
  return ErrorOf(sys::Renameat(directory, present.c_str(), directory, file.name.c_str()), Syscall::kRenameat);
}

std::shared_ptr<OpenDirectory> Completion::OpenOrFail(WrittenFile& file) {
  std::optional<DirectoryTable::OpenError> error;
  auto open = transfer_.directories.Get(file.directory, error);
  if (open == nullptr) listener_.FileFailed(file, SystemFailure(error->error, error->side, file.Path()));
  return open;
}

void Completion::Settle(WrittenFile& file, const std::optional<IoError>& error) {
  if (!error) return listener_.FileDone(file);
  Abandon(file);
  listener_.FileFailed(file, SystemFailure(*error, Side::kDestination, file.Path()));
}

void Completion::Abandon(const WrittenFile& file) {
  std::optional<DirectoryTable::OpenError> error;
  const auto open = transfer_.directories.Get(file.directory, error);
  if (open == nullptr) return;
  RemoveIfSame(open->destination.get(), file.PresentName().c_str(), file.id);
}

std::optional<IoError> Completion::DirectoryDone(const OpenDirectory& open, const DestinationFileSystem& file_system) {
  if (transfer_.request.durability == Durability::kNone) return std::nullopt;
  if (SynchronisesEach(file_system)) return ErrorOf(sys::Fsync(open.destination.get()), Syscall::kFsync);
  const std::lock_guard lock(mutex_);
  if (many_files_ || many_directories_) return std::nullopt;
  if (few_directories_.size() >= transfer_.budget.kept_for_batch) {
    many_directories_ = true;
    few_directories_.clear();
    return std::nullopt;
  }
  auto kept = OpenDirectoryBeneath(open.destination.get(), ".", transfer_.directories.resolve());
  if (!kept) return kept.error();
  few_directories_.push_back(std::move(*kept));
  return std::nullopt;
}

std::optional<IoError> Completion::SyncDirectories() {
  if (transfer_.request.durability != Durability::kBatch) return std::nullopt;
  const std::lock_guard lock(mutex_);
  std::optional<IoError> error;
  if (many_files_ || many_directories_) {
    transfer_.directories.ForEachFileSystem([&](const DestinationFileSystem& file_system) {
      if (error || !file_system.trusts_syncfs) return;
      error = ErrorOf(sys::Syncfs(file_system.sync_fd.get()), Syscall::kSyncfs);
    });
    return error;
  }
  for (const auto& directory : few_directories_) {
    if (!error) error = ErrorOf(sys::Fsync(directory.get()), Syscall::kFsync);
  }
  return error;
}

}  // namespace smartcopy
