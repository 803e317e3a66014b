#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "engine/tree_compare.h"
#include "fault_injection.h"
#include "support.h"

namespace smartcopy::testing {
namespace {

struct CompareReport {
  std::variant<CompareResult, StartError> outcome;
  std::vector<Difference> differences;
  std::vector<Failure> failures;
  std::array<int64_t, static_cast<size_t>(Word::kCount)> words{};

  bool equal() const { return outcome.index() == 0 && differences.empty() && failures.empty(); }
  // "kind path", sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& difference : differences)
      all.push_back(std::string(DifferenceKindName(difference.kind)) + " " + difference.path);
    std::sort(all.begin(), all.end());
    return all;
  }
  const Difference& the(DifferenceKind kind) const {
    const auto found = std::find_if(differences.begin(), differences.end(),
                                    [&](const Difference& difference) { return difference.kind == kind; });
    if (found != differences.end()) return *found;
    static const Difference kNone;
    ADD_FAILURE() << "no difference of kind " << DifferenceKindName(kind);
    return kNone;
  }
};

using Names = std::vector<std::string>;

CompareReport Compare(const CompareRequest& request) {
  CompareReport report;
  report.words[static_cast<size_t>(Word::kBytesPerSecond)] = -1;
  FindingSink sink([] {});
  {
    TreeCompare compare(request, ControlBlock(report.words.data()), sink);
    report.outcome = compare.Run();
  }
  for (auto& finding : sink.Take()) {
    if (auto* failure = std::get_if<Failure>(&finding))
      report.failures.push_back(std::move(*failure));
    else
      report.differences.push_back(std::move(*std::get_if<Difference>(&finding)));
  }
  return report;
}

class Comparisons : public ::testing::Test {
 protected:
  void SetUp() override {
    MakeSampleTree(source());
    ASSERT_TRUE(Clean(Copy(source(), destination())));
  }
  std::string source() const { return place_ / "source"; }
  std::string destination() const { return place_ / "destination"; }
  CompareRequest Request() const {
    CompareRequest request;
    request.source = {source(), ""};
    request.destination = {destination(), ""};
    request.thread_count = 3;
    request.cross_mounts = true;
    return request;
  }
  CompareReport Compare() const { return testing::Compare(Request()); }
  // Changes the destination without its time telling.
  void Overwrite(const std::string& name, std::string_view content, off_t offset) const {
    const struct stat before = FileStat(destination() + "/" + name);
    const UniqueFd file(::open((destination() + "/" + name).c_str(), O_WRONLY));
    ASSERT_EQ(::pwrite(file.get(), content.data(), content.size(), offset), static_cast<ssize_t>(content.size()));
    const timespec times[2] = {before.st_atim, before.st_mtim};
    ASSERT_EQ(::futimens(file.get(), times), 0);
  }

  const TemporaryDirectory place_;
};

TEST_F(Comparisons, OfACopyFindNothing) {
  const CompareReport report = Compare();
  EXPECT_EQ(report.names(), Names());
  EXPECT_TRUE(report.equal());
  EXPECT_GT(report.words[static_cast<size_t>(Word::kFilesDone)], 4);
  EXPECT_GT(report.words[static_cast<size_t>(Word::kBytesVerified)], 2 * 266'000);
}

TEST_F(Comparisons, NameEveryKindOfDifference) {
  const auto at = [&](const char* name) { return destination() + "/" + name; };
  Overwrite("unaligned", "#", 70'000);
  ASSERT_EQ(::chmod(at("one").c_str(), 0640), 0);
  WriteFile(at("extra"), "x");
  std::filesystem::remove_all(source() + "/missing");
  MakeDirectory(source() + "/missing");
  WriteFile(source() + "/missing/inside", "never named by itself");
  WriteFile(source() + "/kind", "a file");
  MakeDirectory(at("kind"));
  WriteFile(source() + "/longer", "123");
  WriteFile(at("longer"), "1234");
  SetTime(source() + "/longer", 1, 5);
  SetTime(at("longer"), 1, 5);
  ASSERT_EQ(::unlink(at("inner/link").c_str()), 0);
  MakeLink("../two", at("inner/link"));
  const struct stat link = FileStat(source() + "/inner/link");
  SetTime(at("inner/link"), link.st_mtim.tv_sec, link.st_mtim.tv_nsec);
  SetTime(at("buffers"), -5, 7);
  for (const char* directory : {"", "/inner"}) {
    SetTime(source() + directory, 9, 9);
    SetTime(destination() + directory, 9, 9);
  }

  const CompareReport report = Compare();

  EXPECT_TRUE(report.failures.empty());
  // The file that differs has three names.
  EXPECT_EQ(report.names(),
            Names({"content inner/second name", "content inner/third name", "content unaligned", "extra extra",
                   "link inner/link", "missing missing", "mode one", "size longer", "time buffers", "type kind"}));
  EXPECT_EQ(report.the(DifferenceKind::kSize).source, "3");
  EXPECT_EQ(report.the(DifferenceKind::kSize).destination, "4");
  EXPECT_EQ(report.the(DifferenceKind::kMode).source, "0600");
  EXPECT_EQ(report.the(DifferenceKind::kMode).destination, "0640");
  EXPECT_EQ(report.the(DifferenceKind::kType).source, "file");
  EXPECT_EQ(report.the(DifferenceKind::kType).destination, "directory");
  EXPECT_EQ(report.the(DifferenceKind::kMissing).source, "directory");
  EXPECT_EQ(report.the(DifferenceKind::kLink).destination, "to ../two");
  EXPECT_EQ(report.the(DifferenceKind::kTime).destination, "-5.000000007");
  EXPECT_EQ(report.the(DifferenceKind::kContent).source.size(), 32u);
  const auto& result = std::get<CompareResult>(report.outcome);
  EXPECT_EQ(result.differences[static_cast<size_t>(DifferenceKind::kContent)], 3);
}

TEST_F(Comparisons, LookAtNothingThatIsIgnored) {
  Overwrite("unaligned", "#", 0);
  ASSERT_EQ(::chmod((destination() + "/one").c_str(), 0640), 0);
  auto request = Request();
  request.ignored.set(static_cast<size_t>(DifferenceKind::kContent));
  request.ignored.set(static_cast<size_t>(DifferenceKind::kMode));
  const CompareReport report = testing::Compare(request);
  EXPECT_TRUE(report.equal());
  EXPECT_EQ(report.words[static_cast<size_t>(Word::kBytesVerified)], 0);
}

TEST_F(Comparisons, FindNamesThatAreOneFileOnOneSideAlone) {
  WriteFile(source() + "/n1", "same");
  ASSERT_EQ(::link((source() + "/n1").c_str(), (source() + "/n2").c_str()), 0);
  WriteFile(source() + "/n3", "same");
  WriteFile(source() + "/n4", "same");
  for (const char* name : {"n1", "n2", "n3"}) WriteFile(destination() + "/" + name, "same");
  ASSERT_EQ(::link((destination() + "/n3").c_str(), (destination() + "/n4").c_str()), 0);
  auto request = Request();
  request.ignored.set(static_cast<size_t>(DifferenceKind::kTime));
  const CompareReport report = testing::Compare(request);
  ASSERT_EQ(report.differences.size(), 2u);
  // Whichever name of each two was met second.
  const auto names = report.names();
  EXPECT_TRUE(names[0] == "link n1" || names[0] == "link n2") << names[0];
  EXPECT_TRUE(names[1] == "link n3" || names[1] == "link n4") << names[1];
}

TEST_F(Comparisons, FindExtendedAttributes) {
  const auto set = [](const std::string& path, const char* name, const char* value) {
    return ::setxattr(path.c_str(), name, value, std::char_traits<char>::length(value), 0) == 0;
  };
  if (!set(source() + "/one", "user.both", "same")) GTEST_SKIP() << "no extended attributes here";
  set(destination() + "/one", "user.both", "same");
  EXPECT_TRUE(set(source() + "/one", "user.other", "abc"));
  EXPECT_TRUE(set(destination() + "/one", "user.other", "abd"));
  EXPECT_TRUE(set(destination() + "/inner", "user.extra", ""));
  const CompareReport report = Compare();
  EXPECT_TRUE(report.failures.empty());
  ASSERT_EQ(report.names(), Names({"xattr inner", "xattr one"}));
  const auto& of_one = report.differences[0].path == "one" ? report.differences[0] : report.differences[1];
  EXPECT_EQ(of_one.attribute, "user.other");
  EXPECT_EQ(of_one.source, "3 bytes: abc");
  EXPECT_EQ(of_one.destination, "3 bytes: abd");
}

TEST_F(Comparisons, NeverOpenFifosAndTellDevicesApart) {
  for (const auto& side : {source(), destination()}) ASSERT_EQ(::mkfifo((side + "/fifo").c_str(), 0600), 0);
  const bool has_devices = ::mknod((source() + "/device").c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0;
  if (has_devices) {
    ASSERT_EQ(::mknod((destination() + "/device").c_str(), S_IFCHR | 0600, makedev(1, 5)), 0);
  }
  auto request = Request();
  request.ignored.set(static_cast<size_t>(DifferenceKind::kTime));
  const CompareReport report = testing::Compare(request);
  EXPECT_TRUE(report.failures.empty());
  EXPECT_EQ(report.names(), has_devices ? Names({"type device"}) : Names());
}

TEST_F(Comparisons, ReadLongFilesInPiecesByEveryAlgorithm) {
  const std::string content = Bytes(5'000'001);
  WriteFile(source() + "/long", content);
  std::filesystem::remove_all(destination());
  ASSERT_TRUE(Clean(Copy(source(), destination())));
  for (const auto algorithm :
       {DigestAlgorithm::kXxh3, DigestAlgorithm::kXxh64, DigestAlgorithm::kBlake3, DigestAlgorithm::kSha256}) {
    auto request = Request();
    request.digest = algorithm;
    request.range_bytes = 1 << 20;
    request.buffer_bytes = 100'000;
    const UniqueFd list(::open((place_ / "list").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    request.digests_fd = list.get();
    EXPECT_TRUE(testing::Compare(request).equal());
    const auto digest = MakeDigest(algorithm);
    digest->Update(std::as_bytes(std::span(content)));
    EXPECT_NE(ReadFile(place_ / "list").find(digest->Hex() + "  long\n"), std::string::npos);
    for (const off_t offset : {off_t{0}, off_t{1 << 20}, off_t{5'000'000}}) {
      Overwrite("long", std::string(1, static_cast<char>(~content[static_cast<size_t>(offset)])), offset);
      EXPECT_EQ(testing::Compare(request).names(), Names({"content long"})) << offset;
      Overwrite("long", content.substr(static_cast<size_t>(offset), 1), offset);
    }
  }
}

TEST_F(Comparisons, OfSingleFilesNeedNoEqualNames) {
  auto request = Request();
  request.source.path = "buffers";
  request.destination.path = "buffers";
  EXPECT_TRUE(testing::Compare(request).equal());
  ASSERT_EQ(::rename((destination() + "/buffers").c_str(), (destination() + "/renamed").c_str()), 0);
  request.destination.path = "renamed";
  EXPECT_TRUE(testing::Compare(request).equal());
  Overwrite("renamed", "#", 3);
  EXPECT_EQ(testing::Compare(request).names(), Names({"content "}));
  request.destination.path = "inner";
  EXPECT_EQ(testing::Compare(request).names(), Names({"type "}));
}

TEST_F(Comparisons, OfATreeWithItselfAreRefused) {
  auto request = Request();
  request.destination = request.source;
  const auto report = testing::Compare(request);
  ASSERT_EQ(report.outcome.index(), 1u);
  EXPECT_EQ(std::get<StartError>(report.outcome).kind, StartError::Kind::kSameFile);
}

TEST_F(Comparisons, NeverFollowALinkBelowEitherSide) {
  std::filesystem::rename(destination() + "/inner", place_ / "outside");
  MakeLink(place_ / "outside", destination() + "/inner");
  const CompareReport report = Compare();
  EXPECT_EQ(report.the(DifferenceKind::kType).path, "inner");
  EXPECT_EQ(report.the(DifferenceKind::kType).destination, "symbolic link");
  auto request = Request();
  request.source.path = request.destination.path = "inner";
  EXPECT_EQ(testing::Compare(request).names(), Names({"type "}));
  request.source.path = request.destination.path = "inner/link";
  const auto refused = testing::Compare(request);
  ASSERT_EQ(refused.outcome.index(), 1u);
  EXPECT_EQ(std::get<StartError>(refused.outcome).error.code, ELOOP);
}

TEST_F(Comparisons, WalkDeepTreesWithFewDescriptors) {
  for (const auto& side : {source(), destination()}) {
    UniqueFd at(::open(side.c_str(), O_RDONLY | O_DIRECTORY));
    for (int level = 0; level < 2'000; ++level) {
      ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
      at = UniqueFd(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY));
    }
    const UniqueFd file(::openat(at.get(), "bottom", O_WRONLY | O_CREAT, 0644));
    ASSERT_EQ(::write(file.get(), side == source() ? "a" : "b", 1), 1);
  }
  const FewDescriptors few(64);
  auto request = Request();
  request.ignored.set(static_cast<size_t>(DifferenceKind::kTime));
  const CompareReport report = testing::Compare(request);
  EXPECT_TRUE(report.failures.empty());
  ASSERT_EQ(report.differences.size(), 1u);
  EXPECT_EQ(report.differences[0].kind, DifferenceKind::kContent);
  EXPECT_EQ(report.differences[0].path.size(), 2u * 2'000 + 6);
}

// A call that fails is a failure with that call, or it was of no consequence; it is never a difference, and never does
// a comparison pass that has not seen everything.
TEST_F(Comparisons, NameEveryFailedCallAndTakeNoneForADifference) {
  auto request = Request();
  request.thread_count = 1;
  for (const auto failing : {Syscall::kOpenat2, Syscall::kFstat, Syscall::kFstatat, Syscall::kGetdents64,
                             Syscall::kPread, Syscall::kReadlinkat, Syscall::kFlistxattr, Syscall::kMmap}) {
    faults::Use({});
    EXPECT_TRUE(testing::Compare(request).equal());
    const int64_t calls = faults::CallCount(failing);
    EXPECT_GT(calls, 0) << SyscallName(failing);
    for (int64_t index = 0; index < calls; ++index) {
      faults::Plan plan;
      plan.failing = failing;
      plan.failing_index = index;
      plan.failing_errno = EIO;
      faults::Use(plan);
      const CompareReport report = testing::Compare(request);
      faults::Clear();
      const std::string what = std::string(SyscallName(failing)) + " number " + std::to_string(index);
      EXPECT_TRUE(report.differences.empty()) << what;
      if (const auto* error = std::get_if<StartError>(&report.outcome)) {
        EXPECT_EQ(error->error.call, failing) << what;
        continue;
      }
      ASSERT_EQ(report.failures.size(), 1u) << what;
      EXPECT_EQ(report.failures[0].error->call, failing) << what;
      EXPECT_EQ(report.failures[0].error->code, EIO) << what;
    }
  }
}

TEST_F(Comparisons, NameAFailureInTheMiddleOfALongFileOnce) {
  WriteFile(source() + "/long", Bytes(5'000'001));
  std::filesystem::remove_all(destination());
  ASSERT_TRUE(Clean(Copy(source(), destination())));
  for (const auto algorithm : {DigestAlgorithm::kXxh3, DigestAlgorithm::kBlake3}) {
    auto request = Request();
    request.source.path = request.destination.path = "long";
    request.digest = algorithm;
    request.range_bytes = 1 << 20;
    request.buffer_bytes = 100'000;
    faults::Plan plan;
    plan.failing = Syscall::kPread;
    plan.failing_index = 30;
    plan.failing_errno = EIO;
    plan.sticky = true;
    faults::Use(plan);
    const CompareReport report = testing::Compare(request);
    faults::Clear();
    EXPECT_TRUE(report.differences.empty());
    ASSERT_EQ(report.failures.size(), 1u);
    EXPECT_EQ(report.failures[0].reason, FailureReason::kIoError);
    EXPECT_TRUE(report.failures[0].error->offset.has_value());
  }
}

TEST_F(Comparisons, AreNotChangedByShortReadsAndInterruptions) {
  faults::Plan plan;
  plan.interrupt = true;
  plan.shorten_to = 1'000;
  faults::Use(plan);
  const CompareReport report = Compare();
  faults::Clear();
  EXPECT_TRUE(report.equal());
}

TEST_F(Comparisons, EndSoonWhenCancelled) {
  auto request = Request();
  std::array<int64_t, static_cast<size_t>(Word::kCount)> words{};
  words[static_cast<size_t>(Word::kCancel)] = 1;
  FindingSink sink([] {});
  TreeCompare compare(request, ControlBlock(words.data()), sink);
  const auto outcome = compare.Run();
  EXPECT_TRUE(std::get<CompareResult>(outcome).cancelled);
  EXPECT_TRUE(sink.Take().empty());
}

}  // namespace
}  // namespace smartcopy::testing
