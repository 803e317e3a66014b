#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "support.h"

namespace smartcopy::testing {
namespace {

TEST(TreeCopy, KeepsEverythingOfATree) {
  const TemporaryDirectory place;
  MakeSampleTree(place / "source");
  const Report report = Copy(place / "source", place / "destination");
  EXPECT_TRUE(Clean(report));
  EXPECT_TRUE(SameTree(place / "destination", place / "source"));
  EXPECT_EQ(report[Word::kFilesDone], 10);
  EXPECT_EQ(report[Word::kFilesTotal], 10);
  EXPECT_EQ(report[Word::kDirectoriesDone], 3);
  // The bytes of an inode with three names count once.
  EXPECT_EQ(report[Word::kReadWriteBytes] + report[Word::kReflinkBytes], 1 + 70'001 + 3 * 65'536 + 8 + 9);
  EXPECT_EQ(report[Word::kBytesTotal], 1 + 70'001 + 3 * 65'536 + 8 + 9);
}

TEST(TreeCopy, KeepsEverythingAtEveryDurability) {
  for (const Durability durability : {Durability::kNone, Durability::kBatch, Durability::kFile}) {
    const TemporaryDirectory place;
    MakeSampleTree(place / "source");
    MakeDirectory(place / "destination");
    WriteFile(place / "destination/one", "old");
    auto request = RequestFor(place / "source", place / "destination");
    request.durability = durability;
    EXPECT_TRUE(Clean(Copy(request)));
    EXPECT_TRUE(SameTree(place / "destination", place / "source"));
  }
}

TEST(TreeCopy, BatchFinishesManyFilesToo) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  for (int index = 0; index < 300; ++index) {
    const std::string directory = place / "source/" + std::to_string(index % 100);
    if (index < 100) MakeDirectory(directory);
    WriteFile(directory + "/" + std::to_string(index), Bytes(100, index));
  }
  auto request = RequestFor(place / "source", place / "destination");
  request.durability = Durability::kBatch;
  EXPECT_TRUE(Clean(Copy(request)));
  EXPECT_TRUE(SameTree(place / "destination", place / "source"));
  // Once more, so that every file is replaced.
  EXPECT_TRUE(Clean(Copy(request)));
  EXPECT_TRUE(SameTree(place / "destination", place / "source"));
}

TEST(TreeCopy, LeavesEqualFilesAloneAndMendsTheirMetadata) {
  const TemporaryDirectory place;
  MakeSampleTree(place / "source");
  auto request = RequestFor(place / "source", place / "destination");
  request.update = UpdateMode::kIfDifferent;
  EXPECT_TRUE(Clean(Copy(request)));
  const auto inode = FileStat(place / "destination/buffers").st_ino;
  ASSERT_EQ(::chmod((place / "destination/buffers").c_str(), 0600), 0);
  WriteFile(place / "source/one", "changed");

  const Report again = Copy(request);
  EXPECT_TRUE(Clean(again));
  EXPECT_EQ(again[Word::kFilesDone], 1);
  EXPECT_EQ(again[Word::kFilesUnchanged], 9);
  EXPECT_EQ(FileStat(place / "destination/buffers").st_ino, inode);
  EXPECT_TRUE(SameTree(place / "destination", place / "source"));
}

TEST(TreeCopy, ReplacesFilesWholeAndNeverTruncatesTheOldOne) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  MakeDirectory(place / "destination");
  WriteFile(place / "source/file", "new content");
  WriteFile(place / "destination/file", "old");
  ASSERT_EQ(::link((place / "destination/file").c_str(), (place / "elsewhere").c_str()), 0);
  EXPECT_TRUE(Clean(Copy(place / "source", place / "destination")));
  EXPECT_EQ(ReadFile(place / "destination/file"), "new content");
  EXPECT_EQ(ReadFile(place / "elsewhere"), "old");
}

TEST(TreeCopy, ReplacesALinkAndNeverWritesThroughIt) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  MakeDirectory(place / "destination");
  WriteFile(place / "source/file", "new");
  WriteFile(place / "outside", "untouched");
  MakeLink("../outside", place / "destination/file");
  EXPECT_TRUE(Clean(Copy(place / "source", place / "destination")));
  EXPECT_EQ(ReadFile(place / "outside"), "untouched");
  EXPECT_TRUE(SameTree(place / "destination", place / "source"));
}

TEST(TreeCopy, NeverEntersALinkInTheWayOfADirectory) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  MakeDirectory(place / "source/inner");
  WriteFile(place / "source/inner/file", "x");
  WriteFile(place / "source/other", "y");
  MakeDirectory(place / "outside");
  MakeDirectory(place / "destination");
  MakeLink("../outside", place / "destination/inner");
  const Report report = Copy(place / "source", place / "destination");
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].path, "inner");
  EXPECT_EQ(report.failures[0].side, Side::kDestination);
  EXPECT_FALSE(Exists(place / "outside/file"));
  EXPECT_EQ(ReadFile(place / "destination/other"), "y");
}

TEST(TreeCopy, NamesADirectoryInTheWayOfAFile) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  WriteFile(place / "source/name", "x");
  MakeDirectory(place / "destination");
  MakeDirectory(place / "destination/name");
  const Report report = Copy(place / "source", place / "destination");
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].reason, FailureReason::kTypeConflict);
  EXPECT_EQ(report[Word::kFilesFailed], 1);
}

TEST(TreeCopy, NeverReplacesADeviceOrFifo) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  MakeDirectory(place / "destination");
  WriteFile(place / "source/fifo", "x");
  MakeLink("fifo", place / "source/link");
  ASSERT_EQ(::mkfifo((place / "destination/fifo").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((place / "destination/link").c_str(), 0600), 0);
  const Report report = Copy(place / "source", place / "destination");
  ASSERT_EQ(report.failures.size(), 2u);
  for (const auto& failure : report.failures) EXPECT_EQ(failure.reason, FailureReason::kTypeConflict);
  EXPECT_TRUE(S_ISFIFO(FileStat(place / "destination/fifo").st_mode));
  EXPECT_TRUE(S_ISFIFO(FileStat(place / "destination/link").st_mode));
}

TEST(TreeCopy, RefusesSpecialFilesThatAreNotWantedAndCopiesTheRest) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  ASSERT_EQ(::mkfifo((place / "source/fifo").c_str(), 0600), 0);
  WriteFile(place / "source/file", "x");
  auto request = RequestFor(place / "source", place / "destination");
  request.preserve.special_files = false;
  const Report report = Copy(request);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_TRUE(report.failures[0].refused);
  EXPECT_EQ(report.failures[0].path, "fifo");
  EXPECT_EQ(report[Word::kEntriesRefused], 1);
  EXPECT_EQ(report[Word::kFilesFailed], 0);
  EXPECT_EQ(ReadFile(place / "destination/file"), "x");
}

TEST(TreeCopy, CopiesASingleFileToANewNameAndMakesItsDirectories) {
  const TemporaryDirectory place;
  WriteFile(place / "file", "content", 0640);
  SetTime(place / "file", 1'000'000'001, 77);
  auto request = RequestFor(place / "file", place / "unused");
  request.source = {place.path(), "file"};
  request.destination = {place.path(), "a/b/renamed"};
  for (const Durability durability : {Durability::kNone, Durability::kBatch, Durability::kFile}) {
    request.durability = durability;
    EXPECT_TRUE(Clean(Copy(request)));
    EXPECT_TRUE(SameTree(place / "a/b/renamed", place / "file"));
  }
}

TEST(TreeCopy, RefusesToCopyOntoOrIntoItself) {
  const TemporaryDirectory place;
  MakeSampleTree(place / "source");
  const auto before = Describe(place / "source");
  EXPECT_EQ(Copy(place / "source", place / "source").start_error().kind, StartError::Kind::kSameFile);
  EXPECT_EQ(Copy(place / "source", place / "source/inner").start_error().kind,
            StartError::Kind::kDestinationInsideSource);
  EXPECT_EQ(Copy(place / "source", place / "source/new").start_error().kind,
            StartError::Kind::kDestinationInsideSource);
  auto request = RequestFor(place / "source", place / "source");
  request.source = {place / "source", "one"};
  request.destination = {place / "source", "one"};
  EXPECT_EQ(Copy(request).start_error().kind, StartError::Kind::kSameFile);
  request.source = {place / "source", "unaligned"};
  request.destination = {place / "source", "inner/second name"};
  EXPECT_EQ(Copy(request).start_error().kind, StartError::Kind::kSameFile);
  EXPECT_EQ(Describe(place / "source"), before);
}

TEST(TreeCopy, SaysWhichRootIsMissing) {
  const TemporaryDirectory place;
  const Report report = Copy(place / "missing", place / "destination");
  ASSERT_FALSE(report.started());
  EXPECT_EQ(report.start_error().error.code, ENOENT);
  EXPECT_EQ(report.start_error().path, place / "missing");
}

TEST(TreeCopy, NeverFollowsALinkInARootedPath) {
  const TemporaryDirectory place;
  MakeDirectory(place / "root");
  MakeDirectory(place / "outside");
  WriteFile(place / "outside/secret", "x");
  MakeLink("../outside", place / "root/link");
  auto request = RequestFor(place / "root", place / "destination");
  request.source = {place / "root", "link/secret"};
  request.destination = {place.path(), "copied"};
  EXPECT_EQ(Copy(request).start_error().error.code, ELOOP);
  request.source = {place / "outside", ""};
  request.destination = {place / "root", "link/deeper"};
  EXPECT_EQ(Copy(request).start_error().error.code, ELOOP);
  EXPECT_FALSE(Exists(place / "outside/deeper"));
}

TEST(TreeCopy, RemovesOlderTemporariesOfItsOwnJobAlone) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  MakeDirectory(place / "source/inner");
  MakeDirectory(place / "destination");
  MakeDirectory(place / "destination/inner");
  WriteFile(place / "destination/.smartcopy-abcd123400000006-1", "mine, older");
  WriteFile(place / "destination/inner/.smartcopy-abcd123400000007-22", "mine, this epoch");
  WriteFile(place / "destination/.smartcopy-abcd123400000008-1", "mine, but a later epoch");
  WriteFile(place / "destination/.smartcopy-abcd123500000006-1", "another job's");
  WriteFile(place / "destination/.smartcopy-abcd123400000006-x", "no temporary");
  const Report report = Copy(place / "source", place / "destination");
  EXPECT_TRUE(Clean(report));
  EXPECT_EQ(report.result().temporaries_removed, 2);
  EXPECT_FALSE(Exists(place / "destination/.smartcopy-abcd123400000006-1"));
  EXPECT_FALSE(Exists(place / "destination/inner/.smartcopy-abcd123400000007-22"));
  EXPECT_TRUE(Exists(place / "destination/.smartcopy-abcd123400000008-1"));
  EXPECT_TRUE(Exists(place / "destination/.smartcopy-abcd123500000006-1"));
  EXPECT_TRUE(Exists(place / "destination/.smartcopy-abcd123400000006-x"));
}

TEST(TreeCopy, WalksDeepAndWideTreesWithFewDescriptors) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  std::string deep = place / "source";
  for (int level = 0; level < 300; ++level) {
    deep += "/d";
    MakeDirectory(deep);
    WriteFile(deep + "/file", std::to_string(level));
  }
  for (int index = 0; index < 300; ++index) MakeDirectory(place / "source/" + std::to_string(index));
  const FewDescriptors few(100);
  for (const Durability durability : {Durability::kNone, Durability::kBatch, Durability::kFile}) {
    auto request = RequestFor(place / "source", place / "destination" + std::to_string(static_cast<int>(durability)));
    request.durability = durability;
    request.scan_totals = true;
    EXPECT_TRUE(Clean(Copy(request)));
  }
  EXPECT_TRUE(SameTree(place / "destination0", place / "source"));
  EXPECT_TRUE(SameTree(place / "destination1", place / "source"));
  EXPECT_TRUE(SameTree(place / "destination2", place / "source"));
}

TEST(TreeCopy, SharesOneFlatDirectoryAmongThreads) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  for (int index = 0; index < 3000; ++index)
    WriteFile(place / "source/" + std::to_string(index), std::to_string(index));
  auto request = RequestFor(place / "source", place / "destination");
  request.thread_count = 8;
  EXPECT_TRUE(Clean(Copy(request)));
  EXPECT_TRUE(SameTree(place / "destination", place / "source"));
}

TEST(TreeCopy, PublishesTotalsWhileItRuns) {
  const TemporaryDirectory place;
  MakeSampleTree(place / "source");
  auto request = RequestFor(place / "source", place / "destination");
  request.scan_totals = true;
  const Report report = CopySlowly(request, 0, [](ControlBlock control) {
    while (control.Get(Word::kTotalsFinal) == 0) std::this_thread::yield();
    EXPECT_EQ(control.Get(Word::kFilesTotal), 10);
    EXPECT_EQ(control.Get(Word::kBytesTotal), 1 + 70'001 + 3 * 65'536 + 8 + 9);
    control.Set(Word::kBytesPerSecond, -1);
  });
  EXPECT_TRUE(Clean(report));
}

TEST(TreeCopy, HoldsALiveLimit) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  WriteFile(place / "source/file", Bytes(4 << 20));
  WriteFile(place / "source/other", Bytes(4 << 20));
  const auto began = std::chrono::steady_clock::now();
  const Report report =
      CopySlowly(RequestFor(place / "source", place / "destination"), 4 << 20, [](ControlBlock control) {
        std::this_thread::sleep_for(std::chrono::seconds(1));
        const int64_t moved = control.Get(Word::kReadWriteBytes);
        EXPECT_LE(moved, (4 << 20) * 1.3);
        EXPECT_GT(moved, (4 << 20) * 0.5);
        control.Set(Word::kBytesPerSecond, -1);
      });
  EXPECT_TRUE(Clean(report));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  EXPECT_GT(report[Word::kThrottleWaitNs], 0);
}

TEST(TreeCopy, KeepsWhatWasFinishedWhenCancelled) {
  for (const Durability durability : {Durability::kNone, Durability::kBatch}) {
    const TemporaryDirectory place;
    MakeDirectory(place / "source");
    MakeDirectory(place / "source/inner", 0711);
    for (int index = 0; index < 200; ++index)
      WriteFile(place / "source/inner/" + std::to_string(index), Bytes(50'000, index));
    auto request = RequestFor(place / "source", place / "destination");
    request.durability = durability;
    const Report report = CopySlowly(request, 5'000'000, [](ControlBlock control) {
      while (control.Get(Word::kReadWriteBytes) < 1'000'000) std::this_thread::yield();
      control.Set(Word::kCancel, 1);
    });
    EXPECT_EQ(report.end(), End::kCancelled);
    EXPECT_TRUE(report.failures.empty());
    int finished = 0;
    for (int index = 0; index < 200; ++index) {
      const std::string name = "inner/" + std::to_string(index);
      if (!Exists(place / "destination/" + name)) continue;
      ++finished;
      EXPECT_TRUE(SameTree(place / "destination/" + name, place / "source/" + name));
    }
    EXPECT_EQ(finished, report[Word::kFilesDone]);
    EXPECT_GT(finished, 0);
    EXPECT_LT(finished, 200);
    EXPECT_EQ(FileStat(place / "destination/inner").st_mode & 07777, 0711u);
  }
}

TEST(TreeCopy, RefusesToWalkIntoItsOwnDestinationThroughAMount) {
  if (::geteuid() != 0) GTEST_SKIP() << "bind mounts need root";
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  MakeDirectory(place / "source/hole");
  WriteFile(place / "source/file", "x");
  MakeDirectory(place / "destination");
  if (::system(("mount --bind " + place / "destination" + " " + place / "source/hole").c_str()) != 0)
    GTEST_SKIP() << "no bind mounts here";
  const Report report = Copy(place / "source", place / "destination");
  EXPECT_EQ(::system(("umount " + place / "source/hole").c_str()), 0);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].reason, FailureReason::kDestinationInsideSource);
  EXPECT_EQ(ReadFile(place / "destination/file"), "x");
}

TEST(TreeCopy, StaysOnOneFileSystemUnlessToldOtherwise) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounts need root";
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  MakeDirectory(place / "source/mounted");
  if (::system(("mount -t tmpfs none " + place / "source/mounted").c_str()) != 0) GTEST_SKIP() << "no mounts here";
  WriteFile(place / "source/mounted/file", "x");
  auto request = RequestFor(place / "source", place / "destination");
  request.cross_mounts = false;
  const Report kept_out = Copy(request);
  request.cross_mounts = true;
  const Report crossed = Copy(request);
  EXPECT_EQ(::system(("umount " + place / "source/mounted").c_str()), 0);
  ASSERT_EQ(kept_out.failures.size(), 1u);
  EXPECT_EQ(kept_out.failures[0].reason, FailureReason::kMountPoint);
  EXPECT_EQ(kept_out[Word::kFilesFailed], 1);
  EXPECT_TRUE(Clean(crossed));
  EXPECT_EQ(ReadFile(place / "destination/mounted/file"), "x");
}

TEST(TreeCopy, NeverReplacesTheSourceByItsOwnCopy) {
  const TemporaryDirectory place;
  MakeDirectory(place / "top");
  MakeDirectory(place / "top/sub");
  MakeDirectory(place / "top/sub/sub");
  for (int index = 0; index < 50; ++index) {
    WriteFile(place / "top/sub/" + std::to_string(index), "outer");
    WriteFile(place / "top/sub/sub/" + std::to_string(index), "inner");
  }
  const Report report = Copy(place / "top/sub", place / "top");
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].reason, FailureReason::kDestinationInsideSource);
  for (int index = 0; index < 50; ++index) EXPECT_EQ(ReadFile(place / "top/sub/" + std::to_string(index)), "outer");
}

TEST(TreeCopy, TwoRunsOfOneJobLeaveEachOtherAlone) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  MakeDirectory(place / "destination");
  WriteFile(place / "source/file", Bytes(2 << 20));
  WriteFile(place / "destination/file", "old");
  const auto request = RequestFor(place / "source", place / "destination");
  Report second;
  const Report first = CopySlowly(request, 4 << 20, [&](ControlBlock control) {
    while (control.Get(Word::kReadWriteBytes) == 0) std::this_thread::yield();
    second = CopySlowly(request, 2 << 20, [&](ControlBlock other) {
      while (control.Get(Word::kFilesDone) == 0) std::this_thread::yield();
      other.Set(Word::kCancel, 1);
    });
  });
  EXPECT_TRUE(Clean(first));
  EXPECT_EQ(second.end(), End::kCancelled);
  EXPECT_TRUE(SameTree(place / "destination", place / "source"));
}

TEST(TreeCopy, MendsNoMetadataOfAFileWithOtherNames) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  MakeDirectory(place / "destination");
  WriteFile(place / "outside", "same", 0600);
  WriteFile(place / "source/file", "same", 04777);
  SetTime(place / "outside", 1'000'000'000, 1);
  SetTime(place / "source/file", 1'000'000'000, 1);
  ASSERT_EQ(::link((place / "outside").c_str(), (place / "destination/file").c_str()), 0);
  auto request = RequestFor(place / "source", place / "destination");
  request.update = UpdateMode::kIfDifferent;
  EXPECT_TRUE(Clean(Copy(request)));
  EXPECT_EQ(FileStat(place / "outside").st_mode & 07777, 0600u);
  EXPECT_TRUE(SameTree(place / "destination", place / "source"));
}

TEST(TreeCopy, LeavesWhatSomebodyElsePutInItsPlace) {
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  for (const char* name : {"a", "b", "c", "d", "e", "f", "z"})
    WriteFile(place / "source/" + std::string(name), Bytes(100'000));
  const FewDescriptors few(32);  // so that waiting files are found again by name
  auto request = RequestFor(place / "source", place / "destination");
  request.durability = Durability::kBatch;
  request.thread_count = 1;
  const Report report = CopySlowly(request, 1'000'000, [&](ControlBlock control) {
    while (control.Get(Word::kReadWriteBytes) < 600'000) std::this_thread::yield();
    for (const char* name : {"a", "b", "c", "d", "e", "f", "z"}) {
      if (!Exists(place / "destination/" + std::string(name))) continue;
      WriteFile(place / "mine", "somebody else's");
      ASSERT_EQ(::rename((place / "mine").c_str(), (place / "destination/" + std::string(name)).c_str()), 0);
      break;
    }
    control.Set(Word::kBytesPerSecond, -1);
  });
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(ReadFile(place / "destination/" + report.failures[0].path), "somebody else's");
  EXPECT_EQ(report[Word::kFilesDone], 6);
}

TEST(TreeCopy, FinishesEveryFileOfABatchThatLinksStart) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounts need root";
  const TemporaryDirectory place;
  MakeDirectory(place / "source");
  MakeDirectory(place / "source/a");
  MakeDirectory(place / "source/b");
  for (int index = 0; index < 2000; ++index) WriteFile(place / "source/a/" + std::to_string(index), "x");
  for (int index = 0; index < 20; ++index) {
    const std::string name = std::to_string(index);
    ASSERT_EQ(::link((place / "source/a/" + name).c_str(), (place / "source/b/" + name).c_str()), 0);
  }
  MakeDirectory(place / "destination");
  MakeDirectory(place / "destination/a");
  MakeDirectory(place / "destination/b");
  // No links from one to the other: the second name is copied by itself, after the first one's batch.
  if (::system(("mount -t tmpfs none " + place / "destination/b").c_str()) != 0) GTEST_SKIP() << "no mounts here";
  auto request = RequestFor(place / "source", place / "destination");
  request.durability = Durability::kBatch;
  request.thread_count = 4;
  for (int run = 0; run < 5; ++run) {
    const Report report = Copy(request);
    EXPECT_TRUE(Clean(report));
    EXPECT_EQ(report[Word::kFilesDone], 2020);
  }
  EXPECT_EQ(FileStat(place / "destination/b/7").st_mtim.tv_nsec, FileStat(place / "source/b/7").st_mtim.tv_nsec);
  EXPECT_EQ(::system(("umount " + place / "destination/b").c_str()), 0);
}

TEST(TreeCopy, AFullFileSystemIsHelpedByFinishingTheBatch) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounts need root";
  for (const off_t large : {off_t{64} << 20, off_t{100'000}}) {
    const TemporaryDirectory place;
    MakeDirectory(place / "source");
    MakeDirectory(place / "small");
    if (::system(("mount -t tmpfs -o size=3M none " + place / "small").c_str()) != 0) GTEST_SKIP() << "no mounts here";
    MakeDirectory(place / "small/destination");
    for (int index = 0; index < 10; ++index) {
      WriteFile(place / "source/" + std::to_string(index), Bytes(200'000, index));
      WriteFile(place / "small/destination/" + std::to_string(index), Bytes(200'000, 99));
    }
    auto request = RequestFor(place / "source", place / "small/destination");
    request.durability = Durability::kBatch;
    request.thread_count = 1;
    request.large_file_bytes = large;
    EXPECT_TRUE(Clean(Copy(request)));
    EXPECT_TRUE(SameTree(place / "small/destination", place / "source"));
    EXPECT_EQ(::system(("umount " + place / "small").c_str()), 0);
  }
}

TEST(TreeCopy, PassesThroughDirectoriesThatMayNotBeRead) {
  if (::geteuid() != 0) GTEST_SKIP() << "becoming another user needs root";
  const TemporaryDirectory place;
  ASSERT_EQ(::chmod(place.path().c_str(), 0711), 0);
  MakeDirectory(place / "from", 0711);
  WriteFile(place / "from/file", "content", 0644);
  MakeDirectory(place / "to", 0733);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    auto request = RequestFor(place.path(), place / "unused");
    request.source = {place / "from", "file"};
    request.destination = {place / "to", "file"};
    const Report report = Copy(request);
    ::_exit(report.started() && report.end() == End::kFinished && report.failures.empty() ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(ReadFile(place / "to/file"), "content");
}

}  // namespace
}  // namespace smartcopy::testing
