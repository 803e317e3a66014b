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
std::atomic<uint64_t> drawn;

// Numbers in a sequence that the seed decides (splitmix64); which thread gets which depends on the threads.
uint64_t Draw() {
  uint64_t mixed = (drawn.fetch_add(1) + current.seed) * 0x9e3779b97f4a7c15U;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31);
}

int DrawnErrno(Syscall which) {
  static constexpr std::array kErrnos = {EIO, ENOSPC, EDQUOT, ENOMEM, EAGAIN, EPERM, ENOSYS, EXDEV, EOPNOTSUPP};
  if (current.failures_per_million == 0) return 0;
  if (current.drawn.any() && !current.drawn[static_cast<size_t>(which)]) return 0;
  if (Draw() % 1'000'000 >= current.failures_per_million) return 0;
  return kErrnos[Draw() % kErrnos.size()];
}

bool IsChosen(Syscall which, int64_t index) {
  if (which != current.failing) return false;
  return current.sticky ? index >= current.failing_index : index == current.failing_index;
}

}  // namespace

void Use(const Plan& plan) {
  current = plan;
  drawn.store(0);
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
  if (current.meanwhile) current.meanwhile(which, index);
  if (IsChosen(which, index) && !current.shorten) return current.failing_errno;
  return DrawnErrno(which);
}

size_t LengthFor(Syscall which, size_t asked) {
  if (current.shorten && IsChosen(which, CallCount(which))) return std::max<size_t>(asked / 2, 1);
  if (current.shorten_to == 0) return asked;
  const bool reads = which == Syscall::kPread || which == Syscall::kRingRead;
  const size_t most = reads ? current.shorten_to : (current.shorten_to + 1) / 2;
  return std::min(asked, most);
}

bool CorruptsThisWrite() { return current.corrupt_write >= 0 && CallCount(Syscall::kPwrite) == current.corrupt_write; }

long FileSystemType(long real) { return current.file_system_type != 0 ? current.file_system_type : real; }

uint32_t DirectAlignment(uint32_t real) { return current.direct_alignment.value_or(real); }

}  // namespace smartcopy::faults

#endif
