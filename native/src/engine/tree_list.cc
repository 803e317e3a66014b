// The part of a tree copy that takes its paths from a list.
#include <errno.h>

#include <algorithm>

#include "tree_copy.h"

namespace smartcopy {
namespace {

// As many files may wait as a few directories would bring; while they do, the reading thread copies too.
constexpr int64_t kMostPushed = 4'096;

std::string Join(const std::vector<std::string>& components) {
  std::string path;
  for (const auto& component : components) path += (path.empty() ? "" : "/") + component;
  return path;
}

Failure ListedFailure(FailureReason reason, std::string path) {
  return Failure{reason, Side::kSource, std::move(path), std::nullopt, false};
}

}  // namespace

// The directories on the way to listed paths stay known until the list ends, so that each is opened once and gets its
// own metadata after everything that goes into it.
void TreeCopy::Run(Worker& worker, PathListTask&) {
  if (!top_->created && !transfer_.request.dry_run) {
    std::optional<DirectoryTable::OpenError> error;
    const auto open = transfer_.directories.Get(top_, error);
    destinations_.RemoveLeftovers(*top_, open->destination.get(), worker.buffer.bytes());
  }
  PathListReader reader(*transfer_.request.files_from, transfer_.control);
  ListedDirectories known;
  known[""] = {top_, std::nullopt};
  while (!transfer_.control.cancelled()) {
    auto next = reader.Next();
    if (!next) {
      ended_early_ = true;
      transfer_.Fail(SystemFailure(next.error(), Side::kSource, {}));
      break;
    }
    if (!*next) break;
    RunListed(worker, **next, known);
  }
  for (auto& [path, listed] : known) {
    if (listed.directory != nullptr) Release(listed.directory);
  }
  ordered_.Close();
  queue_.WakeAll();
}

void TreeCopy::RunListed(Worker& worker, const ListedPath& path, ListedDirectories& known) {
  if (path.refused) return transfer_.Fail(ListedFailure(*path.refused, path.text));
  if (path.components.empty()) return RunListedDirectory(worker, path, top_);
  auto above = path.components;
  const std::string name = std::move(above.back());
  above.pop_back();
  const Listed& parent = FindListed(worker, above, known);
  if (parent.failed) {
    Failure failure = *parent.failed;
    failure.path = Join(path.components);
    return transfer_.Fail(std::move(failure));
  }
  if (parent.directory == nullptr) return transfer_.Filter();
  std::optional<DirectoryTable::OpenError> error;
  const auto open = transfer_.directories.Get(parent.directory, error);
  if (open == nullptr) return transfer_.Fail(SystemFailure(error->error, error->side, Join(path.components)));
  auto found = StatBeneath(open->source.get(), name.c_str());
  if (!found && (found.error().code == ENOENT || found.error().code == ENOTDIR))
    return transfer_.Fail(ListedFailure(FailureReason::kNotInSource, Join(path.components)));
  if (!found) return transfer_.Fail(SystemFailure(found.error(), Side::kSource, Join(path.components)));

  const auto directory = parent.directory;
  Met met = Meet(directory, *open, Join(above), {name.c_str(), static_cast<uint8_t>(IFTODT(found->st_mode))});
  if (auto* file = std::get_if<FileTask>(&met.task)) {
    directory->pending.fetch_add(1);
    if (ordered_.in_use()) return Order(worker, std::move(*file), met.bytes);
    RunOrPush(worker, std::move(*file));
  } else if (std::holds_alternative<DirectoryTask>(met.task)) {
    const Listed& itself = FindListed(worker, path.components, known);
    if (itself.failed) return transfer_.Fail(Failure(*itself.failed));
    if (itself.directory != nullptr) RunListedDirectory(worker, path, itself.directory);
  }
}

// The directory of these components, opened with those above it. None, without a failure, when it is not selected.
const TreeCopy::Listed& TreeCopy::FindListed(Worker& worker, const std::vector<std::string>& components,
                                             ListedDirectories& known) {
  Listed* at = &known[""];
  std::string path;
  for (const auto& name : components) {
    const std::string above = path;
    path += (path.empty() ? "" : "/") + name;
    const auto [next, is_new] = known.try_emplace(path);
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
      if (listed.directory != nullptr) at->directory->pending.fetch_add(1);
      if (listed.failed && listed.failed->error && listed.failed->error->code == ENOENT)
        listed.failed = ListedFailure(FailureReason::kNotInSource, path);
    }
    at = &listed;
  }
  return *at;
}

// Without a slash only the directory itself, which then is made though nothing goes into it.
void TreeCopy::RunListedDirectory(Worker& worker, const ListedPath& path, const std::shared_ptr<Directory>& directory) {
  std::optional<DirectoryTable::OpenError> error;
  auto open = transfer_.directories.Get(directory, error);
  if (open == nullptr) return transfer_.Fail(SystemFailure(error->error, error->side, PathOf(*directory, {})));
  // With patterns to include, a directory is made only when something goes into it, listed or not.
  if (!transfer_.selection.makes_on_demand()) {
    Outcome failed;
    open = destinations_.Complete(directory, std::move(open), failed, worker.buffer.bytes());
    if (failed) transfer_.Fail(std::move(*failed));
    if (open == nullptr) return;
  }
  if (!path.with_contents) return;
  directory->on_demand = transfer_.selection.makes_on_demand();
  directory->pending.fetch_add(1);
  if (ordered_.in_use()) return Walk(worker, directory);
  queue_.Push(worker.index, ContentsTask{directory});
}

void TreeCopy::RunOrPush(Worker& worker, FileTask task) {
  if (queue_.outstanding() < kMostPushed) return queue_.Push(worker.index, std::move(task));
  Run(worker, task);
}

}  // namespace smartcopy
