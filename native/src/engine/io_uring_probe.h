#pragma once

#include <cstdint>

#include "result.h"

namespace smartcopy {

struct IoUringFacts {
  uint32_t features = 0;         // IORING_FEAT_*
  uint32_t operation_count = 0;  // IORING_OP_* codes that the kernel offers
};

// Makes a ring, asks it what it offers, and closes it. EPERM and ENOSYS are the normal answers of a container whose
// seccomp profile forbids io_uring.
Result<IoUringFacts> ProbeIoUring();

}  // namespace smartcopy
