#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace smartcopy {

// A pattern of names, compiled once. Immutable; any thread may match with it.
//
//   without '/'     the name alone, at any depth; with one, the whole path relative to the source
//   /a  a/          a leading '/' anchors at the top; a trailing one means directories alone
//   *  ?            any characters, one character, of one name; names that begin with a dot are like others
//   **              between slashes: any number of whole names, also none; at the end: everything below
//   [a-z] [!a]      one character of the set, or not of it
//   {a,b}           alternatives, which may hold any of this
//   \               takes away the meaning of the character that follows
//
// A character is one of UTF-8, or a byte that belongs to none. Matching takes time in proportion to pattern times path
// whatever the pattern: it follows all its possible states at once and never goes back.
class Glob {
 public:
  // More characters than this are refused, which bounds the states and so the cost of a match.
  static constexpr size_t kMostCharacters = 256;

  // The pattern, or what is wrong with it as a sentence that is read after its text: "has no ...".
  static std::variant<Glob, std::string> Compile(std::string_view pattern);

  // `name` is the last component of `path`, which is relative to the source and neither begins nor ends with '/'.
  bool Matches(std::string_view path, std::string_view name, bool is_directory) const;
  // Whether anything below this directory could match.
  bool MayMatchBelow(std::string_view directory) const;

  // Whether it looks at more than the last name.
  bool needs_path() const { return needs_path_; }
  bool directories_only() const { return directories_only_; }

 private:
  friend class GlobCompiler;

  enum class Kind : uint8_t {
    kCharacter,     // consumes `code`
    kAny,           // consumes any character but '/'
    kAnything,      // consumes any character
    kSet,           // consumes a character of sets_[index]
    kSplit,         // goes on at `next` and at `other`
    kIfNameBegins,  // goes on where a name begins
    kIfNameEnds,    // goes on where a name ends
    kAccept,
  };
  struct State {
    Kind kind = Kind::kAccept;
    char32_t code = 0;
    uint16_t next = 0;
    uint16_t other = 0;
    uint16_t set = 0;
  };
  struct Set {
    bool negated = false;
    std::vector<std::pair<char32_t, char32_t>> ranges;
    bool Holds(char32_t code) const;
  };
  class Run;

  bool Consumes(const State& state, char32_t code) const;

  std::vector<State> states_;
  std::vector<Set> sets_;
  uint16_t start_ = 0;
  bool needs_path_ = false;
  bool directories_only_ = false;
};

}  // namespace smartcopy
