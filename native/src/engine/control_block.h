#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace smartcopy {

// The words of the control block, in the order in which they lie in shared memory.
enum class Word : uint8_t {
  kCancel,          // written outside: 1 stops the transfer
  kBytesPerSecond,  // written outside: -1 no limit, 0 nothing may move
  kBytesTotal,
  kBytesUnchanged,
  kReflinkBytes,
  kCopyFileRangeBytes,
  kReadWriteBytes,
  kIoUringBytes,
  kMmapBytes,
  kHoleBytes,
  kDirectIoBytes,
  kBytesVerified,
  kFilesTotal,
  kFilesDone,
  kFilesUnchanged,
  kFilesFailed,
  kFilesSkipped,
  kDirectoriesDone,
  kEntriesRefused,
  kEntriesFiltered,
  kThrottleWaitNs,
  kTotalsFinal,
  kCount,
};

inline constexpr std::array<const char*, static_cast<size_t>(Word::kCount)> kWordNames = {
    "cancel",         "bytesPerSecond",  "bytesTotal",     "bytesUnchanged", "reflinkBytes",  "copyFileRangeBytes",
    "readWriteBytes", "ioUringBytes",    "mmapBytes",      "holeBytes",      "directIoBytes", "bytesVerified",
    "filesTotal",     "filesDone",       "filesUnchanged", "filesFailed",    "filesSkipped",  "directoriesDone",
    "entriesRefused", "entriesFiltered", "throttleWaitNs", "totalsFinal"};

// A view of the shared words. The memory belongs to the caller and outlives the transfer; any thread may use it.
class ControlBlock {
 public:
  explicit ControlBlock(int64_t* words) : words_(words) {}

  bool cancelled() const { return Get(Word::kCancel) != 0; }
  int64_t bytes_per_second() const { return Get(Word::kBytesPerSecond); }
  int64_t Get(Word word) const { return At(word).load(std::memory_order_relaxed); }
  void Set(Word word, int64_t value) const { At(word).store(value, std::memory_order_relaxed); }
  void Add(Word word, int64_t value) const { At(word).fetch_add(value, std::memory_order_relaxed); }

 private:
  std::atomic_ref<int64_t> At(Word word) const { return std::atomic_ref<int64_t>(words_[static_cast<size_t>(word)]); }

  int64_t* words_;
};

}  // namespace smartcopy
