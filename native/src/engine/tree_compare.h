#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "compare_content.h"
#include "comparison.h"
#include "ends.h"
#include "listing.h"
#include "work_queue.h"

namespace smartcopy {

struct CompareResult {
  bool cancelled = false;
  std::array<int64_t, kDifferenceKindCount> differences{};
  // The digest list could not be written to its end.
  std::optional<IoError> digests_error;
};

// Which names are one file, on both sides: an inode of the source must belong to one inode of the destination and the
// other way about. Remembers inodes with several names alone. Thread-safe.
class LinkPairs {
 public:
  struct Other {
    Side side;
    std::string path;  // of the name that is the same file on that side alone
  };

  std::optional<Other> Add(const std::string& path, const struct stat& source, const struct stat& destination);

 private:
  struct Known {
    FileId partner;
    std::string path;
  };

  std::mutex mutex_;
  std::map<FileId, Known> of_source_;
  std::map<FileId, Known> of_destination_;
};

// Compares two trees, or two files, on threads of its own, and changes neither. Made for one run, used by one thread;
// only the control block and the sink are shared with others meanwhile. Counts files and bytes read in the control
// block: kFilesTotal, kFilesDone (content found to be read), kDirectoriesDone, kBytesVerified, kFilesFailed.
class TreeCompare {
 public:
  TreeCompare(const CompareRequest& request, ControlBlock control, FindingSink& findings);

  std::variant<CompareResult, StartError> Run();

 private:
  // One name of a directory pair, and on which sides it is.
  struct Named {
    const char* name;
    bool in_source;
    bool in_destination;
  };
  // What two directories hold. Immutable, so several threads may work through it.
  struct Names {
    Listing source;
    Listing destination;
    std::vector<Named> merged;
  };
  struct End {
    UniqueFd directory;
    struct stat stat{};  // of the directory, or of the single file in it
    std::string name;    // of the single file; empty for a tree
  };

  struct TopTask {
    std::shared_ptr<End> source;
    std::shared_ptr<End> destination;
  };
  struct DirectoryTask {
    std::shared_ptr<Directory> parent;
    std::string name;
  };
  struct NamesTask {
    std::shared_ptr<Directory> directory;
    std::shared_ptr<const Names> names;
    size_t begin = 0;
    size_t end = 0;
  };
  // Help with a long file that is perhaps done by now. Does not keep it open.
  struct HelpTask {
    std::weak_ptr<ContentComparer::Pair> pair;
  };
  using Task = std::variant<TopTask, DirectoryTask, NamesTask, HelpTask>;

  std::variant<End, StartError> OpenEnd(const RootedPath& end) const;
  std::optional<StartError> Begin(End source, End destination);
  void Work(Worker& worker);
  void Run(Worker& worker, TopTask& task);
  void Run(Worker& worker, DirectoryTask& task);
  void Run(Worker& worker, NamesTask& task);
  void Run(Worker& worker, HelpTask& task);

  std::shared_ptr<Directory> OpenPair(const DirectoryTask& task, std::shared_ptr<OpenDirectory>& open);
  void ListPair(Worker& worker, const std::shared_ptr<Directory>& directory,
                const std::shared_ptr<OpenDirectory>& open);
  void CompareNames(Worker& worker, NamesTask task, const std::shared_ptr<OpenDirectory>& open);
  void CompareName(Worker& worker, const std::shared_ptr<Directory>& directory, const OpenDirectory& open,
                   const Named& named);
  // Two entries that are no directories.
  struct Entry {
    std::string path;
    const char* source_name;
    const char* destination_name;
    struct stat source;
    struct stat destination;
  };
  void CompareEntries(Worker& worker, const OpenDirectory& open, Entry entry);
  void CompareFiles(Worker& worker, const OpenDirectory& open, Entry entry);
  void CompareLinkTargets(const OpenDirectory& open, const Entry& entry);
  std::optional<ContentSide> OpenFile(int directory, const char* name, const struct stat& found, Side side,
                                      const std::string& path);
  void ReportOneSided(const OpenDirectory& open, const std::string& path, const Named& named);

  Comparison comparison_;
  WorkQueue<Task> queue_;
  ContentComparer content_;
  LinkPairs links_;
  // Of the threads\' buffers, which are few and small.
  BufferMemory memory_{0, std::nullopt};
  std::vector<Worker> workers_;
};

}  // namespace smartcopy
