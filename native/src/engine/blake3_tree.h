#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace smartcopy {

// BLAKE3 is a tree over chunks of 1,024 bytes in which the left side of every node holds the largest power of two of
// chunks that leaves something for the right. An aligned range of a power of two is therefore a whole subtree of the
// file's tree: it can be hashed knowing nothing but where it begins, and its value merged with the others' later. The
// result is the standard digest, as `b3sum` prints it.

// What one node of the tree is worth to its parent.
using Blake3Value = std::array<uint8_t, 32>;

// One range, given in order by one thread. Begins at a multiple of a power of two of chunks that it does not exceed.
class Blake3Subtree {
 public:
  explicit Blake3Subtree(off_t begin);

  void Update(std::span<const std::byte> bytes);
  // How many bytes it has seen.
  off_t length() const { return length_; }
  // The value of everything seen so far, which is at least one byte.
  Blake3Value Value() const;

 private:
  static constexpr size_t kChunkBytes = 1024;
  // Values are merged this many at a time, which fills the widest SIMD units and stays in the first cache.
  static constexpr size_t kGroupChunks = 1024;

  void HashChunks(const std::byte* chunks, size_t count);
  Blake3Value HeldChunk() const;

  uint64_t next_chunk_;
  off_t length_ = 0;
  std::array<std::byte, kChunkBytes> held_{};  // the beginning of a chunk that is not complete
  size_t held_bytes_ = 0;
  std::vector<Blake3Value> chunks_;  // of the group under way
  std::vector<Blake3Value> groups_;
};

// A whole file of more than one range. Thread-safe.
class Blake3Tree {
 public:
  // Every range but the last must be this long, a power of two of at least one chunk.
  explicit Blake3Tree(off_t range_bytes) : range_bytes_(range_bytes) {}

  void Add(off_t begin, const Blake3Subtree& range);
  // The digest of a file of `size` bytes; empty when its ranges, as they were added, do not make one.
  std::string Hex(off_t size) const;

 private:
  struct Range {
    off_t length = 0;
    Blake3Value value{};
  };

  const off_t range_bytes_;
  mutable std::mutex mutex_;
  std::vector<Range> ranges_;
};

}  // namespace smartcopy
