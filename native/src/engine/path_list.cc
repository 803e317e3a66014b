#include "path_list.h"

#include <errno.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace smartcopy {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kLongestPath = 1024 * 1024;  // trees beyond PATH_MAX are copied too
constexpr size_t kShownOfRefused = 256;
constexpr int kPollMs = 100;

ListedPath Refuse(FailureReason reason, std::string text) {
  ListedPath path;
  path.text = std::move(text);
  path.refused = reason;
  return path;
}

bool HoldsNul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

ListedPath Parse(std::string text) {
  // A system call would read it to the NUL and copy something else.
  if (HoldsNul(text)) return Refuse(FailureReason::kNulInList, text.substr(0, kShownOfRefused));
  ListedPath path;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('/', at), text.size());
    std::string component = text.substr(at, end - at);
    if (component == "..") return Refuse(FailureReason::kDotDotInList, std::move(text));
    if (!component.empty() && component != ".") path.components.push_back(std::move(component));
    at = end + 1;
  }
  path.with_contents = text.ends_with('/') || text.ends_with("/.");
  path.text = std::move(text);
  return path;
}

}  // namespace

Result<std::optional<ListedPath>> PathListReader::Next() {
  for (;;) {
    const size_t end = read_.find(list_.separator, at_);
    if (end == std::string::npos && !ended_) {
      if (read_.size() - at_ > kLongestPath && !skipping_) {
        skipping_ = true;
        const bool holds_nul = HoldsNul(std::string_view(read_).substr(at_));
        return std::optional(Refuse(holds_nul ? FailureReason::kNulInList : FailureReason::kNameTooLong,
                                    read_.substr(at_, kShownOfRefused)));
      }
      if (auto error = ReadMore()) return *error;
      continue;
    }
    if (end == std::string::npos && at_ == read_.size()) return std::optional<ListedPath>();
    std::string text = read_.substr(at_, end == std::string::npos ? end : end - at_);
    at_ = end == std::string::npos ? read_.size() : end + 1;
    if (std::exchange(skipping_, false) || text.empty()) continue;
    return std::optional(Parse(std::move(text)));
  }
}

std::optional<IoError> PathListReader::ReadMore() {
  if (skipping_)
    read_.clear();
  else
    read_.erase(0, at_);
  at_ = 0;
  // A pipe may stay silent for as long as its writer likes; a cancel must be seen meanwhile.
  for (;;) {
    if (control_.cancelled()) return IoError{ECANCELED, Syscall::kRead};
    const long ready = sys::WaitReadable(list_.fd, kPollMs);
    if (ready < 0) return IoError{static_cast<int>(-ready), Syscall::kPoll};
    if (ready > 0) break;
  }
  const size_t before = read_.size();
  read_.resize(before + kReadBytes);
  const long got = sys::Read(list_.fd, read_.data() + before, kReadBytes);
  read_.resize(before + static_cast<size_t>(std::max(got, 0L)));
  ended_ = got == 0;
  return ErrorOf(got, Syscall::kRead);
}

}  // namespace smartcopy
