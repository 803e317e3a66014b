#include "glob.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <optional>
#include <utility>

#include "utf8.h"

namespace smartcopy {
namespace {

// A '**/' takes the most for its characters: eight states for three.
constexpr size_t kMostStates = 3 * Glob::kMostCharacters + 8;
// As deep as the rule in the job's schema can count, which must refuse what is refused here.
constexpr int kMostNested = 3;

}  // namespace

// Reads a pattern from its end to its beginning of states: what follows a part is built before the part, so that every
// state knows where it goes on when it is made.
class GlobCompiler {
 public:
  std::variant<Glob, std::string> Compile(std::string_view pattern);

 private:
  // A half-open piece of the pattern's characters.
  struct Piece {
    size_t begin = 0;
    size_t end = 0;
  };

  std::optional<std::string> CheckComponents() const;
  std::optional<std::string> CheckStructure();
  std::optional<std::string> CheckSet(size_t& at) const;
  uint16_t Build(Piece piece, uint16_t next);
  std::vector<Piece> Split(Piece piece) const;
  uint16_t BuildGroup(Piece piece, uint16_t next);
  uint16_t BuildStars(Piece stars, uint16_t next);
  uint16_t BuildSet(Piece set, uint16_t next);
  uint16_t Add(Glob::Kind kind, uint16_t next, uint16_t other = 0, char32_t code = 0);
  bool NameMayBegin(size_t at) const;
  bool NameMayEnd(size_t at) const;

  std::vector<char32_t> text_;
  // For each '{' and '[': behind the bracket that closes it.
  std::vector<size_t> closed_by_;
  Glob glob_;
};

std::variant<Glob, std::string> Glob::Compile(std::string_view pattern) { return GlobCompiler().Compile(pattern); }

std::variant<Glob, std::string> GlobCompiler::Compile(std::string_view pattern) {
  for (size_t at = 0; at < pattern.size();) {
    const Character character = CharacterAt(pattern, at);
    text_.push_back(character.code);
    at += character.length;
  }
  if (text_.empty()) return "is empty; a pattern names something";
  if (text_.size() > Glob::kMostCharacters) return "is longer than 256 characters; write a shorter one with * or **";
  if (text_ == std::vector<char32_t>{U'/'}) return "names the source itself; leave it out, or name what is in it";
  if (auto wrong = CheckComponents()) return *wrong;
  if (auto wrong = CheckStructure()) return *wrong;
  glob_.needs_path_ = std::find(text_.begin(), text_.end() - 1, U'/') != text_.end() - 1;
  glob_.directories_only_ = text_.back() == U'/';
  const size_t begin = text_.front() == U'/' ? 1 : 0;
  const size_t end = text_.size() - (glob_.directories_only_ ? 1 : 0);
  const uint16_t accept = Add(Glob::Kind::kAccept, 0);
  glob_.start_ = Build({begin, end}, accept);
  return std::move(glob_);
}

// By the pattern's text alone, as the job's schema does it.
std::optional<std::string> GlobCompiler::CheckComponents() const {
  const size_t begin = text_.front() == U'/' ? 1 : 0;
  const size_t end = text_.size() - (text_.back() == U'/' ? 1 : 0);
  for (size_t at = begin; at <= end;) {
    const size_t slash = static_cast<size_t>(std::find(text_.begin() + at, text_.begin() + end, U'/') - text_.begin());
    const std::u32string component(text_.begin() + at, text_.begin() + slash);
    if (component.empty() || component == U"." || component == U"..")
      return "has an empty, '.' or '..' component, which no path below the source has; leave it out";
    at = slash + 1;
  }
  if (std::find(text_.begin(), text_.end(), U'\0') != text_.end())
    return "has a NUL character, which no name can hold; remove it";
  return std::nullopt;
}

std::optional<std::string> GlobCompiler::CheckStructure() {
  struct Open {
    size_t at;
    bool has_comma;
  };
  std::vector<Open> open;
  closed_by_.assign(text_.size(), 0);
  for (size_t at = 0; at < text_.size(); ++at) {
    switch (text_[at]) {
      case U'\\':
        if (at + 1 == text_.size()) return "ends in a lone '\\'; write \\\\ for the character itself";
        if (text_[at + 1] == U'/') return "has a '\\' before a '/', which needs none; remove it";
        ++at;
        break;
      case U'[': {
        const size_t begin = at;
        if (auto wrong = CheckSet(at)) return wrong;
        closed_by_[begin] = at + 1;
        break;
      }
      case U']':
        return "has a ']' without a '['; write \\] for the character itself";
      case U'{':
        if (open.size() == kMostNested) return "has more than three groups {...} within one another; write them apart";
        open.push_back({at, false});
        break;
      case U',':
        if (!open.empty()) open.back().has_comma = true;
        break;
      case U'}':
        if (open.empty()) return "has a '}' without a '{'; write \\} for the character itself";
        if (!open.back().has_comma)
          return "has a group {...} without a comma; it takes two alternatives or more, and \\{ is the character "
                 "itself";
        closed_by_[open.back().at] = at + 1;
        open.pop_back();
        break;
      default:
        break;
    }
  }
  if (!open.empty()) return "has a '{' that is never closed; write \\{ for the character itself";
  return std::nullopt;
}

// From a '[' to its ']', where `at` is left.
std::optional<std::string> GlobCompiler::CheckSet(size_t& at) const {
  size_t first = at + 1;
  if (first < text_.size() && (text_[first] == U'!' || text_[first] == U'^')) ++first;
  for (at = first; at < text_.size() && text_[at] != U']'; ++at) {
    const bool is_escaped = text_[at] == U'\\';
    if (is_escaped && ++at == text_.size()) break;
    if (text_[at] == U'/') return "has a '/' within [...], which holds characters of names; remove it";
    if (text_[at] == U'[' && !is_escaped)
      return "has a '[' within [...]; write \\[ for the character itself, and classes such as [:alpha:] as ranges";
  }
  if (at >= text_.size()) return "has a '[' that is never closed; write \\[ for the character itself";
  if (at == first) return "has an empty [...]; write \\] for the character ']' in it";
  return std::nullopt;
}

uint16_t GlobCompiler::Build(Piece piece, uint16_t next) {
  const std::vector<Piece> parts = Split(piece);
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    const auto [begin, end] = *part;
    switch (text_[begin]) {
      case U'\\':
        next = Add(Glob::Kind::kCharacter, next, 0, text_[begin + 1]);
        break;
      case U'[':
        next = BuildSet(*part, next);
        break;
      case U'{':
        next = BuildGroup({begin + 1, end - 1}, next);
        break;
      case U'*':
        next = BuildStars(*part, next);
        break;
      case U'?':
        next = Add(Glob::Kind::kAny, next);
        break;
      default:
        next = Add(Glob::Kind::kCharacter, next, 0, text_[begin]);
    }
  }
  return next;
}

// The parts that stand one after the other. A '**' takes the '/' that follows it with it.
std::vector<GlobCompiler::Piece> GlobCompiler::Split(Piece piece) const {
  std::vector<Piece> parts;
  for (size_t at = piece.begin; at < piece.end;) {
    size_t end = at + 1;
    if (text_[at] == U'\\')
      end = at + 2;
    else if (text_[at] == U'[' || text_[at] == U'{')
      end = closed_by_[at];
    else if (text_[at] == U'*') {
      while (end < piece.end && text_[end] == U'*') ++end;
      if (end - at == 2 && end < piece.end && text_[end] == U'/' && NameMayBegin(at)) ++end;
    }
    parts.push_back({at, end});
    at = end;
  }
  return parts;
}

uint16_t GlobCompiler::BuildGroup(Piece piece, uint16_t next) {
  std::vector<Piece> alternatives = {{piece.begin, piece.begin}};
  for (const Piece& part : Split(piece)) {
    alternatives.back().end = part.begin;
    if (text_[part.begin] == U',') alternatives.push_back({part.end, part.end});
  }
  alternatives.back().end = piece.end;
  uint16_t start = Build(alternatives.back(), next);
  for (auto alternative = alternatives.rbegin() + 1; alternative != alternatives.rend(); ++alternative)
    start = Add(Glob::Kind::kSplit, Build(*alternative, next), start);
  return start;
}

uint16_t GlobCompiler::BuildStars(Piece stars, uint16_t next) {
  const bool takes_slash = text_[stars.end - 1] == U'/';
  const size_t count = stars.end - stars.begin - (takes_slash ? 1 : 0);
  const bool may_cross = count == 2 && NameMayBegin(stars.begin) && (takes_slash || NameMayEnd(stars.end));
  const uint16_t behind = takes_slash ? Add(Glob::Kind::kCharacter, next, 0, U'/') : next;
  const uint16_t star = Add(Glob::Kind::kSplit, behind);
  const uint16_t any = Add(Glob::Kind::kAny, star);
  glob_.states_[star].other = any;
  if (!may_cross) return star;
  // Whole names with the '/' behind them, or nothing: everything up to a place where a name begins.
  // Whole names at an end: at least a character, up to a place where a name ends.
  const uint16_t edge = Add(takes_slash ? Glob::Kind::kIfNameBegins : Glob::Kind::kIfNameEnds, next);
  const uint16_t loop = Add(Glob::Kind::kSplit, edge);
  const uint16_t anything = Add(Glob::Kind::kAnything, loop);
  glob_.states_[loop].other = anything;
  return Add(Glob::Kind::kSplit, star, Add(Glob::Kind::kIfNameBegins, takes_slash ? loop : anything));
}

uint16_t GlobCompiler::BuildSet(Piece piece, uint16_t next) {
  Glob::Set set;
  size_t at = piece.begin + 1;
  const size_t end = piece.end - 1;
  if (text_[at] == U'!' || text_[at] == U'^') {
    set.negated = true;
    ++at;
  }
  const auto take = [&] {
    if (text_[at] == U'\\') ++at;
    return text_[at++];
  };
  while (at < end) {
    const char32_t low = take();
    char32_t high = low;
    if (at + 1 < end && text_[at] == U'-') {
      ++at;
      high = take();
    }
    set.ranges.emplace_back(low, high);
  }
  const uint16_t state = Add(Glob::Kind::kSet, next);
  glob_.states_[state].set = static_cast<uint16_t>(glob_.sets_.size());
  glob_.sets_.push_back(std::move(set));
  return state;
}

uint16_t GlobCompiler::Add(Glob::Kind kind, uint16_t next, uint16_t other, char32_t code) {
  glob_.states_.push_back({kind, code, next, other, 0});
  return static_cast<uint16_t>(glob_.states_.size() - 1);
}

// By what stands beside it in the pattern. Before a group and in it that is only a possibility; the states ask the text
// itself.
bool GlobCompiler::NameMayBegin(size_t at) const {
  return at == 0 || text_[at - 1] == U'/' || text_[at - 1] == U'{' || text_[at - 1] == U',';
}

bool GlobCompiler::NameMayEnd(size_t at) const {
  return at == text_.size() || text_[at] == U'/' || text_[at] == U'}' || text_[at] == U',';
}

bool Glob::Set::Holds(char32_t code) const {
  const bool found = std::any_of(ranges.begin(), ranges.end(),
                                 [&](const auto& range) { return range.first <= code && code <= range.second; });
  return found != negated;
}

bool Glob::Consumes(const State& state, char32_t code) const {
  switch (state.kind) {
    case Kind::kCharacter:
      return code == state.code;
    case Kind::kAny:
      return code != U'/';
    case Kind::kAnything:
      return true;
    case Kind::kSet:
      return code != U'/' && sets_[state.set].Holds(code);
    default:
      return false;
  }
}

// One match under way: the states that can be reached by what was read of the text.
class Glob::Run {
 public:
  Run(const Glob& glob, std::string_view text) : glob_(glob), text_(text) { Reach(glob.start_); }

  // Reads the text, as far as any state is left.
  void ReadAll() {
    while (at_ < text_.size() && count_ > 0) {
      const Character character = CharacterAt(text_, at_);
      at_ += character.length;
      const auto before = reached_;
      const size_t before_count = std::exchange(count_, 0);
      seen_.reset();
      for (size_t index = 0; index < before_count; ++index) {
        const State& state = glob_.states_[before[index]];
        if (glob_.Consumes(state, character.code)) Reach(state.next);
      }
    }
  }

  bool any_left() const { return count_ > 0; }
  bool accepts() const {
    return std::any_of(reached_.begin(), reached_.begin() + count_,
                       [&](uint16_t index) { return glob_.states_[index].kind == Kind::kAccept; });
  }

 private:
  // Adds a state, or those that it leads to without reading anything. Each is looked at once for each character.
  void Reach(uint16_t first) {
    std::array<uint16_t, kMostStates> open;  // not initialised: the cost of that would be all of a short match
    size_t open_count = 0;
    const auto push = [&](uint16_t index) {
      if (seen_.test(index)) return;
      seen_.set(index);
      open[open_count++] = index;
    };
    push(first);
    while (open_count > 0) {
      const uint16_t index = open[--open_count];
      const State& state = glob_.states_[index];
      switch (state.kind) {
        case Kind::kSplit:
          push(state.next);
          push(state.other);
          break;
        case Kind::kIfNameBegins:
          if (at_ == 0 || text_[at_ - 1] == '/') push(state.next);
          break;
        case Kind::kIfNameEnds:
          if (at_ == text_.size() || text_[at_] == '/') push(state.next);
          break;
        default:
          reached_[count_++] = index;
      }
    }
  }

  const Glob& glob_;
  const std::string_view text_;
  size_t at_ = 0;
  std::array<uint16_t, kMostStates> reached_;
  size_t count_ = 0;
  std::bitset<kMostStates> seen_;
};

bool Glob::Matches(std::string_view path, std::string_view name, bool is_directory) const {
  if (directories_only_ && !is_directory) return false;
  Run run(*this, needs_path_ ? path : name);
  run.ReadAll();
  return run.accepts();
}

bool Glob::MayMatchBelow(std::string_view directory) const {
  if (!needs_path_) return true;
  const std::string text = std::string(directory) + '/';
  Run run(*this, text);
  run.ReadAll();
  return run.any_left();
}

}  // namespace smartcopy
