#include "tree_scan.h"

#include <vector>

#include "listing.h"

namespace smartcopy {
namespace {

constexpr size_t kBufferBytes = 64 * 1024;

}  // namespace

void TreeScan::Run() {
  auto buffer = Buffer::Make(kBufferBytes);
  if (!buffer) return;
  buffer_ = std::move(*buffer);
  const long top = sys::Openat2(source_, ".", O_RDONLY | O_DIRECTORY, 0, transfer_.directories.resolve());
  if (top < 0) return;
  const UniqueFd directory(static_cast<int>(top));
  if (ScanDirectory(directory.get())) transfer_.control.Set(Word::kTotalsFinal, 1);
}

bool TreeScan::ScanDirectory(int directory) {
  // Each level holds a descriptor.
  if (++depth_ > transfer_.budget.scan_depth || stopped_.load() || transfer_.control.cancelled()) return false;
  auto listing = Listing::Read(directory, buffer_.bytes());
  if (!listing) return false;
  int64_t files = 0;
  int64_t bytes = 0;
  std::vector<const char*> below;
  for (size_t index = 0; index < listing->size(); ++index) {
    const auto entry = (*listing)[index];
    struct stat found{};
    if (entry.type == DT_DIR) {
      below.push_back(entry.name);
      continue;
    }
    // Vanished meanwhile, or not to be looked at: the copy will say so.
    if (sys::Lstatat(directory, entry.name, &found) < 0) continue;
    if (S_ISDIR(found.st_mode)) below.push_back(entry.name);
    if (!S_ISREG(found.st_mode) && !S_ISLNK(found.st_mode)) continue;
    ++files;
    if (S_ISREG(found.st_mode) && (found.st_nlink == 1 || linked_.emplace(FileId::Of(found), true).second))
      bytes += found.st_size;
  }
  transfer_.control.Add(Word::kFilesTotal, files);
  transfer_.control.Add(Word::kBytesTotal, bytes);
  for (const char* name : below) {
    const long fd = sys::Openat2(directory, name, O_RDONLY | O_DIRECTORY, 0, transfer_.directories.resolve());
    if (fd < 0) continue;
    const UniqueFd child(static_cast<int>(fd));
    if (!ScanDirectory(child.get())) return false;
  }
  --depth_;
  return true;
}

}  // namespace smartcopy
