#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "syscalls.h"

// What test builds put between the engine and the kernel. In the shipped build both questions are constants and vanish.
namespace smartcopy::faults {

#ifdef SMARTCOPY_FAULT_INJECTION

// What shall happen to system calls from now on, in every thread. Counts are over the whole process.
struct Plan {
  // The call that fails: its kind, its number among the calls of that kind (from 0), and with what. The failure lasts:
  // every later call of that kind fails too when `sticky`.
  Syscall failing = Syscall::kCount;
  int64_t failing_index = 0;
  int failing_errno = 0;
  bool sticky = false;
  // Instead of failing, the chosen call moves half of what it was asked for, where it moves bytes at all.
  bool shorten = false;
  // Beside that, any call of these kinds (of every kind when there is none) fails with this chance, with an errno that
  // is drawn as well.
  uint32_t failures_per_million = 0;
  std::bitset<static_cast<size_t>(Syscall::kCount)> drawn;
  uint32_t seed = 0;
  // Called before every call, with its kind and its number among those: lets a test act at an exact moment.
  std::function<void(Syscall, int64_t)> meanwhile;
  // Every second call of any kind is interrupted once.
  bool interrupt = false;
  // Reads move at most this many bytes at once, writes half as many, so that a write of what was read is short too; 0
  // leaves both alone.
  size_t shorten_to = 0;
  // The write (counted from 0) whose first byte arrives changed, as from a disk that lies; none when negative.
  int64_t corrupt_write = -1;
  // What every file system says it is, for decisions about those that a test machine has not; 0 for the truth.
  long file_system_type = 0;
  // What direct I/O is said to be aligned to where it is told, 0 for not offered at all; the truth when absent.
  std::optional<uint32_t> direct_alignment;
};

void Use(const Plan& plan);
void Clear();
// How often a call of this kind was made since Use or Clear.
int64_t CallCount(Syscall which);

int ErrnoFor(Syscall which);
size_t LengthFor(Syscall which, size_t asked);
bool CorruptsThisWrite();
long FileSystemType(long real);
uint32_t DirectAlignment(uint32_t real);

#else

constexpr int ErrnoFor(Syscall) { return 0; }
constexpr size_t LengthFor(Syscall, size_t asked) { return asked; }
constexpr bool CorruptsThisWrite() { return false; }
constexpr long FileSystemType(long real) { return real; }
constexpr uint32_t DirectAlignment(uint32_t real) { return real; }

#endif

}  // namespace smartcopy::faults
