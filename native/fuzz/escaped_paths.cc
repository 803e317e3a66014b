#include "engine/escape_path.h"
#include "engine/utf8.h"
#include "fuzz/target.h"

namespace smartcopy::fuzz {
namespace {

int DigitOf(char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; }

// The bytes that a shown path stands for.
std::string PathIn(const std::string& shown) {
  std::string path;
  for (size_t at = 0; at < shown.size(); ++at) {
    if (shown[at] != '\\') {
      path.push_back(shown[at]);
      continue;
    }
    Require(++at < shown.size(), "an escape is whole");
    switch (shown[at]) {
      case 'x':
        Require(at + 2 < shown.size(), "a byte has two digits");
        path.push_back(static_cast<char>(DigitOf(shown[at + 1]) << 4 | DigitOf(shown[at + 2])));
        at += 2;
        break;
      case 'n':
        path.push_back('\n');
        break;
      case 'r':
        path.push_back('\r');
        break;
      case 't':
        path.push_back('\t');
        break;
      default:
        Require(shown[at] == '\\', "an escape is known");
        path.push_back('\\');
    }
  }
  return path;
}

// Whatever a name holds, it is shown as text on one line that no terminal acts on, and its bytes can be got back.
void Run(std::span<const uint8_t> input) {
  const std::vector<char> path(input.begin(), input.end());
  std::string shown;
  AppendEscaped(shown, {path.data(), path.size()});
  for (size_t at = 0; at < shown.size();) {
    const Character character = CharacterAt(shown, at);
    Require(character.is_text(), "what is shown is UTF-8");
    Require(character.code >= 0x20 && (character.code < 0x7f || character.code > 0x9f), "no control is shown");
    at += character.length;
  }
  Require(PathIn(shown) == std::string(path.begin(), path.end()), "what is shown names the path");
}

const Registered kRegistered({"EscapedPaths",
                              [] {
                                return std::vector<std::string>{
                                    "a/b c",        "\x1b[31m",       "\xc3\xa4\xf0\x9f\x98\x80",
                                    "\xe2\x80\xae", "\\x41\\n\t\r\n", "\xed\xa0\x80\xc0\xaf\xff"};
                              },
                              Run});

}  // namespace
}  // namespace smartcopy::fuzz
