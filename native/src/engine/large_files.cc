#include "large_files.h"

#include <errno.h>

#include <algorithm>
#include <bit>
#include <chrono>

#include "media_read.h"

namespace smartcopy {
namespace {

// A cancel is seen by waiting threads within this time.
constexpr auto kLongestWait = std::chrono::milliseconds(50);

}  // namespace

void LargeFiles::Add(FileTask task, off_t size) {
  events_.adding();
  {
    const std::lock_guard lock(mutex_);
    waiting_.push({std::move(task), RankOf(size)});
  }
  events_.available();
}

int64_t LargeFiles::RankOf(off_t size) {
  switch (transfer_.request.ordering) {
    case Ordering::kSmallestFirst:
      return -size;
    case Ordering::kPath:
      return -added_++;
    default:
      return size;
  }
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
  file->next = EndOfRange(*file, begin);
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

  std::optional<off_t> shared;
  file->failed = copier_->CreateDestination(*file->copy, false);
  if (!file->failed) {
    file->failed = copier_->CopyByReference(*file->copy, shared);
    file->copied = shared.value_or(0);
  }
  PrepareDigest(*file);
  if (file->failed || shared || file->copy->source_stat.st_size == 0) return Conclude(file);
  {
    const std::lock_guard lock(mutex_);
    active_.push_back(std::move(file));
  }
  events_.available();
}

// Of a file that is about to be gone through from its beginning.
void LargeFiles::PrepareDigest(LargeFile& file) const {
  const CopyRequest& request = transfer_.request;
  file.digest = nullptr;
  file.tree = nullptr;
  file.range_bytes = RangeBytes(request, file.copy->plan.choice, file.copy->source_stat.st_size);
  if (!request.digest) return;
  const auto subtree =
      static_cast<off_t>(std::max(kMediaAlignment, std::bit_floor(static_cast<size_t>(request.range_bytes))));
  if (*request.digest == DigestAlgorithm::kBlake3 && file.copy->source_stat.st_size > subtree) {
    file.range_bytes = subtree;
    file.tree = std::make_unique<Blake3Tree>(subtree);
    return;
  }
  file.digest = MakeDigest(*request.digest);
  // Direct reads end where they are aligned to.
  const auto units = static_cast<off_t>(std::max<size_t>(request.buffer_bytes / kMediaAlignment, 1));
  if (request.verify == VerifyLevel::kMedia)
    file.range_bytes = units * static_cast<off_t>(kMediaAlignment);
  else if (file.phase == Phase::kVerifying)
    file.range_bytes = static_cast<off_t>(request.buffer_bytes);  // each range is read at once
}

std::string LargeFiles::DigestOf(const LargeFile& file) {
  return file.tree != nullptr ? file.tree->Hex(file.copy->source_stat.st_size) : file.digest->Hex();
}

// Compared from the end: a sparse file may end at the last offset there is, and sums beyond that overflow.
off_t LargeFiles::EndOfRange(const LargeFile& file, off_t begin) {
  const off_t size = file.copy->source_stat.st_size;
  return size - begin <= file.range_bytes ? size : begin + file.range_bytes;
}

void LargeFiles::RunRange(LargeFile& file, off_t begin, Worker& worker) {
  const off_t end = EndOfRange(file, begin);
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
  if (file.digest == nullptr && file.tree == nullptr) return copier_->content().CopyRange(content, {begin, end}, {});
  bool my_turn = false;
  Blake3Subtree subtree(begin);
  auto copied = copier_->content().CopyRange(content, {begin, end}, [&](std::span<const std::byte> bytes) {
    if (file.tree != nullptr) subtree.Update(bytes);
    if (file.digest == nullptr) return true;
    my_turn = my_turn || WaitForTurn(file, begin);
    if (my_turn) file.digest->Update(bytes);
    return my_turn;
  });
  if (copied && file.tree != nullptr) file.tree->Add(begin, subtree);
  return copied;
}

Result<off_t> LargeFiles::VerifyRange(LargeFile& file, off_t begin, off_t end, Worker& worker) {
  const bool from_media = transfer_.request.verify == VerifyLevel::kMedia;
  const auto buffer = from_media ? MediaBuffer(worker) : worker.CopyBuffer();
  const int fd = file.copy->destination.get();
  Blake3Subtree subtree(begin);
  off_t at = begin;
  while (at < end) {
    if (transfer_.control.cancelled()) return IoError{ECANCELED, Syscall::kPread, at};
    // A direct read past the end of the range would be aligned and is cut off, one up to it need not be.
    const auto wanted = std::min(end - at, static_cast<off_t>(buffer.size()));
    auto got = from_media ? ReadMediumAt(FileCopier::MediumOf(*file.copy), buffer, at)
                          : ReadAt(fd, buffer.first(static_cast<size_t>(wanted)), at);
    if (!got) return got.error();
    const auto bytes = buffer.first(std::min(*got, static_cast<size_t>(wanted)));
    if (bytes.empty()) break;
    if (file.tree != nullptr) {
      subtree.Update(bytes);
    } else {
      if (at == begin && !WaitForTurn(file, begin)) return IoError{ECANCELED, Syscall::kPread, begin};
      file.digest->Update(bytes);
    }
    transfer_.control.Add(Word::kBytesVerified, static_cast<int64_t>(bytes.size()));
    at += static_cast<off_t>(bytes.size());
  }
  if (file.tree != nullptr) file.tree->Add(begin, subtree);
  return at - begin;
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
  if (!file->failed && file->phase == Phase::kVerifying && !SameDigest(DigestOf(*file), file->copy->digest))
    file->failed = JudgedFailure(file->copy->task, FailureReason::kVerifyMismatch, Side::kDestination);
  const bool goes_on = !file->failed && file->phase == Phase::kCopying && ConcludeCopying(*file);
  if (!goes_on) return Settle(*file);
  file->next = 0;
  file->hashed = 0;
  PrepareDigest(*file);
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
  if (transfer_.request.digest) copy.digest = DigestOf(file);
  if (!ReadsBack(transfer_.request.verify)) return false;
  if (transfer_.request.verify == VerifyLevel::kMedia) file.failed = copier_->BeginMediaRead(copy);
  file.phase = Phase::kVerifying;
  return !file.failed;
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
