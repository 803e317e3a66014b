// The walk of a tree copy in an order that was asked for: one thread walks, all copy.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "tree_copy.h"

namespace smartcopy {
namespace {

// By the bytes of whole paths, in which a directory's name is followed by a slash: a-b before a/x.
std::vector<uint32_t> OrderOf(const Listing& listing) {
  std::vector<uint32_t> order(listing.size());
  std::iota(order.begin(), order.end(), 0u);
  const auto end_of = [](const Listing::Entry& entry) -> unsigned char { return entry.type == DT_DIR ? '/' : '\0'; };
  std::sort(order.begin(), order.end(), [&](uint32_t left, uint32_t right) {
    const auto a = listing[left];
    const auto b = listing[right];
    size_t at = 0;
    while (a.name[at] != '\0' && a.name[at] == b.name[at]) ++at;
    const auto byte = [&](const Listing::Entry& entry) {
      return entry.name[at] != '\0' ? static_cast<unsigned char>(entry.name[at]) : end_of(entry);
    };
    return byte(a) < byte(b);
  });
  return order;
}

}  // namespace

// Smallest first, the lane of large files comes last. Else it goes before the next file: all threads copy the large one
// whose turn it is.
bool TreeCopy::WorkInOrder(Worker& worker) {
  const bool large_last = transfer_.request.ordering == Ordering::kSmallestFirst;
  if (!large_last && large_files_.Work(worker)) return true;
  if (TakeTask(worker) || TakeOrdered(worker)) return true;
  return large_last && large_files_.Work(worker);
}

bool TreeCopy::TakeOrdered(Worker& worker) {
  auto task = ordered_.Take();
  if (!task) return false;
  Run(worker, *task);
  queue_.End();
  return true;
}

void TreeCopy::Run(Worker& worker, OrderedWalkTask&) {
  Walk(worker, top_);
  ordered_.Close();
  queue_.WakeAll();
}

// Depth first, with a stack of its own: trees are deeper than that of a thread.
void TreeCopy::Walk(Worker& worker, const std::shared_ptr<Directory>& from) {
  std::vector<Level> levels;
  Enter(worker, from, levels);
  while (!levels.empty()) {
    Level& level = levels.back();
    if (level.next == level.order.size() || transfer_.control.cancelled()) {
      Release(level.directory);
      levels.pop_back();
      continue;
    }
    const auto entry = level.listing[level.order[level.next++]];
    const auto directory = level.directory;
    std::optional<DirectoryTable::OpenError> error;
    const auto open = transfer_.directories.Get(directory, error);
    if (open == nullptr) {
      transfer_.Fail(SystemFailure(error->error, error->side, PathOf(*directory, {})));
      level.next = level.order.size();
      continue;
    }
    const std::string path = transfer_.selection.needs_paths() ? PathOf(*directory, {}) : std::string();
    Met met = Meet(directory, *open, path, entry);
    if (auto* file = std::get_if<FileTask>(&met.task)) {
      directory->pending.fetch_add(1);
      Order(worker, std::move(*file), met.bytes);
    }
    if (auto* below = std::get_if<DirectoryTask>(&met.task)) {
      if (const auto listed = ListedBelow(*directory, below->name)) {
        if (BeginContents(worker, listed)) Enter(worker, listed, levels);
        continue;
      }
      Outcome failed;
      const auto child = OpenDirectoryPair(worker, *below, failed);
      if (failed && KeepOrFail(std::move(*below), std::move(*failed))) directory->pending.fetch_add(1);
      if (child == nullptr) continue;
      directory->pending.fetch_add(1);
      Enter(worker, child, levels);
    }
  }
}

void TreeCopy::Enter(Worker& worker, const std::shared_ptr<Directory>& directory, std::vector<Level>& levels) {
  std::optional<DirectoryTable::OpenError> error;
  const auto open = transfer_.directories.Get(directory, error);
  if (open == nullptr) return LoseContents(directory, error->error, error->side);
  if (directory == top_ && !top_->created && !transfer_.request.dry_run)
    destinations_.RemoveLeftovers(*top_, open->destination.get(), worker.buffer.bytes());
  auto listing = Listing::Read(open->source.get(), worker.buffer.bytes());
  if (!listing) return LoseContents(directory, listing.error(), Side::kSource);
  auto order = OrderOf(*listing);
  levels.push_back({directory, std::move(*listing), std::move(order), 0});
}

// While as many wait as may, the walking thread copies too.
void TreeCopy::Order(Worker& worker, FileTask task, int64_t bytes) {
  queue_.Begin();
  if (ordered_.Add(std::move(task), bytes)) queue_.WakeOne();
  while (ordered_.IsFull()) TakeOrdered(worker);
}

}  // namespace smartcopy
