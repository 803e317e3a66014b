#include "syscalls.h"

#include <dirent.h>
#include <errno.h>
#include <linux/fs.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>

#include "fault_injection.h"

namespace smartcopy {

const char* SyscallName(Syscall call) {
  static constexpr std::array<const char*, static_cast<size_t>(Syscall::kCount)> kNames = {
#define SMARTCOPY_NAME(call, name) name,
      SMARTCOPY_SYSTEM_CALLS(SMARTCOPY_NAME)
#undef SMARTCOPY_NAME
  };
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

// What a descriptor refers to, for calls that know only paths: opened with O_PATH a descriptor is EBADF to those that
// take one. The path leads to that very file, whatever has its name by now, and a link is not followed any further.
class PathOfDescriptor {
 public:
  explicit PathOfDescriptor(int fd) { std::snprintf(path_.data(), path_.size(), "/proc/self/fd/%d", fd); }
  PathOfDescriptor(int directory, const char* name) {
    std::snprintf(path_.data(), path_.size(), "/proc/self/fd/%d/%s", directory, name);
  }
  const char* get() const { return path_.data(); }

 private:
  std::array<char, NAME_MAX + 32> path_;
};

// By the descriptor, or by its path where it was opened with O_PATH.
template <typename ByFd, typename ByPath>
long AskEither(Syscall which, int fd, ByFd by_fd, ByPath by_path) {
  return Ask(which, [&]() -> long {
    const long answer = by_fd();
    return answer < 0 && errno == EBADF ? static_cast<long>(by_path(PathOfDescriptor(fd).get())) : answer;
  });
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
  // Not through glibc, which asks with a path, an empty one: that takes a tenth longer.
  return Ask(Syscall::kFstat, [&] { return ::syscall(SYS_fstat, fd, out); });
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
  constexpr unsigned kDirectReadAlignment = 0x20000;
  alignas(8) std::array<std::byte, 256> memory{};
  const auto word = [&](size_t at) {
    uint32_t value = 0;
    std::memcpy(&value, memory.data() + at, sizeof(value));
    return value;
  };
  const long answer = Ask(Syscall::kStatx, [&] {
    return ::syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
                     kMountId | kDirectAlignment | kDirectReadAlignment, memory.data());
  });
  if (answer < 0) return answer;
  if ((word(0) & kMountId) != 0) std::memcpy(&out->mount_id, memory.data() + 0x90, sizeof(out->mount_id));
  out->knows_direct = (word(0) & kDirectAlignment) != 0;
  const uint32_t of_memory = word(0x98);
  const uint32_t of_offset = faults::DirectAlignment(word(0x9c));
  out->direct_alignment = of_memory == 0 || of_offset == 0 ? 0 : std::max(of_memory, of_offset);
  const bool knows_reads = (word(0) & kDirectReadAlignment) != 0 && out->direct_alignment != 0 && word(0xb4) != 0;
  out->direct_read_alignment =
      knows_reads ? std::max(of_memory, faults::DirectAlignment(word(0xb4))) : out->direct_alignment;
  return 0;
}

long StatxAt(int directory, const char* name, struct stat* out, bool* is_no_mount) {
  constexpr uint64_t kMountRoot = 0x2000;  // STATX_ATTR_MOUNT_ROOT, newer than some headers
  struct statx found{};
  const long answer = Ask(Syscall::kStatx, [&] {
    return ::syscall(SYS_statx, directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &found);
  });
  if (answer < 0) return answer;
  const auto time = [](const statx_timestamp& at) { return timespec{at.tv_sec, static_cast<long>(at.tv_nsec)}; };
  out->st_dev = makedev(found.stx_dev_major, found.stx_dev_minor);
  out->st_ino = found.stx_ino;
  out->st_mode = found.stx_mode;
  out->st_nlink = found.stx_nlink;
  out->st_uid = found.stx_uid;
  out->st_gid = found.stx_gid;
  out->st_rdev = makedev(found.stx_rdev_major, found.stx_rdev_minor);
  out->st_size = static_cast<off_t>(found.stx_size);
  out->st_blksize = static_cast<blksize_t>(found.stx_blksize);
  out->st_blocks = static_cast<blkcnt_t>(found.stx_blocks);
  out->st_atim = time(found.stx_atime);
  out->st_mtim = time(found.stx_mtime);
  out->st_ctim = time(found.stx_ctime);
  *is_no_mount = (found.stx_attributes_mask & kMountRoot) != 0 && (found.stx_attributes & kMountRoot) == 0;
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

long Read(int fd, void* into, size_t length) {
  length = faults::LengthFor(Syscall::kRead, length);
  return Ask(Syscall::kRead, [&] { return ::read(fd, into, length); });
}

long WaitReadable(int fd, int wait_ms) {
  return Ask(Syscall::kPoll, [&] {
    pollfd waited{fd, POLLIN, 0};
    return ::poll(&waited, 1, wait_ms);
  });
}

long Write(int fd, const void* from, size_t length) {
  length = faults::LengthFor(Syscall::kWrite, length);
  return Ask(Syscall::kWrite, [&] { return ::write(fd, from, length); });
}

long SetDirect(int fd) {
  return Ask(Syscall::kFcntl, [&] {
    const int flags = ::fcntl(fd, F_GETFL);
    return flags < 0 ? flags : ::fcntl(fd, F_SETFL, flags | O_DIRECT);
  });
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
  const PathOfDescriptor proc_path(fd);
  return Ask(Syscall::kLinkat, [&] {
    const int answer = ::linkat(AT_FDCWD, proc_path.get(), directory, name, AT_SYMLINK_FOLLOW);
    return answer < 0 && errno == ENOENT ? ::linkat(fd, "", directory, name, AT_EMPTY_PATH) : answer;
  });
}

long Renameat(int from_directory, const char* from, int to_directory, const char* to) {
  return Ask(Syscall::kRenameat, [&] { return ::renameat(from_directory, from, to_directory, to); });
}

long RenameNew(int directory, const char* from, const char* to) {
  return Ask(Syscall::kRenameat, [&] { return ::renameat2(directory, from, directory, to, RENAME_NOREPLACE); });
}

long Unlinkat(int directory, const char* name) {
  return Ask(Syscall::kUnlinkat, [&] { return ::unlinkat(directory, name, 0); });
}

long Fchown(int fd, uid_t owner, gid_t group) {
  return Ask(Syscall::kFchown, [&] { return ::fchownat(fd, "", owner, group, AT_EMPTY_PATH); });
}

long Fchmod(int fd, mode_t mode) {
  return AskEither(
      Syscall::kFchmod, fd, [&] { return ::fchmod(fd, mode); }, [&](const char* path) { return ::chmod(path, mode); });
}

long Flistxattr(int fd, char* into, size_t length) {
  return AskEither(
      Syscall::kFlistxattr, fd, [&] { return ::flistxattr(fd, into, length); },
      [&](const char* path) { return ::listxattr(path, into, length); });
}

long Fgetxattr(int fd, const char* name, void* into, size_t length) {
  return AskEither(
      Syscall::kFgetxattr, fd, [&] { return ::fgetxattr(fd, name, into, length); },
      [&](const char* path) { return ::getxattr(path, name, into, length); });
}

long Fsetxattr(int fd, const char* name, const void* from, size_t length) {
  return AskEither(
      Syscall::kFsetxattr, fd, [&] { return ::fsetxattr(fd, name, from, length, 0); },
      [&](const char* path) { return ::setxattr(path, name, from, length, 0); });
}

long Fremovexattr(int fd, const char* name) {
  return AskEither(
      Syscall::kFremovexattr, fd, [&] { return ::fremovexattr(fd, name); },
      [&](const char* path) { return ::removexattr(path, name); });
}

long Lgetxattr(int directory, const char* name, const char* attribute, void* into, size_t length) {
  return Ask(Syscall::kLgetxattr,
             [&] { return ::lgetxattr(PathOfDescriptor(directory, name).get(), attribute, into, length); });
}

long Llistxattr(int directory, const char* name, char* into, size_t length) {
  // listxattrat of Linux 6.13, the same number everywhere; the way through /proc costs twice as much.
  constexpr long kListxattrat = 465;
  static std::atomic<bool> is_offered{true};
  return Ask(Syscall::kLlistxattr, [&]() -> long {
    if (is_offered.load(std::memory_order_relaxed)) {
      const long answer = ::syscall(kListxattrat, directory, name, AT_SYMLINK_NOFOLLOW, into, length);
      if (answer >= 0 || (errno != ENOSYS && errno != EPERM)) return answer;
      is_offered.store(false, std::memory_order_relaxed);
    }
    return ::llistxattr(PathOfDescriptor(directory, name).get(), into, length);
  });
}

long Mknodat(int directory, const char* name, mode_t type_and_mode, dev_t device) {
  return Ask(Syscall::kMknodat, [&] { return ::mknodat(directory, name, type_and_mode, device); });
}

long SetTimes(int fd, const timespec times[2]) {
  return Ask(Syscall::kUtimensat, [&] {
    // Without a path this is futimens, which every kernel knows; a descriptor opened with O_PATH answers EBADF to it.
    const long answer = ::syscall(SYS_utimensat, fd, nullptr, times, 0);
    return answer < 0 && errno == EBADF ? static_cast<long>(::utimensat(fd, "", times, AT_EMPTY_PATH)) : answer;
  });
}

long UnshareUmask() {
  return Ask(Syscall::kUnshare, [&] { return ::unshare(CLONE_FS); });
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

long PreferNode(void* memory, size_t length, unsigned node) {
  constexpr int kPreferred = 1;  // MPOL_PREFERRED of linux/mempolicy.h, which not every system has installed
  constexpr size_t kBits = 8 * sizeof(unsigned long);
  std::array<unsigned long, 1024 / kBits> nodes{};  // as many as any kernel is built for
  if (node >= 1024) return -EINVAL;
  nodes[node / kBits] = 1UL << (node % kBits);
  // The kernel takes one bit less than it is told of (mbind(2), BUGS of get_mempolicy).
  return Ask(Syscall::kMbind,
             [&] { return ::syscall(SYS_mbind, memory, length, kPreferred, nodes.data(), 1024 + 1, 0UL); });
}

namespace {

// cpu_set_t ends at 1,024 CPUs; the largest machines have more.
constexpr size_t kMostCpus = 8192;
using CpuMask = std::array<unsigned long, kMostCpus / (8 * sizeof(unsigned long))>;
constexpr size_t kCpusInWord = 8 * sizeof(unsigned long);

}  // namespace

std::vector<unsigned> Affinity() {
  CpuMask mask{};
  if (::syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask.data()) < 0) return {};
  std::vector<unsigned> cpus;
  for (unsigned cpu = 0; cpu < kMostCpus; ++cpu) {
    if ((mask[cpu / kCpusInWord] >> (cpu % kCpusInWord) & 1) != 0) cpus.push_back(cpu);
  }
  return cpus;
}

long SetAffinity(const std::vector<unsigned>& cpus) {
  CpuMask mask{};
  for (const unsigned cpu : cpus) {
    if (cpu >= kMostCpus) return -EINVAL;
    mask[cpu / kCpusInWord] |= 1UL << (cpu % kCpusInWord);
  }
  return Ask(Syscall::kSchedSetaffinity,
             [&] { return ::syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask.data()); });
}

long Getxattr(const char* path, const char* name, void* into, size_t length) {
  return Ask(Syscall::kGetxattr, [&] { return ::getxattr(path, name, into, length); });
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
