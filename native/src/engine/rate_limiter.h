#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

#include "control_block.h"

namespace smartcopy {

// Keeps all threads of one transfer together below the bytes per second that the control block says at the moment.
// A token bucket that holds a tenth of a second: over any 10 s the excess stays within 1 %. Thread-safe.
class RateLimiter {
 public:
  explicit RateLimiter(ControlBlock control) : control_(control) {}

  // Waits until `bytes` may move. False when the transfer was cancelled meanwhile.
  bool Acquire(int64_t bytes);

  // The most that one read should move, so that a slow limit does not move in bursts: a tenth of a second's bytes,
  // at least 4 KiB.
  int64_t ChunkLimit() const;

 private:
  using Clock = std::chrono::steady_clock;

  // How long to wait before asking again; zero when the bytes were granted.
  std::chrono::nanoseconds TryTake(int64_t bytes, int64_t bytes_per_second);

  const ControlBlock control_;
  std::mutex mutex_;
  double tokens_ = 0;
  Clock::time_point refilled_ = Clock::now();
};

}  // namespace smartcopy
