#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "completion.h"
#include "destination_maker.h"
#include "ends.h"
#include "file_copier.h"
#include "large_files.h"
#include "listing.h"
#include "ordered_files.h"
#include "path_list.h"
#include "retries.h"
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
  // Entries that failed for a passing reason and were tried again, each time counted.
  int64_t tried_again = 0;
  // Content that a dry run would have copied.
  int64_t planned_bytes = 0;
  // The digest list could not be written to its end.
  std::optional<IoError> digests_error;
};

// Copies a whole tree, or a single file, on threads of its own. Made for one run, used by one thread; only the control
// block and the failure sink are shared with others meanwhile.
class TreeCopy final : private CompletionListener {
 public:
  // `lines` receives a line for each entry, when somebody wants them.
  TreeCopy(const CopyRequest& request, ControlBlock control, FailureSink& failures, EntryLines* lines = nullptr);

  std::variant<CopyResult, StartError> Run();

 private:
  // A directory of the source that is still to be opened, made at the destination and listed.
  struct DirectoryTask {
    std::shared_ptr<Directory> parent;
    std::string name;
    bool follows = false;  // a symbolic link that leads to one
  };
  // A directory that is open already, and everything below it.
  struct ContentsTask {
    std::shared_ptr<Directory> directory;
  };
  // All of the source, in the order that was asked for.
  struct OrderedWalkTask {};
  // The list of paths.
  struct PathListTask {};
  // Those of the list that failed for a passing reason.
  struct ListedAgainTask {
    std::vector<ListedPath> paths;
  };
  // A run of the entries of one listed directory.
  struct EntriesTask {
    std::shared_ptr<Directory> directory;
    std::shared_ptr<const Listing> listing;
    size_t begin = 0;
    size_t end = 0;
  };
  using Task =
      std::variant<DirectoryTask, EntriesTask, FileTask, ContentsTask, OrderedWalkTask, PathListTask, ListedAgainTask>;
  // What an entry turned out to be: one to be copied, or nothing more to be done.
  struct Met {
    std::variant<std::monostate, DirectoryTask, FileTask> task;
    int64_t bytes = 0;  // known where they are asked for
  };
  // One directory of an ordered walk, and the entries that are left.
  struct Level {
    std::shared_ptr<Directory> directory;
    Listing listing;
    std::vector<uint32_t> order;
    size_t next = 0;
  };
  // A directory on the way to listed paths, or why it cannot be entered.
  struct Listed {
    std::shared_ptr<Directory> directory;
    Outcome failed;
    // All that is in it is meant; it is walked when the list has ended.
    bool with_contents = false;
    bool walked = false;
    // The entries that were listed themselves, but for directories. They are copied once, however often they are met.
    ListedNames names;
  };
  using ListedDirectories = std::map<std::string, Listed>;

  std::optional<StartError> Begin(Ends ends);
  void BeginSingle();
  void ClaimDestination(int destination);
  void RunWorkers();
  void Work(Worker& worker);
  bool WorkOnce(Worker& worker);
  bool TakeTask(Worker& worker);

  void Run(Worker& worker, DirectoryTask& task);
  void Run(Worker& worker, EntriesTask& task);
  void Run(Worker& worker, FileTask& task);
  void Run(Worker& worker, ContentsTask& task);
  void LoseContents(const std::shared_ptr<Directory>& directory, const IoError& error, Side side);
  void Run(Worker& worker, OrderedWalkTask& task);
  void Run(Worker& worker, PathListTask& task);
  void Run(Worker& worker, ListedAgainTask& task);

  std::shared_ptr<Directory> OpenDirectoryPair(Worker& worker, const DirectoryTask& task, Outcome& failed);
  std::optional<FailureReason> ReasonNotCopied(const FileTask& followed);
  bool MayNest(const Directory& followed);
  std::variant<UniqueFd, Failure> OpenDirectorySource(const DirectoryTask& task, const OpenDirectory& parent);
  void ListDirectory(Worker& worker, const std::shared_ptr<Directory>& directory,
                     const std::shared_ptr<OpenDirectory>& open);
  void PushDirectory(Worker& worker, DirectoryTask task);
  void RunEntries(Worker& worker, EntriesTask task, const std::shared_ptr<OpenDirectory>& open);
  // What to do with an entry that is no directory for certain; `path` is its directory's.
  Met Meet(const std::shared_ptr<Directory>& directory, const OpenDirectory& open, const std::string& path,
           Listing::Entry entry);
  Met MeetLink(const std::shared_ptr<Directory>& directory, const EntryName& name);
  void FailMet(Failure failure);
  void RunFile(Worker& worker, FileTask& task, std::shared_ptr<OpenDirectory> open);

  // In an order (tree_order.cc).
  bool WorkInOrder(Worker& worker);
  bool TakeOrdered(Worker& worker);
  void Walk(Worker& worker, const std::shared_ptr<Directory>& from);
  void Enter(Worker& worker, const std::shared_ptr<Directory>& directory, std::vector<Level>& levels);
  void Order(Worker& worker, FileTask task, int64_t bytes);

  // By a list (tree_list.cc).
  void RunListed(Worker& worker, const ListedPath& path);
  void LookForListed(const ListedPath& path);
  void FailListed(const ListedPath& path, Failure failure);
  Listed& FindListed(Worker& worker, const std::vector<std::string>& components);
  void RunListedDirectory(Worker& worker, const ListedPath& path, Listed& listed);
  bool LiesInContents(const std::vector<std::string>& components);
  void RunOrPush(Worker& worker, FileTask task);
  void EndList(Worker& worker);
  // Makes a listed directory ready to be walked. False when that failed, or when it was done before: what lies above it
  // and could not be listed at first comes later.
  bool BeginContents(Worker& worker, const std::shared_ptr<Directory>& directory);
  // Answers what was noted of a listed directory until now.
  bool MarkWalked(const Directory& directory, bool walked);
  // The directory of that name if it was listed itself, or something in it.
  std::shared_ptr<Directory> ListedBelow(const Directory& parent, const std::string& name);
  void ReleaseListed();

  void FileDone(const WrittenFile& file) override;
  void FileFailed(const WrittenFile& file, Failure failure) override;
  void RunAgain(std::vector<FileTask> tasks);

  // One thing less to wait for in this directory. With the last one the directory is finished, and so perhaps its
  // parents.
  void Release(std::shared_ptr<Directory> directory);
  void FinishDirectory(const std::shared_ptr<Directory>& directory);

  // Keeps what failed for a reason that may pass, to be tried again, and answers so; tells of any other failure.
  bool KeepOrFail(Task task, Failure failure);
  bool PushRetries();
  CopyResult Conclude();

  Transfer transfer_;
  Completion completion_;
  WorkQueue<Task> queue_;
  LargeFiles large_files_;
  Entries entries_;
  DestinationMaker destinations_;
  OrderedFiles ordered_;
  Retries<Task> retries_;
  FileCopier file_copier_;
  SymbolicLinkCopier symbolic_link_copier_;
  SpecialFileCopier special_file_copier_;
  std::vector<Worker> workers_;
  std::shared_ptr<Directory> top_;
  std::optional<FileTask> single_;  // when the source is no directory
  // Changed by the one thread that reads the list, looked up by those that walk when it has ended.
  ListedDirectories listed_;
  std::mutex listed_mutex_;
  std::vector<ListedPath> listed_again_;
  bool list_ended_ = false;
  std::vector<UniqueFd> parents_of_made_;
  std::atomic<bool> ended_early_{false};
  std::mutex nested_mutex_;
  std::map<FileId, uint32_t> nested_visits_;  // of directories, by links within what links led to
};

}  // namespace smartcopy
