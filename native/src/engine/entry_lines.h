#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "thread.h"

namespace smartcopy {

// Carries a line for each entry from engine threads to the caller, many at a time: what was done or would be, the bytes
// of its content (- where it has none), its escaped path; a tab between each. Thread-safe.
// Bounded: once kMostWaiting bytes wait, adding threads wait too.
class EntryLines {
 public:
  // `notify` is called when 64 KiB wait, or a line has waited for 50 ms, from any thread; the receiver then calls Take.
  explicit EntryLines(std::function<void()> notify);
  ~EntryLines();
  EntryLines(const EntryLines&) = delete;
  EntryLines& operator=(const EntryLines&) = delete;

  void Add(std::string_view what, std::optional<int64_t> bytes, std::string_view path);
  std::string Take();
  // Nobody takes lines any more: what waits and what comes is dropped, so that no thread waits for ever.
  void Discard();

 private:
  static constexpr size_t kMostWaiting = size_t{1} << 20;

  void NotifyInTime();

  const std::function<void()> notify_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_;
  bool notified_ = false;  // and not taken since
  bool discarding_ = false;
  bool ended_ = false;
  std::unique_ptr<Thread> timer_;
};

}  // namespace smartcopy
