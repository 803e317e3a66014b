#pragma once

#include <algorithm>

#include "transfer.h"

namespace smartcopy {

// How long the ranges are in which this file is copied. Pure.
// On local file systems all ranges have one length and go to whoever is free. Where servers lay files out in parts, or
// follow one stream per file best, each writer has one contiguous part, a whole number of ranges long, and there are no
// more writers than that file system likes. A digest sees the file in order, and so from several threads only in
// ranges of one buffer.
inline off_t RangeBytesOf(const CopyRequest& request, off_t size) {
  const size_t all = request.thread_count;
  const size_t writers = request.writers_per_file == 0 ? all : std::min(request.writers_per_file, all);
  const bool in_order = request.digest.has_value();
  if (writers == 1 && all > 1) return std::max<off_t>(size, 1);
  if (in_order) return static_cast<off_t>(request.buffer_bytes);
  if (!request.contiguous_ranges && writers == all) return request.range_bytes;
  const auto count = static_cast<off_t>(writers);
  const off_t part = size / count + (size % count == 0 ? 0 : 1);
  const off_t unit = request.range_bytes;
  return std::max((part + unit - 1) / unit, off_t{1}) * unit;
}

}  // namespace smartcopy
