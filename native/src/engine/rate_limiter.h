#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "control_block.h"

namespace smartcopy {

// The rule of the limit, without clock and without threads. It keeps no bytes but time: how far ahead of now the bytes
// that were granted reach at the rate of the moment (less than zero: how long nothing was asked for). So there is no
// refill that threads could race for, a byte at 100 GB/s and an hour at 1 byte/s are as exact, and what was granted
// under another rate weighs what it took then.
class TokenBucket {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Time that was not used is kept up to this: threads that wake late make up for it, and over any 10 s the excess
  // stays, with the largest grant, within 1.9 % of the limit.
  static constexpr double kKeptSeconds = 0.15;

  // Either some bytes, or how long there are none.
  struct Grant {
    int64_t bytes = 0;
    std::chrono::nanoseconds wait{};
  };

  // The most that is granted at once: a 25th of a second's bytes, and for many threads less, so that all of them
  // together never have more than a tenth of a second's bytes on the way. At least 1.
  static int64_t LargestGrant(int64_t bytes_per_second, size_t thread_count);

  explicit TokenBucket(Time now) : at_(now) {}

  // Grants at most `wanted` (above 0) and at most the largest grant. `bytes_per_second` is above 0 and may be another
  // one at every call.
  Grant Take(int64_t wanted, int64_t largest, int64_t bytes_per_second, Time now);

 private:
  Time at_;
  double ahead_seconds_ = 0;  // of `at_`
};

// Keeps all threads of one transfer together below the bytes per second that the control block says at the moment.
// Thread-safe.
class RateLimiter {
 public:
  RateLimiter(ControlBlock control, size_t thread_count) : control_(control), thread_count_(thread_count) {}

  // Waits until some of `wanted` bytes may move, and says how many; of 0 bytes until anything may. Whole blocks, where
  // `wanted` holds one and the limit grants one at once. Nothing when the transfer was cancelled meanwhile.
  std::optional<int64_t> Acquire(int64_t wanted, int64_t block = 1);

 private:
  using Clock = std::chrono::steady_clock;

  TokenBucket::Grant Take(int64_t wanted, int64_t block, int64_t bytes_per_second);

  const ControlBlock control_;
  const size_t thread_count_;
  std::mutex mutex_;
  TokenBucket bucket_{Clock::now()};
};

}  // namespace smartcopy
