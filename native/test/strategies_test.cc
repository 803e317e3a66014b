#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <thread>

#include "engine/copy_strategy.h"
#include "engine/io_uring_probe.h"
#include "engine/sparse_map.h"
#include "fault_injection.h"
#include "support.h"

namespace smartcopy::testing {
namespace {

constexpr off_t kMiB = off_t{1} << 20;

// A way of moving content that a request can ask for.
struct Way {
  const char* name;
  IoMode io = IoMode::kAuto;
  DirectIo direct_io = DirectIo::kNever;
  SparseMode sparse = SparseMode::kAuto;
  // What the file systems are said to be, for ways that are taken only there.
  long file_system_type = 0;
  // What moves a large file, where it is offered.
  Word word = Word::kReadWriteBytes;
  // The calls whose failure in the middle of a file is tried.
  Syscall reads = Syscall::kPread;
  Syscall writes = Syscall::kPwrite;
  bool shows_bytes = true;
};

std::ostream& operator<<(std::ostream& out, const Way& way) { return out << way.name; }

constexpr long kNfs = 0x6969;

const Way kWays[] = {
    {.name = "Auto"},
    {.name = "Posix", .io = IoMode::kPosix},
    {.name = "PosixDirect", .io = IoMode::kPosix, .direct_io = DirectIo::kAlways},
    {.name = "SparseAlways", .io = IoMode::kPosix, .sparse = SparseMode::kAlways},
    {.name = "SparseNever", .io = IoMode::kPosix, .sparse = SparseMode::kNever},
    {.name = "Mmap", .io = IoMode::kMmap, .word = Word::kMmapBytes, .reads = Syscall::kPwrite, .shows_bytes = false},
    {.name = "IoUring",
     .io = IoMode::kIoUring,
     .word = Word::kIoUringBytes,
     .reads = Syscall::kRingRead,
     .writes = Syscall::kRingWrite},
    {.name = "IoUringDirect",
     .io = IoMode::kIoUring,
     .direct_io = DirectIo::kAlways,
     .word = Word::kIoUringBytes,
     .reads = Syscall::kRingRead,
     .writes = Syscall::kRingWrite},
    {.name = "CopyFileRange",
     .file_system_type = kNfs,
     .word = Word::kCopyFileRangeBytes,
     .reads = Syscall::kCopyFileRange,
     .writes = Syscall::kCopyFileRange,
     .shows_bytes = false},
};

// Every way of moving content passes this, alone and by ranges on several threads: the bytes are always the same.
class Ways : public ::testing::TestWithParam<Way> {
 protected:
  Ways() {
    MakeDirectory(place_ / "source");
    plan_.file_system_type = GetParam().file_system_type;
    faults::Use(plan_);
  }
  ~Ways() override { faults::Clear(); }

  CopyRequest Request() const {
    auto request = RequestFor(place_ / "source", place_ / "destination");
    request.io = GetParam().io;
    request.direct_io = GetParam().direct_io;
    request.sparse = GetParam().sparse;
    request.buffer_bytes = 64 * 1024;
    request.large_file_bytes = 2 * kMiB;
    request.range_bytes = kMiB;
    request.thread_count = 3;
    return request;
  }

  // Whether large files go the way that was asked for: not where blocks are shared, nor where rings are forbidden.
  bool IsTaken(const Report& report) const {
    if (report[Word::kReflinkBytes] > 0) return false;
    if (GetParam().word == Word::kIoUringBytes && !ProbeIoUring()) return false;
    return true;
  }

  void Fail(Syscall call, int64_t index, int code, bool sticky = false) {
    plan_.failing = call;
    plan_.failing_index = index;
    plan_.failing_errno = code;
    plan_.sticky = sticky;
    faults::Use(plan_);
  }

  TemporaryDirectory place_;
  faults::Plan plan_;
};

std::string WayName(const ::testing::TestParamInfo<Way>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(All, Ways, ::testing::ValuesIn(kWays), WayName);

int64_t Sum(const Report& report) {
  int64_t sum = 0;
  for (const Word word : {Word::kReflinkBytes, Word::kCopyFileRangeBytes, Word::kReadWriteBytes, Word::kIoUringBytes,
                          Word::kMmapBytes, Word::kHoleBytes})
    sum += report[word];
  return sum;
}

TEST_P(Ways, CopyEverySize) {
  int64_t total = 0;
  for (const size_t size :
       {0, 1, 511, 4095, 4096, 4097, 65'535, 65'536, 65'537, 1'048'576, 1'048'577, 3'000'001, 4'194'304}) {
    WriteFile(place_ / ("source/" + std::to_string(size)), Bytes(size, static_cast<uint32_t>(size) + 1));
    total += static_cast<int64_t>(size);
  }
  const Report report = Copy(Request());
  EXPECT_TRUE(Clean(report));
  EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
  EXPECT_EQ(Sum(report), total);
  EXPECT_EQ(report[Word::kBytesTotal], total);
  if (IsTaken(report)) {
    EXPECT_GT(report[GetParam().word], 7'000'000);
  }
}

TEST_P(Ways, GiveTheDigestOfTheWholeFileAndReadItBack) {
  const std::string content = Bytes(5 * kMiB + 12'345, 3) + std::string(2 * kMiB, '\0') + "end";
  WriteFile(place_ / "source/file", content);
  WriteFile(place_ / "source/small", content.substr(0, 300'001));
  const UniqueFd digests(::open((place_ / "digests").c_str(), O_WRONLY | O_CREAT, 0600));
  auto request = Request();
  request.digest = DigestAlgorithm::kBlake3;
  request.verify = VerifyLevel::kReadback;
  request.digests_fd = digests.get();
  const Report report = Copy(request);
  EXPECT_TRUE(Clean(report));
  EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
  EXPECT_EQ(report[Word::kBytesVerified], static_cast<int64_t>(content.size()) + 300'001);
  const auto digest = MakeDigest(DigestAlgorithm::kBlake3);
  digest->Update(std::as_bytes(std::span(content)));
  EXPECT_NE(ReadFile(place_ / "digests").find(digest->Hex() + "  file\n"), std::string::npos);
  if (GetParam().shows_bytes && IsTaken(report)) {
    EXPECT_GT(report[GetParam().word], 5 * kMiB);
  }
}

// Data at the beginning, past 4 GiB, and a hole at the end; in a file of both kinds of size.
void MakeSparse(const std::string& path, off_t data_at, off_t size) {
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT, 0600));
  const std::string content = Bytes(100'001, 5);
  for (const off_t at : {off_t{0}, data_at})
    ASSERT_EQ(::pwrite(file.get(), content.data(), content.size(), at), static_cast<ssize_t>(content.size()));
  ASSERT_EQ(::ftruncate(file.get(), size), 0);
}

TEST_P(Ways, KeepTheContentOfHoles) {
  MakeSparse(place_ / "source/large", 3 * kMiB + 5'000, 8 * kMiB + 77);
  MakeSparse(place_ / "source/small", 1 * kMiB, kMiB + 500'000);
  const Report report = Copy(Request());
  EXPECT_TRUE(Clean(report));
  EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
  EXPECT_EQ(Sum(report), 8 * kMiB + 77 + kMiB + 500'000);
  for (const char* name : {"large", "small"}) {
    const auto copy = FileStat(place_ / ("destination/" + std::string(name)));
    const auto source = FileStat(place_ / ("source/" + std::string(name)));
    if (GetParam().sparse == SparseMode::kNever)
      EXPECT_GE(copy.st_blocks * 512, copy.st_size) << name;
    else
      EXPECT_LE(copy.st_blocks, source.st_blocks + source.st_blocks / 100 + 8) << name;
  }
}

TEST_P(Ways, ReachPast4GiB) {
  if (GetParam().sparse == SparseMode::kNever) GTEST_SKIP() << "would write all of it";
  const off_t size = (off_t{4} << 30) + 3 * kMiB;
  MakeSparse(place_ / "source/file", (off_t{4} << 30) - 50'000, size);
  auto request = Request();
  // Zeros are found by reading: on the other side of 4 GiB that takes long under sanitizers.
  if (GetParam().sparse == SparseMode::kAlways) request.sparse = SparseMode::kAuto;
  const Report report = Copy(request);
  ASSERT_TRUE(Clean(report));
  EXPECT_EQ(FileStat(place_ / "destination/file").st_size, size);
  const std::string content = Bytes(100'001, 5);
  for (const off_t at : {off_t{0}, (off_t{4} << 30) - 50'000}) {
    std::string found(content.size(), '\0');
    std::ifstream(place_ / "destination/file", std::ios::binary).seekg(at).read(found.data(), std::ssize(found));
    EXPECT_EQ(found, content) << at;
  }
  EXPECT_EQ(Sum(report), size);
}

TEST_P(Ways, GoOnAfterShortTransfersAndInterruptions) {
  WriteFile(place_ / "source/large", Bytes(3 * kMiB + 5, 7));
  WriteFile(place_ / "source/small", Bytes(200'003, 8));
  for (const size_t most : {size_t{40'961}, size_t{8'192}}) {
    plan_.interrupt = true;
    plan_.shorten_to = most;
    faults::Use(plan_);
    const Report report = Copy(Request());
    EXPECT_TRUE(Clean(report)) << most;
    EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source")) << most;
    EXPECT_EQ(Sum(report), 3 * kMiB + 5 + 200'003);
  }
}

TEST_P(Ways, NameAFailureInTheMiddleAndLeaveNothing) {
  WriteFile(place_ / "source/file", Bytes(4 * kMiB, 9));
  WriteFile(place_ / "source/small", Bytes(400'000, 10));
  for (const Syscall call : {GetParam().reads, GetParam().writes}) {
    for (const int code : {EIO, ENOSPC, EDQUOT, ENOMEM}) {
      for (const int64_t index : {0, 2}) {
        Fail(call, index, code, true);
        const Report report = Copy(Request());
        const bool was_made = faults::CallCount(call) > index;
        faults::Clear();
        if (!was_made) {  // shared or refused here
          std::filesystem::remove_all(place_ / "destination");
          continue;
        }
        ASSERT_FALSE(report.failures.empty()) << SyscallName(call) << ' ' << strerrorname_np(code);
        for (const auto& failure : report.failures) {
          ASSERT_TRUE(failure.error);
          EXPECT_EQ(failure.error->code, code);
          EXPECT_EQ(failure.error->call, call);
          EXPECT_FALSE(Exists(place_ / ("destination/" + failure.path)));
        }
        EXPECT_EQ(report[Word::kFilesDone] + report[Word::kFilesFailed], 2);
        if (report[Word::kFilesFailed] == 2) {
          EXPECT_EQ(Sum(report), 0);
          EXPECT_EQ(report[Word::kDirectIoBytes], 0);
        }
        std::filesystem::remove_all(place_ / "destination");
      }
    }
  }
}

TEST_P(Ways, CopyAgainWhatChangedMeanwhile) {
  for (const off_t size_after : {off_t{700'001}, 6 * kMiB}) {
    WriteFile(place_ / "source/file", Bytes(4 * kMiB, 11));
    const Report report = CopySlowly(Request(), 8 * kMiB, [&](ControlBlock control) {
      while (control.Get(GetParam().word) == 0 && control.Get(Word::kReadWriteBytes) == 0 &&
             control.Get(Word::kFilesDone) == 0)
        std::this_thread::yield();
      EXPECT_EQ(::truncate((place_ / "source/file").c_str(), size_after), 0);
      control.Set(Word::kBytesPerSecond, -1);
    });
    if (report[Word::kReflinkBytes] > 0) continue;  // copied before it changed
    EXPECT_TRUE(Clean(report)) << size_after;
    EXPECT_TRUE(SameTree(place_ / "destination/file", place_ / "source/file")) << size_after;
    EXPECT_EQ(Sum(report), size_after);
  }
}

TEST_P(Ways, StayWithinTheBandwidthLimit) {
  WriteFile(place_ / "source/file", Bytes(3 * kMiB, 12));
  const auto began = std::chrono::steady_clock::now();
  const Report report = CopySlowly(Request(), 6 * kMiB, {});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  EXPECT_TRUE(Clean(report));
  EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
  if (report[Word::kReflinkBytes] > 0) return;
  EXPECT_GT(took.count(), 0.3);  // half a second, less what the bucket holds at the start
}

TEST_P(Ways, StopWhenCancelled) {
  WriteFile(place_ / "source/file", Bytes(4 * kMiB, 13));
  const Report report = CopySlowly(Request(), 2 * kMiB, [&](ControlBlock control) {
    while (control.Get(GetParam().word) == 0 && control.Get(Word::kReadWriteBytes) == 0 &&
           control.Get(Word::kFilesDone) == 0)
      std::this_thread::yield();
    control.Set(Word::kCancel, 1);
  });
  ASSERT_TRUE(report.started());
  EXPECT_TRUE(report.failures.empty());
  if (report[Word::kReflinkBytes] > 0) return;  // done before there was anything to cancel
  EXPECT_EQ(report.end(), End::kCancelled);
  EXPECT_FALSE(Exists(place_ / "destination/file"));
  EXPECT_EQ(Sum(report), 0);
}

class Sparse : public ::testing::Test {
 protected:
  Sparse() { MakeDirectory(place_ / "source"); }
  ~Sparse() override { faults::Clear(); }

  CopyRequest Request(SparseMode sparse) const {
    auto request = RequestFor(place_ / "source", place_ / "destination");
    request.io = IoMode::kPosix;
    request.sparse = sparse;
    return request;
  }
  off_t AllocatedBytes(const char* name) const { return FileStat(place_ / name).st_blocks * 512; }

  TemporaryDirectory place_;
};

TEST_F(Sparse, ATerabyteOfHolesTakesNoTime) {
  const off_t size = off_t{1} << 40;
  {
    const UniqueFd file(::open((place_ / "source/file").c_str(), O_RDWR | O_CREAT, 0600));
    if (::ftruncate(file.get(), size) != 0) GTEST_SKIP() << "no file of a terabyte here";
    const std::string content = Bytes(kMiB, 2);
    for (int part = 0; part < 16; ++part)
      ASSERT_EQ(::pwrite(file.get(), content.data(), content.size(), size / 16 * part), kMiB);
  }
  const auto began = std::chrono::steady_clock::now();
  const Report report = Copy(Request(SparseMode::kAuto));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  EXPECT_TRUE(Clean(report));
  EXPECT_LT(took.count(), 5.0);  // sanitizers and a busy machine; reading the holes would take minutes
  EXPECT_EQ(FileStat(place_ / "destination/file").st_size, size);
  EXPECT_LE(AllocatedBytes("destination/file"), AllocatedBytes("source/file") * 101 / 100);
  EXPECT_EQ(report[Word::kReadWriteBytes], 16 * kMiB);
  EXPECT_EQ(report[Word::kHoleBytes], size - 16 * kMiB);
  const UniqueFd copy(::open((place_ / "destination/file").c_str(), O_RDONLY));
  const auto facts = ReadSparseFacts(copy.get());
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts.value().extent_count, 16);
  EXPECT_EQ(facts.value().hole_count, 16);
  EXPECT_EQ(facts.value().hole_bytes, size - 16 * kMiB);
  std::string found(kMiB, '\0');
  EXPECT_EQ(::pread(copy.get(), found.data(), found.size(), size / 16 * 15), kMiB);
  EXPECT_EQ(found, Bytes(kMiB, 2));
}

TEST_F(Sparse, AFileMayEndAtTheLastOffsetThereIs) {
  constexpr off_t kLast = std::numeric_limits<off_t>::max();
  constexpr off_t kData = kLast - kMiB;  // Linux 6.18 finds no data in the last page of such a file on tmpfs
  {
    const UniqueFd file(::open((place_ / "source/file").c_str(), O_RDWR | O_CREAT, 0600));
    if (::ftruncate(file.get(), kLast) != 0) GTEST_SKIP() << "no file of that size here";
    ASSERT_EQ(::pwrite(file.get(), "begin", 5, 0), 5);
    ASSERT_EQ(::pwrite(file.get(), "end", 3, kData), 3);
  }
  auto request = Request(SparseMode::kAuto);
  request.thread_count = 2;
  for (const bool contiguous : {false, true}) {
    request.contiguous_ranges = contiguous;
    request.update = UpdateMode::kAlways;
    EXPECT_TRUE(Clean(Copy(request)));
    EXPECT_EQ(FileStat(place_ / "destination/file").st_size, kLast);
    const UniqueFd copy(::open((place_ / "destination/file").c_str(), O_RDONLY));
    std::string found(3, '\0');
    EXPECT_EQ(::pread(copy.get(), found.data(), found.size(), kData), 3);
    EXPECT_EQ(found, "end");
  }
}

TEST_F(Sparse, AFileThatChangesWhileItsBlocksAreSharedKeepsItsSize) {
  const LoopFileSystem disk("btrfs", 256 * kMiB);
  if (!disk.mounted()) GTEST_SKIP() << "no btrfs here";
  const std::string source = disk.path() + "/source";
  const std::string file = source + "/file";
  MakeDirectory(source);
  MakeSparse(file, 2 * kMiB, 20 * kMiB);
  auto request = RequestFor(source, disk.path() + "/destination");
  request.large_file_bytes = kMiB;
  faults::Plan plan;
  plan.meanwhile = [&](Syscall call, int64_t index) {
    if (call == Syscall::kFiclone && index == 0) SetTime(file, 1000, 5);
  };
  faults::Use(plan);
  const Report report = Copy(request);
  faults::Clear();
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(ReadFile(disk.path() + "/destination/file"), ReadFile(file));
}

TEST_F(Sparse, AlwaysMakesHolesOfZeros) {
  const std::string zeros(3 * kMiB, '\0');
  // Zeros in whole blocks, in parts of blocks, at the end; and a file of nothing else.
  WriteFile(place_ / "source/large", Bytes(5'000) + zeros + Bytes(100'000, 2) + zeros);
  WriteFile(place_ / "source/zeros", zeros);
  WriteFile(place_ / "source/small", Bytes(1'000) + std::string(60'000, '\0') + "x");
  for (const off_t large_file_bytes : {kMiB, 64 * kMiB}) {
    auto request = Request(SparseMode::kAlways);
    request.large_file_bytes = large_file_bytes;
    request.range_bytes = kMiB;
    const Report report = Copy(request);
    EXPECT_TRUE(Clean(report));
    EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
    EXPECT_LT(AllocatedBytes("destination/large"), 200'000);
    EXPECT_LE(AllocatedBytes("destination/zeros"), 16'384);
    EXPECT_LE(AllocatedBytes("destination/small"), 16'384);
    EXPECT_GT(report[Word::kHoleBytes], 9 * kMiB - 100'000);
    EXPECT_EQ(Sum(report), report[Word::kBytesTotal]);
  }
}

TEST_F(Sparse, AMapThatIsNotToBeTrustedIsNotAsked) {
  MakeSparse(place_ / "source/file", 2 * kMiB, 4 * kMiB);
  faults::Plan plan;
  plan.file_system_type = 0x2FC12FC1;  // ZFS
  faults::Use(plan);
  const Report report = Copy(Request(SparseMode::kAuto));
  EXPECT_EQ(faults::CallCount(Syscall::kLseek), 0);
  faults::Clear();
  EXPECT_TRUE(Clean(report));
  EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
  EXPECT_LE(AllocatedBytes("destination/file"), AllocatedBytes("source/file") + 8'192);
}

TEST_F(Sparse, WithoutAMapEverythingIsRead) {
  MakeSparse(place_ / "source/file", 2 * kMiB, 4 * kMiB);
  for (const int code : {EINVAL, EOPNOTSUPP, EIO}) {
    faults::Plan plan;
    plan.failing = Syscall::kLseek;
    plan.failing_errno = code;
    plan.sticky = true;
    faults::Use(plan);
    const Report report = Copy(Request(SparseMode::kAuto));
    faults::Clear();
    if (code == EIO) {
      ASSERT_EQ(report.failures.size(), 1u);
      EXPECT_EQ(report.failures[0].side, Side::kSource);
      EXPECT_EQ(report.failures[0].error->call, Syscall::kLseek);
      continue;
    }
    EXPECT_TRUE(Clean(report));
    EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
    EXPECT_EQ(report[Word::kReadWriteBytes], 4 * kMiB);
  }
}

TEST_F(Sparse, HolesCountForADigestAndAreReadBack) {
  MakeSparse(place_ / "source/file", 9 * kMiB, 20 * kMiB);
  const auto digest = MakeDigest(DigestAlgorithm::kXxh3);
  const std::string content = ReadFile(place_ / "source/file");
  digest->Update(std::as_bytes(std::span(content)));
  for (const off_t large_file_bytes : {kMiB, 64 * kMiB}) {
    const UniqueFd digests(::open((place_ / "digests").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    auto request = Request(SparseMode::kAuto);
    request.large_file_bytes = large_file_bytes;
    request.digest = DigestAlgorithm::kXxh3;
    request.verify = VerifyLevel::kReadback;
    request.digests_fd = digests.get();
    const Report report = Copy(request);
    EXPECT_TRUE(Clean(report));
    EXPECT_EQ(ReadFile(place_ / "digests"), digest->Hex() + "  file\n");
    EXPECT_EQ(report[Word::kBytesVerified], 20 * kMiB);  // holes as well: a map is no proof
    EXPECT_LT(report[Word::kReadWriteBytes], kMiB);
    EXPECT_LE(AllocatedBytes("destination/file"), AllocatedBytes("source/file") * 101 / 100);
  }
}

class Refusals : public Sparse {
 protected:
  CopyRequest Request(IoMode io, DirectIo direct_io = DirectIo::kNever) const {
    auto request = RequestFor(place_ / "source", place_ / "destination");
    request.io = io;
    request.direct_io = direct_io;
    request.large_file_bytes = kMiB;
    return request;
  }

  // Copies while one call answers `code`, once (the first time) or for ever.
  Report CopyWith(const CopyRequest& request, Syscall call, int code, bool sticky) {
    faults::Plan plan;
    plan.failing = call;
    plan.failing_errno = code;
    plan.sticky = sticky;
    plan.file_system_type = file_system_type_;
    faults::Use(plan);
    Report report = Copy(request);
    calls_ = faults::CallCount(call);
    faults::Clear();
    return report;
  }

  long file_system_type_ = 0;
  int64_t calls_ = 0;
};

bool Tells(const Report& report, const char* from, const char* to, int code) {
  const auto& all = report.result().fallbacks;
  return std::any_of(all.begin(), all.end(), [&](const Fallback& fallback) {
    return fallback.from == from && fallback.to == to && fallback.code == code;
  });
}

TEST_F(Refusals, WithoutRingsFilesAreReadAndWrittenAndThatIsSaid) {
  WriteFile(place_ / "source/large", Bytes(3 * kMiB + 1));
  WriteFile(place_ / "source/small", Bytes(10'000));
  for (const int code : {EPERM, ENOSYS, ENOMEM}) {
    for (const DirectIo direct_io : {DirectIo::kNever, DirectIo::kAlways}) {
      const Report report = CopyWith(Request(IoMode::kIoUring, direct_io), Syscall::kIoUringSetup, code, true);
      EXPECT_TRUE(Clean(report));
      EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
      EXPECT_EQ(report[Word::kReadWriteBytes], 3 * kMiB + 10'001);
      EXPECT_TRUE(Tells(report, "ioUring", "readWrite", code));
    }
  }
}

TEST_F(Refusals, ARingWithoutFixedBuffersOrMemoryForMoreStillCopies) {
  if (!ProbeIoUring()) GTEST_SKIP() << "no ring can be made here";
  WriteFile(place_ / "source/large", Bytes(3 * kMiB + 1));
  faults::Plan plan;
  plan.failing = Syscall::kIoUringRegister;
  plan.failing_index = 1;  // after the probe's: the buffers
  plan.failing_errno = ENOMEM;
  faults::Use(plan);
  const Report unpinned = Copy(Request(IoMode::kIoUring));
  faults::Clear();
  EXPECT_TRUE(Clean(unpinned));
  EXPECT_EQ(unpinned[Word::kIoUringBytes], 3 * kMiB + 1);
  auto poor = Request(IoMode::kIoUring);
  poor.ring_memory_bytes = kMiB;
  const Report without = Copy(poor);
  EXPECT_TRUE(Clean(without));
  EXPECT_EQ(without[Word::kReadWriteBytes], 3 * kMiB + 1);
  EXPECT_TRUE(Tells(without, "ioUring", "readWrite", ENOBUFS));
}

TEST_F(Refusals, ACompletionThatAsksForAnotherTryGetsOne) {
  if (!ProbeIoUring()) GTEST_SKIP() << "no ring can be made here";
  WriteFile(place_ / "source/large", Bytes(3 * kMiB + 1));
  for (const Syscall call : {Syscall::kRingRead, Syscall::kRingWrite}) {
    for (const int code : {EAGAIN, EINTR}) {
      const Report report = CopyWith(Request(IoMode::kIoUring), call, code, true);
      EXPECT_TRUE(Clean(report)) << SyscallName(call) << strerrorname_np(code);
      EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
      EXPECT_EQ(report[Word::kIoUringBytes], 3 * kMiB + 1);
    }
  }
}

TEST_F(Refusals, ARingThatBreaksIsANamedFailure) {
  if (!ProbeIoUring()) GTEST_SKIP() << "no ring can be made here";
  WriteFile(place_ / "source/large", Bytes(3 * kMiB + 1));
  WriteFile(place_ / "source/other", Bytes(3 * kMiB + 1, 2));
  for (const int code : {EBADF, ENOMEM}) {
    const Report report = CopyWith(Request(IoMode::kIoUring), Syscall::kIoUringEnter, code, false);
    ASSERT_EQ(report.failures.size(), 1u);
    EXPECT_EQ(report.failures[0].error->call, Syscall::kIoUringEnter);
    EXPECT_FALSE(Exists(place_ / "destination/" + report.failures[0].path));
    EXPECT_EQ(report[Word::kFilesDone], 1);
    std::filesystem::remove_all(place_ / "destination");
  }
}

TEST_F(Refusals, DirectIoThatAFileSystemTakesBackGoesThroughTheCache) {
  WriteFile(place_ / "source/large", Bytes(3 * kMiB));  // no tail, which could be completed first
  for (const IoMode io : {IoMode::kPosix, IoMode::kIoUring}) {
    const bool reads_by_ring = io == IoMode::kIoUring && ProbeIoUring().ok();
    const auto call = reads_by_ring ? Syscall::kRingRead : Syscall::kPread;
    const Report report = CopyWith(Request(io, DirectIo::kAlways), call, EINVAL, false);
    if (Tells(report, "directIo", "pageCache", EOPNOTSUPP)) GTEST_SKIP() << "no direct I/O here";
    EXPECT_TRUE(Clean(report));
    EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
    EXPECT_TRUE(Tells(report, "directIo", "pageCache", EINVAL));
  }
}

// The two opens past the page cache are the last ones of a file: of its source, then of its destination.
TEST_F(Refusals, DirectIoGivesWayToTheCacheOnlyWhereItIsNotOffered) {
  for (const off_t size : {kMiB, 3 * kMiB}) {
    WriteFile(place_ / "source/file", Bytes(static_cast<size_t>(size)));
    auto request = Request(IoMode::kPosix, DirectIo::kAlways);
    request.large_file_bytes = 2 * kMiB;
    request.durability = Durability::kNone;
    std::filesystem::remove_all(place_ / "destination");
    faults::Use({});
    const Report offered = Copy(request);
    const int64_t opens = faults::CallCount(Syscall::kOpenat2);
    if (offered[Word::kDirectIoBytes] == 0) GTEST_SKIP() << "no direct I/O here";
    for (const Side side : {Side::kSource, Side::kDestination}) {
      for (const int code : {EINVAL, EOPNOTSUPP, EACCES, EIO, ENOMEM, ENOSPC, EDQUOT}) {
        std::filesystem::remove_all(place_ / "destination");
        const bool is_final = JudgeRefusal(code) == Refusal::kFinal;
        faults::Plan plan;
        plan.failing = Syscall::kOpenat2;
        plan.failing_index = opens - (side == Side::kSource ? 2 : 1);
        plan.failing_errno = code;
        faults::Use(plan);
        const Report report = Copy(request);
        faults::Clear();
        EXPECT_EQ(Tells(report, "directIo", "pageCache", code), !is_final) << strerrorname_np(code);
        EXPECT_EQ(report[Word::kFilesDone], is_final ? 0 : 1) << strerrorname_np(code);
        if (!is_final) continue;
        ASSERT_EQ(report.failures.size(), 1u) << strerrorname_np(code);
        EXPECT_EQ(report.failures[0].error->code, code);
        EXPECT_EQ(report.failures[0].side, side);
        EXPECT_FALSE(Exists(place_ / "destination/file"));
      }
    }
  }
}

TEST_F(Refusals, DirectIoCountsWhatWentPastTheCache) {
  WriteFile(place_ / "source/large", Bytes(3 * kMiB + 1));
  for (const IoMode io : {IoMode::kPosix, IoMode::kIoUring}) {
    const Report report = Copy(Request(io, DirectIo::kAlways));
    EXPECT_TRUE(Clean(report));
    EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
    // All but the tail, or nothing and that is said.
    const bool is_told = !report.result().fallbacks.empty() && report.result().fallbacks[0].from == "directIo";
    EXPECT_EQ(report[Word::kDirectIoBytes], is_told ? 0 : 3 * kMiB);
  }
}

// Out of space, the file is begun anew under the same name: whatever cannot be opened then, the bytes go to the new
// one.
TEST_F(Refusals, DirectFilesOfACopyThatIsGoneAreNotWrittenTo) {
  const std::string content = Bytes(4 * kMiB, 6);
  WriteFile(place_ / "source/file", content);
  auto request = Request(IoMode::kAuto, DirectIo::kAlways);
  request.durability = Durability::kBatch;
  request.large_file_bytes = 64 * kMiB;
  request.thread_count = 1;
  EXPECT_TRUE(Clean(Copy(request)));  // the sanitizers need descriptors the first time they see a type
  bool reached = true;
  for (int64_t refused = 4; reached; ++refused) {
    reached = false;
    std::optional<FewDescriptors> few;
    faults::Plan plan;
    plan.failing = Syscall::kRingWrite;
    plan.failing_errno = ENOSPC;
    plan.meanwhile = [&](Syscall call, int64_t index) {
      few.reset();
      if (call != Syscall::kOpenat2 || index != refused) return;
      reached = true;
      few.emplace(3);
    };
    ::unlink((place_ / "destination/file").c_str());
    faults::Use(plan);
    const Report report = Copy(request);
    faults::Clear();
    few.reset();
    if (report.started() && report.failures.empty()) {
      EXPECT_TRUE(ReadFile(place_ / "destination/file") == content) << "the open that was refused: " << refused;
    }
  }
}

TEST_F(Refusals, DirectIoBelowALimitMovesWholeBlocks) {
  WriteFile(place_ / "source/large", Bytes(3 * kMiB + 1));
  for (const IoMode io : {IoMode::kPosix, IoMode::kIoUring}) {
    std::filesystem::remove_all(place_ / "destination");
    const Report report = CopySlowly(Request(io, DirectIo::kAlways), 10'007'001, {});
    EXPECT_TRUE(Clean(report));
    const bool is_told = !report.result().fallbacks.empty() && report.result().fallbacks[0].from == "directIo";
    EXPECT_EQ(report[Word::kDirectIoBytes], is_told ? 0 : 3 * kMiB);
  }
}

TEST_F(Refusals, WhatIsNeverOfferedIsAskedOnce) {
  for (int index = 0; index < 10; ++index) WriteFile(place_ / ("source/" + std::to_string(index)), Bytes(5'000));
  auto request = Request(IoMode::kAuto);
  request.thread_count = 1;
  EXPECT_TRUE(Clean(CopyWith(request, Syscall::kFiclone, EOPNOTSUPP, true)));
  EXPECT_EQ(calls_, 1);
  EXPECT_TRUE(Clean(CopyWith(request, Syscall::kFiclone, EXDEV, true)));  // within a device: remembered by mounts
  EXPECT_EQ(calls_, 1);
  EXPECT_TRUE(Clean(CopyWith(request, Syscall::kFiclone, EINVAL, true)));
  EXPECT_EQ(calls_, 10);
}

TEST_F(Refusals, CopyFileRangeGivesWayOnlyBeforeItHasWritten) {
  file_system_type_ = kNfs;
  WriteFile(place_ / "source/large", Bytes(3 * kMiB + 1));
  for (const int code : {EXDEV, EOPNOTSUPP, ENOENT, EINVAL}) {
    const Report report = CopyWith(Request(IoMode::kAuto), Syscall::kCopyFileRange, code, true);
    EXPECT_TRUE(Clean(report));
    EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
    EXPECT_EQ(report[Word::kCopyFileRangeBytes], 0);
  }
  // A limit makes slices shorter than the range; the second one fails.
  faults::Plan plan;
  plan.file_system_type = kNfs;
  plan.failing = Syscall::kCopyFileRange;
  plan.failing_index = 1;
  plan.failing_errno = EOPNOTSUPP;
  faults::Use(plan);
  const Report report = CopySlowly(Request(IoMode::kAuto), 10 * kMiB, {});
  faults::Clear();
  if (report[Word::kReflinkBytes] > 0) return;
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].error->call, Syscall::kCopyFileRange);
}

// Asked directly: no request brings a file whose size is not true to such a way.
TEST_F(Refusals, NothingAtOnceIsNoEnd) {
  WriteFile(place_ / "source/file", "");
  WriteFile(place_ / "destination", "");
  const UniqueFd source(::open((place_ / "source/file").c_str(), O_RDONLY));
  const UniqueFd destination(::open((place_ / "destination").c_str(), O_RDWR));
  std::array<int64_t, static_cast<size_t>(Word::kCount)> words{};
  words[static_cast<size_t>(Word::kBytesPerSecond)] = -1;
  FailureSink sink([] {});
  Transfer transfer(CopyRequest{}, ControlBlock(words.data()), sink, {16, 16, 16});
  Capabilities capabilities(transfer);
  CopyFileRangeCopy way(transfer, capabilities);
  MovedBytes moved;
  ContentCopy file;
  file.source = source.get();
  file.destination = destination.get();
  file.size = 100;
  file.moved = &moved;
  const auto copied = way.CopyRange(file, {0, 100}, {});
  ASSERT_TRUE(copied.ok());
  EXPECT_FALSE(copied.value().has_value());
}

// On a real disk only: in memory nothing is ever cold.
TEST_F(Refusals, AColdFileTooLargeForTheCacheIsProbed) {
  const std::string content = Bytes(24 * kMiB, 4);
  WriteFile(place_ / "source/file", content);
  auto request = Request(IoMode::kAuto, DirectIo::kAuto);
  request.probed_file_bytes = kMiB;
  request.page_cache_bytes = kMiB;
  request.range_bytes = kMiB;
  request.large_file_bytes = 2 * kMiB;
  const UniqueFd file(::open((place_ / "source/file").c_str(), O_RDWR));
  ASSERT_EQ(::fdatasync(file.get()), 0);
  ASSERT_EQ(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
  struct statfs facts{};
  ASSERT_EQ(::fstatfs(file.get(), &facts), 0);
  faults::Use({});
  const Report report = Copy(request);
  const int64_t waits = faults::CallCount(Syscall::kSyncFileRange);
  faults::Clear();
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(ReadFile(place_ / "destination/file"), content);
  if (!TraitsOf(static_cast<long>(facts.f_type)).is_local_disk) GTEST_SKIP() << "not on a local disk";
  if (report[Word::kReflinkBytes] > 0) GTEST_SKIP() << "blocks are shared here";
  EXPECT_GT(waits, 0);  // both ways were measured
  EXPECT_GT(report[Word::kDirectIoBytes], 0);
}

}  // namespace
}  // namespace smartcopy::testing
