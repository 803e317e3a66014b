#include "direct_probe.h"

#include <algorithm>

namespace smartcopy {
namespace {

// Each way is measured at least twice, and for half a second unless that takes more ranges than this.
constexpr int64_t kFewest = 2;
constexpr int64_t kMost = 8;
constexpr double kLongEnough = 0.5e9;
// Bypassing the cache has to be worth it: noise of a few percent decides for the cache.
constexpr double kMargin = 1.05;

}  // namespace

DirectProbe::Way DirectProbe::Next() {
  if (winner_) return *winner_;
  const int place = given_++ % 4;
  return place == 0 || place == 3 ? Way::kDirect : Way::kPageCache;
}

void DirectProbe::Record(Way way, int64_t bytes, int64_t nanoseconds) {
  if (winner_) return;
  auto& of_way = measured_[static_cast<size_t>(way)];
  ++of_way.count;
  of_way.bytes += static_cast<double>(bytes);
  of_way.nanoseconds += static_cast<double>(std::max<int64_t>(nanoseconds, 1));
  const auto is_known = [](const Measured& measured) {
    return measured.count >= kMost || (measured.count >= kFewest && measured.nanoseconds >= kLongEnough);
  };
  const auto& cache = measured_[static_cast<size_t>(Way::kPageCache)];
  const auto& direct = measured_[static_cast<size_t>(Way::kDirect)];
  if (!is_known(cache) || !is_known(direct)) return;
  winner_ = direct.rate() > cache.rate() * kMargin ? Way::kDirect : Way::kPageCache;
}

}  // namespace smartcopy
