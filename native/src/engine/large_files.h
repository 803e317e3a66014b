#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <queue>
#include <vector>

#include "blake3_tree.h"
#include "file_copier.h"

namespace smartcopy {

// Large files, copied by all threads together: each takes the next range of a file that is under way, or opens the next
// largest one. Thread-safe.
//
// With a digest the ranges are one buffer long and every thread, having read its range, waits for its turn before it
// hashes: the digest sees the file in order, from buffers that are still in the cache, while reads and writes of
// different ranges overlap. BLAKE3 alone needs no order: there each thread hashes its range as a subtree by itself.
class LargeFiles final : public LargeFileLane {
 public:
  // What the lane tells whoever runs the threads; callable from any of them.
  struct Events {
    std::function<void()> adding;     // a file is about to be taken: from now on it counts
    std::function<void()> available;  // there are ranges that idle threads may not know of
    std::function<void()> settled;    // an added file is done or failed
  };

  LargeFiles(Transfer& transfer, Events events) : transfer_(transfer), events_(std::move(events)) {}

  void Use(FileCopier& copier, Entries& entries) {
    copier_ = &copier;
    entries_ = &entries;
  }

  void Add(FileTask task, off_t size) override;
  // Does one range's work, or opens one file. False when there is nothing to do right now.
  bool Work(Worker& worker);
  bool HasWork();

 private:
  enum class Phase : uint8_t { kCopying, kVerifying };

  struct LargeFile {
    std::unique_ptr<FileCopy> copy;
    // At most one of the two: a digest that sees the file in order, or one made of ranges in any order.
    std::unique_ptr<Digest> digest;
    std::unique_ptr<Blake3Tree> tree;
    off_t range_bytes = 0;
    // All below is guarded by the lane's mutex.
    Phase phase = Phase::kCopying;
    bool again = false;  // the source changed once already
    off_t next = 0;      // where the next range begins; at or past the end when all are given out
    off_t hashed = 0;    // the digest has seen everything before this
    off_t copied = 0;
    size_t in_flight = 0;
    Outcome failed;
  };
  struct Waiting {
    FileTask task;
    int64_t rank = 0;
    bool operator<(const Waiting& other) const { return rank < other.rank; }
  };

  int64_t RankOf(off_t size);
  void Start(Waiting waiting);
  void PrepareDigest(LargeFile& file) const;
  static std::string DigestOf(const LargeFile& file);
  static off_t EndOfRange(const LargeFile& file, off_t begin);
  void RunRange(LargeFile& file, off_t begin, Worker& worker);
  Result<off_t> CopyRange(LargeFile& file, off_t begin, off_t end, Worker& worker);
  Result<off_t> VerifyRange(LargeFile& file, off_t begin, off_t end, Worker& worker);
  bool WaitForTurn(LargeFile& file, off_t begin);
  // One thread is left and every range is through: what comes next for this file.
  void Conclude(const std::shared_ptr<LargeFile>& file);
  bool ConcludeCopying(LargeFile& file);
  void Settle(LargeFile& file);

  Transfer& transfer_;
  const Events events_;
  FileCopier* copier_ = nullptr;
  Entries* entries_ = nullptr;
  std::mutex mutex_;
  std::condition_variable turn_;
  int64_t added_ = 0;
  std::priority_queue<Waiting>
      waiting_;  // largest first, unless another order was asked for: what is left at the end is small
  std::list<std::shared_ptr<LargeFile>> active_;  // those with ranges left to give out
};

}  // namespace smartcopy
