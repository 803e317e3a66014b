#include "tree_compare.h"

#include <errno.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>

#include "compare_metadata.h"
#include "symbolic_links.h"
#include "thread.h"

namespace smartcopy {
namespace {

// getdents64 gives about 2,000 entries at once into this much.
constexpr size_t kListingBytes = 64 * 1024;

// O_NONBLOCK: what was a regular file a moment ago may be a FIFO by now, and opening that would wait for a writer.
constexpr uint64_t kOpenFile = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

// Half of the descriptors of this process; the rest is for the files under way.
size_t DirectoryPairBudget() {
  rlimit limit{};
  const size_t all = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 256;
  return std::clamp<size_t>(all / 4, 8, 4096);
}

std::vector<const char*> SortedNames(const Listing& listing) {
  std::vector<const char*> names(listing.size());
  for (size_t index = 0; index < names.size(); ++index) names[index] = listing[index].name;
  std::sort(names.begin(), names.end(), [](const char* a, const char* b) { return std::strcmp(a, b) < 0; });
  return names;
}

bool IsDevice(const struct stat& of) { return S_ISBLK(of.st_mode) || S_ISCHR(of.st_mode); }

bool SameType(const struct stat& a, const struct stat& b) {
  return (a.st_mode & S_IFMT) == (b.st_mode & S_IFMT) && (!IsDevice(a) || a.st_rdev == b.st_rdev);
}

}  // namespace

std::optional<LinkPairs::Other> LinkPairs::Add(const std::string& path, const struct stat& source,
                                               const struct stat& destination) {
  if (source.st_nlink <= 1 && destination.st_nlink <= 1) return std::nullopt;
  const FileId from = FileId::Of(source);
  const FileId to = FileId::Of(destination);
  const std::lock_guard lock(mutex_);
  const auto [here, new_here] = of_source_.try_emplace(from, Known{to, path});
  const auto [there, new_there] = of_destination_.try_emplace(to, Known{from, path});
  if (!new_here && here->second.partner != to) return Other{Side::kSource, here->second.path};
  if (!new_there && there->second.partner != from) return Other{Side::kDestination, there->second.path};
  return std::nullopt;
}

TreeCompare::TreeCompare(const CompareRequest& request, ControlBlock control, FindingSink& findings)
    : comparison_(request, control, findings, DirectoryPairBudget()),
      queue_(request.thread_count),
      content_(comparison_, [this](const std::shared_ptr<ContentComparer::Pair>& pair) {
        for (const auto& worker : workers_) queue_.Push(worker.index, HelpTask{pair});
      }) {}

std::variant<CompareResult, StartError> TreeCompare::Run() {
  auto source = OpenEnd(comparison_.request.source);
  if (auto* error = std::get_if<StartError>(&source)) return std::move(*error);
  auto destination = OpenEnd(comparison_.request.destination);
  if (auto* error = std::get_if<StartError>(&destination)) return std::move(*error);
  if (auto error = Begin(std::move(*std::get_if<End>(&source)), std::move(*std::get_if<End>(&destination))))
    return std::move(*error);
  {
    std::vector<std::unique_ptr<Thread>> helpers;
    for (size_t index = 1; index < workers_.size(); ++index)
      helpers.push_back(std::make_unique<Thread>([this, index] { Work(workers_[index]); }));
    Work(workers_[0]);
  }
  CompareResult result;
  result.cancelled = comparison_.control.cancelled();
  for (size_t kind = 0; kind < kDifferenceKindCount; ++kind) result.differences[kind] = comparison_.counts[kind].load();
  result.digests_error = comparison_.digest_lines.Flush();
  return result;
}

std::variant<TreeCompare::End, StartError> TreeCompare::OpenEnd(const RootedPath& asked) const {
  std::string known = asked.root;
  const auto failed = [&](const IoError& error) { return StartError{StartError::Kind::kSystem, error, known}; };
  const long root = sys::OpenRoot(asked.root.c_str(), O_RDONLY | O_DIRECTORY);
  if (auto error = ErrorOf(root, Syscall::kOpen)) return failed(*error);
  End end{UniqueFd(static_cast<int>(root)), {}, {}};
  for (size_t begin = 0; begin < asked.path.size();) {
    const size_t stop = std::min(asked.path.find('/', begin), asked.path.size());
    const std::string name = asked.path.substr(begin, stop - begin);
    begin = stop + 1;
    known += "/" + name;
    auto found = StatBeneath(end.directory.get(), name.c_str());
    if (!found) return failed(found.error());
    if (!S_ISDIR(found->st_mode) && begin >= asked.path.size()) {
      end.name = name;
      end.stat = *found;
      return end;
    }
    auto next = OpenDirectoryBeneath(end.directory.get(), name.c_str(), comparison_.directories.resolve());
    if (!next) return failed(next.error());
    end.directory = std::move(*next);
  }
  auto found = StatOf(end.directory.get());
  if (!found) return failed(found.error());
  end.stat = *found;
  return end;
}

std::optional<StartError> TreeCompare::Begin(End source, End destination) {
  const CompareRequest& request = comparison_.request;
  if (FileId::Of(source.stat) == FileId::Of(destination.stat))
    return StartError{StartError::Kind::kSameFile, {}, request.source.root};
  for (size_t index = 0; index < request.thread_count; ++index) {
    auto buffer = memory_.Make(std::max(request.buffer_bytes, kListingBytes));
    if (!buffer) return StartError{StartError::Kind::kSystem, buffer.error(), "memory for a buffer"};
    workers_.push_back({index, std::move(*buffer), MakeDigest(request.digest), request.buffer_bytes});
    if (workers_.back().digest == nullptr)
      return StartError{
          StartError::Kind::kSystem, {ENOSYS, Syscall::kOpen}, "a digest that this process cannot compute"};
  }
  if (!SameType(source.stat, destination.stat)) {
    comparison_.Report({DifferenceKind::kType, {}, TypeText(source.stat), TypeText(destination.stat)});
    return std::nullopt;
  }
  queue_.Push(0, TopTask{std::make_shared<End>(std::move(source)), std::make_shared<End>(std::move(destination))});
  return std::nullopt;
}

void TreeCompare::Work(Worker& worker) {
  do {
    while (auto task = queue_.Take(worker.index)) {
      std::visit([&](auto& kind) { Run(worker, kind); }, *task);
      queue_.End();
    }
  } while (queue_.Wait([] { return false; }, [] { return false; }));
}

void TreeCompare::Run(Worker& worker, TopTask& task) {
  End& source = *task.source;
  End& destination = *task.destination;
  const auto top = std::make_shared<Directory>();
  top->source_id = FileId::Of(source.stat);
  top->destination_id = FileId::Of(destination.stat);
  top->made = true;
  OpenDirectory pair{std::move(source.directory), std::move(destination.directory)};
  const auto open = comparison_.directories.Hold(top, std::move(pair));
  if (!S_ISDIR(source.stat.st_mode)) {
    comparison_.control.Add(Word::kFilesTotal, 1);
    const char* const names[] = {source.name.c_str(), destination.name.c_str()};
    return CompareEntries(worker, *open, {{}, names[0], names[1], source.stat, destination.stat});
  }
  const std::string itself;
  CompareAttributes(comparison_, {itself, source.stat, destination.stat});
  CompareXattrs(comparison_, itself, {open->source.get()}, {open->destination.get()});
  ListPair(worker, top, open);
}

void TreeCompare::Run(Worker& worker, DirectoryTask& task) {
  if (comparison_.control.cancelled()) return;
  std::shared_ptr<OpenDirectory> open;
  const auto directory = OpenPair(task, open);
  if (directory != nullptr) ListPair(worker, directory, open);
}

void TreeCompare::Run(Worker& worker, NamesTask& task) {
  std::optional<DirectoryTable::OpenError> error;
  const auto open = comparison_.directories.Get(task.directory, error);
  if (open == nullptr) return comparison_.Fail(error->error, error->side, PathOf(*task.directory, {}));
  CompareNames(worker, std::move(task), open);
}

void TreeCompare::Run(Worker& worker, HelpTask& task) {
  if (const auto pair = task.pair.lock()) content_.Help(worker, *pair);
}

std::shared_ptr<Directory> TreeCompare::OpenPair(const DirectoryTask& task, std::shared_ptr<OpenDirectory>& open) {
  const std::string path = PathOf(*task.parent, task.name);
  const auto failed = [&](const IoError& error, Side side) {
    comparison_.Fail(error, side, path);
    return nullptr;
  };
  std::optional<DirectoryTable::OpenError> open_error;
  const auto parent = comparison_.directories.Get(task.parent, open_error);
  if (parent == nullptr) return failed(open_error->error, open_error->side);
  const uint64_t resolve = comparison_.directories.resolve();
  auto source = OpenDirectoryBeneath(parent->source.get(), task.name.c_str(), resolve);
  if (!source) return failed(source.error(), Side::kSource);
  auto destination = OpenDirectoryBeneath(parent->destination.get(), task.name.c_str(), resolve);
  if (!destination) return failed(destination.error(), Side::kDestination);
  auto here = StatOf(source->get());
  if (!here) return failed(here.error(), Side::kSource);
  auto there = StatOf(destination->get());
  if (!there) return failed(there.error(), Side::kDestination);
  CompareAttributes(comparison_, {path, *here, *there});
  CompareXattrs(comparison_, path, {source->get()}, {destination->get()});
  auto directory = std::make_shared<Directory>();
  directory->parent = task.parent;
  directory->name = task.name;
  directory->source_id = FileId::Of(*here);
  directory->destination_id = FileId::Of(*there);
  directory->made = true;  // both are there; else the pair would be found again without it
  open = comparison_.directories.Hold(directory, OpenDirectory{std::move(*source), std::move(*destination)});
  return directory;
}

void TreeCompare::ListPair(Worker& worker, const std::shared_ptr<Directory>& directory,
                           const std::shared_ptr<OpenDirectory>& open) {
  auto source = Listing::Read(open->source.get(), worker.buffer.bytes());
  if (!source) return comparison_.Fail(source.error(), Side::kSource, PathOf(*directory, {}));
  auto destination = Listing::Read(open->destination.get(), worker.buffer.bytes());
  if (!destination) return comparison_.Fail(destination.error(), Side::kDestination, PathOf(*directory, {}));
  comparison_.control.Add(Word::kDirectoriesDone, 1);
  auto names = std::make_shared<Names>(Names{std::move(*source), std::move(*destination), {}});
  const auto here = SortedNames(names->source);
  const auto there = SortedNames(names->destination);
  for (size_t left = 0, right = 0; left < here.size() || right < there.size();) {
    const int order = left == here.size() ? 1 : right == there.size() ? -1 : std::strcmp(here[left], there[right]);
    names->merged.push_back({order <= 0 ? here[left] : there[right], order <= 0, order >= 0});
    if (order <= 0) ++left;
    if (order >= 0) ++right;
  }
  const size_t count = names->merged.size();
  CompareNames(worker, {directory, std::move(names), 0, count}, open);
}

void TreeCompare::CompareNames(Worker& worker, NamesTask task, const std::shared_ptr<OpenDirectory>& open) {
  for (size_t index = task.begin; index < task.end && !comparison_.control.cancelled(); ++index) {
    if (task.end - index >= 2 && queue_.HasIdleWorkers()) {
      const size_t middle = index + (task.end - index) / 2;
      queue_.Push(worker.index, NamesTask{task.directory, task.names, middle, task.end});
      task.end = middle;
    }
    CompareName(worker, task.directory, *open, task.names->merged[index]);
  }
}

void TreeCompare::CompareName(Worker& worker, const std::shared_ptr<Directory>& directory, const OpenDirectory& open,
                              const Named& named) {
  const std::string path = PathOf(*directory, named.name);
  if (!named.in_source || !named.in_destination) return ReportOneSided(open, path, named);
  auto source = StatBeneath(open.source.get(), named.name);
  if (!source) return comparison_.Fail(source.error(), Side::kSource, path);
  auto destination = StatBeneath(open.destination.get(), named.name);
  if (!destination) return comparison_.Fail(destination.error(), Side::kDestination, path);
  if (!S_ISDIR(source->st_mode)) comparison_.control.Add(Word::kFilesTotal, 1);
  if (!SameType(*source, *destination)) {
    return comparison_.Report({DifferenceKind::kType, path, TypeText(*source), TypeText(*destination)});
  }
  if (S_ISDIR(source->st_mode)) return queue_.Push(worker.index, DirectoryTask{directory, named.name});
  CompareEntries(worker, open, {path, named.name, named.name, *source, *destination});
}

void TreeCompare::ReportOneSided(const OpenDirectory& open, const std::string& path, const Named& named) {
  const Side side = named.in_source ? Side::kSource : Side::kDestination;
  auto found = StatBeneath(named.in_source ? open.source.get() : open.destination.get(), named.name);
  if (!found) return comparison_.Fail(found.error(), side, path);
  if (named.in_source)
    comparison_.Report({DifferenceKind::kMissing, path, TypeText(*found), {}});
  else
    comparison_.Report({DifferenceKind::kExtra, path, {}, TypeText(*found)});
}

void TreeCompare::CompareEntries(Worker& worker, const OpenDirectory& open, Entry entry) {
  if (const auto other = links_.Add(entry.path, entry.source, entry.destination)) {
    const bool in_source = other->side == Side::kSource;
    comparison_.Report({DifferenceKind::kLink, entry.path, in_source ? "one file with " + other->path : "another file",
                        in_source ? "another file" : "one file with " + other->path});
  }
  if (S_ISREG(entry.source.st_mode)) return CompareFiles(worker, open, std::move(entry));
  CompareAttributes(comparison_, {entry.path, entry.source, entry.destination});
  CompareXattrs(comparison_, entry.path, {open.source.get(), entry.source_name},
                {open.destination.get(), entry.destination_name});
  if (S_ISLNK(entry.source.st_mode)) CompareLinkTargets(open, entry);
}

void TreeCompare::CompareLinkTargets(const OpenDirectory& open, const Entry& entry) {
  auto source = ReadTarget(open.source.get(), entry.source_name);
  if (!source) return comparison_.Fail(source.error(), Side::kSource, entry.path);
  auto destination = ReadTarget(open.destination.get(), entry.destination_name);
  if (!destination) return comparison_.Fail(destination.error(), Side::kDestination, entry.path);
  if (*source != *destination)
    comparison_.Report({DifferenceKind::kLink, entry.path, "to " + *source, "to " + *destination});
}

void TreeCompare::CompareFiles(Worker& worker, const OpenDirectory& open, Entry entry) {
  auto source = OpenFile(open.source.get(), entry.source_name, entry.source, Side::kSource, entry.path);
  if (!source) return;
  auto destination =
      OpenFile(open.destination.get(), entry.destination_name, entry.destination, Side::kDestination, entry.path);
  if (!destination) return;
  CompareAttributes(comparison_, {entry.path, source->found, destination->found});
  CompareXattrs(comparison_, entry.path, {source->fd.get()}, {destination->fd.get()});
  const off_t here = source->found.st_size;
  const off_t there = destination->found.st_size;
  if (here != there) {
    return comparison_.Report({DifferenceKind::kSize, entry.path, std::to_string(here), std::to_string(there)});
  }
  const bool wants_content = comparison_.Looks(DifferenceKind::kContent) || comparison_.request.digests_fd >= 0;
  if (wants_content) content_.Compare(worker, std::move(entry.path), std::move(*source), std::move(*destination));
}

// Nothing when it could not be opened, or is another file by now; that is reported.
std::optional<ContentSide> TreeCompare::OpenFile(int directory, const char* name, const struct stat& found, Side side,
                                                 const std::string& path) {
  auto fd = OpenBeneath(directory, name, kOpenFile, comparison_.directories.resolve());
  if (!fd) return comparison_.Fail(fd.error(), side, path), std::nullopt;
  auto opened = StatOf(fd->get());
  if (!opened) return comparison_.Fail(opened.error(), side, path), std::nullopt;
  if (FileId::Of(*opened) == FileId::Of(found)) return ContentSide{side, std::move(*fd), *opened};
  comparison_.Fail(Failure{FailureReason::kSourceChanged, side, path, std::nullopt, false});
  return std::nullopt;
}

}  // namespace smartcopy
