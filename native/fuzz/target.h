#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

namespace smartcopy::fuzz {

// One parser and what it is fed with: a file of this folder each. Breaking a promise ends the process; what the
// sanitizers see does too.
struct Target {
  const char* name;
  // Inputs from which others are made.
  std::vector<std::string> (*seeds)();
  void (*run)(std::span<const uint8_t> input);
};

// All that the program was linked with.
inline std::vector<Target>& Targets() {
  static std::vector<Target> all;
  return all;
}

// A target's file has one of these: it makes the target known before main.
struct Registered {
  explicit Registered(const Target& target) { Targets().push_back(target); }
};

inline void Require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

}  // namespace smartcopy::fuzz
