#pragma once

#include <optional>
#include <string>

#include "transfer.h"

namespace smartcopy {

// An entry and where it belongs. The names differ only where a single file is copied to a new name; both are empty for
// the directory itself.
struct NamedEntry {
  const Directory& directory;
  const std::string& source_name;
  const std::string& name;

  std::string PathOn(Side side) const { return PathOf(directory, side == Side::kSource ? source_name : name); }
};

// Both ends of an entry. Either may have been opened with O_PATH.
struct MetadataEnds {
  // -1: it has no extended attributes.
  int source = -1;
  const struct stat& source_stat;
  int destination = -1;
  // As it is before anything of it is kept.
  const struct stat& destination_stat;
  // Made by this run: private until now, with nothing but what it inherited.
  bool created = false;
  // Where it was made to replace a regular file: its mode.
  std::optional<mode_t> replaced_mode = std::nullopt;
};

// Gives the destination what the request preserves of the source: owner, then extended attributes, then ACLs, then
// mode. In this order because giving a file away takes its setuid bits and capabilities, and because an ACL and the
// mode may take away the right to set the rest. What cannot be kept is counted in the transfer, or with `strict` the
// failure.
Outcome KeepMetadata(Transfer& transfer, const NamedEntry& entry, const MetadataEnds& ends);

// The same for a directory with all that is in it, and its times.
Outcome KeepDirectoryMetadata(Transfer& transfer, const Directory& directory, const OpenDirectory& open);

// Sets both times, access and modification, as far as the file system keeps them.
std::optional<IoError> KeepTimes(Transfer& transfer, const NamedEntry& entry, int fd, const timespec times[2]);
// The times that a finished copy gets: the source's, or the present where times are not preserved.
void TimesFor(const Transfer& transfer, const struct stat& source, timespec times[2]);

// The mode that the copy of an entry gets where modes are preserved.
mode_t ModeOf(const CopyRequest& request, const struct stat& source);
// Whether owner and mode are what KeepMetadata would make of them, as far as the two can tell.
bool HasOwnerAndMode(const CopyRequest& request, const struct stat& source, const struct stat& found);
// Whether an entry that both sides have and the source has open may differ in extended attributes or ACLs; one look at
// the names on either side. An error of flistxattr is the source's, of llistxattr the destination's.
Result<bool> MayDifferInXattrs(Transfer& transfer, int source, const NamedEntry& entry, const OpenDirectory& open);
// The same for an entry that is not open.
Outcome LookForXattrs(Transfer& transfer, const NamedEntry& entry, const OpenDirectory& open, bool& may_differ);
// Whether nothing would have to be set or removed.
bool HasSameXattrs(Transfer& transfer, const NamedEntry& entry, const MetadataEnds& ends);
// Whether an entry that is not open has attributes that a copy could be without.
Result<bool> HasXattrs(Transfer& transfer, int directory, const std::string& name);

// Records what was not kept and was judged, not refused by a system call: the answer is the failure with `strict`.
Outcome NoteNotKept(Transfer& transfer, const NamedEntry& entry, Attribute what, const IoError& error);

// Finds out what the entries of a directory pair have to be asked for, see Directory.
std::optional<DirectoryTable::OpenError> NoteXattrsOf(Directory& directory, const OpenDirectory& open);

}  // namespace smartcopy
