#pragma once

#include <sys/types.h>

#include "method.h"
#include "transfer.h"

// The decisions about ways of moving content: pure, so that they can be read and tested as tables.
namespace smartcopy {

// What an error of a way means for the next ones. Asked only while the way has written nothing.
enum class Refusal : uint8_t {
  kFinal,     // an error of the copy: another way could succeed in writing something else than the source
  kThisFile,  // not this file in this way
  kForGood,   // no file between the same two mounts
};
Refusal JudgeRefusal(int code);

// File systems by what a copy has to know of them; from the type that statfs tells.
struct FileSystemTraits {
  bool is_local_disk = false;    // on a block device of this machine
  bool offloads_copies = false;  // copy_file_range does not bring the bytes here
  bool keeps_hole_map = false;   // SEEK_DATA and SEEK_HOLE tell the truth, also of data not yet on the disk
  bool has_no_cow_flag = false;  // a file may be excluded from copy on write, and only shares blocks with its like
};
FileSystemTraits TraitsOf(long file_system_type);

// What is known of a file when its way is chosen.
struct ContentFacts {
  off_t size = 0;
  bool wants_digest = false;
  bool has_holes = false;  // fewer blocks than its size needs
  bool same_type = false;  // source and destination are file systems of one type
  FileSystemTraits source;
  FileSystemTraits destination;
  int64_t page_cache_bytes = 0;
  bool is_cold = false;  // its content is not in the page cache
};

// What happens to the source's holes, and to zeros that are none yet.
enum class Holes : uint8_t {
  kWritten,    // they become zeros that take space
  kFromMap,    // what the file system calls a hole is one again
  kFromZeros,  // every block of zeros becomes a hole
  kFromBoth,   // holes are not read, and zeros elsewhere become holes
};

struct ContentChoice {
  bool may_share = false;  // by reflink
  Method method = Method::kReadWrite;
  bool is_direct = false;
  // Content is too much for the page cache: it is not left there.
  bool spares_cache = false;
  // Direct I/O by io_uring is compared with the page cache first.
  bool is_probed = false;
  Holes holes = Holes::kWritten;
};

ContentChoice Choose(const CopyRequest& request, const ContentFacts& facts);

// Whether a file of this size is worth the questions behind `is_cold` and the traits of both file systems.
bool MayExceedPageCache(const CopyRequest& request, off_t size);

// How long the ranges are that several threads copy at once.
off_t RangeBytes(const CopyRequest& request, const ContentChoice& choice, off_t size);

}  // namespace smartcopy
