// The part of a tree copy that takes its paths from a list.
#include <errno.h>

#include <utility>

#include "tree_copy.h"

namespace smartcopy {
namespace {

// As many files may wait as a few directories would bring; while they do, the reading thread copies too.
constexpr int64_t kMostPushed = 4'096;
// Paths that wait to be tried again. What fails beyond them fails for good: so much at once is no passing trouble.
constexpr size_t kMostAgain = 65'536;

std::string Join(const std::vector<std::string>& components) {
  std::string path;
  for (const auto& component : components) path += (path.empty() ? "" : "/") + component;
  return path;
}

Failure ListedFailure(FailureReason reason, std::string path) {
  return Failure{reason, Side::kSource, std::move(path), std::nullopt, false};
}

}  // namespace

// The directories on the way to listed paths stay known until all is copied, so that each is opened once and gets its
// own metadata after everything that goes into it.
void TreeCopy::Run(Worker& worker, PathListTask&) {
  if (!top_->created && !transfer_.request.dry_run) {
    std::optional<DirectoryTable::OpenError> error;
    const auto open = transfer_.directories.Get(top_, error);
    destinations_.RemoveLeftovers(*top_, open->destination.get(), worker.buffer.bytes());
  }
  PathListReader reader(*transfer_.request.files_from, transfer_.control);
  listed_[""].directory = top_;
  top_->listed_names = &listed_[""].names;
  while (!transfer_.control.cancelled()) {
    auto next = reader.Next();
    if (!next) {
      ended_early_ = true;
      transfer_.Fail(SystemFailure(next.error(), Side::kSource, {}));
      break;
    }
    if (!*next) break;
    RunListed(worker, **next);
  }
  EndList(worker);
}

void TreeCopy::Run(Worker& worker, ListedAgainTask& task) {
  {
    const std::lock_guard lock(listed_mutex_);
    std::erase_if(listed_, [](const auto& one) { return one.second.failed && IsTransient(*one.second.failed); });
  }
  for (const auto& path : task.paths) {
    if (!transfer_.control.cancelled()) RunListed(worker, path);
  }
  EndList(worker);
}

// What lies in a directory that is walked anyway is only looked for.
void TreeCopy::RunListed(Worker& worker, const ListedPath& path) {
  if (path.refused) return transfer_.Fail(ListedFailure(*path.refused, path.text));
  if (path.components.empty()) return RunListedDirectory(worker, path, listed_[""]);
  auto above = path.components;
  const std::string name = std::move(above.back());
  above.pop_back();
  const bool is_walked = LiesInContents(above);
  if (is_walked && list_ended_) return LookForListed(path);
  Listed& parent = FindListed(worker, above);
  if (parent.failed) return FailListed(path, *parent.failed);
  if (parent.directory == nullptr) return transfer_.Filter();
  std::optional<DirectoryTable::OpenError> error;
  const auto open = transfer_.directories.Get(parent.directory, error);
  if (open == nullptr) return FailListed(path, SystemFailure(error->error, error->side, {}));
  auto found = StatBeneath(open->source.get(), name.c_str());
  if (!found && (found.error().code == ENOENT || found.error().code == ENOTDIR))
    return FailListed(path, ListedFailure(FailureReason::kNotInSource, {}));
  if (!found) return FailListed(path, SystemFailure(found.error(), Side::kSource, {}));
  if (is_walked) return;

  const auto directory = parent.directory;
  Met met = Meet(directory, *open, Join(above), {name.c_str(), static_cast<uint8_t>(IFTODT(found->st_mode))});
  if (std::holds_alternative<DirectoryTask>(met.task)) {
    Listed& itself = FindListed(worker, path.components);
    if (itself.directory != nullptr) return RunListedDirectory(worker, path, itself);
    // Left out or failed, which is told and counted; a walk of what is above may still try what only failed for now.
    if (!itself.failed || !IsTransient(*itself.failed)) parent.names.insert(name);
    if (itself.failed) FailListed(path, *itself.failed);
    return;
  }
  parent.names.insert(name);
  if (auto* file = std::get_if<FileTask>(&met.task)) {
    directory->pending.fetch_add(1);
    if (ordered_.in_use()) return Order(worker, std::move(*file), met.bytes);
    RunOrPush(worker, std::move(*file));
  }
}

// Whether a path is there at all, by no directory of those that are copied: they may be at work in it already.
void TreeCopy::LookForListed(const ListedPath& path) {
  std::optional<DirectoryTable::OpenError> error;
  const auto top = transfer_.directories.Get(top_, error);  // the top is never closed
  const auto found = OpenBeneath(top->source.get(), Join(path.components).c_str(), O_PATH | O_NOFOLLOW,
                                 transfer_.directories.source_resolve());
  if (found || (found.error().code != ENOENT && found.error().code != ENOTDIR)) return;
  FailListed(path, ListedFailure(FailureReason::kNotInSource, {}));
}

void TreeCopy::FailListed(const ListedPath& path, Failure failure) {
  failure.path = Join(path.components);
  if (listed_again_.size() < kMostAgain && retries_.Wants(failure)) return listed_again_.push_back(path);
  transfer_.Fail(std::move(failure));
}

// The directory of these components, opened with those above it. None, without a failure, when it is not selected.
TreeCopy::Listed& TreeCopy::FindListed(Worker& worker, const std::vector<std::string>& components) {
  Listed* at = &listed_[""];
  std::string path;
  for (const auto& name : components) {
    const std::string above = path;
    path += (path.empty() ? "" : "/") + name;
    std::unique_lock lock(listed_mutex_);
    const auto [next, is_new] = listed_.try_emplace(path);
    lock.unlock();
    Listed& listed = next->second;
    if (is_new && at->failed) {
      listed.failed = at->failed;
    } else if (is_new && at->directory != nullptr) {
      std::optional<DirectoryTable::OpenError> error;
      const auto open = transfer_.directories.Get(at->directory, error);
      const bool follows = open != nullptr && transfer_.request.symlinks == Symlinks::kFollowWithinRoot && [&] {
        auto found = StatBeneath(open->source.get(), name.c_str());
        return found && S_ISLNK(found->st_mode);
      }();
      if (transfer_.selection.Walks({above, name}))
        listed.directory = OpenDirectoryPair(worker, {at->directory, name, follows}, listed.failed);
      if (listed.directory != nullptr) {
        at->directory->pending.fetch_add(1);
        listed.directory->listed_names = &listed.names;
      }
      if (listed.failed && listed.failed->error && listed.failed->error->code == ENOENT)
        listed.failed = ListedFailure(FailureReason::kNotInSource, path);
    }
    at = &listed;
  }
  return *at;
}

// Whether one of these directories, from the top down, is walked with all that is in it.
bool TreeCopy::LiesInContents(const std::vector<std::string>& components) {
  std::string path;
  for (size_t depth = 0;; ++depth) {
    const auto found = listed_.find(path);
    if (found == listed_.end()) return false;
    if (found->second.with_contents) return true;
    if (depth == components.size()) return false;
    path += (path.empty() ? "" : "/") + components[depth];
  }
}

// Without a slash only the directory itself, which then is made though nothing goes into it.
void TreeCopy::RunListedDirectory(Worker& worker, const ListedPath& path, Listed& listed) {
  std::optional<DirectoryTable::OpenError> error;
  auto open = transfer_.directories.Get(listed.directory, error);
  if (open == nullptr) return FailListed(path, SystemFailure(error->error, error->side, {}));
  // With patterns to include, a directory is made only when something goes into it, listed or not.
  if (!transfer_.selection.makes_on_demand()) {
    Outcome failed;
    open = destinations_.Complete(listed.directory, std::move(open), failed, worker.buffer.bytes());
    if (failed) return FailListed(path, std::move(*failed));
    if (open == nullptr) return;
  }
  listed.with_contents = listed.with_contents || path.with_contents;
}

void TreeCopy::RunOrPush(Worker& worker, FileTask task) {
  if (queue_.outstanding() < kMostPushed) return queue_.Push(worker.index, std::move(task));
  Run(worker, task);
}

// What was listed is walked only now: whatever else of it the list holds is known.
void TreeCopy::EndList(Worker& worker) {
  list_ended_ = true;
  std::vector<std::shared_ptr<Directory>> to_walk;
  for (auto& [path, listed] : listed_) {
    if (!listed.with_contents || listed.walked) continue;
    const Directory* above = listed.directory->parent.get();
    while (above != nullptr && !listed_[PathOf(*above, {})].with_contents) above = above->parent.get();
    if (above == nullptr) to_walk.push_back(listed.directory);
  }
  for (const auto& directory : to_walk) {
    if (transfer_.control.cancelled() || !BeginContents(worker, directory)) continue;
    if (ordered_.in_use())
      Walk(worker, directory);
    else
      queue_.Push(worker.index, ContentsTask{directory});
  }
  const size_t again = listed_again_.size();
  if (again > 0) retries_.Keep(ListedAgainTask{std::exchange(listed_again_, {})}, again);
  ordered_.Close();
  queue_.WakeAll();
}

bool TreeCopy::BeginContents(Worker& worker, const std::shared_ptr<Directory>& directory) {
  if (MarkWalked(*directory, true)) return false;
  directory->pending.fetch_add(1);
  if (transfer_.selection.makes_on_demand()) return true;
  Outcome failed;
  std::optional<DirectoryTable::OpenError> error;
  auto open = transfer_.directories.Get(directory, error);
  if (open == nullptr)
    failed = SystemFailure(error->error, error->side, PathOf(*directory, {}));
  else
    open = destinations_.Complete(directory, std::move(open), failed, worker.buffer.bytes());
  if (open != nullptr) {
    directory->on_demand = false;
    return true;
  }
  if (failed && directory->parent != nullptr && retries_.Wants(*failed)) {
    MarkWalked(*directory, false);
    directory->parent->pending.fetch_add(1);
    retries_.Keep(DirectoryTask{directory->parent, directory->name});
  } else if (failed) {
    transfer_.Fail(std::move(*failed));
  }
  Release(directory);
  return false;
}

bool TreeCopy::MarkWalked(const Directory& directory, bool walked) {
  const std::lock_guard lock(listed_mutex_);
  return std::exchange(listed_[PathOf(directory, {})].walked, walked);
}

std::shared_ptr<Directory> TreeCopy::ListedBelow(const Directory& parent, const std::string& name) {
  if (!transfer_.request.files_from) return nullptr;
  const std::string path = PathOf(parent, name);
  const std::lock_guard lock(listed_mutex_);
  const auto found = listed_.find(path);
  return found == listed_.end() ? nullptr : found->second.directory;
}

void TreeCopy::ReleaseListed() {
  for (auto& [path, listed] : listed_) {
    if (listed.directory != nullptr) Release(listed.directory);
  }
  listed_.clear();
}

}  // namespace smartcopy
