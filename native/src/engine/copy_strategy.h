#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <tuple>

#include "strategy_choice.h"

namespace smartcopy {

class RingLane;

// The same two files once more, opened to bypass the page cache. Only whole blocks pass this way; what is left goes
// through the other two descriptors. The alignment is at least a page, so that both never meet in one.
struct DirectFiles {
  UniqueFd source;
  UniqueFd destination;
  size_t alignment = 4096;

  bool Fits(off_t offset, size_t length, const void* memory) const {
    return length > 0 && static_cast<size_t>(offset) % alignment == 0 && length % alignment == 0 &&
           reinterpret_cast<uintptr_t>(memory) % alignment == 0;
  }
  // How much of `length` to move at once, so that as much as possible fits: up to the next boundary, or whole blocks.
  size_t UsefulLength(off_t offset, size_t length) const {
    const size_t off_boundary = static_cast<size_t>(offset) % alignment;
    if (off_boundary > 0) return std::min(length, alignment - off_boundary);
    return length > alignment ? length - length % alignment : length;
  }
};

// An open file and where it is found.
struct OpenedFile {
  int directory = -1;
  const char* name = nullptr;
  int fd = -1;
};

// Opens both files once more by their names. EOPNOTSUPP or EINVAL when one of them cannot bypass the page cache, ENOENT
// when its name is no longer its own.
std::optional<DirectoryTable::OpenError> OpenDirectFiles(const OpenedFile& source, const OpenedFile& destination,
                                                         uint64_t resolve, std::optional<DirectFiles>& direct);

// How one file's content is moved. Settled when both files are open; all its ranges share it.
struct ContentPlan {
  ContentChoice choice;
  // Given up for reading and writing when the chosen way turns out not to be offered.
  std::atomic<bool> reads_and_writes{false};
  std::optional<DirectFiles> direct;
  // The destination has its final size already, so that a hole at the end needs no writing.
  bool has_size = false;
};

// The content of one file on its way from descriptor to descriptor.
struct ContentCopy {
  int source = -1;
  int destination = -1;  // empty, and written by nobody else
  // What fstat said of the source when it was opened.
  off_t size = 0;
  dev_t source_device = 0;
  dev_t destination_device = 0;
  // The calling thread's own, as long as the call lasts.
  std::span<std::byte> buffer;
  // Where the thread keeps its ring, made at its first use.
  std::shared_ptr<RingLane>* ring = nullptr;
  // Counts what was moved, so that it can be taken back when the file fails.
  MovedBytes* moved = nullptr;
  ContentPlan* plan = nullptr;
  // False while the page cache is tried although the direct files are open.
  bool goes_direct = true;

  const DirectFiles* direct() const {
    return goes_direct && plan != nullptr && plan->direct ? &*plan->direct : nullptr;
  }
  // What the bandwidth limit should grant multiples of: parts of a block do not pass by the page cache.
  int64_t unit() const { return direct() != nullptr ? static_cast<int64_t>(direct()->alignment) : 1; }
};

struct Range {
  off_t begin = 0;
  off_t end = 0;
};

// Sees the bytes of one range in order, after they are read and before they are written; false gives up (ECANCELED).
using Watch = std::function<bool(std::span<const std::byte>)>;

// One way to move content. Thread-safe; one object serves a whole transfer.
class CopyStrategy {
 public:
  virtual ~CopyStrategy() = default;
  virtual Method method() const = 0;
  // As it is named in reports.
  const char* name() const { return MethodName(method()); }
  // Moves the half-open range, which several threads may do for several ranges of one file. How many bytes of it the
  // source had, counted from its beginning; nothing when this way is not offered for this file, and then nothing of the
  // range was written. An error is final: what was out of space, memory or order stays so for the next way, and trying
  // it has corrupted copies elsewhere. ECANCELED when the transfer was cancelled.
  virtual Result<std::optional<off_t>> CopyRange(const ContentCopy& file, Range range, const Watch& watch) = 0;
};

// What file systems are, and what they have refused, remembered so that they are asked once. Thread-safe.
class Capabilities {
 public:
  explicit Capabilities(Transfer& transfer) : transfer_(transfer) {}

  bool KnownRefused(Method method, const ContentCopy& file);
  // Judges the errno of a way that has written nothing: nothing when another way may be tried, else the error that
  // ends the copy. Counts the fallback to `instead`, and remembers what is refused for good.
  std::optional<IoError> Refused(Method method, const ContentCopy& file, const IoError& error, const char* instead);
  Result<long> TypeOf(int fd, dev_t device);

 private:
  using Devices = std::tuple<Method, dev_t, dev_t>;
  // Before Linux 5.18 a file system mounted twice (as two hostPath volumes are) answers EXDEV between its mounts. Which
  // they are is asked only after such an answer.
  using Mounts = std::tuple<Method, uint64_t, uint64_t>;
  static Mounts MountsOf(Method method, const ContentCopy& file);

  Transfer& transfer_;
  std::mutex mutex_;
  std::set<Devices> refused_between_devices_;
  std::set<Mounts> refused_between_mounts_;
  std::map<dev_t, long> types_;
};

// Shares the source's blocks (FICLONE): no byte moves, so neither digest nor bandwidth limit sees any. Whole files
// only.
class ReflinkCopy final : public CopyStrategy {
 public:
  ReflinkCopy(Transfer& transfer, Capabilities& capabilities) : transfer_(transfer), capabilities_(capabilities) {}
  Method method() const override { return Method::kReflink; }
  Result<std::optional<off_t>> CopyRange(const ContentCopy& file, Range range, const Watch& watch) override;

 private:
  std::optional<IoError> KeepNoCowFlag(const ContentCopy& file);

  Transfer& transfer_;
  Capabilities& capabilities_;
};

// Lets the kernel copy (copy_file_range), and so the server of a network file system. Nobody sees the bytes.
class CopyFileRangeCopy final : public CopyStrategy {
 public:
  CopyFileRangeCopy(Transfer& transfer, Capabilities& capabilities)
      : transfer_(transfer), capabilities_(capabilities) {}
  Method method() const override { return Method::kCopyFileRange; }
  Result<std::optional<off_t>> CopyRange(const ContentCopy& file, Range range, const Watch& watch) override;

 private:
  off_t SliceBytes() const;

  Transfer& transfer_;
  Capabilities& capabilities_;
};

// Writes from a mapping of the source. Only the kernel reads through the mapping, so a source that is cut short is an
// errno; whoever looked into it himself, for a digest, would die of SIGBUS.
class MappedCopy final : public CopyStrategy {
 public:
  MappedCopy(Transfer& transfer, Capabilities& capabilities) : transfer_(transfer), capabilities_(capabilities) {}
  Method method() const override { return Method::kMmap; }
  Result<std::optional<off_t>> CopyRange(const ContentCopy& file, Range range, const Watch& watch) override;

 private:
  Result<off_t> WriteFrom(const ContentCopy& file, std::span<const std::byte> mapped, off_t offset);

  Transfer& transfer_;
  Capabilities& capabilities_;
};

// Keeps many reads and writes of large blocks under way by io_uring, in a ring of the calling thread.
class RingCopy final : public CopyStrategy {
 public:
  explicit RingCopy(Transfer& transfer) : transfer_(transfer), memory_left_(transfer.request.ring_memory_bytes) {}
  Method method() const override { return Method::kIoUring; }
  Result<std::optional<off_t>> CopyRange(const ContentCopy& file, Range range, const Watch& watch) override;
  // Whether rings can be made here at all; found by making one. Counts a fallback when not.
  bool IsOffered();

 private:
  RingLane* LaneOf(const ContentCopy& file);

  Transfer& transfer_;
  std::atomic<int64_t> memory_left_;
  std::once_flag probed_;
  std::atomic<int> refused_{0};  // the errno for which no ring could be made
};

// Reads into a buffer and writes from it. Always offered.
class ReadWriteCopy final : public CopyStrategy {
 public:
  explicit ReadWriteCopy(Transfer& transfer) : transfer_(transfer) {}
  Method method() const override { return Method::kReadWrite; }
  Result<std::optional<off_t>> CopyRange(const ContentCopy& file, Range range, const Watch& watch) override;
  // Reads to where the file really ends, whatever its size is said to be.
  Result<off_t> CopyToEnd(const ContentCopy& file, const Watch& watch);

 private:
  // Moves at most `length` bytes with one read; 0 at the end of the source.
  Result<size_t> MoveBuffer(const ContentCopy& file, off_t offset, size_t length, const Watch& watch);
  long Read(const ContentCopy& file, std::span<std::byte> into, off_t offset);
  std::optional<IoError> Write(const ContentCopy& file, std::span<const std::byte> from, off_t offset);
  std::optional<IoError> WriteAround(const ContentCopy& file, std::span<const std::byte> from, off_t offset);
  int CacheFlags(const ContentCopy& file) const;

  Transfer& transfer_;
  std::atomic<bool> keeps_in_cache_{false};  // RWF_DONTCACHE is not offered
};

// Reads until `into` is full or the file ends.
Result<size_t> ReadAt(int fd, std::span<std::byte> into, off_t offset);

}  // namespace smartcopy
