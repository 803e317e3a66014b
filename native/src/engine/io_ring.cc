#include "io_ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>

namespace smartcopy {
namespace {

// Newer than the oldest headers this is built with (include/uapi/linux/io_uring.h).
constexpr unsigned kSingleIssuer = 1U << 12;  // Linux 6.0
constexpr unsigned kDeferTaskRun = 1U << 13;  // Linux 6.1

// How often the kernel may say that it takes nothing right now, with a pause after each: a second together.
constexpr int kMostTries = 1000;
constexpr std::chrono::milliseconds kPause{1};

uint32_t Load(uint32_t* word) { return std::atomic_ref<uint32_t>(*word).load(std::memory_order_acquire); }
void Store(uint32_t* word, uint32_t value) { std::atomic_ref<uint32_t>(*word).store(value, std::memory_order_release); }

}  // namespace

Result<std::unique_ptr<IoRing>> IoRing::Make(unsigned entries, size_t buffer_bytes, BufferMemory& memory) {
  std::unique_ptr<IoRing> ring(new IoRing);
  io_uring_params params{};
  // Completions are then delivered when this thread asks for them, and interrupt it at no other time.
  params.flags = kSingleIssuer | kDeferTaskRun;
  long fd = sys::IoUringSetup(entries, &params);
  if (fd == -EINVAL) {
    params = {};
    fd = sys::IoUringSetup(entries, &params);
  }
  if (auto error = ErrorOf(fd, Syscall::kIoUringSetup)) return *error;
  ring->fd_ = UniqueFd(static_cast<int>(fd));
  if (auto error = ring->MapQueues(params)) return *error;
  auto buffer = memory.Make(buffer_bytes);
  if (!buffer) return buffer.error();
  ring->buffer_ = std::move(*buffer);
  // Pinned memory is charged to RLIMIT_MEMLOCK; where that is too small, the kernel looks the pages up each time.
  iovec whole{ring->buffer().data(), ring->buffer().size()};
  ring->has_fixed_buffer_ = sys::IoUringRegister(ring->fd_.get(), IORING_REGISTER_BUFFERS, &whole, 1) >= 0;
  std::array<int, kFileCount> none;
  none.fill(-1);
  const long registered = sys::IoUringRegister(ring->fd_.get(), IORING_REGISTER_FILES, none.data(), kFileCount);
  if (auto error = ErrorOf(registered, Syscall::kIoUringRegister)) return *error;
  return ring;
}

IoRing::~IoRing() {
  if (queues_.at != nullptr) ::munmap(queues_.at, queues_.length);
  if (entries_map_.at != nullptr) ::munmap(entries_map_.at, entries_map_.length);
}

std::optional<IoError> IoRing::MapQueues(const io_uring_params& params) {
  // Both queues in one mapping since Linux 5.4; without it none of the newer features would be there either.
  if ((params.features & IORING_FEAT_SINGLE_MMAP) == 0) return IoError{ENOSYS, Syscall::kIoUringSetup};
  const size_t queue_bytes = std::max<size_t>(params.sq_off.array + params.sq_entries * sizeof(uint32_t),
                                              params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe));
  const size_t entry_bytes = params.sq_entries * sizeof(io_uring_sqe);
  void* memory = nullptr;
  if (auto error = ErrorOf(sys::MapFile(fd_.get(), IORING_OFF_SQ_RING, queue_bytes, true, &memory), Syscall::kMmap))
    return error;
  queues_ = {static_cast<std::byte*>(memory), queue_bytes};
  if (auto error = ErrorOf(sys::MapFile(fd_.get(), IORING_OFF_SQES, entry_bytes, true, &memory), Syscall::kMmap))
    return error;
  entries_map_ = {static_cast<std::byte*>(memory), entry_bytes};
  const auto word = [&](uint32_t offset) { return reinterpret_cast<uint32_t*>(queues_.at + offset); };
  submission_tail_ = word(params.sq_off.tail);
  submission_mask_ = *word(params.sq_off.ring_mask);
  submission_array_ = word(params.sq_off.array);
  submission_entries_ = reinterpret_cast<io_uring_sqe*>(entries_map_.at);
  completion_head_ = word(params.cq_off.head);
  completion_tail_ = word(params.cq_off.tail);
  completion_mask_ = *word(params.cq_off.ring_mask);
  completions_ = reinterpret_cast<io_uring_cqe*>(queues_.at + params.cq_off.cqes);
  return std::nullopt;
}

std::optional<IoError> IoRing::UseFiles(std::span<const int, kFileCount> files) {
  std::array<int, kFileCount> table;
  std::copy(files.begin(), files.end(), table.begin());
  io_uring_files_update update{};
  update.fds = reinterpret_cast<uint64_t>(table.data());
  const long answer = sys::IoUringRegister(fd_.get(), IORING_REGISTER_FILES_UPDATE, &update, kFileCount);
  return ErrorOf(answer, Syscall::kIoUringRegister);
}

void IoRing::Prepare(const RingRequest& request) {
  const bool reads = request.call == Syscall::kRingRead;
  const uint32_t tail = *submission_tail_;  // written by this thread alone
  io_uring_sqe& entry = submission_entries_[tail & submission_mask_];
  entry = {};
  if (has_fixed_buffer_)
    entry.opcode = reads ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED;
  else
    entry.opcode = reads ? IORING_OP_READ : IORING_OP_WRITE;
  entry.flags = IOSQE_FIXED_FILE;
  entry.fd = static_cast<int>(request.file);
  entry.off = static_cast<uint64_t>(request.offset);
  entry.addr = reinterpret_cast<uint64_t>(request.memory.data());
  entry.len = static_cast<uint32_t>(request.memory.size());
  entry.user_data = request.id;
  submission_array_[tail & submission_mask_] = tail & submission_mask_;
  Store(submission_tail_, tail + 1);
  ++prepared_;
}

std::optional<IoError> IoRing::SubmitAndWait() {
  for (int tries = 0; tries < kMostTries; ++tries) {
    const long taken = sys::IoUringEnter(fd_.get(), prepared_, 1, IORING_ENTER_GETEVENTS);
    // EAGAIN and EBUSY: the kernel is short of memory or of room for completions, and takes more once some are seen.
    if (taken == -EAGAIN || taken == -EBUSY) {
      if (Load(completion_tail_) != *completion_head_) return std::nullopt;
      std::this_thread::sleep_for(kPause);
      continue;
    }
    if (auto error = ErrorOf(taken, Syscall::kIoUringEnter)) return error;
    prepared_ -= static_cast<unsigned>(taken);
    if (prepared_ == 0) return std::nullopt;
  }
  return IoError{EAGAIN, Syscall::kIoUringEnter};
}

std::optional<RingCompletion> IoRing::NextCompletion() {
  const uint32_t head = *completion_head_;  // written by this thread alone
  if (head == Load(completion_tail_)) return std::nullopt;
  const io_uring_cqe& entry = completions_[head & completion_mask_];
  const RingCompletion completion{static_cast<uint32_t>(entry.user_data), entry.res};
  Store(completion_head_, head + 1);
  return completion;
}

}  // namespace smartcopy
