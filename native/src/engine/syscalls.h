#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>

#include <cstddef>
#include <cstdint>
#include <vector>

struct io_uring_params;

namespace smartcopy {

// Every kind of system call that the engine makes, with the name a reader can look up in section 2 of the manual.
// clang-format off
#define SMARTCOPY_SYSTEM_CALLS(CALL) \
  CALL(kOpen, "open") \
  CALL(kOpenat2, "openat2") \
  CALL(kFstat, "fstat") \
  CALL(kFstatat, "fstatat") \
  CALL(kFstatfs, "fstatfs") \
  CALL(kGetdents64, "getdents64") \
  CALL(kPread, "pread") \
  CALL(kPwrite, "pwrite") \
  CALL(kFallocate, "fallocate") \
  CALL(kFtruncate, "ftruncate") \
  CALL(kFiclone, "ioctl(FICLONE)") \
  CALL(kFdatasync, "fdatasync") \
  CALL(kFsync, "fsync") \
  CALL(kSyncfs, "syncfs") \
  CALL(kClose, "close") \
  CALL(kMkdirat, "mkdirat") \
  CALL(kSymlinkat, "symlinkat") \
  CALL(kReadlinkat, "readlinkat") \
  CALL(kLinkat, "linkat") \
  CALL(kRenameat, "renameat") \
  CALL(kUnlinkat, "unlinkat") \
  CALL(kFchown, "fchownat") \
  CALL(kFchmod, "fchmod") \
  CALL(kUtimensat, "utimensat") \
  CALL(kWrite, "write") \
  CALL(kRead, "read") \
  CALL(kPoll, "poll") \
  CALL(kFcntl, "fcntl") \
  CALL(kFadvise, "fadvise64") \
  CALL(kFlistxattr, "flistxattr") \
  CALL(kLlistxattr, "llistxattr") \
  CALL(kGetxattr, "getxattr") \
  CALL(kFgetxattr, "fgetxattr") \
  CALL(kLgetxattr, "lgetxattr") \
  CALL(kFsetxattr, "fsetxattr") \
  CALL(kFremovexattr, "fremovexattr") \
  CALL(kMknodat, "mknodat") \
  CALL(kMmap, "mmap") \
  CALL(kFlock, "flock") \
  CALL(kClone, "clone") \
  CALL(kUnshare, "unshare") \
  CALL(kIoUringSetup, "io_uring_setup") \
  CALL(kIoUringRegister, "io_uring_register") \
  CALL(kIoUringEnter, "io_uring_enter") \
  CALL(kRingRead, "io_uring read") \
  CALL(kRingWrite, "io_uring write") \
  CALL(kCopyFileRange, "copy_file_range") \
  CALL(kLseek, "lseek") \
  CALL(kStatx, "statx") \
  CALL(kGetFlags, "ioctl(FS_IOC_GETFLAGS)") \
  CALL(kSetFlags, "ioctl(FS_IOC_SETFLAGS)") \
  CALL(kSyncFileRange, "sync_file_range") \
  CALL(kCachestat, "cachestat") \
  CALL(kMbind, "mbind") \
  CALL(kSchedSetaffinity, "sched_setaffinity")
// clang-format on

enum class Syscall : uint8_t {
#define SMARTCOPY_ENUMERATOR(call, name) call,
  SMARTCOPY_SYSTEM_CALLS(SMARTCOPY_ENUMERATOR)
#undef SMARTCOPY_ENUMERATOR
      kCount,
};

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
  uint64_t mount_id = 0;               // Linux 5.8
  uint32_t direct_alignment = 0;       // of offset, length and memory of direct I/O (Linux 6.1)
  uint32_t direct_read_alignment = 0;  // of reads alone, which is less where a write goes to blocks that are shared
  bool knows_direct = false;           // the file system said so: 0 above means that it has no direct I/O for this file
};
long Statx(int fd, ExtraStat* out);
// Of the name itself, as Lstatat. Also whether it is certain that nothing is mounted there (Linux 5.8).
long StatxAt(int directory, const char* name, struct stat* out, bool* is_no_mount);
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
// Of a list, which may be a pipe; 0 at its end.
long Read(int fd, void* into, size_t length);
// 1 when a read will not wait, 0 when nothing came within that time.
long WaitReadable(int fd, int wait_ms);
// Appends to a log or a digest list, which may be a pipe.
long Write(int fd, const void* from, size_t length);
// Reads and writes pass by the page cache from now on, and must be aligned (O_DIRECT).
long SetDirect(int fd);
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
// Within a directory, to a name that nothing has (EEXIST otherwise). EINVAL where the file system cannot promise that.
long RenameNew(int directory, const char* from, const char* to);
long Unlinkat(int directory, const char* name);
// `fd` may have been opened with O_PATH, and be a symbolic link.
long Fchown(int fd, uid_t owner, gid_t group);
// `fd` may have been opened with O_PATH.
long Fchmod(int fd, mode_t mode);
// Of the extended attributes `fd` may have been opened with O_PATH, and be a symbolic link. The two that read answer
// the length, or -ERANGE when `length` is too short; with a length of 0 they only ask.
long Flistxattr(int fd, char* into, size_t length);
long Fgetxattr(int fd, const char* name, void* into, size_t length);
long Fsetxattr(int fd, const char* name, const void* from, size_t length);
long Fremovexattr(int fd, const char* name);
// Of an entry that is not open: no link is followed. -ENOENT also where there is no /proc.
long Llistxattr(int directory, const char* name, char* into, size_t length);
long Lgetxattr(int directory, const char* name, const char* attribute, void* into, size_t length);
// Makes a FIFO, socket or device.
long Mknodat(int directory, const char* name, mode_t type_and_mode, dev_t device);
// Sets both times of what `fd` refers to; it may have been opened with O_PATH, and be a symbolic link (Linux 5.8).
long SetTimes(int fd, const timespec times[2]);
// The calling thread has a umask and a working directory of its own from now on. Asks for no privilege.
long UnshareUmask();
// Without waiting; `operation` as for flock(2).
long Flock(int fd, int operation);
// Private memory of whole pages; `*out` is set on success.
long MapMemory(size_t length, void** out);
// Asks for pages of one memory node, before they are touched; others are given where it has none.
long PreferNode(void* memory, size_t length, unsigned node);
// The CPUs that the calling thread may run on; empty where the kernel does not say.
std::vector<unsigned> Affinity();
long SetAffinity(const std::vector<unsigned>& cpus);
// By path, following links: only to show a file's attributes to the person who named it. With a length of 0 it answers
// how long the value is.
long Getxattr(const char* path, const char* name, void* into, size_t length);
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
