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

// The name must still be that of the file: anything else there was put in its place meanwhile.
Result<OpenedDirect> Open(const OpenedFile& file, uint64_t access, uint64_t resolve) {
  auto opened = OpenBeneath(file.directory, file.name, access | O_DIRECT | O_NOFOLLOW | O_NONBLOCK, resolve);
  if (!opened) return opened.error();
  auto expected = StatOf(file.fd);
  if (!expected) return expected.error();
  auto found = StatOf(opened->get());
  if (!found) return found.error();
  if (FileId::Of(*found) != FileId::Of(*expected)) return IoError{ESTALE, Syscall::kOpenat2};
  sys::ExtraStat facts;
  const bool is_told = sys::Statx(opened->get(), &facts) >= 0 && facts.knows_direct;
  if (is_told && facts.direct_alignment == 0) return IoError{EOPNOTSUPP, Syscall::kStatx};
  return OpenedDirect{std::move(*opened), is_told ? facts.direct_alignment : 0};
}

}  // namespace

Result<DirectFiles> OpenDirectFiles(const OpenedFile& source, const OpenedFile& destination, uint64_t resolve) {
  auto from = Open(source, O_RDONLY, resolve);
  if (!from) return from.error();
  auto to = Open(destination, O_WRONLY, resolve);
  if (!to) return to.error();
  // Not told (before Linux 6.1) it is a page, which every disk's blocks divide.
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return DirectFiles{std::move(from->fd), std::move(to->fd), std::max({page, from->alignment, to->alignment})};
}

}  // namespace smartcopy
