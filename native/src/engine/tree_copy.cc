#include "tree_copy.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "pinned_thread.h"
#include "private_umask.h"
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

TreeCopy::TreeCopy(const CopyRequest& request, ControlBlock control, FailureSink& failures, EntryLines* lines)
    : transfer_(request, control, failures, BudgetOfThisProcess()),
      completion_(transfer_, *this),
      queue_(request.thread_count),
      large_files_(transfer_, {[this] { queue_.Begin(); }, [this] { queue_.WakeAll(); }, [this] { queue_.End(); }}),
      entries_(transfer_, *this),
      destinations_(transfer_),
      ordered_(request.ordering),
      retries_(request.retries, control),
      file_copier_(transfer_, completion_, entries_, large_files_),
      symbolic_link_copier_(transfer_, entries_),
      special_file_copier_(transfer_, entries_) {
  large_files_.Use(file_copier_, entries_);
  transfer_.lines = lines;
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
  if (transfer_.request.digest && MakeDigest(*transfer_.request.digest) == nullptr)
    return failed({ENOSYS, Syscall::kOpen}, "a digest that this process cannot compute");
  for (size_t index = 0; index < transfer_.request.thread_count; ++index) {
    auto buffer = transfer_.memory.Make(std::max(transfer_.request.buffer_bytes, kListingBytes));
    if (!buffer) return failed(buffer.error(), "memory for a copy buffer");
    const auto& digest = transfer_.request.digest;
    workers_.push_back(
        {index, std::move(*buffer), digest ? MakeDigest(*digest) : nullptr, transfer_.request.buffer_bytes});
  }
  top_ = std::make_shared<Directory>();
  top_->source_stat = ends.source_stat;
  top_->source_id = FileId::Of(ends.source_stat);
  top_->made = true;
  top_->created = ends.created;
  top_->keeps_metadata = !ends.single;
  top_->on_demand = transfer_.makes_on_demand();
  if (ends.destination.valid()) {
    auto file_system = transfer_.directories.FileSystemOf(ends.destination, ends.destination_stat.st_dev);
    if (!file_system) return failed(file_system.error(), transfer_.request.destination.root.c_str());
    // The same would be said of every file; before anything is written it is worth more.
    if (transfer_.request.verify == VerifyLevel::kMedia && (*file_system)->is_memory)
      return failed({EOPNOTSUPP, Syscall::kFstatfs}, transfer_.request.destination.root.c_str());
    top_->file_system = *file_system;
    top_->destination_id = FileId::Of(ends.destination_stat);
    if (!transfer_.request.dry_run) ClaimDestination(ends.destination.get());
  }
  if (top_->created && transfer_.lines != nullptr) transfer_.lines->Add("directory", std::nullopt, {});
  OpenDirectory pair{std::move(ends.source), std::move(ends.destination)};
  if (auto error = NoteXattrsOf(*top_, pair)) {
    const auto& end = error->side == Side::kSource ? transfer_.request.source : transfer_.request.destination;
    return failed(error->error, end.root.c_str());
  }
  transfer_.directories.Hold(top_, std::move(pair));
  parents_of_made_ = std::move(ends.parents_of_made);
  if (ends.single) {
    single_ = FileTask{top_, ends.single->source_name, ends.single->name, ends.single->is_symbolic_link,
                       ends.single->is_special_file};
    BeginSingle();
  } else if (transfer_.request.files_from) {
    queue_.Push(0, PathListTask{});
  } else if (ordered_.in_use()) {
    queue_.Push(0, OrderedWalkTask{});
  } else {
    queue_.Push(0, DirectoryTask{nullptr, {}});
  }
  return std::nullopt;
}

// A single file is selected as if it lay in the source by its name.
void TreeCopy::BeginSingle() {
  const bool is_link = single_->is_symbolic_link;
  const bool skipped = is_link && transfer_.request.symlinks == Symlinks::kSkip;
  if (skipped || !transfer_.selection.Copies({{}, single_->source_name}))
    return entries_.LeaveOut(*single_, Word::kEntriesFiltered);
  if (is_link && transfer_.request.symlinks == Symlinks::kFollowWithinRoot) {
    single_->is_symbolic_link = false;
    single_->follows = single_->alone = true;
    if (const auto reason = ReasonNotCopied(*single_)) {
      entries_.Meet(*single_, 0);
      return entries_.Fail(*single_, JudgedFailure(*single_, *reason, Side::kSource));
    }
  }
  queue_.Push(0, *single_);
}

// Of a source that is itself a link: what it leads to is copied when that is a file. What cannot be looked at is left
// to be named by who opens it.
std::optional<FailureReason> TreeCopy::ReasonNotCopied(const FileTask& followed) {
  auto opened = OpenFollowed(transfer_.LinkAt(*followed.directory, followed.source_name), O_PATH);
  const auto* target = std::get_if<UniqueFd>(&opened);
  if (target == nullptr) return std::nullopt;
  auto found = StatOf(target->get());
  if (!found || S_ISREG(found->st_mode)) return std::nullopt;
  return S_ISDIR(found->st_mode) ? FailureReason::kLinkToDirectory : FailureReason::kSpecialFile;
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
  const bool can_scan =
      !single_ && !transfer_.request.files_from && transfer_.request.symlinks != Symlinks::kFollowWithinRoot;
  if (transfer_.request.scan_totals && can_scan) scanning = std::make_unique<Thread>([&] { scan.Run(); });
  {
    std::vector<std::unique_ptr<Thread>> helpers;
    for (size_t index = 1; index < workers_.size(); ++index)
      helpers.push_back(std::make_unique<Thread>([this, index] { Work(workers_[index]); }));
    Work(workers_[0]);
  }
  scan.Stop();
}

void TreeCopy::Work(Worker& worker) {
  const PinnedThread pinned(transfer_.request.numa, worker.index);
  const PrivateUmask umask;
  worker.creates_exactly = umask.held();
  do {
    while (WorkOnce(worker)) continue;
  } while (queue_.Wait([this] { return large_files_.HasWork() || ordered_.HasWork(); },
                       [this] {
                         if (completion_.Flush() || PushRetries()) return true;
                         ReleaseListed();
                         return false;
                       }));
}

// Half of the threads look after large files first, the others after small ones, and each after the other's when its
// own are done: neither a few large files nor many small ones are left for the end.
bool TreeCopy::WorkOnce(Worker& worker) {
  if (ordered_.in_use()) return WorkInOrder(worker);
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
  if (task.parent == nullptr) {
    ContentsTask contents{top_};
    return Run(worker, contents);
  }
  if (const auto listed = ListedBelow(*task.parent, task.name)) {
    if (BeginContents(worker, listed)) {
      ContentsTask contents{listed};
      Run(worker, contents);
    }
    return Release(task.parent);
  }
  Outcome failed;
  ContentsTask contents;
  if (!transfer_.control.cancelled()) contents.directory = OpenDirectoryPair(worker, task, failed);
  if (failed && KeepOrFail(task, std::move(*failed))) return;
  if (contents.directory == nullptr) return Release(task.parent);
  Run(worker, contents);
}

void TreeCopy::Run(Worker& worker, ContentsTask& task) {
  if (ordered_.in_use()) return Walk(worker, task.directory);
  std::optional<DirectoryTable::OpenError> error;
  const auto open = transfer_.directories.Get(task.directory, error);
  if (open != nullptr) return ListDirectory(worker, task.directory, open);
  LoseContents(task.directory, error->error, error->side);
}

// Contents that cannot be listed, now or at all.
void TreeCopy::LoseContents(const std::shared_ptr<Directory>& directory, const IoError& error, Side side) {
  if (!KeepOrFail(ContentsTask{directory}, SystemFailure(error, side, PathOf(*directory, {})))) Release(directory);
}

void TreeCopy::Run(Worker& worker, EntriesTask& task) {
  std::optional<DirectoryTable::OpenError> error;
  const auto open = transfer_.directories.Get(task.directory, error);
  const auto directory = task.directory;
  if (open != nullptr)
    RunEntries(worker, std::move(task), open);
  else if (KeepOrFail(std::move(task), SystemFailure(error->error, error->side, PathOf(*directory, {}))))
    return;
  Release(directory);
}

void TreeCopy::Run(Worker& worker, FileTask& task) {
  if (transfer_.control.cancelled()) return entries_.Cancel(task);
  std::optional<DirectoryTable::OpenError> error;
  const auto open = transfer_.directories.Get(task.directory, error);
  if (open == nullptr)
    return entries_.Fail(task, SystemFailure(error->error, error->side, PathOf(*task.directory, task.name)));
  // The directory that merely holds a single copied file is not listed, so nobody else looks for leavings there.
  if (single_ && open->destination.valid() && !transfer_.request.dry_run)
    destinations_.RemoveLeftovers(*task.directory, open->destination.get(), worker.buffer.bytes());
  RunFile(worker, task, open);
}

// Nothing, without a failure, for what is mounted there and not wanted.
std::shared_ptr<Directory> TreeCopy::OpenDirectoryPair(Worker& worker, const DirectoryTask& task, Outcome& failed) {
  std::optional<DirectoryTable::OpenError> open_error;
  const auto parent = transfer_.directories.Get(task.parent, open_error);
  const auto fail = [&](Side side, IoError error) {
    failed = SystemFailure(error, side, PathOf(*task.parent, task.name));
    return nullptr;
  };
  if (parent == nullptr) return fail(open_error->side, open_error->error);
  auto opened = OpenDirectorySource(task, *parent);
  if (auto* failure = std::get_if<Failure>(&opened)) {
    if (failure->error && transfer_.IsLeftOutMount(*failure->error))
      transfer_.Filter();
    else
      failed = std::move(*failure);
    return nullptr;
  }
  OpenDirectory pair{std::move(*std::get_if<UniqueFd>(&opened)), {}};
  auto source_stat = StatOf(pair.source.get());
  if (!source_stat) return fail(Side::kSource, source_stat.error());
  auto directory = std::make_shared<Directory>();
  directory->parent = task.parent;
  directory->name = task.name;
  directory->followed = task.follows;
  directory->on_demand = task.parent->on_demand.load();
  directory->source_stat = *source_stat;
  directory->source_id = FileId::Of(*source_stat);
  if (directory->source_id == top_->destination_id) {
    // Reached through a bind mount, where no name could tell. Walking it would copy the copy without end.
    failed =
        Failure{FailureReason::kDestinationInsideSource, Side::kSource, PathOf(*directory, {}), std::nullopt, false};
    return nullptr;
  }
  for (auto above = task.parent; task.follows && above != nullptr; above = above->parent) {
    if (above->source_id != directory->source_id) continue;
    failed = Failure{FailureReason::kLinkLoop, Side::kSource, PathOf(*directory, {}), std::nullopt, false};
    return nullptr;
  }
  if (task.follows && !MayNest(*directory)) {
    failed = Failure{FailureReason::kTooManyLinks, Side::kSource, PathOf(*directory, {}), std::nullopt, false};
    return nullptr;
  }
  if (!directory->on_demand) {
    auto made = destinations_.Make(*directory, *parent, worker.buffer.bytes());
    if (auto* failure = std::get_if<Failure>(&made)) {
      failed = std::move(*failure);
      return nullptr;
    }
    pair.destination = std::move(*std::get_if<UniqueFd>(&made));
  }
  if (auto error = NoteXattrsOf(*directory, pair)) return fail(error->side, error->error);
  transfer_.directories.Hold(directory, std::move(pair));
  return directory;
}

// Whether a directory that a link led to may be copied here, which it may always where no link leads to that link.
bool TreeCopy::MayNest(const Directory& followed) {
  auto above = followed.parent;
  while (above != nullptr && !above->followed) above = above->parent;
  if (above == nullptr) return true;
  const std::lock_guard lock(nested_mutex_);
  return ++nested_visits_[followed.source_id] <= kMostNestedVisits;
}

std::variant<UniqueFd, Failure> TreeCopy::OpenDirectorySource(const DirectoryTask& task, const OpenDirectory& parent) {
  if (task.follows) return OpenFollowed(transfer_.LinkAt(*task.parent, task.name), O_RDONLY | O_DIRECTORY);
  auto source = OpenDirectoryBeneath(parent.source.get(), task.name.c_str(), transfer_.directories.source_resolve());
  if (!source) return SystemFailure(source.error(), Side::kSource, PathOf(*task.parent, task.name));
  return std::move(*source);
}

void TreeCopy::ListDirectory(Worker& worker, const std::shared_ptr<Directory>& directory,
                             const std::shared_ptr<OpenDirectory>& open) {
  if (directory == top_ && !top_->created && !transfer_.request.dry_run)
    destinations_.RemoveLeftovers(*top_, open->destination.get(), worker.buffer.bytes());
  auto listing = Listing::Read(open->source.get(), worker.buffer.bytes());
  if (!listing) return LoseContents(directory, listing.error(), Side::kSource);
  const std::string path = transfer_.selection.needs_paths() ? PathOf(*directory, {}) : std::string();
  EntriesTask entries{directory, std::make_shared<const Listing>(std::move(*listing)), 0, 0};
  entries.end = entries.listing->size();
  for (size_t index = 0; index < entries.end; ++index) {
    const auto entry = (*entries.listing)[index];
    if (entry.type != DT_DIR) continue;
    if (directory->listed_names != nullptr && directory->listed_names->contains(entry.name)) continue;
    if (transfer_.selection.Walks({path, entry.name}))
      PushDirectory(worker, {directory, entry.name});
    else
      transfer_.Filter();
  }
  RunEntries(worker, std::move(entries), open);
  Release(directory);
}

void TreeCopy::PushDirectory(Worker& worker, DirectoryTask task) {
  task.parent->pending.fetch_add(1);
  queue_.Push(worker.index, std::move(task));
}

void TreeCopy::RunEntries(Worker& worker, EntriesTask task, const std::shared_ptr<OpenDirectory>& open) {
  const std::string path = transfer_.selection.needs_paths() ? PathOf(*task.directory, {}) : std::string();
  for (size_t index = task.begin; index < task.end && !transfer_.control.cancelled(); ++index) {
    if (task.end - index >= 2 && queue_.HasIdleWorkers()) {
      const size_t middle = index + (task.end - index) / 2;
      task.directory->pending.fetch_add(1);
      queue_.Push(worker.index, EntriesTask{task.directory, task.listing, middle, task.end});
      task.end = middle;
    }
    const auto entry = (*task.listing)[index];
    if (entry.type == DT_DIR) continue;  // has a task of its own already
    Met met = Meet(task.directory, *open, path, entry);
    if (auto* directory = std::get_if<DirectoryTask>(&met.task)) PushDirectory(worker, std::move(*directory));
    if (auto* file = std::get_if<FileTask>(&met.task)) {
      task.directory->pending.fetch_add(1);
      RunFile(worker, *file, open);
    }
  }
}

TreeCopy::Met TreeCopy::Meet(const std::shared_ptr<Directory>& directory, const OpenDirectory& open,
                             const std::string& path, Listing::Entry entry) {
  Met met;
  if (directory->listed_names != nullptr && directory->listed_names->contains(entry.name)) return met;
  const EntryName name{path, entry.name};
  const bool wants_size = ordered_.by_size() || (directory->on_demand && transfer_.selection.limits_sizes());
  uint8_t type = entry.type;
  if (type == DT_UNKNOWN || (type == DT_REG && wants_size)) {
    auto found = StatBeneath(open.source.get(), entry.name);
    if (!found) {
      FailMet(SystemFailure(found.error(), Side::kSource, PathOf(*directory, entry.name)));
      return met;
    }
    type = IFTODT(found->st_mode);
    met.bytes = type == DT_REG ? found->st_size : 0;
  }
  if (type == DT_LNK && transfer_.request.symlinks == Symlinks::kFollowWithinRoot) return MeetLink(directory, name);
  const bool skipped = type == DT_LNK && transfer_.request.symlinks == Symlinks::kSkip;
  const bool fits = type != DT_REG || !wants_size || transfer_.selection.HoldsSize(met.bytes);
  const bool selected = type == DT_DIR ? transfer_.selection.Walks(name) : transfer_.selection.Copies(name);
  const bool is_special = type != DT_REG && type != DT_LNK && type != DT_DIR;
  if (skipped || !fits || !selected)
    transfer_.Filter();
  else if (type == DT_DIR)
    met.task = DirectoryTask{directory, entry.name};
  else if (is_special && !SpecialFileCopier::Copies(transfer_.request))
    special_file_copier_.Refuse(*directory, entry.name);
  else
    met.task = FileTask{directory, entry.name, entry.name, type == DT_LNK, is_special};
  return met;
}

// An entry that never becomes a task is one of the totals like those that fail later.
void TreeCopy::FailMet(Failure failure) {
  transfer_.Meet(0);
  transfer_.Fail(std::move(failure));
}

// What a link leads to is selected by the name of the link.
TreeCopy::Met TreeCopy::MeetLink(const std::shared_ptr<Directory>& directory, const EntryName& entry) {
  Met met;
  const std::string name(entry.name);
  if (!transfer_.selection.Copies(entry) && !transfer_.selection.Walks(entry)) {
    transfer_.Filter();
    return met;
  }
  auto opened = OpenFollowed(transfer_.LinkAt(*directory, name), O_PATH);
  if (auto* failure = std::get_if<Failure>(&opened)) {
    if (failure->error && transfer_.IsLeftOutMount(*failure->error) && failure->reason == FailureReason::kMountPoint)
      transfer_.Filter();
    else
      FailMet(std::move(*failure));
    return met;
  }
  auto found = StatOf(std::get_if<UniqueFd>(&opened)->get());
  if (!found) {
    FailMet(SystemFailure(found.error(), Side::kSource, PathOf(*directory, name)));
    return met;
  }
  const bool is_directory = S_ISDIR(found->st_mode);
  met.bytes = S_ISREG(found->st_mode) ? found->st_size : 0;
  const bool fits = !S_ISREG(found->st_mode) || transfer_.selection.HoldsSize(met.bytes);
  if (!fits || !(is_directory ? transfer_.selection.Walks(entry) : transfer_.selection.Copies(entry))) {
    transfer_.Filter();
  } else if (is_directory) {
    met.task = DirectoryTask{directory, name, true};
  } else if (S_ISREG(found->st_mode)) {
    FileTask task{directory, name, name};
    // Of the file that several links lead to each gets a copy of its own, as of one with a single name.
    task.follows = task.alone = true;
    met.task = std::move(task);
  } else {
    transfer_.Refuse({FailureReason::kSpecialFile, Side::kSource, PathOf(*directory, name), std::nullopt});
  }
  return met;
}

void TreeCopy::RunFile(Worker& worker, FileTask& task, std::shared_ptr<OpenDirectory> open) {
  // The pair may be from before its destination was made.
  if (task.directory->on_demand || !open->destination.valid()) {
    Outcome failed;
    open = destinations_.Complete(task.directory, std::move(open), failed, worker.buffer.bytes());
    if (failed) {
      if (KeepOrFail(task, std::move(*failed))) return;
      destinations_.Refuse(task.directory);
    }
    if (open == nullptr) return Release(task.directory);
  }
  if (task.is_symbolic_link)
    symbolic_link_copier_.Copy(std::move(task), *open);
  else if (task.is_special_file)
    special_file_copier_.Copy(std::move(task), *open);
  else
    file_copier_.Copy(worker, std::move(task), open);
}

void TreeCopy::FileDone(const WrittenFile& file) {
  const Word counts = file.left_out.value_or(file.unchanged ? Word::kFilesUnchanged : Word::kFilesDone);
  transfer_.control.Add(counts, 1);
  if (!file.digest.empty()) transfer_.digest_lines.Add(file.digest, file.Path());
  if (transfer_.lines != nullptr && counts == Word::kFilesDone)
    transfer_.lines->Add(file.method, file.content_bytes, file.Path());
  if (transfer_.lines != nullptr && counts == Word::kFilesSkipped)
    transfer_.lines->Add("skip", std::nullopt, file.Path());
  // What was left out has no copy that its other names could be linked to.
  if (file.link_group && file.left_out) RunAgain(entries_.hard_links.Failed(*file.link_group));
  if (file.link_group && !file.left_out)
    RunAgain(entries_.hard_links.Finished(*file.link_group, {file.directory, file.name, file.id, file.digest}));
  Release(file.directory);
}

void TreeCopy::FileFailed(const WrittenFile& file, Failure failure) {
  file.moved.TakeBackFrom(transfer_.control);
  if (failure.refused) {
    transfer_.Refuse(std::move(failure));
  } else if (retries_.Wants(failure)) {
    // Its directory goes on counting it as pending, and its other names go on waiting.
    FileTask task{file.directory, single_ ? single_->source_name : file.name, file.name, file.is_symbolic_link,
                  file.is_special_file};
    task.follows = file.follows;
    task.alone = file.alone;
    task.met = true;
    task.claimed_inode = file.link_group;
    return retries_.Keep(std::move(task));
  } else {
    transfer_.Fail(std::move(failure));
  }
  if (file.link_group) RunAgain(entries_.hard_links.Failed(*file.link_group));
  Release(file.directory);
}

bool TreeCopy::KeepOrFail(Task task, Failure failure) {
  if (retries_.Wants(failure)) return retries_.Keep(std::move(task)), true;
  transfer_.Fail(std::move(failure));
  return false;
}

bool TreeCopy::PushRetries() {
  auto tasks = retries_.NextRound();
  for (auto& task : tasks) queue_.Push(0, std::move(task));
  return !tasks.empty();
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
  if (!directory->made.load() || directory->refused.load()) return;
  if (transfer_.request.dry_run) {
    if (directory->keeps_metadata) transfer_.control.Add(Word::kDirectoriesDone, 1);
    return;
  }
  std::optional<DirectoryTable::OpenError> open_error;
  const auto open = transfer_.directories.Get(directory, open_error);
  if (open == nullptr)
    return transfer_.Fail(SystemFailure(open_error->error, open_error->side, PathOf(*directory, {})));
  Outcome failed;
  if (directory->keeps_metadata) failed = KeepDirectoryMetadata(transfer_, *directory, *open);
  // Whatever became of its own metadata, the names in it are to last.
  const auto not_durable = completion_.DirectoryDone(*open, *directory->file_system);
  if (!failed && not_durable) failed = SystemFailure(*not_durable, Side::kDestination, PathOf(*directory, {}));
  if (failed) return transfer_.Fail(std::move(*failed));
  if (directory->keeps_metadata) transfer_.control.Add(Word::kDirectoriesDone, 1);
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
  if (ended_early_) result.end = End::kEndedEarly;
  if (transfer_.control.cancelled()) {
    result.end = End::kCancelled;
  } else {
    transfer_.control.Set(Word::kBytesTotal, transfer_.met_bytes.load());
    transfer_.control.Set(Word::kFilesTotal, transfer_.met_files.load());
    transfer_.control.Set(Word::kTotalsFinal, 1);
  }
  result.fallbacks = transfer_.fallbacks.Take();
  result.not_kept = transfer_.not_kept.Take();
  result.temporaries_removed = transfer_.temporaries_removed.load();
  result.tried_again = retries_.tried_again();
  result.planned_bytes = transfer_.planned_bytes.load();
  return result;
}

}  // namespace smartcopy
