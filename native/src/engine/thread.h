#pragma once

#include <pthread.h>

#include <functional>

namespace smartcopy {

// A thread that is joined at the end of its owner. Where the system has none to give (a limit on processes), nothing
// runs: std::thread would end the process instead, without exceptions.
class Thread {
 public:
  explicit Thread(std::function<void()> body) : body_(std::move(body)) {
    started_ = ::pthread_create(
                   &id_, nullptr,
                   [](void* self) -> void* {
                     static_cast<Thread*>(self)->body_();
                     return nullptr;
                   },
                   this) == 0;
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() {
    if (started_) ::pthread_join(id_, nullptr);
  }

  bool started() const { return started_; }

 private:
  const std::function<void()> body_;
  pthread_t id_{};
  bool started_ = false;
};

}  // namespace smartcopy
