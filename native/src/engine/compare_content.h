#pragma once

#include <functional>
#include <memory>

#include "blake3_tree.h"
#include "comparison.h"

namespace smartcopy {

// One side of a file whose two contents are compared.
struct ContentSide {
  Side side{};
  UniqueFd fd;
  struct stat found{};  // when it was opened
};

// Compares the content of two files of equal size, by the digest of each. What is short is read by one thread; of
// longer files every piece that can be read independently is given to whoever has nothing to do: with BLAKE3 ranges of
// both, with the other digests the two files. Thread-safe; one object serves a whole comparison.
class ContentComparer {
 public:
  // A long file under way. Whoever holds it may Help.
  struct Pair;

  // `offer` is called for a pair that idle threads may help with; they do so with Help.
  ContentComparer(Comparison& comparison, std::function<void(const std::shared_ptr<Pair>&)> offer)
      : comparison_(comparison), offer_(std::move(offer)) {}

  // The path is relative to both trees. What is found is reported, by this thread or by one that helps.
  void Compare(Worker& worker, std::string path, ContentSide source, ContentSide destination);
  // Takes pieces of the pair until none is left.
  void Help(Worker& worker, Pair& pair);

 private:
  Result<std::string> DigestWhole(Worker& worker, Pair& pair, size_t side);
  std::optional<IoError> DigestRange(Worker& worker, Pair& pair, size_t side, off_t begin);
  std::optional<IoError> ReadRange(Worker& worker, const ContentSide& side, std::pair<off_t, off_t> range,
                                   const std::function<void(std::span<const std::byte>)>& update);
  void RunPiece(Worker& worker, Pair& pair, size_t piece);
  void Conclude(Pair& pair);
  // Whether the file is still what it was when it was opened; if not, that is reported.
  bool IsStill(const Pair& pair, const ContentSide& side);

  Comparison& comparison_;
  const std::function<void(const std::shared_ptr<Pair>&)> offer_;
};

}  // namespace smartcopy
