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

class EndsOpener {
 public:
  explicit EndsOpener(const CopyRequest& request)
      : request_(request), resolve_(ConfinedResolve(request.cross_mounts)) {}

  std::variant<Ends, StartError> Open();

 private:
  std::optional<StartError> OpenPlace(const std::string& root, const std::vector<std::string>& components,
                                      Place& place) const;
  std::optional<StartError> Enter(Place& place, const std::string& name) const;
  std::optional<StartError> CheckTrees(const Place& source, const Place& destination);
  std::optional<StartError> CheckSingle(const Place& source, const struct stat& file, const Place& destination) const;
  std::optional<StartError> MakeMissing(Place& place, mode_t last_mode);
  std::optional<StartError> Use(const Place& place, UniqueFd& end, struct stat& end_stat) const;

  const CopyRequest& request_;
  const uint64_t resolve_;
  Ends ends_;
};

std::variant<Ends, StartError> EndsOpener::Open() {
  auto from = Components(request_.source.path);
  auto to = Components(request_.destination.path);
  const std::string source_name = from.empty() ? "" : from.back();
  if (!from.empty()) from.pop_back();
  Place source;
  if (auto error = OpenPlace(request_.source.root, from, source)) return *error;
  if (!source.missing.empty())
    return SystemError({ENOENT, Syscall::kOpenat2}, Join(source.path, source.missing.front()));
  struct stat file = source.deepest_stat;
  if (!source_name.empty()) {
    auto present = StatBeneath(source.deepest.get(), source_name.c_str());
    if (!present) return SystemError(present.error(), Join(source.path, source_name));
    file = *present;
  }
  const bool is_tree = S_ISDIR(file.st_mode);
  if (is_tree && !source_name.empty()) {
    if (auto error = Enter(source, source_name)) return *error;
  }
  if (!is_tree) {
    if (to.empty()) return SystemError({EISDIR, Syscall::kOpenat2}, request_.destination.root);
    ends_.single = {source_name, to.back(), S_ISLNK(file.st_mode)};
    to.pop_back();
  }
  Place destination;
  if (auto error = OpenPlace(request_.destination.root, to, destination)) return *error;
  if (auto error = is_tree ? CheckTrees(source, destination) : CheckSingle(source, file, destination)) return *error;
  // As mkdir makes them, but for the directory that gets the source's mode when its content is complete.
  if (auto error = MakeMissing(destination, is_tree ? 0700 : 0777)) return *error;
  if (auto error = Use(source, ends_.source, ends_.source_stat)) return *error;
  if (auto error = Use(destination, ends_.destination, ends_.destination_stat)) return *error;
  return std::move(ends_);
}

// Opens the root and then these components, as far as they exist. They are only passed through: search permission is
// enough.
std::optional<StartError> EndsOpener::OpenPlace(const std::string& root, const std::vector<std::string>& components,
                                                Place& place) const {
  place.path = root;
  const long fd = sys::OpenRoot(root.c_str(), O_PATH | O_DIRECTORY);
  if (auto error = ErrorOf(fd, Syscall::kOpen)) return SystemError(*error, root);
  place.deepest = UniqueFd(static_cast<int>(fd));
  auto found = StatOf(place.deepest.get());
  if (!found) return SystemError(found.error(), root);
  place.deepest_stat = *found;
  for (auto name = components.begin(); name != components.end(); ++name) {
    auto error = Enter(place, *name);
    if (error && error->error.code == ENOENT) {
      place.missing.assign(name, components.end());
      return std::nullopt;
    }
    if (error) return error;
  }
  return std::nullopt;
}

std::optional<StartError> EndsOpener::Enter(Place& place, const std::string& name) const {
  auto next = OpenBeneath(place.deepest.get(), name.c_str(), O_PATH | O_DIRECTORY, resolve_);
  if (!next) return SystemError(next.error(), Join(place.path, name));
  auto found = StatOf(next->get());
  if (!found) return SystemError(found.error(), Join(place.path, name));
  place.path = Join(place.path, name);
  place.deepest = std::move(*next);
  place.deepest_stat = *found;
  return std::nullopt;
}

std::optional<StartError> EndsOpener::CheckTrees(const Place& source, const Place& destination) {
  const FileId source_id = FileId::Of(source.deepest_stat);
  auto inside = IsInside(destination.deepest.get(), source_id);
  if (!inside) return SystemError(inside.error(), destination.path);
  ends_.created = !destination.missing.empty();
  if (!*inside) return std::nullopt;
  const bool same = !ends_.created && FileId::Of(destination.deepest_stat) == source_id;
  return StartError{same ? StartError::Kind::kSameFile : StartError::Kind::kDestinationInsideSource, {}, source.path};
}

std::optional<StartError> EndsOpener::CheckSingle(const Place& source, const struct stat& file,
                                                  const Place& destination) const {
  if (!destination.missing.empty()) return std::nullopt;
  auto present = StatBeneath(destination.deepest.get(), ends_.single->name.c_str());
  if (!present && present.error().code == ENOENT) return std::nullopt;
  if (!present) return SystemError(present.error(), Join(destination.path, ends_.single->name));
  if (FileId::Of(*present) != FileId::Of(file)) return std::nullopt;
  return StartError{StartError::Kind::kSameFile, {}, Join(source.path, ends_.single->source_name)};
}

std::optional<StartError> EndsOpener::MakeMissing(Place& place, mode_t last_mode) {
  for (size_t index = 0; index < place.missing.size(); ++index) {
    const std::string& name = place.missing[index];
    const mode_t mode = index + 1 < place.missing.size() ? 0777 : last_mode;
    const auto error = ErrorOf(sys::Mkdirat(place.deepest.get(), name.c_str(), mode), Syscall::kMkdirat);
    if (error && error->code != EEXIST) return SystemError(*error, Join(place.path, name));
    if (request_.durability != Durability::kNone) {
      auto parent = OpenDirectoryBeneath(place.deepest.get(), ".", resolve_);
      if (!parent) return SystemError(parent.error(), place.path);
      ends_.parents_of_made.push_back(std::move(*parent));
    }
    if (auto refused = Enter(place, name)) return refused;
  }
  return std::nullopt;
}

// Opens the directory to work in: to list it, to synchronise it. One that merely holds a single file need not be
// readable.
std::optional<StartError> EndsOpener::Use(const Place& place, UniqueFd& end, struct stat& end_stat) const {
  auto opened = OpenDirectoryBeneath(place.deepest.get(), ".", resolve_);
  if (!opened && opened.error().code == EACCES && ends_.single)
    opened = OpenBeneath(place.deepest.get(), ".", O_PATH | O_DIRECTORY, resolve_);
  if (!opened) return SystemError(opened.error(), place.path);
  end = std::move(*opened);
  end_stat = place.deepest_stat;
  return std::nullopt;
}

}  // namespace

std::variant<Ends, StartError> OpenEnds(const CopyRequest& request) { return EndsOpener(request).Open(); }

}  // namespace smartcopy
