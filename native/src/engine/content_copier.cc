#include "content_copier.h"

#include <errno.h>
#include <fcntl.h>

#include <chrono>
#include <cstring>

#include "sparse_map.h"

namespace smartcopy {
namespace {

// Less than this part of a file in the page cache, and reading it means reading the disk.
constexpr off_t kColdPart = 10;
constexpr off_t kPageBytes = 4096;

bool IsSparse(const struct stat& source) { return source.st_blocks * 512 < source.st_size; }

bool FollowsMap(const ContentCopy& file) {
  if (file.plan == nullptr) return false;
  const Holes holes = file.plan->choice.holes;
  return holes == Holes::kFromMap || holes == Holes::kFromBoth;
}

}  // namespace

Result<ContentChoice> ContentCopier::Choose(const ContentCopy& file, const struct stat& source, long destination_type) {
  auto facts = FactsOf(file, source, destination_type);
  if (!facts) return facts.error();
  auto choice = smartcopy::Choose(transfer_.request, *facts);
  if (choice.method == Method::kIoUring && !ring_.IsOffered()) choice.method = Method::kReadWrite;
  if (choice.is_probed && !ring_.IsOffered()) choice.is_probed = false;
  CountUnmet(choice, *facts);
  return choice;
}

Result<ContentFacts> ContentCopier::FactsOf(const ContentCopy& file, const struct stat& source, long destination_type) {
  const CopyRequest& request = transfer_.request;
  ContentFacts facts;
  facts.size = source.st_size;
  facts.wants_digest = request.digest.has_value();
  facts.has_holes = IsSparse(source);
  facts.page_cache_bytes = request.page_cache_bytes;
  facts.destination = TraitsOf(destination_type);
  const bool may_exceed = MayExceedPageCache(request, source.st_size);
  const bool asks_source = facts.has_holes || facts.destination.offloads_copies || may_exceed;
  if (!asks_source) return facts;
  auto type = capabilities_.TypeOf(file.source, file.source_device);
  if (!type) return type.error();
  facts.source = TraitsOf(*type);
  facts.same_type = *type == destination_type;
  if (may_exceed) {
    uint64_t pages = 0;
    const bool is_told = sys::CachedPages(file.source, source.st_size, &pages) >= 0;
    facts.is_cold = is_told ? static_cast<off_t>(pages) * kPageBytes < source.st_size / kColdPart
                            : source.st_size > request.page_cache_bytes;
  }
  return facts;
}

// What a user named and does not get for this file. A refusal of the kernel is counted where it is met.
void ContentCopier::CountUnmet(const ContentChoice& choice, const ContentFacts& facts) {
  if (facts.size == 0 || choice.method != Method::kReadWrite) return;
  if (transfer_.request.io == IoMode::kMmap)
    transfer_.fallbacks.Add(MethodName(Method::kMmap), MethodName(Method::kReadWrite), EOPNOTSUPP);
  if (transfer_.request.io == IoMode::kIoUring && ring_.IsOffered())
    transfer_.fallbacks.Add(MethodName(Method::kIoUring), MethodName(Method::kReadWrite), EOPNOTSUPP);
}

Result<std::optional<off_t>> ContentCopier::Share(const ContentCopy& file, const Watch& watch) {
  if (!file.plan->choice.may_share) return std::optional<off_t>();
  return reflink_.CopyRange(file, {0, file.size}, watch);
}

Result<off_t> ContentCopier::Copy(const ContentCopy& file, const Watch& watch) {
  if (file.plan->choice.method != Method::kReadWrite || FollowsMap(file)) return CopyRange(file, {0, file.size}, watch);
  return read_write_.CopyToEnd(file, watch);
}

Result<off_t> ContentCopier::CopyRange(const ContentCopy& file, Range range, const Watch& watch) {
  if (!FollowsMap(file)) return CopyData(file, range, watch);
  off_t at = range.begin;
  while (at < range.end) {
    auto data = NextData(file.source, {at, range.end});
    if (!data) return data.error();
    auto passed = PassHole(file, {at, data->begin}, watch);
    if (!passed) return passed.error();
    auto moved = CopyData(file, *data, watch);
    if (!moved) return moved.error();
    at = data->begin + *moved;
    if (at < data->end) break;  // the source ended
  }
  return at - range.begin;
}

// A hole is not read and not written: the destination was empty there. A digest sees its zeros all the same.
Result<off_t> ContentCopier::PassHole(const ContentCopy& file, Range hole, const Watch& watch) {
  const off_t length = hole.end - hole.begin;
  if (length > 0 && watch) std::memset(file.buffer.data(), 0, file.buffer.size());
  for (off_t at = hole.begin; at < hole.end && watch;) {
    const auto part = static_cast<size_t>(std::min(hole.end - at, static_cast<off_t>(file.buffer.size())));
    if (transfer_.control.cancelled() || !watch(file.buffer.first(part)))
      return IoError{ECANCELED, Syscall::kLseek, at};
    at += static_cast<off_t>(part);
  }
  if (transfer_.control.cancelled()) return IoError{ECANCELED, Syscall::kLseek, hole.begin};
  if (length > 0) file.moved->Add(transfer_.control, Method::kHoles, length);
  return length;
}

Result<off_t> ContentCopier::CopyData(const ContentCopy& file, Range range, const Watch& watch) {
  if (range.begin == range.end) return off_t{0};
  if (file.plan->choice.is_probed) return CopyProbed(file, range, watch);
  CopyStrategy& way = WayOf(file.plan->choice.method);
  if (!file.plan->reads_and_writes.load(std::memory_order_relaxed)) {
    auto moved = way.CopyRange(file, range, watch);
    if (!moved) return moved.error();
    if (*moved) {
      if (file.plan->choice.spares_cache) {
        if (auto error = SpareCache(file, range, false)) return *error;
      }
      return **moved;
    }
    file.plan->reads_and_writes = true;
  }
  auto moved = read_write_.CopyRange(file, range, watch);
  return moved ? Result<off_t>(**moved) : moved.error();
}

// Both ways are measured down to the disk: what merely lies in the page cache afterwards has its time still to come.
Result<off_t> ContentCopier::CopyProbed(const ContentCopy& file, Range range, const Watch& watch) {
  using Way = DirectProbe::Way;
  using Clock = std::chrono::steady_clock;
  const std::pair places{file.source_device, file.destination_device};
  Way way = Way::kPageCache;
  bool is_settled = false;
  {
    const std::lock_guard lock(mutex_);
    auto& probe = probes_[places];
    way = file.plan->direct ? probe.Next() : Way::kPageCache;
    is_settled = probe.winner().has_value();
  }
  const auto began = Clock::now();
  ContentCopy by_cache = file;
  by_cache.goes_direct = false;
  auto moved = way == Way::kDirect ? ring_.CopyRange(file, range, watch) : std::optional<off_t>();
  const bool went_direct = moved && *moved;
  if (moved && !*moved) moved = read_write_.CopyRange(by_cache, range, watch);
  if (!moved) return moved.error();
  if (!went_direct) {
    if (auto error = SpareCache(file, range, !is_settled)) return *error;
  }
  const auto took = std::chrono::nanoseconds(Clock::now() - began).count();
  const std::lock_guard lock(mutex_);
  probes_[places].Record(went_direct ? Way::kDirect : Way::kPageCache, **moved, took);
  return **moved;
}

CopyStrategy& ContentCopier::WayOf(Method method) {
  switch (method) {
    case Method::kCopyFileRange:
      return copy_file_range_;
    case Method::kMmap:
      return mapped_;
    case Method::kIoUring:
      return ring_;
    default:
      return read_write_;
  }
}

// The range itself begins its way to the disk; the one before it has had time for that, and is waited for, so that
// neither dirty nor read pages pile up. What is waited for tells of its errors here and never again: an fdatasync on
// the same descriptor would find nothing wrong. Only that this cannot be asked for does not matter.
std::optional<IoError> ContentCopier::SpareCache(const ContentCopy& file, Range range, bool waits) {
  const off_t length = range.end - range.begin;
  const auto write_out = [&](off_t offset, off_t bytes, bool until_written) -> std::optional<IoError> {
    const long answer = sys::SyncFileRange(file.destination, offset, bytes, until_written);
    if (answer >= 0 || JudgeRefusal(static_cast<int>(-answer)) != Refusal::kFinal) return std::nullopt;
    return IoError{static_cast<int>(-answer), Syscall::kSyncFileRange, offset};
  };
  if (auto error = write_out(range.begin, length, waits)) return error;
  const off_t before = waits ? range.begin : std::max<off_t>(0, range.begin - length);
  const off_t used = waits ? length : range.begin - before;
  if (used == 0) return std::nullopt;  // a length of 0 would mean all of the file
  if (auto error = write_out(before, used, true)) return error;
  sys::Fadvise(file.destination, before, used, POSIX_FADV_DONTNEED);
  sys::Fadvise(file.source, before, used, POSIX_FADV_DONTNEED);
  return std::nullopt;
}

}  // namespace smartcopy
