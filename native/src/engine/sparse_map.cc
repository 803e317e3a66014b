#include "sparse_map.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>

#include "open_beneath.h"

namespace smartcopy {

Result<Range> NextData(int fd, Range range) {
  const long data = sys::Seek(fd, range.begin, SEEK_DATA);
  if (data == -ENXIO) return Range{range.end, range.end};  // no data from here on, or the file was cut short
  if (data == -EINVAL || data == -EOPNOTSUPP) return range;
  if (auto error = ErrorOf(data, Syscall::kLseek)) return *error;
  if (data >= range.end) return Range{range.end, range.end};
  const long hole = sys::Seek(fd, data, SEEK_HOLE);
  if (hole == -ENXIO) return Range{range.end, range.end};
  if (auto error = ErrorOf(hole, Syscall::kLseek)) return *error;
  // A map that changes while it is asked could answer without an advance.
  const off_t end = hole > data ? std::min<off_t>(hole, range.end) : range.end;
  return Range{static_cast<off_t>(data), end};
}

Result<SparseFacts> ReadSparseFacts(int fd) {
  auto found = StatOf(fd);
  if (!found) return found.error();
  SparseFacts facts{found->st_size, found->st_blocks * 512, 0, 0, 0};
  for (off_t at = 0; at < facts.size;) {
    auto data = NextData(fd, {at, facts.size});
    if (!data) return data.error();
    if (data->begin > at) {
      ++facts.hole_count;
      facts.hole_bytes += data->begin - at;
    }
    if (data->end > data->begin) ++facts.extent_count;
    at = data->end;
  }
  return facts;
}

}  // namespace smartcopy
