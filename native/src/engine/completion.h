#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "method.h"
#include "transfer.h"

namespace smartcopy {

// A file whose content is complete, with owner and mode set, before its times and its name are. Also how an entry that
// needs no finishing (a link, one left alone) is told of.
struct WrittenFile {
  std::shared_ptr<Directory> directory;
  std::string name;
  // The name it was written under; empty when that is `name` itself, which nothing had before.
  std::string temporary;
  FileId id;  // in the destination
  timespec times[2]{};
  // Still open; may be given up to save descriptors once the file waits for a batch.
  UniqueFd fd;
  // Content that this run added, taken back from the counters when the file fails after all.
  MovedCounts moved;
  // The source's id when it has further names to be linked to this one.
  std::optional<FileId> link_group;
  // Empty when no digest is wanted.
  std::string digest;
  // Left alone, because the destination had it already.
  bool unchanged = false;
  // Left out for another reason, which this word counts.
  std::optional<Word> left_out;
  // By what way its content came, or what was made of it; as it is named in the lines of entries.
  const char* method = "";
  // Of its content; absent for what has none.
  std::optional<int64_t> content_bytes;
  // What its task said, so that it can be tried again.
  bool is_symbolic_link = false;
  bool is_special_file = false;
  bool follows = false;
  bool alone = false;
  // It gets a name that nothing has; what has it meanwhile stays.
  bool is_new = false;

  const std::string& PresentName() const { return temporary.empty() ? name : temporary; }
  // Relative to the transfer's top.
  std::string Path() const { return PathOf(*directory, name); }
};

// Hears what became of written files; called from engine threads, possibly several at once.
class CompletionListener {
 public:
  virtual ~CompletionListener() = default;
  virtual void FileDone(const WrittenFile& file) = 0;
  virtual void FileFailed(const WrittenFile& file, Failure failure) = 0;
};

// Brings written files to the end that the durability level promises, in the order that survives a power failure:
//
//   None:  times, rename.
//   File:  fdatasync, times, fsync, rename, fsync of its directory.
//   Batch: the files wait; then one syncfs, then times and renames (for few files: fdatasync, times, fsync, rename of
//          each). The directories follow when the transfer ends, see SyncDirectories.
//
// Times come after the data because ext4, XFS and btrfs all brought back a file with the right size, the right times
// and nothing but zeros after a power failure in between, which an incremental run would then trust for ever.
class Completion {
 public:
  Completion(Transfer& transfer, CompletionListener& listener) : transfer_(transfer), listener_(listener) {}

  // Finishes the file, or keeps it for the batch.
  void Finish(WrittenFile file);
  // Finishes what waits. False when nothing waited.
  bool Flush();
  // A directory has its last entry and its own metadata. Makes that durable, or remembers to.
  std::optional<IoError> DirectoryDone(const OpenDirectory& open, const DestinationFileSystem& file_system);
  // Called once, at the end of a batch transfer: makes every directory that was worked in durable.
  std::optional<IoError> SyncDirectories();

 private:
  bool SynchronisesEach(const DestinationFileSystem& file_system) const;
  void FinishDurably(WrittenFile& file);
  void KeepForBatch(WrittenFile file);
  void FinishBatch(std::vector<WrittenFile> batch);
  std::optional<IoError> SetTimesAndName(WrittenFile& file, const OpenDirectory& open, bool sync_times);
  void Settle(WrittenFile& file, const std::optional<IoError>& error);
  // Removes what was written of a file that failed.
  void Abandon(const WrittenFile& file);
  std::shared_ptr<OpenDirectory> OpenOrFail(WrittenFile& file);

  Transfer& transfer_;
  CompletionListener& listener_;
  std::mutex mutex_;
  std::vector<WrittenFile> batch_;
  int64_t batch_bytes_ = 0;
  time_t batch_began_ = 0;
  bool many_files_ = false;  // more than a few were ever kept: their descriptors are closed, syncfs is due
  std::vector<UniqueFd> few_directories_;
  bool many_directories_ = false;
};

}  // namespace smartcopy
