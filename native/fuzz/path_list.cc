#include "engine/path_list.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "engine/unique_fd.h"
#include "fuzz/target.h"

namespace smartcopy::fuzz {
namespace {

// The paths between separators, read apart from the code that this checks. No input is as long as the longest path.
std::vector<std::string> PathsIn(const std::string& text, char separator) {
  std::vector<std::string> paths;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(separator, at), text.size());
    if (end > at) paths.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return paths;
}

void Check(const std::string& text, char separator) {
  const UniqueFd file(::open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
  Require(::pwrite(file.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()), "the list is there");
  std::array<int64_t, static_cast<size_t>(Word::kCount)> words{};
  PathListReader reader({file.get(), separator}, ControlBlock(words.data()));
  for (const std::string& expected : PathsIn(text, separator)) {
    auto next = reader.Next();
    Require(next && *next, "every path of the list comes");
    const ListedPath& path = **next;
    const bool holds_nul = expected.find('\0') != std::string::npos;
    Require(holds_nul ? expected.starts_with(path.text) : path.text == expected, "a path is what was written");
    Require((path.refused == FailureReason::kNulInList) == holds_nul, "no path holds a NUL");
    Require(!path.refused || path.components.empty(), "what is refused has no components");
    for (const std::string& component : path.components)
      Require(!component.empty() && component != "." && component != ".." && component.find('/') == std::string::npos,
              "a component is a name");
  }
  auto end = reader.Next();
  Require(end && !*end, "nothing comes behind the end of the list");
}

// The first byte says what separates, the rest is the list.
void Run(std::span<const uint8_t> input) {
  if (input.empty()) return;
  const std::string text(reinterpret_cast<const char*>(input.data()) + 1, input.size() - 1);
  Check(text, input[0] % 2 != 0 ? '\0' : '\n');
}

const Registered kRegistered({"PathList",
                              [] {
                                return std::vector<std::string>{
                                    "\na/b\n./c/\n\nd//e/.\n../f",
                                    std::string("\1a\0b\nc\0\0/d", 11),
                                    "\n\r\n/\n.\n..",
                                    std::string("\1", 1),
                                    "\nno end",
                                    "\n\n\n\n",
                                    std::string("\1\0\0", 3),
                                    "\n\xff\xfe/\xc3\n",
                                    "\n/absolute\n",
                                    std::string("\na\0b\0..\nc/../d\n", 16),
                                    "\n" + std::string(70'000, 'p'),  // more than is read at once
                                };
                              },
                              Run});

}  // namespace
}  // namespace smartcopy::fuzz
