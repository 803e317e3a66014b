#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace smartcopy {

// Carries what engine threads report to the caller, in batches. Thread-safe.
// Bounded: once kMostUndelivered items wait, reporting threads wait too, so that a tree of unreadable files cannot fill
// the memory faster than somebody writes its names down.
template <typename Item>
class BatchSink {
 public:
  // Called from engine threads when the first item of a batch arrives; the receiver then calls Take, on any thread.
  explicit BatchSink(std::function<void()> notify) : notify_(std::move(notify)) {}

  void Report(Item item) {
    std::unique_lock lock(mutex_);
    taken_.wait(lock, [&] { return discarding_ || waiting_.size() < kMostUndelivered; });
    if (discarding_) return;
    waiting_.push_back(std::move(item));
    const bool first = waiting_.size() == 1;
    lock.unlock();
    if (first) notify_();
  }

  std::vector<Item> Take() {
    std::vector<Item> taken;
    {
      const std::lock_guard lock(mutex_);
      taken.swap(waiting_);
    }
    taken_.notify_all();
    return taken;
  }

  // Nobody takes items any more: what waits and what comes is dropped, so that no thread waits for ever.
  void Discard() {
    {
      const std::lock_guard lock(mutex_);
      discarding_ = true;
      waiting_.clear();
    }
    taken_.notify_all();
  }

 private:
  static constexpr size_t kMostUndelivered = 10'000;

  const std::function<void()> notify_;
  std::mutex mutex_;
  std::condition_variable taken_;
  std::vector<Item> waiting_;
  bool discarding_ = false;
};

}  // namespace smartcopy
