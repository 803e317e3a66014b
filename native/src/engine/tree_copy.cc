#include "tree_copy.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "thread.h"
#include "tree_scan.h"

namespace smartcopy {
namespace {

// getdents64 gives about 2,000 entries at once into this much.
constexpr size_t kListingBytes = 64 * 1024;

// Half of the descriptors this process may have go to directory pairs, an eighth to the scan, an eighth each to files
// and to directories that wait for a small batch to end; the rest is for the files under way.
DescriptorBudget BudgetOfThisProcess() {
  rlimit limit{};
  const size_t all = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 256;
  return {std::clamp<size_t>(all / 4, 8, 4096), std::clamp<size_t>(all / 8, 4, 64),
          std::clamp<size_t>(all / 8, 4, 1024)};
}

}  // namespace

TreeCopy::TreeCopy(const CopyRequest& request, ControlBlock control, FailureSink& failures)
    : transfer_(request, control, failures, BudgetOfThisProcess()),
      completion_(transfer_, *this),
      queue_(request.thread_count),
      large_files_(transfer_, {[this] { queue_.Begin(); }, [this] { queue_.WakeAll(); }, [this] { queue_.End(); }}),
      entries_(transfer_, *this),
      file_copier_(transfer_, completion_, entries_, large_files_),
      symbolic_link_copier_(transfer_, entries_) {
  large_files_.Use(file_copier_, entries_);
}

std::variant<CopyResult, StartError> TreeCopy::Run() {
  auto ends = OpenEnds(transfer_.request);
  if (auto* error = std::get_if<StartError>(&ends)) return std::move(*error);
  if (auto error = Begin(std::move(*std::get_if<Ends>(&ends)))) return std::move(*error);
  RunWorkers();
  return Conclude();
}

std::optional<StartError> TreeCopy::Begin(Ends ends) {
  const auto failed = [&](const IoError& error, const char* what) {
    return StartError{StartError::Kind::kSystem, error, what};
  };
  for (size_t index = 0; index < transfer_.request.thread_count; ++index) {
    auto buffer = Buffer::Make(std::max(transfer_.request.buffer_bytes, kListingBytes));
    if (!buffer) return failed(buffer.error(), "memory for a copy buffer");
    const auto& digest = transfer_.request.digest;
    workers_.push_back(
        {index, std::move(*buffer), digest ? MakeDigest(*digest) : nullptr, transfer_.request.buffer_bytes});
  }
  auto file_system = transfer_.directories.FileSystemOf(ends.destination, ends.destination_stat.st_dev);
  if (!file_system) return failed(file_system.error(), transfer_.request.destination.root.c_str());
  ClaimDestination(ends.destination.get());
  top_ = std::make_shared<Directory>();
  top_->source_stat = ends.source_stat;
  top_->source_id = FileId::Of(ends.source_stat);
  top_->destination_id = FileId::Of(ends.destination_stat);
  top_->created = ends.created;
  top_->keeps_metadata = !ends.single;
  top_->file_system = *file_system;
  transfer_.directories.Hold(top_, OpenDirectory{std::move(ends.source), std::move(ends.destination)});
  parents_of_made_ = std::move(ends.parents_of_made);
  if (ends.single) {
    single_ = FileTask{top_, ends.single->source_name, ends.single->name, ends.single->is_symbolic_link};
    queue_.Push(0, *single_);
  } else {
    queue_.Push(0, DirectoryTask{nullptr, {}});
  }
  return std::nullopt;
}

// Every run holds a shared lock on the directory it copies into. One that finds nobody else there may remove what
// earlier runs left; one that does not removes nothing, because it could be in use, and takes a later epoch, so that
// its own files are none of the other's leavings. A file system without locks is taken to have nobody else.
void TreeCopy::ClaimDestination(int destination) {
  if (sys::Flock(destination, LOCK_EX) == -EWOULDBLOCK) {
    transfer_.removes_leftovers = false;
    ++transfer_.epoch;
  }
  // Another run holds its exclusive lock for an instant.
  constexpr int kTries = 50;
  for (int tries = 0; tries < kTries && sys::Flock(destination, LOCK_SH) == -EWOULDBLOCK; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

void TreeCopy::RunWorkers() {
  std::optional<DirectoryTable::OpenError> error;
  const auto top = transfer_.directories.Get(top_, error);  // the top is never closed
  TreeScan scan(transfer_, top->source.get());
  std::unique_ptr<Thread> scanning;
  if (transfer_.request.scan_totals && !single_) scanning = std::make_unique<Thread>([&] { scan.Run(); });
  {
    std::vector<std::unique_ptr<Thread>> helpers;
    for (size_t index = 1; index < workers_.size(); ++index)
      helpers.push_back(std::make_unique<Thread>([this, index] { Work(workers_[index]); }));
    Work(workers_[0]);
  }
  scan.Stop();
}

void TreeCopy::Work(Worker& worker) {
  do {
    while (WorkOnce(worker)) continue;
  } while (queue_.Wait([this] { return large_files_.HasWork(); }, [this] { return completion_.Flush(); }));
}

// Half of the threads look after large files first, the others after small ones, and each after the other's when its
// own are done: neither a few large files nor many small ones are left for the end.
bool TreeCopy::WorkOnce(Worker& worker) {
  const bool prefers_large = worker.index % 2 == 1;
  if (prefers_large && large_files_.Work(worker)) return true;
  if (TakeTask(worker)) return true;
  return !prefers_large && large_files_.Work(worker);
}

bool TreeCopy::TakeTask(Worker& worker) {
  auto task = queue_.Take(worker.index);
  if (!task) return false;
  std::visit([&](auto& kind) { Run(worker, kind); }, *task);
  queue_.End();
  return true;
}

void TreeCopy::Run(Worker& worker, DirectoryTask& task) {
  std::shared_ptr<OpenDirectory> open;
  std::shared_ptr<Directory> directory;
  if (task.parent == nullptr) {
    std::optional<DirectoryTable::OpenError> error;
    directory = top_;
    open = transfer_.directories.Get(top_, error);
  } else {
    if (!transfer_.control.cancelled()) directory = OpenDirectoryPair(task, open);
    if (directory == nullptr) return Release(task.parent);
  }
  ListDirectory(worker, directory, open);
}

void TreeCopy::Run(Worker& worker, EntriesTask& task) {
  std::optional<DirectoryTable::OpenError> error;
  const auto open = transfer_.directories.Get(task.directory, error);
  const auto directory = task.directory;
  if (open != nullptr)
    RunEntries(worker, std::move(task), open);
  else
    transfer_.Fail(SystemFailure(error->error, error->side, PathOf(*directory, {})));
  Release(directory);
}

void TreeCopy::Run(Worker& worker, FileTask& task) {
  if (transfer_.control.cancelled()) return entries_.Cancel(task);
  std::optional<DirectoryTable::OpenError> error;
  const auto open = transfer_.directories.Get(task.directory, error);
  if (open == nullptr)
    return entries_.Fail(task, SystemFailure(error->error, error->side, PathOf(*task.directory, task.name)));
  // The directory that merely holds a single copied file is not listed, so nobody else looks for leavings there.
  if (single_) RemoveStaleTemporaries(worker, *task.directory, *open);
  RunFile(worker, task, open);
}

std::shared_ptr<Directory> TreeCopy::OpenDirectoryPair(const DirectoryTask& task,
                                                       std::shared_ptr<OpenDirectory>& open) {
  const auto fail = [&](Side side, IoError error) {
    transfer_.Fail(SystemFailure(error, side, PathOf(*task.parent, task.name)));
    return nullptr;
  };
  std::optional<DirectoryTable::OpenError> open_error;
  const auto parent = transfer_.directories.Get(task.parent, open_error);
  if (parent == nullptr) return fail(open_error->side, open_error->error);
  const uint64_t resolve = transfer_.directories.resolve();
  auto source = OpenDirectoryBeneath(parent->source.get(), task.name.c_str(), resolve);
  if (!source) return fail(Side::kSource, source.error());
  auto source_stat = StatOf(source->get());
  if (!source_stat) return fail(Side::kSource, source_stat.error());
  auto directory = std::make_shared<Directory>();
  directory->parent = task.parent;
  directory->name = task.name;
  directory->source_stat = *source_stat;
  directory->source_id = FileId::Of(*source_stat);
  if (directory->source_id == top_->destination_id) {
    // Reached through a bind mount, where no name could tell. Walking it would copy the copy without end.
    transfer_.Fail(
        {FailureReason::kDestinationInsideSource, Side::kSource, PathOf(*task.parent, task.name), std::nullopt});
    return nullptr;
  }

  const auto not_made = ErrorOf(sys::Mkdirat(parent->destination.get(), task.name.c_str(), 0700), Syscall::kMkdirat);
  if (not_made && not_made->code != EEXIST) return fail(Side::kDestination, *not_made);
  directory->created = !not_made;
  auto destination = OpenDirectoryBeneath(parent->destination.get(), task.name.c_str(), resolve);
  if (!destination) return fail(Side::kDestination, destination.error());
  auto destination_stat = StatOf(destination->get());
  if (!destination_stat) return fail(Side::kDestination, destination_stat.error());
  directory->destination_id = FileId::Of(*destination_stat);
  if (directory->destination_id == top_->source_id || directory->destination_id == directory->source_id) {
    // The source lies inside the destination, and its copy would replace it while it is read.
    transfer_.Fail(
        {FailureReason::kDestinationInsideSource, Side::kDestination, PathOf(*task.parent, task.name), std::nullopt});
    return nullptr;
  }
  directory->file_system = task.parent->file_system;
  if (destination_stat->st_dev != task.parent->destination_id.device) {
    auto file_system = transfer_.directories.FileSystemOf(*destination, destination_stat->st_dev);
    if (!file_system) return fail(Side::kDestination, file_system.error());
    directory->file_system = *file_system;
  }
  OpenDirectory pair{std::move(*source), std::move(*destination)};
  open = transfer_.directories.Hold(directory, std::move(pair));
  return directory;
}

void TreeCopy::ListDirectory(Worker& worker, const std::shared_ptr<Directory>& directory,
                             const std::shared_ptr<OpenDirectory>& open) {
  if (!directory->created) RemoveStaleTemporaries(worker, *directory, *open);
  auto listing = Listing::Read(open->source.get(), worker.buffer.bytes());
  if (!listing) {
    transfer_.Fail(SystemFailure(listing.error(), Side::kSource, PathOf(*directory, {})));
    return Release(directory);
  }
  EntriesTask entries{directory, std::make_shared<const Listing>(std::move(*listing)), 0, 0};
  entries.end = entries.listing->size();
  for (size_t index = 0; index < entries.end; ++index) {
    if ((*entries.listing)[index].type == DT_DIR) PushDirectory(worker, directory, (*entries.listing)[index].name);
  }
  RunEntries(worker, std::move(entries), open);
  Release(directory);
}

void TreeCopy::PushDirectory(Worker& worker, const std::shared_ptr<Directory>& parent, const char* name) {
  parent->pending.fetch_add(1);
  queue_.Push(worker.index, DirectoryTask{parent, name});
}

void TreeCopy::RemoveStaleTemporaries(Worker& worker, const Directory& directory, const OpenDirectory& open) {
  auto listing = Listing::Read(open.destination.get(), worker.buffer.bytes());
  if (!listing && listing.error().code == EBADF && single_) return;  // a directory that may not be read
  if (!listing) return transfer_.Fail(SystemFailure(listing.error(), Side::kDestination, PathOf(directory, {})));
  for (size_t index = 0; index < listing->size(); ++index) {
    const char* name = (*listing)[index].name;
    if (!transfer_.IsStaleTemporary(name)) continue;
    const long answer = sys::Unlinkat(open.destination.get(), name);
    if (answer >= 0)
      transfer_.temporaries_removed.fetch_add(1);
    else if (answer != -ENOENT)
      transfer_.Fail(
          SystemFailure({static_cast<int>(-answer), Syscall::kUnlinkat}, Side::kDestination, PathOf(directory, name)));
  }
}

void TreeCopy::RunEntries(Worker& worker, EntriesTask task, const std::shared_ptr<OpenDirectory>& open) {
  for (size_t index = task.begin; index < task.end && !transfer_.control.cancelled(); ++index) {
    if (task.end - index >= 2 && queue_.HasIdleWorkers()) {
      const size_t middle = index + (task.end - index) / 2;
      task.directory->pending.fetch_add(1);
      queue_.Push(worker.index, EntriesTask{task.directory, task.listing, middle, task.end});
      task.end = middle;
    }
    RunEntry(worker, task.directory, open, (*task.listing)[index]);
  }
}

void TreeCopy::RunEntry(Worker& worker, const std::shared_ptr<Directory>& directory,
                        const std::shared_ptr<OpenDirectory>& open, Listing::Entry entry) {
  if (entry.type == DT_DIR) return;  // has a task of its own already
  uint8_t type = entry.type;
  if (type == DT_UNKNOWN) {
    auto found = StatBeneath(open->source.get(), entry.name);
    if (!found) return transfer_.Fail(SystemFailure(found.error(), Side::kSource, PathOf(*directory, entry.name)));
    type = IFTODT(found->st_mode);
  }
  if (type == DT_DIR) return PushDirectory(worker, directory, entry.name);
  if (type != DT_REG && type != DT_LNK)
    return transfer_.Refuse({FailureReason::kSpecialFile, Side::kSource, PathOf(*directory, entry.name), std::nullopt});
  directory->pending.fetch_add(1);
  FileTask task{directory, entry.name, entry.name, type == DT_LNK};
  RunFile(worker, task, open);
}

void TreeCopy::RunFile(Worker& worker, FileTask& task, const std::shared_ptr<OpenDirectory>& open) {
  if (task.is_symbolic_link)
    symbolic_link_copier_.Copy(std::move(task), *open);
  else
    file_copier_.Copy(worker, std::move(task), open);
}

void TreeCopy::FileDone(const WrittenFile& file) {
  transfer_.control.Add(file.unchanged ? Word::kFilesUnchanged : Word::kFilesDone, 1);
  if (!file.digest.empty()) transfer_.digest_lines.Add(file.digest, file.Path());
  if (file.link_group)
    RunAgain(entries_.hard_links.Finished(*file.link_group, {file.directory, file.name, file.id, file.digest}));
  Release(file.directory);
}

void TreeCopy::FileFailed(const WrittenFile& file, Failure failure) {
  file.moved.TakeBackFrom(transfer_.control);
  transfer_.Fail(std::move(failure));
  if (file.link_group) RunAgain(entries_.hard_links.Failed(*file.link_group));
  Release(file.directory);
}

void TreeCopy::RunAgain(std::vector<FileTask> tasks) {
  for (auto& task : tasks) queue_.Push(0, std::move(task));
}

void TreeCopy::Release(std::shared_ptr<Directory> directory) {
  while (directory != nullptr && directory->pending.fetch_sub(1) == 1) {
    FinishDirectory(directory);
    directory = directory->parent;
  }
}

void TreeCopy::FinishDirectory(const std::shared_ptr<Directory>& directory) {
  std::optional<DirectoryTable::OpenError> open_error;
  const auto open = transfer_.directories.Get(directory, open_error);
  if (open == nullptr)
    return transfer_.Fail(SystemFailure(open_error->error, open_error->side, PathOf(*directory, {})));
  std::optional<IoError> error;
  if (directory->keeps_metadata) error = KeepDirectoryMetadata(open->destination.get(), directory->source_stat);
  // Whatever became of its own metadata, the names in it are to last.
  const auto not_durable = completion_.DirectoryDone(*open, *directory->file_system);
  if (!error) error = not_durable;
  if (error) return transfer_.Fail(SystemFailure(*error, Side::kDestination, PathOf(*directory, {})));
  if (directory->keeps_metadata) transfer_.control.Add(Word::kDirectoriesDone, 1);
}

std::optional<IoError> TreeCopy::KeepDirectoryMetadata(int destination, const struct stat& source) {
  auto found = StatOf(destination);
  if (!found) return found.error();
  if (found->st_uid != source.st_uid || found->st_gid != source.st_gid || found->st_mode != source.st_mode) {
    if (auto error = KeepOwnerAndMode(transfer_, destination, source, found->st_uid, found->st_gid)) return error;
  }
  if (SameTime(found->st_mtim, source.st_mtim)) return std::nullopt;
  const timespec times[2] = {source.st_atim, source.st_mtim};
  return ErrorOf(sys::SetTimes(destination, times), Syscall::kUtimensat);
}

CopyResult TreeCopy::Conclude() {
  CopyResult result;
  auto error = completion_.SyncDirectories();
  if (transfer_.request.durability != Durability::kNone) {
    for (const auto& parent : parents_of_made_) {
      if (!error) error = ErrorOf(sys::Fsync(parent.get()), Syscall::kFsync);
    }
  }
  if (error) {
    result.end = End::kEndedEarly;
    transfer_.Fail(SystemFailure(*error, Side::kDestination, {}));
  }
  result.digests_error = transfer_.digest_lines.Flush();
  if (transfer_.control.cancelled()) {
    result.end = End::kCancelled;
  } else {
    transfer_.control.Set(Word::kBytesTotal, transfer_.met_bytes.load());
    transfer_.control.Set(Word::kFilesTotal, transfer_.met_files.load());
    transfer_.control.Set(Word::kTotalsFinal, 1);
  }
  result.fallbacks = transfer_.fallbacks.Take();
  result.owners_not_kept = transfer_.owners_not_kept.load();
  result.modes_not_kept = transfer_.modes_not_kept.load();
  result.temporaries_removed = transfer_.temporaries_removed.load();
  return result;
}

}  // namespace smartcopy
