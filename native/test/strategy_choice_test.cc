#include "engine/strategy_choice.h"

#include <errno.h>
#include <linux/magic.h>

#include "engine/direct_probe.h"
#include "support.h"

namespace smartcopy::testing {
namespace {

constexpr off_t kMiB = off_t{1} << 20;
constexpr off_t kGiB = off_t{1} << 30;
constexpr long kXfs = 0x58465342;
constexpr long kNfs = 0x6969;
constexpr long kZfs = 0x2FC12FC1;

TEST(StrategyChoice, JudgesWhatAWayAnswers) {
  for (const int code : {EIO, ENOMEM, ENOSPC, EDQUOT, EFAULT, EROFS, ESTALE})
    EXPECT_EQ(JudgeRefusal(code), Refusal::kFinal) << strerrorname_np(code);
  for (const int code : {ENOSYS, ENOTTY, EOPNOTSUPP, EXDEV})
    EXPECT_EQ(JudgeRefusal(code), Refusal::kForGood) << strerrorname_np(code);
  for (const int code : {EINVAL, EBADF, ETXTBSY, EPERM, EACCES, ENOENT, ENODEV, EFBIG, EAGAIN})
    EXPECT_EQ(JudgeRefusal(code), Refusal::kThisFile) << strerrorname_np(code);
}

TEST(StrategyChoice, HolesAreTheWayOfAFileOnlyWhereNothingElseCame) {
  MovedCounts counts;
  EXPECT_EQ(counts.method(), nullptr);
  counts.bytes[static_cast<size_t>(Method::kHoles)] = 1'000'000;
  EXPECT_STREQ(counts.method(), "holes");
  counts.bytes[static_cast<size_t>(Method::kReadWrite)] = 1;
  EXPECT_STREQ(counts.method(), "readWrite");
  counts.bytes[static_cast<size_t>(Method::kIoUring)] = 2;
  EXPECT_STREQ(counts.method(), "ioUring");
}

struct Case {
  const char* name;
  CopyRequest request;
  ContentFacts facts;
  Method method = Method::kReadWrite;
  bool may_share = false;
  bool is_direct = false;
  bool spares_cache = false;
  bool is_probed = false;
  Holes holes = Holes::kWritten;
};

CopyRequest Asked(IoMode io, DirectIo direct_io = DirectIo::kAuto, SparseMode sparse = SparseMode::kAuto) {
  CopyRequest request;
  request.io = io;
  request.direct_io = direct_io;
  request.sparse = sparse;
  request.page_cache_bytes = 8 * kGiB;
  return request;
}

ContentFacts Between(long source, long destination, off_t size = 10 * kMiB) {
  ContentFacts facts;
  facts.size = size;
  facts.source = TraitsOf(source);
  facts.destination = TraitsOf(destination);
  facts.same_type = source == destination;
  return facts;
}

ContentFacts With(ContentFacts facts, bool wants_digest, bool has_holes, bool is_cold = false) {
  facts.wants_digest = wants_digest;
  facts.has_holes = has_holes;
  facts.is_cold = is_cold;
  return facts;
}

const CopyRequest kAuto = Asked(IoMode::kAuto);

const Case kCases[] = {
    {"on one disk blocks are shared, else read and written", kAuto, Between(kXfs, kXfs), Method::kReadWrite, true},
    {"a digest has to see the bytes", kAuto, With(Between(kXfs, kXfs), true, false)},
    {"an empty file needs nothing", kAuto, Between(kXfs, kXfs, 0)},
    {"a file server copies by itself", kAuto, Between(kNfs, kNfs), Method::kCopyFileRange, true},
    {"but not between two kinds of file system", kAuto, Between(kNfs, kXfs), Method::kReadWrite, true},
    {"nor when a digest sees the bytes", kAuto, With(Between(kNfs, kNfs), true, false)},
    {"copy_file_range does not pay on a local disk", kAuto, Between(EXT4_SUPER_MAGIC, EXT4_SUPER_MAGIC),
     Method::kReadWrite, true},
    {"posix is read and write, and nothing shared", Asked(IoMode::kPosix), Between(kNfs, kNfs)},
    {"mmap is what it says", Asked(IoMode::kMmap), Between(kXfs, kXfs), Method::kMmap},
    {"a digest must not look into a mapping", Asked(IoMode::kMmap), With(Between(kXfs, kXfs), true, false)},
    {"a ring is a ring", Asked(IoMode::kIoUring), Between(kXfs, kXfs), Method::kIoUring},
    {"also with a digest", Asked(IoMode::kIoUring), With(Between(kXfs, kXfs), true, false), Method::kIoUring},
    {"past the cache means by a ring", Asked(IoMode::kAuto, DirectIo::kAlways), Between(kXfs, kXfs), Method::kIoUring,
     false, true},
    {"or by read and write", Asked(IoMode::kPosix, DirectIo::kAlways), Between(kXfs, kXfs), Method::kReadWrite, false,
     true},
    {"not for small files", Asked(IoMode::kAuto, DirectIo::kAlways), Between(kXfs, kXfs, kMiB - 1)},
    {"a cold file too large for the cache is probed", kAuto, With(Between(kXfs, kXfs, 5 * kGiB), false, false, true),
     Method::kReadWrite, true, false, true, true},
    {"a warm one is not", kAuto, With(Between(kXfs, kXfs, 5 * kGiB), false, false, false), Method::kReadWrite, true},
    {"nor one that fits", kAuto, With(Between(kXfs, kXfs, 4 * kGiB), false, false, true), Method::kReadWrite, true},
    {"nor one in memory", kAuto, With(Between(TMPFS_MAGIC, kXfs, 5 * kGiB), false, false, true), Method::kReadWrite,
     true},
    {"nor when the cache is asked for", Asked(IoMode::kAuto, DirectIo::kNever),
     With(Between(kXfs, kXfs, 5 * kGiB), false, false, true), Method::kReadWrite, true},
    {"with a digest the cache is spared, without a probe", kAuto,
     With(Between(kXfs, kXfs, 5 * kGiB), true, false, true), Method::kReadWrite, false, false, true},
    {"holes are found by the map", kAuto, With(Between(kXfs, kXfs), false, true), Method::kReadWrite, true, false,
     false, false, Holes::kFromMap},
    {"but not by that of ZFS", kAuto, With(Between(kZfs, kXfs), false, true), Method::kReadWrite, true, false, false,
     false, Holes::kFromZeros},
    {"zeros become holes when asked for", Asked(IoMode::kAuto, DirectIo::kAuto, SparseMode::kAlways),
     Between(kXfs, kXfs), Method::kReadWrite, false, false, false, false, Holes::kFromZeros},
    {"and what is a hole already is not read", Asked(IoMode::kAuto, DirectIo::kAuto, SparseMode::kAlways),
     With(Between(kXfs, kXfs), false, true), Method::kReadWrite, false, false, false, false, Holes::kFromBoth},
    {"never means written, and shared holes are not", Asked(IoMode::kAuto, DirectIo::kAuto, SparseMode::kNever),
     With(Between(kXfs, kXfs), false, true)},
    {"a file without holes may be shared all the same", Asked(IoMode::kAuto, DirectIo::kAuto, SparseMode::kNever),
     Between(kXfs, kXfs), Method::kReadWrite, true},
    {"a file of one block has no holes", kAuto, With(Between(kXfs, kXfs, 4096), false, true), Method::kReadWrite, true},
};

TEST(StrategyChoice, FollowsTheTable) {
  for (const Case& one : kCases) {
    const auto choice = Choose(one.request, one.facts);
    EXPECT_EQ(choice.method, one.method) << one.name;
    EXPECT_EQ(choice.may_share, one.may_share) << one.name;
    EXPECT_EQ(choice.is_direct, one.is_direct) << one.name;
    EXPECT_EQ(choice.spares_cache, one.spares_cache) << one.name;
    EXPECT_EQ(choice.is_probed, one.is_probed) << one.name;
    EXPECT_EQ(choice.holes, one.holes) << one.name;
  }
}

TEST(StrategyChoice, MakesRangesThatSuitTheWay) {
  CopyRequest request;
  ContentChoice choice;
  EXPECT_EQ(RangeBytes(request, choice, kGiB), 16 * kMiB);
  choice.holes = Holes::kFromMap;
  EXPECT_EQ(RangeBytes(request, choice, 1024 * kGiB), kGiB);  // a thousand ranges for a terabyte of holes
  choice = {};
  choice.method = Method::kCopyFileRange;
  EXPECT_EQ(RangeBytes(request, choice, 10 * kGiB), kGiB);
  request.scan_totals = true;
  EXPECT_EQ(RangeBytes(request, choice, 10 * kGiB), 64 * kMiB);
  choice.method = Method::kIoUring;
  EXPECT_EQ(RangeBytes(request, choice, 10 * kGiB), 64 * kMiB);
  request.digest = DigestAlgorithm::kXxh3;
  EXPECT_EQ(RangeBytes(request, choice, 10 * kGiB), 10 * kGiB);
  choice.method = Method::kReadWrite;
  EXPECT_EQ(RangeBytes(request, choice, 10 * kGiB), kMiB);
}

using Way = DirectProbe::Way;

// Ranges of 64 MiB, each of which takes so long.
std::optional<Way> WinnerOf(int64_t cache_ms, int64_t direct_ms, int ranges) {
  DirectProbe probe;
  for (int index = 0; index < ranges; ++index) {
    const Way way = probe.Next();
    probe.Record(way, 64 * kMiB, (way == Way::kDirect ? direct_ms : cache_ms) * 1'000'000);
  }
  return probe.winner();
}

TEST(DirectProbe, TakesTheFasterWayOnceBothAreKnown) {
  EXPECT_EQ(WinnerOf(300, 200, 2), std::nullopt);
  EXPECT_EQ(WinnerOf(300, 200, 12), Way::kDirect);
  EXPECT_EQ(WinnerOf(200, 300, 12), Way::kPageCache);
  EXPECT_EQ(WinnerOf(200, 195, 12), Way::kPageCache);  // no more than noise
  EXPECT_EQ(WinnerOf(10, 20, 16), Way::kPageCache);    // fast disks are known after eight ranges each
  EXPECT_EQ(WinnerOf(10, 20, 13), std::nullopt);
}

TEST(DirectProbe, MeetsADriftWithBothWays) {
  DirectProbe probe;
  std::vector<Way> ways;
  for (int index = 0; index < 8; ++index) ways.push_back(probe.Next());
  const std::vector<Way> half = {Way::kDirect, Way::kPageCache, Way::kPageCache, Way::kDirect};
  EXPECT_TRUE(std::equal(half.begin(), half.end(), ways.begin()) &&
              std::equal(half.begin(), half.end(), ways.begin() + 4));
}

TEST(DirectProbe, StaysWithTheWinner) {
  DirectProbe probe;
  for (int index = 0; index < 12; ++index) {
    const Way way = probe.Next();
    probe.Record(way, kMiB, way == Way::kDirect ? 400'000'000 : 900'000'000);
  }
  ASSERT_EQ(probe.winner(), Way::kDirect);
  for (int index = 0; index < 8; ++index) {
    EXPECT_EQ(probe.Next(), Way::kDirect);
    probe.Record(Way::kDirect, kMiB, 9'000'000'000);
  }
  EXPECT_EQ(probe.winner(), Way::kDirect);
}

}  // namespace
}  // namespace smartcopy::testing
