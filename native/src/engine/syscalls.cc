#include "syscalls.h"

#include <dirent.h>
#include <errno.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>

#include "fault_injection.h"

namespace smartcopy {

const char* SyscallName(Syscall call) {
  static constexpr std::array<const char*, static_cast<size_t>(Syscall::kCount)> kNames = {"open",
                                                                                           "openat2",
                                                                                           "fstat",
                                                                                           "fstatat",
                                                                                           "fstatfs",
                                                                                           "getdents64",
                                                                                           "pread",
                                                                                           "pwrite",
                                                                                           "fallocate",
                                                                                           "ftruncate",
                                                                                           "ioctl(FICLONE)",
                                                                                           "fdatasync",
                                                                                           "fsync",
                                                                                           "syncfs",
                                                                                           "close",
                                                                                           "mkdirat",
                                                                                           "symlinkat",
                                                                                           "readlinkat",
                                                                                           "linkat",
                                                                                           "renameat",
                                                                                           "unlinkat",
                                                                                           "fchownat",
                                                                                           "fchmod",
                                                                                           "utimensat",
                                                                                           "write",
                                                                                           "mmap",
                                                                                           "flock",
                                                                                           "clone",
                                                                                           "io_uring_setup",
                                                                                           "io_uring_register",
                                                                                           "io_uring_enter",
                                                                                           "io_uring read",
                                                                                           "io_uring write",
                                                                                           "copy_file_range",
                                                                                           "lseek",
                                                                                           "statx",
                                                                                           "ioctl(FS_IOC_GETFLAGS)",
                                                                                           "ioctl(FS_IOC_SETFLAGS)",
                                                                                           "sync_file_range",
                                                                                           "posix_fadvise",
                                                                                           "cachestat"};
  return kNames[static_cast<size_t>(call)];
}

namespace sys {
namespace {

// Makes the call until no signal interrupts it. A test build may answer in the kernel's place.
template <typename Call>
long Ask(Syscall which, Call call) {
  for (;;) {
    if (const int injected = faults::ErrnoFor(which); injected != 0) {
      if (injected == EINTR) continue;
      return -injected;
    }
    const long answer = call();
    if (answer >= 0) return answer;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace

long OpenRoot(const char* path, int flags) {
  return Ask(Syscall::kOpen, [&] { return ::open(path, flags | O_CLOEXEC); });
}

long Openat2(int directory, const char* name, uint64_t flags, uint64_t mode, uint64_t resolve) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  return Ask(Syscall::kOpenat2, [&] { return ::syscall(SYS_openat2, directory, name, &how, sizeof(how)); });
}

long OpenParent(int directory) {
  return Ask(Syscall::kOpen, [&] { return ::openat(directory, "..", O_PATH | O_DIRECTORY | O_CLOEXEC); });
}

long Fstat(int fd, struct stat* out) {
  return Ask(Syscall::kFstat, [&] { return ::fstat(fd, out); });
}

long Lstatat(int directory, const char* name, struct stat* out) {
  return Ask(Syscall::kFstatat, [&] { return ::fstatat(directory, name, out, AT_SYMLINK_NOFOLLOW); });
}

long Fstatfs(int fd, struct statfs* out) {
  const long answer = Ask(Syscall::kFstatfs, [&] { return ::fstatfs(fd, out); });
  if (answer >= 0) out->f_type = faults::FileSystemType(out->f_type);
  return answer;
}

long Getdents64(int fd, void* into, size_t length) {
  return Ask(Syscall::kGetdents64, [&] { return ::syscall(SYS_getdents64, fd, into, length); });
}

long Pread(int fd, void* into, size_t length, off_t offset, int flags) {
  length = faults::LengthFor(Syscall::kPread, length);
  return Ask(Syscall::kPread, [&] {
    if (flags == 0) return ::pread(fd, into, length, offset);
    const iovec part{into, length};
    return ::preadv2(fd, &part, 1, offset, flags);
  });
}

long Pwrite(int fd, const void* from, size_t length, off_t offset, int flags) {
  length = faults::LengthFor(Syscall::kPwrite, length);
  if (faults::CorruptsThisWrite()) {
    std::string changed(static_cast<const char*>(from), length);
    changed[0] = static_cast<char>(~changed[0]);
    return Ask(Syscall::kPwrite, [&] { return ::pwrite(fd, changed.data(), length, offset); });
  }
  return Ask(Syscall::kPwrite, [&] {
    if (flags == 0) return ::pwrite(fd, from, length, offset);
    const iovec part{const_cast<void*>(from), length};
    return ::pwritev2(fd, &part, 1, offset, flags);
  });
}

long CopyFileRange(int source, int destination, off_t offset, size_t length) {
  length = faults::LengthFor(Syscall::kCopyFileRange, length);
  return Ask(Syscall::kCopyFileRange, [&] {
    off64_t from = offset;
    off64_t to = offset;
    return ::copy_file_range(source, &from, destination, &to, length, 0);
  });
}

long Seek(int fd, off_t offset, int whence) {
  return Ask(Syscall::kLseek, [&] { return ::lseek(fd, offset, whence); });
}

long Statx(int fd, ExtraStat* out) {
  // The structure grew with the kernel and its headers; its places never changed (uapi/linux/stat.h).
  constexpr unsigned kMountId = 0x1000;
  constexpr unsigned kDirectAlignment = 0x2000;
  alignas(8) std::array<std::byte, 256> memory{};
  const auto word = [&](size_t at) {
    uint32_t value = 0;
    std::memcpy(&value, memory.data() + at, sizeof(value));
    return value;
  };
  const long answer = Ask(Syscall::kStatx, [&] {
    return ::syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kMountId | kDirectAlignment, memory.data());
  });
  if (answer < 0) return answer;
  if ((word(0) & kMountId) != 0) std::memcpy(&out->mount_id, memory.data() + 0x90, sizeof(out->mount_id));
  out->knows_direct = (word(0) & kDirectAlignment) != 0;
  const uint32_t of_memory = word(0x98);
  const uint32_t of_offset = word(0x9c);
  out->direct_alignment = of_memory == 0 || of_offset == 0 ? 0 : std::max(of_memory, of_offset);
  return 0;
}

long CachedPages(int fd, off_t length, uint64_t* out) {
  constexpr long kCachestat = 451;  // the same on every architecture
  struct {
    uint64_t offset, length;
  } const range{0, static_cast<uint64_t>(length)};
  std::array<uint64_t, 5> counts{};  // cached, dirty, under write-back, evicted, recently evicted
  const long answer = Ask(Syscall::kCachestat, [&] { return ::syscall(kCachestat, fd, &range, counts.data(), 0); });
  *out = counts[0];
  return answer;
}

long GetFlags(int fd, int* out) {
  return Ask(Syscall::kGetFlags, [&] { return ::ioctl(fd, FS_IOC_GETFLAGS, out); });
}

long SetFlags(int fd, int flags) {
  return Ask(Syscall::kSetFlags, [&] { return ::ioctl(fd, FS_IOC_SETFLAGS, &flags); });
}

long SyncFileRange(int fd, off_t offset, off_t length, bool waits) {
  const unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  const unsigned flags = waits ? all : SYNC_FILE_RANGE_WRITE;
  return Ask(Syscall::kSyncFileRange, [&] { return ::sync_file_range(fd, offset, length, flags); });
}

long Fadvise(int fd, off_t offset, off_t length, int advice) {
  return Ask(Syscall::kFadvise, [&] {
    errno = ::posix_fadvise(fd, offset, length, advice);  // answers the error itself
    return errno == 0 ? 0 : -1;
  });
}

long Write(int fd, const void* from, size_t length) {
  length = faults::LengthFor(Syscall::kWrite, length);
  return Ask(Syscall::kWrite, [&] { return ::write(fd, from, length); });
}

long Fallocate(int fd, int mode, off_t offset, off_t length) {
  return Ask(Syscall::kFallocate, [&] { return ::fallocate(fd, mode, offset, length); });
}

long Ftruncate(int fd, off_t length) {
  return Ask(Syscall::kFtruncate, [&] { return ::ftruncate(fd, length); });
}

long Ficlone(int destination, int source) {
  return Ask(Syscall::kFiclone, [&] { return ::ioctl(destination, FICLONE, source); });
}

long Fdatasync(int fd) {
  return Ask(Syscall::kFdatasync, [&] { return ::fdatasync(fd); });
}

long Fsync(int fd) {
  return Ask(Syscall::kFsync, [&] { return ::fsync(fd); });
}

long Syncfs(int fd) {
  return Ask(Syscall::kSyncfs, [&] { return ::syncfs(fd); });
}

long Close(int fd) {
  // The descriptor is closed for real even when a test makes the answer an error, as a kernel that reports EIO or
  // EDQUOT at close has closed it too.
  const int injected = faults::ErrnoFor(Syscall::kClose);
  const long answer = ::close(fd) < 0 ? -errno : 0;
  if (injected != 0 && injected != EINTR) return -injected;
  return answer == -EINTR ? 0 : answer;
}

void CloseUnchecked(int fd) { ::close(fd); }

long Mkdirat(int directory, const char* name, mode_t mode) {
  return Ask(Syscall::kMkdirat, [&] { return ::mkdirat(directory, name, mode); });
}

long Symlinkat(const char* target, int directory, const char* name) {
  return Ask(Syscall::kSymlinkat, [&] { return ::symlinkat(target, directory, name); });
}

long Readlinkat(int directory, const char* name, char* into, size_t length) {
  return Ask(Syscall::kReadlinkat, [&] { return ::readlinkat(directory, name, into, length); });
}

long LinkFd(int fd, int directory, const char* name) {
  // AT_EMPTY_PATH asks for CAP_DAC_READ_SEARCH before Linux 6.10; the way through /proc asks for nothing.
  std::array<char, 32> proc_path{};
  std::snprintf(proc_path.data(), proc_path.size(), "/proc/self/fd/%d", fd);
  return Ask(Syscall::kLinkat, [&] {
    const int answer = ::linkat(AT_FDCWD, proc_path.data(), directory, name, AT_SYMLINK_FOLLOW);
    return answer < 0 && errno == ENOENT ? ::linkat(fd, "", directory, name, AT_EMPTY_PATH) : answer;
  });
}

long Renameat(int from_directory, const char* from, int to_directory, const char* to) {
  return Ask(Syscall::kRenameat, [&] { return ::renameat(from_directory, from, to_directory, to); });
}

long Unlinkat(int directory, const char* name) {
  return Ask(Syscall::kUnlinkat, [&] { return ::unlinkat(directory, name, 0); });
}

long Fchown(int fd, uid_t owner, gid_t group) {
  return Ask(Syscall::kFchown, [&] { return ::fchownat(fd, "", owner, group, AT_EMPTY_PATH); });
}

long Fchmod(int fd, mode_t mode) {
  return Ask(Syscall::kFchmod, [&] { return ::fchmod(fd, mode); });
}

long SetTimes(int fd, const timespec times[2]) {
  return Ask(Syscall::kUtimensat, [&] {
    // Without a path this is futimens, which every kernel knows; a descriptor opened with O_PATH answers EBADF to it.
    const long answer = ::syscall(SYS_utimensat, fd, nullptr, times, 0);
    return answer < 0 && errno == EBADF ? static_cast<long>(::utimensat(fd, "", times, AT_EMPTY_PATH)) : answer;
  });
}

long Flock(int fd, int operation) {
  return Ask(Syscall::kFlock, [&] { return ::flock(fd, operation | LOCK_NB); });
}

long MapMemory(size_t length, void** out) {
  return Ask(Syscall::kMmap, [&]() -> long {
    void* memory = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return -1;
    *out = memory;
    return 0;
  });
}

long MapFile(int fd, off_t offset, size_t length, bool writes, void** out) {
  return Ask(Syscall::kMmap, [&]() -> long {
    void* memory = ::mmap(nullptr, length, writes ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, offset);
    if (memory == MAP_FAILED) return -1;
    *out = memory;
    return 0;
  });
}

long IoUringSetup(unsigned entries, io_uring_params* params) {
  return Ask(Syscall::kIoUringSetup, [&] { return ::syscall(SYS_io_uring_setup, entries, params); });
}

long IoUringRegister(int ring, unsigned operation, void* argument, unsigned count) {
  return Ask(Syscall::kIoUringRegister,
             [&] { return ::syscall(SYS_io_uring_register, ring, operation, argument, count); });
}

long IoUringEnter(int ring, unsigned submitting, unsigned waiting, unsigned flags) {
  return Ask(Syscall::kIoUringEnter,
             [&] { return ::syscall(SYS_io_uring_enter, ring, submitting, waiting, flags, nullptr, 0); });
}

long RingAnswer(Syscall which, int answer) {
  const int injected = faults::ErrnoFor(which);
  return injected != 0 ? -injected : answer;
}

size_t RingLength(Syscall which, size_t length) { return faults::LengthFor(which, length); }

}  // namespace sys
}  // namespace smartcopy
