#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "transfer.h"

namespace smartcopy {

// What one file has added to the counters so far, by method.
struct MovedBytes {
  std::atomic<int64_t> reflink{0};
  std::atomic<int64_t> read_write{0};
};

// The content of one file on its way from descriptor to descriptor.
struct ContentCopy {
  int source = -1;
  int destination = -1;  // empty, and written by nobody else
  // What fstat said of the source when it was opened.
  off_t size = 0;
  dev_t source_device = 0;
  dev_t destination_device = 0;
  // Sees all bytes in order; null when no digest is wanted.
  Digest* digest = nullptr;
  // The calling thread's own, as long as the call lasts.
  std::span<std::byte> buffer;
  // Counts what was moved, so that it can be taken back when the file fails.
  MovedBytes* moved = nullptr;
};

// One way to move a file's content. Thread-safe; one object serves a whole transfer.
class CopyStrategy {
 public:
  virtual ~CopyStrategy() = default;
  // As it is named in reports.
  virtual const char* name() const = 0;
  // How many bytes are in the destination afterwards; nothing when this way is not offered for this file, and then the
  // destination is untouched. An error is final: what was out of space, memory or order stays so for the next way, and
  // trying it has corrupted copies elsewhere. ECANCELED when the transfer was cancelled.
  virtual Result<std::optional<off_t>> Copy(const ContentCopy& file) = 0;
};

// Shares the source's blocks (FICLONE): no byte moves, so neither digest nor bandwidth limit sees any. Not offered when
// a digest is wanted.
class ReflinkCopy final : public CopyStrategy {
 public:
  explicit ReflinkCopy(Transfer& transfer) : transfer_(transfer) {}
  const char* name() const override { return "reflink"; }
  Result<std::optional<off_t>> Copy(const ContentCopy& file) override;

 private:
  bool KnownRefused(const ContentCopy& file);

  Transfer& transfer_;
  std::mutex mutex_;
  // Pairs of devices between which the kernel said that it never offers this.
  std::map<std::pair<dev_t, dev_t>, bool> refused_;
};

// Reads into a buffer and writes from it.
class ReadWriteCopy final : public CopyStrategy {
 public:
  explicit ReadWriteCopy(Transfer& transfer) : transfer_(transfer) {}
  const char* name() const override { return "readWrite"; }
  Result<std::optional<off_t>> Copy(const ContentCopy& file) override;

  // Sees each buffer between its read and its write, in order within one range; false gives up (ECANCELED).
  using Watch = std::function<bool(std::span<const std::byte>)>;

  // Moves the half-open range; the count is short when the source ends early. Ranges of one file may be copied by
  // several threads at once.
  Result<off_t> CopyRange(const ContentCopy& file, off_t begin, off_t end, const Watch& watch);

 private:
  // Moves at most `length` bytes with one read; 0 at the end of the source.
  Result<size_t> MoveBuffer(const ContentCopy& file, off_t offset, size_t length, const Watch& watch);

  Transfer& transfer_;
};

// Reads until `into` is full or the file ends.
Result<size_t> ReadAt(int fd, std::span<std::byte> into, off_t offset);

// The ways of one transfer, fastest first; the last one is always offered.
std::vector<std::unique_ptr<CopyStrategy>> MakeStrategies(Transfer& transfer);

}  // namespace smartcopy
