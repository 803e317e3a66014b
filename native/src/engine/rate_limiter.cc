#include "rate_limiter.h"

#include <algorithm>
#include <thread>

namespace smartcopy {
namespace {

// A new limit, a lifted pause or a cancel is seen within this time.
constexpr std::chrono::nanoseconds kLongestSleep = std::chrono::milliseconds(20);

}  // namespace

int64_t TokenBucket::LargestGrant(int64_t bytes_per_second, size_t thread_count) {
  const auto parts = static_cast<int64_t>(std::max<size_t>(25, 10 * thread_count));
  return std::max<int64_t>(bytes_per_second / parts, 1);
}

TokenBucket::Grant TokenBucket::Take(int64_t wanted, int64_t largest, int64_t bytes_per_second, Time now) {
  const double elapsed = std::chrono::duration<double>(std::max(now, at_) - at_).count();
  ahead_seconds_ = std::max(ahead_seconds_ - elapsed, -kKeptSeconds);
  at_ = std::max(now, at_);
  // A whole nanosecond more, so that whoever sleeps for it finds the time has come.
  if (ahead_seconds_ > 0) return {0, std::chrono::nanoseconds(static_cast<int64_t>(ahead_seconds_ * 1e9) + 1)};
  // Whoever comes first is served whole, even if that reaches beyond now: otherwise a large request would starve behind
  // small ones.
  const int64_t granted = std::min(wanted, largest);
  ahead_seconds_ += static_cast<double>(granted) / static_cast<double>(bytes_per_second);
  return {granted, {}};
}

std::optional<int64_t> RateLimiter::Acquire(int64_t wanted, int64_t block) {
  for (;;) {
    if (control_.cancelled()) return std::nullopt;
    const int64_t limit = control_.bytes_per_second();
    if (limit < 0) return wanted;
    if (limit > 0 && wanted <= 0) return 0;
    const auto grant = limit == 0 ? TokenBucket::Grant{0, kLongestSleep} : Take(wanted, block, limit);
    if (grant.bytes > 0) return grant.bytes;
    const auto began = Clock::now();
    std::this_thread::sleep_for(std::min(grant.wait, kLongestSleep));
    control_.Add(Word::kThrottleWaitNs, std::chrono::nanoseconds(Clock::now() - began).count());
  }
}

TokenBucket::Grant RateLimiter::Take(int64_t wanted, int64_t block, int64_t bytes_per_second) {
  const int64_t largest = TokenBucket::LargestGrant(bytes_per_second, thread_count_);
  const bool holds_block = std::min(wanted, largest) >= block;
  const std::lock_guard lock(mutex_);
  // The clock is read under the lock, so that the bucket's time never runs backwards.
  return bucket_.Take(wanted, holds_block ? largest - largest % block : largest, bytes_per_second, Clock::now());
}

}  // namespace smartcopy
