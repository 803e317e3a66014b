#include <errno.h>
#include <fcntl.h>

#include <algorithm>

#include "fault_injection.h"
#include "support.h"

namespace smartcopy::testing {
namespace {

// A tree to be copied over an older copy of itself: new, changed and equal entries of every kind.
class Faults : public ::testing::Test {
 protected:
  void MakeTrees(const TemporaryDirectory& place) {
    MakeSampleTree(place / "source");
    MakeDirectory(place / "destination");
    MakeDirectory(place / "destination/inner");
    WriteFile(place / "destination/buffers", "old buffers");
    WriteFile(place / "destination/one", "old one");
    MakeLink("elsewhere", place / "destination/dangling");
    WriteFile(place / "destination/.smartcopy-abcd123400000001-0", "left behind");
  }

  CopyRequest Request(const TemporaryDirectory& place, Durability durability) {
    auto request = RequestFor(place / "source", place / "destination");
    request.durability = durability;
    request.buffer_bytes = 4096;
    request.update = UpdateMode::kIfDifferent;
    request.digest = DigestAlgorithm::kXxh3;
    request.verify = VerifyLevel::kReadback;
    request.thread_count = 1;  // the same calls in the same order in every run
    request.large_file_bytes = 100'000;
    request.digests_fd = digests_.get();
    return request;
  }

  const UniqueFd digests_{::open("/tmp", O_WRONLY | O_TMPFILE, 0600)};

  // Whatever failed: nothing is called done that is not, and old files are old or new, whole.
  void ExpectHonest(const TemporaryDirectory& place, const Report& report, const std::string& what) {
    if (report.clean()) {
      EXPECT_TRUE(SameTree(place / "destination", place / "source")) << what;
      return;
    }
    const bool says_so = !report.started() || report[Word::kFilesFailed] > 0 || report.result().digests_error;
    EXPECT_TRUE(says_so) << what;
    for (const char* name : {"buffers", "one"}) {
      const std::string now = ReadFile(place / "destination/" + std::string(name));
      EXPECT_TRUE(now == "old " + std::string(name) || now == ReadFile(place / "source/" + std::string(name)))
          << what << ": " << name;
    }
    for (const char* name : {"empty", "unaligned", "inner/second name", "inner/\xff\xfe not utf-8\n"}) {
      const std::string source = place / "source/" + std::string(name);
      const std::string copy = place / "destination/" + std::string(name);
      if (!Exists(copy)) continue;
      const auto of_copy = FileStat(copy);
      const auto of_source = FileStat(source);
      const bool passes = of_copy.st_size == of_source.st_size && of_copy.st_mtim.tv_sec == of_source.st_mtim.tv_sec &&
                          of_copy.st_mtim.tv_nsec == of_source.st_mtim.tv_nsec;
      if (passes) {
        EXPECT_EQ(ReadFile(copy), ReadFile(source)) << what << ": " << name;
      }
    }
  }
};

TEST_F(Faults, ShortTransfersAndInterruptionsChangeNothing) {
  for (const size_t shorten_to : {size_t{1}, size_t{1'000}, size_t{0}}) {
    for (const Durability durability : {Durability::kNone, Durability::kBatch, Durability::kFile}) {
      const TemporaryDirectory place;
      MakeTrees(place);
      auto request = Request(place, durability);
      request.thread_count = 2;
      faults::Plan plan;
      plan.interrupt = true;
      plan.shorten_to = shorten_to;
      faults::Use(plan);
      const Report report = Copy(request);
      faults::Clear();
      EXPECT_TRUE(Clean(report));
      EXPECT_TRUE(SameTree(place / "destination", place / "source"));
    }
  }
}

TEST_F(Faults, ShortTransfersOfLargeFilesChangeNothing) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  WriteFile(place / "source/large", Bytes((size_t{64} << 20) + 5));
  auto request = RequestFor(place / "source", place / "destination");
  request.digest = DigestAlgorithm::kBlake3;
  request.verify = VerifyLevel::kReadback;
  request.thread_count = 3;
  faults::Plan plan;
  plan.interrupt = true;
  plan.shorten_to = 300'001;
  faults::Use(plan);
  const Report report = Copy(request);
  faults::Clear();
  EXPECT_TRUE(Clean(report));
  EXPECT_TRUE(SameTree(place / "destination", place / "source"));
}

TEST_F(Faults, ADiskThatStaysFullNamesEveryFileAndLosesNone) {
  const TemporaryDirectory place;
  MakeTrees(place);
  faults::Plan plan;
  plan.failing = Syscall::kPwrite;
  plan.failing_errno = ENOSPC;
  plan.sticky = true;
  faults::Use(plan);
  const Report report = Copy(Request(place, Durability::kBatch));
  faults::Clear();
  ExpectHonest(place, report, "a full disk");
  for (const auto& failure : report.failures) EXPECT_EQ(failure.reason, FailureReason::kNoSpace);
  // one, unaligned with its two further names, buffers, the odd name, the long name: all but the empty file and the
  // links.
  EXPECT_EQ(report[Word::kFilesFailed], 7);
  EXPECT_EQ(report[Word::kReadWriteBytes], 0);
}

TEST_F(Faults, AFileSystemWithoutModesKeepsTheContent) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  WriteFile(place / "source/file", "content");
  faults::Plan plan;
  plan.failing = Syscall::kFchmod;
  plan.failing_errno = EPERM;
  plan.sticky = true;
  faults::Use(plan);
  const Report report = Copy(place / "source", place / "destination");
  faults::Clear();
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(report.result().modes_not_kept, 2);
  EXPECT_EQ(ReadFile(place / "destination/file"), "content");
}

TEST_F(Faults, AnEntryNeverReplacesAnotherOfTheSameRun) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  WriteFile(place / "source/file", "content");
  bool conflicted = false;
  for (int64_t index = 0; index < 20 && !conflicted; ++index) {
    faults::Plan plan;
    plan.failing = Syscall::kOpenat2;
    plan.failing_index = index;
    plan.failing_errno = EEXIST;  // as a file system answers that does not tell two names apart
    faults::Use(plan);
    const Report report = Copy(place / "source", place / "destination" + std::to_string(index));
    faults::Clear();
    EXPECT_FALSE(report.clean() && index < faults::CallCount(Syscall::kOpenat2));
    conflicted = report.failures.size() == 1 && report.failures[0].reason == FailureReason::kTypeConflict &&
                 report.failures[0].path == "file" && report.failures[0].side == Side::kDestination;
  }
  EXPECT_TRUE(conflicted);
}

TEST_F(Faults, ReflinkErrorsThatAreFinalAreNotTriedAnotherWay) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  WriteFile(place / "source/file", Bytes(200'000));
  for (const int code : {EIO, ENOSPC, EDQUOT, ENOMEM, EOPNOTSUPP}) {
    faults::Plan plan;
    plan.failing = Syscall::kFiclone;
    plan.failing_errno = code;
    faults::Use(plan);
    const Report report = Copy(place / "source", place / "destination");
    faults::Clear();
    EXPECT_EQ(report.clean(), code == EOPNOTSUPP) << strerrorname_np(code);
  }
}

}  // namespace
}  // namespace smartcopy::testing
