#pragma once

#include <cstddef>
#include <cstdint>

namespace smartcopy {

// XXH3-128 for one instruction set. Each variant is the xxHash package's header, compiled in a translation unit of its
// own with other compiler flags. Such a unit includes nothing of the C++ library: an inline function of it compiled for
// AVX2 could be the one that the linker keeps for everybody, and would end the process on a CPU without.
// AVX-512 is left out: measured on Zen 4 beside a copy, AVX2 costs the copy 8 % and AVX-512 costs it 22 %.
struct Xxh3 {
  size_t state_bytes;  // of memory aligned to 64 bytes
  void (*reset)(void* state);
  void (*update)(void* state, const void* bytes, size_t length);
  void (*finish)(const void* state, uint64_t* high, uint64_t* low);
};

extern const Xxh3 kXxh3Portable;
#if defined(__x86_64__)
extern const Xxh3 kXxh3Avx2;  // to be called only after the CPU was asked
#endif

}  // namespace smartcopy
