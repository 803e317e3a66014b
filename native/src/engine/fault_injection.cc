#include "fault_injection.h"

#ifdef SMARTCOPY_FAULT_INJECTION

#include <errno.h>

#include <algorithm>
#include <array>
#include <atomic>

namespace smartcopy::faults {
namespace {

Plan current;
std::array<std::atomic<int64_t>, static_cast<size_t>(Syscall::kCount)> counts;
// One thread's calls alternate between interrupted and not, so that a repeated call always gets through.
thread_local bool interrupted_last = false;

}  // namespace

void Use(const Plan& plan) {
  current = plan;
  for (auto& count : counts) count.store(0);
}

void Clear() { Use(Plan{}); }

int64_t CallCount(Syscall which) { return counts[static_cast<size_t>(which)].load(); }

int ErrnoFor(Syscall which) {
  if (current.interrupt) {
    interrupted_last = !interrupted_last;
    if (interrupted_last) return EINTR;
  }
  const int64_t index = counts[static_cast<size_t>(which)].fetch_add(1);
  if (which != current.failing) return 0;
  const bool hit = current.sticky ? index >= current.failing_index : index == current.failing_index;
  return hit ? current.failing_errno : 0;
}

size_t LengthFor(Syscall which, size_t asked) {
  if (current.shorten_to == 0) return asked;
  const bool reads = which == Syscall::kPread || which == Syscall::kRingRead;
  const size_t most = reads ? current.shorten_to : (current.shorten_to + 1) / 2;
  return std::min(asked, most);
}

bool CorruptsThisWrite() { return current.corrupt_write >= 0 && CallCount(Syscall::kPwrite) == current.corrupt_write; }

long FileSystemType(long real) { return current.file_system_type != 0 ? current.file_system_type : real; }

}  // namespace smartcopy::faults

#endif
