#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace smartcopy {

enum class DigestAlgorithm : uint8_t {
  kXxh3,    // XXH3 with 128 bits, as `xxhsum -H2` prints it
  kBlake3,  // BLAKE3 with 256 bits, as `b3sum` prints it
};

// A digest of bytes given in order. Neither algorithm lets the digests of parts be merged through its public interface,
// so whoever reads a file in parallel hands the parts over in file order. One thread at a time.
class Digest {
 public:
  virtual ~Digest() = default;
  virtual void Update(std::span<const std::byte> bytes) = 0;
  // Lower-case hexadecimal digits, as the algorithm's own tool prints them.
  virtual std::string Hex() const = 0;
  virtual void Reset() = 0;
};

std::unique_ptr<Digest> MakeDigest(DigestAlgorithm algorithm);

}  // namespace smartcopy
