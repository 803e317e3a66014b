#include "engine/extended_attributes.h"
#include "fuzz/target.h"

namespace smartcopy::fuzz {
namespace {

// Answers of a file system about a file's attributes: a list of names, and the value of its ACL.
void Run(std::span<const uint8_t> input) {
  // Of exactly this length, so that a byte read behind it is seen.
  const std::vector<char> given(input.begin(), input.end());
  const std::string_view bytes(given.data(), given.size());
  size_t total = 0;
  ForEachName(bytes, [&](const char* name) {
    const std::string_view text(name);
    total += text.size() + 1;
    const XattrKind kind = XattrKindOf(text);
    Require(!text.starts_with("security.") || IsPrivileged(kind), "security.* is an administrator's");
    Require(!text.starts_with("trusted.") || kind == XattrKind::kForeign || IsPrivileged(kind),
            "trusted.* is an administrator's");
    Require(!text.starts_with("user.") || kind == XattrKind::kUser, "user.* is the user's");
  });
  Require(total <= bytes.size(), "names come from the list");
  if (const auto group = OwningGroupIn(bytes)) Require((*group & ~mode_t{070}) == 0, "a group has a group's rights");
}

const Registered kRegistered({"Attributes",
                              [] {
                                const auto entry = [](char tag, char rights) {
                                  return std::string{tag, 0, rights, 0, -1, -1, -1, -1};
                                };
                                return std::vector<std::string>{
                                    std::string("user.a\0security.capability\0system.posix_acl_access\0", 51),
                                    std::string("trusted.SGI_ACL_FILE\0security.SMACK64\0security.NTACL\0", 53),
                                    std::string("\2\0\0\0", 4) + entry(1, 6) + entry(4, 5) + entry(16, 7) +
                                        entry(32, 4),
                                    std::string("\2\0\0\0", 4) + entry(4, -1)};
                              },
                              Run});

}  // namespace
}  // namespace smartcopy::fuzz
