#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

namespace smartcopy {

// Tasks of several threads: each takes its own newest first, which keeps a tree walk deep and its open directories few,
// and steals the oldest of the others, which is the largest piece of work left. Thread-safe.
//
// `Outstanding` counts everything that is not settled: queued and running tasks, and whatever else Begin was called
// for. When it reaches zero, one thread asks `drained` whether there is more to come.
template <typename Task>
class WorkQueue {
 public:
  explicit WorkQueue(size_t worker_count) : lanes_(worker_count) {}

  void Push(size_t worker, Task task) {
    Begin();
    {
      const std::lock_guard lock(lanes_[worker].mutex);
      lanes_[worker].tasks.push_back(std::move(task));
    }
    queued_.fetch_add(1);
    WakeOne();
  }

  std::optional<Task> Take(size_t worker) {
    if (queued_.load() == 0) return std::nullopt;
    if (auto own = Pop(worker, true)) return own;
    for (size_t step = 1; step < lanes_.size(); ++step) {
      if (auto stolen = Pop((worker + step) % lanes_.size(), false)) return stolen;
    }
    return std::nullopt;
  }

  void Begin() { outstanding_.fetch_add(1); }
  void End() {
    if (outstanding_.fetch_sub(1) == 1) WakeAll();
  }

  // Everything that is not settled.
  int64_t outstanding() const { return outstanding_.load(std::memory_order_relaxed); }

  // Whether some thread has nothing to do: then a task that can be split should be.
  bool HasIdleWorkers() const { return idle_.load(std::memory_order_relaxed) > 0; }

  void WakeOne() {
    if (idle_.load() == 0) return;
    const std::lock_guard lock(mutex_);
    wake_.notify_one();
  }
  void WakeAll() {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  }

  // Waits until there may be work: tasks, or whatever `other_work` sees. False when all work is done for good, which is
  // when nothing is outstanding and `drained`, called by one thread at a time, brought nothing new.
  bool Wait(const std::function<bool()>& other_work, const std::function<bool()>& drained) {
    std::unique_lock lock(mutex_);
    idle_.fetch_add(1);
    for (;;) {
      if (finished_) break;
      if (outstanding_.load() == 0 && !draining_) {
        draining_ = true;
        lock.unlock();
        const bool brought_more = drained();
        lock.lock();
        draining_ = false;
        // What `drained` set going may have left more for it to do, although it is done by now: ask once more.
        if (!brought_more && outstanding_.load() == 0) finished_ = true;
        wake_.notify_all();
        continue;
      }
      if (queued_.load() > 0 || other_work()) break;
      wake_.wait(lock);
    }
    idle_.fetch_sub(1);
    return !finished_;
  }

 private:
  struct Lane {
    std::mutex mutex;
    std::deque<Task> tasks;
  };

  std::optional<Task> Pop(size_t index, bool newest) {
    Lane& lane = lanes_[index];
    const std::lock_guard lock(lane.mutex);
    if (lane.tasks.empty()) return std::nullopt;
    Task task = newest ? std::move(lane.tasks.back()) : std::move(lane.tasks.front());
    if (newest)
      lane.tasks.pop_back();
    else
      lane.tasks.pop_front();
    queued_.fetch_sub(1);
    return task;
  }

  std::vector<Lane> lanes_;
  std::atomic<int64_t> queued_{0};
  std::atomic<int64_t> outstanding_{0};
  std::atomic<int64_t> idle_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool draining_ = false;
  bool finished_ = false;
};

}  // namespace smartcopy
