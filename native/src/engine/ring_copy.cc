#include <errno.h>

#include <algorithm>
#include <vector>

#include "copy_strategy.h"
#include "io_ring.h"
#include "io_uring_probe.h"

namespace smartcopy {
namespace {

// Deep enough for the disks this is for (measured: 8 to 32 reads of 1 MiB at once give two to three times one), and all
// of it within what one thread may have.
constexpr size_t kMostBlockBytes = size_t{1} << 20;
constexpr size_t kLaneBytes = size_t{16} << 20;
constexpr size_t kMostDepth = 32;
constexpr size_t kPageBytes = 4096;

}  // namespace

// The ring of one thread, with the blocks that its buffer is divided into.
class RingLane {
 public:
  struct Block {
    enum class State : uint8_t { kFree, kReading, kRead, kWriting };
    State state = State::kFree;
    off_t offset = 0;
    size_t length = 0;
    size_t done = 0;  // of the read or write under way
    bool is_direct = false;
    std::span<std::byte> memory;
  };

  static Result<std::shared_ptr<RingLane>> Make(size_t buffer_bytes, BufferMemory& memory) {
    const size_t block_bytes = std::clamp(buffer_bytes / kPageBytes * kPageBytes, kPageBytes, kMostBlockBytes);
    const size_t depth = std::min(kLaneBytes / block_bytes, kMostDepth);
    auto ring = IoRing::Make(static_cast<unsigned>(depth), depth * block_bytes, memory);
    if (!ring) return ring.error();
    auto lane = std::make_shared<RingLane>();
    lane->ring = std::move(*ring);
    for (size_t index = 0; index < depth; ++index) {
      lane->blocks.emplace_back();
      lane->blocks.back().memory = lane->ring->buffer().subspan(index * block_bytes, block_bytes);
    }
    return lane;
  }

  std::unique_ptr<IoRing> ring;
  std::vector<Block> blocks;
};

namespace {

using Block = RingLane::Block;

// One range on its way through a ring. Reads are started in file order, up to as many as there are blocks; a block that
// is read is watched when all before it were, and then written.
class RingRun {
 public:
  RingRun(Transfer& transfer, RingLane& lane, const ContentCopy& file, Range range, const Watch& watch)
      : transfer_(transfer),
        lane_(lane),
        file_(file),
        range_(range),
        watch_(watch),
        next_(range.begin),
        ends_(range.end),
        watched_(range.begin) {}

  Result<off_t> Run();
  // The ring can no longer be trusted, and its buffer may still be written to.
  bool is_broken() const { return is_broken_; }

 private:
  enum File : uint32_t { kSource, kDestination, kDirectSource, kDirectDestination };

  void StartReads();
  bool StartRead(Block& block);
  void Submit(Block& block);
  void Take(Block& block, int answer);
  long AnswerOtherwise(const Block& block, long answer);
  void Took(Block& block, size_t count);
  void WriteWhatIsRead();
  void Fail(const Block& block, int code);

  Transfer& transfer_;
  RingLane& lane_;
  const ContentCopy& file_;
  const Range range_;
  const Watch& watch_;
  off_t next_;     // where the next read begins
  off_t ends_;     // the range's end, or that of the source when it comes first
  off_t watched_;  // all before this was watched
  size_t under_way_ = 0;
  std::optional<IoError> error_;
  bool is_broken_ = false;
};

Result<off_t> RingRun::Run() {
  const auto* direct = file_.direct();
  const std::array<int, IoRing::kFileCount> files = {file_.source, file_.destination,
                                                     direct != nullptr ? direct->source.get() : -1,
                                                     direct != nullptr ? direct->destination.get() : -1};
  if (auto error = lane_.ring->UseFiles(files)) return *error;
  for (StartReads(); under_way_ > 0; StartReads()) {
    if (auto error = lane_.ring->SubmitAndWait()) {
      is_broken_ = true;
      return *error;
    }
    while (auto completion = lane_.ring->NextCompletion()) {
      --under_way_;
      Take(lane_.blocks[completion->id], completion->answer);
    }
    WriteWhatIsRead();
  }
  for (auto& block : lane_.blocks) block.state = Block::State::kFree;
  constexpr std::array<int, IoRing::kFileCount> kNone = {-1, -1, -1, -1};
  if (auto error = lane_.ring->UseFiles(kNone); error && !error_) error_ = error;
  if (error_) return *error_;
  return ends_ - range_.begin;
}

void RingRun::StartReads() {
  for (auto& block : lane_.blocks) {
    if (block.state != Block::State::kFree) continue;
    if (error_ || next_ >= ends_ || !StartRead(block)) return;
    // Waiting for the bandwidth limit must not hold back what was granted already.
    if (transfer_.control.bytes_per_second() >= 0) return;
  }
}

bool RingRun::StartRead(Block& block) {
  auto length = static_cast<size_t>(std::min(static_cast<off_t>(block.memory.size()), ends_ - next_));
  if (const auto* direct = file_.direct()) length = direct->UsefulLength(next_, length);
  block.offset = next_;
  const auto granted = transfer_.limiter.Acquire(static_cast<int64_t>(length), file_.unit());
  if (!granted) return Fail(block, ECANCELED), false;
  block.state = Block::State::kReading;
  block.length = static_cast<size_t>(*granted);
  block.done = 0;
  next_ += static_cast<off_t>(*granted);
  Submit(block);
  return true;
}

// What is left of the block's read or write, past the page cache where that can be.
void RingRun::Submit(Block& block) {
  const bool reads = block.state == Block::State::kReading;
  const auto call = reads ? Syscall::kRingRead : Syscall::kRingWrite;
  const auto rest = block.memory.subspan(block.done, block.length - block.done);
  const off_t offset = block.offset + static_cast<off_t>(block.done);
  const auto* direct = file_.direct();
  const size_t length = sys::RingLength(call, rest.size());
  block.is_direct = direct != nullptr && direct->Fits(offset, length, rest.data());
  const uint32_t file = (reads ? kSource : kDestination) + (block.is_direct ? kDirectSource : kSource);
  const auto id = static_cast<uint32_t>(&block - lane_.blocks.data());
  lane_.ring->Prepare({call, id, file, offset, rest.first(length)});
  ++under_way_;
}

void RingRun::Take(Block& block, int completed) {
  const bool reads = block.state == Block::State::kReading;
  long answer = sys::RingAnswer(reads ? Syscall::kRingRead : Syscall::kRingWrite, completed);
  if (answer == -EINTR || answer == -EAGAIN || (answer == -EINVAL && block.is_direct))
    answer = AnswerOtherwise(block, answer);
  if (error_) return;  // only what is under way is waited for
  if (answer < 0) return Fail(block, static_cast<int>(-answer));
  if (answer > 0) return Took(block, static_cast<size_t>(answer));
  if (!reads) return Fail(block, EIO);  // moves nothing and names no error: it would go on for ever
  ends_ = std::min(ends_, block.offset + static_cast<off_t>(block.done));
  block.length = block.done;
  block.state = Block::State::kRead;
}

// Nothing was moved, and the same would be answered again: made by a plain call, which waits, repeats and needs no
// alignment.
long RingRun::AnswerOtherwise(const Block& block, long answer) {
  if (answer == -EINVAL) transfer_.fallbacks.Add("directIo", "pageCache", EINVAL);
  const auto rest = block.memory.subspan(block.done, block.length - block.done);
  const off_t offset = block.offset + static_cast<off_t>(block.done);
  if (block.state == Block::State::kReading) return sys::Pread(file_.source, rest.data(), rest.size(), offset);
  return sys::Pwrite(file_.destination, rest.data(), rest.size(), offset);
}

// Goes on where the kernel says it stopped, or ends the block's step.
void RingRun::Took(Block& block, size_t count) {
  block.done += count;
  const bool reads = block.state == Block::State::kReading;
  if (!reads) {
    file_.moved->Add(transfer_.control, Method::kIoUring, static_cast<int64_t>(count));
    if (block.is_direct) file_.moved->AddDirect(transfer_.control, static_cast<int64_t>(count));
  }
  if (block.done < block.length) return Submit(block);
  block.state = reads ? Block::State::kRead : Block::State::kFree;
}

void RingRun::WriteWhatIsRead() {
  for (bool found = true; found && !error_;) {
    found = false;
    for (auto& block : lane_.blocks) {
      if (block.state != Block::State::kRead) continue;
      if (watch_ && block.offset != watched_) continue;
      if (watch_ && block.length > 0 && !watch_(block.memory.first(block.length))) return Fail(block, ECANCELED);
      watched_ = block.offset + static_cast<off_t>(block.length);
      block.state = block.length > 0 ? Block::State::kWriting : Block::State::kFree;
      block.done = 0;
      if (block.length > 0) Submit(block);
      found = static_cast<bool>(watch_);
      if (error_) return;
    }
  }
}

void RingRun::Fail(const Block& block, int code) {
  if (error_) return;
  const auto call = block.state == Block::State::kWriting ? Syscall::kRingWrite : Syscall::kRingRead;
  error_ = IoError{code, call, block.offset + static_cast<off_t>(block.done)};
}

}  // namespace

Result<std::optional<off_t>> RingCopy::CopyRange(const ContentCopy& file, Range range, const Watch& watch) {
  RingLane* lane = file.size > 0 ? LaneOf(file) : nullptr;
  if (lane == nullptr) return std::optional<off_t>();
  RingRun run(transfer_, *lane, file, range, watch);
  auto moved = run.Run();
  if (run.is_broken()) {
    lane->ring->LeakBuffer();
    file.ring->reset();
  }
  if (!moved) return moved.error();
  return std::optional<off_t>(*moved);
}

bool RingCopy::IsOffered() {
  std::call_once(probed_, [this] {
    if (const auto facts = ProbeIoUring(); !facts) refused_ = facts.error().code;
  });
  if (refused_ == 0) return true;
  transfer_.fallbacks.Add(name(), MethodName(Method::kReadWrite), refused_);
  return false;
}

// EPERM and ENOSYS are what containers answer whose seccomp profile forbids io_uring; ENOMEM is a small RLIMIT_MEMLOCK.
// Nothing is lost by reading and writing instead.
RingLane* RingCopy::LaneOf(const ContentCopy& file) {
  if (file.ring == nullptr) return nullptr;
  if (*file.ring != nullptr) return file.ring->get();
  int refused = refused_.load();
  if (refused == 0) {
    if (memory_left_.fetch_sub(kLaneBytes) < static_cast<int64_t>(kLaneBytes)) {
      memory_left_.fetch_add(kLaneBytes);
      refused = ENOBUFS;
    } else {
      auto lane = RingLane::Make(file.buffer.size(), transfer_.memory);
      if (lane) {
        *file.ring = std::move(*lane);
        return file.ring->get();
      }
      refused_ = refused = lane.error().code;
    }
  }
  transfer_.fallbacks.Add(name(), MethodName(Method::kReadWrite), refused);
  return nullptr;
}

}  // namespace smartcopy
