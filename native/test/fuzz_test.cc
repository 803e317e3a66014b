#include <stdlib.h>

#include <chrono>
#include <cstdio>
#include <random>

#include "fuzz/target.h"
#include "support.h"

namespace smartcopy::testing {
namespace {

// SMARTCOPY_FUZZ_SECONDS gives each parser longer than the second that it has by itself.
std::chrono::milliseconds FuzzTime() {
  const char* seconds = ::getenv("SMARTCOPY_FUZZ_SECONDS");
  return std::chrono::milliseconds(seconds != nullptr ? 1000 * ::atoi(seconds) : 1000);
}

// Makes inputs from inputs: changes a few bytes, cuts, repeats, joins.
class Mutation {
 public:
  explicit Mutation(uint32_t seed) : random_(seed) {}

  std::string Next(const std::vector<std::string>& seeds) {
    std::string input = seeds[Below(seeds.size())];
    for (size_t steps = 1 + Below(6); steps > 0; --steps) Change(input, seeds[Below(seeds.size())]);
    return input;
  }

 private:
  void Change(std::string& input, const std::string& other) {
    // Values at which programs stumble.
    static constexpr unsigned char kOdd[] = {0, 1, '\n', '\r', '\\', '/', '.', '-', '0', '9', 'f', 0x7f, 0x80, 0xff};
    switch (Below(6)) {
      case 0:
        if (!input.empty()) input[Below(input.size())] = static_cast<char>(random_());
        break;
      case 1:
        if (!input.empty()) input[Below(input.size())] = static_cast<char>(kOdd[Below(sizeof(kOdd))]);
        break;
      case 2:
        input.insert(Below(input.size() + 1), 1, static_cast<char>(kOdd[Below(sizeof(kOdd))]));
        break;
      case 3:
        input.resize(Below(input.size() + 1));
        break;
      case 4:
        if (!input.empty()) input.erase(Below(input.size()), 1);
        break;
      default:
        if (input.size() < 4096) input.insert(Below(input.size() + 1), other);
    }
  }

  size_t Below(size_t count) { return std::uniform_int_distribution<size_t>(0, count - 1)(random_); }

  std::mt19937 random_;
};

class Fuzz : public ::testing::TestWithParam<fuzz::Target> {};

TEST_P(Fuzz, KeepsItsPromisesWhateverItIsFedWith) {
  const auto& target = GetParam();
  const char* given = ::getenv("SMARTCOPY_TEST_SEED");
  const uint32_t seed =
      given != nullptr ? static_cast<uint32_t>(::strtoul(given, nullptr, 10)) : std::random_device{}();
  std::printf("SMARTCOPY_TEST_SEED=%u\n", seed);
  std::fflush(stdout);
  const auto seeds = target.seeds();
  for (const auto& input : seeds) target.run({reinterpret_cast<const uint8_t*>(input.data()), input.size()});
  Mutation mutation(seed);
  int64_t count = 0;
  for (const auto end = std::chrono::steady_clock::now() + FuzzTime(); std::chrono::steady_clock::now() < end;
       ++count) {
    const std::string input = mutation.Next(seeds);
    target.run({reinterpret_cast<const uint8_t*>(input.data()), input.size()});
  }
  std::printf("%lld inputs\n", static_cast<long long>(count));
  EXPECT_GT(count, 1'000);
}

INSTANTIATE_TEST_SUITE_P(Of, Fuzz, ::testing::ValuesIn(fuzz::Targets()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace smartcopy::testing
