#include "digest.h"

#include <blake3.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "hex.h"
#include "openssl_evp.h"
#include "xxh3.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

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

// XXH64 has no code for wider registers to choose from.
class Xxh64Digest final : public Digest {
 public:
  Xxh64Digest() { Xxh64Digest::Reset(); }

  void Update(std::span<const std::byte> bytes) override { XXH64_update(&state_, bytes.data(), bytes.size()); }

  std::string Hex() const override {
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(XXH64_digest(&state_)));
    return text.data();
  }

  void Reset() override { XXH64_reset(&state_, 0); }

 private:
  XXH64_state_t state_;
};

class Blake3Digest final : public Digest {
 public:
  Blake3Digest() { Blake3Digest::Reset(); }

  void Update(std::span<const std::byte> bytes) override { blake3_hasher_update(&hasher_, bytes.data(), bytes.size()); }

  std::string Hex() const override {
    std::array<uint8_t, BLAKE3_OUT_LEN> digest{};
    blake3_hasher_finalize(&hasher_, digest.data(), digest.size());
    return ToHex(digest);
  }

  void Reset() override { blake3_hasher_init(&hasher_); }

 private:
  blake3_hasher hasher_;
};

class Sha256Digest final : public Digest {
 public:
  explicit Sha256Digest(const Evp& evp)
      : evp_(evp), context_(evp.new_context(), evp.free_context), copy_(evp.new_context(), evp.free_context) {
    works_ = context_ != nullptr && copy_ != nullptr && evp_.init(context_.get(), evp_.sha256(), nullptr) == 1;
  }

  bool works() const { return works_; }

  void Update(std::span<const std::byte> bytes) override {
    works_ = works_ && evp_.update(context_.get(), bytes.data(), bytes.size()) == 1;
  }

  // Finishing ends a context, so a copy of it is finished.
  std::string Hex() const override {
    std::array<uint8_t, 32> digest{};
    const bool finished =
        works_ && evp_.copy(copy_.get(), context_.get()) == 1 && evp_.finish(copy_.get(), digest.data(), nullptr) == 1;
    return finished ? ToHex(digest) : std::string();
  }

  void Reset() override { works_ = works_ && evp_.init(context_.get(), nullptr, nullptr) == 1; }

 private:
  using Context = std::unique_ptr<void, void (*)(void*)>;

  const Evp& evp_;
  const Context context_;
  const Context copy_;
  bool works_ = false;
};

const Xxh3& Xxh3ForThisCpu() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return kXxh3Avx2;
#endif
  return kXxh3Portable;
}

std::unique_ptr<Digest> MakeSha256() {
  const Evp* const evp = FindEvp();
  if (evp == nullptr) return nullptr;
  auto made = std::make_unique<Sha256Digest>(*evp);
  if (!made->works()) return nullptr;
  return made;
}

}  // namespace

std::unique_ptr<Digest> MakeDigest(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::kXxh3:
      return std::make_unique<Xxh3Digest>(Xxh3ForThisCpu());
    case DigestAlgorithm::kXxh64:
      return std::make_unique<Xxh64Digest>();
    case DigestAlgorithm::kBlake3:
      return std::make_unique<Blake3Digest>();
    case DigestAlgorithm::kSha256:
      return MakeSha256();
  }
  return nullptr;
}

}  // namespace smartcopy
