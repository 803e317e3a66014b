#include "strategy_choice.h"

#include <errno.h>
#include <linux/magic.h>

#include <algorithm>

#include "ranges.h"

namespace smartcopy {
namespace {

// Not in linux/magic.h, from the file systems' own sources.
constexpr long kXfsMagic = 0x58465342;
constexpr long kBcachefsMagic = 0xCA451A4E;
constexpr long kCifsMagic = 0xFF534D42;
constexpr long kSmb2Magic = 0xFE534D42;
constexpr long kCephMagic = 0x00C36400;
constexpr long kFuseMagic = 0x65735546;
constexpr long kNfsMagic = 0x6969;
constexpr long kOverlayMagic = 0x794C7630;

// Direct I/O below this costs more than it saves.
constexpr off_t kSmallestDirect = off_t{1} << 20;
// A file of one block has no hole worth looking for, and files that the kernel makes up are not longer.
constexpr off_t kSmallestWithHoles = 4096;

constexpr off_t kMiB = off_t{1} << 20;

bool FitsDirect(const ContentFacts& facts) { return facts.size >= kSmallestDirect; }

Holes ChooseHoles(SparseMode sparse, const ContentFacts& facts) {
  if (sparse == SparseMode::kNever || facts.size <= kSmallestWithHoles) return Holes::kWritten;
  if (sparse == SparseMode::kAlways)
    return facts.has_holes && facts.source.keeps_hole_map ? Holes::kFromBoth : Holes::kFromZeros;
  if (!facts.has_holes) return Holes::kWritten;
  // ZFS has called data a hole that was not on the disk yet (2023). What cannot be asked is read, and seen.
  return facts.source.keeps_hole_map ? Holes::kFromMap : Holes::kFromZeros;
}

// Ways that let nobody see the bytes, taken only where everything is left to the engine: whoever names a way wants the
// bytes moved, by that way.
bool MayOffload(const CopyRequest& request, const ContentFacts& facts) {
  const bool keeps_zeros =
      request.sparse == SparseMode::kAuto || (request.sparse == SparseMode::kNever && !facts.has_holes);
  return request.io == IoMode::kAuto && request.direct_io != DirectIo::kAlways && !facts.wants_digest && keeps_zeros;
}

}  // namespace

// From the manual pages, coreutils' experience and the kernel: ENOTTY and ENOSYS where the call is unknown, EOPNOTSUPP
// where the file system lacks it, EXDEV across file systems, EINVAL and EBADF for this kind of file, ENOENT from CIFS,
// ENODEV from mmap, EPERM and EACCES from seals and security modules, EAGAIN from ZFS with dirty blocks.
Refusal JudgeRefusal(int code) {
  switch (code) {
    case ENOSYS:
    case ENOTTY:
    case EOPNOTSUPP:
    case EXDEV:
      return Refusal::kForGood;
    case EINVAL:
    case EBADF:
    case ETXTBSY:
    case EPERM:
    case EACCES:
    case ENOENT:
    case ENODEV:
    case EFBIG:
    case EAGAIN:
      return Refusal::kThisFile;
    default:
      return Refusal::kFinal;
  }
}

FileSystemTraits TraitsOf(long file_system_type) {
  switch (static_cast<uint32_t>(file_system_type)) {
    case EXT4_SUPER_MAGIC:
    case kXfsMagic:
    case F2FS_SUPER_MAGIC:
      return {.is_local_disk = true, .keeps_hole_map = true};
    case BTRFS_SUPER_MAGIC:
      return {.is_local_disk = true, .keeps_hole_map = true, .has_no_cow_flag = true};
    case kBcachefsMagic:
      return {.is_local_disk = true, .keeps_hole_map = true};
    case TMPFS_MAGIC:
    case kOverlayMagic:
      return {.keeps_hole_map = true};
    case kNfsMagic:
    case kCephMagic:
      return {.offloads_copies = true, .keeps_hole_map = true};
    case kCifsMagic:
    case kSmb2Magic:
    case kFuseMagic:
      return {.offloads_copies = true};
    default:
      return {};
  }
}

ContentChoice Choose(const CopyRequest& request, const ContentFacts& facts) {
  ContentChoice choice;
  choice.holes = ChooseHoles(request.sparse, facts);
  choice.may_share = MayOffload(request, facts) && facts.size > 0;
  const bool sees_zeros = choice.holes == Holes::kFromZeros || choice.holes == Holes::kFromBoth;
  choice.is_direct = request.direct_io == DirectIo::kAlways && request.io != IoMode::kMmap && FitsDirect(facts);
  // Zeros are found between a read and a write, and a digest must not see a mapping, which a truncated source takes
  // away under it (SIGBUS).
  if (sees_zeros || facts.size == 0) return choice;
  if (request.io == IoMode::kMmap) {
    if (!facts.wants_digest) choice.method = Method::kMmap;
    return choice;
  }
  if (request.io == IoMode::kIoUring || (request.io == IoMode::kAuto && choice.is_direct)) {
    choice.method = Method::kIoUring;
    return choice;
  }
  if (choice.may_share && facts.same_type && facts.source.offloads_copies) {
    choice.method = Method::kCopyFileRange;
    return choice;
  }
  choice.spares_cache = request.direct_io == DirectIo::kAuto && MayExceedPageCache(request, facts.size) &&
                        facts.is_cold && facts.source.is_local_disk && facts.destination.is_local_disk;
  choice.is_probed = choice.spares_cache && request.io == IoMode::kAuto && !facts.wants_digest;
  return choice;
}

bool MayExceedPageCache(const CopyRequest& request, off_t size) {
  return request.direct_io == DirectIo::kAuto && size >= request.probed_file_bytes &&
         size > request.page_cache_bytes / 2;
}

off_t RangeBytes(const CopyRequest& request, const ContentChoice& choice, off_t size) {
  const bool from_map = choice.holes == Holes::kFromMap || choice.holes == Holes::kFromBoth;
  // One thread keeps a ring full and its bytes in order, so it takes the whole file where a digest has to see them.
  if (request.digest && choice.method == Method::kIoUring) return size;
  const off_t usual = RangeBytesOf(request, size);
  // Holes are not read, and there may be a terabyte of them: then at most 65,536 ranges.
  if (request.digest) return std::max(usual, from_map ? size >> 16 : 0);
  if (from_map) return std::max(request.range_bytes, size / 1024 / kMiB * kMiB);
  if (choice.method == Method::kCopyFileRange) return request.scan_totals ? 64 * kMiB : 1024 * kMiB;
  // Between two ranges a ring runs empty, and write-back of the last one is waited for.
  if (choice.method == Method::kIoUring || choice.spares_cache) return 4 * request.range_bytes;
  return usual;
}

}  // namespace smartcopy
