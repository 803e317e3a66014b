#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "support.h"

namespace smartcopy::testing {
namespace {

std::chrono::seconds AttackTime() {
  const char* seconds = ::getenv("SMARTCOPY_ATTACK_SECONDS");
  return std::chrono::seconds(seconds != nullptr ? ::atoi(seconds) : 30);
}

// Swaps a directory and a symbolic link to somewhere outside, as fast as the kernel can, until told to stop.
void Swap(const std::string& directory, const std::string& link, const std::atomic<bool>& stop,
          std::atomic<int64_t>& swaps) {
  while (!stop.load()) {
    if (::renameat2(AT_FDCWD, directory.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE) == 0) swaps.fetch_add(1);
  }
}

TEST(Attack, SwappedDirectoriesNeverLeadOutside) {
  const TemporaryDirectory place;
  MakeDirectory(place / "outside");
  WriteFile(place / "outside/secret", "secret");
  MakeDirectory(place / "source");
  MakeDirectory(place / "destination");
  // One swapped directory at the top and one further down, on both sides.
  for (const char* parent : {"", "b/"}) {
    const std::string up = *parent == '\0' ? "../" : "../../";
    for (const char* side : {"source/", "destination/"}) {
      const std::string below = place / side + parent;
      if (*parent != '\0') MakeDirectory(below);
      MakeDirectory(below + "swapped");
      MakeLink(up + "outside", below + "link");
    }
    const std::string source = place / "source/" + parent;
    for (int index = 0; index < 20; ++index) WriteFile(source + "swapped/" + std::to_string(index), "mine");
    WriteFile(source + "swapped/secret", "mine");
  }
  const auto outside = Describe(place / "outside");

  std::atomic<bool> stop{false};
  std::atomic<int64_t> swaps{0};
  std::vector<std::thread> attackers;
  for (const char* below : {"source/", "source/b/", "destination/", "destination/b/"}) {
    attackers.emplace_back([&, below] { Swap(place / below + "swapped", place / below + "link", stop, swaps); });
  }

  int64_t runs = 0;
  int64_t files_done = 0;
  for (const auto end = std::chrono::steady_clock::now() + AttackTime(); std::chrono::steady_clock::now() < end;
       ++runs) {
    auto request = RequestFor(place / "source", place / "destination");
    request.durability = runs % 2 == 0 ? Durability::kNone : Durability::kBatch;
    files_done += Copy(request)[Word::kFilesDone];
    // A link is copied as a link; what may never appear is the content behind it.
    for (const char* name : {"swapped/secret", "link/secret", "b/swapped/secret", "b/link/secret"}) {
      const std::string copied = place / "destination/" + std::string(name);
      const UniqueFd file(::open(copied.c_str(), O_RDONLY | O_NOFOLLOW));
      if (!file.valid()) continue;
      char path[4096] = {};
      const std::string self = "/proc/self/fd/" + std::to_string(file.get());
      // Reached through a swapped link: that is the outside itself, not a copy of it.
      if (::readlink(self.c_str(), path, sizeof(path) - 1) > 0 &&
          std::string(path).find("/outside/") != std::string::npos)
        continue;
      char content[16] = {};
      const auto length = ::pread(file.get(), content, sizeof(content), 0);
      EXPECT_NE(std::string(content, static_cast<size_t>(std::max<ssize_t>(length, 0))), "secret")
          << copied << " after " << runs << " runs";
    }
    EXPECT_EQ(Describe(place / "outside"), outside) << "after " << runs << " runs";
    if (HasFailure()) break;
  }
  stop.store(true);
  for (auto& attacker : attackers) attacker.join();
  RecordProperty("runs", std::to_string(runs));
  std::printf("%lld runs, %lld files copied, %lld swaps\n", static_cast<long long>(runs),
              static_cast<long long>(files_done), static_cast<long long>(swaps.load()));
  EXPECT_GT(swaps.load(), 1000);
  EXPECT_GT(files_done, 100);
}

}  // namespace
}  // namespace smartcopy::testing
