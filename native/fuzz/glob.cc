#include "engine/glob.h"

#include <algorithm>

#include "fuzz/target.h"

namespace smartcopy::fuzz {
namespace {

// Input: a pattern, a NUL, a path. Whatever both are: a pattern is refused with a sentence or matches in bounded time,
// and no directory is passed over that something in it would have matched.
void Run(std::span<const uint8_t> input) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  const size_t end = std::min(text.find('\0'), text.size());
  // Copies of exactly these lengths, so that a byte read behind them is seen.
  const std::vector<char> pattern(text.begin(), text.begin() + static_cast<ptrdiff_t>(end));
  const std::vector<char> given(text.begin() + static_cast<ptrdiff_t>(std::min(end + 1, text.size())), text.end());
  auto compiled = Glob::Compile({pattern.data(), pattern.size()});
  if (const auto* wrong = std::get_if<std::string>(&compiled)) {
    Require(!wrong->empty(), "a refusal has a sentence");
    return;
  }
  const Glob& glob = std::get<Glob>(compiled);
  const std::string_view path(given.data(), given.size());
  const auto name_of = [](std::string_view whole) { return whole.substr(whole.rfind('/') + 1); };
  const bool of_file = glob.Matches(path, name_of(path), false);
  const bool of_directory = glob.Matches(path, name_of(path), true);
  Require(!of_file || (of_directory && !glob.directories_only()),
          "what matches a file matches a directory of its name");
  if (!of_directory) return;
  for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1))
    Require(glob.MayMatchBelow(path.substr(0, slash)), "a directory with a match in it is walked");
}

std::string Pair(const std::string& pattern, const std::string& path) { return pattern + '\0' + path; }

const Registered kRegistered({"Glob",
                              [] {
                                std::string deep;
                                for (int level = 0; level < 8; ++level) deep += "d/";
                                return std::vector<std::string>{Pair("*.txt", "a.txt"),
                                                                Pair("a/**/b*", "a/x/y/bc"),
                                                                Pair("{a,b{c,d{e,f}}}[!x-z\\]]?/", "bdf1\xc3\xa4"),
                                                                Pair("/**/{a,**}", "q/a"),
                                                                Pair("**/**/*/**/x", deep + "x"),
                                                                Pair("*a*a*a*a*a*a*a*a*b", std::string(60, 'a')),
                                                                Pair("\\*\\\\[a-\\]\xff]", "*\\b")};
                              },
                              Run});

}  // namespace
}  // namespace smartcopy::fuzz
