#include "blake3_tree.h"

// The functions that BLAKE3's own hasher is made of. They are no public interface, but have been the same in every
// version of the C sources since 1.0; the tests compare what comes out with the public one.
extern "C" {
#include <blake3_impl.h>
}

#include <algorithm>
#include <cstring>

#include "hex.h"

namespace smartcopy {
namespace {

const uint8_t* BytesOf(const std::byte* bytes) { return reinterpret_cast<const uint8_t*>(bytes); }

// Merges neighbours; an odd one at the end goes up as it is. Repeated, this gives every node the left side it has in
// the tree.
std::vector<Blake3Value> MergePairs(const std::vector<Blake3Value>& values, uint8_t flags) {
  std::vector<Blake3Value> merged((values.size() + 1) / 2);
  constexpr size_t kAtOnce = 64;
  std::array<const uint8_t*, kAtOnce> pairs{};
  for (size_t done = 0; done < values.size() / 2;) {
    const size_t count = std::min(kAtOnce, values.size() / 2 - done);
    for (size_t index = 0; index < count; ++index) pairs[index] = values[2 * (done + index)].data();
    blake3_hash_many(pairs.data(), count, 1, IV, 0, false, flags, 0, 0, merged[done].data());
    done += count;
  }
  if (values.size() % 2 == 1) merged.back() = values.back();
  return merged;
}

Blake3Value MergeAll(std::vector<Blake3Value> values) {
  while (values.size() > 1) values = MergePairs(values, PARENT);
  return values.front();
}

}  // namespace

Blake3Subtree::Blake3Subtree(off_t begin) : next_chunk_(static_cast<uint64_t>(begin) / kChunkBytes) {}

void Blake3Subtree::Update(std::span<const std::byte> bytes) {
  length_ += static_cast<off_t>(bytes.size());
  if (held_bytes_ > 0) {
    const size_t taken = std::min(bytes.size(), kChunkBytes - held_bytes_);
    std::memcpy(held_.data() + held_bytes_, bytes.data(), taken);
    held_bytes_ += taken;
    bytes = bytes.subspan(taken);
    if (held_bytes_ < kChunkBytes) return;
    HashChunks(held_.data(), 1);
    held_bytes_ = 0;
  }
  while (bytes.size() >= kChunkBytes) {
    const size_t count = std::min(bytes.size() / kChunkBytes, kGroupChunks - chunks_.size());
    HashChunks(bytes.data(), count);
    bytes = bytes.subspan(count * kChunkBytes);
  }
  std::copy(bytes.begin(), bytes.end(), held_.begin());
  held_bytes_ = bytes.size();
}

void Blake3Subtree::HashChunks(const std::byte* chunks, size_t count) {
  std::array<const uint8_t*, kGroupChunks> inputs;
  for (size_t index = 0; index < count; ++index) inputs[index] = BytesOf(chunks + index * kChunkBytes);
  const size_t before = chunks_.size();
  chunks_.reserve(kGroupChunks);
  chunks_.resize(before + count);
  blake3_hash_many(inputs.data(), count, kChunkBytes / BLAKE3_BLOCK_LEN, IV, next_chunk_, true, 0, CHUNK_START,
                   CHUNK_END, chunks_[before].data());
  next_chunk_ += count;
  if (chunks_.size() < kGroupChunks) return;
  groups_.push_back(MergeAll(chunks_));
  chunks_.clear();
}

Blake3Value Blake3Subtree::HeldChunk() const {
  uint32_t words[8];
  std::copy(std::begin(IV), std::end(IV), std::begin(words));
  for (size_t at = 0; at < held_bytes_; at += BLAKE3_BLOCK_LEN) {
    std::array<uint8_t, BLAKE3_BLOCK_LEN> block{};
    const size_t length = std::min<size_t>(held_bytes_ - at, BLAKE3_BLOCK_LEN);
    std::memcpy(block.data(), held_.data() + at, length);
    const bool is_last = at + length == held_bytes_;
    const int flags = (at == 0 ? CHUNK_START : 0) | (is_last ? CHUNK_END : 0);
    blake3_compress_in_place(words, block.data(), static_cast<uint8_t>(length), next_chunk_,
                             static_cast<uint8_t>(flags));
  }
  Blake3Value value;
  store_cv_words(value.data(), words);
  return value;
}

Blake3Value Blake3Subtree::Value() const {
  auto chunks = chunks_;
  if (held_bytes_ > 0) chunks.push_back(HeldChunk());
  auto groups = groups_;
  if (!chunks.empty()) groups.push_back(MergeAll(std::move(chunks)));
  return MergeAll(std::move(groups));
}

void Blake3Tree::Add(off_t begin, const Blake3Subtree& range) {
  const Range added{range.length(), range.length() > 0 ? range.Value() : Blake3Value{}};
  const std::lock_guard lock(mutex_);
  const auto index = static_cast<size_t>(begin / range_bytes_);
  if (ranges_.size() <= index) ranges_.resize(index + 1);
  ranges_[index] = added;
}

std::string Blake3Tree::Hex(off_t size) const {
  const std::lock_guard lock(mutex_);
  std::vector<Blake3Value> values;
  off_t left = size;
  for (const auto& range : ranges_) {
    if (range.length != std::min(left, range_bytes_)) return {};
    left -= range.length;
    values.push_back(range.value);
  }
  if (left != 0 || values.size() < 2) return {};
  while (values.size() > 2) values = MergePairs(values, PARENT);
  return ToHex(MergePairs(values, PARENT | ROOT).front());
}

}  // namespace smartcopy
