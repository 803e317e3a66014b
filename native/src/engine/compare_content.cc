#include "compare_content.h"

#include <errno.h>

#include <algorithm>

namespace smartcopy {

struct ContentComparer::Pair {
  std::string path;
  std::array<ContentSide, 2> sides;
  // With BLAKE3, when the file is longer than a range.
  std::array<std::unique_ptr<Blake3Tree>, 2> trees;
  std::array<std::string, 2> digests;
  size_t piece_count = 2;
  std::atomic<size_t> next{0};
  std::atomic<size_t> done{0};
  std::atomic<bool> failed{false};

  off_t size() const { return sides[0].found.st_size; }
};

void ContentComparer::Compare(Worker& worker, std::string path, ContentSide source, ContentSide destination) {
  const auto pair = std::make_shared<Pair>();
  pair->path = std::move(path);
  pair->sides = {std::move(source), std::move(destination)};
  const off_t range_bytes = comparison_.request.range_bytes;
  const bool is_long = pair->size() > range_bytes;
  if (is_long && comparison_.request.digest == DigestAlgorithm::kBlake3) {
    for (auto& tree : pair->trees) tree = std::make_unique<Blake3Tree>(range_bytes);
    pair->piece_count = 2 * static_cast<size_t>((pair->size() + range_bytes - 1) / range_bytes);
  }
  if (is_long) offer_(pair);
  Help(worker, *pair);
}

void ContentComparer::Help(Worker& worker, Pair& pair) {
  for (;;) {
    const size_t piece = pair.next.fetch_add(1);
    if (piece >= pair.piece_count) return;
    if (!pair.failed.load()) RunPiece(worker, pair, piece);
    if (pair.done.fetch_add(1) + 1 == pair.piece_count) Conclude(pair);
  }
}

// Even pieces are the source's, odd ones the destination's.
void ContentComparer::RunPiece(Worker& worker, Pair& pair, size_t piece) {
  const size_t side = piece % 2;
  std::optional<IoError> error;
  if (pair.trees[side] != nullptr) {
    error = DigestRange(worker, pair, side, static_cast<off_t>(piece / 2) * comparison_.request.range_bytes);
  } else {
    auto digest = DigestWhole(worker, pair, side);
    if (digest)
      pair.digests[side] = std::move(*digest);
    else
      error = digest.error();
  }
  if (error && !pair.failed.exchange(true)) comparison_.Fail(*error, pair.sides[side].side, pair.path);
}

Result<std::string> ContentComparer::DigestWhole(Worker& worker, Pair& pair, size_t side) {
  worker.digest->Reset();
  const auto error = ReadRange(worker, pair.sides[side], {0, pair.size()},
                               [&](std::span<const std::byte> bytes) { worker.digest->Update(bytes); });
  if (error) return *error;
  return worker.digest->Hex();
}

std::optional<IoError> ContentComparer::DigestRange(Worker& worker, Pair& pair, size_t side, off_t begin) {
  Blake3Subtree subtree(begin);
  const off_t end = std::min(begin + comparison_.request.range_bytes, pair.size());
  const auto error = ReadRange(worker, pair.sides[side], {begin, end},
                               [&](std::span<const std::byte> bytes) { subtree.Update(bytes); });
  if (!error) pair.trees[side]->Add(begin, subtree);
  return error;
}

// Ends early, without an error, where the file does: then it has changed, which IsStill will say.
std::optional<IoError> ContentComparer::ReadRange(Worker& worker, const ContentSide& side,
                                                  std::pair<off_t, off_t> range,
                                                  const std::function<void(std::span<const std::byte>)>& update) {
  for (auto [at, end] = range; at < end;) {
    if (comparison_.control.cancelled()) return IoError{ECANCELED, Syscall::kPread, at};
    const auto length = static_cast<size_t>(std::min(end - at, static_cast<off_t>(worker.copy_bytes)));
    const long got = sys::Pread(side.fd.get(), worker.buffer.bytes().data(), length, at);
    if (got < 0) return IoError{static_cast<int>(-got), Syscall::kPread, at};
    if (got == 0) break;
    update(worker.buffer.bytes().first(static_cast<size_t>(got)));
    comparison_.control.Add(Word::kBytesVerified, got);
    at += got;
  }
  return std::nullopt;
}

void ContentComparer::Conclude(Pair& pair) {
  if (pair.failed.load() || comparison_.control.cancelled()) return;
  if (!IsStill(pair, pair.sides[0]) || !IsStill(pair, pair.sides[1])) return;
  for (size_t side = 0; side < 2; ++side) {
    if (pair.trees[side] != nullptr) pair.digests[side] = pair.trees[side]->Hex(pair.size());
  }
  const auto& [source, destination] = pair.digests;
  comparison_.control.Add(Word::kFilesDone, 1);
  if (!source.empty()) comparison_.digest_lines.Add(source, pair.path);
  if (!SameDigest(source, destination)) comparison_.Report({DifferenceKind::kContent, pair.path, source, destination});
}

bool ContentComparer::IsStill(const Pair& pair, const ContentSide& side) {
  auto now = StatOf(side.fd.get());
  if (!now) return comparison_.Fail(now.error(), side.side, pair.path), false;
  const struct stat& then = side.found;
  if (now->st_size == then.st_size && SameTime(now->st_mtim, then.st_mtim) && SameTime(now->st_ctim, then.st_ctim))
    return true;
  comparison_.Fail(Failure{FailureReason::kSourceChanged, side.side, pair.path, std::nullopt, false});
  return false;
}

}  // namespace smartcopy
