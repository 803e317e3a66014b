#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "copy_strategy.h"
#include "directory.h"

namespace smartcopy {
namespace {

struct OpenedDirect {
  UniqueFd fd;
  size_t alignment = 0;
};

// The name must still be that of the file. Where it is another's by now, this one has no name left, as if it were gone.
Result<OpenedDirect> Open(const OpenedFile& file, uint64_t access, uint64_t resolve) {
  auto opened = OpenBeneath(file.directory, file.name, access | O_DIRECT | O_NOFOLLOW | O_NONBLOCK, resolve);
  if (!opened) return opened.error();
  auto expected = StatOf(file.fd);
  if (!expected) return expected.error();
  auto found = StatOf(opened->get());
  if (!found) return found.error();
  if (FileId::Of(*found) != FileId::Of(*expected)) return IoError{ENOENT, Syscall::kOpenat2};
  sys::ExtraStat facts;
  const bool is_told = sys::Statx(opened->get(), &facts) >= 0 && facts.knows_direct;
  if (is_told && facts.direct_alignment == 0) return IoError{EOPNOTSUPP, Syscall::kStatx};
  return OpenedDirect{std::move(*opened), is_told ? facts.direct_alignment : 0};
}

}  // namespace

std::optional<DirectoryTable::OpenError> OpenDirectFiles(const OpenedFile& source, const OpenedFile& destination,
                                                         uint64_t resolve, std::optional<DirectFiles>& direct) {
  auto from = Open(source, O_RDONLY, resolve);
  if (!from) return DirectoryTable::OpenError{from.error(), Side::kSource};
  auto to = Open(destination, O_WRONLY, resolve);
  if (!to) return DirectoryTable::OpenError{to.error(), Side::kDestination};
  // Not told (before Linux 6.1) it is a page, which every disk's blocks divide.
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  direct = DirectFiles{std::move(from->fd), std::move(to->fd), std::max({page, from->alignment, to->alignment})};
  return std::nullopt;
}

}  // namespace smartcopy
