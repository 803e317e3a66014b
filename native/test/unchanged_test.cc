#include <sys/mount.h>
#include <unistd.h>

#include <array>

#include "fault_injection.h"
#include "support.h"

namespace smartcopy::testing {
namespace {

constexpr std::array kOpening = {Syscall::kOpenat2, Syscall::kFstat, Syscall::kFlistxattr};
using Counts = std::array<int64_t, kOpening.size()>;

// A tree and its copy, which is made again.
class Unchanged : public ::testing::Test {
 protected:
  void SetUp() override {
    MakeDirectory(source);
    WriteFile(source + "/file", "content");
    WriteFile(source + "/other", "others");
    SetTime(source + "/file", 1'234'567'890, 123'456'789);
    ASSERT_TRUE(Clean(Copy(source, destination)));
  }
  void TearDown() override { faults::Clear(); }

  CopyRequest Request() const {
    auto request = RequestFor(source, destination);
    request.update = UpdateMode::kIfDifferent;
    return request;
  }
  // How often calls were made that take an open file, or make one.
  Counts CountAgain(const CopyRequest& request) {
    faults::Use({});
    EXPECT_TRUE(Clean(Copy(request)));
    Counts counts{};
    for (size_t index = 0; index < kOpening.size(); ++index) counts[index] = faults::CallCount(kOpening[index]);
    return counts;
  }

  const TemporaryDirectory place;
  const std::string source = place / "source";
  const std::string destination = place / "destination";
};

TEST_F(Unchanged, FilesAreNotOpened) {
  const Counts of_two = CountAgain(Request());
  for (int index = 0; index < 50; ++index) WriteFile(source + "/" + std::to_string(index), "x");
  ASSERT_TRUE(Clean(Copy(source, destination)));
  EXPECT_EQ(CountAgain(Request()), of_two);
  EXPECT_EQ(faults::CallCount(Syscall::kStatx), 52);
  EXPECT_EQ(faults::CallCount(Syscall::kFstatat), 52);
  EXPECT_EQ(faults::CallCount(Syscall::kLlistxattr), 104);
}

TEST_F(Unchanged, FilesAreNotOpenedEitherWhenTheirNamesAreLinks) {
  const Counts of_two = CountAgain(Request());
  for (int index = 0; index < 50; ++index)
    ASSERT_EQ(::link((source + "/file").c_str(), (source + "/" + std::to_string(index)).c_str()), 0);
  ASSERT_TRUE(Clean(Copy(Request())));
  EXPECT_EQ(CountAgain(Request()), of_two);
  const Report report = Copy(Request());
  EXPECT_EQ(report[Word::kFilesUnchanged], 52);
  EXPECT_EQ(report[Word::kBytesUnchanged], 13);  // of two contents
  EXPECT_TRUE(SameTree(destination, source));
}

TEST_F(Unchanged, FilesThatOnlyAChangeOfTheirOwnMakesDifferAreOpened) {
  const Counts of_none = CountAgain(Request());
  ASSERT_EQ(::chmod((source + "/file").c_str(), 0600), 0);
  const Counts of_one = CountAgain(Request());
  for (size_t index = 0; index < kOpening.size(); ++index)
    EXPECT_GT(of_one[index], of_none[index]) << SyscallName(kOpening[index]);
}

struct Change {
  const char* name;
  // Answers false where the file system has no such thing.
  bool (*make)(const std::string& source, const std::string& destination);
  bool needs_root = false;
};

std::ostream& operator<<(std::ostream& out, const Change& change) { return out << change.name; }

const Change kChanges[] = {
    {"Size",
     [](const auto& source, const auto&) {
       WriteFile(source + "/file", "content+");
       SetTime(source + "/file", 1'234'567'890, 123'456'789);
       return true;
     }},
    {"Nanosecond",
     [](const auto& source, const auto&) {
       WriteFile(source + "/file", "CONTENT");
       SetTime(source + "/file", 1'234'567'890, 123'456'788);
       return true;
     }},
    {"Mode", [](const auto& source, const auto&) { return ::chmod((source + "/file").c_str(), 0640) == 0; }},
    {"Owner", [](const auto& source, const auto&) { return ::chown((source + "/file").c_str(), 1234, 4321) == 0; },
     true},
    {"Group",
     [](const auto&, const auto& destination) {
       return ::chown((destination + "/file").c_str(), static_cast<uid_t>(-1), 4321) == 0;
     },
     true},
    {"AttributeInTheSource",
     [](const auto& source, const auto&) { return SetXattr(source + "/file", "user.note", "1"); }},
    {"AttributeInTheDestination",
     [](const auto&, const auto& destination) { return SetXattr(destination + "/file", "user.note", "1"); }},
    {"ValueOfAnAttribute",
     [](const auto& source, const auto& destination) {
       return SetXattr(source + "/file", "user.note", "1") && SetXattr(destination + "/file", "user.note", "2");
     }},
    {"TypeInTheSource",
     [](const auto& source, const auto&) {
       ::unlink((source + "/file").c_str());
       MakeLink("content", source + "/file");  // as long as the file was
       SetTime(source + "/file", 1'234'567'890, 123'456'789);
       return true;
     }},
    {"TypeInTheDestination",
     [](const auto&, const auto& destination) {
       ::unlink((destination + "/file").c_str());
       MakeLink("content", destination + "/file");
       SetTime(destination + "/file", 1'234'567'890, 123'456'789);
       return true;
     }},
    {"MissingInTheDestination",
     [](const auto&, const auto& destination) { return ::unlink((destination + "/file").c_str()) == 0; }},
    // Both names have the content and the times already, as two files.
    {"HardLink",
     [](const auto& source, const auto& destination) {
       if (::link((source + "/file").c_str(), (source + "/second").c_str()) != 0) return false;
       WriteFile(destination + "/second", "content");
       SetTime(destination + "/second", 1'234'567'890, 123'456'789);
       return true;
     }},
};

class EveryChange : public Unchanged, public ::testing::WithParamInterface<Change> {};

TEST_P(EveryChange, IsFound) {
  if (GetParam().needs_root && ::geteuid() != 0) GTEST_SKIP() << "giving files away needs root";
  if (!GetParam().make(source, destination)) GTEST_SKIP() << "not to be had here";
  EXPECT_FALSE(SameTree(destination, source));
  EXPECT_TRUE(Clean(Copy(Request())));
  EXPECT_TRUE(SameTree(destination, source));
}

INSTANTIATE_TEST_SUITE_P(Of, EveryChange, ::testing::ValuesIn(kChanges),
                         [](const auto& info) { return std::string(info.param.name); });

// Another name of the link may be far outside, so that the link itself is not changed.
TEST_F(Unchanged, LinksWithSeveralNamesAreMadeAnewWhenTheirMetadataDiffers) {
  if (::geteuid() != 0) GTEST_SKIP() << "gives a link away";
  MakeLink("target", source + "/link");
  ASSERT_EQ(::link((source + "/link").c_str(), (source + "/second").c_str()), 0);
  EXPECT_TRUE(Clean(Copy(Request())));
  ASSERT_EQ(::link((destination + "/link").c_str(), (place / "outside").c_str()), 0);
  const struct stat outside = FileStat(place / "outside");
  ASSERT_EQ(::lchown((source + "/link").c_str(), 1000, 1000), 0);
  const Report mending = Copy(Request());
  EXPECT_TRUE(Clean(mending));
  EXPECT_EQ(mending[Word::kFilesDone], 2);
  EXPECT_TRUE(SameTree(destination, source));
  EXPECT_EQ(FileStat(place / "outside").st_uid, outside.st_uid);
  EXPECT_EQ(Copy(Request())[Word::kFilesDone], 0);
}

// One whose attributes are as they should be is left alone.
TEST_F(Unchanged, LinksWithSeveralNamesAndAttributesAreComparedAndNotMadeAnew) {
  MakeLink("target", source + "/link");
  ASSERT_EQ(::link((source + "/link").c_str(), (source + "/second").c_str()), 0);
  if (!SetXattr(source + "/link", "trusted.mark", "one")) GTEST_SKIP() << "no attributes of links";
  EXPECT_TRUE(Clean(Copy(Request())));
  EXPECT_EQ(Copy(Request())[Word::kFilesDone], 0);
  ASSERT_TRUE(SetXattr(source + "/link", "trusted.mark", "two"));
  EXPECT_TRUE(Clean(Copy(Request())));
  EXPECT_TRUE(SameTree(destination, source));
}

// A dry run that copies nothing compares no metadata.
TEST_F(Unchanged, FilesAreNotOpenedInADryRun) {
  auto request = Request();
  request.dry_run = true;
  ASSERT_EQ(::chmod((source + "/file").c_str(), 0600), 0);
  const Report report = Copy(request);
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(report[Word::kFilesUnchanged], 2);
  EXPECT_EQ(FileStat(destination + "/file").st_mode & 07777, 0644u);
}

TEST_F(Unchanged, FilesOfAnUnwantedSizeAreFiltered) {
  auto request = Request();
  request.selection.min_bytes = 7;
  const Report report = Copy(request);
  EXPECT_EQ(report[Word::kFilesUnchanged], 1);
  EXPECT_EQ(report[Word::kEntriesFiltered], 1);
  EXPECT_EQ(report[Word::kBytesTotal], 7);
}

// Even one of the same file system, which no device number tells of.
TEST_F(Unchanged, AMountedFileIsNotTakenForTheOneBelow) {
  WriteFile(place / "elsewhere", "mounted");
  SetTime(place / "elsewhere", 1'234'567'890, 123'456'789);
  const std::string mounted = source + "/file";
  if (::mount((place / "elsewhere").c_str(), mounted.c_str(), nullptr, MS_BIND, nullptr) != 0)
    GTEST_SKIP() << "no mounts here";
  auto request = Request();
  const Report crossing = Copy(request);
  request.one_file_system = true;
  const Report left_out = Copy(request);
  request.one_file_system = request.cross_mounts = false;
  const Report report = Copy(request);
  ::umount(mounted.c_str());
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].error->code, EXDEV);
  EXPECT_EQ(report[Word::kFilesUnchanged], 1);
  EXPECT_EQ(left_out[Word::kEntriesFiltered], 1);
  EXPECT_EQ(left_out[Word::kFilesUnchanged], 1);
  EXPECT_EQ(crossing[Word::kFilesUnchanged], 2);
}

// Before Linux 5.8 nothing tells of a mount, and some container runtimes forbid the call.
TEST_F(Unchanged, FilesAreOpenedWhereAGlanceDoesNotTell) {
  faults::Plan plan;
  plan.failing = Syscall::kStatx;
  plan.failing_errno = ENOSYS;
  plan.sticky = true;
  faults::Use(plan);
  const Report report = Copy(Request());
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(report[Word::kFilesUnchanged], 2);
  EXPECT_EQ(report[Word::kBytesUnchanged], 13);
  EXPECT_GE(faults::CallCount(Syscall::kFlistxattr), 2);
}

}  // namespace
}  // namespace smartcopy::testing
