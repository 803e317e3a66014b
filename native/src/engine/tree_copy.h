#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "completion.h"
#include "ends.h"
#include "file_copier.h"
#include "large_files.h"
#include "listing.h"
#include "special_files.h"
#include "symbolic_links.h"
#include "transfer.h"
#include "work_queue.h"

namespace smartcopy {

enum class End : uint8_t {
  kFinished,    // every entry was handled, perhaps with failures
  kCancelled,   // stopped by the control block; what was finished stays
  kEndedEarly,  // the transfer as a whole could not keep its promise; the failure says why
};

struct CopyResult {
  End end = End::kFinished;
  std::vector<Fallback> fallbacks;
  std::vector<NotKept> not_kept;
  int64_t temporaries_removed = 0;
  // The digest list could not be written to its end.
  std::optional<IoError> digests_error;
};

// Copies a whole tree, or a single file, on threads of its own. Made for one run, used by one thread; only the control
// block and the failure sink are shared with others meanwhile.
class TreeCopy final : private CompletionListener {
 public:
  TreeCopy(const CopyRequest& request, ControlBlock control, FailureSink& failures);

  std::variant<CopyResult, StartError> Run();

 private:
  // A directory of the source that is still to be opened, made at the destination and listed.
  struct DirectoryTask {
    std::shared_ptr<Directory> parent;
    std::string name;
  };
  // A run of the entries of one listed directory.
  struct EntriesTask {
    std::shared_ptr<Directory> directory;
    std::shared_ptr<const Listing> listing;
    size_t begin = 0;
    size_t end = 0;
  };
  using Task = std::variant<DirectoryTask, EntriesTask, FileTask>;

  std::optional<StartError> Begin(Ends ends);
  void ClaimDestination(int destination);
  void RunWorkers();
  void Work(Worker& worker);
  bool WorkOnce(Worker& worker);
  bool TakeTask(Worker& worker);

  void Run(Worker& worker, DirectoryTask& task);
  void Run(Worker& worker, EntriesTask& task);
  void Run(Worker& worker, FileTask& task);

  std::shared_ptr<Directory> OpenDirectoryPair(const DirectoryTask& task, std::shared_ptr<OpenDirectory>& open);
  void ListDirectory(Worker& worker, const std::shared_ptr<Directory>& directory,
                     const std::shared_ptr<OpenDirectory>& open);
  void PushDirectory(Worker& worker, const std::shared_ptr<Directory>& parent, const char* name);
  void RemoveStaleTemporaries(Worker& worker, const Directory& directory, const OpenDirectory& open);
  void RunEntries(Worker& worker, EntriesTask task, const std::shared_ptr<OpenDirectory>& open);
  void RunEntry(Worker& worker, const std::shared_ptr<Directory>& directory, const std::shared_ptr<OpenDirectory>& open,
                Listing::Entry entry);
  void RunFile(Worker& worker, FileTask& task, const std::shared_ptr<OpenDirectory>& open);

  void FileDone(const WrittenFile& file) override;
  void FileFailed(const WrittenFile& file, Failure failure) override;
  void RunAgain(std::vector<FileTask> tasks);

  // One thing less to wait for in this directory. With the last one the directory is finished, and so perhaps its
  // parents.
  void Release(std::shared_ptr<Directory> directory);
  void FinishDirectory(const std::shared_ptr<Directory>& directory);

  CopyResult Conclude();

  Transfer transfer_;
  Completion completion_;
  WorkQueue<Task> queue_;
  LargeFiles large_files_;
  Entries entries_;
  FileCopier file_copier_;
  SymbolicLinkCopier symbolic_link_copier_;
  SpecialFileCopier special_file_copier_;
  std::vector<Worker> workers_;
  std::shared_ptr<Directory> top_;
  std::optional<FileTask> single_;  // when the source is no directory
  std::vector<UniqueFd> parents_of_made_;
};

}  // namespace smartcopy
