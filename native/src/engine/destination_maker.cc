#include "destination_maker.h"

#include <errno.h>

#include <vector>

#include "listing.h"
#include "metadata.h"

namespace smartcopy {
namespace {

// In a dry run a directory that is not there is taken for made, without an id and without a descriptor.
bool IsComplete(const Directory& directory, const OpenDirectory& open) {
  if (!directory.made.load(std::memory_order_acquire)) return false;
  return open.destination.valid() || directory.destination_id == FileId{};
}

}  // namespace

std::variant<UniqueFd, Failure> DestinationMaker::Make(Directory& directory, const OpenDirectory& parent,
                                                       std::span<std::byte> buffer) {
  const auto failed = [&](IoError error) { return SystemFailure(error, Side::kDestination, PathOf(directory, {})); };
  const bool dry_run = transfer_.request.dry_run;
  const uint64_t resolve = transfer_.directories.resolve();
  const int above = parent.destination.get();
  std::optional<IoError> not_made = IoError{EEXIST, Syscall::kMkdirat};
  if (!dry_run) not_made = ErrorOf(sys::Mkdirat(above, directory.name.c_str(), 0700), Syscall::kMkdirat);
  if (not_made && not_made->code != EEXIST) return failed(*not_made);
  directory.created = !not_made;
  Result<UniqueFd> destination = IoError{ENOENT, Syscall::kOpenat2};
  if (parent.destination.valid()) destination = OpenDirectoryBeneath(above, directory.name.c_str(), resolve);
  const bool is_planned = dry_run && !destination && destination.error().code == ENOENT;
  if (!destination && !is_planned) return failed(destination.error());
  if (is_planned) {
    directory.created = true;
    destination = UniqueFd();
  } else {
    auto found = StatOf(destination->get());
    if (!found) return failed(found.error());
    directory.destination_id = FileId::Of(*found);
    const Directory* top = &directory;
    while (top->parent != nullptr) top = top->parent.get();
    // The source lies inside the destination, and its copy would replace it while it is read.
    if (directory.destination_id == top->source_id || directory.destination_id == directory.source_id)
      return Failure{FailureReason::kDestinationInsideSource, Side::kDestination, PathOf(directory, {}), std::nullopt,
                     false};
    directory.file_system = directory.parent->file_system;
    if (found->st_dev != directory.parent->destination_id.device) {
      auto file_system = transfer_.directories.FileSystemOf(*destination, found->st_dev);
      if (!file_system) return failed(file_system.error());
      directory.file_system = *file_system;
    }
    if (!directory.created) RemoveLeftovers(directory, destination->get(), buffer);
  }
  directory.made.store(true, std::memory_order_release);
  if (directory.created && transfer_.lines != nullptr)
    transfer_.lines->Add("directory", std::nullopt, PathOf(directory, {}));
  return std::move(*destination);
}

std::shared_ptr<OpenDirectory> DestinationMaker::Complete(const std::shared_ptr<Directory>& directory,
                                                          std::shared_ptr<OpenDirectory> open,
                                                          std::optional<Failure>& failed, std::span<std::byte> buffer) {
  if (IsComplete(*directory, *open)) return open;
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Directory>> unmade;  // from `directory` upwards
  for (auto at = directory; at != nullptr && !at->made.load(std::memory_order_acquire); at = at->parent)
    unmade.push_back(at);
  // One that is made, and of which another thread keeps a pair from before, is completed as well.
  if (unmade.empty()) unmade.push_back(directory);
  for (auto next = unmade.rbegin(); next != unmade.rend(); ++next) {
    if (!(*next)->refused.load() && !failed) failed = CompleteOne(*next, buffer);
    if (!failed && !(*next)->refused.load()) continue;
    // It may be made yet.
    if (failed && transfer_.request.retries > 0 && IsTransient(*failed)) return nullptr;
    // What is below it is not told of again.
    for (; next != unmade.rend(); ++next) (*next)->refused.store(true);
    return nullptr;
  }
  std::optional<DirectoryTable::OpenError> error;
  open = transfer_.directories.Get(directory, error);
  if (open == nullptr) failed = SystemFailure(error->error, error->side, PathOf(*directory, {}));
  return open;
}

void DestinationMaker::Refuse(const std::shared_ptr<Directory>& directory) {
  const std::lock_guard lock(mutex_);
  for (auto at = directory; at != nullptr && !at->made.load(std::memory_order_acquire); at = at->parent)
    at->refused.store(true);
}

std::optional<Failure> DestinationMaker::CompleteOne(const std::shared_ptr<Directory>& directory,
                                                     std::span<std::byte> buffer) {
  const auto failed = [&](const DirectoryTable::OpenError& error) {
    return SystemFailure(error.error, error.side, PathOf(*directory, {}));
  };
  std::optional<DirectoryTable::OpenError> error;
  const auto own = transfer_.directories.Get(directory, error);
  if (own == nullptr) return failed(*error);
  if (IsComplete(*directory, *own)) return std::nullopt;
  auto parent = transfer_.directories.Get(directory->parent, error);
  if (parent != nullptr && !IsComplete(*directory->parent, *parent)) {
    // It was made, and what came after that failed for a passing reason.
    if (auto failure = CompleteOne(directory->parent, buffer)) return failure;
    parent = transfer_.directories.Get(directory->parent, error);
  }
  if (parent == nullptr) return failed(*error);
  UniqueFd destination;
  if (directory->made.load()) {
    auto again = transfer_.directories.OpenDestinationAgain(*directory, *parent);
    if (!again) return failed({again.error(), Side::kDestination});
    destination = std::move(*again);
  } else {
    auto made = Make(*directory, *parent, buffer);
    if (auto* failure = std::get_if<Failure>(&made)) return std::move(*failure);
    destination = std::move(*std::get_if<UniqueFd>(&made));
  }
  // Whoever holds the pair without a destination goes on with it until it asks for the whole.
  auto source = OpenDirectoryBeneath(own->source.get(), ".", transfer_.directories.source_resolve());
  if (!source) return failed({source.error(), Side::kSource});
  OpenDirectory pair{std::move(*source), std::move(destination)};
  if (auto unknown = NoteXattrsOf(*directory, pair)) return failed(*unknown);
  transfer_.directories.Hold(directory, std::move(pair));
  return std::nullopt;
}

void DestinationMaker::RemoveLeftovers(const Directory& directory, int destination, std::span<std::byte> buffer) {
  auto listing = Listing::Read(destination, buffer);
  // The directory that merely holds a single copied file need not be readable.
  if (!listing && listing.error().code == EBADF && !directory.keeps_metadata) return;
  if (!listing) return transfer_.Fail(SystemFailure(listing.error(), Side::kDestination, PathOf(directory, {})));
  for (size_t index = 0; index < listing->size(); ++index) {
    const char* name = (*listing)[index].name;
    if (!transfer_.IsStaleTemporary(name)) continue;
    const long answer = sys::Unlinkat(destination, name);
    if (answer >= 0)
      transfer_.temporaries_removed.fetch_add(1);
    else if (answer != -ENOENT)
      transfer_.Fail(
          SystemFailure({static_cast<int>(-answer), Syscall::kUnlinkat}, Side::kDestination, PathOf(directory, name)));
  }
}

}  // namespace smartcopy
