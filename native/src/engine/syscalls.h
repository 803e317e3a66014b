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
  kRead,
  kPoll,
  kMmap,
  kFlock,
  kClone,
  kIoUringSetup,
  kIoUringRegister,
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
long Getdents64(int fd, void* into, size_t length);
long Pread(int fd, void* into, size_t length, off_t offset);
long Pwrite(int fd, const void* from, size_t length, off_t offset);
// Of a list, which may be a pipe; 0 at its end.
long Read(int fd, void* into, size_t length);
// 1 when a read will not wait, 0 when nothing came within that time.
long WaitReadable(int fd, int wait_ms);
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
// Within a directory, to a name that nothing has (EEXIST otherwise). EINVAL where the file system cannot promise that.
long RenameNew(int directory, const char* from, const char* to);
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
long IoUringSetup(unsigned entries, io_uring_params* params);
long IoUringRegister(int ring, unsigned operation, void* argument, unsigned count);

}  // namespace sys
}  // namespace smartcopy
