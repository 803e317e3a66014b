#include "symbolic_links.h"

#include <errno.h>
#include <limits.h>

#include <array>

#include "metadata.h"

namespace smartcopy {

Result<std::string> ReadTarget(int directory, const char* name) {
  std::array<char, PATH_MAX> target{};
  const long length = sys::Readlinkat(directory, name, target.data(), target.size());
  if (auto error = ErrorOf(length, Syscall::kReadlinkat)) return *error;
  return std::string(target.data(), static_cast<size_t>(length));
}

void SymbolicLinkCopier::Copy(FileTask task, const OpenDirectory& open) {
  auto source = StatBeneath(open.source.get(), task.source_name.c_str());
  if (!source) return entries_.FailAtSource(task, source.error());
  if (!S_ISLNK(source->st_mode)) {
    entries_.Meet(task, 0);
    return entries_.Fail(task, JudgedFailure(task, FailureReason::kSourceChanged, Side::kSource));
  }
  auto target = ReadTarget(open.source.get(), task.source_name.c_str());
  if (!target) return entries_.FailAtSource(task, target.error());
  if (!entries_.Claim(task, open, *source)) return;
  std::optional<struct stat> found;
  if (!entries_.LookAt(task, open, found)) return;
  if (found && S_ISLNK(found->st_mode) && transfer_.leaves_equal_alone()) {
    auto present = ReadTarget(open.destination.get(), task.name.c_str());
    if (!present) return entries_.FailAtDestination(task, present.error());
    if (*present == *target) {
      bool mended = true;
      if (!transfer_.request.dry_run) {
        if (Outcome failed = Mend(task, open, {*source, *found, mended}))
          return entries_.Fail(task, std::move(*failed));
      }
      if (mended) return entries_.Done(task, FileId::Of(*found), true, {});
    }
  }
  if (found && entries_.KeepsPresent(task, 0)) return;
  if (transfer_.request.dry_run) return entries_.Plan(task, "symbolicLink", std::nullopt);
  FileId made;
  if (Outcome failed = Make(task, open, {*source, target->c_str()}, made))
    return entries_.Fail(task, std::move(*failed));
  if (const auto error = entries_.MakeNameDurable(open)) return entries_.FailAtDestination(task, *error);
  entries_.Done(task, made, false, {});
}

Outcome SymbolicLinkCopier::Mend(const FileTask& task, const OpenDirectory& open, const Equal& equal) {
  auto source_has = HasXattrs(transfer_, open.source.get(), task.source_name);
  if (!source_has) return TaskFailure(task, source_has.error(), Side::kSource);
  auto copy_has = HasXattrs(transfer_, open.destination.get(), task.name);
  if (!copy_has) return TaskFailure(task, copy_has.error(), Side::kDestination);
  if (HasOwnerAndTime(equal.source, equal.found) && !*source_has && !*copy_has) return std::nullopt;
  FileId id;
  return KeepAll(task, open, {equal.source, task.name.c_str(), &equal.mended}, id);
}

bool SymbolicLinkCopier::HasOwnerAndTime(const struct stat& source, const struct stat& found) const {
  const auto& preserve = transfer_.request.preserve;
  const bool same_owner = source.st_uid == found.st_uid && source.st_gid == found.st_gid;
  return (same_owner || !preserve.owner) && (SameTime(found.st_mtim, source.st_mtim) || !preserve.times);
}

Outcome SymbolicLinkCopier::Make(const FileTask& task, const OpenDirectory& open, const Link& link, FileId& made) {
  const int directory = open.destination.get();
  std::string present = task.name;
  long answer = sys::Symlinkat(link.target, directory, present.c_str());
  for (int tries = 0; answer == -EEXIST && !task.directory->created && tries < kMostNameTries; ++tries) {
    present = transfer_.NewTemporaryName();
    answer = sys::Symlinkat(link.target, directory, present.c_str());
  }
  if (auto error = ErrorOf(answer, Syscall::kSymlinkat)) return TaskFailure(task, *error, Side::kDestination);
  Outcome failed = KeepAll(task, open, {link.source, present.c_str(), nullptr}, made);
  if (!failed && present != task.name) {
    const long renamed = sys::Renameat(directory, present.c_str(), directory, task.name.c_str());
    if (auto error = ErrorOf(renamed, Syscall::kRenameat)) failed = TaskFailure(task, *error, Side::kDestination);
  }
  if (failed) sys::Unlinkat(directory, present.c_str());
  return failed;
}

// Through a descriptor of the link itself. Whatever is not a link with one name keeps its owner and times: it may be
// another name of a file far outside. One that is just made has one name, or was put here by somebody else.
Outcome SymbolicLinkCopier::KeepAll(const FileTask& task, const OpenDirectory& open, const Present& present,
                                    FileId& id) {
  const auto failed = [&](const IoError& error, Side side) { return TaskFailure(task, error, side); };
  const uint64_t resolve = transfer_.directories.resolve();
  auto link = OpenBeneath(open.destination.get(), present.name, O_PATH | O_NOFOLLOW, resolve);
  if (!link) return failed(link.error(), Side::kDestination);
  auto found = StatOf(link->get());
  if (!found) return failed(found.error(), Side::kDestination);
  const bool created = present.mended == nullptr;
  if (!S_ISLNK(found->st_mode) || (created && found->st_nlink != 1))
    return failed({ESTALE, Syscall::kOpenat2}, Side::kDestination);
  id = FileId::Of(*found);

  UniqueFd source;
  auto has_xattrs = HasXattrs(transfer_, open.source.get(), task.source_name);
  if (!has_xattrs) return failed(has_xattrs.error(), Side::kSource);
  if (*has_xattrs) {
    auto opened = OpenBeneath(open.source.get(), task.source_name.c_str(), O_PATH | O_NOFOLLOW, resolve);
    if (!opened) return failed(opened.error(), Side::kSource);
    auto now = StatOf(opened->get());
    if (!now) return failed(now.error(), Side::kSource);
    if (FileId::Of(*now) != FileId::Of(present.source))
      return JudgedFailure(task, FailureReason::kSourceChanged, Side::kSource);
    source = std::move(*opened);
  }
  const NamedEntry name{*task.directory, task.source_name, task.name};
  const MetadataEnds ends{source.get(), present.source, link->get(), *found, created};
  if (found->st_nlink != 1) {
    *present.mended = HasOwnerAndTime(present.source, *found) && HasSameXattrs(transfer_, name, ends);
    return std::nullopt;
  }
  if (Outcome not_kept = KeepMetadata(transfer_, name, ends)) return not_kept;
  if (!transfer_.request.preserve.times) return std::nullopt;
  timespec times[2];
  TimesFor(transfer_, present.source, times);
  const auto error = KeepTimes(transfer_, name, link->get(), times);
  return error ? Outcome(failed(*error, Side::kDestination)) : std::nullopt;
}

}  // namespace smartcopy
