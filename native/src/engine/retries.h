#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "control_block.h"
#include "failure.h"

namespace smartcopy {

// Tasks that failed for a reason that may pass, kept until all else is done and then handed out again, round after
// round, each after a longer pause. Thread-safe.
template <typename Task>
class Retries {
 public:
  Retries(int rounds, ControlBlock control) : rounds_(rounds), control_(control) {}

  // Whether what failed so is to be tried again. Then its task has to be kept.
  bool Wants(const Failure& failure) {
    if (!IsTransient(failure) || control_.cancelled()) return false;
    const std::lock_guard lock(mutex_);
    return round_ < rounds_ && kept_.size() < kMostKept;
  }
  // A task of several entries counts as so many.
  void Keep(Task task, size_t entries = 1) {
    const std::lock_guard lock(mutex_);
    kept_.push_back(std::move(task));
    kept_entries_ += static_cast<int64_t>(entries);
  }

  // The tasks of the next round, after its pause; at once when the transfer is cancelled. Called by one thread at a
  // time, while nothing else is at work.
  std::vector<Task> NextRound() {
    std::vector<Task> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks.swap(kept_);
      if (tasks.empty()) return tasks;
      ++round_;
      tried_again_ += std::exchange(kept_entries_, 0);
    }
    constexpr auto kStep = std::chrono::milliseconds(20);
    for (auto waited = kStep * 0; waited < pause_ && !control_.cancelled(); waited += kStep)
      std::this_thread::sleep_for(kStep);
    pause_ = std::min(pause_ * 5, kLongestPause);
    return tasks;
  }

  int64_t tried_again() const { return tried_again_; }

 private:
  // About 300 bytes each. What fails beyond them fails for good: so much at once is no passing trouble.
  static constexpr size_t kMostKept = 65'536;
  static constexpr std::chrono::milliseconds kLongestPause = std::chrono::seconds(30);

  const int rounds_;
  const ControlBlock control_;
  std::mutex mutex_;
  std::vector<Task> kept_;
  int round_ = 0;
  int64_t kept_entries_ = 0;
  int64_t tried_again_ = 0;
  std::chrono::milliseconds pause_{100};
};

}  // namespace smartcopy
