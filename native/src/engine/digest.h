#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace smartcopy {

enum class DigestAlgorithm : uint8_t {
  kXxh3,    // XXH3 with 128 bits, as `xxhsum -H2` prints it
  kXxh64,   // XXH64, as `xxhsum -H1` prints it
  kBlake3,  // BLAKE3 with 256 bits, as `b3sum` prints it
  kSha256,  // SHA-256, as `sha256sum` prints it
};

// A digest of bytes given in order. Of these algorithms only BLAKE3 lets the digests of parts be merged
// (blake3_tree.h); for the others whoever reads a file in parallel hands the parts over in file order. One thread at a
// time.
class Digest {
 public:
  virtual ~Digest() = default;
  virtual void Update(std::span<const std::byte> bytes) = 0;
  // Lower-case hexadecimal digits, as the algorithm's own tool prints them. Empty when the algorithm's library failed,
  // which OpenSSL's can by its interface, though it has no reason to after it has begun.
  virtual std::string Hex() const = 0;
  virtual void Reset() = 0;
};

// Null when this process cannot compute the digest: only SHA-256, where there is no OpenSSL or it refuses to.
std::unique_ptr<Digest> MakeDigest(DigestAlgorithm algorithm);

// Whether two digests are there and equal.
inline bool SameDigest(const std::string& one, const std::string& other) { return !one.empty() && one == other; }

}  // namespace smartcopy
