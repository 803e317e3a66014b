#include "large_files.h"

#include <errno.h>

#include <algorithm>
#include <chrono>

namespace smartcopy {
namespace {

// A cancel is seen by waiting threads within this time.
constexpr auto kLongestWait = std::chrono::milliseconds(50);

}  // namespace

void LargeFiles::Add(FileTask task, off_t size) {
  events_.adding();
  {
    const std::lock_guard lock(mutex_);
    waiting_.push({std::move(task), size});
  }
  events_.available();
}

bool LargeFiles::HasWork() {
  const std::lock_guard lock(mutex_);
  return !active_.empty() || !waiting_.empty();
}

bool LargeFiles::Work(Worker& worker) {
  std::unique_lock lock(mutex_);
  if (active_.empty()) {
    if (waiting_.empty()) return false;
    Waiting next = waiting_.top();
    waiting_.pop();
    lock.unlock();
    Start(std::move(next));
    return true;
  }
  const auto file = active_.front();
  const off_t begin = file->next;
  file->next += file->range_bytes;
  ++file->in_flight;
  if (file->next >= file->copy->source_stat.st_size) active_.pop_front();
  lock.unlock();

  RunRange(*file, begin, worker);

  lock.lock();
  if (file->failed && file->next < file->copy->source_stat.st_size) {
    file->next = file->copy->source_stat.st_size;
    active_.remove(file);
  }
  const bool last = --file->in_flight == 0 && file->next >= file->copy->source_stat.st_size;
  lock.unlock();
  if (last) Conclude(file);
  return true;
}

void LargeFiles::Start(Waiting waiting) {
  if (transfer_.control.cancelled()) {
    entries_->Cancel(waiting.task);
    return events_.settled();
  }
  std::optional<DirectoryTable::OpenError> error;
  const auto directory = waiting.task.directory;
  auto open = transfer_.directories.Get(directory, error);
  auto file = std::make_shared<LargeFile>();
  if (open != nullptr)
    file->copy = copier_->Open(waiting.task, std::move(open));
  else
    entries_->Fail(waiting.task,
                   SystemFailure(error->error, error->side, PathOf(*directory, waiting.task.source_name)));
  if (file->copy == nullptr) return events_.settled();

  file->failed = copier_->CreateDestination(*file->copy);
  if (!file->failed) {
    auto shared = copier_->CopyByReference(*file->copy);
    if (!shared)
      file->failed = FileCopier::SystemFailureOf(*file->copy, shared.error());
    else if (*shared)
      file->copied = file->next = **shared;
  }
  const auto& digest = transfer_.request.digest;
  if (digest) file->digest = MakeDigest(*digest);
  file->range_bytes = RangeBytes(transfer_.request, file->copy->plan.choice, file->copy->source_stat.st_size);
  if (file->failed || file->next > 0 || file->copy->source_stat.st_size == 0) return Conclude(file);
  {
    const std::lock_guard lock(mutex_);
    active_.push_back(std::move(file));
  }
  events_.available();
}

void LargeFiles::RunRange(LargeFile& file, off_t begin, Worker& worker) {
  const off_t end = std::min(begin + file.range_bytes, file.copy->source_stat.st_size);
  const bool copying = file.phase == Phase::kCopying;
  auto moved = copying ? CopyRange(file, begin, end, worker) : VerifyRange(file, begin, end, worker);
  // Also a range that turned out empty, because the source was cut short, takes its turn before the next one may.
  if (moved && file.digest != nullptr && !WaitForTurn(file, begin)) moved = IoError{ECANCELED, Syscall::kPread, begin};
  const std::lock_guard lock(mutex_);
  if (moved) {
    if (copying) file.copied += *moved;
    if (file.digest != nullptr) file.hashed = end;
  } else if (!file.failed) {
    file.failed = copying ? FileCopier::SystemFailureOf(*file.copy, moved.error())
                          : TaskFailure(file.copy->task, moved.error(), Side::kDestination);
  }
  turn_.notify_all();
}

Result<off_t> LargeFiles::CopyRange(LargeFile& file, off_t begin, off_t end, Worker& worker) {
  const auto content = FileCopier::ContentOf(*file.copy, &worker);
  if (file.digest == nullptr) return copier_->content().CopyRange(content, {begin, end}, {});
  bool my_turn = false;
  return copier_->content().CopyRange(content, {begin, end}, [&](std::span<const std::byte> bytes) {
    my_turn = my_turn || WaitForTurn(file, begin);
    if (my_turn) file.digest->Update(bytes);
    return my_turn;
  });
}

Result<off_t> LargeFiles::VerifyRange(LargeFile& file, off_t begin, off_t end, Worker& worker) {
  for (off_t at = begin; at < end;) {
    if (transfer_.control.cancelled()) return IoError{ECANCELED, Syscall::kPread, at};
    const auto length = std::min(end - at, static_cast<off_t>(worker.CopyBuffer().size()));
    auto got = ReadAt(file.copy->destination.get(), worker.CopyBuffer().first(static_cast<size_t>(length)), at);
    if (!got) return got.error();
    if (!WaitForTurn(file, begin)) return IoError{ECANCELED, Syscall::kPread, at};
    file.digest->Update(worker.CopyBuffer().first(*got));
    transfer_.control.Add(Word::kBytesVerified, static_cast<int64_t>(*got));
    at += static_cast<off_t>(*got);
    if (static_cast<off_t>(*got) < length) return at - begin;
  }
  return end - begin;
}

// Ranges are given out in order and every one that came before is in the hands of a thread that waits for nobody but
// those still before it, so the turn always comes. False when the file failed or the transfer was cancelled meanwhile.
bool LargeFiles::WaitForTurn(LargeFile& file, off_t begin) {
  std::unique_lock lock(mutex_);
  while (!turn_.wait_for(lock, kLongestWait, [&] { return file.failed || file.hashed == begin; })) {
    if (transfer_.control.cancelled()) return false;
  }
  return !file.failed;
}

void LargeFiles::Conclude(const std::shared_ptr<LargeFile>& file) {
  if (!file->failed && file->phase == Phase::kVerifying && file->digest->Hex() != file->copy->digest)
    file->failed = JudgedFailure(file->copy->task, FailureReason::kVerifyMismatch, Side::kDestination);
  const bool goes_on = !file->failed && file->phase == Phase::kCopying && ConcludeCopying(*file);
  if (!goes_on) return Settle(*file);
  file->next = 0;
  file->hashed = 0;
  if (file->digest != nullptr) file->digest->Reset();
  if (file->copy->source_stat.st_size == 0) return Conclude(file);
  {
    const std::lock_guard lock(mutex_);
    active_.push_back(file);
  }
  events_.available();
}

// Whether the ranges are to be gone through once more: because the source changed, or to verify.
bool LargeFiles::ConcludeCopying(LargeFile& file) {
  FileCopy& copy = *file.copy;
  auto changed = copier_->SourceChanged(copy, file.copied);
  if (!changed) {
    file.failed = FileCopier::SystemFailureOf(copy, changed.error());
    return false;
  }
  if (*changed) {
    file.failed = file.again ? Outcome(JudgedFailure(copy.task, FailureReason::kSourceChanged, Side::kSource))
                             : copier_->StartAgain(copy);
    file.again = true;
    file.copied = 0;
    return !file.failed;
  }
  if (file.digest != nullptr) copy.digest = file.digest->Hex();
  if (transfer_.request.verify != VerifyLevel::kReadback) return false;
  file.phase = Phase::kVerifying;
  return true;
}

void LargeFiles::Settle(LargeFile& file) {
  const bool once_more = IsOutOfSpace(file.failed) && !file.copy->task.retried && copier_->MakeSpace(*file.copy);
  if (once_more) {
    file.copy->task.retried = true;
    Add(std::move(file.copy->task), file.copy->source_stat.st_size);
  } else if (file.failed)
    copier_->Fail(*file.copy, std::move(*file.failed));
  else
    copier_->Finish(*file.copy);
  events_.settled();
}

}  // namespace smartcopy
