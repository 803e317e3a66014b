#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>

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
};

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
};

// The system calls that no transfer makes, or not through the seam, and why.
const std::map<Syscall, const char*> kNotReached = {
    {Syscall::kClone, "threads are made by the C library; tree_copy works with those it gets"},
    {Syscall::kIoUringSetup, "asked by the probe, which has its own tests"},
    {Syscall::kIoUringRegister, "asked by the probe, which has its own tests"},
};

// Where one transfer is run again and again.
class Ground {
 public:
  explicit Ground(const FaultedTransfer& transfer) : transfer_(transfer) {
    if (transfer.file_system != nullptr) disk_.emplace(transfer.file_system, off_t{320} << 20);
    place_ = transfer.file_system == nullptr ? folder_.path() : disk_->path();
    if (!usable()) return;
    transfer.plant_source(place_);
  }

  bool usable() const { return !disk_ || disk_->mounted(); }

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
    if (transfer_.meanwhile != nullptr)
      plan.meanwhile = [this](Syscall call, int64_t index) { transfer_.meanwhile(place_, call, index); };
    faults::Use(plan);
    ::alarm(60);  // a transfer that hangs ends the program, and the test's name is the last thing printed
    Report report = Copy(request);
    ::alarm(0);
    return report;
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
// for finished; nothing else is there.
void ExpectHonest(const Ground& ground, const Report& report, bool may_leave, const std::string& what) {
  const bool all_done = report.clean() && !report.result().digests_error;
  const bool says_so = !report.started() || report[Word::kFilesFailed] > 0 || report.result().digests_error ||
                       !report.result().not_kept.empty();
  EXPECT_TRUE(all_done || says_so) << what << ": neither done nor failed";
  EXPECT_EQ(static_cast<size_t>(report[Word::kFilesFailed]), report.failures.size()) << what;
  const auto lost = LostBy(report);
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

// A failure of these is not named: a file system without locks has nobody else, and what cannot be looked at any more
// when it is to be removed is named by the failure that it was to be removed for.
bool MayPass(Syscall call) { return call == Syscall::kFlock || call == Syscall::kUnlinkat; }

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
  ExpectHonest(ground, report, plan.sticky && Removes(plan.failing), what);
  const bool harmless = outcome == kShort || outcome == EINTR;
  if (harmless) {
    EXPECT_TRUE(Clean(report)) << what;
  }
  const bool must_be_named = !MayPass(plan.failing) && (IsFinal(outcome) || Synchronises(plan.failing));
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
  if (!ground.usable()) GTEST_SKIP() << "no " << GetParam().file_system << " here";
  ground.Reset();
  ASSERT_TRUE(Clean(ground.Run({})));
  std::map<Syscall, int64_t> counts;
  for (size_t kind = 0; kind < static_cast<size_t>(Syscall::kCount); ++kind)
    counts[static_cast<Syscall>(kind)] = faults::CallCount(static_cast<Syscall>(kind));
  for (const auto& [failing, count] : counts) {
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
  EXPECT_GT(failed_runs_, 100);
}

INSTANTIATE_TEST_SUITE_P(Of, FaultMatrix, ::testing::ValuesIn(kTransfers),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(FaultCoverage, EverySystemCallIsMadeBySomeTransfer) {
  std::set<Syscall> made;
  bool all_ran = true;
  for (const auto& transfer : kTransfers) {
    Ground ground(transfer);
    all_ran = all_ran && ground.usable();
    if (!ground.usable()) continue;
    ground.Reset();
    EXPECT_TRUE(Clean(ground.Run({}))) << transfer.name;
    for (size_t kind = 0; kind < static_cast<size_t>(Syscall::kCount); ++kind) {
      if (faults::CallCount(static_cast<Syscall>(kind)) > 0) made.insert(static_cast<Syscall>(kind));
    }
  }
  if (!all_ran) GTEST_SKIP() << "some transfers need file systems that cannot be mounted here";
  for (size_t kind = 0; kind < static_cast<size_t>(Syscall::kCount); ++kind) {
    const auto call = static_cast<Syscall>(kind);
    EXPECT_NE(made.contains(call), kNotReached.contains(call))
        << SyscallName(call) << ": a call that can fail belongs to a transfer of this test, or has its reason";
  }
}

// Several calls fail in one run, of any kind, in any thread.
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
    for (int run = 0; run < run_count && !HasFailure(); ++run) {
      faults::Plan plan;
      plan.failures_per_million = run % 3 == 0 ? 200'000 : run % 3 == 1 ? 20'000 : 2'000;
      plan.seed = seed + static_cast<uint32_t>(run) * 1'000'003;
      ground.Reset();
      const size_t descriptors = OpenDescriptors();
      const Report report = ground.Run(plan, 3);
      faults::Clear();
      const std::string what = std::string(transfer.name) + " run " + std::to_string(run);
      EXPECT_EQ(OpenDescriptors(), descriptors) << what;
      ExpectHonest(ground, report, true, what);
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
