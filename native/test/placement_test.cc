#include <sched.h>

#include "engine/pinned_thread.h"
#include "engine/ranges.h"
#include "support.h"

namespace smartcopy::testing {
namespace {

constexpr off_t kMiB = 1 << 20;

CopyRequest RequestWith(size_t threads, size_t writers, bool contiguous) {
  CopyRequest request;
  request.thread_count = threads;
  request.writers_per_file = writers;
  request.contiguous_ranges = contiguous;
  return request;
}

TEST(Ranges, HaveOneLengthWhereThreadsShareAFileFreely) {
  EXPECT_EQ(RangeBytesOf(RequestWith(4, 0, false), 1024 * kMiB), 16 * kMiB);
}

TEST(Ranges, AreOneContiguousPartForEachThreadOnNetworks) {
  EXPECT_EQ(RangeBytesOf(RequestWith(4, 0, true), 1024 * kMiB), 256 * kMiB);
  // A whole number of ranges, so that parts begin where servers begin theirs.
  EXPECT_EQ(RangeBytesOf(RequestWith(4, 0, true), 1000 * kMiB + 1), 256 * kMiB);
  EXPECT_EQ(RangeBytesOf(RequestWith(4, 0, true), 0), 16 * kMiB);
  EXPECT_EQ(RangeBytesOf(RequestWith(8, 2, false), 1024 * kMiB), 512 * kMiB);
}

TEST(Ranges, AreTheWholeFileForOneWriter) {
  auto request = RequestWith(8, 1, true);
  EXPECT_EQ(RangeBytesOf(request, 1000 * kMiB + 1), 1000 * kMiB + 1);
  request.digest = DigestAlgorithm::kXxh3;
  EXPECT_EQ(RangeBytesOf(request, 1000 * kMiB + 1), 1000 * kMiB + 1);
}

TEST(Ranges, AreOneBufferForADigestOfSeveralThreads) {
  auto request = RequestWith(8, 0, true);
  request.digest = DigestAlgorithm::kXxh3;
  EXPECT_EQ(RangeBytesOf(request, 1000 * kMiB), kMiB);
}

TEST(Ranges, CopyALargeFileWholeWhateverTheirShape) {
  const TemporaryDirectory place;
  WriteFile(place / "source", Bytes(9'000'001, 5));
  for (const bool contiguous : {false, true}) {
    for (const size_t writers : {0, 1, 2}) {
      for (const VerifyLevel verify : {VerifyLevel::kNone, VerifyLevel::kReadback}) {
        auto request = RequestFor("", place / "destination");
        request.source = {place.path(), "source"};
        request.thread_count = 3;
        request.buffer_bytes = 64 << 10;
        request.large_file_bytes = 1 << 20;
        request.range_bytes = 256 << 10;
        request.contiguous_ranges = contiguous;
        request.writers_per_file = writers;
        request.verify = verify;
        if (verify == VerifyLevel::kReadback) request.digest = DigestAlgorithm::kXxh3;
        const Report report = Copy(request);
        EXPECT_TRUE(Clean(report));
        EXPECT_EQ(ReadFile(place / "destination"), ReadFile(place / "source"));
        EXPECT_EQ(report[Word::kBytesVerified], verify == VerifyLevel::kReadback ? 9'000'001 : 0);
      }
    }
  }
}

TEST(BufferMemory, HasOneBoundForAllBuffers) {
  BufferMemory memory(100'000, std::nullopt);
  {
    auto first = memory.Make(60'000);
    ASSERT_TRUE(first.ok());
    const auto second = memory.Make(60'000);
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, ENOMEM);
    EXPECT_TRUE(memory.Make(40'000).ok());
  }
  EXPECT_EQ(memory.used_bytes(), 0u);
  EXPECT_TRUE(memory.Make(100'000).ok());
  EXPECT_FALSE(memory.Make(SIZE_MAX).ok());
}

TEST(BufferMemory, ATransferThatNeedsMoreDoesNotStart) {
  const TemporaryDirectory place;
  MakeSampleTree(place / "source");
  auto request = RequestFor(place / "source", place / "destination");
  request.thread_count = 4;
  request.memory_bytes = 3 * request.buffer_bytes;
  const Report report = Copy(request);
  ASSERT_FALSE(report.started());
  EXPECT_EQ(report.start_error().error.code, ENOMEM);
  request.memory_bytes = 4 * request.buffer_bytes;
  EXPECT_TRUE(Clean(Copy(request)));
}

TEST(Pinning, HoldsForTheThreadOfThePlanAndNoLonger) {
  const auto before = sys::Affinity();
  ASSERT_FALSE(before.empty());
  const NumaPlan plan{{{before.front()}, {before.back()}}, std::nullopt};
  {
    const PinnedThread pinned(plan, 3);
    EXPECT_EQ(sys::Affinity(), std::vector<unsigned>{before.back()});
    EXPECT_EQ(static_cast<unsigned>(::sched_getcpu()), before.back());
  }
  EXPECT_EQ(sys::Affinity(), before);
}

TEST(Pinning, IsLeftOutWhereTheKernelRefusesIt) {
  const auto before = sys::Affinity();
  const PinnedThread pinned({{{8'000}}, std::nullopt}, 0);
  EXPECT_EQ(sys::Affinity(), before);
}

TEST(Pinning, DoesNotChangeWhatIsCopied) {
  const TemporaryDirectory place;
  MakeSampleTree(place / "source");
  auto request = RequestFor(place / "source", place / "destination");
  request.numa = {{{sys::Affinity().front()}}, 0};
  EXPECT_TRUE(Clean(Copy(request)));
  EXPECT_TRUE(SameTree(place / "destination", place / "source"));
}

}  // namespace
}  // namespace smartcopy::testing
