#pragma once

#include <sys/stat.h>

#include "syscalls.h"

namespace smartcopy {

// While it lives, what the calling thread creates has exactly the mode that it asks for: the thread has a umask of its
// own, an empty one. Other threads keep theirs. Where that is not allowed (some seccomp profiles), nothing changes.
class PrivateUmask {
 public:
  PrivateUmask() : held_(sys::UnshareUmask() >= 0) {
    if (held_) before_ = ::umask(0);
  }
  PrivateUmask(const PrivateUmask&) = delete;
  PrivateUmask& operator=(const PrivateUmask&) = delete;
  ~PrivateUmask() {
    if (held_) ::umask(before_);
  }

  bool held() const { return held_; }

 private:
  const bool held_;
  mode_t before_ = 0;
};

}  // namespace smartcopy
