#include "ends.h"

#include <errno.h>

#include <algorithm>

namespace smartcopy {
namespace {

// A path whose existing directories were opened one by one, and whose missing ones are named.
struct Place {
  UniqueFd deepest;
  struct stat deepest_stat{};
  std::vector<std::string> missing;
  std::string path;  // of the deepest, as people know it
};

std::vector<std::string> Components(const std::string& path) {
  std::vector<std::string> components;
  size_t begin = 0;
  while (begin < path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    components.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return components;
}

std::string Join(const std::string& directory, const std::string& name) {
  return directory + (directory.ends_with('/') ? "" : "/") + name;
}

StartError SystemError(const IoError& error, std::string path) {
  return {StartError::Kind::kSystem, error, std::move(path)};
}

std::optional<StartError> Enter(Place& place, const std::string& name, uint64_t resolve) {
  place.path = Join(place.path, name);
  auto next = OpenDirectoryBeneath(place.deepest.get(), name.c_str(), resolve);
  if (!next) return SystemError(next.error(), place.path);
  auto found = StatOf(next->get());
  if (!found) return SystemError(found.error(), place.path);
  place.deepest = std::move(*next);
  place.deepest_stat = *found;
  return std::nullopt;
}

// Opens the root and then these components, as far as they exist.
std::optional<StartError> OpenPlace(const std::string& root, const std::vector<std::string>& components,
                                    uint64_t resolve, Place& place) {
  place.path = root;
  const long fd = sys::OpenRoot(root.c_str(), O_RDONLY | O_DIRECTORY);
  if (auto error = ErrorOf(fd, Syscall::kOpen)) return SystemError(*error, root);
  place.deepest = UniqueFd(static_cast<int>(fd));
  auto found = StatOf(place.deepest.get());
  if (!found) return SystemError(found.error(), root);
  place.deepest_stat = *found;
  for (auto name = components.begin(); name != components.end(); ++name) {
    const std::string before = place.path;
    auto error = Enter(place, *name, resolve);
    if (error && error->error.code == ENOENT) {
      place.path = before;
      place.missing.assign(name, components.end());
      return std::nullopt;
    }
    if (error) return error;
  }
  return std::nullopt;
}

// Whether `directory` is `ancestor` or lies anywhere below it, whatever the names on the way.
Result<bool> IsInside(int directory, const FileId& ancestor) {
  UniqueFd held;
  FileId last;
  for (int at = directory;;) {
    auto found = StatOf(at);
    if (!found) return found.error();
    const FileId id = FileId::Of(*found);
    if (id == ancestor) return true;
    if (id == last) return false;  // the parent of / is /
    last = id;
    const long parent = sys::OpenParent(at);
    if (auto error = ErrorOf(parent, Syscall::kOpen)) return *error;
    held = UniqueFd(static_cast<int>(parent));
    at = held.get();
  }
}

std::optional<StartError> MakeMissing(Place& place, mode_t last_mode, uint64_t resolve, Ends& ends) {
  for (size_t index = 0; index < place.missing.size(); ++index) {
    const std::string& name = place.missing[index];
    const mode_t mode = index + 1 < place.missing.size() ? 0777 : last_mode;
    const auto error = ErrorOf(sys::Mkdirat(place.deepest.get(), name.c_str(), mode), Syscall::kMkdirat);
    if (error && error->code != EEXIST) return SystemError(*error, Join(place.path, name));
    auto parent = OpenDirectoryBeneath(place.deepest.get(), ".", resolve);
    if (!parent) return SystemError(parent.error(), place.path);
    ends.parents_of_made.push_back(std::move(*parent));
    if (auto refused = Enter(place, name, resolve)) return refused;
  }
  return std::nullopt;
}

// Makes the missing directories as mkdir does, the last one with this mode, and takes both ends.
std::optional<StartError> Use(Place source, Place destination, mode_t last_mode, uint64_t resolve, Ends& ends) {
  if (auto error = MakeMissing(destination, last_mode, resolve, ends)) return error;
  ends.source = std::move(source.deepest);
  ends.source_stat = source.deepest_stat;
  ends.destination = std::move(destination.deepest);
  ends.destination_stat = destination.deepest_stat;
  return std::nullopt;
}

std::optional<StartError> OpenTrees(Place source, Place destination, uint64_t resolve, Ends& ends) {
  const FileId source_id = FileId::Of(source.deepest_stat);
  auto inside = IsInside(destination.deepest.get(), source_id);
  if (!inside) return SystemError(inside.error(), destination.path);
  ends.created = !destination.missing.empty();
  if (*inside) {
    const bool same = !ends.created && FileId::Of(destination.deepest_stat) == source_id;
    return StartError{same ? StartError::Kind::kSameFile : StartError::Kind::kDestinationInsideSource, {}, source.path};
  }
  return Use(std::move(source), std::move(destination), 0700, resolve, ends);
}

std::optional<StartError> OpenSingle(const struct stat& file, Place source, Place destination, uint64_t resolve,
                                     Ends& ends) {
  if (destination.missing.empty()) {
    auto present = StatBeneath(destination.deepest.get(), ends.single->name.c_str());
    if (present && FileId::Of(*present) == FileId::Of(file))
      return StartError{StartError::Kind::kSameFile, {}, Join(source.path, ends.single->source_name)};
  }
  return Use(std::move(source), std::move(destination), 0777, resolve, ends);
}

}  // namespace

std::variant<Ends, StartError> OpenEnds(const CopyRequest& request) {
  const uint64_t resolve = ConfinedResolve(request.cross_mounts);
  auto from = Components(request.source.path);
  auto to = Components(request.destination.path);
  const std::string source_name = from.empty() ? "" : from.back();
  if (!from.empty()) from.pop_back();
  Place source;
  if (auto error = OpenPlace(request.source.root, from, resolve, source)) return *error;
  if (!source.missing.empty())
    return SystemError({ENOENT, Syscall::kOpenat2}, Join(source.path, source.missing.front()));
  struct stat found = source.deepest_stat;
  if (!source_name.empty()) {
    auto present = StatBeneath(source.deepest.get(), source_name.c_str());
    if (!present) return SystemError(present.error(), Join(source.path, source_name));
    found = *present;
  }

  Ends ends;
  const bool is_tree = S_ISDIR(found.st_mode);
  if (is_tree && !source_name.empty()) {
    if (auto error = Enter(source, source_name, resolve)) return *error;
  }
  if (!is_tree) {
    if (to.empty()) return SystemError({EISDIR, Syscall::kOpenat2}, request.destination.root);
    ends.single = {source_name, to.back(), S_ISLNK(found.st_mode)};
    to.pop_back();
  }
  Place destination;
  if (auto error = OpenPlace(request.destination.root, to, resolve, destination)) return *error;
  auto error = is_tree ? OpenTrees(std::move(source), std::move(destination), resolve, ends)
                       : OpenSingle(found, std::move(source), std::move(destination), resolve, ends);
  if (error) return *error;
  return ends;
}

}  // namespace smartcopy
