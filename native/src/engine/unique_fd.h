#pragma once

#include <utility>

#include "syscalls.h"

namespace smartcopy {

// The one owner of a file descriptor. The destructor closes without looking at the outcome: a descriptor that was
// written through is closed by Close(), whose error may be the only news of lost data (NFS, quotas).
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Discard();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Discard(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

  // Closes and says how it went: 0 or a negative errno. Never retried: after EINTR the descriptor is gone on Linux.
  long Close() { return fd_ < 0 ? 0 : sys::Close(std::exchange(fd_, -1)); }

 private:
  void Discard() {
    if (fd_ >= 0) sys::CloseUnchecked(std::exchange(fd_, -1));
  }

  int fd_ = -1;
};

}  // namespace smartcopy
