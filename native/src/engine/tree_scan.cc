#include "tree_scan.h"

#include <vector>

#include "listing.h"
#include "special_files.h"

namespace smartcopy {
namespace {

constexpr size_t kBufferBytes = 64 * 1024;

}  // namespace

void TreeScan::Run() {
  auto buffer = transfer_.memory.Make(kBufferBytes);
  if (!buffer) return;
  buffer_ = std::move(*buffer);
  const auto directory = OpenDirectoryBeneath(source_, ".", transfer_.directories.resolve());
  if (!directory) return;
  if (ScanDirectory(directory.value().get())) transfer_.control.Set(Word::kTotalsFinal, 1);
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
    if (entry.type == DT_DIR) {
      below.push_back(entry.name);
      continue;
    }
    const auto found = StatBeneath(directory, entry.name);
    if (!found) continue;  // vanished meanwhile, or not to be looked at: the copy will say so
    const struct stat& source = found.value();
    if (S_ISDIR(source.st_mode)) below.push_back(entry.name);
    if (S_ISDIR(source.st_mode)) continue;
    const bool is_special = !S_ISREG(source.st_mode) && !S_ISLNK(source.st_mode);
    if (is_special && !SpecialFileCopier::Copies(transfer_.request)) continue;
    ++files;
    const bool counts = source.st_nlink == 1 || !transfer_.request.preserve.hardlinks;
    if (S_ISREG(source.st_mode) && (counts || linked_.insert(FileId::Of(source)).second)) bytes += source.st_size;
  }
  transfer_.control.Add(Word::kFilesTotal, files);
  transfer_.control.Add(Word::kBytesTotal, bytes);
  for (const char* name : below) {
    const auto child = OpenDirectoryBeneath(directory, name, transfer_.directories.resolve());
    if (!child) continue;
    if (!ScanDirectory(child.value().get())) return false;
  }
  --depth_;
  return true;
}

}  // namespace smartcopy
