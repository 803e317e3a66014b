#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "copy_strategy.h"
#include "hard_links.h"

namespace smartcopy {

// One regular file on its way, from the opened source to the written destination.
struct FileCopy {
  FileTask task;
  std::shared_ptr<OpenDirectory> open;
  UniqueFd source;
  struct stat source_stat{};
  UniqueFd destination;
  FileId destination_id;
  std::string temporary;  // empty: written under its own name
  bool replaces = false;  // something has the name already
  bool linked = false;    // its inode has further names
  MovedBytes moved;
  std::string digest;

  std::string SourcePath() const { return PathOf(*task.directory, task.source_name); }
  std::string DestinationPath() const { return PathOf(*task.directory, task.name); }
};

// What a step of copying a file ended in, when not in success.
using Outcome = std::optional<Failure>;

// Takes large files away to be copied in ranges by several threads.
class LargeFileLane {
 public:
  virtual ~LargeFileLane() = default;
  virtual void Add(FileTask task, off_t size) = 0;
};

// Copies single entries: regular files, symbolic links, further names of hard-linked files. Thread-safe; everything a
// single file needs lies in its FileCopy.
class FileCopier {
 public:
  FileCopier(Transfer& transfer, Completion& completion, CompletionListener& listener, LargeFileLane& large_files)
      : transfer_(transfer),
        completion_(completion),
        listener_(listener),
        large_files_(large_files),
        strategies_(MakeStrategies(transfer)) {}

  // Handles an entry whose directory counts it as pending: from here on that ends with the listener's word, be it later
  // and from another thread.
  void CopyRegularFile(Worker& worker, FileTask task, const std::shared_ptr<OpenDirectory>& open);
  void CopySymbolicLink(FileTask task, const OpenDirectory& open);

  // The steps of a regular file, for the lane of large files.
  // Opens the source and decides. Nothing when the file is settled or will be by somebody else.
  std::unique_ptr<FileCopy> Open(FileTask task, std::shared_ptr<OpenDirectory> open);
  Outcome CreateDestination(FileCopy& file);
  // Copies by the first way that needs no reading and writing: how much, or nothing when none is offered. Then the
  // space is reserved for reading and writing.
  Result<std::optional<off_t>> CopyByReference(FileCopy& file);
  // Whether the source is still what it was when it was opened.
  Result<bool> SourceChanged(FileCopy& file, off_t copied);
  // Begins again after the source changed: the destination is empty and the source looked at anew.
  Outcome StartAgain(FileCopy& file);
  ContentCopy ContentOf(FileCopy& file, std::span<std::byte> buffer, Digest* digest) const;
  ReadWriteCopy& read_write() { return static_cast<ReadWriteCopy&>(*strategies_.back()); }
  // Owner and mode, then the rest by durability. Settles the file.
  void Finish(FileCopy& file);
  // Removes what was written and settles the file as failed.
  void Fail(FileCopy& file, Failure failure);

  // Settles a task as failed before anything of it was written.
  void FailTask(const FileTask& task, Failure failure);
  // Settles a task that is not begun any more, because the transfer was cancelled.
  void CancelTask(const FileTask& task);

  static Failure SystemFailureOf(const FileCopy& file, const IoError& error);
  static Failure JudgedFailureOf(const FileCopy& file, FailureReason reason);

 private:
  enum class Existing : uint8_t { kNone, kUnchanged, kReplace, kSettled };

  // Claims an inode with several names, or waits, or makes the link. False when the task is settled or waits.
  bool ClaimInode(FileTask& task, const OpenDirectory& open, const struct stat& source);
  // True when linked or failed; false when it has to be copied by itself.
  bool LinkTo(const FileTask& task, const HardLinks::Copied& copied, const OpenDirectory& open);
  std::optional<IoError> MakeLink(int target, const FileTask& task, const OpenDirectory& open);
  Existing LookAtExisting(const FileTask& task, const OpenDirectory& open, const struct stat& source,
                          struct stat& found);
  void SettleUnchanged(const FileTask& task, const OpenDirectory& open, const struct stat& source,
                       const struct stat& found);
  std::optional<IoError> KeepMetadata(const FileTask& task, const OpenDirectory& open, const struct stat& source,
                                      const struct stat& found);
  Outcome CopyContent(FileCopy& file, Worker& worker);
  Result<off_t> CopyOnce(FileCopy& file, Worker& worker);
  Outcome VerifyReadback(FileCopy& file, Worker& worker);
  std::optional<IoError> Reserve(FileCopy& file);
  void TakeBackMoved(FileCopy& file);
  std::optional<IoError> MakeSymbolicLink(const FileTask& task, const OpenDirectory& open, const struct stat& source,
                                          const char* target);
  void DoneTask(const FileTask& task, const FileId& id, bool unchanged, std::string digest);

  Transfer& transfer_;
  Completion& completion_;
  CompletionListener& listener_;
  LargeFileLane& large_files_;
  std::vector<std::unique_ptr<CopyStrategy>> strategies_;

 public:
  HardLinks hard_links;
};

// Sets owner and mode, as far as this process may. Files and directories alike; `found` is what the target has now.
std::optional<IoError> KeepOwnerAndMode(Transfer& transfer, int fd, const struct stat& source, uid_t owner,
                                        gid_t group);

}  // namespace smartcopy
