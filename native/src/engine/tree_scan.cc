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
  const auto directory = OpenDirectoryBeneath(source_, ".", transfer_.directories.source_resolve());
  if (!directory) return;
  if (ScanDirectory(directory.value().get(), {})) transfer_.control.Set(Word::kTotalsFinal, 1);
}

bool TreeScan::ScanDirectory(int directory, const std::string& path) {
  // Each level holds a descriptor.
  if (++depth_ > transfer_.budget.scan_depth || stopped_.load() || transfer_.control.cancelled()) return false;
  auto listing = Listing::Read(directory, buffer_.bytes());
  if (!listing) return false;
  int64_t files = 0;
  int64_t bytes = 0;
  std::vector<const char*> below;
  for (size_t index = 0; index < listing->size(); ++index) {
    const auto entry = (*listing)[index];
    const EntryName name{path, entry.name};
    if (entry.type == DT_DIR) {
      if (transfer_.selection.Walks(name)) below.push_back(entry.name);
      continue;
    }
    if (entry.type != DT_UNKNOWN && !transfer_.selection.Copies(name)) continue;
    const auto found = StatBeneath(directory, entry.name);
    if (!found) continue;  // vanished meanwhile, or not to be looked at: the copy will say so
    const struct stat& source = found.value();
    if (S_ISDIR(source.st_mode)) {
      if (transfer_.selection.Walks(name)) below.push_back(entry.name);
      continue;
    }
    const bool is_special = !S_ISREG(source.st_mode) && !S_ISLNK(source.st_mode);
    if (is_special && !SpecialFileCopier::Copies(transfer_.request)) continue;
    if (entry.type == DT_UNKNOWN && !transfer_.selection.Copies(name)) continue;
    if (S_ISREG(source.st_mode) && !transfer_.selection.HoldsSize(source.st_size)) continue;
    if (S_ISLNK(source.st_mode) && transfer_.request.symlinks == Symlinks::kSkip) continue;
    ++files;
    const bool counts = source.st_nlink == 1 || !transfer_.request.preserve.hardlinks;
    if (S_ISREG(source.st_mode) && (counts || linked_.insert(FileId::Of(source)).second)) bytes += source.st_size;
  }
  transfer_.control.Add(Word::kFilesTotal, files);
  transfer_.control.Add(Word::kBytesTotal, bytes);
  for (const char* name : below) {
    const auto child = OpenDirectoryBeneath(directory, name, transfer_.directories.source_resolve());
    if (!child) continue;
    const std::string below_path = transfer_.selection.needs_paths() && !path.empty() ? path + "/" + name : name;
    if (!ScanDirectory(child.value().get(), below_path)) return false;
  }
  --depth_;
  return true;
}

}  // namespace smartcopy
