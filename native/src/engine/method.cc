#include "method.h"

#include <algorithm>

namespace smartcopy {

int64_t MovedCounts::written() const {
  int64_t sum = 0;
  for (size_t index = 0; index < kMethodCount; ++index) {
    const auto method = static_cast<Method>(index);
    if (method != Method::kReflink && method != Method::kHoles) sum += bytes[index];
  }
  return sum;
}

const char* MovedCounts::method() const {
  static_assert(Method::kHoles == static_cast<Method>(kMethodCount - 1));
  const auto most = std::max_element(bytes.begin(), bytes.end() - 1);
  if (*most > 0) return MethodName(static_cast<Method>(most - bytes.begin()));
  return bytes.back() > 0 ? MethodName(Method::kHoles) : nullptr;
}

void MovedCounts::TakeBackFrom(const ControlBlock& control) const {
  for (size_t index = 0; index < kMethodCount; ++index) {
    if (bytes[index] != 0) control.Add(WordOf(static_cast<Method>(index)), -bytes[index]);
  }
  if (direct_bytes != 0) control.Add(Word::kDirectIoBytes, -direct_bytes);
}

MovedCounts MovedBytes::Counts() const {
  MovedCounts counts;
  for (size_t index = 0; index < kMethodCount; ++index) counts.bytes[index] = bytes_[index].load();
  counts.direct_bytes = direct_bytes_.load();
  return counts;
}

void MovedBytes::TakeBackFrom(const ControlBlock& control) {
  MovedCounts counts;
  for (size_t index = 0; index < kMethodCount; ++index) counts.bytes[index] = bytes_[index].exchange(0);
  counts.direct_bytes = direct_bytes_.exchange(0);
  counts.TakeBackFrom(control);
}

}  // namespace smartcopy
