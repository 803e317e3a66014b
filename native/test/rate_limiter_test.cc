#include "engine/rate_limiter.h"

#include <algorithm>
#include <queue>
#include <thread>
#include <vector>

#include "engine/thread.h"
#include "support.h"

namespace smartcopy::testing {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using Time = TokenBucket::Time;

// Nobody asks in this time, as when a disk stalls.
constexpr auto kRestBegins = seconds(12);
constexpr auto kRestEnds = seconds(14);

// What is granted in a made-up run: `threads` callers that ask again as soon as they have waited (late by `oversleep`),
// with a limit that depends on the time.
struct Callers {
  int threads = 1;
  int64_t wanted = 1 << 20;
  nanoseconds oversleep{0};
  nanoseconds length = seconds(26);
};

struct Granted {
  double at = 0;  // seconds
  int64_t bytes = 0;
};

template <typename LimitAt>
std::vector<Granted> Simulate(const Callers& run, LimitAt limit_at) {
  const Time begin{};
  TokenBucket bucket(begin);
  std::priority_queue<Time, std::vector<Time>, std::greater<>> callers;
  for (int index = 0; index < run.threads; ++index) callers.push(begin);
  std::vector<Granted> all;
  while (callers.top() < begin + run.length) {
    const Time now = callers.top();
    callers.pop();
    if (now - begin >= kRestBegins && now - begin < kRestEnds) {
      callers.push(begin + kRestEnds);
      continue;
    }
    const double at = duration<double>(now - begin).count();
    const int64_t limit = limit_at(at);
    const auto largest = TokenBucket::LargestGrant(limit, static_cast<size_t>(run.threads));
    const auto grant = bucket.Take(run.wanted, largest, limit, now);
    if (grant.bytes > 0) all.push_back({at, grant.bytes});
    callers.push(grant.bytes > 0 ? now : now + std::min<nanoseconds>(grant.wait, milliseconds(20)) + run.oversleep);
  }
  return all;
}

// The most that was granted in any window of this length.
double MostIn(const std::vector<Granted>& all, double window) {
  double most = 0;
  double sum = 0;
  size_t first = 0;
  for (const auto& [at, bytes] : all) {
    sum += static_cast<double>(bytes);
    while (all[first].at <= at - window) sum -= static_cast<double>(all[first++].bytes);
    most = std::max(most, sum);
  }
  return most;
}

double Between(const std::vector<Granted>& all, double from, double to) {
  double sum = 0;
  for (const auto& [at, bytes] : all)
    if (at >= from && at < to) sum += static_cast<double>(bytes);
  return sum;
}

TEST(TokenBucket, KeepsEveryLimitWithinTwoPerCentOfAnyTenSeconds) {
  // Among them the one from which the original's 32-bit number overflowed, and its neighbours.
  const std::vector<int64_t> limits = {1'000,         1'000'000,     100'000'000,     4'294'967'295,
                                       4'294'967'296, 5'000'000'000, 100'000'000'000, int64_t{1} << 53};
  for (const int64_t limit : limits) {
    for (const int threads : {1, 4, 32}) {
      for (const int oversleep_us : {0, 300, 15'000}) {
        const Callers run{threads, int64_t{1} << 53, std::chrono::microseconds(oversleep_us)};
        const auto rate = static_cast<double>(limit);
        const auto all = Simulate(run, [&](double) { return limit; });
        EXPECT_NEAR(Between(all, 0, 10) / rate, 10, 0.2) << limit << " with " << threads << ", " << oversleep_us;
        EXPECT_NEAR(Between(all, 2, 12) / rate, 10, 0.2) << limit << " with " << threads << ", " << oversleep_us;
        EXPECT_NEAR(Between(all, 14, 24) / rate, 10, 0.2) << limit << " with " << threads << ", " << oversleep_us;
        EXPECT_LE(MostIn(all, 10), 10.2 * rate) << limit << " with " << threads << ", " << oversleep_us;
        EXPECT_LE(MostIn(all, 0.05), rate * 0.25 + 1) << limit << " with " << threads << ", " << oversleep_us;
      }
    }
  }
}

TEST(TokenBucket, CountsSmallRequestsAtHighLimitsToTheByte) {
  // 4 KiB at 100 GB/s take 41 ns: a bucket that counts whole nanoseconds would be wrong by 2 %.
  const auto all = Simulate({4, 4096, nanoseconds(0), milliseconds(20)}, [](double) { return 100'000'000'000; });
  EXPECT_NEAR(Between(all, 0, 0.02), 2e9, 1e5);
}

TEST(TokenBucket, FollowsALimitThatChanges) {
  const auto all = Simulate({4, int64_t{1} << 40}, [](double at) {
    return at < 3 ? int64_t{10'000'000} : at < 6 ? int64_t{100'000'000'000} : int64_t{2'000'000};
  });
  EXPECT_NEAR(Between(all, 0, 3), 30e6, 1.5e6);
  EXPECT_NEAR(Between(all, 3, 6), 300e9, 15e9);
  // What was taken under the high limit is not paid back under the low one.
  EXPECT_NEAR(Between(all, 6, 12), 12e6, 0.3e6);
}

TEST(TokenBucket, GivesAFractionOfASecondAtOnceAfterALongRest) {
  TokenBucket bucket(Time{});
  const Time later = Time{} + std::chrono::hours(24);
  int64_t burst = 0;
  for (;;) {
    const auto grant = bucket.Take(1 << 20, 40'000, 1'000'000, later);
    if (grant.bytes == 0) break;
    burst += grant.bytes;
  }
  EXPECT_EQ(burst, 160'000);  // 150,000 kept, and the last grant reaches beyond
}

TEST(TokenBucket, IsNotMovedByAClockThatRunsBackwards) {
  TokenBucket bucket(Time{} + seconds(100));
  EXPECT_EQ(bucket.Take(500, 500, 1000, Time{} + seconds(100)).bytes, 500);
  const auto refused = bucket.Take(500, 500, 1000, Time{});
  EXPECT_EQ(refused.bytes, 0);
  EXPECT_NEAR(duration<double>(refused.wait).count(), 0.5, 1e-6);
  EXPECT_EQ(bucket.Take(500, 500, 1000, Time{} + milliseconds(100'501)).bytes, 500);
}

// Of the original's refill, which several threads ran at once, so that the bucket held more than time had brought.
TEST(RateLimiter, GivesManyThreadsTogetherNoMoreThanTheLimit) {
  std::array<int64_t, static_cast<size_t>(Word::kCount)> words{};
  const ControlBlock control(words.data());
  control.Set(Word::kBytesPerSecond, 200'000'000);
  constexpr size_t kThreads = 8;
  RateLimiter limiter(control, kThreads);
  std::atomic<int64_t> granted{0};
  const auto began = std::chrono::steady_clock::now();
  {
    std::vector<std::unique_ptr<Thread>> threads;
    for (size_t index = 0; index < kThreads; ++index) {
      threads.push_back(std::make_unique<Thread>([&] {
        while (const auto some = limiter.Acquire(1000)) granted.fetch_add(*some);
      }));
    }
    std::this_thread::sleep_for(milliseconds(500));
    control.Set(Word::kCancel, 1);
  }
  const double elapsed = duration<double>(std::chrono::steady_clock::now() - began).count();
  EXPECT_LE(static_cast<double>(granted.load()), 200e6 * (elapsed + 0.2));
}

TEST(RateLimiter, GrantsWholeBlocksWhereTheLimitHasThem) {
  std::array<int64_t, static_cast<size_t>(Word::kCount)> words{};
  const ControlBlock control(words.data());
  const struct {
    int64_t limit, wanted, granted;
  } cases[] = {
      {-1, 10'000, 10'000},                                                           // no limit: all of it
      {1'000'000, 100'000, 36'864},                                                   // of 40,000 at once, nine blocks
      {1'000'000, 4'096, 4'096},    {1'000'000, 100, 100}, {50'000, 100'000, 2'000},  // no block at once
  };
  for (const auto& [limit, wanted, granted] : cases) {
    control.Set(Word::kBytesPerSecond, limit);
    RateLimiter limiter(control, 1);
    EXPECT_EQ(limiter.Acquire(wanted, 4'096), granted) << limit << ' ' << wanted;
  }
}

TEST(RateLimiter, ChargesAFileWithoutSizeForWhatItHolds) {
  const TemporaryDirectory place;
  auto request = RequestFor("/proc", place / "status");
  request.source.path = "cpuinfo";
  const auto began = std::chrono::steady_clock::now();
  const Report report = CopySlowly(request, 4000, [](ControlBlock) {});
  EXPECT_TRUE(Clean(report));
  const auto size = static_cast<double>(ReadFile(place / "status").size());
  EXPECT_GT(size, 500);
  EXPECT_GE(duration<double>(std::chrono::steady_clock::now() - began).count(), size / 4000 - 0.2);
}

}  // namespace
}  // namespace smartcopy::testing
