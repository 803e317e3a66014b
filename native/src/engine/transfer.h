#pragma once

#include <errno.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "buffer_memory.h"
#include "control_block.h"
#include "digest.h"
#include "directory.h"
#include "entry_lines.h"
#include "failure.h"
#include "followed_links.h"
#include "not_kept.h"
#include "rate_limiter.h"
#include "selection.h"

namespace smartcopy {

enum class UpdateMode : uint8_t { kIfDifferent, kAlways };
enum class VerifyLevel : uint8_t {
  kNone,
  kSource,    // the digest of what was read
  kReadback,  // and the copy read again, through the page cache
  kMedia,     // and the copy, when it is durable, read again from below the page cache
};

// Whether a copy is read again, one way or the other.
constexpr bool ReadsBack(VerifyLevel level) { return level == VerifyLevel::kReadback || level == VerifyLevel::kMedia; }

enum class Durability : uint8_t { kNone, kBatch, kFile };
enum class IoMode : uint8_t { kAuto, kPosix, kIoUring, kMmap };
enum class DirectIo : uint8_t { kAuto, kAlways, kNever };
enum class SparseMode : uint8_t { kAuto, kAlways, kNever };
enum class Ordering : uint8_t { kAuto, kSmallestFirst, kLargestFirst, kPath };
enum class Symlinks : uint8_t { kPreserve, kSkip, kFollowWithinRoot };
enum class OnConflict : uint8_t { kOverwrite, kSkip, kFail };
enum class Atomic : uint8_t { kReplace, kAlways };

// The paths to copy, one after the other: read to its end, not closed.
struct PathList {
  int fd = -1;
  char separator = '\n';
};

// A place below a directory that is held open. `path` has no empty, "." or ".." component; empty is the root itself.
struct RootedPath {
  std::string root;
  std::string path;
};

// Where threads and buffers are on a machine of several memory nodes. Empty: wherever the kernel puts them.
struct NumaPlan {
  // The CPUs of each thread, by its index modulo the number of sets.
  std::vector<std::vector<unsigned>> worker_cpus;
  std::optional<unsigned> memory_node;
};

// What is kept of an entry beside its content.
struct Preserve {
  bool owner = true;
  bool mode = true;
  bool times = true;
  bool xattrs = true;
  bool acls = true;
  bool hardlinks = true;
  bool special_files = true;
  // What cannot be kept is a failure of its entry.
  bool strict = false;
};

// What to copy and how. Plain data, validated by whoever made it.
struct CopyRequest {
  RootedPath source;
  RootedPath destination;
  size_t thread_count = 1;
  size_t buffer_bytes = size_t{1} << 20;
  UpdateMode update = UpdateMode::kIfDifferent;
  std::optional<DigestAlgorithm> digest;
  VerifyLevel verify = VerifyLevel::kNone;
  Durability durability = Durability::kNone;
  // By what calls bytes are moved; any but Auto moves them and shares nothing.
  IoMode io = IoMode::kAuto;
  DirectIo direct_io = DirectIo::kAuto;
  SparseMode sparse = SparseMode::kAuto;
  // How much this transfer may hope to find in the page cache, or leave there. A larger file goes past it.
  int64_t page_cache_bytes = int64_t{1} << 40;
  // For the buffers of all rings together; a thread that finds too little left reads and writes.
  int64_t ring_memory_bytes = int64_t{64} << 20;
  // Whose temporary files these are.
  uint32_t job = 0;
  uint32_t epoch = 0;
  Preserve preserve;
  // What may be made at the destination at all, whatever is to be preserved: the setuid and setgid bits of files;
  // devices, FIFOs and sockets; the attributes security.* and trusted.*.
  bool keep_setuid = true;
  bool keep_devices = true;
  bool keep_security_xattrs = true;
  SelectionRules selection;
  // Set: only these, and the directories they need.
  std::optional<PathList> files_from;
  Ordering ordering = Ordering::kAuto;
  Symlinks symlinks = Symlinks::kPreserve;
  // What becomes of an entry whose name another one has in the destination. An equal one is left alone, whatever.
  OnConflict on_conflict = OnConflict::kOverwrite;
  // Whether a new file, too, is written under a temporary name.
  Atomic atomic = Atomic::kReplace;
  // Says what would be done and does none of it.
  bool dry_run = false;
  // How often what failed for a passing reason is tried again.
  int retries = 0;
  bool cross_mounts = false;
  // What is mounted in the source is left out and counted, whatever cross_mounts says.
  bool one_file_system = false;
  bool scan_totals = false;
  // Receives the digest of every copied file; not closed. -1: none.
  int digests_fd = -1;
  // From here on a file is copied in ranges, each this long, by all threads that have nothing better to do. Long enough
  // to keep each thread's reads and writes sequential, short enough to share the end of a file.
  off_t large_file_bytes = off_t{64} << 20;
  off_t range_bytes = off_t{16} << 20;
  // See RangeBytesOf. No bound on writers when 0.
  bool contiguous_ranges = false;
  size_t writers_per_file = 0;
  // For all buffers together; no bound when 0.
  size_t memory_bytes = 0;
  NumaPlan numa;
  // From here on a cold file may be too much for the page cache, and direct I/O is compared with it.
  off_t probed_file_bytes = off_t{1} << 30;
};

struct Fallback {
  std::string from;
  std::string to;
  int code = 0;
  int64_t count = 0;
};

class RingLane;

// What one engine thread owns.
struct Worker {
  size_t index = 0;
  Buffer buffer;
  // Of the file it copies alone; absent when no digest is wanted.
  std::unique_ptr<Digest> digest;
  size_t copy_bytes = 0;             // of one read or write; the buffer may be longer, for listings
  std::shared_ptr<RingLane> ring{};  // made at its first use
  // What it creates has exactly the mode it asks for, see PrivateUmask.
  bool creates_exactly = false;

  std::span<std::byte> CopyBuffer() const { return buffer.bytes().first(copy_bytes); }
};

// Counts the faster ways that file systems did not offer. Thread-safe.
class FallbackCounts {
 public:
  void Add(const char* from, const char* to, int code);
  std::vector<Fallback> Take();

 private:
  std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, int>, int64_t> counts_;
};

// Writes one line for each copied file, as the digest tools do: two spaces, the path; a path with a newline, a
// carriage return or a backslash is escaped and its line begins with a backslash, as by sha256sum. Thread-safe; lines
// of different files never mix.
class DigestLines {
 public:
  explicit DigestLines(int fd) : fd_(fd) {}

  void Add(const std::string& digest, const std::string& path);
  // Writes what is left. The first error of any write, if there was one: from then on nothing was written.
  std::optional<IoError> Flush();

 private:
  void WriteOut();

  const int fd_;
  std::mutex mutex_;
  std::string waiting_;
  std::optional<IoError> error_;
};

// Which bits new files of this process lack.
mode_t UmaskOfThisProcess();

// A random number below 2^48.
uint64_t AnyNumber();

// A name that exists already is answered with the next one; more of them in a row than this is no accident.
inline constexpr int kMostNameTries = 100;

// How many descriptors the parts of a transfer may keep open.
struct DescriptorBudget {
  size_t directory_pairs = 0;
  // Files, and as many directories, of a small batch: at most 64. Up to there, synchronising each costs less than
  // syncfs, which flushes everybody's data on the file system.
  size_t kept_for_batch = 0;
  size_t scan_depth = 0;
};

// What all parts of one running transfer share. Lives as long as the transfer; every member is thread-safe.
struct Transfer {
  Transfer(const CopyRequest& asked, ControlBlock block, FailureSink& failures, DescriptorBudget descriptors)
      : request(asked),
        selection(request.selection),
        budget(descriptors),
        control(block),
        limiter(block, asked.thread_count),
        memory(asked.memory_bytes, asked.numa.memory_node),
        sink(failures),
        directories({asked.cross_mounts, asked.one_file_system}, descriptors.directory_pairs),
        umask(asked.preserve.mode ? 0 : UmaskOfThisProcess()),
        digest_lines(asked.digests_fd),
        epoch(asked.epoch),
        next_temporary(AnyNumber()) {}

  const CopyRequest request;
  const Selection selection;
  const DescriptorBudget budget;
  const ControlBlock control;
  RateLimiter limiter;
  BufferMemory memory;
  FailureSink& sink;
  DirectoryTable directories;
  // Of the process, for where the source's modes are not preserved.
  const mode_t umask;
  DigestLines digest_lines;
  FallbackCounts fallbacks;
  NotKeptCounts not_kept;
  // Receives a line for each entry; null when nobody wants them.
  EntryLines* lines = nullptr;
  // Content that a dry run would have copied.
  std::atomic<int64_t> planned_bytes{0};
  std::atomic<int64_t> temporaries_removed{0};
  // The file system last found to have no extended attributes, so that not every file on it is asked for them.
  std::atomic<dev_t> without_xattrs{0};
  // Set before the threads start, see TreeCopy::ClaimDestination.
  uint32_t epoch;
  bool removes_leftovers = true;
  // Begins anywhere, so that two runs that happen to have the same job and epoch never meet in a name.
  std::atomic<uint64_t> next_temporary;
  // What the copying threads have met, whoever keeps the published totals.
  std::atomic<int64_t> met_bytes{0};
  std::atomic<int64_t> met_files{0};

  // Whether an equal entry of the destination is left alone.
  bool leaves_equal_alone() const {
    return request.update == UpdateMode::kIfDifferent || request.on_conflict != OnConflict::kOverwrite;
  }
  // Whether directories of the destination are made only when something goes into them.
  bool makes_on_demand() const { return selection.makes_on_demand() || request.files_from.has_value(); }

  // A symbolic link of the source, to be followed.
  FollowedLink LinkAt(const Directory& directory, const std::string& name);
  // Whether an error of opening something in the source says that it is mounted there and is not wanted.
  bool IsLeftOutMount(const IoError& error) const {
    return request.one_file_system && error.code == EXDEV && error.call == Syscall::kOpenat2;
  }

  // Counts an entry that was not asked for.
  void Filter() { control.Add(Word::kEntriesFiltered, 1); }
  // Records a failure of one entry. An entry that was given up because of a cancel is no failure.
  void Fail(Failure failure);
  // Records an entry that is never copied.
  void Refuse(Failure failure);
  // Counts a file as met, with the bytes it adds.
  void Meet(int64_t bytes);
  // For an entry without content that was met and turned out not to be copied.
  void MeetNot();
  std::string NewTemporaryName();
  // Whether `name` is a temporary file that this job left behind in an earlier run. Asked of a directory before this
  // run writes into it.
  bool IsStaleTemporary(std::string_view name) const;
};

}  // namespace smartcopy
