#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "control_block.h"

namespace smartcopy {

// How bytes of content reach a destination. The words of the control block that count them are disjoint, and their sum
// is all that was done.
enum class Method : uint8_t { kReflink, kCopyFileRange, kReadWrite, kIoUring, kMmap, kHoles, kCount };

inline constexpr size_t kMethodCount = static_cast<size_t>(Method::kCount);

inline const char* MethodName(Method method) {
  constexpr std::array<const char*, kMethodCount> kNames = {"reflink", "copyFileRange", "readWrite",
                                                            "ioUring", "mmap",          "holes"};
  return kNames[static_cast<size_t>(method)];
}

inline Word WordOf(Method method) {
  constexpr std::array<Word, kMethodCount> kWords = {Word::kReflinkBytes,   Word::kCopyFileRangeBytes,
                                                     Word::kReadWriteBytes, Word::kIoUringBytes,
                                                     Word::kMmapBytes,      Word::kHoleBytes};
  return kWords[static_cast<size_t>(method)];
}

// What one file has added to the counters.
struct MovedCounts {
  std::array<int64_t, kMethodCount> bytes{};
  int64_t direct_bytes = 0;

  // What takes space at the destination and has to be written to its disk.
  int64_t written() const;
  // The method of most bytes, holes only where there is nothing else: they are no way to move any. Null when there are
  // no bytes.
  const char* method() const;
  void TakeBackFrom(const ControlBlock& control) const;
};

// The same while several threads still add to it.
class MovedBytes {
 public:
  void Add(const ControlBlock& control, Method method, int64_t bytes) {
    control.Add(WordOf(method), bytes);
    bytes_[static_cast<size_t>(method)].fetch_add(bytes, std::memory_order_relaxed);
  }
  // Beside their method: how many of the bytes bypassed the page cache.
  void AddDirect(const ControlBlock& control, int64_t bytes) {
    control.Add(Word::kDirectIoBytes, bytes);
    direct_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }
  MovedCounts Counts() const;
  // Everything is taken back from the counters, for a file that is begun again or failed.
  void TakeBackFrom(const ControlBlock& control);

 private:
  std::array<std::atomic<int64_t>, kMethodCount> bytes_{};
  std::atomic<int64_t> direct_bytes_{0};
};

}  // namespace smartcopy
