#pragma once

#include <string>
#include <string_view>

namespace smartcopy {

// Appends a path as one safe line of text, to the letter as escapePath in node-agent/src/engine/escape-path.ts does:
// what a terminal would act on instead of showing is written as its bytes (\x1b), a newline, return or tab as \n, \r,
// \t, a backslash as \\.
void AppendEscaped(std::string& text, std::string_view path);

}  // namespace smartcopy
