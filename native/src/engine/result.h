#pragma once

#include <sys/types.h>

#include <optional>
#include <utility>
#include <variant>

#include "syscalls.h"

namespace smartcopy {

// A system call that failed: what it answered, which it was, and where in the file (reads and writes).
struct IoError {
  int code = 0;
  Syscall call{};
  std::optional<off_t> offset{};
  // Metadata that had to be kept and could not be. With a code of 0 nothing failed: the file system keeps something
  // else than what it was given.
  bool loses_metadata = false;
};

// The error that an answer of the syscall seam (a count, or a negative errno) tells of, if any.
inline std::optional<IoError> ErrorOf(long answer, Syscall call) {
  if (answer >= 0) return std::nullopt;
  return IoError{static_cast<int>(-answer), call};
}

// A value or the error that prevented it. Callers look before they use the value; there are no exceptions.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(IoError error) : state_(std::in_place_index<1>, error) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() { return *std::get_if<0>(&state_); }
  const T& value() const { return *std::get_if<0>(&state_); }
  T& operator*() { return value(); }
  T* operator->() { return &value(); }
  const IoError& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, IoError> state_;
};

}  // namespace smartcopy
