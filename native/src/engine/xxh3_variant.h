// Included once by each translation unit that defines a variant; see xxh3.h.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "xxh3.h"

namespace smartcopy {
namespace {

XXH3_state_t* StateOf(void* state) { return static_cast<XXH3_state_t*>(state); }

void Reset(void* state) { XXH3_128bits_reset(StateOf(state)); }

void Update(void* state, const void* bytes, size_t length) { XXH3_128bits_update(StateOf(state), bytes, length); }

void Finish(const void* state, uint64_t* high, uint64_t* low) {
  const XXH128_hash_t hash = XXH3_128bits_digest(static_cast<const XXH3_state_t*>(state));
  *high = hash.high64;
  *low = hash.low64;
}

}  // namespace
}  // namespace smartcopy
