#include "tree_copy.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>

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

std::vector<std::string> Components(const std::string& path) {
  std::vector<std::string> components;
  size_t begin = 0;
  while (begin < path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    components.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return components;
}

std::string Join(const std::string& directory, const std::string& name) {
  return directory + (directory.ends_with('/') ? "" : "/") + name;
}

StartError SystemStartError(long answer, Syscall call, std::string path) {
  return {StartError::Kind::kSystem, IoError{static_cast<int>(-answer), call}, std::move(path)};
}

std::optional<IoError> ErrorOf(long answer, Syscall call) {
  if (answer >= 0) return std::nullopt;
  return IoError{static_cast<int>(-answer), call};
}

// Whether `directory` is `ancestor` or lies anywhere below it, whatever the names on the way.
Result<bool> IsInside(int directory, const FileId& ancestor) {
  UniqueFd held;
  FileId last;
  for (int at = directory;;) {
    struct stat found{};
    if (const long answer = sys::Fstat(at, &found); answer < 0)
      return IoError{static_cast<int>(-answer), Syscall::kFstat};
    if (FileId::Of(found) == ancestor) return true;
    if (FileId::Of(found) == last) return false;  // the parent of / is /
    last = FileId::Of(found);
    const long parent = sys::OpenParent(at);
    if (parent < 0) return IoError{static_cast<int>(-parent), Syscall::kOpen};
    held = UniqueFd(static_cast<int>(parent));
    at = held.get();
  }
}

// A thread that may not come to be; then there is one less.
class Thread {
 public:
  explicit Thread(std::function<void()> body) : body_(std::move(body)) {
    started_ = ::pthread_create(
                   &id_, nullptr,
                   [](void* self) -> void* {
                     static_cast<Thread*>(self)->body_();
                     return nullptr;
                   },
                   this) == 0;
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() {
    if (started_) ::pthread_join(id_, nullptr);
  }

 private:
  const std::function<void()> body_;
  pthread_t id_{};
  bool started_ = false;
};

}  // namespace

TreeCopy::TreeCopy(const CopyRequest& request, ControlBlock control, FailureSink& failures)
    : transfer_(request, control, failures, BudgetOfThisProcess()),
      completion_(transfer_, *this),
      queue_(request.thread_count),
      large_files_(transfer_, {[this] {
                                 queue_.Begin();
                                 queue_.WakeAll();
                               },
                               [this] { queue_.WakeAll(); }, [this] { queue_.End(); }}),
      copier_(transfer_, completion_, *this, large_files_) {
  large_files_.UseCopier(copier_);
}

std::variant<CopyResult, StartError> TreeCopy::Run() {
  if (auto error = Prepare()) return *error;
  for (size_t index = 0; index < transfer_.request.thread_count; ++index) {
    auto buffer = Buffer::Make(std::max(transfer_.request.buffer_bytes, kListingBytes));
    if (!buffer) return StartError{StartError::Kind::kSystem, buffer.error(), "a copy buffer"};
    const auto& digest = transfer_.request.digest;
    workers_.push_back({index, std::move(*buffer), digest ? MakeDigest(*digest) : nullptr});
  }
  if (single_)
    queue_.Push(0, *single_);
  else
    queue_.Push(0, DirectoryTask{nullptr, {}});
  RunWorkers();
  return Conclude();
}

std::optional<StartError> TreeCopy::Prepare() {
  const CopyRequest& request = transfer_.request;
  const auto source_components = Components(request.source.path);
  const size_t parents = source_components.empty() ? 0 : source_components.size() - 1;
  Place source;
  if (auto error = OpenPlace(request.source, parents, source)) return error;
  if (!source.missing.empty())
    return SystemStartError(-ENOENT, Syscall::kOpenat2, Join(source.path, source.missing.front()));

  struct stat found = source.deepest_stat;
  if (!source_components.empty()) {
    const std::string& name = source_components.back();
    if (const long answer = sys::Lstatat(source.deepest.get(), name.c_str(), &found); answer < 0)
      return SystemStartError(answer, Syscall::kFstatat, Join(source.path, name));
    source.missing.push_back(name);
  }
  const auto destination_components = Components(request.destination.path);
  const bool is_tree = S_ISDIR(found.st_mode);
  Place destination;
  if (!is_tree && destination_components.empty())
    return SystemStartError(-EISDIR, Syscall::kOpenat2, request.destination.root);
  if (auto error = OpenPlace(request.destination, destination_components.size() - (is_tree ? 0 : 1), destination))
    return error;
  if (!is_tree) {
    single_ = FileTask{
        nullptr, source_components.back(), destination_components.back(), S_ISLNK(found.st_mode), false, {}, false};
    return PrepareSingle(std::move(source), std::move(destination));
  }
  if (!source.missing.empty()) {
    const std::string name = std::move(source.missing.front());
    source.missing.clear();
    source.path = Join(source.path, name);
    const long fd =
        sys::Openat2(source.deepest.get(), name.c_str(), O_RDONLY | O_DIRECTORY, 0, transfer_.directories.resolve());
    if (fd < 0) return SystemStartError(fd, Syscall::kOpenat2, source.path);
    source.deepest = UniqueFd(static_cast<int>(fd));
    if (const long answer = sys::Fstat(source.deepest.get(), &source.deepest_stat); answer < 0)
      return SystemStartError(answer, Syscall::kFstat, source.path);
  }
  return PrepareTree(std::move(source), std::move(destination));
}

std::optional<StartError> TreeCopy::PrepareTree(Place source, Place destination) {
  const FileId source_id = FileId::Of(source.deepest_stat);
  auto inside = IsInside(destination.deepest.get(), source_id);
  if (!inside) return StartError{StartError::Kind::kSystem, inside.error(), destination.path};
  if (*inside) {
    const bool same = destination.missing.empty() && FileId::Of(destination.deepest_stat) == source_id;
    return StartError{same ? StartError::Kind::kSameFile : StartError::Kind::kDestinationInsideSource, {}, source.path};
  }
  const bool created = !destination.missing.empty();
  if (auto error = MakeMissing(destination, destination.missing.size())) return error;
  return UseTop(std::move(source), std::move(destination), created);
}

std::optional<StartError> TreeCopy::PrepareSingle(Place source, Place destination) {
  struct stat from{};
  struct stat to{};
  if (destination.missing.empty() && sys::Lstatat(destination.deepest.get(), single_->name.c_str(), &to) >= 0) {
    if (const long answer = sys::Lstatat(source.deepest.get(), single_->source_name.c_str(), &from); answer < 0)
      return SystemStartError(answer, Syscall::kFstatat, Join(source.path, single_->source_name));
    if (FileId::Of(from) == FileId::Of(to))
      return StartError{StartError::Kind::kSameFile, {}, Join(source.path, single_->source_name)};
  }
  if (auto error = MakeMissing(destination, destination.missing.size())) return error;
  if (auto error = UseTop(std::move(source), std::move(destination), false)) return error;
  top_->keeps_metadata = false;
  top_->pending.fetch_add(1);
  single_->directory = top_;
  return std::nullopt;
}

// Opens the first `components` directories of the path, as far as they exist.
std::optional<StartError> TreeCopy::OpenPlace(const RootedPath& rooted, size_t components, Place& place) {
  place.path = rooted.root;
  const long root = sys::OpenRoot(rooted.root.c_str(), O_RDONLY | O_DIRECTORY);
  if (root < 0) return SystemStartError(root, Syscall::kOpen, place.path);
  place.deepest = UniqueFd(static_cast<int>(root));
  const auto names = Components(rooted.path);
  for (size_t index = 0; index < components; ++index) {
    const long fd = sys::Openat2(place.deepest.get(), names[index].c_str(), O_RDONLY | O_DIRECTORY, 0,
                                 transfer_.directories.resolve());
    if (fd == -ENOENT) {
      place.missing.assign(names.begin() + static_cast<ptrdiff_t>(index),
                           names.begin() + static_cast<ptrdiff_t>(components));
      break;
    }
    if (fd < 0) return SystemStartError(fd, Syscall::kOpenat2, Join(place.path, names[index]));
    place.deepest = UniqueFd(static_cast<int>(fd));
    place.path = Join(place.path, names[index]);
  }
  if (const long answer = sys::Fstat(place.deepest.get(), &place.deepest_stat); answer < 0)
    return SystemStartError(answer, Syscall::kFstat, place.path);
  return std::nullopt;
}

std::optional<StartError> TreeCopy::MakeMissing(Place& place, size_t count) {
  for (size_t index = 0; index < count; ++index) {
    const std::string& name = place.missing[index];
    place.path = Join(place.path, name);
    // As mkdir makes them; the destination's own directory gets the source's mode when its content is complete.
    const long made = sys::Mkdirat(place.deepest.get(), name.c_str(), single_ || index + 1 < count ? 0777 : 0700);
    if (made < 0 && made != -EEXIST) return SystemStartError(made, Syscall::kMkdirat, place.path);
    const long fd =
        sys::Openat2(place.deepest.get(), name.c_str(), O_RDONLY | O_DIRECTORY, 0, transfer_.directories.resolve());
    if (fd < 0) return SystemStartError(fd, Syscall::kOpenat2, place.path);
    parents_of_made_.push_back(std::move(place.deepest));
    place.deepest = UniqueFd(static_cast<int>(fd));
  }
  if (const long answer = sys::Fstat(place.deepest.get(), &place.deepest_stat); answer < 0)
    return SystemStartError(answer, Syscall::kFstat, place.path);
  return std::nullopt;
}

std::optional<StartError> TreeCopy::UseTop(Place source, Place destination, bool created) {
  top_ = std::make_shared<Directory>();
  top_->source_stat = source.deepest_stat;
  top_->source_id = FileId::Of(source.deepest_stat);
  top_->destination_id = FileId::Of(destination.deepest_stat);
  top_->created = created;
  auto file_system = transfer_.directories.FileSystemOf(destination.deepest, destination.deepest_stat.st_dev);
  if (!file_system) return StartError{StartError::Kind::kSystem, file_system.error(), destination.path};
  top_->file_system = *file_system;
  transfer_.directories.Hold(top_, OpenDirectory{std::move(source.deepest), std::move(destination.deepest)});
  return std::nullopt;
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
  } while (queue_.Wait([this] { return large_files_.HasWork(); }, [this] { completion_.Flush(); }));
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
  if (transfer_.control.cancelled()) return copier_.CancelTask(task);
  std::optional<DirectoryTable::OpenError> error;
  const auto open = transfer_.directories.Get(task.directory, error);
  if (open == nullptr)
    return copier_.FailTask(task, SystemFailure(error->error, error->side, PathOf(*task.directory, task.name)));
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
  constexpr uint64_t kFlags = O_RDONLY | O_DIRECTORY;
  const uint64_t resolve = transfer_.directories.resolve();

  const long source = sys::Openat2(parent->source.get(), task.name.c_str(), kFlags, 0, resolve);
  if (source == -EXDEV && !transfer_.request.cross_mounts) {
    transfer_.Refuse({FailureReason::kMountPoint, Side::kSource, PathOf(*task.parent, task.name), std::nullopt});
    return nullptr;
  }
  if (source < 0) return fail(Side::kSource, {static_cast<int>(-source), Syscall::kOpenat2});
  OpenDirectory pair{UniqueFd(static_cast<int>(source)), {}};
  auto directory = std::make_shared<Directory>();
  directory->parent = task.parent;
  directory->name = task.name;
  if (const long answer = sys::Fstat(pair.source.get(), &directory->source_stat); answer < 0)
    return fail(Side::kSource, {static_cast<int>(-answer), Syscall::kFstat});
  directory->source_id = FileId::Of(directory->source_stat);
  if (directory->source_id == top_->destination_id) {
    // Reached through a bind mount, where no name could tell. Walking it would copy the copy without end.
    transfer_.Fail(
        {FailureReason::kDestinationInsideSource, Side::kSource, PathOf(*task.parent, task.name), std::nullopt});
    return nullptr;
  }

  const long made = sys::Mkdirat(parent->destination.get(), task.name.c_str(), 0700);
  if (made < 0 && made != -EEXIST) return fail(Side::kDestination, {static_cast<int>(-made), Syscall::kMkdirat});
  directory->created = made >= 0;
  const long destination = sys::Openat2(parent->destination.get(), task.name.c_str(), kFlags, 0, resolve);
  if (destination < 0) return fail(Side::kDestination, {static_cast<int>(-destination), Syscall::kOpenat2});
  pair.destination = UniqueFd(static_cast<int>(destination));
  struct stat found{};
  if (const long answer = sys::Fstat(pair.destination.get(), &found); answer < 0)
    return fail(Side::kDestination, {static_cast<int>(-answer), Syscall::kFstat});
  directory->destination_id = FileId::Of(found);
  directory->file_system = task.parent->file_system;
  if (found.st_dev != task.parent->destination_id.device) {
    auto file_system = transfer_.directories.FileSystemOf(pair.destination, found.st_dev);
    if (!file_system) return fail(Side::kDestination, file_system.error());
    directory->file_system = *file_system;
  }
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
    struct stat found{};
    if (const long answer = sys::Lstatat(open->source.get(), entry.name, &found); answer < 0)
      return transfer_.Fail(
          SystemFailure({static_cast<int>(-answer), Syscall::kFstatat}, Side::kSource, PathOf(*directory, entry.name)));
    type = IFTODT(found.st_mode);
  }
  if (type == DT_DIR) return PushDirectory(worker, directory, entry.name);
  if (type != DT_REG && type != DT_LNK)
    return transfer_.Refuse({FailureReason::kSpecialFile, Side::kSource, PathOf(*directory, entry.name), std::nullopt});
  directory->pending.fetch_add(1);
  FileTask task{directory, entry.name, entry.name, type == DT_LNK, false, {}, false};
  RunFile(worker, task, open);
}

void TreeCopy::RunFile(Worker& worker, FileTask& task, const std::shared_ptr<OpenDirectory>& open) {
  if (task.is_symbolic_link)
    copier_.CopySymbolicLink(std::move(task), *open);
  else
    copier_.CopyRegularFile(worker, std::move(task), open);
}

void TreeCopy::FileDone(const WrittenFile& file) {
  transfer_.control.Add(file.unchanged ? Word::kFilesUnchanged : Word::kFilesDone, 1);
  if (!file.digest.empty()) transfer_.digest_lines.Add(file.digest, file.Path());
  if (file.link_group)
    RunAgain(copier_.hard_links.Finished(*file.link_group, {file.directory, file.name, file.id, file.digest}));
  Release(file.directory);
}

void TreeCopy::FileFailed(const WrittenFile& file, Failure failure) {
  transfer_.control.Add(Word::kReflinkBytes, -file.reflink_bytes);
  transfer_.control.Add(Word::kReadWriteBytes, -file.read_write_bytes);
  transfer_.Fail(std::move(failure));
  if (file.link_group) RunAgain(copier_.hard_links.Failed(*file.link_group));
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
  if (!error) error = completion_.DirectoryDone(*open, *directory->file_system);
  if (error) return transfer_.Fail(SystemFailure(*error, Side::kDestination, PathOf(*directory, {})));
  if (directory->keeps_metadata) transfer_.control.Add(Word::kDirectoriesDone, 1);
}

std::optional<IoError> TreeCopy::KeepDirectoryMetadata(int destination, const struct stat& source) {
  struct stat found{};
  if (auto error = ErrorOf(sys::Fstat(destination, &found), Syscall::kFstat)) return error;
  if (found.st_uid != source.st_uid || found.st_gid != source.st_gid || found.st_mode != source.st_mode) {
    if (auto error = KeepOwnerAndMode(transfer_, destination, source, found.st_uid, found.st_gid)) return error;
  }
  if (found.st_mtim.tv_sec == source.st_mtim.tv_sec && found.st_mtim.tv_nsec == source.st_mtim.tv_nsec)
    return std::nullopt;
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
  result.temporaries_removed = transfer_.temporaries_removed.load();
  return result;
}

}  // namespace smartcopy
