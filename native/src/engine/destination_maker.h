#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <variant>

#include "transfer.h"

namespace smartcopy {

// Makes the directories of the destination: when their counterparts are opened or, where only what was selected is
// copied, when something goes into them. In a dry run it looks for them and makes none. Thread-safe.
class DestinationMaker {
 public:
  explicit DestinationMaker(Transfer& transfer) : transfer_(transfer) {}

  // Makes or opens the counterpart of a directory whose parent has one, and removes what earlier runs of this job left
  // in it. `buffer` is the calling thread's. Nothing is open where a dry run finds nothing.
  std::variant<UniqueFd, Failure> Make(Directory& directory, const OpenDirectory& parent, std::span<std::byte> buffer);

  // The pair with its destination, made now with those above it when it was not. Null when that failed; `failed` says
  // why, once for each directory.
  std::shared_ptr<OpenDirectory> Complete(const std::shared_ptr<Directory>& directory,
                                          std::shared_ptr<OpenDirectory> open, std::optional<Failure>& failed,
                                          std::span<std::byte> buffer);
  // What could not be made for a passing reason, and is not tried again: nothing below it is told of once more.
  void Refuse(const std::shared_ptr<Directory>& directory);

  void RemoveLeftovers(const Directory& directory, int destination, std::span<std::byte> buffer);

 private:
  std::optional<Failure> CompleteOne(const std::shared_ptr<Directory>& directory, std::span<std::byte> buffer);

  Transfer& transfer_;
  std::mutex mutex_;
};

}  // namespace smartcopy
