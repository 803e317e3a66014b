#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "content_copier.h"
#include "entries.h"
#include "media_read.h"

namespace smartcopy {

// One regular file on its way, from the opened source to the written destination.
struct FileCopy {
  FileTask task;
  std::shared_ptr<OpenDirectory> open;
  UniqueFd source;
  struct stat source_stat{};
  UniqueFd destination;
  struct stat created{};                // what the destination was when it was made
  std::string temporary;                // empty: written under its own name
  bool replaces = false;                // something has the name already
  std::optional<mode_t> replaced_mode;  // of a regular file that has it
  MovedBytes moved;
  ContentPlan plan;
  std::string digest;
  size_t media_alignment = 0;  // of its direct reads, once they have begun

  // What the destination is called until it is finished.
  const std::string& PresentName() const { return temporary.empty() ? task.name : temporary; }
};

// Whether the destination, or a quota there, had no room.
bool IsOutOfSpace(const Outcome& failed);

// Takes large files away to be copied in ranges by several threads.
class LargeFileLane {
 public:
  virtual ~LargeFileLane() = default;
  virtual void Add(FileTask task, off_t size) = 0;
};

// Copies regular files. Thread-safe; everything that concerns a single file lies in its FileCopy.
class FileCopier {
 public:
  FileCopier(Transfer& transfer, Completion& completion, Entries& entries, LargeFileLane& large_files)
      : transfer_(transfer),
        completion_(completion),
        entries_(entries),
        large_files_(large_files),
        content_(transfer) {}

  // Handles an entry whose directory counts it as pending: from here on that ends with the listener's word, be it later
  // and from another thread.
  void Copy(Worker& worker, FileTask task, const std::shared_ptr<OpenDirectory>& open);

  // The steps, for the lane of large files.
  // Opens the source and decides. Nothing when the file is settled, or will be by somebody else.
  std::unique_ptr<FileCopy> Open(FileTask task, std::shared_ptr<OpenDirectory> open);
  // `exactly`: what the calling thread creates has the mode it asks for.
  Outcome CreateDestination(FileCopy& file, bool exactly);
  // Settles how the content is moved. Shares it, when that is offered, and says how much; else the destination is made
  // ready for the bytes.
  Outcome CopyByReference(FileCopy& file, std::optional<off_t>& shared);
  // Whether the source is no longer what it was when it was opened.
  Result<bool> SourceChanged(FileCopy& file, off_t copied);
  // Begins again after the source changed: the destination is empty and the source looked at anew.
  Outcome StartAgain(FileCopy& file);
  static ContentCopy ContentOf(FileCopy& file, Worker* worker);
  ContentCopier& content() { return content_; }
  // Makes what was written durable and leads further reads of it past the page cache.
  Outcome BeginMediaRead(FileCopy& file);
  static Medium MediumOf(const FileCopy& file);
  // Owner and mode, then the rest by durability. Settles the file.
  void Finish(FileCopy& file);
  // After the file system was full: removes what was written and finishes the files that wait for a batch, so that what
  // they replace is freed. True when the file may be copied once more from the start.
  bool MakeSpace(FileCopy& file);
  // Removes what was written and settles the file as failed.
  void Fail(FileCopy& file, Failure failure);
  // A failure of the transfer between the two files: reads belong to the source, all else to the destination.
  static Failure SystemFailureOf(const FileCopy& file, const IoError& error);

 private:
  // Whether the file was settled without being opened.
  bool SettleUnopened(FileTask& task, const OpenDirectory& open);
  std::optional<struct stat> GlanceAtSource(const FileTask& task, const OpenDirectory& open) const;
  bool BeginWith(FileTask& task, const OpenDirectory& open, const struct stat& source,
                 std::optional<struct stat>& found);
  bool OpenSource(FileTask& task, const OpenDirectory& open, UniqueFd& source);
  bool IsUnchanged(const struct stat& source, const struct stat& found) const;
  // False for one that has to be copied after all, because its metadata differs and may not be mended.
  bool SettleUnchanged(FileCopy& file, const struct stat& found);
  void SettleEqual(const FileTask& task, const struct stat& source, const struct stat& found);
  // Of a file that is left alone. Sets `mended` to false where that may not be, and something differs.
  Outcome MendMetadata(const FileCopy& file, const struct stat& found, bool& mended);
  Outcome CopyWhole(FileCopy& file, Worker& worker);
  bool TakesOwnName(const FileCopy& file) const;
  Result<UniqueFd> MakeFile(FileCopy& file, mode_t mode);
  Result<UniqueFd> MakeFileCalled(const FileCopy& file, const std::string& name, mode_t mode);
  Outcome LookAtCreated(FileCopy& file);
  Outcome CopyContent(FileCopy& file, Worker& worker);
  Outcome CopyOnce(FileCopy& file, Worker& worker, off_t& copied);
  Outcome VerifyReadback(FileCopy& file, Worker& worker);
  std::optional<IoError> MakeReady(FileCopy& file);
  std::optional<IoError> Reserve(FileCopy& file);
  Outcome OpenDirect(FileCopy& file);
  std::optional<mode_t> FinalMode(const FileCopy& file) const;
  void RemoveWritten(FileCopy& file);
  void TakeBackMoved(FileCopy& file);

  Transfer& transfer_;
  Completion& completion_;
  Entries& entries_;
  LargeFileLane& large_files_;
  ContentCopier content_;
};

}  // namespace smartcopy
