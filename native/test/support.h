#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tree_copy.h"

namespace smartcopy::testing {

// A directory that is removed with everything in it. In SMARTCOPY_TEST_FOLDER when that is set, else on tmpfs where the
// machine has one, so that many small trees are quick.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

// A file system of this type in a file of its own, mounted while this lives, where root may mount and the program that
// makes it is there.
class LoopFileSystem {
 public:
  LoopFileSystem(const char* type, off_t size);
  ~LoopFileSystem();
  LoopFileSystem(const LoopFileSystem&) = delete;
  LoopFileSystem& operator=(const LoopFileSystem&) = delete;

  bool mounted() const { return mounted_; }
  std::string path() const { return place_ / "mounted"; }

 private:
  TemporaryDirectory place_;
  bool mounted_ = false;
};

// How many descriptors this process has open.
size_t OpenDescriptors();

// Gives the process few descriptors while it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t count) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few{count, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// Bytes that look random and are the same for the same seed.
std::string Bytes(size_t length, uint32_t seed = 1);

void WriteFile(const std::string& path, std::string_view content, mode_t mode = 0644);
std::string ReadFile(const std::string& path);
void MakeDirectory(const std::string& path, mode_t mode = 0755);
void MakeLink(const std::string& target, const std::string& path);
// Sets the modification time (and access time) of anything, links included, to whole and nanoseconds.
void SetTime(const std::string& path, int64_t seconds, int64_t nanoseconds);
struct stat FileStat(const std::string& path);
bool Exists(const std::string& path);

// What a copy could not keep, and said so: a comparison leaves it out.
struct NotKept {
  bool owners = false;
  bool modes = false;
};

// Everything a copy has to keep of one entry.
struct Facts {
  std::string metadata;   // type, mode, owner, modification time
  std::string content;    // a file's bytes or a link's target
  std::string same_file;  // the first of its names, if it has several
  struct stat found{};

  bool operator==(const Facts& other) const {
    return metadata == other.metadata && content == other.content && same_file == other.same_file;
  }
};

// What is at and below `path`, by relative names; the top's own is ".". Equal trees have equal facts.
std::map<std::string, Facts> FactsOf(const std::string& path, NotKept not_kept = {});
// The same as lines to print and compare.
std::vector<std::string> Describe(const std::string& path);
// Whether two trees have the same description; says the first difference.
::testing::AssertionResult SameTree(const std::string& copy, const std::string& source);

// The outcome of one transfer.
struct Report {
  std::variant<CopyResult, StartError> outcome;
  std::vector<Failure> failures;
  std::array<int64_t, static_cast<size_t>(Word::kCount)> words{};

  int64_t operator[](Word word) const { return words[static_cast<size_t>(word)]; }
  bool started() const { return outcome.index() == 0; }
  End end() const { return std::get<CopyResult>(outcome).end; }
  const CopyResult& result() const { return std::get<CopyResult>(outcome); }
  const StartError& start_error() const { return std::get<StartError>(outcome); }
  // Every entry was copied or found equal.
  bool clean() const { return started() && end() == End::kFinished && failures.empty(); }
};

// Whether it is clean; says the first failure.
::testing::AssertionResult Clean(const Report& report);

// A request for everything below `source` to become everything below `destination`, with the defaults of the tests: two
// threads, update always, durability none.
CopyRequest RequestFor(const std::string& source, const std::string& destination);

// Runs a transfer to its end.
Report Copy(const CopyRequest& request);
// Runs a transfer that begins under a limit, with `meanwhile` on another thread that holds the shared words.
Report CopySlowly(const CopyRequest& request, int64_t bytes_per_second,
                  const std::function<void(ControlBlock)>& meanwhile);
Report Copy(const std::string& source, const std::string& destination);

// A small tree with one of everything: empty and unaligned files, a large one, links of both kinds, odd names and
// modes.
void MakeSampleTree(const std::string& path);

}  // namespace smartcopy::testing
