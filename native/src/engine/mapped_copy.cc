#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "copy_strategy.h"

namespace smartcopy {
namespace {

// Mapped at once. A multiple of every page size.
constexpr off_t kWindowBytes = off_t{64} << 20;

// A part of a file as memory. One thread's own.
class Mapping {
 public:
  static Result<Mapping> Make(int fd, off_t offset, size_t length) {
    void* memory = nullptr;
    if (auto error = ErrorOf(sys::MapFile(fd, offset, length, false, &memory), Syscall::kMmap)) return *error;
    return Mapping({static_cast<const std::byte*>(memory), length});
  }
  Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit Mapping(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

}  // namespace

Result<std::optional<off_t>> MappedCopy::CopyRange(const ContentCopy& file, Range range, const Watch& watch) {
  if (watch || file.size == 0 || capabilities_.KnownRefused(method(), file)) return std::optional<off_t>();
  static const off_t kPageBytes = ::sysconf(_SC_PAGESIZE);
  off_t at = range.begin;
  while (at < range.end) {
    const off_t window = at / kPageBytes * kPageBytes;
    const off_t end = std::min(range.end, window + kWindowBytes);
    auto mapping = Mapping::Make(file.source, window, static_cast<size_t>(end - window));
    if (!mapping && at > range.begin) return mapping.error();
    if (!mapping) {
      auto final = capabilities_.Refused(method(), file, mapping.error(), MethodName(Method::kReadWrite));
      return final ? Result<std::optional<off_t>>(*final) : std::optional<off_t>();
    }
    auto wrote = WriteFrom(file, mapping->bytes().subspan(static_cast<size_t>(at - window)), at);
    if (!wrote) return wrote.error();
    at += *wrote;
    if (at < end) break;  // the source ended
  }
  return std::optional<off_t>(at - range.begin);
}

// How much was written; less than all when the source ends early.
Result<off_t> MappedCopy::WriteFrom(const ContentCopy& file, std::span<const std::byte> mapped, off_t offset) {
  size_t done = 0;
  while (done < mapped.size()) {
    const auto at = offset + static_cast<off_t>(done);
    const size_t wanted = std::min(mapped.size() - done, file.buffer.size());
    const auto granted = transfer_.limiter.Acquire(static_cast<int64_t>(wanted));
    if (!granted) return IoError{ECANCELED, Syscall::kPwrite, at};
    const auto part = mapped.subspan(done, static_cast<size_t>(*granted));
    const long wrote = sys::Pwrite(file.destination, part.data(), part.size(), at);
    if (wrote == 0) return IoError{EIO, Syscall::kPwrite, at};
    if (wrote == -EFAULT) {
      // The kernel could not read the mapping. Reading the file tells why: it ends before this, or its disk fails.
      std::byte one{};
      const long got = sys::Pread(file.source, &one, 1, at);
      if (got == 0) break;
      return got < 0 ? IoError{static_cast<int>(-got), Syscall::kPread, at} : IoError{EFAULT, Syscall::kPwrite, at};
    }
    if (wrote < 0) return IoError{static_cast<int>(-wrote), Syscall::kPwrite, at};
    file.moved->Add(transfer_.control, method(), wrote);
    done += static_cast<size_t>(wrote);
  }
  return static_cast<off_t>(done);
}

}  // namespace smartcopy
