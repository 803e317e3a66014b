#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <queue>
#include <vector>

#include "hard_links.h"

namespace smartcopy {

// Files that wait to be copied in an order that was asked for, in bounded memory. By path they are handed out as they
// come. By size the best of those that wait is handed out, once as many wait as may or the last has come: a tree of up
// to kMostWaiting files is copied in exact order, and of a larger one each file is the best of that many. Thread-safe.
class OrderedFiles {
 public:
  // With their directories about 300 bytes each.
  static constexpr size_t kMostWaiting = 65'536;

  explicit OrderedFiles(Ordering ordering) : ordering_(ordering) {}

  bool in_use() const { return ordering_ != Ordering::kAuto; }
  bool by_size() const { return ordering_ == Ordering::kSmallestFirst || ordering_ == Ordering::kLargestFirst; }

  // True when there is something to take that was not there before.
  bool Add(FileTask task, int64_t bytes);
  // The last was added.
  void Close() { closed_.store(true); }
  bool IsFull();
  bool HasWork();
  std::optional<FileTask> Take();

 private:
  struct Waiting {
    FileTask task;
    int64_t rank = 0;  // lowest first
    int64_t number = 0;
    bool operator<(const Waiting& other) const {
      return rank != other.rank ? rank > other.rank : number > other.number;
    }
  };

  bool HasWorkLocked() const;

  const Ordering ordering_;
  std::atomic<bool> closed_{false};
  std::mutex mutex_;
  std::priority_queue<Waiting> waiting_;
  int64_t next_number_ = 0;
};

}  // namespace smartcopy
