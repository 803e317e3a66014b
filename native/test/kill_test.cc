#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "support.h"

namespace smartcopy::testing {
namespace {

constexpr int kKillsOfEach = 34;  // six kinds: 204 in all
constexpr int kMostRuns = 4 * kKillsOfEach;

struct Kind {
  const char* name;
  Durability durability;
  bool overwrites;
};

const Kind kKinds[] = {
    {"NewDurabilityNone", Durability::kNone, false},   {"OverwriteDurabilityNone", Durability::kNone, true},
    {"NewDurabilityBatch", Durability::kBatch, false}, {"OverwriteDurabilityBatch", Durability::kBatch, true},
    {"NewDurabilityFile", Durability::kFile, false},   {"OverwriteDurabilityFile", Durability::kFile, true},
};

// Files of every way to be copied: small, with several buffers, in ranges by all threads, links of both kinds.
void PlantVersion(const std::string& path, uint32_t version) {
  MakeDirectory(path);
  MakeDirectory(path + "/inner");
  for (uint32_t index = 0; index < 24; ++index) {
    const std::string name = (index % 2 == 0 ? "/" : "/inner/") + std::to_string(index);
    WriteFile(path + name, Bytes(version + index * 997 * version, version * 100 + index));
  }
  WriteFile(path + "/large", Bytes(400'000 + version, version));
  ASSERT_EQ(::link((path + "/0").c_str(), (path + "/inner/second name").c_str()), 0);
  MakeLink("to " + std::to_string(version), path + "/link");
}

class Kills : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    PlantVersion(place_ / "source", 1);
    PlantVersion(place_ / "other", 2);
    const char* given = ::getenv("SMARTCOPY_TEST_SEED");
    seed_ = given != nullptr ? static_cast<uint32_t>(::strtoul(given, nullptr, 10)) : std::random_device{}();
    random_.seed(seed_);
  }

  CopyRequest Request() const {
    auto request = RequestFor(place_ / "source", place_ / "destination");
    request.update = UpdateMode::kIfDifferent;  // what passes for finished, and is not, would stay
    request.durability = GetParam().durability;
    request.buffer_bytes = 8'192;
    request.large_file_bytes = 200'000;
    request.range_bytes = 32'768;
    return request;
  }

  // What every run begins with: nothing, or the whole other version.
  void Prepare() {
    if (!GetParam().overwrites) {
      std::filesystem::remove_all(place_ / "destination");
      before_.clear();
      return;
    }
    ASSERT_EQ(::rename((place_ / "source").c_str(), (place_ / "aside").c_str()), 0);
    ASSERT_EQ(::rename((place_ / "other").c_str(), (place_ / "source").c_str()), 0);
    ASSERT_EQ(::rename((place_ / "aside").c_str(), (place_ / "other").c_str()), 0);
    before_ = FactsOf(place_ / "destination");
  }

  // Runs in a process of its own, which is killed after so long. False when it had ended before.
  bool RunAndKill(std::chrono::microseconds after) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(Copy(Request()).clean() ? 0 : 1);
    std::this_thread::sleep_for(after);
    ::kill(child, SIGKILL);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFSIGNALED(status);
  }

  void ExpectOldOrNew();
  void ExpectNextRunCompletes(const std::map<std::string, Facts>& source) {
    EXPECT_TRUE(Clean(Copy(Request())));
    EXPECT_TRUE(FactsOf(place_ / "destination") == source) << "the next run did not complete";
  }

  const TemporaryDirectory place_;
  uint32_t seed_ = 0;
  std::mt19937 random_;
  std::map<std::string, Facts> before_;
  int old_ = 0;
  int new_ = 0;
  int temporaries_ = 0;
};

void Kills::ExpectOldOrNew() {
  if (!Exists(place_ / "destination")) return;
  const auto source = FactsOf(place_ / "source");
  const auto copy = FactsOf(place_ / "destination");
  for (const auto& [name, present] : copy) {
    if (S_ISDIR(present.found.st_mode)) continue;
    const auto expected = source.find(name);
    if (expected == source.end()) {
      EXPECT_TRUE(name.find(".smartcopy-") != std::string::npos) << name << " is nobody's";
      ++temporaries_;
      continue;
    }
    const auto old = before_.find(name);
    const bool is_new = present.content == expected->second.content;
    if (is_new) ++new_;
    if (old != before_.end()) {
      EXPECT_TRUE(is_new || present.content == old->second.content) << name << " is neither old nor new";
      old_ += is_new ? 0 : 1;
    }
    // A link is compared by what it says.
    const bool passes = S_ISREG(present.found.st_mode) && present.found.st_size == expected->second.found.st_size &&
                        present.found.st_mtim.tv_sec == expected->second.found.st_mtim.tv_sec &&
                        present.found.st_mtim.tv_nsec == expected->second.found.st_mtim.tv_nsec;
    EXPECT_TRUE(is_new || !passes) << name << " passes for finished";
  }
  for (const auto& [name, facts] : before_) EXPECT_TRUE(copy.contains(name)) << name << " is gone";
}

TEST_P(Kills, LeaveEveryFileOldOrNewAndTheNextRunCompletes) {
  SCOPED_TRACE("SMARTCOPY_TEST_SEED=" + std::to_string(seed_));
  std::printf("SMARTCOPY_TEST_SEED=%u\n", seed_);
  std::fflush(stdout);
  ASSERT_TRUE(Clean(Copy(Request())));
  int64_t latest = 20'000;  // microseconds; follows how long a run takes here
  int killed = 0;
  for (int run = 0; killed < kKillsOfEach && run < kMostRuns && !HasFailure(); ++run) {
    Prepare();
    const auto source = FactsOf(place_ / "source");
    const auto after = std::chrono::microseconds(std::uniform_int_distribution<int64_t>(0, latest)(random_));
    const bool in_time = RunAndKill(after);
    latest = in_time ? latest * 11 / 10 : latest * 7 / 10 + 1'000;
    killed += in_time ? 1 : 0;
    ExpectOldOrNew();
    ExpectNextRunCompletes(source);
  }
  EXPECT_EQ(killed, kKillsOfEach);
  std::printf("%d kills left %d old files, %d new ones, %d temporaries\n", killed, old_, new_, temporaries_);
  EXPECT_GT(new_, 50);
  if (GetParam().overwrites) {
    EXPECT_GT(old_, 50);
    EXPECT_GT(temporaries_, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Kills, ::testing::ValuesIn(kKinds),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace smartcopy::testing
