#include <fcntl.h>
#include <unistd.h>

#include "engine/transfer.h"
#include "fuzz/target.h"

namespace smartcopy::fuzz {
namespace {

// Reads a line as the digest tools do.
std::string PathIn(std::string line) {
  const bool escaped = line.starts_with('\\');
  if (escaped) line.erase(0, 1);
  Require(line.starts_with("digest  "), "a line begins with the digest");
  line.erase(0, 8);
  if (!escaped) return line;
  std::string path;
  for (size_t at = 0; at < line.size(); ++at) {
    if (line[at] != '\\') {
      path.push_back(line[at]);
      continue;
    }
    Require(++at < line.size(), "an escape is whole");
    Require(line[at] == '\\' || line[at] == 'n' || line[at] == 'r', "an escape is known");
    path.push_back(line[at] == 'n' ? '\n' : line[at] == 'r' ? '\r' : '\\');
  }
  return path;
}

// Whatever a path holds, its line is one line, and reading it gives the path again.
void Run(std::span<const uint8_t> input) {
  std::string path(input.begin(), input.end());
  std::erase(path, '\0');
  const UniqueFd list(::open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
  DigestLines lines(list.get());
  lines.Add("digest", path);
  Require(!lines.Flush(), "the list can be written");
  std::string written(4 * path.size() + 64, '\0');
  written.resize(static_cast<size_t>(::pread(list.get(), written.data(), written.size(), 0)));
  Require(written.ends_with('\n'), "a line ends");
  written.pop_back();
  Require(written.find('\n') == std::string::npos, "a path is one line");
  Require(PathIn(written) == path, "a line names its path");
}

const Registered kRegistered(
    {"DigestLines", [] { return std::vector<std::string>{"a/b c", "two\nlines", "back\\slash", "\\n", "\r", "\xff"}; },
     Run});

}  // namespace
}  // namespace smartcopy::fuzz
