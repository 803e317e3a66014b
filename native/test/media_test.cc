#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <filesystem>
#include <fstream>

#include "fault_injection.h"
#include "support.h"

namespace smartcopy::testing {
namespace {

constexpr size_t kLarge = (size_t{64} << 20) + 4'097;

// Direct reads need a file system with something below it.
class Media : public ::testing::Test {
 protected:
  void SetUp() override {
    struct statfs found{};
    if (::statfs("/var/tmp", &found) != 0 || found.f_type == TMPFS_MAGIC) GTEST_SKIP() << "/var/tmp is on no disk";
    MakeDirectory(place_ / "source");
  }

  CopyRequest Request() const {
    auto request = RequestFor(place_ / "source", place_ / "destination");
    request.digest = DigestAlgorithm::kBlake3;
    request.verify = VerifyLevel::kMedia;
    return request;
  }

  // What a run may leave behind: nothing at all, or the whole file.
  void ExpectWholeOrAbsent(const std::string& what) const {
    if (!Exists(place_ / "destination/file")) return;
    EXPECT_EQ(ReadFile(place_ / "destination/file"), ReadFile(place_ / "source/file")) << what;
  }

  // Copies while the plan holds, under which the file has no medium to be read from.
  void ExpectNotOffered(const faults::Plan& plan) const {
    faults::Use(plan);
    const Report report = Copy(Request());
    faults::Clear();
    ASSERT_EQ(report.failures.size(), 1u);
    EXPECT_EQ(report.failures[0].reason, FailureReason::kMediaNotOffered);
    EXPECT_EQ(report.failures[0].path, "file");
    EXPECT_FALSE(Exists(place_ / "destination/file"));
  }

  const TemporaryDirectory place_{"/var/tmp"};
};

// Of this process, from the devices: what the page cache answered is not in it.
int64_t BytesReadFromStorage() {
  std::ifstream file("/proc/self/io");
  std::string name;
  int64_t value = 0;
  while (file >> name >> value) {
    if (name == "read_bytes:") return value;
  }
  return -1;
}

TEST_F(Media, IsReadFromBelowThePageCache) {
  WriteFile(place_ / "source/small", Bytes(300'001, 1));
  WriteFile(place_ / "source/large", Bytes(kLarge, 2));
  constexpr int64_t kAll = 300'001 + static_cast<int64_t>(kLarge);
  for (const auto level : {VerifyLevel::kReadback, VerifyLevel::kMedia}) {
    auto request = Request();
    request.verify = level;
    const int64_t before = BytesReadFromStorage();
    const Report report = Copy(request);
    const int64_t read = BytesReadFromStorage() - before;
    EXPECT_TRUE(Clean(report));
    EXPECT_EQ(report[Word::kBytesVerified], kAll);
    if (level == VerifyLevel::kMedia)
      EXPECT_GE(read, kAll);
    else
      EXPECT_LT(read, kAll);
  }
}

TEST_F(Media, ReadsEverySizeByEveryAlgorithm) {
  int64_t all = 0;
  for (const size_t size : {0, 1, 511, 512, 4'095, 4'096, 4'097, 65'535, 65'536, 65'537, 1'048'576, 1'048'577}) {
    WriteFile(place_ / ("source/" + std::to_string(size)), Bytes(size, static_cast<uint32_t>(size)), 0400);
    all += static_cast<int64_t>(size);
  }
  for (const auto algorithm :
       {DigestAlgorithm::kXxh3, DigestAlgorithm::kXxh64, DigestAlgorithm::kBlake3, DigestAlgorithm::kSha256}) {
    for (const auto durability : {Durability::kNone, Durability::kBatch, Durability::kFile}) {
      auto request = Request();
      request.digest = algorithm;
      request.durability = durability;
      request.buffer_bytes = 100'000;  // no multiple of what direct reads are aligned to
      const Report report = Copy(request);
      EXPECT_TRUE(Clean(report));
      EXPECT_EQ(report[Word::kBytesVerified], all);
      EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
    }
  }
}

TEST_F(Media, ReadsALargeFileByEveryAlgorithm) {
  WriteFile(place_ / "source/large", Bytes(kLarge, 2));
  for (const auto algorithm :
       {DigestAlgorithm::kXxh3, DigestAlgorithm::kXxh64, DigestAlgorithm::kBlake3, DigestAlgorithm::kSha256}) {
    auto request = Request();
    request.digest = algorithm;
    request.buffer_bytes = 100'000;
    const Report report = Copy(request);
    EXPECT_TRUE(Clean(report));
    EXPECT_EQ(report[Word::kBytesVerified], static_cast<int64_t>(kLarge));
  }
}

TEST_F(Media, FindsBytesThatTheStorageChanged) {
  for (const size_t size : {size_t{100'000}, kLarge}) {
    WriteFile(place_ / "source/file", Bytes(size, 4));
    faults::Plan plan;
    plan.corrupt_write = 0;
    faults::Use(plan);
    const Report report = Copy(Request());
    faults::Clear();
    ASSERT_EQ(report.failures.size(), 1u);
    EXPECT_EQ(report.failures[0].reason, FailureReason::kVerifyMismatch);
    EXPECT_FALSE(Exists(place_ / "destination/file"));
  }
}

TEST_F(Media, EveryFailedCallIsNamedAndNothingPassesForVerified) {
  for (const size_t size : {size_t{100'000}, kLarge}) {
    WriteFile(place_ / "source/file", Bytes(size, 4));
    for (const auto failing : {Syscall::kFdatasync, Syscall::kFadvise, Syscall::kFcntl, Syscall::kPread}) {
      faults::Use({});
      EXPECT_TRUE(Clean(Copy(Request())));
      const int64_t calls = faults::CallCount(failing);
      EXPECT_GT(calls, 0);
      for (const int64_t index : {int64_t{0}, calls / 2, calls - 1}) {
        std::filesystem::remove_all(place_ / "destination");
        faults::Plan plan;
        plan.failing = failing;
        plan.failing_index = index;
        plan.failing_errno = EIO;
        faults::Use(plan);
        const Report report = Copy(Request());
        faults::Clear();
        const std::string what = std::string(SyscallName(failing)) + " number " + std::to_string(index);
        ASSERT_EQ(report.failures.size(), 1u) << what;
        EXPECT_EQ(report.failures[0].reason, FailureReason::kIoError) << what;
        EXPECT_EQ(report.failures[0].error->call, failing) << what;
        EXPECT_EQ(report[Word::kFilesDone], 0) << what;
        ExpectWholeOrAbsent(what);
      }
    }
  }
}

TEST_F(Media, IsAFailureWhereDirectReadsAreNotOffered) {
  for (const size_t size : {size_t{100'000}, kLarge}) {
    WriteFile(place_ / "source/file", Bytes(size, 4));
    faults::Plan plan;
    plan.failing = Syscall::kFcntl;
    plan.failing_errno = EINVAL;
    plan.sticky = true;
    ExpectNotOffered(plan);
  }
}

// Devices of blocks shorter than a page stop between them, too.
TEST_F(Media, GoesOnFromWhereAShortReadLeftAWholeBlock) {
  for (const size_t size : {size_t{100'000}, kLarge}) {
    WriteFile(place_ / "source/file", Bytes(size, 4));
    std::filesystem::remove_all(place_ / "destination");
    EXPECT_TRUE(Clean(Copy(Request())));
    const UniqueFd copied(::open((place_ / "destination/file").c_str(), O_RDONLY));
    sys::ExtraStat facts;
    if (sys::Statx(copied.get(), &facts) < 0 || !facts.knows_direct || facts.direct_alignment > 2'048)
      GTEST_SKIP() << "no short blocks here";
    faults::Plan plan;
    plan.shorten_to = size == kLarge ? (size_t{1} << 20) - 2'048 : 2'048;
    faults::Use(plan);
    const Report report = Copy(Request());
    faults::Clear();
    EXPECT_TRUE(Clean(report));
    EXPECT_EQ(report[Word::kBytesVerified], static_cast<int64_t>(size));
  }
}

TEST_F(Media, IsAFailureWhereReadsMustBeAlignedToMoreThanBuffersAre) {
  WriteFile(place_ / "source/file", Bytes(100'000, 4));
  const UniqueFd source(::open((place_ / "source/file").c_str(), O_RDONLY));
  sys::ExtraStat facts;
  if (sys::Statx(source.get(), &facts) < 0 || !facts.knows_direct) GTEST_SKIP() << "nothing is told here";
  for (const uint32_t alignment : {0u, 96u << 10, 128u << 10}) {
    faults::Plan plan;
    plan.direct_alignment = alignment;
    ExpectNotOffered(plan);
  }
}

TEST(MediaInMemory, IsRefusedBeforeAnythingIsCopied) {
  struct statfs found{};
  if (::statfs("/dev/shm", &found) != 0 || found.f_type != TMPFS_MAGIC) GTEST_SKIP() << "/dev/shm is no tmpfs";
  const TemporaryDirectory place("/dev/shm");
  MakeDirectory(place / "source");
  WriteFile(place / "source/file", "abc");
  auto request = RequestFor(place / "source", place / "destination");
  request.digest = DigestAlgorithm::kXxh3;
  request.verify = VerifyLevel::kMedia;
  const Report report = Copy(request);
  ASSERT_FALSE(report.started());
  EXPECT_EQ(report.start_error().error.code, EOPNOTSUPP);
  EXPECT_FALSE(Exists(place / "destination/file"));
}

}  // namespace
}  // namespace smartcopy::testing
