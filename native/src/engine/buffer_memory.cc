#include "buffer_memory.h"

#include <errno.h>
#include <sys/mman.h>

namespace smartcopy {

Buffer::~Buffer() {
  if (bytes_.empty()) return;
  ::munmap(bytes_.data(), bytes_.size());
  memory_->used_bytes_.fetch_sub(bytes_.size());
}

Result<Buffer> BufferMemory::Make(size_t length) {
  if (!Reserve(length)) return IoError{ENOMEM, Syscall::kMmap};
  void* memory = nullptr;
  if (const long answer = sys::MapMemory(length, &memory); answer < 0) {
    used_bytes_.fetch_sub(length);
    return IoError{static_cast<int>(-answer), Syscall::kMmap};
  }
  // A preference and no more: a kernel without NUMA, or a full node, gives other memory, which is as good as none
  // asked.
  if (node_) sys::PreferNode(memory, length, *node_);
  return Buffer(*this, {static_cast<std::byte*>(memory), length});
}

bool BufferMemory::Reserve(size_t length) {
  size_t used = used_bytes_.load();
  do {
    if (most_bytes_ != 0 && (length > most_bytes_ || used > most_bytes_ - length)) return false;
  } while (!used_bytes_.compare_exchange_weak(used, used + length));
  return true;
}

}  // namespace smartcopy
