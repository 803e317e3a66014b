// Which entries are copied, in what order, and what becomes of those that are there already.
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <sstream>
#include <thread>

#include "engine/fault_injection.h"
#include "support.h"

namespace smartcopy::testing {
namespace {

std::vector<Glob> Globs(std::initializer_list<const char*> patterns) {
  std::vector<Glob> globs;
  for (const char* pattern : patterns) globs.push_back(std::get<Glob>(Glob::Compile(pattern)));
  return globs;
}

// The names below a directory, sorted; directories end in a slash.
std::vector<std::string> Names(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    const auto name = std::filesystem::relative(entry.path(), path).string();
    names.push_back(entry.is_directory() && !entry.is_symlink() ? name + "/" : name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

using NameList = std::vector<std::string>;

class Selections : public ::testing::Test {
 protected:
  void SetUp() override {
    MakeDirectory(place_ / "source");
    for (const char* name : {"a", "a/deep", "a/empty", "b", "cache", "cache/sub"})
      MakeDirectory(place_ / "source/" + name, 0751);
    WriteFile(place_ / "source/top.txt", Bytes(10));
    WriteFile(place_ / "source/a/one.txt", Bytes(100));
    WriteFile(place_ / "source/a/two.log", Bytes(1'000));
    WriteFile(place_ / "source/a/deep/three.txt", Bytes(10'000));
    WriteFile(place_ / "source/b/four.log", Bytes(20));
    WriteFile(place_ / "source/cache/five.txt", Bytes(30));
    WriteFile(place_ / "source/cache/sub/six.txt", Bytes(40));
    SetTime(place_ / "source/a/deep", 1'111'111'111, 5);
    SetTime(place_ / "source/a", 1'222'222'222, 5);
    request_ = RequestFor(place_ / "source", place_ / "destination");
  }

  NameList Copied() { return Names(place_ / "destination"); }

  TemporaryDirectory place_;
  CopyRequest request_;
};

TEST_F(Selections, LeavesOutWhatIsExcludedAndWalksNoExcludedDirectory) {
  request_.selection.exclude = Globs({"*.log", "cache/"});
  // A walk into it would say so.
  ASSERT_EQ(::chmod((place_ / "source/cache").c_str(), 0), 0);
  const Report report = Copy(request_);
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(Copied(), (NameList{"a/", "a/deep/", "a/deep/three.txt", "a/empty/", "a/one.txt", "b/", "top.txt"}));
  EXPECT_EQ(report[Word::kEntriesFiltered], 3);
  EXPECT_EQ(report[Word::kFilesTotal], 3);
  EXPECT_EQ(report[Word::kBytesTotal], 10'110);
}

TEST_F(Selections, WithAnIncludeCopiesWhatMatchesWithTheDirectoriesItNeeds) {
  request_.selection.include = Globs({"*.txt"});
  request_.selection.exclude = Globs({"cache"});
  const Report report = Copy(request_);
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(Copied(), (NameList{"a/", "a/deep/", "a/deep/three.txt", "a/one.txt", "top.txt"}));
  EXPECT_EQ(report[Word::kDirectoriesDone], 3);
  EXPECT_EQ(FileStat(place_ / "destination/a").st_mtim.tv_sec, 1'222'222'222);
  EXPECT_EQ(FileStat(place_ / "destination/a/deep").st_mtim.tv_sec, 1'111'111'111);
  EXPECT_EQ(FileStat(place_ / "destination/a").st_mode & 07777, 0751u);
  EXPECT_EQ(report[Word::kEntriesFiltered], 3);
}

TEST_F(Selections, PatternsWithASlashSeeThePathFromTheSource) {
  request_.selection.include = Globs({"a/**/*.txt", "/b/*"});
  EXPECT_TRUE(Clean(Copy(request_)));
  EXPECT_EQ(Copied(), (NameList{"a/", "a/deep/", "a/deep/three.txt", "a/one.txt", "b/", "b/four.log"}));
}

TEST_F(Selections, SizesAreInclusiveAndConcernRegularFilesAlone) {
  MakeLink("nowhere", place_ / "source/link");
  request_.selection.min_bytes = 20;
  request_.selection.max_bytes = 1'000;
  const Report report = Copy(request_);
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(Copied(), (NameList{"a/", "a/deep/", "a/empty/", "a/one.txt", "a/two.log", "b/", "b/four.log", "cache/",
                                "cache/five.txt", "cache/sub/", "cache/sub/six.txt", "link"}));
  EXPECT_EQ(report[Word::kEntriesFiltered], 2);
  EXPECT_EQ(report[Word::kBytesTotal], 100 + 1'000 + 20 + 30 + 40);
}

TEST_F(Selections, MakesNoDirectoryForAFileThatIsIncludedAndOfAnotherSize) {
  request_.selection.include = Globs({"*"});
  request_.selection.min_bytes = 5'000;
  EXPECT_TRUE(Clean(Copy(request_)));
  EXPECT_EQ(Copied(), (NameList{"a/", "a/deep/", "a/deep/three.txt"}));
}

TEST_F(Selections, TheScanCountsWhatIsCopied) {
  for (const bool with_paths : {false, true}) {
    request_.selection.include = Globs({with_paths ? "a/**" : "*.txt"});
    request_.selection.max_bytes = 100;
    request_.scan_totals = true;
    // A limit gives the scan the time to be first.
    Report at_scan;
    const Report report = CopySlowly(request_, 0, [&](ControlBlock control) {
      while (control.Get(Word::kTotalsFinal) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      at_scan.words[static_cast<size_t>(Word::kFilesTotal)] = control.Get(Word::kFilesTotal);
      at_scan.words[static_cast<size_t>(Word::kBytesTotal)] = control.Get(Word::kBytesTotal);
      control.Set(Word::kBytesPerSecond, -1);
    });
    EXPECT_TRUE(Clean(report));
    EXPECT_EQ(at_scan[Word::kFilesTotal], report[Word::kFilesTotal]);
    EXPECT_EQ(at_scan[Word::kBytesTotal], report[Word::kBytesTotal]);
    EXPECT_EQ(report[Word::kFilesTotal], with_paths ? 1 : 4);
  }
}

TEST_F(Selections, ManyThreadsMakeEachNeededDirectoryOnce) {
  for (int index = 0; index < 200; ++index) {
    const std::string directory = place_ / "source/d" + std::to_string(index);
    MakeDirectory(directory);
    for (int file = 0; file < 5; ++file)
      WriteFile(directory + "/" + std::to_string(file) + (index % 3 == 0 ? ".in" : ".out"), "x");
  }
  request_.selection.include = Globs({"*.in"});
  request_.thread_count = 8;
  const FewDescriptors few(64);
  const Report report = Copy(request_);
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(report[Word::kFilesDone], 67 * 5);
  EXPECT_EQ(report[Word::kDirectoriesDone], 67 + 1);
}

TEST_F(Selections, SaysOnceThatANeededDirectoryCannotBeMade) {
  MakeDirectory(place_ / "destination");
  WriteFile(place_ / "destination/a", "in the way");
  request_.selection.include = Globs({"*.txt", "*.log"});
  const Report report = Copy(request_);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].path, "a");
  EXPECT_EQ(report.failures[0].side, Side::kDestination);
  EXPECT_TRUE(Exists(place_ / "destination/b/four.log"));
}

TEST_F(Selections, RemovesLeftoversFromDirectoriesMadeOnDemand) {
  MakeDirectory(place_ / "destination");
  MakeDirectory(place_ / "destination/a");
  WriteFile(place_ / "destination/a/.smartcopy-abcd123400000006-9", "left");
  request_.selection.include = Globs({"a/*.txt"});
  const Report report = Copy(request_);
  EXPECT_TRUE(Clean(report));
  EXPECT_FALSE(Exists(place_ / "destination/a/.smartcopy-abcd123400000006-9"));
}

// A list in a file, ended so or so.
class Lists : public Selections {
 protected:
  Report CopyListed(const std::string& list, char separator = '\n') {
    WriteFile(place_ / "list", list);
    const int fd = ::open((place_ / "list").c_str(), O_RDONLY);
    request_.files_from = PathList{fd, separator};
    Report report = Copy(request_);
    ::close(fd);
    return report;
  }
};

TEST_F(Lists, BringTheirFilesWithTheDirectoriesTheyNeed) {
  for (const char separator : {'\n', '\0'}) {
    std::filesystem::remove_all(place_ / "destination");
    std::string list = "./a/one.txt*/a/deep/three.txt*top.txt";
    std::replace(list.begin(), list.end(), '*', separator);
    const Report report = CopyListed(list, separator);
    EXPECT_TRUE(Clean(report));
    EXPECT_EQ(Copied(), (NameList{"a/", "a/deep/", "a/deep/three.txt", "a/one.txt", "top.txt"}));
    EXPECT_EQ(FileStat(place_ / "destination/a").st_mtim.tv_sec, 1'222'222'222);
    EXPECT_EQ(report[Word::kFilesTotal], 3);
    EXPECT_EQ(report[Word::kDirectoriesDone], 3);
  }
}

TEST_F(Lists, ADirectoryIsItselfAloneAndWithASlashAllThatIsInIt) {
  EXPECT_TRUE(Clean(CopyListed("a\ncache/\n")));
  EXPECT_EQ(Copied(), (NameList{"a/", "cache/", "cache/five.txt", "cache/sub/", "cache/sub/six.txt"}));
  std::filesystem::remove_all(place_ / "destination");
  EXPECT_TRUE(Clean(CopyListed("a/\n")));
  EXPECT_EQ(Copied(), (NameList{"a/", "a/deep/", "a/deep/three.txt", "a/empty/", "a/one.txt", "a/two.log"}));
  std::filesystem::remove_all(place_ / "destination");
  EXPECT_TRUE(Clean(CopyListed("./\n")));
  EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
}

// In whatever order, while the first is under way and when it is done, into a new destination and an old one.
TEST_F(Lists, CopyOnceWhatStandsInThemTwice) {
  const NameList all = {"a/", "a/deep/", "a/deep/three.txt", "a/empty/", "a/one.txt", "a/two.log"};
  const std::vector<std::string> lists = {"a/\na/one.txt\na/deep/three.txt\n",
                                          "a/one.txt\na/deep/three.txt\na/one.txt\na/\n",
                                          "a/deep/\na/\na\na/deep\n",
                                          "a/\na/deep/\na/deep/three.txt\na/\n",
                                          "a/empty\na/\n",
                                          "a/deep/three.txt\na/deep/\na/\na/empty\n"};
  for (const auto& list : lists) {
    for (const Ordering ordering : {Ordering::kAuto, Ordering::kPath}) {
      std::filesystem::remove_all(place_ / "destination");
      request_.ordering = ordering;
      for (const char* round : {"new", "old"}) {
        const Report report = CopyListed(list);
        EXPECT_TRUE(Clean(report)) << list << round;
        EXPECT_EQ(report[Word::kFilesDone], 3) << list << round;
        EXPECT_EQ(report[Word::kFilesTotal], 3) << list << round;
        EXPECT_EQ(report[Word::kDirectoriesDone], 4) << list << round;
        EXPECT_EQ(Copied(), all) << list;
      }
    }
  }
  std::filesystem::remove_all(place_ / "destination");
  std::string list;
  for (int time = 0; time < 6'000; ++time) list += "top.txt\n";
  const Report report = CopyListed(list);
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(report[Word::kFilesDone], 1);
}

TEST_F(Lists, NameWhatIsMissingThoughItsDirectoryIsWalked) {
  const Report report = CopyListed("a/\na/missing\na/deep/missing\n");
  EXPECT_EQ(report.failures.size(), 2u);
  EXPECT_EQ(report[Word::kFilesDone], 3);
}

TEST_F(Lists, NameWhatIsMissingAndWhatLeadsOut) {
  const Report report = CopyListed("nowhere\na/nothing/deeper\n../outside\na/../b\ntop.txt/x\ntop.txt\n\n\n");
  ASSERT_EQ(report.failures.size(), 5u);
  std::map<std::string, FailureReason> reasons;
  for (const auto& failure : report.failures) reasons[failure.path] = failure.reason;
  EXPECT_EQ(reasons["nowhere"], FailureReason::kNotInSource);
  EXPECT_EQ(reasons["a/nothing/deeper"], FailureReason::kNotInSource);
  EXPECT_EQ(reasons["../outside"], FailureReason::kDotDotInList);
  EXPECT_EQ(reasons["a/../b"], FailureReason::kDotDotInList);
  EXPECT_TRUE(reasons.contains("top.txt/x"));
  EXPECT_EQ(Copied(), (NameList{"top.txt"}));
}

TEST_F(Lists, OfPathsThatEndInNulAreNoLines) {
  const std::string list("a/one.txt\0top.txt\0", 18);
  for (const std::string& given : {list, "a/one.txt" + std::string(2 * 1024 * 1024, '\0')}) {
    const Report report = CopyListed(given);
    ASSERT_EQ(report.failures.size(), 1u);
    EXPECT_EQ(report.failures[0].reason, FailureReason::kNulInList);
    EXPECT_LE(report.failures[0].path.size(), 256u);
    EXPECT_EQ(Copied(), NameList{});
  }
}

TEST_F(Lists, SelectionHoldsForThemToo) {
  request_.selection.exclude = Globs({"*.log", "cache/"});
  const Report report = CopyListed("a/two.log\na/one.txt\ncache/sub/six.txt\n");
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(Copied(), (NameList{"a/", "a/one.txt"}));
  EXPECT_EQ(report[Word::kEntriesFiltered], 2);
}

TEST_F(Lists, MayComeInPiecesThroughAPipeAndBeCancelled) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  request_.files_from = PathList{ends[0], '\n'};
  const Report report = CopySlowly(request_, -1, [&](ControlBlock control) {
    for (const char* piece : {"a/o", "ne.t", "xt\nb"}) {
      ASSERT_GT(::write(ends[1], piece, std::strlen(piece)), 0);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    while (control.Get(Word::kFilesDone) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    control.Set(Word::kCancel, 1);
  });
  EXPECT_EQ(report.end(), End::kCancelled);
  EXPECT_TRUE(report.failures.empty());
  EXPECT_EQ(Copied(), (NameList{"a/", "a/one.txt"}));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(Lists, OfManyFilesAreCopiedInAnyOrdering) {
  std::string list;
  MakeDirectory(place_ / "source/many");
  for (int index = 0; index < 6'000; ++index) {
    const std::string name = "many/" + std::to_string(index);
    WriteFile(place_ / "source/" + name, "x");
    list += name + "\n";
  }
  for (const Ordering ordering : {Ordering::kAuto, Ordering::kPath, Ordering::kSmallestFirst}) {
    std::filesystem::remove_all(place_ / "destination");
    request_.ordering = ordering;
    const Report report = CopyListed(list);
    EXPECT_TRUE(Clean(report));
    EXPECT_EQ(report[Word::kFilesDone], 6'000);
  }
}

// The paths of lines of the kind given, in the order in which they came.
NameList PathsOf(const std::string& lines, std::string_view what) {
  NameList paths;
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(std::string(what) + "\t")) paths.push_back(line.substr(line.rfind('\t') + 1));
  }
  return paths;
}

class Orderings : public Selections {
 protected:
  NameList CopyInOrder(Ordering ordering) {
    std::filesystem::remove_all(place_ / "destination");
    request_.ordering = ordering;
    request_.thread_count = 1;  // so that the order in which files begin is that in which they end
    EntryLines lines([] {});
    EXPECT_TRUE(Clean(Copy(request_, &lines)));
    return PathsOf(lines.Take(), "readWrite");
  }
};

TEST_F(Orderings, BySizeOverTheWholeTree) {
  const NameList by_size = {"top.txt",   "b/four.log", "cache/five.txt",  "cache/sub/six.txt",
                            "a/one.txt", "a/two.log",  "a/deep/three.txt"};
  EXPECT_EQ(CopyInOrder(Ordering::kSmallestFirst), by_size);
  EXPECT_EQ(CopyInOrder(Ordering::kLargestFirst), NameList(by_size.rbegin(), by_size.rend()));
}

TEST_F(Orderings, ByPathAsBytes) {
  MakeDirectory(place_ / "source/a-b");
  WriteFile(place_ / "source/a-b/x", Bytes(5));
  EXPECT_EQ(CopyInOrder(Ordering::kPath), (NameList{"a-b/x", "a/deep/three.txt", "a/one.txt", "a/two.log", "b/four.log",
                                                    "cache/five.txt", "cache/sub/six.txt", "top.txt"}));
}

TEST_F(Orderings, HoldForLargeFilesToo) {
  request_.large_file_bytes = 50;
  request_.range_bytes = 32;
  const NameList by_size = {"top.txt",   "b/four.log", "cache/five.txt",  "cache/sub/six.txt",
                            "a/one.txt", "a/two.log",  "a/deep/three.txt"};
  EXPECT_EQ(CopyInOrder(Ordering::kSmallestFirst), by_size);
  EXPECT_EQ(CopyInOrder(Ordering::kLargestFirst), NameList(by_size.rbegin(), by_size.rend()));
  EXPECT_EQ(CopyInOrder(Ordering::kPath), (NameList{"a/deep/three.txt", "a/one.txt", "a/two.log", "b/four.log",
                                                    "cache/five.txt", "cache/sub/six.txt", "top.txt"}));
}

TEST_F(Orderings, CopyEverythingWithManyThreads) {
  std::filesystem::remove_all(place_ / "source");
  MakeSampleTree(place_ / "source");
  for (const Ordering ordering : {Ordering::kSmallestFirst, Ordering::kLargestFirst, Ordering::kPath}) {
    std::filesystem::remove_all(place_ / "destination");
    request_.ordering = ordering;
    request_.thread_count = 4;
    EXPECT_TRUE(Clean(Copy(request_)));
    EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
  }
}

class Links : public Selections {
 protected:
  void SetUp() override {
    Selections::SetUp();
    request_.symlinks = Symlinks::kFollowWithinRoot;
  }
};

TEST_F(Links, AreSkippedAndCounted) {
  MakeLink("top.txt", place_ / "source/link");
  request_.symlinks = Symlinks::kSkip;
  const Report report = Copy(request_);
  EXPECT_TRUE(Clean(report));
  EXPECT_FALSE(Exists(place_ / "destination/link"));
  EXPECT_EQ(report[Word::kEntriesFiltered], 1);
}

TEST_F(Links, AreFollowedUpwardsAndToDirectories) {
  MakeLink("../../top.txt", place_ / "source/a/deep/up");
  MakeLink("../cache", place_ / "source/b/dir");
  MakeLink("dir/sub/six.txt", place_ / "source/b/through");
  const Report report = Copy(request_);
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(ReadFile(place_ / "destination/a/deep/up"), Bytes(10));
  EXPECT_TRUE(S_ISREG(FileStat(place_ / "destination/a/deep/up").st_mode));
  EXPECT_EQ(ReadFile(place_ / "destination/b/dir/sub/six.txt"), Bytes(40));
  EXPECT_EQ(ReadFile(place_ / "destination/b/through"), Bytes(40));
}

TEST_F(Links, ThatLeadOutOrNowhereOrRoundAreNamed) {
  WriteFile(place_ / "secret", "not for this job");
  MakeLink("../secret", place_ / "source/out");
  MakeLink(place_ / "source/top.txt", place_ / "source/absolute");
  MakeLink("nowhere", place_ / "source/dangling");
  MakeLink("..", place_ / "source/a/parent");
  MakeLink("self", place_ / "source/self");
  MakeLink("/proc/self/root", place_ / "source/magic");
  const Report report = Copy(request_);
  std::map<std::string, FailureReason> reasons;
  for (const auto& failure : report.failures) reasons[failure.path] = failure.reason;
  EXPECT_EQ(reasons.size(), 6u);
  EXPECT_EQ(reasons["out"], FailureReason::kPathEscape);
  EXPECT_EQ(reasons["absolute"], FailureReason::kPathEscape);
  EXPECT_EQ(reasons["dangling"], FailureReason::kDanglingLink);
  EXPECT_EQ(reasons["a/parent"], FailureReason::kLinkLoop);
  EXPECT_EQ(reasons["self"], FailureReason::kLinkLoop);
  EXPECT_EQ(reasons["magic"], FailureReason::kPathEscape);
  EXPECT_EQ(report[Word::kFilesTotal], report[Word::kFilesDone] + 5);  // a/parent would be a directory
  EXPECT_FALSE(Exists(place_ / "destination/out"));
  EXPECT_TRUE(Exists(place_ / "destination/top.txt"));
}

// Sixteen directories with two links each to the next: 131,000 paths, and twice as many with each one more.
TEST_F(Links, ThatMultiplyAreFollowedSoOftenAndNotForEver) {
  constexpr int kLevels = 16;
  request_.source.root = place_ / "ladder";
  MakeDirectory(place_ / "ladder");
  for (int level = 0; level <= kLevels; ++level) MakeDirectory(place_ / ("ladder/" + std::to_string(level)));
  for (int level = 0; level < kLevels; ++level) {
    const std::string next = "../" + std::to_string(level + 1);
    for (const char* name : {"a", "b"}) MakeLink(next, place_ / ("ladder/" + std::to_string(level) + "/" + name));
  }
  request_.dry_run = true;
  for (const auto ordering : {Ordering::kAuto, Ordering::kPath}) {
    request_.ordering = ordering;
    const Report report = Copy(request_);
    // The top, its directories, what each of these links to, and what is reached from there as often as may be.
    int64_t expected = 1 + (kLevels + 1) + 2 * kLevels;
    for (int64_t level = 2, before = 2; level <= kLevels; ++level) {
      const int64_t nested = std::min<int64_t>(2 * before, kMostNestedVisits);
      expected += nested;
      before = 2 + nested;
    }
    EXPECT_EQ(report[Word::kDirectoriesDone], expected);
    ASSERT_FALSE(report.failures.empty());
    for (const auto& failure : report.failures)
      ASSERT_EQ(failure.reason, FailureReason::kTooManyLinks)
          << failure.path << (failure.error ? failure.error->code : 0);
  }
}

TEST_F(Links, AsTheSourceItselfAreFollowedToAFileAndSayWhatElseTheyAre) {
  MakeLink("a/one.txt", place_ / "source/to-file");
  MakeLink("a", place_ / "source/to-directory");
  MakeLink("fifo", place_ / "source/to-fifo");
  MakeLink("nowhere", place_ / "source/to-nothing");
  ASSERT_EQ(::mkfifo((place_ / "source/fifo").c_str(), 0600), 0);
  request_.destination.path = "destination/copy";
  MakeDirectory(place_ / "destination");
  request_.source.path = "to-file";
  EXPECT_TRUE(Clean(Copy(request_)));
  EXPECT_EQ(ReadFile(place_ / "destination/copy"), ReadFile(place_ / "source/a/one.txt"));
  std::filesystem::remove(place_ / "destination/copy");
  const std::pair<const char*, FailureReason> others[] = {{"to-directory", FailureReason::kLinkToDirectory},
                                                          {"to-fifo", FailureReason::kSpecialFile},
                                                          {"to-nothing", FailureReason::kDanglingLink}};
  for (const auto& [name, reason] : others) {
    request_.source.path = name;
    const Report report = Copy(request_);
    ASSERT_EQ(report.failures.size(), 1u) << name;
    EXPECT_EQ(report.failures[0].reason, reason) << name;
    EXPECT_EQ(report.failures[0].path, name);
    EXPECT_EQ(report[Word::kFilesFailed], 1);
    EXPECT_FALSE(Exists(place_ / "destination/copy"));
  }
}

TEST_F(Links, AreFollowedAgainAfterTheirDirectoryWasClosed) {
  for (int index = 0; index < 40; ++index) {
    MakeDirectory(place_ / "source/cache/" + std::to_string(index));
    WriteFile(place_ / "source/cache/" + std::to_string(index) + "/file", "x");
  }
  MakeLink("../cache", place_ / "source/b/dir");
  const FewDescriptors few(64);
  EXPECT_TRUE(Clean(Copy(request_)));
  EXPECT_TRUE(SameTree(place_ / "destination/b/dir/7", place_ / "source/cache/7"));
}

class Conflicts : public Selections {
 protected:
  void SetUp() override {
    Selections::SetUp();
    MakeDirectory(place_ / "destination");
    MakeDirectory(place_ / "destination/a");
    WriteFile(place_ / "destination/a/one.txt", "mine");
    MakeLink("there", place_ / "source/link");
    MakeLink("elsewhere", place_ / "destination/link");
    // Equal, so no conflict.
    WriteFile(place_ / "destination/top.txt", Bytes(10));
    const auto time = FileStat(place_ / "source/top.txt").st_mtim;
    SetTime(place_ / "destination/top.txt", time.tv_sec, time.tv_nsec);
    equal_inode_ = FileStat(place_ / "destination/top.txt").st_ino;
  }
  ino_t equal_inode_ = 0;
};

TEST_F(Conflicts, KeepWhatIsThereWhenSkipping) {
  request_.on_conflict = OnConflict::kSkip;
  const Report report = Copy(request_);
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(ReadFile(place_ / "destination/a/one.txt"), "mine");
  EXPECT_EQ(std::filesystem::read_symlink(place_ / "destination/link"), "elsewhere");
  EXPECT_EQ(FileStat(place_ / "destination/top.txt").st_ino, equal_inode_);
  EXPECT_TRUE(Exists(place_ / "destination/a/two.log"));
  EXPECT_EQ(report[Word::kFilesSkipped], 2);
  EXPECT_EQ(report[Word::kFilesUnchanged], 1);
  EXPECT_EQ(report[Word::kBytesUnchanged] + report[Word::kReadWriteBytes] + report[Word::kReflinkBytes],
            report[Word::kBytesTotal]);
}

TEST_F(Conflicts, AreFailuresByNameWhenFailing) {
  request_.on_conflict = OnConflict::kFail;
  const Report report = Copy(request_);
  ASSERT_EQ(report.failures.size(), 2u);
  for (const auto& failure : report.failures) EXPECT_EQ(failure.reason, FailureReason::kConflict);
  EXPECT_EQ(ReadFile(place_ / "destination/a/one.txt"), "mine");
  EXPECT_TRUE(Exists(place_ / "destination/a/two.log"));
}

TEST_F(Conflicts, ConcernFurtherNamesOfAFileToo) {
  ASSERT_EQ(::link((place_ / "source/b/four.log").c_str(), (place_ / "source/b/second").c_str()), 0);
  MakeDirectory(place_ / "destination/b");
  WriteFile(place_ / "destination/b/second", "mine");
  request_.on_conflict = OnConflict::kSkip;
  const Report report = Copy(request_);
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(ReadFile(place_ / "destination/b/second"), "mine");
  EXPECT_EQ(ReadFile(place_ / "destination/b/four.log"), Bytes(20));
  // Nothing is left to copy, and again nothing is replaced.
  const Report again = Copy(request_);
  EXPECT_EQ(again[Word::kFilesDone], 0);
  EXPECT_EQ(again[Word::kFilesSkipped], 3);
}

TEST_F(Conflicts, NewFilesMayAppearWholeToo) {
  for (const OnConflict on_conflict : {OnConflict::kOverwrite, OnConflict::kSkip})
    for (const Durability durability : {Durability::kNone, Durability::kBatch, Durability::kFile}) {
      std::filesystem::remove_all(place_ / "destination");
      request_.durability = durability;
      request_.on_conflict = on_conflict;
      request_.atomic = on_conflict == OnConflict::kOverwrite ? Atomic::kAlways : Atomic::kReplace;
      bool seen_unfinished = false;
      const Report report = CopySlowly(request_, 100'000, [&](ControlBlock control) {
        while (control.Get(Word::kTotalsFinal) == 0) {
          struct stat found{};
          if (::stat((place_ / "destination/a/deep/three.txt").c_str(), &found) == 0 && found.st_size != 10'000)
            seen_unfinished = true;
        }
      });
      EXPECT_TRUE(Clean(report));
      EXPECT_FALSE(seen_unfinished);
      EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
    }
}

class DryRuns : public Selections {
 protected:
  void SetUp() override {
    Selections::SetUp();
    request_.dry_run = true;
  }
  std::string Listed(Report& report) {
    EntryLines lines([] {});
    report = Copy(request_, &lines);
    return lines.Take();
  }
};

TEST_F(DryRuns, ListWhatWouldBeDoneAndMakeNothing) {
  MakeLink("x", place_ / "source/link");
  ASSERT_EQ(::link((place_ / "source/b/four.log").c_str(), (place_ / "source/b/second\tname").c_str()), 0);
  request_.selection.exclude = Globs({"cache"});
  const auto before = Describe(place_.path());
  Report report;
  const std::string lines = Listed(report);
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(Describe(place_.path()), before);
  EXPECT_NE(lines.find("directory\t-\t.\n"), std::string::npos) << lines;
  EXPECT_NE(lines.find("directory\t-\ta/empty\n"), std::string::npos);
  EXPECT_NE(lines.find("copy\t10000\ta/deep/three.txt\n"), std::string::npos);
  EXPECT_NE(lines.find("symbolicLink\t-\tlink\n"), std::string::npos);
  EXPECT_EQ(PathsOf(lines, "hardLink").size(), 1u);
  EXPECT_NE(lines.find("second\\tname\n"), std::string::npos);
  EXPECT_EQ(report.result().planned_bytes, 10 + 100 + 1'000 + 10'000 + 20);
  EXPECT_EQ(report[Word::kFilesDone], 7);
  EXPECT_EQ(report[Word::kReadWriteBytes], 0);
}

TEST_F(DryRuns, TellReplacedUnchangedAndSkipped) {
  request_.dry_run = false;
  request_.update = UpdateMode::kIfDifferent;
  EXPECT_TRUE(Clean(Copy(request_)));
  WriteFile(place_ / "destination/a/one.txt", "other");
  ASSERT_EQ(::chmod((place_ / "destination/top.txt").c_str(), 0600), 0);  // would be mended
  request_.dry_run = true;
  const auto before = Describe(place_ / "destination");
  Report report;
  EXPECT_EQ(Listed(report), "replace\t100\ta/one.txt\n");
  EXPECT_EQ(report[Word::kFilesUnchanged], 6);
  request_.on_conflict = OnConflict::kSkip;
  EXPECT_EQ(Listed(report), "skip\t-\ta/one.txt\n");
  request_.on_conflict = OnConflict::kFail;
  EXPECT_EQ(Listed(report), "");
  EXPECT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(Describe(place_ / "destination"), before);
}

TEST_F(DryRuns, AgreeWithTheCopyThatFollows) {
  for (const bool with_include : {false, true}) {
    std::filesystem::remove_all(place_ / "destination");
    if (with_include) request_.selection.include = Globs({"*.txt"});
    request_.dry_run = true;
    Report planned;
    const auto files = PathsOf(Listed(planned), "copy");
    request_.dry_run = false;
    Report done;
    auto copied = PathsOf(Listed(done), "readWrite");
    EXPECT_EQ(NameList(files).size(), copied.size());
    EXPECT_EQ(planned[Word::kFilesDone], done[Word::kFilesDone]);
    EXPECT_EQ(planned[Word::kDirectoriesDone], done[Word::kDirectoriesDone]);
    EXPECT_EQ(planned[Word::kEntriesFiltered], done[Word::kEntriesFiltered]);
    EXPECT_EQ(planned.result().planned_bytes, done[Word::kReadWriteBytes]);
  }
}

TEST_F(DryRuns, OfASingleFileAndALargeOne) {
  request_.source.path = "a/deep/three.txt";
  request_.source.root = place_ / "source";
  request_.destination = {place_.path(), "new/three"};
  request_.large_file_bytes = 1'000;
  Report report;
  EXPECT_EQ(Listed(report), "directory\t-\t.\ncopy\t10000\tthree\n");
  EXPECT_FALSE(Exists(place_ / "new"));
}

TEST_F(Selections, LeavesOutWhatIsMountedOnOneFileSystem) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
  if (::mount("none", (place_ / "source/b").c_str(), "tmpfs", 0, nullptr) != 0) GTEST_SKIP() << "no mounts here";
  WriteFile(place_ / "source/b/inside", "x");
  request_.one_file_system = true;
  const Report report = Copy(request_);
  request_.one_file_system = false;
  std::filesystem::remove_all(place_ / "destination.two");
  request_.destination.path = "destination.two";
  const Report crossing = Copy(request_);
  ::umount((place_ / "source/b").c_str());
  EXPECT_TRUE(Clean(report));
  EXPECT_FALSE(Exists(place_ / "destination/b"));
  EXPECT_EQ(report[Word::kEntriesFiltered], 1);
  EXPECT_TRUE(Clean(crossing));
  EXPECT_TRUE(Exists(place_ / "destination.two/b/inside"));
}

class Retried : public Lists {
 protected:
  // Copies with one call failing once, or for good.
  Report CopyWithFault(Syscall call, int code, bool sticky) {
    faults::Plan plan;
    plan.failing = call;
    plan.failing_index = 2;
    plan.failing_errno = code;
    plan.sticky = sticky;
    request_.thread_count = 1;
    request_.retries = 2;
    faults::Use(plan);
    Report report = Copy(request_);
    faults::Clear();
    return report;
  }

  // Copies into a new destination with one of these calls failing, each in turn, as long as there are so many.
  void CopyWithEachRefused(Syscall call, const std::function<Report()>& copy,
                           const std::function<void(const Report&)>& check) {
    request_.retries = 1;
    request_.thread_count = 1;
    for (int64_t index = 0;; ++index) {
      SCOPED_TRACE(index);
      std::filesystem::remove_all(place_ / "destination");
      faults::Plan plan;
      plan.failing = call;
      plan.failing_index = index;
      plan.failing_errno = EMFILE;
      faults::Use(plan);
      const Report report = copy();
      const bool failed = faults::CallCount(call) > index;
      faults::Clear();
      if (!failed) return;
      if (report.started()) check(report);
    }
  }
};

TEST_F(Retried, WhatFailedForAPassingReasonIsTriedAgainAtTheEnd) {
  for (const Syscall call :
       {Syscall::kPread, Syscall::kPwrite, Syscall::kFchmod, Syscall::kUtimensat, Syscall::kMkdirat}) {
    std::filesystem::remove_all(place_ / "destination");
    const Report report = CopyWithFault(call, EBUSY, false);
    EXPECT_TRUE(Clean(report)) << SyscallName(call);
    EXPECT_EQ(report.result().tried_again, 1) << SyscallName(call);
    EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source")) << SyscallName(call);
    EXPECT_EQ(report[Word::kFilesTotal], 7);
    EXPECT_EQ(report[Word::kReadWriteBytes], report[Word::kBytesTotal]);
  }
}

TEST_F(Retried, WithTheOtherNamesOfAFileWaiting) {
  ASSERT_EQ(::link((place_ / "source/b/four.log").c_str(), (place_ / "source/b/second").c_str()), 0);
  for (int64_t index = 0; index < 8; ++index) {
    std::filesystem::remove_all(place_ / "destination");
    faults::Plan plan;
    plan.failing = Syscall::kPwrite;
    plan.failing_index = index;
    plan.failing_errno = ETIMEDOUT;
    request_.retries = 1;
    faults::Use(plan);
    const Report report = Copy(request_);
    faults::Clear();
    EXPECT_TRUE(Clean(report));
    EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
  }
}

// Whatever cannot be opened for a moment, in every order and by a list.
TEST_F(Retried, DirectoriesInOrderAndByAList) {
  const auto check = [&](const Report& report, int64_t most_tried_again) {
    EXPECT_TRUE(Clean(report));
    EXPECT_GE(report.result().tried_again, 1);
    EXPECT_LE(report.result().tried_again, most_tried_again);
    EXPECT_EQ(report[Word::kFilesTotal], 7);
    EXPECT_EQ(report[Word::kFilesDone], 7);
    EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
  };
  for (const Ordering ordering : {Ordering::kPath, Ordering::kLargestFirst}) {
    request_.ordering = ordering;
    CopyWithEachRefused(
        Syscall::kOpenat2, [&] { return Copy(request_); }, [&](const Report& report) { check(report, 1); });
  }
  for (const char* list :
       {"a/one.txt\na/deep/three.txt\na/two.log\na/empty\nb/\nb/four.log\ncache/sub/\ncache\n./\n",
        "a/\na/deep/\nb/\ncache/sub/\ncache/\ntop.txt\n",
        "a/one.txt\na/two.log\na/deep/three.txt\na/empty\nb/four.log\ncache/five.txt\ncache/sub/six.txt\ntop.txt\n"}) {
    SCOPED_TRACE(list);
    for (const Ordering ordering : {Ordering::kPath, Ordering::kAuto}) {
      request_.ordering = ordering;
      // Of a list, every path that needs a directory.
      CopyWithEachRefused(
          Syscall::kOpenat2, [&] { return CopyListed(list); }, [&](const Report& report) { check(report, 7); });
    }
  }
}

// What a list asks for and is not there is named, although the directory above it could not be opened at first.
TEST_F(Retried, WhatIsMissingFromAListedDirectoryIsNamed) {
  bool any = false;
  CopyWithEachRefused(
      Syscall::kOpenat2, [&] { return CopyListed("a/\na/deep/missing\n"); },
      [&](const Report& report) {
        any = true;
        ASSERT_EQ(report.failures.size(), 1u);
        EXPECT_EQ(report.failures[0].reason, FailureReason::kNotInSource);
        EXPECT_EQ(report.failures[0].path, "a/deep/missing");
      });
  EXPECT_TRUE(any);
}

// A directory that was read in part is read from its beginning again.
TEST_F(Retried, DirectoriesThatCouldNotBeReadToTheirEnd) {
  for (int index = 0; index < 600; ++index) WriteFile(place_ / "source/a/" + std::to_string(index), "x");
  request_.buffer_bytes = 4'096;
  for (const Ordering ordering : {Ordering::kPath, Ordering::kAuto}) {
    request_.ordering = ordering;
    CopyWithEachRefused(
        Syscall::kGetdents64, [&] { return Copy(request_); },
        [&](const Report& report) {
          EXPECT_TRUE(Clean(report));
          EXPECT_EQ(report[Word::kFilesDone], 607);
          EXPECT_TRUE(SameTree(place_ / "destination", place_ / "source"));
        });
  }
}

TEST_F(Retried, WhatFailsForGoodIsNamedAfterTheLastRound) {
  const Report report = CopyWithFault(Syscall::kPwrite, EAGAIN, true);
  EXPECT_EQ(report.failures.size(), 5u);  // two writes went well
  EXPECT_EQ(report[Word::kFilesFailed], 5);
  EXPECT_EQ(report.result().tried_again, 10);
}

TEST_F(Retried, WhatADiskOrAQuotaSaidIsFinal) {
  for (const int code : {EIO, ENOSPC, EDQUOT, ENOMEM, EACCES}) {
    std::filesystem::remove_all(place_ / "destination");
    const Report report = CopyWithFault(Syscall::kPread, code, false);
    EXPECT_EQ(report.failures.size(), 1u);
    EXPECT_EQ(report.result().tried_again, 0);
  }
}

TEST_F(Retried, ACancelEndsThePause) {
  request_.retries = 9;
  faults::Plan plan;
  plan.failing = Syscall::kPwrite;
  plan.failing_errno = EBUSY;
  plan.sticky = true;
  faults::Use(plan);
  const auto began = std::chrono::steady_clock::now();
  const Report report = CopySlowly(request_, -1, [&](ControlBlock control) {
    std::this_thread::sleep_for(std::chrono::milliseconds(900));
    control.Set(Word::kCancel, 1);
  });
  faults::Clear();
  EXPECT_EQ(report.end(), End::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

// Somebody removes the destination while it is written to: what cannot be copied is named, and nothing is made anew.
TEST_F(Selections, ADestinationThatVanishesIsNamedAndNotMadeAgain) {
  for (int index = 0; index < 60; ++index) WriteFile(place_ / "source/a/" + std::to_string(index), Bytes(4'000));
  request_.buffer_bytes = 4'096;
  for (const char* removed : {"destination/a", "destination"}) {
    std::filesystem::remove_all(place_ / "destination");
    const Report report = CopySlowly(request_, 100'000, [&](ControlBlock control) {
      while (control.Get(Word::kFilesDone) < 10) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      // A file may come in between; what is removed is not made again, so this ends.
      while (Exists(place_ / removed)) std::filesystem::remove_all(place_ / removed);
      control.Set(Word::kBytesPerSecond, -1);
    });
    EXPECT_FALSE(report.failures.empty());
    EXPECT_EQ(report.end(), End::kFinished);
    EXPECT_FALSE(Exists(place_ / removed));
    for (const auto& failure : report.failures) EXPECT_EQ(failure.side, Side::kDestination) << failure.path;
  }
}

}  // namespace
}  // namespace smartcopy::testing
