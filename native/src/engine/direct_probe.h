#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace smartcopy {

// Which of two ways is faster between two places, found while their ranges are copied: the first few ranges go both
// ways in turn, in the order ABBA, so that a drift of the disk meets both. Pure but for what it has been told.
class DirectProbe {
 public:
  enum class Way : uint8_t { kPageCache, kDirect };

  // The way that the next range takes.
  Way Next();
  // What a range took. Several may be under way at once.
  void Record(Way way, int64_t bytes, int64_t nanoseconds);
  // Known when both ways have been measured for long enough.
  std::optional<Way> winner() const { return winner_; }

 private:
  struct Measured {
    int64_t count = 0;
    double bytes = 0;
    double nanoseconds = 0;

    double rate() const { return bytes / nanoseconds; }
  };

  int given_ = 0;
  std::array<Measured, 2> measured_{};
  std::optional<Way> winner_;
};

}  // namespace smartcopy
