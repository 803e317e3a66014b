#pragma once

#include <linux/io_uring.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "transfer.h"

namespace smartcopy {

// One read or write of a whole ring's life: what it asks for, and what comes back under the same `id`.
struct RingRequest {
  Syscall call = Syscall::kRingRead;  // or kRingWrite
  uint32_t id = 0;
  uint32_t file = 0;  // index among the ring's files
  off_t offset = 0;
  std::span<std::byte> memory;  // within the ring's buffer
};

struct RingCompletion {
  uint32_t id = 0;
  int answer = 0;  // a count, or a negative errno
};

// An io_uring with a buffer and a table of files that are known to the kernel in advance. Made, used and destroyed by
// its owner; between making and its last use by one thread alone, because the kernel is promised so.
class IoRing {
 public:
  static constexpr uint32_t kFileCount = 4;

  // A ring for `entries` requests at once, with a buffer of `buffer_bytes`.
  static Result<std::unique_ptr<IoRing>> Make(unsigned entries, size_t buffer_bytes, BufferMemory& memory);
  IoRing(const IoRing&) = delete;
  IoRing& operator=(const IoRing&) = delete;
  ~IoRing();

  std::span<std::byte> buffer() const { return buffer_.bytes(); }
  // Sets the table of files; -1 for none. While a file stands in it, it stays open.
  std::optional<IoError> UseFiles(std::span<const int, kFileCount> files);
  // There is room for as many requests as the ring has entries, less what is under way.
  void Prepare(const RingRequest& request);
  // Hands over what was prepared and waits until something is completed.
  std::optional<IoError> SubmitAndWait();
  std::optional<RingCompletion> NextCompletion();
  // Gives the buffer up for good: the kernel may still use it, because it was not heard to be done.
  void LeakBuffer() { buffer_.Leak(); }

 private:
  IoRing() = default;
  std::optional<IoError> MapQueues(const io_uring_params& params);

  struct Mapped {
    std::byte* at = nullptr;
    size_t length = 0;
  };

  UniqueFd fd_;
  Mapped queues_;
  Mapped entries_map_;
  Buffer buffer_;
  bool has_fixed_buffer_ = false;
  unsigned prepared_ = 0;
  // Places in the shared memory.
  uint32_t* submission_tail_ = nullptr;
  uint32_t submission_mask_ = 0;
  uint32_t* submission_array_ = nullptr;
  io_uring_sqe* submission_entries_ = nullptr;
  uint32_t* completion_head_ = nullptr;
  uint32_t* completion_tail_ = nullptr;
  uint32_t completion_mask_ = 0;
  io_uring_cqe* completions_ = nullptr;
};

}  // namespace smartcopy
