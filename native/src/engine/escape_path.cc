#include "escape_path.h"

#include "utf8.h"

namespace smartcopy {
namespace {

// Controls, line separators, marks that reverse the reading order, and the invisible byte order mark.
bool IsHidden(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

void AppendHex(std::string& text, std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text += "\\x";
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
}

}  // namespace

void AppendEscaped(std::string& text, std::string_view path) {
  for (size_t at = 0; at < path.size();) {
    const Character character = CharacterAt(path, at);
    const std::string_view bytes = path.substr(at, character.length);
    at += character.length;
    switch (character.code) {
      case U'\n':
        text += "\\n";
        break;
      case U'\r':
        text += "\\r";
        break;
      case U'\t':
        text += "\\t";
        break;
      case U'\\':
        text += "\\\\";
        break;
      default:
        if (!character.is_text() || IsHidden(character.code))
          AppendHex(text, bytes);
        else
          text += bytes;
    }
  }
}

}  // namespace smartcopy
