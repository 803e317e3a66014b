#include "directory.h"

#include <errno.h>
#include <linux/magic.h>

#include <algorithm>
#include <array>
#include <vector>

#include "followed_links.h"

namespace smartcopy {
namespace {

// Not in linux/magic.h, from the file systems' own sources.
constexpr auto kExfatMagic = 0x2011BAB0;
constexpr auto kXfsMagic = 0x58465342;
constexpr auto kBcachefsMagic = 0xCA451A4E;
constexpr auto kZfsMagic = 0x2FC12FC1;

bool TrustsSyncfs(long type) {
  static constexpr std::array<long, 7> kTypes = {EXT4_SUPER_MAGIC, kXfsMagic,      BTRFS_SUPER_MAGIC, TMPFS_MAGIC,
                                                 F2FS_SUPER_MAGIC, kBcachefsMagic, kZfsMagic};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

Result<UniqueFd> OpenSame(const UniqueFd& parent, const std::string& name, const FileId& expected, uint64_t resolve) {
  auto opened = OpenDirectoryBeneath(parent.get(), name.c_str(), resolve);
  if (!opened) return opened;
  auto found = StatOf(opened->get());
  if (!found) return found.error();
  if (FileId::Of(*found) != expected) return IoError{ESTALE, Syscall::kOpenat2};
  return opened;
}

}  // namespace

void RemoveIfSame(int directory, const char* name, const FileId& id) {
  if (id == FileId{}) {
    sys::Unlinkat(directory, name);
    return;
  }
  auto present = StatBeneath(directory, name);
  if (present && FileId::Of(*present) == id) sys::Unlinkat(directory, name);
}

std::string PathOf(const Directory& directory, const std::string& name) {
  std::vector<const std::string*> parts;
  for (const Directory* at = &directory; at->parent != nullptr; at = at->parent.get()) parts.push_back(&at->name);
  std::string path;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (!path.empty()) path.push_back('/');
    path += **part;
  }
  if (!path.empty() && !name.empty()) path.push_back('/');
  return path + name;
}

std::shared_ptr<OpenDirectory> DirectoryTable::Hold(const std::shared_ptr<Directory>& directory, OpenDirectory open) {
  const std::lock_guard lock(mutex_);
  return HoldLocked(directory, std::move(open));
}

std::shared_ptr<OpenDirectory> DirectoryTable::HoldLocked(const std::shared_ptr<Directory>& directory,
                                                          OpenDirectory open) {
  auto pair = std::make_shared<OpenDirectory>(std::move(open));
  directory->open_ = pair;
  if (directory->parent == nullptr) return pair;
  held_.push_back(directory);
  while (held_.size() > most_open_) {
    if (const auto oldest = held_.front().lock()) oldest->open_.reset();
    held_.pop_front();
  }
  return pair;
}

std::shared_ptr<OpenDirectory> DirectoryTable::HeldPair(const std::shared_ptr<Directory>& directory) {
  const std::lock_guard lock(mutex_);
  return directory->open_;
}

std::shared_ptr<OpenDirectory> DirectoryTable::Get(const std::shared_ptr<Directory>& directory,
                                                   std::optional<OpenError>& error) {
  std::vector<std::shared_ptr<Directory>> closed;  // from `directory` upwards
  auto at = directory;
  auto pair = HeldPair(at);
  while (pair == nullptr) {
    closed.push_back(at);
    at = at->parent;
    pair = HeldPair(at);
  }
  for (auto next = closed.rbegin(); next != closed.rend(); ++next) {
    auto source = OpenSourceAgain(**next, *pair);
    if (!source) {
      error = OpenError{source.error(), Side::kSource};
      return nullptr;
    }
    auto destination = OpenDestinationAgain(**next, *pair);
    if (!destination) {
      error = OpenError{destination.error(), Side::kDestination};
      return nullptr;
    }
    const std::lock_guard lock(mutex_);
    pair = HoldLocked(*next, OpenDirectory{std::move(*source), std::move(*destination)});
  }
  return pair;
}

Result<UniqueFd> DirectoryTable::OpenSourceAgain(const Directory& directory, const OpenDirectory& parent) {
  if (!directory.followed) return OpenSame(parent.source, directory.name, directory.source_id, source_resolve());
  auto opened = OpenFollowed({TopSource(directory), PathOf(directory, {}), crosses_in_source_}, O_RDONLY | O_DIRECTORY);
  if (const auto* failure = std::get_if<Failure>(&opened)) return *failure->error;
  UniqueFd& fd = *std::get_if<UniqueFd>(&opened);
  auto found = StatOf(fd.get());
  if (!found) return found.error();
  if (FileId::Of(*found) != directory.source_id) return IoError{ESTALE, Syscall::kOpenat2};
  return std::move(fd);
}

int DirectoryTable::TopSource(const Directory& directory) {
  const Directory* top = &directory;
  while (top->parent != nullptr) top = top->parent.get();
  const std::lock_guard lock(mutex_);
  return top->open_->source.get();
}

Result<UniqueFd> DirectoryTable::OpenDestinationAgain(const Directory& directory, const OpenDirectory& parent) {
  if (!directory.made.load(std::memory_order_acquire) || directory.destination_id == FileId{}) return UniqueFd();
  return OpenSame(parent.destination, directory.name, directory.destination_id, resolve_);
}

Result<DestinationFileSystem*> DirectoryTable::FileSystemOf(const UniqueFd& destination, dev_t device) {
  const std::lock_guard lock(mutex_);
  if (const auto known = file_systems_.find(device); known != file_systems_.end()) return known->second.get();
  struct statfs facts{};
  if (auto error = ErrorOf(sys::Fstatfs(destination.get(), &facts), Syscall::kFstatfs)) return *error;
  // A directory that may be written and not read can hold a single file; then that is synchronised by itself.
  auto sync_fd = OpenDirectoryBeneath(destination.get(), ".", resolve_);
  if (!sync_fd && sync_fd.error().code != EACCES) return sync_fd.error();
  auto made = std::make_unique<DestinationFileSystem>();
  made->type = static_cast<long>(facts.f_type);
  made->trusts_syncfs = sync_fd.ok() && TrustsSyncfs(facts.f_type);
  if (sync_fd) made->sync_fd = std::move(*sync_fd);
  made->is_memory = facts.f_type == TMPFS_MAGIC || facts.f_type == RAMFS_MAGIC;
  made->invents_modes = facts.f_type == MSDOS_SUPER_MAGIC || facts.f_type == kExfatMagic;
  made->preallocates = facts.f_type == EXT4_SUPER_MAGIC || facts.f_type == kXfsMagic;
  return file_systems_.emplace(device, std::move(made)).first->second.get();
}

}  // namespace smartcopy
