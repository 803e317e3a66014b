#include "entry_lines.h"

#include <chrono>

#include "escape_path.h"

namespace smartcopy {
namespace {

constexpr size_t kNotifyAt = 64 * 1024;
constexpr auto kLongestWait = std::chrono::milliseconds(50);

}  // namespace

EntryLines::EntryLines(std::function<void()> notify) : notify_(std::move(notify)) {
  timer_ = std::make_unique<Thread>([this] { NotifyInTime(); });
}

EntryLines::~EntryLines() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
}

void EntryLines::Add(std::string_view what, std::optional<int64_t> bytes, std::string_view path) {
  std::string line(what);
  line += '\t';
  line += bytes ? std::to_string(*bytes) : "-";
  line += '\t';
  AppendEscaped(line, path.empty() ? "." : path);
  line += '\n';
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return discarding_ || waiting_.size() < kMostWaiting; });
  if (discarding_) return;
  const bool first = waiting_.empty();
  waiting_ += line;
  const bool many = !notified_ && waiting_.size() >= kNotifyAt;
  notified_ = notified_ || many;
  lock.unlock();
  if (many) notify_();
  if (first) changed_.notify_all();
}

std::string EntryLines::Take() {
  std::string taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(waiting_);
    notified_ = false;
  }
  changed_.notify_all();
  return taken;
}

void EntryLines::Discard() {
  {
    const std::lock_guard lock(mutex_);
    discarding_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
}

void EntryLines::NotifyInTime() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    changed_.wait(lock, [&] { return ended_ || (!waiting_.empty() && !notified_); });
    changed_.wait_for(lock, kLongestWait, [&] { return ended_ || notified_; });
    if (ended_ || notified_ || waiting_.empty()) continue;
    notified_ = true;
    lock.unlock();
    notify_();
    lock.lock();
  }
}

}  // namespace smartcopy
