#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "transfer.h"

namespace smartcopy {

// Why a transfer could not be started. Nothing was written then, but for missing directories on the way.
struct StartError {
  enum class Kind : uint8_t { kSystem, kSameFile, kDestinationInsideSource };
  Kind kind = Kind::kSystem;
  IoError error{};
  std::string path;
};

// Where a transfer begins and ends: the two directories that belong together at its top, open.
struct Ends {
  UniqueFd source;
  struct stat source_stat{};
  UniqueFd destination;
  struct stat destination_stat{};
  // The destination directory was made for this transfer, or would have been by one that is no dry run: then it is not
  // open.
  bool created = false;
  // Set when the source is no directory: then the two above merely hold it and its copy.
  struct Single {
    std::string source_name;
    std::string name;
    bool is_symbolic_link = false;
    bool is_special_file = false;
  };
  std::optional<Single> single;
  // Where directories were made on the way to the destination: their names must last as well.
  std::vector<UniqueFd> parents_of_made;
};

// Opens both ends and makes what is missing on the way to the destination, after it is clear that neither end is, or
// lies inside, the other in a way that would copy something onto or into itself. Judged by device and inode.
std::variant<Ends, StartError> OpenEnds(const CopyRequest& request);

}  // namespace smartcopy
