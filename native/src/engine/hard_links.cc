#include "hard_links.h"

namespace smartcopy {

HardLinks::Claim HardLinks::Ask(const struct stat& source, const FileTask& task, std::optional<Copied>& copied) {
  const std::lock_guard lock(mutex_);
  const auto [group, is_first] = groups_.try_emplace(FileId::Of(source));
  Version& first = group->second.first;
  if (is_first) {
    first = Version::Of(source);
    group->second.names_to_come = source.st_nlink - 1;
    return Claim::kCopy;
  }
  if (source.st_size != first.size || !SameTime(source.st_mtim, first.modified) ||
      !SameTime(source.st_ctim, first.changed))
    return Claim::kAlone;
  if (group->second.copied) {
    copied = group->second.copied;
    if (--group->second.names_to_come == 0) groups_.erase(group);
    return Claim::kLink;
  }
  group->second.waiting.push_back(task);
  return Claim::kWait;
}

std::vector<FileTask> HardLinks::Finished(const FileId& inode, Copied copied) {
  const std::lock_guard lock(mutex_);
  Group& group = groups_[inode];
  group.copied = std::move(copied);
  return std::exchange(group.waiting, {});
}

std::vector<FileTask> HardLinks::Failed(const FileId& inode) {
  const std::lock_guard lock(mutex_);
  const auto group = groups_.find(inode);
  if (group == groups_.end()) return {};
  auto waiting = std::move(group->second.waiting);
  groups_.erase(group);
  return waiting;
}

}  // namespace smartcopy
