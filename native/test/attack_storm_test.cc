#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "support.h"

namespace smartcopy::testing {
namespace {

namespace fs = std::filesystem;

std::chrono::seconds AttackTime() {
  const char* seconds = ::getenv("SMARTCOPY_ATTACK_SECONDS");
  return std::chrono::seconds(seconds != nullptr ? ::atoi(seconds) : 30);
}

// The ways to copy that are tried under attack, in turn. Whoever adds an option adds it here.
constexpr void (*kWays[])(CopyRequest&) = {
    [](CopyRequest& request) { request.durability = Durability::kNone; },
    [](CopyRequest& request) {
      request.durability = Durability::kBatch;
      request.update = UpdateMode::kIfDifferent;
    },
    [](CopyRequest& request) {
      request.durability = Durability::kFile;
      request.digest = DigestAlgorithm::kXxh3;
      request.verify = VerifyLevel::kReadback;
    },
    [](CopyRequest& request) {
      request.large_file_bytes = 1'000;  // every file in ranges
      request.update = UpdateMode::kIfDifferent;
    },
};

// Several attackers, each in a thread of its own, from Start to Stop.
class Attackers {
 public:
  ~Attackers() { Stop(); }

  // One step of one attack, repeated as fast as it goes. It answers whether it did something.
  void Add(std::function<bool()> step) { steps_.push_back(std::move(step)); }
  void Start() {
    stop_.store(false);
    for (const auto& step : steps_)
      threads_.emplace_back([this, &step] {
        while (!stop_.load()) count_.fetch_add(step() ? 1 : 0);
      });
  }
  void Stop() {
    stop_.store(true);
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }
  int64_t count() const { return count_.load(); }

 private:
  std::vector<std::function<bool()>> steps_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> count_{0};
};

bool Exchange(const std::string& one, const std::string& other) {
  return ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0;
}

// Two trees beside an outside that nothing may come from or go to.
class Storm : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"outside", "source", "destination", "staging"}) MakeDirectory(place_ / name);
    WriteFile(place_ / "outside/secret", kSecret, 0600);
    // Equal to a source file in size and time, and not in its mode: a copy that mends modes through a hard link is
    // seen.
    WriteFile(place_ / "outside/linked", "same size", 0600);
    SetTime(place_ / "outside/linked", 1'500'000'000, 5);
    MakeDirectory(place_ / "outside/directory", 0700);
    for (const char* side : {"source/", "destination/"}) {
      for (const char* name : {"swapped", "moved", "moved/deep", "moved/deep/deeper", "elsewhere"})
        MakeDirectory(place_ / side + name);
      MakeLink("../outside", place_ / side + "way out");
    }
    for (int index = 0; index < 12; ++index) {
      const std::string name = std::to_string(index);
      WriteFile(place_ / "source/" + name, "same size", 0644);
      SetTime(place_ / "source/" + name, 1'500'000'000, 5);
      WriteFile(place_ / "source/swapped/" + name, Bytes(5'000));
      WriteFile(place_ / "source/moved/deep/deeper/" + name, "mine");
    }
    WriteFile(place_ / "source/swapped/secret", "mine");
    AddAttackers();
  }

  void AddAttackers() {
    for (const std::string side : {"source/", "destination/"}) {
      const std::string tree = place_ / side;
      // A directory that is a link to the outside every second moment.
      attackers_.Add([=] { return Exchange(tree + "swapped", tree + "way out"); });
      // A directory that is moved, with all below it.
      attackers_.Add([=] {
        return ::rename((tree + "moved/deep").c_str(), (tree + "elsewhere/deep").c_str()) == 0 &&
               ::rename((tree + "elsewhere/deep").c_str(), (tree + "moved/deep").c_str()) == 0;
      });
      // A name that is a file, a link out, a FIFO, a directory.
      const std::string staging = place_ / "staging/" + side.substr(0, 6);
      WriteFile(staging + "file", "a file");
      MakeLink("../outside/secret", staging + "link");
      ASSERT_EQ(::mkfifo((staging + "fifo").c_str(), 0600), 0);
      MakeDirectory(staging + "folder");
      WriteFile(tree + "shape", "the first shape");
      attackers_.Add([=] {
        bool any = false;
        for (const char* shape : {"link", "file", "fifo", "folder"})
          any = Exchange(tree + "shape", staging + shape) || any;
        return any;
      });
    }
    // The outside's own file under names of the copy.
    attackers_.Add([this] {
      bool any = false;
      for (int index = 0; index < 6; ++index) {
        const std::string name = place_ / "destination/" + std::to_string(index);
        ::unlink(name.c_str());
        any = ::link((place_ / "outside/linked").c_str(), name.c_str()) == 0 || any;
      }
      return any;
    });
  }

  // While nobody attacks: nothing of the outside was copied in, nothing went there.
  void ExpectNoEscape(const std::string& when) {
    EXPECT_EQ(Describe(place_ / "outside"), outside_) << when;
    for (const auto& entry : fs::recursive_directory_iterator(place_ / "destination")) {
      if (!entry.is_regular_file() || entry.is_symlink()) continue;
      EXPECT_NE(ReadFile(entry.path()), kSecret) << entry.path() << ' ' << when;
    }
  }

  static constexpr const char* kSecret = "the secret of the outside";
  const TemporaryDirectory place_;
  Attackers attackers_;
  std::vector<std::string> outside_;
};

TEST_F(Storm, NothingComesFromOutsideOrGoesThere) {
  // The name that the attacker gives and takes is no change of the outside.
  outside_ = Describe(place_ / "outside");
  int64_t runs = 0;
  int64_t files_done = 0;
  int64_t failures = 0;
  const auto end = std::chrono::steady_clock::now() + AttackTime();
  while (std::chrono::steady_clock::now() < end && !HasFailure()) {
    attackers_.Start();
    for (const auto& way : kWays) {
      auto request = RequestFor(place_ / "source", place_ / "destination");
      way(request);
      const Report report = Copy(request);
      EXPECT_TRUE(report.started());
      files_done += report[Word::kFilesDone];
      failures += report[Word::kFilesFailed];
      ++runs;
    }
    attackers_.Stop();
    for (int index = 0; index < 6; ++index) ::unlink((place_ / "destination/" + std::to_string(index)).c_str());
    ExpectNoEscape("after " + std::to_string(runs) + " runs");
  }
  std::printf("%lld runs, %lld files copied, %lld failures, %lld attacks\n", static_cast<long long>(runs),
              static_cast<long long>(files_done), static_cast<long long>(failures),
              static_cast<long long>(attackers_.count()));
  EXPECT_GT(attackers_.count(), 1'000);
  EXPECT_GT(files_done, 100);
}

}  // namespace
}  // namespace smartcopy::testing
