#include "metadata.h"

#include <errno.h>

#include <algorithm>
#include <array>

#include "extended_attributes.h"

namespace smartcopy {
namespace {

constexpr mode_t kSetIds = S_ISUID | S_ISGID;
constexpr mode_t kGroupBits = 070;

template <size_t kSize>
bool IsOneOf(int code, const std::array<int, kSize>& codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// EPERM: no privilege to give files away. EINVAL: the owner does not exist in this user namespace.
constexpr std::array kOwnerRefused = {EPERM, EINVAL};
// A file system without modes or times (vfat, some network file systems) refuses those it cannot express.
constexpr std::array kModeRefused = {EPERM, EOPNOTSUPP, ENOSYS};
constexpr std::array kTimesRefused = {EPERM, EOPNOTSUPP, ENOSYS};
// The file system has no such attributes, or not so long ones, or this process may not set them. EINVAL: an ACL names
// somebody whom this user namespace does not know.
constexpr std::array kXattrRefused = {EOPNOTSUPP, ENOSYS, EPERM, EACCES, E2BIG, ERANGE, EINVAL, ENODATA};

// Where a list was asked for by path: also that there is no /proc, or that the name is gone, which shows when it is
// opened.
constexpr std::array kListRefused = {EOPNOTSUPP, ENOSYS, EPERM, EACCES, E2BIG, ENOENT};

bool IsTold(const CopyRequest& request, XattrKind kind) {
  if (kind == XattrKind::kForeign) return false;
  return IsAcl(kind) ? request.preserve.acls : request.preserve.xattrs;
}

bool IsKept(const CopyRequest& request, XattrKind kind) {
  return IsTold(request, kind) && (request.keep_security_xattrs || !IsPrivileged(kind));
}

// Attributes that only the source's owner could have meant. Labels and what else a security module keeps at the
// destination are the system's own.
bool IsRemovable(XattrKind kind) {
  return kind != XattrKind::kForeign && kind != XattrKind::kLabel && kind != XattrKind::kSecurity;
}

}  // namespace

// The setuid and setgid bits of files are left out unless the request keeps them. Those of directories lend nobody's
// rights: there setgid says whose group new files belong to.
mode_t ModeOf(const CopyRequest& request, const struct stat& source) {
  const mode_t mode = source.st_mode & 07777;
  return request.keep_setuid || S_ISDIR(source.st_mode) ? mode : mode & ~kSetIds;
}

namespace {

// The mode of a new entry whose source's mode is not preserved, as cp gives it: that of the file it replaces, else the
// source's permissions without what the umask takes. Where ACLs are inherited the kernel heeds no umask either.
mode_t UsualMode(const Transfer& transfer, const NamedEntry& entry, const MetadataEnds& ends) {
  if (ends.replaced_mode) return *ends.replaced_mode & 0777;
  const mode_t mode = ends.source_stat.st_mode & 0777;
  return entry.directory.inherits_acl ? mode : mode & ~transfer.umask;
}

// The work on one entry, step after step.
class MetadataKeeper {
 public:
  MetadataKeeper(Transfer& transfer, const NamedEntry& entry, const MetadataEnds& ends)
      : transfer_(transfer), preserve_(transfer.request.preserve), entry_(entry), ends_(ends) {}

  Outcome Run() {
    Outcome failed = KeepOwner();
    if (!failed) failed = KeepXattrs();
    if (!failed && !S_ISLNK(ends_.source_stat.st_mode)) failed = KeepMode();
    return failed;
  }

 private:
  Outcome KeepOwner();
  Outcome KeepXattrs();
  Outcome KeepNamed(const char* name, XattrKind kind);
  Outcome RemoveOthers(const XattrNames& kept);
  Outcome KeepMode();
  Result<bool> HasMode(mode_t mode) const;

  std::optional<IoError> Set(const char* name, std::string_view value);
  Result<bool> HasAlready(const char* name, std::string_view value) const;
  bool IsFull() const;
  void LimitGroupBits(std::string_view access_acl);
  Outcome AtSource(const IoError& error) const {
    return SystemFailure(error, Side::kSource, entry_.PathOn(Side::kSource));
  }
  Outcome AtDestination(const IoError& error) const {
    return SystemFailure(error, Side::kDestination, entry_.PathOn(Side::kDestination));
  }
  Outcome Lose(Attribute what, const IoError& error) { return NoteNotKept(transfer_, entry_, what, error); }

  Transfer& transfer_;
  const Preserve& preserve_;
  const NamedEntry& entry_;
  const MetadataEnds& ends_;
  bool has_owner_ = false;
  // The mode at the destination may not be what was found any more.
  bool mode_touched_ = false;
  // What the group may do at most when the source's ACL could not be kept.
  mode_t group_bits_ = kGroupBits;
};

Outcome MetadataKeeper::KeepOwner() {
  const struct stat& source = ends_.source_stat;
  const struct stat& found = ends_.destination_stat;
  has_owner_ = source.st_uid == found.st_uid && source.st_gid == found.st_gid;
  if (has_owner_ || !preserve_.owner) return std::nullopt;
  const auto error = ErrorOf(sys::Fchown(ends_.destination, source.st_uid, source.st_gid), Syscall::kFchown);
  mode_touched_ = true;
  if (!error) {
    has_owner_ = true;
    return std::nullopt;
  }
  if (!IsOneOf(error->code, kOwnerRefused)) return AtDestination(*error);
  // A member of the group may still keep that; when it may not, no harm is done.
  if (source.st_gid != found.st_gid) sys::Fchown(ends_.destination, static_cast<uid_t>(-1), source.st_gid);
  return Lose(Attribute::kOwner, *error);
}

Outcome MetadataKeeper::KeepXattrs() {
  XattrNames names;
  const dev_t device = ends_.source_stat.st_dev;
  if (ends_.source >= 0 && transfer_.without_xattrs.load(std::memory_order_relaxed) != device) {
    const auto error = names.Read(ends_.source);
    if (error && MeansNoXattrs(error->code))
      transfer_.without_xattrs.store(device, std::memory_order_relaxed);
    else if (error && IsOneOf(error->code, kXattrRefused)) {
      if (Outcome failed = Lose(Attribute::kXattr, *error)) return failed;
    } else if (error)
      return AtSource(*error);
  }
  Outcome failed;
  for (const bool acls : {false, true}) {
    names.ForEach([&](const char* name) {
      const XattrKind kind = XattrKindOf(name);
      if (!failed && IsAcl(kind) == acls) failed = KeepNamed(name, kind);
    });
  }
  if (failed) return failed;
  for (const char* name : entry_.directory.hidden_xattrs) {
    if (ends_.source < 0 || S_ISLNK(ends_.source_stat.st_mode)) break;
    XattrValue value;
    const auto error = value.Read(ends_.source, name);
    if (error && !IsOneOf(error->code, kXattrRefused)) return AtSource(*error);
    if (error) continue;
    if ((failed = KeepNamed(name, XattrKindOf(name)))) return failed;
    break;
  }
  // What was just made has nothing more than it was given, but for an ACL that it inherited.
  const bool may_have_others = !ends_.created || entry_.directory.inherits_acl;
  return may_have_others ? RemoveOthers(names) : std::nullopt;
}

Outcome MetadataKeeper::KeepNamed(const char* name, XattrKind kind) {
  const bool limits_group = kind == XattrKind::kPosixAcl && std::string_view(name) == kAccessAcl;
  if (!IsKept(transfer_.request, kind) && !limits_group) {
    // What the user does not ask for, and the label that the destination's own system gives, are not missed.
    const bool is_missed = IsTold(transfer_.request, kind) && kind != XattrKind::kLabel;
    return is_missed ? Lose(AttributeOf(kind), {0, Syscall::kFsetxattr}) : std::nullopt;
  }
  XattrValue value;
  if (const auto error = value.Read(ends_.source, name)) {
    if (error->code == ENODATA) return std::nullopt;  // removed since it was listed
    return IsOneOf(error->code, kXattrRefused) ? Lose(AttributeOf(kind), *error) : AtSource(*error);
  }
  if (!preserve_.acls && limits_group) return LimitGroupBits(value.bytes()), std::nullopt;
  // Under another owner a program would lend its capabilities to somebody else's trust.
  if (kind == XattrKind::kCapability && !has_owner_) return Lose(Attribute::kCapability, {EPERM, Syscall::kFsetxattr});
  auto has_already = HasAlready(name, value.bytes());
  if (!has_already) return AtDestination(has_already.error());
  if (*has_already) return std::nullopt;
  const auto error = Set(name, value.bytes());
  if (!error) return std::nullopt;
  if (limits_group) LimitGroupBits(value.bytes());
  const bool is_refused = IsOneOf(error->code, kXattrRefused) || (error->code == ENOSPC && !IsFull());
  return is_refused ? Lose(AttributeOf(kind), *error) : AtDestination(*error);
}

Result<bool> MetadataKeeper::HasAlready(const char* name, std::string_view value) const {
  if (ends_.created) return false;
  XattrValue present;
  const auto error = present.Read(ends_.destination, name);
  if (error && !IsOneOf(error->code, kXattrRefused)) return *error;
  return !error && present.bytes() == value;
}

std::optional<IoError> MetadataKeeper::Set(const char* name, std::string_view value) {
  const auto set = [&] {
    return ErrorOf(sys::Fsetxattr(ends_.destination, name, value.data(), value.size()), Syscall::kFsetxattr);
  };
  auto error = set();
  // An ACL changes the permission bits, and may take setgid with it.
  if (!error && IsAcl(XattrKindOf(name))) mode_touched_ = true;
  if (!error || error->code != EACCES || mode_touched_) return error;
  // The owner's own attributes need the right to write, which a read-only file gets until its mode is set.
  if (sys::Fchmod(ends_.destination, (ends_.destination_stat.st_mode & 07777) | S_IWUSR) < 0) return error;
  mode_touched_ = true;
  return set();
}

// ext4 answers ENOSPC when an attribute does not fit beside the others of its file; that is no full disk.
bool MetadataKeeper::IsFull() const {
  struct statfs space{};
  return sys::Fstatfs(ends_.destination, &space) < 0 || space.f_bavail == 0;
}

void MetadataKeeper::LimitGroupBits(std::string_view access_acl) {
  group_bits_ = OwningGroupIn(access_acl).value_or(0);
}

Outcome MetadataKeeper::RemoveOthers(const XattrNames& kept) {
  XattrNames present;
  if (const auto error = present.Read(ends_.destination)) {
    if (MeansNoXattrs(error->code)) return std::nullopt;
    return IsOneOf(error->code, kXattrRefused) ? Lose(Attribute::kXattr, *error) : AtDestination(*error);
  }
  Outcome failed;
  present.ForEach([&](const char* name) {
    const XattrKind kind = XattrKindOf(name);
    if (failed || !IsRemovable(kind) || !IsTold(transfer_.request, kind)) return;
    if (kept.Has(name) && IsKept(transfer_.request, kind)) return;
    if (kind == XattrKind::kOtherAcl && !entry_.directory.hidden_xattrs.empty()) return;
    const auto error = ErrorOf(sys::Fremovexattr(ends_.destination, name), Syscall::kFremovexattr);
    if (!error && IsAcl(kind)) mode_touched_ = true;
    if (!error || error->code == ENODATA) return;
    failed = IsOneOf(error->code, kXattrRefused) ? Lose(AttributeOf(kind), *error) : AtDestination(*error);
  });
  return failed;
}

Outcome MetadataKeeper::KeepMode() {
  const mode_t present = ends_.destination_stat.st_mode & 07777;
  mode_t mode = ModeOf(transfer_.request, ends_.source_stat);
  if (!preserve_.mode) mode = ends_.created ? UsualMode(transfer_, entry_, ends_) : present;
  mode &= ~kGroupBits | group_bits_;
  const bool drops_by_choice = preserve_.mode && (mode & kSetIds) != (ends_.source_stat.st_mode & kSetIds);
  // Under another owner these bits would lend other rights.
  const bool drops_for_owner = preserve_.mode && !has_owner_ && (mode & kSetIds) != 0;
  if (drops_for_owner) mode &= ~kSetIds;
  // An inherited ACL may allow more than the mode shows.
  const bool may_allow_more = ends_.created && entry_.directory.inherits_acl;
  if (may_allow_more || mode_touched_ || mode != present) {
    const auto error = ErrorOf(sys::Fchmod(ends_.destination, mode), Syscall::kFchmod);
    if (error && !IsOneOf(error->code, kModeRefused)) return AtDestination(*error);
    auto kept = error ? Result<bool>(false) : HasMode(mode);
    if (!kept) return AtDestination(kept.error());
    if (!*kept) {
      if (Outcome failed = Lose(Attribute::kMode, error.value_or(IoError{0, Syscall::kFchmod}))) return failed;
    }
  }
  if (drops_by_choice) return Lose(Attribute::kSetuid, {0, Syscall::kFchmod});
  return drops_for_owner ? Lose(Attribute::kSetuid, {EPERM, Syscall::kFchmod}) : std::nullopt;
}

// Whether the mode that was set is there, as far as anybody minds. Only looked at where the file system has modes of
// its own making.
Result<bool> MetadataKeeper::HasMode(mode_t mode) const {
  if (!preserve_.mode || !entry_.directory.file_system->invents_modes.load(std::memory_order_relaxed)) return true;
  auto found = StatOf(ends_.destination);
  if (!found) return found.error();
  return (found->st_mode & 07777) == mode;
}

}  // namespace

Outcome KeepMetadata(Transfer& transfer, const NamedEntry& entry, const MetadataEnds& ends) {
  return MetadataKeeper(transfer, entry, ends).Run();
}

Outcome KeepDirectoryMetadata(Transfer& transfer, const Directory& directory, const OpenDirectory& open) {
  static const std::string kItself;
  const NamedEntry entry{directory, kItself, kItself};
  const int destination = open.destination.get();
  auto found = StatOf(destination);
  if (!found) return SystemFailure(found.error(), Side::kDestination, entry.PathOn(Side::kDestination));
  const MetadataEnds ends{open.source.get(), directory.source_stat, destination, *found, directory.created};
  if (Outcome failed = KeepMetadata(transfer, entry, ends)) return failed;
  if (!transfer.request.preserve.times || SameTime(found->st_mtim, directory.source_stat.st_mtim)) return std::nullopt;
  timespec times[2];
  TimesFor(transfer, directory.source_stat, times);
  const auto error = KeepTimes(transfer, entry, destination, times);
  return error ? Outcome(SystemFailure(*error, Side::kDestination, entry.PathOn(Side::kDestination))) : std::nullopt;
}

namespace {

// Whether what was set has to be looked at: the first time on every file system, then where it is known to round, or
// where it may not reach (before 1970, after 2038).
bool IsTimeInDoubt(DestinationFileSystem::Times known, const timespec& time) {
  if (time.tv_nsec == UTIME_NOW) return false;
  return known != DestinationFileSystem::Times::kExact || time.tv_sec < 0 || time.tv_sec > INT32_MAX;
}

}  // namespace

std::optional<IoError> KeepTimes(Transfer& transfer, const NamedEntry& entry, int fd, const timespec times[2]) {
  using Times = DestinationFileSystem::Times;
  auto error = ErrorOf(sys::SetTimes(fd, times), Syscall::kUtimensat);
  if (error && !IsOneOf(error->code, kTimesRefused)) return error;
  auto& known = entry.directory.file_system->times;
  if (!error) {
    if (!IsTimeInDoubt(known.load(std::memory_order_relaxed), times[1])) return std::nullopt;
    auto found = StatOf(fd);
    if (!found) return found.error();
    if (SameTime(found->st_mtim, times[1])) {
      // A whole number of microseconds says nothing about nanoseconds.
      if (times[1].tv_nsec % 1000 != 0) known.store(Times::kExact, std::memory_order_relaxed);
      return std::nullopt;
    }
    if (found->st_mtim.tv_sec == times[1].tv_sec) known.store(Times::kCoarse, std::memory_order_relaxed);
    error = IoError{0, Syscall::kUtimensat};
  }
  if (!NoteNotKept(transfer, entry, Attribute::kTime, *error)) return std::nullopt;
  error->loses_metadata = true;
  return error;
}

void TimesFor(const Transfer& transfer, const struct stat& source, timespec times[2]) {
  times[0] = source.st_atim;
  times[1] = source.st_mtim;
  if (transfer.request.preserve.times) return;
  times[0].tv_nsec = UTIME_NOW;
  times[1].tv_nsec = UTIME_NOW;
}

bool HasOwnerAndMode(const CopyRequest& request, const struct stat& source, const struct stat& found) {
  const bool same_owner = source.st_uid == found.st_uid && source.st_gid == found.st_gid;
  return (same_owner || !request.preserve.owner) &&
         (!request.preserve.mode || ModeOf(request, source) == (found.st_mode & 07777));
}

namespace {

bool HasAnyToBeTold(const CopyRequest& request, const XattrNames& names) {
  bool any = false;
  names.ForEach([&](const char* name) {
    const XattrKind kind = XattrKindOf(name);
    any = any || (IsTold(request, kind) && (IsKept(request, kind) || kind != XattrKind::kLabel));
  });
  return any;
}

// What is known before any list is read; nothing when the lists have to tell.
std::optional<bool> MayDifferAnyway(const CopyRequest& request, const Directory& directory) {
  if (!request.preserve.xattrs && !request.preserve.acls) return false;
  return directory.hidden_xattrs.empty() ? std::nullopt : std::optional(true);
}

bool IsKnownToHaveNone(const Transfer& transfer, const Directory& directory) {
  return transfer.without_xattrs.load(std::memory_order_relaxed) == directory.source_id.device;
}

// Whether an entry of the destination has attributes that would be removed.
Result<bool> HasRemovableXattrs(const Transfer& transfer, int directory, const std::string& name) {
  XattrNames names;
  const auto error = names.ReadAt(directory, name.c_str());
  if (error && !IsOneOf(error->code, kListRefused)) return *error;
  if (error) return !MeansNoXattrs(error->code);
  bool any = false;
  names.ForEach([&](const char* one) {
    const XattrKind kind = XattrKindOf(one);
    any = any || (IsRemovable(kind) && IsTold(transfer.request, kind));
  });
  return any;
}

}  // namespace

Result<bool> MayDifferInXattrs(Transfer& transfer, int source, const NamedEntry& entry, const OpenDirectory& open) {
  if (const auto known = MayDifferAnyway(transfer.request, entry.directory)) return *known;
  if (!IsKnownToHaveNone(transfer, entry.directory)) {
    XattrNames names;
    const auto error = names.Read(source);
    if (error && !MeansNoXattrs(error->code) && !IsOneOf(error->code, kXattrRefused)) return *error;
    if (error ? !MeansNoXattrs(error->code) : HasAnyToBeTold(transfer.request, names)) return true;
  }
  return HasRemovableXattrs(transfer, open.destination.get(), entry.name);
}

Outcome LookForXattrs(Transfer& transfer, const NamedEntry& entry, const OpenDirectory& open, bool& may_differ) {
  const auto known = MayDifferAnyway(transfer.request, entry.directory);
  may_differ = known.value_or(false);
  if (known) return std::nullopt;
  if (!IsKnownToHaveNone(transfer, entry.directory)) {
    auto source_has = HasXattrs(transfer, open.source.get(), entry.source_name);
    if (!source_has) return SystemFailure(source_has.error(), Side::kSource, entry.PathOn(Side::kSource));
    if ((may_differ = *source_has)) return std::nullopt;
  }
  auto copy_has = HasRemovableXattrs(transfer, open.destination.get(), entry.name);
  if (!copy_has) return SystemFailure(copy_has.error(), Side::kDestination, entry.PathOn(Side::kDestination));
  may_differ = *copy_has;
  return std::nullopt;
}

Result<bool> HasXattrs(Transfer& transfer, int directory, const std::string& name) {
  XattrNames names;
  const auto error = names.ReadAt(directory, name.c_str());
  if (error && !IsOneOf(error->code, kListRefused)) return *error;
  if (error) return !MeansNoXattrs(error->code);
  return HasAnyToBeTold(transfer.request, names);
}

bool HasSameXattrs(Transfer& transfer, const NamedEntry& entry, const MetadataEnds& ends) {
  XattrNames names;
  XattrNames present;
  if (names.Read(ends.source) || present.Read(ends.destination) || !entry.directory.hidden_xattrs.empty()) return false;
  bool same = true;
  names.ForEach([&](const char* name) {
    if (!same || !IsKept(transfer.request, XattrKindOf(name))) return;
    XattrValue source;
    XattrValue destination;
    same = !source.Read(ends.source, name) && !destination.Read(ends.destination, name) &&
           source.bytes() == destination.bytes();
  });
  present.ForEach([&](const char* name) {
    const XattrKind kind = XattrKindOf(name);
    const bool is_to_go = IsRemovable(kind) && IsTold(transfer.request, kind);
    same = same && (!is_to_go || (names.Has(name) && IsKept(transfer.request, kind)));
  });
  return same;
}

Outcome NoteNotKept(Transfer& transfer, const NamedEntry& entry, Attribute what, const IoError& error) {
  transfer.not_kept.Add(what, error.code, [&] { return entry.PathOn(Side::kDestination); });
  if (!transfer.request.preserve.strict) return std::nullopt;
  IoError lost = error;
  lost.loses_metadata = true;
  return SystemFailure(lost, Side::kDestination, entry.PathOn(Side::kDestination));
}

std::optional<DirectoryTable::OpenError> NoteXattrsOf(Directory& directory, const OpenDirectory& open) {
  const Directory* parent = directory.parent.get();
  const bool on_parents_device = parent != nullptr && parent->source_id.device == directory.source_id.device;
  if (on_parents_device) {
    directory.hidden_xattrs = parent->hidden_xattrs;
  } else {
    struct statfs facts{};
    if (const auto error = ErrorOf(sys::Fstatfs(open.source.get(), &facts), Syscall::kFstatfs))
      return DirectoryTable::OpenError{*error, Side::kSource};
    directory.hidden_xattrs = HiddenXattrs(facts.f_type);
  }
  // Not made yet; it is asked about again when it is.
  if (!open.destination.valid()) return std::nullopt;
  if (parent != nullptr && directory.created) {
    directory.inherits_acl = parent->inherits_acl;
    return std::nullopt;
  }
  const long answer = sys::Fgetxattr(open.destination.get(), kDefaultAcl, nullptr, 0);
  const auto error = ErrorOf(answer, Syscall::kFgetxattr);
  if (error && !IsOneOf(error->code, kXattrRefused)) return DirectoryTable::OpenError{*error, Side::kDestination};
  // Where that may not be asked, every new entry is looked at.
  const bool is_unknown = error && error->code != ENODATA && !MeansNoXattrs(error->code);
  directory.inherits_acl = answer > 0 || is_unknown;
  return std::nullopt;
}

}  // namespace smartcopy
