#include "engine/listing.h"

#include <string.h>

#include "fuzz/target.h"

namespace smartcopy::fuzz {
namespace {

// What getdents64 gives, or what a broken file system makes of it: a name is one component, or nothing is taken.
void Run(std::span<const uint8_t> input) {
  // Of exactly this length, so that a byte read behind it is seen.
  const std::vector<std::byte> given(reinterpret_cast<const std::byte*>(input.data()),
                                     reinterpret_cast<const std::byte*>(input.data()) + input.size());
  Listing listing;
  if (!listing.Add(given)) return;
  size_t bytes = 0;
  for (size_t index = 0; index < listing.size(); ++index) {
    const std::string name = listing[index].name;
    Require(!name.empty() && name != "." && name != "..", "an entry has a name of its own");
    Require(name.find('/') == std::string::npos, "a name is no path");
    bytes += name.size();
  }
  Require(bytes <= input.size(), "names come from the input");
}

std::string Entry(const std::string& name, uint8_t type) {
  dirent64 head{};
  constexpr size_t kHead = offsetof(dirent64, d_name);
  head.d_reclen = static_cast<unsigned short>((kHead + name.size() + 1 + 7) / 8 * 8);
  head.d_type = type;
  std::string entry(reinterpret_cast<const char*>(&head), kHead);
  entry += name;
  entry.resize(head.d_reclen);
  return entry;
}

const Registered kRegistered({"Listing",
                              [] {
                                return std::vector<std::string>{
                                    Entry(".", DT_DIR) + Entry("..", DT_DIR) + Entry("file", DT_REG),
                                    Entry(std::string(255, 'n'), DT_LNK), Entry("a", DT_UNKNOWN) + Entry("b", DT_FIFO),
                                    Entry("a/b", DT_REG)};
                              },
                              Run});

}  // namespace
}  // namespace smartcopy::fuzz
