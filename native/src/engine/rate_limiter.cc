#include "rate_limiter.h"

#include <algorithm>
#include <limits>
#include <thread>

namespace smartcopy {
namespace {

// A new limit, a lifted pause or a cancel is seen within this time.
constexpr std::chrono::nanoseconds kLongestSleep = std::chrono::milliseconds(20);

}  // namespace

bool RateLimiter::Acquire(int64_t bytes) {
  for (;;) {
    if (control_.cancelled()) return false;
    const int64_t limit = control_.bytes_per_second();
    if (limit < 0) return true;
    const auto wait = limit == 0 ? kLongestSleep : TryTake(bytes, limit);
    if (wait <= std::chrono::nanoseconds::zero()) return true;
    const auto began = Clock::now();
    std::this_thread::sleep_for(std::min(wait, kLongestSleep));
    control_.Add(Word::kThrottleWaitNs, std::chrono::nanoseconds(Clock::now() - began).count());
  }
}

int64_t RateLimiter::ChunkLimit() const {
  const int64_t limit = control_.bytes_per_second();
  if (limit < 0) return std::numeric_limits<int64_t>::max();
  return std::max<int64_t>(limit / 10, 4096);
}

std::chrono::nanoseconds RateLimiter::TryTake(int64_t bytes, int64_t bytes_per_second) {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  const double rate = static_cast<double>(bytes_per_second);
  const double elapsed = std::chrono::duration<double>(now - refilled_).count();
  refilled_ = now;
  tokens_ = std::min(tokens_ + elapsed * rate, rate / 10);
  if (tokens_ <= 0) return std::chrono::nanoseconds(static_cast<int64_t>(-tokens_ / rate * 1e9) + 1);
  // The bucket may go into debt: a request larger than it holds passes at once, and the next ones wait for it to be
  // paid back. Otherwise a large request would starve behind small ones.
  tokens_ -= static_cast<double>(bytes);
  return std::chrono::nanoseconds::zero();
}

}  // namespace smartcopy
