#pragma once

#include "copy_strategy.h"

namespace smartcopy {

// The first data at or after `range.begin`, up to where the next hole begins, within the range; empty at `range.end`
// when only holes are left. A file system without a hole map has data everywhere.
Result<Range> NextData(int fd, Range range);

// What a file occupies, and how it is divided.
struct SparseFacts {
  off_t size = 0;
  off_t allocated_bytes = 0;
  off_t hole_bytes = 0;
  int64_t extent_count = 0;  // runs of data between holes
  int64_t hole_count = 0;
};
Result<SparseFacts> ReadSparseFacts(int fd);

}  // namespace smartcopy
