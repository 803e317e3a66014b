#pragma once

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

#include "control_block.h"
#include "digest.h"
#include "directory.h"
#include "failure.h"
#include "rate_limiter.h"

namespace smartcopy {

enum class UpdateMode : uint8_t { kIfDifferent, kAlways };
enum class VerifyLevel : uint8_t { kNone, kSource, kReadback };
enum class Durability : uint8_t { kNone, kBatch, kFile };
enum class IoMode : uint8_t { kAuto, kPosix, kIoUring, kMmap };
enum class DirectIo : uint8_t { kAuto, kAlways, kNever };
enum class SparseMode : uint8_t { kAuto, kAlways, kNever };

// A place below a directory that is held open. `path` has no empty, "." or ".." component; empty is the root itself.
struct RootedPath {
  std::string root;
  std::string path;
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
  bool cross_mounts = false;
  bool scan_totals = false;
  // Receives the digest of every copied file; not closed. -1: none.
  int digests_fd = -1;
  // From here on a file is copied in ranges, each this long, by all threads that have nothing better to do. Long enough
  // to keep each thread's reads and writes sequential, short enough to share the end of a file.
  off_t large_file_bytes = off_t{64} << 20;
  off_t range_bytes = off_t{16} << 20;
  // From here on a cold file may be too much for the page cache, and direct I/O is compared with it.
  off_t probed_file_bytes = off_t{1} << 30;
};

struct Fallback {
  std::string from;
  std::string to;
  int code = 0;
  int64_t count = 0;
};

// A page-aligned buffer that the kernel gave, so that running out of memory is an error and no abort.
class Buffer {
 public:
  static Result<Buffer> Make(size_t length);
  Buffer() = default;
  Buffer(Buffer&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Buffer();

  std::span<std::byte> bytes() const { return bytes_; }
  // Never gives the memory back: somebody may still write to it.
  void Leak() { bytes_ = {}; }

 private:
  explicit Buffer(std::span<std::byte> bytes) : bytes_(bytes) {}
  std::span<std::byte> bytes_;
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
        budget(descriptors),
        control(block),
        limiter(block),
        sink(failures),
        directories(asked.cross_mounts, descriptors.directory_pairs),
        digest_lines(asked.digests_fd),
        epoch(asked.epoch),
        next_temporary(AnyNumber()) {}

  const CopyRequest request;
  const DescriptorBudget budget;
  const ControlBlock control;
  RateLimiter limiter;
  FailureSink& sink;
  DirectoryTable directories;
  DigestLines digest_lines;
  FallbackCounts fallbacks;
  std::atomic<int64_t> owners_not_kept{0};
  std::atomic<int64_t> temporaries_removed{0};
  std::atomic<int64_t> modes_not_kept{0};
  // Set before the threads start, see TreeCopy::ClaimDestination.
  uint32_t epoch;
  bool removes_leftovers = true;
  // Begins anywhere, so that two runs that happen to have the same job and epoch never meet in a name.
  std::atomic<uint64_t> next_temporary;
  // What the copying threads have met, whoever keeps the published totals.
  std::atomic<int64_t> met_bytes{0};
  std::atomic<int64_t> met_files{0};

  // Records a failure of one entry. An entry that was given up because of a cancel is no failure.
  void Fail(Failure failure);
  // Records an entry that is never copied.
  void Refuse(Failure failure);
  // Counts a file as met, with the bytes it adds.
  void Meet(int64_t bytes);
  std::string NewTemporaryName();
  // Whether `name` is a temporary file that this job left behind in an earlier run. Asked of a directory before this
  // run writes into it.
  bool IsStaleTemporary(std::string_view name) const;
};

}  // namespace smartcopy
