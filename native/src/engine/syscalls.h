#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>

#include <cstddef>
#include <cstdint>

struct io_uring_params;

namespace smartcopy {

enum class Syscall : uint8_t {
  kOpen,
  kOpenat2,
  kFstat,
  kFstatat,
  kFstatfs,
  kGetdents64,
  kPread,
  kPwrite,
  kFallocate,
  kFtruncate,
  kFiclone,
  kFdatasync,
  kFsync,
  kSyncfs,
  kClose,
  kMkdirat,
  kSymlinkat,
  kReadlinkat,
  kLinkat,
  kRenameat,
  kUnlinkat,
  kFchown,
  kFchmod,
  kUtimensat,
  kWrite,
  kMmap,
  kFlock,
  kClone,
  kIoUringSetup,
  kIoUringRegister,
  kIoUringEnter,
  kRingRead,
  kRingWrite,
  kCopyFileRange,
  kLseek,
  kStatx,
  kGetFlags,
  kSetFlags,
  kSyncFileRange,
  kFadvise,
  kCachestat,
  kCount,
};

// The name a reader can look up in section 2 of the manual.
const char* SyscallName(Syscall call);

// The one door to the kernel. Every function answers a count (0 for calls without one) or a negative errno, and repeats
// a call that a signal interrupted, except close, after which the descriptor is gone on Linux whatever it answers.
// Test builds (SMARTCOPY_FAULT_INJECTION) shorten transfers, interrupt calls and make them fail here, see
// fault_injection.h; nothing else in the engine knows of that.
namespace sys {

// Opens an absolute path and follows links in it: for roots, which are an administrator's or the user's own word.
long OpenRoot(const char* path, int flags);
// One component below a held directory, confined by `resolve` (RESOLVE_*). Below a root there is no other open.
long Openat2(int directory, const char* name, uint64_t flags, uint64_t mode, uint64_t resolve);
// The parent of a directory above any root: only to ask whether one root lies inside another.
long OpenParent(int directory);
long Fstat(int fd, struct stat* out);
long Lstatat(int directory, const char* name, struct stat* out);
long Fstatfs(int fd, struct statfs* out);
// What fstat does not tell; both fields stay 0 where the kernel does not know them.
struct ExtraStat {
  uint64_t mount_id = 0;          // Linux 5.8
  uint32_t direct_alignment = 0;  // of offset, length and memory of direct I/O (Linux 6.1)
  bool knows_direct = false;      // the file system said so: 0 above means that it has no direct I/O for this file
};
long Statx(int fd, ExtraStat* out);
// How many pages of the file are in the page cache (Linux 6.5).
long CachedPages(int fd, off_t length, uint64_t* out);
long GetFlags(int fd, int* out);
long SetFlags(int fd, int flags);
// Starts writing a range of dirty pages, and also waits for it when `waits`. No promise of durability.
long SyncFileRange(int fd, off_t offset, off_t length, bool waits);
long Fadvise(int fd, off_t offset, off_t length, int advice);
long Getdents64(int fd, void* into, size_t length);
// `flags` are RWF_*; with any of them a file system may answer EOPNOTSUPP.
long Pread(int fd, void* into, size_t length, off_t offset, int flags = 0);
long Pwrite(int fd, const void* from, size_t length, off_t offset, int flags = 0);
// At the same offset on both sides.
long CopyFileRange(int source, int destination, off_t offset, size_t length);
// Where the next data or hole begins; `whence` is SEEK_DATA or SEEK_HOLE. Moves the position of the open file, which
// nobody here reads from.
long Seek(int fd, off_t offset, int whence);
// Appends to a log or a digest list, which may be a pipe.
long Write(int fd, const void* from, size_t length);
long Fallocate(int fd, int mode, off_t offset, off_t length);
long Ftruncate(int fd, off_t length);
long Ficlone(int destination, int source);
long Fdatasync(int fd);
long Fsync(int fd);
long Syncfs(int fd);
// Checked: the error may be the only news of lost data.
long Close(int fd);
// Of a descriptor whose close cannot lose anything.
void CloseUnchecked(int fd);
long Mkdirat(int directory, const char* name, mode_t mode);
long Symlinkat(const char* target, int directory, const char* name);
long Readlinkat(int directory, const char* name, char* into, size_t length);
// Gives the file behind `fd` one more name, without looking its present name up again.
long LinkFd(int fd, int directory, const char* name);
long Renameat(int from_directory, const char* from, int to_directory, const char* to);
long Unlinkat(int directory, const char* name);
// `fd` may have been opened with O_PATH, and be a symbolic link.
long Fchown(int fd, uid_t owner, gid_t group);
long Fchmod(int fd, mode_t mode);
// Sets both times of what `fd` refers to; it may have been opened with O_PATH, and be a symbolic link (Linux 5.8).
long SetTimes(int fd, const timespec times[2]);
// Without waiting; `operation` as for flock(2).
long Flock(int fd, int operation);
// Private memory of whole pages; `*out` is set on success.
long MapMemory(size_t length, void** out);
// A shared mapping of a file, to be read, or also written (`writes`), as rings are.
long MapFile(int fd, off_t offset, size_t length, bool writes, void** out);
long IoUringSetup(unsigned entries, io_uring_params* params);
long IoUringRegister(int ring, unsigned operation, void* argument, unsigned count);
// Submits `submitting` entries and waits for `waiting` completions; answers how many were taken.
long IoUringEnter(int ring, unsigned submitting, unsigned waiting, unsigned flags);
// What a completion says of its read or write. Reads and writes made by a ring pass the seam here, on their way back.
long RingAnswer(Syscall which, int answer);
// How many bytes a read or write made by a ring asks for.
size_t RingLength(Syscall which, size_t length);

}  // namespace sys
}  // namespace smartcopy
