#include "io_uring_probe.h"

#include <errno.h>
#include <linux/io_uring.h>

#include <array>

#include "unique_fd.h"

namespace smartcopy {
namespace {

// Operations have 8-bit codes.
constexpr unsigned kMostOperations = 256;

}  // namespace

Result<IoUringFacts> ProbeIoUring() {
  io_uring_params params{};
  const long fd = sys::IoUringSetup(1, &params);
  if (fd < 0) return IoError{static_cast<int>(-fd), Syscall::kIoUringSetup};
  const UniqueFd ring(static_cast<int>(fd));
  IoUringFacts facts{params.features, 0};
  // The answer is a head followed by one entry for each operation.
  alignas(io_uring_probe) std::array<std::byte, sizeof(io_uring_probe) + kMostOperations * sizeof(io_uring_probe_op)>
      memory{};
  auto* probe = reinterpret_cast<io_uring_probe*>(memory.data());
  // Kernels before 5.6 cannot be asked; they have io_uring all the same.
  if (sys::IoUringRegister(ring.get(), IORING_REGISTER_PROBE, probe, kMostOperations) < 0) return facts;
  for (unsigned index = 0; index < probe->ops_len && index < kMostOperations; ++index) {
    if ((probe->ops[index].flags & IO_URING_OP_SUPPORTED) != 0) ++facts.operation_count;
  }
  return facts;
}

}  // namespace smartcopy
