#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "engine/io_uring_probe.h"
#include "fault_injection.h"
#include "support.h"

namespace smartcopy::testing {
namespace {

// One kind of transfer whose every system call is made to fail. Whoever gives the engine a new way to work adds one.
struct FaultedTransfer {
  const char* name;
  // Makes "source", and "destination" if something is to be there, in this folder; the second is made anew for each
  // run.
  void (*plant_source)(const std::string& place);
  void (*plant_destination)(const std::string& place);
  void (*configure)(CopyRequest& request);
  // Made and mounted for this transfer; null where a folder in memory will do.
  const char* file_system = nullptr;
  // Of descriptors; 0 leaves the process what it has.
  rlim_t most_descriptors = 0;
  // What somebody else does right before the call of this kind with this number.
  void (*meanwhile)(const std::string& place, Syscall call, int64_t index) = nullptr;
  // The paths that are asked for; null for all there are.
  const char* listed = nullptr;
  // What the file systems say they are; 0 for the truth.
  long file_system_type = 0;
  bool needs_rings = false;
  // The kinds of calls that fail; all that it makes when there is none, which takes a while on a disk.
  std::vector<Syscall> failing = {};
};

std::ostream& operator<<(std::ostream& out, const FaultedTransfer& transfer) { return out << transfer.name; }

void PlantOldSample(const std::string& place) {
  MakeDirectory(place + "/destination");
  MakeDirectory(place + "/destination/inner");
  WriteFile(place + "/destination/buffers", "old buffers");
  WriteFile(place + "/destination/one", "old one");
  MakeLink("elsewhere", place + "/destination/dangling");
  MakeLink("../one", place + "/destination/inner/link");
  WriteFile(place + "/destination/.smartcopy-abcd123400000001-0", "left behind");
}

void PlantSample(const std::string& place) { MakeSampleTree(place + "/source"); }

void PlantNothing(const std::string&) {}

// In these transfers files from 100,000 bytes are copied in ranges.
void PlantLarge(const std::string& place) {
  MakeDirectory(place + "/source");
  WriteFile(place + "/source/large", Bytes(200'005, 4));
  ASSERT_EQ(::link((place + "/source/large").c_str(), (place + "/source/second name").c_str()), 0);
}

// From 1 MiB on space is reserved.
void PlantReserved(const std::string& place) {
  MakeDirectory(place + "/source");
  WriteFile(place + "/source/large", Bytes((size_t{1} << 20) + 5, 4));
  WriteFile(place + "/source/small", "small");
}

void PlantOldLarge(const std::string& place) {
  MakeDirectory(place + "/destination");
  WriteFile(place + "/destination/large", "old large");
}

// Deeper than a small limit of descriptors reaches: directories are closed and found again.
void PlantDeep(const std::string& place) {
  std::string folder = place + "/source";
  MakeDirectory(folder);
  for (int level = 0; level < 24; ++level) {
    WriteFile(folder + "/file", std::to_string(level));
    folder += "/d";
    MakeDirectory(folder);
  }
}

void PlantSingle(const std::string& place) { WriteFile(place + "/source", Bytes(70'000)); }
void PlantOldSingle(const std::string& place) {
  WriteFile(place + "/destination", "old");
  WriteFile(place + "/.smartcopy-abcd123400000001-0", "left behind");
}

// The source looks as if it was written to, once.
void TouchSource(const std::string& place, Syscall call, int64_t index) {
  if (call != Syscall::kPwrite || index != 0) return;
  const auto source = FileStat(place + "/source");
  SetTime(place + "/source", source.st_mtim.tv_sec, source.st_mtim.tv_nsec);
}

// An ACL as linux/posix_acl_xattr.h lays it out: the user 1234 may do everything, the owning group may read.
const std::string kAcl(
    "\x02\0\0\0"
    "\x01\0\x06\0\xff\xff\xff\xff"
    "\x02\0\x07\0\xd2\x04\0\0"
    "\x04\0\x04\0\xff\xff\xff\xff"
    "\x10\0\x07\0\xff\xff\xff\xff"
    "\x20\0\0\0\xff\xff\xff\xff",
    44);

void PlantAttributes(const std::string& place) {
  const std::string source = place + "/source";
  MakeDirectory(source);
  MakeDirectory(source + "/folder");
  for (const char* name : {"/folder/new", "/old", "/same"}) WriteFile(source + name, "content");
  for (const char* name : {"", "/folder", "/folder/new", "/old", "/same"})
    ASSERT_TRUE(SetXattr(source + name, "user.note", std::string("of ") + name));
  ASSERT_TRUE(SetXattr(source + "/folder", "system.posix_acl_default", kAcl));
  ASSERT_TRUE(SetXattr(source + "/folder/new", "system.posix_acl_access", kAcl));
  ASSERT_TRUE(SetXattr(source + "/old", "security.note", Bytes(300)));
  MakeLink("old", source + "/link");
  ASSERT_TRUE(SetXattr(source + "/link", "trusted.note", "of a link"));
  ASSERT_EQ(::mkfifo((source + "/fifo").c_str(), 0640), 0);
  // A container may forbid devices.
  if (::mknod((source + "/folder/null").c_str(), S_IFCHR | 0640, makedev(1, 3)) == 0) {
    ASSERT_EQ(::lchown((source + "/folder/null").c_str(), 1234, 4321), 0);
  }
  SetTime(source + "/same", 1'234'567'890, 123'456'789);
}

void PlantOtherAttributes(const std::string& place) {
  const std::string destination = place + "/destination";
  MakeDirectory(destination);
  for (const char* name : {"/old", "/same"}) {
    WriteFile(destination + name, "content");
    ASSERT_TRUE(SetXattr(destination + name, "user.note", "another"));
    ASSERT_TRUE(SetXattr(destination + name, "user.gone", "not in the source"));
  }
  ASSERT_TRUE(SetXattr(destination, "system.posix_acl_default", kAcl));
  ASSERT_EQ(::mkfifo((destination + "/fifo").c_str(), 0600), 0);
  ASSERT_TRUE(SetXattr(destination + "/fifo", "trusted.gone", "not in the source"));
  SetTime(destination + "/same", 1'234'567'890, 123'456'789);
}

// Of these most are equal already, one of them under two names; of the others only the metadata differs.
void PlantEqual(const std::string& folder) {
  MakeDirectory(folder);
  for (const char* name : {"/one", "/two", "/other mode", "/other note"}) {
    WriteFile(folder + name, "content");
    SetTime(folder + name, 1'234'567'890, 123'456'789);
  }
  ASSERT_EQ(::link((folder + "/one").c_str(), (folder + "/second name").c_str()), 0);
}
void PlantEqualSource(const std::string& place) { PlantEqual(place + "/source"); }
void PlantEqualDestination(const std::string& place) {
  PlantEqual(place + "/destination");
  ASSERT_EQ(::chmod((place + "/destination/other mode").c_str(), 0600), 0);
  ASSERT_TRUE(SetXattr(place + "/destination/other note", "user.gone", "not in the source"));
}

// One file that is copied in ranges, one that is not.
void PlantHoles(const std::string& place) {
  MakeDirectory(place + "/source");
  for (const auto& [name, hole] : {std::pair("/large", 200'000), std::pair("/small", 40'000)}) {
    WriteFile(place + "/source" + name, "");
    std::ofstream file(place + "/source" + name, std::ios::binary);
    file << Bytes(20'000, 5);
    file.seekp(hole, std::ios::cur);
    file << Bytes(10'001, 6);
  }
}

// Shares its blocks only with a file that has the flag as well.
void PlantNoCow(const std::string& place) {
  PlantReserved(place);
  WriteFile(place + "/source/flagged", "");
  const UniqueFd flagged(::open((place + "/source/flagged").c_str(), O_WRONLY));
  const int flags = FS_NOCOW_FL;
  ASSERT_EQ(::ioctl(flagged.get(), FS_IOC_SETFLAGS, &flags), 0);
  const std::string content = Bytes(50'000, 7);
  ASSERT_EQ(::write(flagged.get(), content.data(), content.size()), std::ssize(content));
}

void PlantHuge(const std::string& place) {
  MakeDirectory(place + "/source");
  WriteFile(place + "/source/huge", Bytes(size_t{5} << 18, 8));
}

// Makes the source cold.
void PlantNothingInTheCache(const std::string& place) {
  const UniqueFd huge(::open((place + "/source/huge").c_str(), O_RDWR));
  ASSERT_EQ(::fdatasync(huge.get()), 0);
  ASSERT_EQ(::posix_fadvise(huge.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
}

void Verified(CopyRequest& request, Durability durability) {
  request.durability = durability;
  request.buffer_bytes = 16'384;
  request.digest = DigestAlgorithm::kXxh3;
  request.verify = VerifyLevel::kReadback;
}

void InRanges(CopyRequest& request) {
  request.large_file_bytes = 100'000;
  request.range_bytes = 65'536;
  request.buffer_bytes = 32'768;
}

void ReservedInRanges(CopyRequest& request) {
  request.large_file_bytes = 100'000;
  request.range_bytes = off_t{600} << 10;
}

void ByRings(CopyRequest& request) {
  ReservedInRanges(request);
  request.io = IoMode::kIoUring;
  request.direct_io = DirectIo::kAlways;
  request.buffer_bytes = 65'536;
}

// The file is too much for such a page cache.
void Probed(CopyRequest& request) {
  request.large_file_bytes = 100'000;
  request.range_bytes = 65'536;
  request.buffer_bytes = 65'536;
  request.probed_file_bytes = off_t{1} << 20;
  request.page_cache_bytes = off_t{1} << 18;
}

void OnOneNode(CopyRequest& request) { request.numa = {{{sys::Affinity().front()}}, 0}; }

constexpr long kNfs = 0x6969;

const FaultedTransfer kTransfers[] = {
    {"OverwriteDurabilityNone", PlantSample, PlantOldSample,
     [](auto& request) { Verified(request, Durability::kNone); }},
    {"OverwriteDurabilityBatch", PlantSample, PlantOldSample,
     [](auto& request) { Verified(request, Durability::kBatch); }},
    {"OverwriteDurabilityFile", PlantSample, PlantOldSample,
     [](auto& request) { Verified(request, Durability::kFile); }},
    {"BatchOfManyFiles", PlantSample, PlantOldSample, [](auto& request) { Verified(request, Durability::kBatch); },
     nullptr, 40},
    {"NewTree", PlantSample, PlantNothing, [](auto& request) { request.durability = Durability::kBatch; }},
    {"NewTreeScanned", PlantSample, PlantNothing, [](auto& request) { request.scan_totals = true; }},
    {"DeepTree", PlantDeep, PlantNothing, [](auto& request) { request.durability = Durability::kFile; }, nullptr, 48},
    {"SingleFile", PlantSingle, PlantOldSingle, [](auto& request) { Verified(request, Durability::kFile); }},
    {"SourceThatChanges", PlantSingle, PlantOldSingle, [](auto& request) { Verified(request, Durability::kNone); },
     nullptr, 0, TouchSource},
    {"LargeFilesVerified", PlantLarge, PlantOldLarge,
     [](auto& request) {
       Verified(request, Durability::kBatch);
       InRanges(request);
     }},
    {"ReservedFilesOnExt4", PlantReserved, PlantOldLarge, [](auto&) {}, "ext4"},
    {"ReservedRangesOnExt4", PlantReserved, PlantOldLarge, ReservedInRanges, "ext4"},
    {"SharedBlocksOnXfs", PlantReserved, PlantOldLarge, ReservedInRanges, "xfs"},
    {.name = "ListedFiles",
     .plant_source = PlantSample,
     .plant_destination = PlantOldSample,
     .configure = [](auto& request) { request.durability = Durability::kBatch; },
     .listed = "one\nempty\ninner/\nbuffers\nunaligned\n./dangling\n"},
    {.name = "AttributesOnExt4",
     .plant_source = PlantAttributes,
     .plant_destination = PlantOtherAttributes,
     .configure = [](auto& request) { request.durability = Durability::kNone; },
     .file_system = "ext4"},
    {.name = "EqualOnExt4",
     .plant_source = PlantEqualSource,
     .plant_destination = PlantEqualDestination,
     .configure = [](auto& request) { request.durability = Durability::kNone; },
     .file_system = "ext4",
     .failing = {Syscall::kStatx, Syscall::kFstatat, Syscall::kLlistxattr, Syscall::kFlistxattr, Syscall::kOpenat2,
                 Syscall::kFstat, Syscall::kFchmod}},
    {.name = "MediaOnExt4",
     .plant_source = PlantReserved,
     .plant_destination = PlantOldLarge,
     .configure =
         [](auto& request) {
           Verified(request, Durability::kBatch);
           InRanges(request);
           request.buffer_bytes = 65'536;
           request.verify = VerifyLevel::kMedia;
         },
     .file_system = "ext4",
     .failing = {Syscall::kPread, Syscall::kFdatasync, Syscall::kFadvise, Syscall::kFcntl}},
    {.name = "Holes",
     .plant_source = PlantHoles,
     .plant_destination = PlantOldLarge,
     .configure =
         [](auto& request) {
           Verified(request, Durability::kNone);
           InRanges(request);
         }},
    {.name = "RingsOnExt4",
     .plant_source = PlantReserved,
     .plant_destination = PlantOldLarge,
     .configure = ByRings,
     .file_system = "ext4",
     .needs_rings = true,
     .failing = {Syscall::kOpenat2, Syscall::kFstat, Syscall::kStatx, Syscall::kMmap, Syscall::kFtruncate,
                 Syscall::kIoUringSetup, Syscall::kIoUringRegister, Syscall::kIoUringEnter, Syscall::kRingRead,
                 Syscall::kRingWrite}},
    {.name = "RingsVerifiedOnExt4",
     .plant_source = PlantReserved,
     .plant_destination = PlantOldLarge,
     .configure =
         [](auto& request) {
           Verified(request, Durability::kNone);
           ByRings(request);
         },
     .file_system = "ext4",
     .needs_rings = true,
     .failing = {Syscall::kIoUringRegister, Syscall::kIoUringEnter, Syscall::kRingRead, Syscall::kRingWrite}},
    {.name = "ProbedOnExt4",
     .plant_source = PlantHuge,
     .plant_destination = PlantNothingInTheCache,
     .configure = Probed,
     .file_system = "ext4",
     .needs_rings = true,
     .failing = {Syscall::kCachestat, Syscall::kSyncFileRange, Syscall::kIoUringEnter, Syscall::kRingRead,
                 Syscall::kRingWrite, Syscall::kPread, Syscall::kPwrite}},
    {.name = "CopiedByTheKernel",
     .plant_source = PlantReserved,
     .plant_destination = PlantOldLarge,
     .configure = ReservedInRanges,
     .file_system_type = kNfs},
    {.name = "Mapped",
     .plant_source = PlantLarge,
     .plant_destination = PlantOldLarge,
     .configure =
         [](auto& request) {
           InRanges(request);
           request.io = IoMode::kMmap;
         }},
    {.name = "NoCowOnBtrfs",
     .plant_source = PlantNoCow,
     .plant_destination = PlantOldLarge,
     .configure = ReservedInRanges,
     .file_system = "btrfs",
     .failing = {Syscall::kGetFlags, Syscall::kSetFlags, Syscall::kFiclone, Syscall::kFstatfs, Syscall::kFstat}},
    {.name = "OnOneMemoryNode",
     .plant_source = PlantLarge,
     .plant_destination = PlantOldLarge,
     .configure = OnOneNode,
     .failing = {Syscall::kMmap, Syscall::kMbind, Syscall::kSchedSetaffinity}},
};

// The system calls that no transfer makes, or not through the seam, and why.
const std::map<Syscall, const char*> kNotReached = {
    {Syscall::kClone, "threads are made by the C library; tree_copy works with those it gets"},
    {Syscall::kGetxattr, "shows one path's attributes to whoever asks for them; nothing is copied"},
    {Syscall::kLgetxattr, "compares two trees, see compare_test.cc"},
};

// Where one transfer is run again and again.
class Ground {
 public:
  explicit Ground(const FaultedTransfer& transfer) : transfer_(transfer) {
    if (transfer.file_system != nullptr) disk_.emplace(transfer.file_system, off_t{320} << 20);
    place_ = transfer.file_system == nullptr ? folder_.path() : disk_->path();
    if (!usable()) return;
    transfer.plant_source(place_);
    Source();  // read now, so that a run finds in the page cache what Reset leaves there
  }

  // A thread that was not let go is let go now.
  ~Ground() { sys::SetAffinity(cpus_); }
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;

  bool usable() const { return (!disk_ || disk_->mounted()) && (!transfer_.needs_rings || ProbeIoUring().ok()); }

  // The destination as it is before every run.
  void Reset() {
    std::filesystem::remove_all(place_ + "/destination");
    transfer_.plant_destination(place_);
    old = Destination();
  }

  Report Run(faults::Plan plan, size_t thread_count = 1) {
    auto request = RequestFor(place_ + "/source", place_ + "/destination");
    if (!S_ISDIR(Source().at(".").found.st_mode)) request.source = {place_, "source"};
    request.update = UpdateMode::kIfDifferent;
    request.digests_fd = digests_.get();
    transfer_.configure(request);
    request.thread_count = thread_count;
    std::optional<FewDescriptors> few;
    if (transfer_.most_descriptors > 0) few.emplace(transfer_.most_descriptors);
    UniqueFd list;
    if (transfer_.listed != nullptr) {
      list = List(transfer_.listed);
      request.files_from = PathList{list.get(), '\n'};
    }
    plan.file_system_type = transfer_.file_system_type;
    if (transfer_.meanwhile != nullptr)
      plan.meanwhile = [this](Syscall call, int64_t index) { transfer_.meanwhile(place_, call, index); };
    faults::Use(plan);
    ::alarm(60);  // a transfer that hangs ends the program, and the test's name is the last thing printed
    Report report = Copy(request);
    ::alarm(0);
    return report;
  }

  // A file with this content, at its beginning.
  static UniqueFd List(std::string_view content) {
    UniqueFd list(::memfd_create("list", MFD_CLOEXEC));
    EXPECT_EQ(::write(list.get(), content.data(), content.size()), std::ssize(content));
    EXPECT_EQ(::lseek(list.get(), 0, SEEK_SET), 0);
    return list;
  }

  std::map<std::string, Facts> Destination(const Lost& lost = {}) const {
    const std::string path = place_ + "/destination";
    return Exists(path) ? FactsOf(path, lost) : std::map<std::string, Facts>();
  }
  const std::map<std::string, Facts>& Source(const Lost& lost = {}) const {
    const auto known = source_.find(lost);
    return known != source_.end() ? known->second
                                  : source_.emplace(lost, FactsOf(place_ + "/source", lost)).first->second;
  }

  std::map<std::string, Facts> old;  // the destination before the run

 private:
  const FaultedTransfer& transfer_;
  const std::vector<unsigned> cpus_ = sys::Affinity();
  const TemporaryDirectory folder_;
  std::optional<LoopFileSystem> disk_;
  std::string place_;
  mutable std::map<Lost, std::map<std::string, Facts>> source_;  // by what is left out
  const UniqueFd digests_{::open("/tmp", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600)};
};

Lost LostBy(const Report& report) {
  Lost lost;
  if (!report.started()) return lost;
  for (const NotKept& kind : report.result().not_kept) lost.insert(kind.what);
  return lost;
}

// Whether the report names this entry, or a directory that it is in.
bool IsNamed(const Report& report, const std::string& name) {
  return std::any_of(report.failures.begin(), report.failures.end(), [&](const Failure& failure) {
    return failure.path.empty() || failure.path == name || name.starts_with(failure.path + "/") ||
           (name == "." && (failure.path == "source" || failure.path == "destination"));
  });
}

// Whether a run that compares sizes and times would leave it alone.
bool PassesFor(const Facts& copy, const Facts& source) {
  return copy.found.st_size == source.found.st_size && copy.found.st_mtim.tv_sec == source.found.st_mtim.tv_sec &&
         copy.found.st_mtim.tv_nsec == source.found.st_mtim.tv_nsec;
}

bool HasFallback(const Report& report, const std::string& from) {
  const auto& fallbacks = report.result().fallbacks;
  return std::any_of(fallbacks.begin(), fallbacks.end(), [&](const Fallback& one) { return one.from == from; });
}

bool HasFallbackFor(const Report& report, int code) {
  const auto& fallbacks = report.result().fallbacks;
  return std::any_of(fallbacks.begin(), fallbacks.end(), [&](const Fallback& one) { return one.code == code; });
}

// Names of one file that did not fail are names of one file.
void ExpectSameLinks(const std::map<std::string, Facts>& source, const std::map<std::string, Facts>& copy,
                     const Report& report, const std::string& what) {
  std::map<std::string, ino_t> copied;
  for (const auto& [name, facts] : source) {
    const auto present = copy.find(name);
    if (facts.same_file.empty() || present == copy.end() || IsNamed(report, name)) continue;
    const ino_t inode = present->second.found.st_ino;
    EXPECT_EQ(copied.try_emplace(facts.same_file, inode).first->second, inode) << what << ": " << name << " is no link";
  }
}

// Whatever failed: what the report does not name is a right copy; what it names is old or new and whole, or cannot pass
// for finished; nothing else is there. `no_attributes`: the kernel denied that there are any.
void ExpectHonest(const Ground& ground, const Report& report, bool may_leave, const std::string& what,
                  bool no_attributes = false) {
  const bool all_done = report.clean() && !report.result().digests_error;
  const bool says_so = !report.started() || report[Word::kFilesFailed] > 0 || report.result().digests_error ||
                       !report.result().not_kept.empty();
  EXPECT_TRUE(all_done || says_so) << what << ": neither done nor failed";
  const int64_t named = report[Word::kFilesFailed] + report[Word::kEntriesRefused];
  EXPECT_EQ(named, std::ssize(report.failures)) << what;
  auto lost = LostBy(report);
  if (no_attributes) lost.insert({Attribute::kXattr, Attribute::kAcl});
  const auto source = ground.Source(lost);
  const auto copy = ground.Destination(lost);
  for (const auto& [name, expected] : source) {
    const auto present = copy.find(name);
    if (report.started() && !IsNamed(report, name)) {
      if (present == copy.end())
        ADD_FAILURE() << what << ": " << name << " is missing and nothing says so";
      else if (present->second.metadata != expected.metadata || present->second.content != expected.content)
        ADD_FAILURE() << what << ": " << name << " has " << present->second.metadata << " instead of "
                      << expected.metadata << (present->second.content == expected.content ? "" : " and other content");
      continue;
    }
    const auto before = ground.old.find(name);
    if (present == copy.end()) {
      EXPECT_TRUE(before == ground.old.end()) << what << ": the old " << name << " is gone";
    } else if (before != ground.old.end()) {
      EXPECT_TRUE(present->second.content == expected.content || present->second.content == before->second.content)
          << what << ": " << name << " is neither old nor new";
    } else if (!S_ISDIR(expected.found.st_mode) && (!may_leave || PassesFor(present->second, expected))) {
      EXPECT_TRUE(present->second.content == expected.content) << what << ": of " << name << " something is left";
    }
  }
  if (report.started() && !HasFallback(report, "hardLink")) ExpectSameLinks(source, copy, report, what);
  for (const auto& [name, facts] : copy) {
    if (may_leave || source.contains(name)) continue;
    EXPECT_TRUE(ground.old.contains(name)) << what << ": left behind " << name;
  }
}

constexpr int kShort = -1;  // not an errno: half of the bytes
const int kOutcomes[] = {kShort, EINTR, EAGAIN, EIO, ENOSPC, EDQUOT, ENOMEM, EPERM, ENOSYS, EXDEV, EOPNOTSUPP};

bool IsFinal(int code) { return code == EIO || code == ENOSPC || code == EDQUOT || code == ENOMEM; }

// Out of space, a batch is finished and the file begun once more.
bool MayMend(int code) { return code == ENOSPC || code == EDQUOT; }

// A failure of these is not named: a file system without locks has nobody else, what cannot be looked at any more when
// it is to be removed is named by the failure that it was to be removed for, and the others only ask for something
// better, without which the next call does the same or is the one that says so.
bool MayPass(Syscall call) {
  static const std::set<Syscall> kCalls = {
      Syscall::kFlock,    Syscall::kUnlinkat,        Syscall::kMbind,     Syscall::kSchedSetaffinity,
      Syscall::kStatx,    Syscall::kIoUringRegister, Syscall::kCachestat, Syscall::kGetFlags,
      Syscall::kSetFlags, Syscall::kUnshare};
  return kCalls.contains(call);
}

// These prepare a better way of moving content. Nothing is moved yet when they fail, and the report says which way was
// taken instead.
bool MayFallBack(Syscall call) {
  return call == Syscall::kOpenat2 || call == Syscall::kFstat || call == Syscall::kMmap ||
         call == Syscall::kIoUringSetup;
}

// By these answers the kernel says that there are no attributes at all, and is believed.
bool DeniesAttributes(Syscall call, int code) {
  const bool asks = call == Syscall::kFlistxattr || call == Syscall::kLlistxattr || call == Syscall::kFgetxattr;
  return asks && (code == EOPNOTSUPP || code == ENOSYS);
}

bool Synchronises(Syscall call) {
  return call == Syscall::kFsync || call == Syscall::kFdatasync || call == Syscall::kSyncfs || call == Syscall::kClose;
}

// Removing what failed takes these: when they fail as well, it stays until the next run.
bool Removes(Syscall call) {
  return call == Syscall::kUnlinkat || call == Syscall::kFstatat || call == Syscall::kFstat ||
         call == Syscall::kOpenat2;
}

bool WantsAll() { return ::getenv("SMARTCOPY_ALL_FAULTS") != nullptr; }

// Which calls, of so many, fail one by one. All, when that is wanted; else the first, the last and some between, which
// are others for each outcome.
std::set<int64_t> ChosenCalls(int64_t count, int64_t outcome_index) {
  std::set<int64_t> chosen;
  if (count == 0) return chosen;
  if (!WantsAll()) return {0, (outcome_index * 7 + 1) % count, (outcome_index * 13 + count / 2) % count, count - 1};
  for (int64_t index = 0; index < count; ++index) chosen.insert(index);
  return chosen;
}

// A call that fails once and one that goes on failing; where not all is wanted, each at every second call.
bool IsWanted(int outcome, int64_t index, bool sticky) {
  if (sticky && (outcome == EINTR || outcome == kShort)) return false;
  return WantsAll() || index == 0 || (index % 2 == 0) == sticky;
}

std::string Describe(const faults::Plan& plan, int outcome) {
  return std::string(SyscallName(plan.failing)) + " number " + std::to_string(plan.failing_index) +
         (plan.sticky ? " and all later ones" : "") + " with " +
         (outcome == kShort ? "half" : strerrorname_np(outcome));
}

class FaultMatrix : public ::testing::TestWithParam<FaultedTransfer> {
 protected:
  void RunWith(Ground& ground, faults::Plan plan, int outcome);
  int64_t failed_runs_ = 0;
};

void FaultMatrix::RunWith(Ground& ground, faults::Plan plan, int outcome) {
  plan.shorten = outcome == kShort;
  plan.failing_errno = plan.shorten ? 0 : outcome;
  const std::string what = Describe(plan, outcome);
  ground.Reset();
  const size_t descriptors = OpenDescriptors();
  const Report report = ground.Run(plan);
  const bool was_made = faults::CallCount(plan.failing) > plan.failing_index;
  faults::Clear();
  const bool clean = report.clean() && !report.result().digests_error;
  if (!clean) ++failed_runs_;
  EXPECT_EQ(OpenDescriptors(), descriptors) << what << ": descriptors left open";
  ExpectHonest(ground, report, plan.sticky && Removes(plan.failing), what, DeniesAttributes(plan.failing, outcome));
  const bool harmless = outcome == kShort || outcome == EINTR;
  if (harmless) {
    EXPECT_TRUE(Clean(report)) << what;
  }
  const bool fell_back = report.started() && MayFallBack(plan.failing) && HasFallbackFor(report, outcome);
  const bool must_be_named = !MayPass(plan.failing) && !fell_back && (IsFinal(outcome) || Synchronises(plan.failing));
  const bool scans = std::string_view(GetParam().name) == "NewTreeScanned";
  if (was_made && must_be_named && !harmless && !MayMend(outcome) && !scans) {
    EXPECT_FALSE(clean) << what << " was ignored";
  }
  for (const auto& failure : report.failures) {
    EXPECT_TRUE(failure.error && failure.error->call == plan.failing) << what << ": blames something else";
  }
  const Report again = ground.Run({});
  EXPECT_TRUE(Clean(again)) << what << ", then again";
  EXPECT_TRUE(ground.Destination() == ground.Source()) << what << ", then again";
}

TEST_P(FaultMatrix, EveryCallMayFail) {
  Ground ground(GetParam());
  if (!ground.usable()) GTEST_SKIP() << "no " << GetParam().file_system << " here, or no rings";
  ground.Reset();
  ASSERT_TRUE(Clean(ground.Run({})));
  ASSERT_TRUE(ground.Destination() == ground.Source());
  std::map<Syscall, int64_t> counts;
  for (size_t kind = 0; kind < static_cast<size_t>(Syscall::kCount); ++kind)
    counts[static_cast<Syscall>(kind)] = faults::CallCount(static_cast<Syscall>(kind));
  const auto& chosen = GetParam().failing;
  for (const auto& [failing, count] : counts) {
    if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), failing) == chosen.end()) continue;
    EXPECT_TRUE(count > 0 || chosen.empty()) << SyscallName(failing) << " is not made";
    int64_t outcome_index = 0;
    for (const int outcome : kOutcomes) {
      for (const int64_t index : ChosenCalls(count, outcome_index++)) {
        for (const bool sticky : {false, true}) {
          if (!IsWanted(outcome, index, sticky)) continue;
          faults::Plan plan;
          plan.failing = failing;
          plan.failing_index = index;
          plan.sticky = sticky;
          RunWith(ground, plan, outcome);
          if (HasFailure()) return;
        }
      }
    }
  }
  EXPECT_GT(failed_runs_, chosen.empty() ? 100 : 10);
}

INSTANTIATE_TEST_SUITE_P(Of, FaultMatrix, ::testing::ValuesIn(kTransfers),
                         [](const auto& info) { return std::string(info.param.name); });

std::vector<Syscall> CallsMade() {
  std::vector<Syscall> made;
  for (size_t kind = 0; kind < static_cast<size_t>(Syscall::kCount); ++kind) {
    if (faults::CallCount(static_cast<Syscall>(kind)) > 0) made.push_back(static_cast<Syscall>(kind));
  }
  return made;
}

TEST(FaultCoverage, EverySystemCallIsMadeBySomeTransfer) {
  std::set<Syscall> made;
  bool all_ran = true;
  for (const auto& transfer : kTransfers) {
    Ground ground(transfer);
    all_ran = all_ran && ground.usable();
    if (!ground.usable()) continue;
    ground.Reset();
    EXPECT_TRUE(Clean(ground.Run({}))) << transfer.name;
    const auto calls = CallsMade();
    made.insert(calls.begin(), calls.end());
  }
  if (!all_ran) GTEST_SKIP() << "some transfers need file systems that cannot be mounted here";
  for (size_t kind = 0; kind < static_cast<size_t>(Syscall::kCount); ++kind) {
    const auto call = static_cast<Syscall>(kind);
    EXPECT_NE(made.contains(call), kNotReached.contains(call))
        << SyscallName(call) << ": a call that can fail belongs to a transfer of this test, or has its reason";
  }
}

// Calls of a few kinds that this transfer makes, others for each seed. Were any call to fail, hardly a transfer would
// come further than its first ten.
void DrawKinds(faults::Plan& plan, const std::vector<Syscall>& made) {
  std::mt19937 random(plan.seed);
  for (int kind = 0; kind < 3; ++kind) plan.drawn.set(static_cast<size_t>(made[random() % made.size()]));
}

bool MayDenyAttributes(const faults::Plan& plan) {
  const auto is_drawn = [&](Syscall call) { return plan.drawn.none() || plan.drawn[static_cast<size_t>(call)]; };
  return is_drawn(Syscall::kFlistxattr) || is_drawn(Syscall::kLlistxattr) || is_drawn(Syscall::kFgetxattr);
}

// Several calls fail in one run, in any thread.
TEST(FaultStorm, AnyCallsMayFailTogether) {
  const char* given = ::getenv("SMARTCOPY_TEST_SEED");
  const uint32_t seed =
      given != nullptr ? static_cast<uint32_t>(::strtoul(given, nullptr, 10)) : std::random_device{}();
  SCOPED_TRACE("SMARTCOPY_TEST_SEED=" + std::to_string(seed));
  const int run_count = WantsAll() ? 2'000 : 30;
  int64_t clean_runs = 0;
  int64_t named = 0;
  for (const auto& transfer : kTransfers) {
    Ground ground(transfer);
    if (!ground.usable()) continue;
    ground.Reset();
    EXPECT_TRUE(Clean(ground.Run({}, 3))) << transfer.name;
    const auto made = CallsMade();
    for (int run = 0; run < run_count && !HasFailure(); ++run) {
      faults::Plan plan;
      plan.failures_per_million = run % 3 == 0 ? 200'000 : run % 3 == 1 ? 20'000 : 2'000;
      plan.seed = seed + static_cast<uint32_t>(run) * 1'000'003;
      if (run % 6 != 0) DrawKinds(plan, made);
      ground.Reset();
      const size_t descriptors = OpenDescriptors();
      const Report report = ground.Run(plan, 3);
      faults::Clear();
      const std::string what = std::string(transfer.name) + " run " + std::to_string(run);
      EXPECT_EQ(OpenDescriptors(), descriptors) << what;
      ExpectHonest(ground, report, true, what, MayDenyAttributes(plan));
      clean_runs += report.clean() ? 1 : 0;
      named += static_cast<int64_t>(report.failures.size());
      EXPECT_TRUE(Clean(ground.Run({}, 3))) << what << ", then again";
      EXPECT_TRUE(ground.Destination() == ground.Source()) << what << ", then again";
    }
  }
  EXPECT_GT(clean_runs, 5);
  EXPECT_GT(named, 100);
}

}  // namespace
}  // namespace smartcopy::testing
