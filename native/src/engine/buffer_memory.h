#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "result.h"

namespace smartcopy {

class BufferMemory;

// A page-aligned buffer that the kernel gave, so that running out of memory is an error and no abort. Returns its bytes
// to the memory that it was made of, which outlives it.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Buffer();

  std::span<std::byte> bytes() const { return bytes_; }
  // Never gives the memory back: somebody may still write to it.
  void Leak() { bytes_ = {}; }

 private:
  friend class BufferMemory;
  Buffer(BufferMemory& memory, std::span<std::byte> bytes) : memory_(&memory), bytes_(bytes) {}

  BufferMemory* memory_ = nullptr;
  std::span<std::byte> bytes_;
};

// Where every buffer of one transfer comes from: one bound for all of them together, and the memory node that they
// should be on. Thread-safe.
class BufferMemory {
 public:
  // No bound when 0.
  BufferMemory(size_t most_bytes, std::optional<unsigned> node) : most_bytes_(most_bytes), node_(node) {}

  // ENOMEM beyond the bound, as from a kernel that has no more.
  Result<Buffer> Make(size_t length);

  size_t used_bytes() const { return used_bytes_.load(); }

 private:
  friend class Buffer;
  bool Reserve(size_t length);

  const size_t most_bytes_;
  const std::optional<unsigned> node_;
  std::atomic<size_t> used_bytes_{0};
};

}  // namespace smartcopy
