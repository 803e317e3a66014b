#include "engine/transfer.h"
#include "fuzz/target.h"

namespace smartcopy::fuzz {
namespace {

// Names in a destination are anybody's: only what this job can have left behind may pass for its leavings.
void Run(std::span<const uint8_t> input) {
  CopyRequest request;
  request.job = 0xabcd1234;
  request.epoch = 7;
  std::array<int64_t, static_cast<size_t>(Word::kCount)> words{};
  FailureSink sink([] {});
  Transfer transfer(request, ControlBlock(words.data()), sink, {8, 4, 4});
  const std::string name(input.begin(), input.end());
  if (transfer.IsStaleTemporary(name)) {
    Require(name.starts_with(".smartcopy-abcd12340000000"), "a leaving has this job's prefix");
    Require(name[26] <= '7' && name[27] == '-', "a leaving is of this epoch or an earlier one");
    Require(name.find_first_not_of("0123456789", 28) == std::string::npos, "a leaving ends in its number");
  }
  const std::string made = transfer.NewTemporaryName();
  Require(transfer.IsStaleTemporary(made), "a temporary name is recognised");
  Require(made.size() <= 255, "a temporary name fits");
}

const Registered kRegistered({"TemporaryNames",
                              [] {
                                return std::vector<std::string>{".smartcopy-abcd123400000007-0",
                                                                ".smartcopy-abcd123400000008-18446744073709551615",
                                                                ".smartcopy-ABCD123400000007-0", ".smartcopy-", "file"};
                              },
                              Run});

}  // namespace
}  // namespace smartcopy::fuzz
