#include "digest.h"

#include <blake3.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "xxh3.h"

namespace smartcopy {
namespace {

class Xxh3Digest final : public Digest {
 public:
  explicit Xxh3Digest(const Xxh3& variant)
      : variant_(variant), state_(std::aligned_alloc(kAlignment, RoundUp(variant.state_bytes)), &std::free) {
    Xxh3Digest::Reset();
  }

  void Update(std::span<const std::byte> bytes) override { variant_.update(state_.get(), bytes.data(), bytes.size()); }

  std::string Hex() const override {
    uint64_t high = 0;
    uint64_t low = 0;
    variant_.finish(state_.get(), &high, &low);
    std::array<char, 33> text{};
    std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(high),
                  static_cast<unsigned long long>(low));
    return text.data();
  }

  void Reset() override { variant_.reset(state_.get()); }

 private:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t RoundUp(size_t length) { return (length + kAlignment - 1) / kAlignment * kAlignment; }

  const Xxh3& variant_;
  const std::unique_ptr<void, decltype(&std::free)> state_;
};

class Blake3Digest final : public Digest {
 public:
  Blake3Digest() { Blake3Digest::Reset(); }

  void Update(std::span<const std::byte> bytes) override { blake3_hasher_update(&hasher_, bytes.data(), bytes.size()); }

  std::string Hex() const override {
    std::array<uint8_t, BLAKE3_OUT_LEN> digest{};
    blake3_hasher_finalize(&hasher_, digest.data(), digest.size());
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    text.reserve(2 * digest.size());
    for (const uint8_t byte : digest) {
      text.push_back(kDigits[byte >> 4]);
      text.push_back(kDigits[byte & 15]);
    }
    return text;
  }

  void Reset() override { blake3_hasher_init(&hasher_); }

 private:
  blake3_hasher hasher_;
};

const Xxh3& Xxh3ForThisCpu() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return kXxh3Avx2;
#endif
  return kXxh3Portable;
}

}  // namespace

std::unique_ptr<Digest> MakeDigest(DigestAlgorithm algorithm) {
  if (algorithm == DigestAlgorithm::kBlake3) return std::make_unique<Blake3Digest>();
  return std::make_unique<Xxh3Digest>(Xxh3ForThisCpu());
}

}  // namespace smartcopy
