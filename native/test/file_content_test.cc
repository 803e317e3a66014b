#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "engine/blake3_tree.h"
#include "engine/copy_strategy.h"
#include "engine/digest.h"
#include "engine/hard_links.h"
#include "fault_injection.h"
#include "support.h"

namespace smartcopy::testing {
namespace {

constexpr std::array kAlgorithms = {DigestAlgorithm::kXxh3, DigestAlgorithm::kXxh64, DigestAlgorithm::kBlake3,
                                    DigestAlgorithm::kSha256};

std::string HexOf(DigestAlgorithm algorithm, std::string_view content, size_t step) {
  const auto digest = MakeDigest(algorithm);
  for (size_t at = 0; at < content.size(); at += step)
    digest->Update(std::as_bytes(std::span(content.substr(at, step))));
  return digest->Hex();
}

TEST(Digest, GivesThePublishedValues) {
  // From the algorithms' own test vectors; b3sum and xxhsum -H2 print the same, see the CLI's tests.
  EXPECT_EQ(HexOf(DigestAlgorithm::kXxh3, "", 1), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(HexOf(DigestAlgorithm::kBlake3, "", 1), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
  EXPECT_EQ(HexOf(DigestAlgorithm::kBlake3, "abc", 3),
            "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
  EXPECT_EQ(HexOf(DigestAlgorithm::kXxh64, "", 1), "ef46db3751d8e999");
  EXPECT_EQ(HexOf(DigestAlgorithm::kXxh64, "abc", 3), "44bc2cf5ad770999");
  EXPECT_EQ(HexOf(DigestAlgorithm::kSha256, "", 1), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(HexOf(DigestAlgorithm::kSha256, "abc", 3),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, DoesNotDependOnHowTheBytesArrive) {
  const std::string content = Bytes(1'000'003);
  for (const auto algorithm : kAlgorithms) {
    const std::string whole = HexOf(algorithm, content, content.size());
    EXPECT_EQ(HexOf(algorithm, content, 1'001), whole);
    EXPECT_EQ(HexOf(algorithm, content, 65'536), whole);
  }
}

TEST(Digest, BeginsAnewAfterReset) {
  for (const auto algorithm : kAlgorithms) {
    const auto digest = MakeDigest(algorithm);
    digest->Update(std::as_bytes(std::span("something else")));
    EXPECT_NE(digest->Hex(), HexOf(algorithm, "", 1));
    digest->Reset();
    EXPECT_EQ(digest->Hex(), HexOf(algorithm, "", 1));
    EXPECT_EQ(digest->Hex(), HexOf(algorithm, "", 1));  // asking does not end it
  }
}

// The digest of ranges hashed apart, last first, with pieces of `step` bytes.
std::string HexOfRanges(std::string_view content, size_t range, size_t step) {
  Blake3Tree tree(static_cast<off_t>(range));
  for (size_t begin = (content.size() - 1) / range * range;; begin -= range) {
    Blake3Subtree subtree(static_cast<off_t>(begin));
    const auto part = content.substr(begin, range);
    for (size_t at = 0; at < part.size(); at += step) subtree.Update(std::as_bytes(std::span(part.substr(at, step))));
    tree.Add(static_cast<off_t>(begin), subtree);
    if (begin == 0) return tree.Hex(static_cast<off_t>(content.size()));
  }
}

TEST(Blake3Tree, MakesTheStandardDigestOfRanges) {
  const std::string content = Bytes((size_t{1} << 22) + 1'025);
  for (const size_t range : {size_t{1} << 10, size_t{1} << 11, size_t{1} << 16, size_t{1} << 20, size_t{1} << 21}) {
    for (const size_t whole : {range * 2, range * 3, range * 7, size_t{1} << 22}) {
      for (const size_t size : {whole - 1'025, whole - 1'024, whole - 1'023, whole - 1, whole, whole + 1, whole + 63,
                                whole + 1'023, whole + 1'024, whole + 1'025}) {
        if (size <= range || size > content.size()) continue;
        const auto part = std::string_view(content).substr(0, size);
        const std::string expected = HexOf(DigestAlgorithm::kBlake3, part, size);
        EXPECT_EQ(HexOfRanges(part, range, range), expected) << size << " in ranges of " << range;
        if (range == size_t{1} << 20) {
          EXPECT_EQ(HexOfRanges(part, range, 100'003), expected) << size;
        }
      }
    }
  }
}

TEST(Blake3Tree, IsNoDigestWhileRangesAreMissingOrShort) {
  const std::string content = Bytes(300'000);
  const auto range = [&](off_t begin, size_t length) {
    Blake3Subtree subtree(begin);
    subtree.Update(std::as_bytes(std::span(content).subspan(static_cast<size_t>(begin), length)));
    return subtree;
  };
  Blake3Tree tree(65'536);
  tree.Add(0, range(0, 65'536));
  tree.Add(131'072, range(131'072, 40'000));
  EXPECT_EQ(tree.Hex(171'072), "");
  tree.Add(65'536, range(65'536, 65'535));
  EXPECT_EQ(tree.Hex(171'071), "");
  tree.Add(65'536, range(65'536, 65'536));
  EXPECT_EQ(tree.Hex(171'072), HexOf(DigestAlgorithm::kBlake3, content.substr(0, 171'072), 171'072));
  EXPECT_EQ(tree.Hex(171'071), "");
}

constexpr size_t kLarge = (size_t{64} << 20) + 12'345;

TEST(LargeFiles, AreCopiedInRangesByAllThreads) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  WriteFile(place / "source/first", Bytes(kLarge, 1));
  WriteFile(place / "source/second", Bytes(kLarge + 1, 2));
  ASSERT_EQ(::link((place / "source/first").c_str(), (place / "source/linked").c_str()), 0);
  auto request = RequestFor(place / "source", place / "destination");
  request.thread_count = 4;
  EXPECT_TRUE(Clean(Copy(request)));
  EXPECT_TRUE(SameTree(place / "destination", place / "source"));
}

TEST(LargeFiles, AreHashedAndReadBack) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  const std::string content = Bytes(kLarge, 3);
  WriteFile(place / "source/file", content);
  for (const auto algorithm : kAlgorithms) {
    const UniqueFd digests(::open((place / "digests").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    auto request = RequestFor(place / "source", place / "destination");
    request.thread_count = 4;
    request.digest = algorithm;
    request.verify = VerifyLevel::kReadback;
    request.digests_fd = digests.get();
    const Report report = Copy(request);
    EXPECT_TRUE(Clean(report));
    EXPECT_EQ(report[Word::kBytesVerified], static_cast<int64_t>(kLarge));
    EXPECT_EQ(ReadFile(place / "digests"), HexOf(algorithm, content, content.size()) + "  file\n");
  }
}

TEST(Verify, FindsBytesThatTheDestinationChanged) {
  for (const auto& [size, algorithm] :
       {std::pair(size_t{100'000}, DigestAlgorithm::kSha256), std::pair(kLarge, DigestAlgorithm::kXxh3),
        std::pair(kLarge, DigestAlgorithm::kBlake3)}) {
    const TemporaryDirectory place;
    MakeDirectory(place / "source");
    MakeDirectory(place / "destination");
    WriteFile(place / "source/file", Bytes(size, 4));
    WriteFile(place / "destination/file", "old");
    auto request = RequestFor(place / "source", place / "destination");
    request.digest = algorithm;
    request.verify = VerifyLevel::kReadback;
    faults::Plan plan;
    plan.corrupt_write = 0;
    faults::Use(plan);
    const Report report = Copy(request);
    faults::Clear();
    ASSERT_EQ(report.failures.size(), 1u);
    EXPECT_EQ(report.failures[0].reason, FailureReason::kVerifyMismatch);
    EXPECT_EQ(report.failures[0].path, "file");
    EXPECT_EQ(ReadFile(place / "destination/file"), "old");
    EXPECT_EQ(report[Word::kReadWriteBytes], 0);
  }
}

TEST(DigestLines, EscapeNamesAsTheToolsDo) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  WriteFile(place / "source/new\nline, \r and \\", "abc");
  const UniqueFd digests(::open((place / "digests").c_str(), O_WRONLY | O_CREAT, 0600));
  auto request = RequestFor(place / "source", place / "destination");
  request.digest = DigestAlgorithm::kBlake3;
  request.verify = VerifyLevel::kSource;
  request.digests_fd = digests.get();
  EXPECT_TRUE(Clean(Copy(request)));
  EXPECT_EQ(ReadFile(place / "digests"),
            "\\6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85  new\\nline, \\r and \\\\\n");
}

// A source that is written to while it is copied, at both sizes at which files are copied.
void ExpectChangeIsSeen(size_t size, bool keeps_changing) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  MakeDirectory(place / "destination");
  WriteFile(place / "destination/file", "old");
  WriteFile(place / "source/file", Bytes(size, 5));
  const auto slow = static_cast<int64_t>(size) * 2;
  const Report report =
      CopySlowly(RequestFor(place / "source", place / "destination"), slow, [&](ControlBlock control) {
        while (control.Get(Word::kReadWriteBytes) == 0) std::this_thread::yield();
        do {
          const UniqueFd file(::open((place / "source/file").c_str(), O_WRONLY));
          EXPECT_EQ(::pwrite(file.get(), "changed", 7, 0), 7);
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
        } while (keeps_changing && control.Get(Word::kFilesFailed) == 0);
        control.Set(Word::kBytesPerSecond, -1);
      });
  if (keeps_changing) {
    ASSERT_EQ(report.failures.size(), 1u);
    EXPECT_EQ(report.failures[0].reason, FailureReason::kSourceChanged);
    EXPECT_EQ(ReadFile(place / "destination/file"), "old");
    EXPECT_EQ(report[Word::kReadWriteBytes], 0);
  } else {
    EXPECT_TRUE(Clean(report));
    EXPECT_TRUE(SameTree(place / "destination/file", place / "source/file"));
    EXPECT_EQ(report[Word::kReadWriteBytes], static_cast<int64_t>(size));
  }
}

TEST(SourceChanged, IsCopiedAgainOnce) {
  ExpectChangeIsSeen(400'000, false);
  ExpectChangeIsSeen(kLarge, false);
}

TEST(SourceChanged, IsNamedWhenItKeepsChanging) {
  ExpectChangeIsSeen(400'000, true);
  ExpectChangeIsSeen(kLarge, true);
}

TEST(Proc, FilesWithoutASizeAreReadToTheirEnd) {
  // The second answers whole in its first read or not at all; the third claims to be a page long.
  for (const char* path :
       {"/proc/version", "/proc/sys/kernel/pid_max", "/sys/kernel/mm/transparent_hugepage/enabled"}) {
    if (!Exists(path)) continue;
    const TemporaryDirectory place;
    auto request = RequestFor(place.path(), place / "unused");
    request.source = {"/", std::string(path).substr(1)};
    request.destination = {place.path(), "copy"};
    EXPECT_TRUE(Clean(Copy(request))) << path;
    EXPECT_EQ(ReadFile(place / "copy"), ReadFile(path)) << path;
  }
}

TEST(BufferBytes, AreWhatOneReadMoves) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  WriteFile(place / "source/file", Bytes(65'536));
  auto request = RequestFor(place / "source", place / "destination");
  request.buffer_bytes = 4096;
  faults::Use({});
  EXPECT_TRUE(Clean(Copy(request)));
  EXPECT_EQ(faults::CallCount(Syscall::kPwrite), 16);
  faults::Clear();
}

TEST(LargeFiles, ThatAreCutShortWhileTheyAreHashedAreCopiedAgain) {
  for (const off_t left : {off_t{90'000}, off_t{0}, off_t{1}}) {
    const TemporaryDirectory place;
    MakeDirectory(place / "source");
    WriteFile(place / "source/file", Bytes(400'000));
    auto request = RequestFor(place / "source", place / "destination");
    request.large_file_bytes = 100'000;
    request.buffer_bytes = 8192;
    request.digest = DigestAlgorithm::kXxh3;
    request.thread_count = 4;
    const Report report = CopySlowly(request, 400'000, [&](ControlBlock control) {
      while (control.Get(Word::kReadWriteBytes) < 100'000) std::this_thread::yield();
      EXPECT_EQ(::truncate((place / "source/file").c_str(), left), 0);
      control.Set(Word::kBytesPerSecond, -1);
    });
    EXPECT_TRUE(Clean(report));
    EXPECT_TRUE(SameTree(place / "destination", place / "source"));
  }
}

TEST(LargeFiles, ThatAreExchangedWhileTheyWaitAreNotTakenForTheirFormerNames) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  WriteFile(place / "source/largest", Bytes(300'000, 1));
  WriteFile(place / "source/a", Bytes(200'000, 2));
  for (const char* name : {"b", "c"})
    ASSERT_EQ(::link((place / "source/a").c_str(), (place / "source/" + std::string(name)).c_str()), 0);
  auto request = RequestFor(place / "source", place / "destination");
  request.large_file_bytes = 100'000;
  request.thread_count = 1;
  const Report report = CopySlowly(request, 0, [&](ControlBlock control) {
    // One name waits in the lane behind the largest file, the others wait for it.
    while (control.Get(Word::kFilesTotal) < 4) std::this_thread::yield();
    while (!Exists(place / "destination/largest")) std::this_thread::yield();
    for (const char* name : {"a", "b", "c"}) {
      WriteFile(place / "other", Bytes(200'000, 3));
      EXPECT_EQ(::rename((place / "other").c_str(), (place / "source/" + std::string(name)).c_str()), 0);
    }
    control.Set(Word::kBytesPerSecond, -1);
  });
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].reason, FailureReason::kSourceChanged);
  for (const char* name : {"a", "b", "c"}) {
    const std::string copy = place / "destination/" + std::string(name);
    if (report.failures[0].path != name) {
      EXPECT_EQ(ReadFile(copy), Bytes(200'000, 3)) << name;
    }
  }
}

TEST(HardLinks, AreNotMadeToAnInodeWhoseNumberWasGivenAway) {
  HardLinks links;
  const FileTask task;
  struct stat first{};
  first.st_ino = 7;
  first.st_size = 10;
  std::optional<HardLinks::Copied> copied;
  EXPECT_EQ(links.Ask(first, task, copied), HardLinks::Claim::kCopy);
  EXPECT_EQ(links.Ask(first, task, copied), HardLinks::Claim::kWait);
  EXPECT_EQ(links.Finished(FileId::Of(first), {}).size(), 1u);
  EXPECT_EQ(links.Ask(first, task, copied), HardLinks::Claim::kLink);
  struct stat reused = first;
  reused.st_ctim.tv_nsec = 1;
  EXPECT_EQ(links.Ask(reused, task, copied), HardLinks::Claim::kAlone);
}

}  // namespace
}  // namespace smartcopy::testing
