#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "fault_injection.h"
#include "support.h"

// One test for each defect of the copy engine that the original program's list of bug fixes names: the name says what
// it keeps out. Of that list, what belongs to O_DIRECT buffers and io_uring has its tests beside those ways of copying;
// TCP downloads, the API server, delta signatures, batch schedulers, QUIC and remote sync are no part of this engine.
namespace smartcopy::testing {
namespace {

std::string DigestOf(const std::string& bytes, DigestAlgorithm algorithm) {
  const auto digest = MakeDigest(algorithm);
  digest->Update({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()});
  return digest->Hex();
}

CopyRequest InRanges(const TemporaryDirectory& place) {
  auto request = RequestFor(place / "source", place / "destination");
  request.large_file_bytes = 100'000;
  request.range_bytes = 65'536;
  request.buffer_bytes = 16'384;
  request.thread_count = 3;
  return request;
}

// It combined digests of chunks by XOR, which nothing else computes.
TEST(BugFixes, ALargeFilesDigestInRangesIsThatOfItsBytesInOrder) {
  const TemporaryDirectory place;
  const std::string content = Bytes(1'000'003);
  MakeDirectory(place / "source");
  WriteFile(place / "source/large", content);
  for (const auto algorithm : {DigestAlgorithm::kXxh3, DigestAlgorithm::kBlake3}) {
    const UniqueFd list(::open(place.path().c_str(), O_RDWR | O_TMPFILE, 0600));
    auto request = InRanges(place);
    request.digest = algorithm;
    request.verify = VerifyLevel::kReadback;
    request.digests_fd = list.get();
    EXPECT_TRUE(Clean(Copy(request)));
    char line[256] = {};
    ASSERT_GT(::pread(list.get(), line, sizeof(line) - 1, 0), 0);
    EXPECT_EQ(std::string(line), DigestOf(content, algorithm) + "  large\n");
  }
}

// It ended the whole pool when a file could not be read while it was hashed.
TEST(BugFixes, AReadErrorWhileHashingInParallelFailsThatFileAlone) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  WriteFile(place / "source/large", Bytes(1'000'003));
  for (int index = 0; index < 8; ++index) WriteFile(place / "source/" + std::to_string(index), "small");
  auto request = InRanges(place);
  request.digest = DigestAlgorithm::kBlake3;
  request.verify = VerifyLevel::kReadback;
  faults::Plan plan;
  plan.failing = Syscall::kPread;
  plan.failing_index = 40;  // among the many reads of the large file
  plan.failing_errno = EIO;
  faults::Use(plan);
  const Report report = Copy(request);
  faults::Clear();
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].path, "large");
  EXPECT_EQ(report[Word::kFilesDone], 8);
}

// Rates above 4 GB/s were cut to 32 bits.
TEST(BugFixes, ALimitAboveFourGigabytesASecondIsNoSmallOne) {
  std::array<int64_t, static_cast<size_t>(Word::kCount)> words{};
  const ControlBlock control(words.data());
  // Cut to 32 bits each of these would be 1 byte per second.
  for (const int64_t limit : {(int64_t{1} << 32) + 1, (int64_t{1} << 36) + 1}) {
    control.Set(Word::kBytesPerSecond, limit);
    RateLimiter limiter(control, 1);
    const auto began = std::chrono::steady_clock::now();
    for (int buffer = 0; buffer < 100; ++buffer) ASSERT_EQ(limiter.Acquire(1 << 20), 1 << 20);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(500)) << limit;
  }
}

// Threads that refilled the bucket together lost or made tokens.
TEST(BugFixes, ThreadsThatShareTheTokenBucketTogetherStayBelowTheLimit) {
  std::array<int64_t, static_cast<size_t>(Word::kCount)> words{};
  const ControlBlock control(words.data());
  constexpr int64_t kLimit = 50'000'000;
  control.Set(Word::kBytesPerSecond, kLimit);
  RateLimiter limiter(control, 1);
  std::atomic<int64_t> granted{0};
  std::atomic<bool> stop{false};
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int index = 0; index < 8; ++index) {
    threads.emplace_back([&] {
      while (!stop.load()) granted.fetch_add(limiter.Acquire(10'000).value_or(0));
    });
  }
  std::this_thread::sleep_for(std::chrono::seconds(1));
  stop.store(true);
  for (auto& thread : threads) thread.join();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  // What was kept may be used up, and each thread has one request under way.
  EXPECT_LE(static_cast<double>(granted.load()), (elapsed.count() + TokenBucket::kKeptSeconds) * kLimit + 8 * 10'000);
  EXPECT_GE(static_cast<double>(granted.load()), 0.5 * elapsed.count() * kLimit);
}

// What failed was counted as done, or taken off twice: the number left went below nothing.
TEST(BugFixes, FailedFilesNeitherAdvanceProgressNorTakeItBelowZero) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  for (int index = 0; index < 20; ++index) WriteFile(place / "source/" + std::to_string(index), Bytes(50'000, index));
  WriteFile(place / "source/large", Bytes(500'000));
  auto request = InRanges(place);
  request.durability = Durability::kBatch;  // and begun again after a full disk
  faults::Plan plan;
  plan.failing = Syscall::kPwrite;
  plan.failing_errno = ENOSPC;
  for (const int64_t from : {0, 10, 30}) {
    plan.failing_index = from;
    plan.sticky = true;
    faults::Use(plan);
    const Report report = Copy(request);
    faults::Clear();
    EXPECT_GT(report[Word::kFilesFailed], 0);
    EXPECT_EQ(report[Word::kFilesDone] + report[Word::kFilesFailed], report[Word::kFilesTotal]);
    int64_t arrived = 0;
    for (const auto& [name, facts] : FactsOf(place / "destination"))
      if (S_ISREG(facts.found.st_mode)) arrived += facts.found.st_size;
    EXPECT_EQ(report[Word::kReadWriteBytes], arrived) << "from write " << from;
    EXPECT_LE(report[Word::kReadWriteBytes], report[Word::kBytesTotal]);
    std::filesystem::remove_all(place / "destination");
  }
}

// Files that were left alone advanced the bar by their whole size.
TEST(BugFixes, UnchangedFilesAreNotCountedAmongTheBytesThatWereCopied) {
  const TemporaryDirectory place;
  MakeSampleTree(place / "source");
  auto request = RequestFor(place / "source", place / "destination");
  request.update = UpdateMode::kIfDifferent;
  EXPECT_TRUE(Clean(Copy(request)));
  const Report again = Copy(request);
  EXPECT_TRUE(Clean(again));
  EXPECT_EQ(again[Word::kReadWriteBytes] + again[Word::kReflinkBytes], 0);
  EXPECT_EQ(again[Word::kFilesDone], 0);
  EXPECT_EQ(again[Word::kBytesUnchanged], again[Word::kBytesTotal]);
}

// Data was flushed to the kernel and called durable.
TEST(BugFixes, AFileIsNotDoneBeforeTheDiskHasSaidSo) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  WriteFile(place / "source/file", "content");
  for (const auto durability : {Durability::kBatch, Durability::kFile}) {
    for (const auto call : {Syscall::kFdatasync, Syscall::kFsync}) {
      auto request = RequestFor(place / "source", place / "destination");
      request.durability = durability;
      faults::Plan plan;
      plan.failing = call;
      plan.failing_errno = EIO;
      plan.sticky = true;
      faults::Use(plan);
      const Report report = Copy(request);
      EXPECT_GT(faults::CallCount(call), 0);
      faults::Clear();
      EXPECT_FALSE(report.clean());
      EXPECT_EQ(report[Word::kFilesDone], 0) << SyscallName(call);
    }
  }
}

// The same where so many files wait that their file system is synchronised as a whole.
TEST(BugFixes, ManyFilesAreNotDoneBeforeTheFileSystemHasSaidSo) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  for (int index = 0; index < 300; ++index) WriteFile(place / "source/" + std::to_string(index), "content");
  auto request = RequestFor(place / "source", place / "destination");
  request.durability = Durability::kBatch;
  faults::Plan plan;
  plan.failing = Syscall::kSyncfs;
  plan.failing_errno = EIO;
  plan.sticky = true;
  faults::Use(plan);
  const Report report = Copy(request);
  EXPECT_GT(faults::CallCount(Syscall::kSyncfs), 0);
  faults::Clear();
  EXPECT_EQ(report[Word::kFilesDone], 0);
  EXPECT_FALSE(report.clean());
}

// After a short write the next one began where the read had ended.
TEST(BugFixes, AShortWriteIsContinuedWhereItStopped) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  WriteFile(place / "source/file", Bytes(90'001));
  WriteFile(place / "source/large", Bytes(300'001));
  faults::Plan plan;
  plan.shorten_to = 777;
  faults::Use(plan);
  EXPECT_TRUE(Clean(Copy(InRanges(place))));
  faults::Clear();
  EXPECT_TRUE(SameTree(place / "destination", place / "source"));
}

}  // namespace
}  // namespace smartcopy::testing
