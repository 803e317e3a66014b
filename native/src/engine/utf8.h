#pragma once

#include <cstdint>
#include <string_view>

namespace smartcopy {

// One character of a name. Names are bytes and need not be UTF-8: a byte that begins no character is one by itself, and
// equal only to the same byte.
struct Character {
  char32_t code = 0;
  size_t length = 1;  // in bytes

  bool is_text() const { return code < kFirstByte; }
  // Beyond every code point.
  static constexpr char32_t kFirstByte = 0x110000;
};

// The character at `at`, which lies inside the text. Strict: no overlong forms, no surrogates, nothing past U+10FFFF.
inline Character CharacterAt(std::string_view text, size_t at) {
  const auto byte = [&](size_t index) { return static_cast<uint8_t>(text[index]); };
  const uint8_t first = byte(at);
  if (first < 0x80) return {first, 1};
  const Character alone{Character::kFirstByte + first, 1};
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() - at < length) return alone;
  char32_t code = first & (0x7Fu >> length);
  for (size_t index = 1; index < length; ++index) {
    const uint8_t next = byte(at + index);
    if ((next & 0xC0) != 0x80) return alone;
    code = code << 6 | (next & 0x3Fu);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kSmallest[length] || is_surrogate || code >= Character::kFirstByte) return alone;
  return {code, length};
}

}  // namespace smartcopy
