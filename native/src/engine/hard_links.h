#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "completion.h"

namespace smartcopy {

// One non-directory entry still to be handled. The names differ only where a single file is copied to a new name.
struct FileTask {
  std::shared_ptr<Directory> directory;
  std::string source_name;
  std::string name;
  bool is_symbolic_link = false;
  // Counted among the totals already: it waited for another name of its inode, or in the lane of large files.
  bool met = false;
  // Set when this is the name under which an inode with several names is copied; others may be waiting for it.
  std::optional<FileId> claimed_inode = std::nullopt;
  // Begun once more after the file system was full.
  bool retried = false;
  // Copied by itself although its inode has other names: no link could be made.
  bool alone = false;
};

// Which source inodes with several names have been copied, so that the further names become links. The first name met
// claims the inode; the others wait until it is finished. An inode is forgotten with the last of its names, so that
// only those are remembered of which a name is still to come, or lies outside the tree. Thread-safe.
class HardLinks {
 public:
  // Where a finished copy is found.
  struct Copied {
    std::shared_ptr<Directory> directory;
    std::string name;
    FileId id;
    std::string digest;
  };
  enum class Claim : uint8_t { kCopy, kWait, kLink, kAlone };

  // What to do with this name of an inode. For kWait the task is kept and comes back from Finished or Failed; for kLink
  // `copied` says what to link to; kAlone: the inode's number is known, but its size or times are not those of the
  // first name. It was changed since, or removed and its number given to another file.
  Claim Ask(const struct stat& source, const FileTask& task, std::optional<Copied>& copied);
  // The tasks that waited, now to be handled again.
  std::vector<FileTask> Finished(const FileId& inode, Copied copied);
  std::vector<FileTask> Failed(const FileId& inode);

 private:
  // What a name must share with the first one to be the same file still.
  struct Version {
    off_t size = 0;
    timespec modified{};
    timespec changed{};

    static Version Of(const struct stat& of) { return {of.st_size, of.st_mtim, of.st_ctim}; }
  };
  struct Group {
    Version first;
    nlink_t names_to_come = 0;
    std::optional<Copied> copied;
    std::vector<FileTask> waiting;
  };

  std::mutex mutex_;
  std::map<FileId, Group> groups_;
};

}  // namespace smartcopy
