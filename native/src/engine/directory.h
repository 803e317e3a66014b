#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "failure.h"
#include "open_beneath.h"

namespace smartcopy {

// Which file this is, as long as it exists.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;

  static FileId Of(const struct stat& of) { return {of.st_dev, of.st_ino}; }
  auto operator<=>(const FileId&) const = default;
};

// Removes a name if it still is that of this file. Whether it could is not asked: what stays behind has a name or a
// time that the next run does not take for finished.
// No id: of a file that this run made in a directory of its own, where nobody else gives names.
void RemoveIfSame(int directory, const char* name, const FileId& id);

// What the engine has to know about one file system it writes to. Made when the first directory on it is opened,
// before anything is written, because syncfs reports only what went wrong since its descriptor was opened.
struct DestinationFileSystem {
  UniqueFd sync_fd;
  // syncfs makes everything on it durable and says when it could not. Known of the local file systems; FUSE and network
  // file systems mostly do not pass it on, so there every file is synchronised by itself.
  bool trusts_syncfs = false;
  // Preallocation pays on ext4 and XFS; elsewhere it is slow, emulated or unknown.
  bool preallocates = false;
  // Kept in memory alone: there is nothing below the page cache that could be read.
  bool is_memory = false;
  // Whether it keeps modification times to the nanosecond; not known before the first was set.
  enum class Times : uint8_t { kUnknown, kExact, kCoarse };
  std::atomic<Times> times{Times::kUnknown};
  // FAT, or a file here had another mode than it was made with: chmod may do nothing and say nothing, so every mode
  // that is set is looked at.
  std::atomic<bool> invents_modes{false};
  // As statfs tells it.
  long type = 0;
};

// The two descriptors of a directory pair. Without a destination while there is none: it is made when something goes
// into it, or by no dry run.
struct OpenDirectory {
  UniqueFd source;
  UniqueFd destination;
};

// To whom the files belong that this run makes in a directory of its own, learnt from the first of them. Thread-safe.
class NewFileOwner {
 public:
  void Learn(const struct stat& made) { known_.store(Packed(made), std::memory_order_relaxed); }
  bool IsOf(const struct stat& file) const { return known_.load(std::memory_order_relaxed) == Packed(file); }

 private:
  static uint64_t Packed(const struct stat& file) { return uint64_t{file.st_uid} << 32 | file.st_gid; }

  // Nobody: no file belongs to the last of all users.
  std::atomic<uint64_t> known_{~uint64_t{0}};
};

// Names in a directory that a list of paths holds.
using ListedNames = std::set<std::string, std::less<>>;

// One directory of the source and its counterpart in the destination, from the moment it is walked until everything in
// it is finished and its own metadata is set. Shared by the tasks that work in it; `pending` counts them.
struct Directory {
  std::shared_ptr<Directory> parent;  // none for the top
  std::string name;                   // in the parent; empty for the top
  FileId source_id;
  FileId destination_id;
  struct stat source_stat{};
  // Reached through a symbolic link of the source.
  bool followed = false;
  // Its counterpart is there, or a dry run would have made it by now. Until then `destination_id`, `created` and
  // `file_system` say nothing. A counterpart that only would be there has no id.
  std::atomic<bool> made{false};
  // It is made only when something goes into it.
  std::atomic<bool> on_demand{false};
  // It could not be made, and that was said.
  std::atomic<bool> refused{false};
  // Made by this run: nothing in it is older than the run, so nothing in it has to be looked up before it is created.
  bool created = false;
  // Whose metadata is set at the end. False for the directory that merely holds a single copied file.
  bool keeps_metadata = true;
  DestinationFileSystem* file_system = nullptr;
  // What is made in the destination directory inherits an ACL from it, which the source's entry need not have.
  bool inherits_acl = false;
  NewFileOwner new_file_owner;
  // Attributes that entries of the source have and do not list, see HiddenXattrs.
  std::span<const char* const> hidden_xattrs;
  // What is not copied once more when the directory is walked. Null where nothing was listed.
  const ListedNames* listed_names = nullptr;
  std::atomic<int64_t> pending{1};

 private:
  friend class DirectoryTable;
  std::shared_ptr<OpenDirectory> open_;  // guarded by the table's mutex
};

// Path of `name` in `directory`, relative to the transfer's top; with an empty name the directory's own.
std::string PathOf(const Directory& directory, const std::string& name);

// Holds the descriptors of walked directories, at most about `most_open` pairs. A pair that was closed to stay within
// that is found again from the top, one component after the other, and must be the same directory by device and inode.
// Thread-safe.
class DirectoryTable {
 public:
  struct Mounts {
    bool cross = false;
    bool one_source = false;  // none of the source is entered, whatever `cross` says
  };
  DirectoryTable(Mounts mounts, size_t most_open)
      : resolve_(ConfinedResolve(mounts.cross)),
        crosses_in_source_(mounts.cross && !mounts.one_source),
        most_open_(most_open) {}

  // The error of the side it happened on. A directory that was swapped for another answers ESTALE.
  struct OpenError {
    IoError error;
    Side side;
  };

  // Keeps the descriptors of a directory just opened. The top stays open for good.
  std::shared_ptr<OpenDirectory> Hold(const std::shared_ptr<Directory>& directory, OpenDirectory open);
  // The pair is valid while the caller keeps the pointer, whatever the table closes meanwhile.
  std::shared_ptr<OpenDirectory> Get(const std::shared_ptr<Directory>& directory, std::optional<OpenError>& error);

  // The destination of a directory that has one, opened once more below its parent; nothing where a dry run found none.
  Result<UniqueFd> OpenDestinationAgain(const Directory& directory, const OpenDirectory& parent);

  // The source of the top above a directory, which stays open as long as anything is below it.
  int TopSource(const Directory& directory);

  // The file system that `destination` is on; the same object for every directory of it, alive as long as the table.
  Result<DestinationFileSystem*> FileSystemOf(const UniqueFd& destination, dev_t device);
  // Every file system met so far.
  template <typename Visit>
  void ForEachFileSystem(Visit visit) {
    const std::lock_guard lock(mutex_);
    for (auto& [device, file_system] : file_systems_) visit(*file_system);
  }

  uint64_t resolve() const { return resolve_; }
  bool crosses_in_source() const { return crosses_in_source_; }
  uint64_t source_resolve() const { return ConfinedResolve(crosses_in_source_); }

 private:
  Result<UniqueFd> OpenSourceAgain(const Directory& directory, const OpenDirectory& parent);
  std::shared_ptr<OpenDirectory> HeldPair(const std::shared_ptr<Directory>& directory);
  std::shared_ptr<OpenDirectory> HoldLocked(const std::shared_ptr<Directory>& directory, OpenDirectory open);

  const uint64_t resolve_;
  const bool crosses_in_source_;
  const size_t most_open_;
  std::mutex mutex_;
  std::deque<std::weak_ptr<Directory>> held_;  // oldest first: ancestors go first, they are needed last
  std::map<dev_t, std::unique_ptr<DestinationFileSystem>> file_systems_;
};

}  // namespace smartcopy
