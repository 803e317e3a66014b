#include "engine/metadata.h"

#include <errno.h>
#include <grp.h>
#include <linux/magic.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "engine/extended_attributes.h"
#include "fault_injection.h"
#include "support.h"

namespace smartcopy::testing {
namespace {

// As linux/posix_acl_xattr.h lays an ACL out; entries in the order that the kernel demands.
struct AclEntry {
  uint16_t tag;
  uint16_t rights;
  uint32_t id;
};
constexpr uint32_t kNobody = 0xffffffff;
constexpr uint16_t kUserObject = 0x01, kUser = 0x02, kGroupObject = 0x04, kMask = 0x10, kOther = 0x20;

std::string Acl(const std::vector<AclEntry>& entries) {
  std::string bytes{'\x02', '\0', '\0', '\0'};
  for (const auto& [tag, rights, id] : entries) {
    for (const uint64_t part : {uint64_t{tag}, uint64_t{rights}}) {
      bytes.push_back(static_cast<char>(part & 0xff));
      bytes.push_back(static_cast<char>(part >> 8));
    }
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(id >> shift & 0xff));
  }
  return bytes;
}

// Owner rw-, a named user rwx, the owning group r--, mask rwx, others nothing.
std::string SampleAcl() {
  return Acl({{kUserObject, 6, kNobody},
              {kUser, 7, 1234},
              {kGroupObject, 4, kNobody},
              {kMask, 7, kNobody},
              {kOther, 0, kNobody}});
}

// A capability as setcap stores it: cap_net_raw, permitted and effective (linux/capability.h, revision 2).
std::string Capability() {
  std::string bytes(20, '\0');
  bytes[0] = 1;                  // effective
  bytes[3] = 2;                  // revision
  bytes[4 + 1] = 1 << (13 - 8);  // permitted, low word: bit 13
  return bytes;
}

bool IsRoot() { return ::geteuid() == 0; }

// What was not kept, one line for each kind.
std::vector<std::string> Lost(const Report& report) {
  std::vector<std::string> lines;
  for (const auto& [what, code, count, path] : report.result().not_kept) {
    const char* error = code == 0 ? "0" : strerrorname_np(code);
    lines.push_back(std::string(AttributeName(what)) + ' ' + error + ' ' + std::to_string(count) + ' ' + path);
  }
  return lines;
}
using Lines = std::vector<std::string>;

// Runs `body` in a process without root's rights, as the user 1234 of the group 4321, and fails when an expectation in
// it failed.
void AsOrdinaryUser(const std::function<void()>& body) {
  if (!IsRoot()) return body();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(4321) != 0 || ::setuid(1234) != 0) ::_exit(2);
    body();
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

class Metadata : public ::testing::Test {
 protected:
  void SetUp() override {
    MakeDirectory(place / "source");
    WriteFile(place / "source/file", "content");
    if (IsRoot()) {
      ASSERT_EQ(::chown(place.path().c_str(), 1234, 4321), 0);
    }
  }
  void TearDown() override { faults::Clear(); }

  CopyRequest Request() const { return RequestFor(source, destination); }
  // Of what is at the destination already when it is the same.
  CopyRequest AgainRequest() const {
    auto request = Request();
    request.update = UpdateMode::kIfDifferent;
    return request;
  }
  void Fail(Syscall call, int code) {
    faults::Plan plan;
    plan.failing = call;
    plan.failing_errno = code;
    plan.sticky = true;
    faults::Use(plan);
  }

  const TemporaryDirectory place;
  const std::string source = place / "source";
  const std::string destination = place / "destination";
};

TEST_F(Metadata, KeepsExtendedAttributesOfEveryKindOfEntry) {
  MakeDirectory(source + "/directory", 0555);
  MakeLink("file", source + "/link");
  if (!SetXattr(source + "/file", "user.note", "of a file")) GTEST_SKIP() << "no user attributes here";
  ASSERT_TRUE(SetXattr(source + "/file", "user.empty", ""));
  ASSERT_TRUE(SetXattr(source + "/directory", "user.note", Bytes(1'500)));
  if (IsRoot()) {
    for (const char* name : {"/file", "/directory", "/link"}) {
      ASSERT_TRUE(SetXattr(source + name, "trusted.note", "a secret"));
      ASSERT_TRUE(SetXattr(source + name, "security.note", "a label"));
    }
    ASSERT_TRUE(SetXattr(source + "/file", "security.NTACL", Bytes(1'500, 7)));
  }
  EXPECT_TRUE(Clean(Copy(Request())));
  EXPECT_TRUE(SameTree(destination, source));
  EXPECT_EQ(Xattr(destination + "/file", "user.note"), "of a file");
  EXPECT_EQ(Xattr(destination + "/directory", "user.note"), Bytes(1'500));
}

TEST_F(Metadata, KeepsAttributesAsLongAsTheyMayBe) {
  const std::string longest = Bytes(65'536, 5);
  if (!SetXattr(source + "/file", "user.long", longest)) GTEST_SKIP() << "no long attributes here";
  for (int index = 0; index < 200; ++index)
    ASSERT_TRUE(SetXattr(source + "/file", "user.number " + std::to_string(index), std::to_string(index)));
  EXPECT_TRUE(Clean(Copy(Request())));
  EXPECT_TRUE(SameTree(destination, source));
  EXPECT_EQ(Xattr(destination + "/file", "user.long"), longest);
  EXPECT_EQ(Xattr(destination + "/file", "user.number 199"), "199");
}

TEST_F(Metadata, MendsTheAttributesOfUnchangedEntries) {
  MakeDirectory(source + "/directory");
  WriteFile(source + "/read-only", "x", 0400);
  EXPECT_TRUE(Clean(Copy(Request())));
  const auto inode = FileStat(destination + "/file").st_ino;
  if (!SetXattr(source + "/file", "user.new", "1")) GTEST_SKIP() << "no user attributes here";
  ASSERT_TRUE(SetXattr(source + "/read-only", "user.new", "1") || !IsRoot());
  ASSERT_TRUE(SetXattr(destination + "/file", "user.old", "2"));
  ASSERT_TRUE(SetXattr(destination + "/file", "user.new", "other"));
  ASSERT_TRUE(SetXattr(source + "/directory", "user.new", "1"));
  ASSERT_TRUE(SetXattr(destination + "/directory", "user.old", "2"));
  const Report report = Copy(AgainRequest());
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(report[Word::kFilesUnchanged], 2);
  EXPECT_EQ(FileStat(destination + "/file").st_ino, inode);
  EXPECT_EQ(Xattr(destination + "/file", "user.old"), std::nullopt);
  EXPECT_TRUE(SameTree(destination, source));
}

TEST_F(Metadata, LeavesFilesWithSeveralNamesAloneWhenTheirAttributesAreTheSame) {
  if (!SetXattr(source + "/file", "user.note", "1")) GTEST_SKIP() << "no user attributes here";
  ASSERT_EQ(::link((source + "/file").c_str(), (source + "/second").c_str()), 0);
  EXPECT_TRUE(Clean(Copy(Request())));
  const auto inode = FileStat(destination + "/file").st_ino;
  EXPECT_EQ(Copy(AgainRequest())[Word::kFilesUnchanged], 2);
  EXPECT_EQ(FileStat(destination + "/file").st_ino, inode);
  // Its other name may be somebody else's: then another file takes its place.
  ASSERT_EQ(::link((destination + "/file").c_str(), (place / "elsewhere").c_str()), 0);
  ASSERT_TRUE(SetXattr(source + "/file", "user.note", "2"));
  EXPECT_TRUE(Clean(Copy(AgainRequest())));
  EXPECT_EQ(Xattr(place / "elsewhere", "user.note"), "1");
  EXPECT_TRUE(SameTree(destination, source));
}

TEST_F(Metadata, KeepsAccessAndDefaultAcls) {
  MakeDirectory(source + "/directory");
  WriteFile(source + "/directory/plain", "x", 0644);
  if (!SetXattr(source + "/file", kAccessAcl, SampleAcl())) GTEST_SKIP() << "no ACLs here";
  ASSERT_TRUE(SetXattr(source + "/directory", kAccessAcl, SampleAcl()));
  ASSERT_TRUE(SetXattr(source + "/directory", kDefaultAcl, SampleAcl()));
  EXPECT_TRUE(Clean(Copy(Request())));
  EXPECT_TRUE(SameTree(destination, source));
  // Once more into what is there: the new file must not keep what it inherits from the directory's default ACL.
  WriteFile(source + "/directory/later", "x", 0640);
  MakeDirectory(source + "/directory/below");
  WriteFile(source + "/directory/below/deep", "x");
  for (const char* name : {"/directory/later", "/directory/below", "/directory/below/deep"}) {
    ::removexattr((source + name).c_str(), kAccessAcl);
    ::removexattr((source + name).c_str(), kDefaultAcl);
  }
  EXPECT_TRUE(Clean(Copy(AgainRequest())));
  EXPECT_EQ(Xattr(destination + "/directory/later", kAccessAcl), std::nullopt);
  EXPECT_TRUE(SameTree(destination, source));
}

TEST_F(Metadata, RemovesAnAclThatTheSourceHasNot) {
  EXPECT_TRUE(Clean(Copy(Request())));
  if (!SetXattr(destination + "/file", kAccessAcl, SampleAcl())) GTEST_SKIP() << "no ACLs here";
  const Report report = Copy(AgainRequest());
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(report[Word::kFilesUnchanged], 1);
  EXPECT_TRUE(SameTree(destination, source));
}

TEST_F(Metadata, GivesTheGroupNoMoreThanTheLostAclDid) {
  if (!SetXattr(source + "/file", kAccessAcl, SampleAcl())) GTEST_SKIP() << "no ACLs here";
  ASSERT_EQ(FileStat(source + "/file").st_mode & 0777, 0670u);
  auto request = Request();
  request.preserve.acls = false;
  const Report chosen = Copy(request);
  EXPECT_TRUE(Clean(chosen));
  EXPECT_EQ(FileStat(destination + "/file").st_mode & 0777, 0640u);
  EXPECT_EQ(Xattr(destination + "/file", kAccessAcl), std::nullopt);

  Fail(Syscall::kFsetxattr, EOPNOTSUPP);
  const Report refused = Copy(Request());
  EXPECT_TRUE(refused.failures.empty());
  EXPECT_EQ(Lost(refused), Lines{"acl EOPNOTSUPP 1 file"});
  EXPECT_EQ(FileStat(destination + "/file").st_mode & 0777, 0640u);
}

TEST_F(Metadata, KeepsCapabilitiesAndSetuidUnderTheirOwner) {
  if (!IsRoot()) GTEST_SKIP() << "giving files away needs root";
  WriteFile(source + "/setuid", "x", 06755);
  MakeDirectory(source + "/sticky", 01777);
  for (const char* name : {"/file", "/setuid"}) ASSERT_EQ(::chown((source + name).c_str(), 1234, 4321), 0);
  ASSERT_EQ(::chmod((source + "/setuid").c_str(), 06755), 0);
  ASSERT_TRUE(SetXattr(source + "/file", "security.capability", Capability()));
  EXPECT_TRUE(Clean(Copy(Request())));
  EXPECT_TRUE(SameTree(destination, source));
  EXPECT_EQ(FileStat(destination + "/setuid").st_mode & 07777, 06755u);
  EXPECT_EQ(Xattr(destination + "/file", "security.capability"), Capability());

  // An unchanged file that has another owner: giving it away takes both, and both come back.
  for (const char* name : {"/file", "/setuid"}) ASSERT_EQ(::chown((destination + name).c_str(), 7, 8), 0);
  EXPECT_TRUE(Clean(Copy(AgainRequest())));
  EXPECT_TRUE(SameTree(destination, source));
  // A capability that the source has not is taken.
  ASSERT_TRUE(SetXattr(destination + "/setuid", "security.capability", Capability()));
  EXPECT_TRUE(Clean(Copy(AgainRequest())));
  EXPECT_TRUE(SameTree(destination, source));
}

// Under an owner who may not be the right one yet, and without the ACL of its source.
TEST_F(Metadata, ShowsNobodyWhatIsNotFinished) {
  MakeDirectory(destination);
  WriteFile(source + "/file", "content", 0666);
  ASSERT_EQ(::chmod((source + "/file").c_str(), 0666), 0);
  int looks = 0;
  faults::Plan plan;
  plan.meanwhile = [&](Syscall call, int64_t) {
    struct stat found{};
    if (call != Syscall::kPwrite || ::stat((destination + "/file").c_str(), &found) != 0) return;
    ++looks;
    EXPECT_EQ(found.st_mode & 0777, 0600u);
  };
  faults::Use(plan);
  auto request = Request();
  request.thread_count = 1;
  request.io = IoMode::kPosix;
  EXPECT_TRUE(Clean(Copy(request)));
  faults::Clear();
  EXPECT_GT(looks, 0);
  EXPECT_EQ(FileStat(destination + "/file").st_mode & 0777, 0666u);
}

TEST_F(Metadata, LendsNoRightsUnderAnotherOwner) {
  if (!IsRoot()) GTEST_SKIP() << "giving files away needs root";
  WriteFile(source + "/setuid", "x", 06755);
  ASSERT_TRUE(SetXattr(source + "/file", "security.capability", Capability()));
  for (const char* name : {"", "/file", "/setuid"}) ASSERT_EQ(::chown((source + name).c_str(), 1, 1), 0);
  ASSERT_EQ(::chmod((source + "/setuid").c_str(), 06755), 0);
  ASSERT_TRUE(SetXattr(source + "/file", "security.capability", Capability()));
  Fail(Syscall::kFchown, EPERM);
  const Report report = Copy(Request());
  EXPECT_TRUE(report.failures.empty());
  ASSERT_EQ(Lost(report).size(), 3u);
  EXPECT_EQ(report.result().not_kept[0].what, Attribute::kOwner);
  EXPECT_EQ(report.result().not_kept[0].count, 3);
  EXPECT_EQ(Lost(report)[1], "setuid EPERM 1 setuid");
  EXPECT_EQ(Lost(report)[2], "capability EPERM 1 file");
  EXPECT_EQ(FileStat(destination + "/setuid").st_mode & 07777, 0755u);
  EXPECT_EQ(Xattr(destination + "/file", "security.capability"), std::nullopt);
}

TEST_F(Metadata, AnOrdinaryUserKeepsWhatIsHisAndIsToldOfTheRest) {
  WriteFile(source + "/read-only", "x", 0444);
  MakeDirectory(source + "/read-only directory", 0755);
  WriteFile(source + "/read-only directory/file", "y");
  WriteFile(source + "/setuid", "x", 04755);
  if (!SetXattr(source + "/read-only", "user.note", "1")) GTEST_SKIP() << "no user attributes here";
  ASSERT_TRUE(SetXattr(source + "/read-only directory", "user.note", "1"));
  ASSERT_EQ(::chmod((source + "/read-only directory").c_str(), 0555), 0);
  if (IsRoot()) {
    for (const char* name : {"", "/file", "/read-only", "/read-only directory", "/read-only directory/file"})
      ASSERT_EQ(::chown((source + name).c_str(), 1234, 4321), 0);
    ASSERT_TRUE(SetXattr(source + "/file", "security.note", "2"));
  }
  AsOrdinaryUser([&] {
    const Report report = Copy(Request());
    EXPECT_TRUE(report.failures.empty());
    if (IsRoot()) return;
    EXPECT_EQ(Xattr(destination + "/read-only", "user.note"), "1");
    EXPECT_EQ(Xattr(destination + "/read-only directory", "user.note"), "1");
    // What is there already and may not be written to is mended all the same.
    EXPECT_TRUE(SetXattr(source + "/file", "user.note", "1"));
    ::chmod((source + "/read-only").c_str(), 0644);
    EXPECT_TRUE(SetXattr(source + "/read-only", "user.note", "2"));
    ::chmod((source + "/read-only").c_str(), 0444);
    const Report again = Copy(AgainRequest());
    EXPECT_TRUE(again.failures.empty());
    EXPECT_EQ(again[Word::kFilesUnchanged], 4);
    EXPECT_EQ(Xattr(destination + "/read-only", "user.note"), "2");
    EXPECT_EQ(FileStat(destination + "/read-only").st_mode & 07777, 0444u);
    if (FileStat(source + "/setuid").st_uid == ::getuid()) return;
    EXPECT_EQ(Lost(report), (Lines{"owner EPERM 1 setuid", "setuid EPERM 1 setuid", "xattr EPERM 1 file"}));
    EXPECT_EQ(FileStat(destination + "/setuid").st_mode & 07777, 0755u);
  });
}

TEST_F(Metadata, MakesFifosSocketsAndDevicesAnew) {
  ASSERT_EQ(::mkfifo((source + "/fifo").c_str(), 0620), 0);
  ASSERT_EQ(::mknod((source + "/socket").c_str(), S_IFSOCK | 0755, 0), 0);
  ASSERT_EQ(::link((source + "/fifo").c_str(), (source + "/second name").c_str()), 0);
  SetTime(source + "/fifo", 1'000'000'000, 123'456'789);
  if (IsRoot()) {
    ASSERT_EQ(::mknod((source + "/character").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
    ASSERT_EQ(::mknod((source + "/block").c_str(), S_IFBLK | 0640, makedev(259, 70'000)), 0);
    ASSERT_EQ(::chown((source + "/block").c_str(), 1234, 4321), 0);
    ASSERT_TRUE(SetXattr(source + "/character", "trusted.note", "1"));
    SetTime(source + "/block", -5, 7);
  }
  const Report report = Copy(Request());
  EXPECT_TRUE(Clean(report));
  EXPECT_TRUE(SameTree(destination, source));
  EXPECT_EQ(report[Word::kFilesDone], IsRoot() ? 6 : 4);
  EXPECT_EQ(report[Word::kEntriesRefused], 0);

  // What is there is left alone, whatever the update mode, but for its metadata.
  ASSERT_EQ(::chmod((destination + "/socket").c_str(), 0700), 0);
  const auto inode = FileStat(destination + "/fifo").st_ino;
  const Report again = Copy(Request());
  EXPECT_TRUE(Clean(again));
  EXPECT_EQ(again[Word::kFilesUnchanged], report[Word::kFilesDone] - 1);
  EXPECT_EQ(FileStat(destination + "/fifo").st_ino, inode);
  EXPECT_TRUE(SameTree(destination, source));
}

TEST_F(Metadata, CopiesASingleFifoToANewName) {
  ASSERT_EQ(::mkfifo((source + "/fifo").c_str(), 0620), 0);
  auto request = Request();
  request.source = {source, "fifo"};
  request.destination = {place.path(), "made/pipe"};
  EXPECT_TRUE(Clean(Copy(request)));
  EXPECT_EQ(FileStat(place / "made/pipe").st_mode, FileStat(source + "/fifo").st_mode);
}

TEST_F(Metadata, NeverPutsASpecialFileInAnothersPlace) {
  ASSERT_EQ(::mkfifo((source + "/a file there").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((source + "/a link there").c_str(), 0600), 0);
  MakeDirectory(destination);
  WriteFile(destination + "/a file there", "precious");
  MakeLink("file", destination + "/a link there");
  size_t conflicts = 2;
  if (IsRoot()) {
    ASSERT_EQ(::mknod((source + "/another device there").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
    ASSERT_EQ(::mknod((destination + "/another device there").c_str(), S_IFCHR | 0666, makedev(1, 5)), 0);
    conflicts = 3;
  }
  const Report report = Copy(Request());
  ASSERT_EQ(report.failures.size(), conflicts);
  for (const auto& failure : report.failures) {
    EXPECT_EQ(failure.reason, FailureReason::kTypeConflict);
    EXPECT_EQ(failure.side, Side::kDestination);
  }
  EXPECT_EQ(ReadFile(destination + "/a file there"), "precious");
}

TEST_F(Metadata, RefusesDevicesByNameWithoutTheRightToMakeThem) {
  ASSERT_EQ(::mkfifo((source + "/device").c_str(), 0600), 0);
  ASSERT_EQ(::link((source + "/device").c_str(), (source + "/second name").c_str()), 0);
  for (const bool strict : {false, true}) {
    auto request = Request();
    request.preserve.strict = strict;
    Fail(Syscall::kMknodat, EPERM);
    const Report report = Copy(request);
    ASSERT_EQ(report.failures.size(), 2u);
    for (const auto& failure : report.failures) {
      EXPECT_EQ(failure.refused, !strict);
      EXPECT_EQ(failure.reason, strict ? FailureReason::kMetadataNotKept : FailureReason::kSpecialFile);
      ASSERT_TRUE(failure.error);
      EXPECT_EQ(failure.error->code, EPERM);
    }
    EXPECT_EQ(report[Word::kEntriesRefused], strict ? 0 : 2);
    EXPECT_EQ(report[Word::kFilesFailed], strict ? 2 : 0);
    ASSERT_EQ(report.result().not_kept.size(), 1u);
    EXPECT_EQ(report.result().not_kept[0].what, Attribute::kSpecialFile);
    EXPECT_EQ(report.result().not_kept[0].count, 2);
    if (!strict) {
      EXPECT_EQ(report[Word::kFilesTotal], 1);
    }
  }
}

TEST_F(Metadata, KeepsTimesBefore1970AndAfter2038) {
  MakeLink("file", source + "/link");
  WriteFile(source + "/future", "x");
  SetTime(source + "/file", -1'234'567'890, 987'654'321);
  SetTime(source + "/link", -1, 1);
  SetTime(source + "/future", 4'102'444'800, 999'999'999);
  SetTime(source, 2'147'483'648, 5);
  if (FileStat(source + "/future").st_mtim.tv_sec != 4'102'444'800) GTEST_SKIP() << "no such times here";
  for (const Durability durability : {Durability::kNone, Durability::kBatch, Durability::kFile}) {
    auto request = RequestFor(source, destination + std::to_string(static_cast<int>(durability)));
    request.durability = durability;
    EXPECT_TRUE(Clean(Copy(request)));
    EXPECT_TRUE(SameTree(request.destination.root + "/" + request.destination.path, source));
  }
}

TEST_F(Metadata, TellsOfTimesThatTheFileSystemRefuses) {
  SetTime(source + "/file", 1'000'000'000, 1);
  Fail(Syscall::kUtimensat, EOPNOTSUPP);
  const Report report = Copy(Request());
  EXPECT_TRUE(report.failures.empty());
  ASSERT_EQ(report.result().not_kept.size(), 1u);
  EXPECT_EQ(report.result().not_kept[0].what, Attribute::kTime);
  EXPECT_EQ(report.result().not_kept[0].code, EOPNOTSUPP);
  EXPECT_EQ(report.result().not_kept[0].count, 2);
}

TEST_F(Metadata, EachKindIsLeftOutWhenItIsNotWanted) {
  WriteFile(source + "/second", "x", 04751);
  ASSERT_EQ(::link((source + "/second").c_str(), (source + "/second name").c_str()), 0);
  ASSERT_EQ(::mkfifo((source + "/fifo").c_str(), 0600), 0);
  SetTime(source + "/second", 1'000'000'000, 1);
  SetTime(source, 1'000'000'000, 1);
  const bool has_xattrs = SetXattr(source + "/second", "user.note", "1");
  if (IsRoot()) {
    ASSERT_EQ(::chown((source + "/file").c_str(), 1234, 4321), 0);
  }
  const auto copy = [&](const std::string& to, Preserve preserve) {
    auto request = RequestFor(source, place / to);
    request.preserve = preserve;
    const mode_t before = ::umask(027);
    const Report report = Copy(request);
    ::umask(before);
    return report;
  };
  const std::string plain = place / "all/second";
  EXPECT_TRUE(Clean(copy("all", {})));
  EXPECT_EQ(FileStat(plain).st_mtim.tv_sec, 1'000'000'000);

  EXPECT_TRUE(Clean(copy("owner", {.owner = false})));
  EXPECT_EQ(FileStat(place / "owner/file").st_uid, ::geteuid());
  EXPECT_TRUE(Clean(copy("mode", {.mode = false})));
  EXPECT_EQ(FileStat(place / "mode/second").st_mode & 07777, 0750u);
  EXPECT_EQ(FileStat(place / "mode").st_mode & 07777, 0750u);
  EXPECT_TRUE(Clean(copy("times", {.times = false})));
  EXPECT_GT(FileStat(place / "times/second").st_mtim.tv_sec, 1'700'000'000);
  EXPECT_GT(FileStat(place / "times").st_mtim.tv_sec, 1'700'000'000);
  EXPECT_TRUE(Clean(copy("xattrs", {.xattrs = false})));
  if (has_xattrs) {
    EXPECT_EQ(Xattr(plain, "user.note"), "1");
  }
  EXPECT_EQ(Xattr(place / "xattrs/second", "user.note"), std::nullopt);
  EXPECT_TRUE(Clean(copy("hardlinks", {.hardlinks = false})));
  EXPECT_EQ(FileStat(plain).st_nlink, 2u);
  EXPECT_EQ(FileStat(place / "hardlinks/second").st_nlink, 1u);
  const Report without = copy("special", {.special_files = false});
  EXPECT_EQ(without[Word::kEntriesRefused], 1);
  EXPECT_TRUE(without.result().not_kept.empty());
  EXPECT_FALSE(Exists(place / "special/fifo"));
}

TEST_F(Metadata, AReplacedFileKeepsItsModeWhenModesAreNotWanted) {
  MakeDirectory(destination);
  WriteFile(destination + "/file", "old", 04604);
  auto request = Request();
  request.preserve.mode = false;
  EXPECT_TRUE(Clean(Copy(request)));
  EXPECT_EQ(ReadFile(destination + "/file"), "content");
  EXPECT_EQ(FileStat(destination + "/file").st_mode & 07777, 0604u);
}

TEST_F(Metadata, LeavesOutWhatMayNotBePlanted) {
  WriteFile(source + "/setuid", "x", 06755);
  MakeDirectory(source + "/shared", 02775);
  ASSERT_EQ(::mkfifo((source + "/fifo").c_str(), 0600), 0);
  if (IsRoot()) {
    ASSERT_TRUE(SetXattr(source + "/file", "security.capability", Capability()));
    ASSERT_TRUE(SetXattr(source + "/file", "trusted.note", "1"));
    ASSERT_TRUE(SetXattr(source + "/file", "security.NTACL", "2"));
  }
  const bool has_user = SetXattr(source + "/file", "user.note", "3");
  auto request = AgainRequest();
  request.keep_setuid = false;
  request.keep_devices = false;
  request.keep_security_xattrs = false;
  for (int run = 0; run < 2; ++run) {
    const Report report = Copy(request);
    ASSERT_EQ(report.failures.size(), 1u);
    EXPECT_TRUE(report.failures[0].refused);
    auto lost = Lost(report);
    std::erase_if(lost, [](const std::string& line) { return line.starts_with("setuid 0 1 "); });
    if (IsRoot()) {
      EXPECT_EQ(lost, (Lines{"xattr 0 1 file", "capability 0 1 file", "acl 0 1 file", "specialFile 0 1 fifo"}));
    }
    EXPECT_EQ(FileStat(destination + "/setuid").st_mode & 07777, 0755u);
    EXPECT_EQ(FileStat(destination + "/shared").st_mode & 07777, 02775u);
    EXPECT_FALSE(Exists(destination + "/fifo"));
    for (const char* name : {"security.capability", "trusted.note", "security.NTACL"})
      EXPECT_EQ(Xattr(destination + "/file", name), std::nullopt);
    if (has_user) {
      EXPECT_EQ(Xattr(destination + "/file", "user.note"), "3");
    }
  }
}

TEST_F(Metadata, WithStrictWhatIsNotKeptIsAFailure) {
  if (!SetXattr(source + "/file", "user.note", "1")) GTEST_SKIP() << "no user attributes here";
  ASSERT_TRUE(SetXattr(source, "user.note", "1"));
  WriteFile(source + "/plain", "x");
  auto request = Request();
  request.preserve.strict = true;
  Fail(Syscall::kFsetxattr, EOPNOTSUPP);
  const Report report = Copy(request);
  ASSERT_EQ(report.failures.size(), 2u);
  for (const auto& failure : report.failures) {
    EXPECT_EQ(failure.reason, FailureReason::kMetadataNotKept);
    EXPECT_EQ(failure.side, Side::kDestination);
    ASSERT_TRUE(failure.error);
    EXPECT_EQ(failure.error->code, EOPNOTSUPP);
  }
  EXPECT_EQ(report.failures[0].path, "file");
  EXPECT_EQ(report.failures[1].path, "");
  EXPECT_FALSE(Exists(destination + "/file"));
  EXPECT_EQ(ReadFile(destination + "/plain"), "x");
}

TEST_F(Metadata, EveryErrorOfAnAttributeIsALossOrAFailure) {
  if (!SetXattr(source + "/file", "user.note", "1")) GTEST_SKIP() << "no user attributes here";
  struct Case {
    Syscall call;
    int code;
    bool is_loss;
  };
  // ENOSPC while there is room: ext4 says so when the attributes of one file do not fit.
  for (const auto& [call, code, is_loss] :
       {Case{Syscall::kFsetxattr, EOPNOTSUPP, true}, Case{Syscall::kFsetxattr, EPERM, true},
        Case{Syscall::kFsetxattr, E2BIG, true}, Case{Syscall::kFsetxattr, ENOSPC, true},
        Case{Syscall::kFsetxattr, EIO, false}, Case{Syscall::kFsetxattr, EDQUOT, false},
        Case{Syscall::kFsetxattr, EROFS, false}, Case{Syscall::kFgetxattr, EACCES, true},
        Case{Syscall::kFlistxattr, E2BIG, true}, Case{Syscall::kFlistxattr, EIO, false}}) {
    Fail(call, code);
    const Report report = Copy(Request());
    faults::Clear();
    const std::string what = std::string(SyscallName(call)) + " with " + strerrorname_np(code);
    EXPECT_EQ(report.failures.empty(), is_loss) << what;
    EXPECT_EQ(report.result().not_kept.empty(), !is_loss) << what;
    for (const auto& failure : report.failures) EXPECT_EQ(failure.error->code, code) << what;
    if (!is_loss) {
      EXPECT_FALSE(Exists(destination + "/file")) << what;
    }
    if (is_loss) {
      EXPECT_EQ(ReadFile(destination + "/file"), "content") << what;
    }
    ASSERT_EQ(::system(("rm -rf " + destination).c_str()), 0);
  }
}

TEST_F(Metadata, AFileSystemWithoutAttributesIsAskedOnce) {
  for (int index = 0; index < 50; ++index) WriteFile(source + "/" + std::to_string(index), "x");
  auto request = Request();
  request.thread_count = 1;
  Fail(Syscall::kFlistxattr, EOPNOTSUPP);
  const Report report = Copy(request);
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(faults::CallCount(Syscall::kFlistxattr), 1);
}

TEST_F(Metadata, CostsOneCallForAFileWithoutAttributes) {
  for (int index = 0; index < 50; ++index) WriteFile(source + "/" + std::to_string(index), "x");
  faults::Clear();
  EXPECT_TRUE(Clean(Copy(Request())));
  EXPECT_EQ(faults::CallCount(Syscall::kFlistxattr), 52);  // 51 files and their directory
  EXPECT_LE(faults::CallCount(Syscall::kFgetxattr), 1);    // whether the destination has a default ACL
  EXPECT_EQ(faults::CallCount(Syscall::kFsetxattr), 0);
  // 51 times the source, the destination, the created file and the source again; times are looked at once.
  EXPECT_EQ(faults::CallCount(Syscall::kLlistxattr), 0);
}

TEST(Xattrs, AreTakenByWhatTheyAre) {
  struct Case {
    const char* name;
    XattrKind kind;
  };
  for (const auto& [name, kind] :
       {Case{"user.anything", XattrKind::kUser}, Case{"trusted.overlay.opaque", XattrKind::kTrusted},
        Case{"security.note", XattrKind::kSecurity}, Case{"security.selinux", XattrKind::kLabel},
        Case{"security.SMACK64EXEC", XattrKind::kLabel}, Case{"security.capability", XattrKind::kCapability},
        Case{"security.NTACL", XattrKind::kWindowsAcl}, Case{"system.posix_acl_access", XattrKind::kPosixAcl},
        Case{"system.posix_acl_default", XattrKind::kPosixAcl}, Case{"system.nfs4_acl", XattrKind::kOtherAcl},
        Case{"system.ntfs_acl", XattrKind::kOtherAcl}, Case{"system.cifs_acl", XattrKind::kOtherAcl},
        Case{"system.cifs_ntsd_full", XattrKind::kOtherAcl}, Case{"system.sockprotoname", XattrKind::kForeign},
        Case{"btrfs.compression", XattrKind::kForeign}, Case{"lustre.lov", XattrKind::kForeign},
        Case{"trusted.SGI_ACL_FILE", XattrKind::kForeign}, Case{"users.x", XattrKind::kForeign},
        Case{"", XattrKind::kForeign}}) {
    EXPECT_EQ(XattrKindOf(name), kind) << name;
  }
}

TEST(Xattrs, OfWindowsAreAskedForWhereDriversDoNotListThem) {
  EXPECT_TRUE(HiddenXattrs(EXT4_SUPER_MAGIC).empty());
  EXPECT_TRUE(HiddenXattrs(TMPFS_MAGIC).empty());
  EXPECT_STREQ(HiddenXattrs(0x65735546).front(), "system.ntfs_acl");
  EXPECT_STREQ(HiddenXattrs(static_cast<int>(0xFF534D42)).front(), "system.cifs_ntsd_full");
  EXPECT_STREQ(HiddenXattrs(0xFE534D42).back(), "system.cifs_acl");
}

TEST(Acls, SayWhatTheOwningGroupMayDo) {
  EXPECT_EQ(OwningGroupIn(SampleAcl()), 040u);
  EXPECT_EQ(OwningGroupIn(""), std::nullopt);
  EXPECT_EQ(OwningGroupIn(SampleAcl().substr(0, 20)), std::nullopt);
}

}  // namespace
}  // namespace smartcopy::testing
