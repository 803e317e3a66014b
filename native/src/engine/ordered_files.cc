#include "ordered_files.h"

namespace smartcopy {

bool OrderedFiles::Add(FileTask task, int64_t bytes) {
  const int64_t rank = ordering_ == Ordering::kSmallestFirst  ? bytes
                       : ordering_ == Ordering::kLargestFirst ? -bytes
                                                              : 0;
  const std::lock_guard lock(mutex_);
  waiting_.push({std::move(task), rank, next_number_++});
  return HasWorkLocked();
}

bool OrderedFiles::IsFull() {
  const std::lock_guard lock(mutex_);
  return waiting_.size() >= kMostWaiting;
}

bool OrderedFiles::HasWork() {
  const std::lock_guard lock(mutex_);
  return HasWorkLocked();
}

std::optional<FileTask> OrderedFiles::Take() {
  const std::lock_guard lock(mutex_);
  if (!HasWorkLocked()) return std::nullopt;
  // The queue gives its best away only as a constant; it is removed at once.
  FileTask task = std::move(const_cast<Waiting&>(waiting_.top()).task);
  waiting_.pop();
  return task;
}

bool OrderedFiles::HasWorkLocked() const {
  if (waiting_.empty()) return false;
  return !by_size() || closed_.load() || waiting_.size() >= kMostWaiting;
}

}  // namespace smartcopy
