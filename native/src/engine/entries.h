#pragma once

#include <optional>
#include <string>

#include "hard_links.h"
#include "open_beneath.h"

namespace smartcopy {

// Whether two FIFOs, sockets or devices are of one kind: devices also of one number.
bool IsSameSpecialFile(const struct stat& a, const struct stat& b);

// What is told of an entry when it is settled, as far as its task knows it.
WrittenFile SettledAs(const FileTask& task);

// A failure of one entry, named with its path on that side.
Failure TaskFailure(const FileTask& task, const IoError& error, Side side);
Failure JudgedFailure(const FileTask& task, FailureReason reason, Side side);

// What regular files and symbolic links have in common: which name of an inode with several is copied, what has an
// entry's name in the destination already, and how an entry is settled. Thread-safe.
class Entries {
 public:
  Entries(Transfer& transfer, CompletionListener& listener) : transfer_(transfer), listener_(listener) {}

  // Counts the entry among the totals, with the bytes it adds, unless that was done.
  void Meet(FileTask& task, int64_t bytes);

  // Whether this name of the source is to be copied. Not when another name of its inode is: then this one waits, or is
  // made a link and settled.
  bool Claim(FileTask& task, const OpenDirectory& open, const struct stat& source);

  // What has the entry's name in the destination, if anything. The entry is settled as failed, and the answer false,
  // when that cannot be told, or is of another sort: FIFOs, sockets and devices on one side, files and links on the
  // other.
  bool LookAt(const FileTask& task, const OpenDirectory& open, std::optional<struct stat>& found);

  // At durability File: an entry that is but a name lasts from here on. The other levels see to it at the end.
  std::optional<IoError> MakeNameDurable(const OpenDirectory& open);

  void Fail(const FileTask& task, Failure failure);
  // For an entry that was met and is not copied.
  void Refuse(const FileTask& task, Failure failure);
  void FailAtSource(FileTask& task, const IoError& error);
  void FailAtDestination(const FileTask& task, const IoError& error);
  // For an entry that is not begun any more because the transfer was cancelled.
  void Cancel(const FileTask& task);
  void Done(const FileTask& task, const FileId& id, bool unchanged, std::string digest);
  // For an entry that is not copied because it was not asked for, which this word counts.
  void LeaveOut(const FileTask& task, Word counts);
  // In a dry run: what would become of the entry, and the bytes of its content.
  void Plan(const FileTask& task, const char* what, std::optional<int64_t> content_bytes);
  // Whether what has the entry's name and differs from it stays. Then the entry is settled.
  bool KeepsPresent(const FileTask& task, int64_t content_bytes);

  HardLinks hard_links;

 private:
  // True when linked or failed; false when it has to be copied by itself.
  bool LinkTo(const FileTask& task, const HardLinks::Copied& copied, const OpenDirectory& open,
              const struct stat& source);
  Result<UniqueFd> FindAgain(const HardLinks::Copied& copied);
  std::optional<IoError> MakeLink(int target, const FileTask& task, const OpenDirectory& open);

  Transfer& transfer_;
  CompletionListener& listener_;
};

}  // namespace smartcopy
