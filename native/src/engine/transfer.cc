#include "transfer.h"

#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cinttypes>
#include <cstdio>

namespace smartcopy {

// Asked of the kernel's own account: umask(2) tells only by changing it, for all threads.
mode_t UmaskOfThisProcess() {
  constexpr mode_t kUsual = 022;
  const long fd = sys::OpenRoot("/proc/self/status", O_RDONLY);
  if (fd < 0) return kUsual;
  const UniqueFd status(static_cast<int>(fd));
  std::array<char, 1024> text{};
  const long length = sys::Pread(status.get(), text.data(), text.size(), 0);
  const std::string_view lines(text.data(), length < 0 ? 0 : static_cast<size_t>(length));
  constexpr std::string_view kKey = "\nUmask:\t";
  const auto at = lines.find(kKey);
  if (at == std::string_view::npos) return kUsual;
  mode_t umask = kUsual;
  std::from_chars(lines.data() + at + kKey.size(), lines.data() + lines.size(), umask, 8);
  return umask;
}

uint64_t AnyNumber() {
  uint64_t number = 0;
  // Without the kernel's random numbers (before it has any, at boot) names are merely likelier to be tried twice.
  if (::getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0) number = static_cast<uint64_t>(::getpid());
  return number >> 16;
}

void FallbackCounts::Add(const char* from, const char* to, int code) {
  const std::lock_guard lock(mutex_);
  ++counts_[{from, to, code}];
}

std::vector<Fallback> FallbackCounts::Take() {
  const std::lock_guard lock(mutex_);
  std::vector<Fallback> all;
  for (const auto& [key, count] : counts_) all.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), count});
  return all;
}

void DigestLines::Add(const std::string& digest, const std::string& path) {
  if (fd_ < 0) return;
  const std::lock_guard lock(mutex_);
  const bool escape = path.find_first_of("\\\n\r") != std::string::npos;
  if (escape) waiting_.push_back('\\');
  waiting_ += digest;
  waiting_ += "  ";
  for (const char c : path) {
    switch (c) {
      case '\\':
        waiting_ += "\\\\";
        break;
      case '\n':
        waiting_ += "\\n";
        break;
      case '\r':
        waiting_ += "\\r";
        break;
      default:
        waiting_.push_back(c);
    }
  }
  waiting_.push_back('\n');
  constexpr size_t kWriteAt = 64 * 1024;
  if (waiting_.size() >= kWriteAt) WriteOut();
}

std::optional<IoError> DigestLines::Flush() {
  const std::lock_guard lock(mutex_);
  WriteOut();
  return error_;
}

void DigestLines::WriteOut() {
  size_t done = 0;
  while (!error_ && done < waiting_.size()) {
    const long wrote = sys::Write(fd_, waiting_.data() + done, waiting_.size() - done);
    if (wrote < 0)
      error_ = IoError{static_cast<int>(-wrote), Syscall::kWrite};
    else if (wrote == 0)
      error_ = IoError{EIO, Syscall::kWrite};
    else
      done += static_cast<size_t>(wrote);
  }
  waiting_.clear();
}

FollowedLink Transfer::LinkAt(const Directory& directory, const std::string& name) {
  return {directories.TopSource(directory), PathOf(directory, name), directories.crosses_in_source()};
}

void Transfer::Fail(Failure failure) {
  if (failure.error && failure.error->code == ECANCELED && control.cancelled()) return;
  control.Add(Word::kFilesFailed, 1);
  sink.Report(std::move(failure));
}

void Transfer::Refuse(Failure failure) {
  control.Add(Word::kEntriesRefused, 1);
  failure.refused = true;
  sink.Report(std::move(failure));
}

void Transfer::Meet(int64_t bytes) {
  met_files.fetch_add(1, std::memory_order_relaxed);
  met_bytes.fetch_add(bytes, std::memory_order_relaxed);
  if (request.scan_totals) return;
  control.Add(Word::kFilesTotal, 1);
  control.Add(Word::kBytesTotal, bytes);
}

void Transfer::MeetNot() {
  met_files.fetch_sub(1, std::memory_order_relaxed);
  control.Add(Word::kFilesTotal, -1);  // the scan has counted it too
}

namespace {

constexpr std::string_view kTemporaryPrefix = ".smartcopy-";
constexpr size_t kHexDigits = 8;

// As this engine writes them: with other letters it is somebody else's name.
std::optional<uint32_t> ParseHex(std::string_view digits) {
  if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string Transfer::NewTemporaryName() {
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "%s%08" PRIx32 "%08" PRIx32 "-%" PRIu64, kTemporaryPrefix.data(), request.job,
                request.epoch, next_temporary.fetch_add(1));
  return name.data();
}

bool Transfer::IsStaleTemporary(std::string_view name) const {
  constexpr size_t kHead = kTemporaryPrefix.size() + 2 * kHexDigits + 1;
  if (name.size() <= kHead || !name.starts_with(kTemporaryPrefix) || name[kHead - 1] != '-') return false;
  if (name.find_first_not_of("0123456789", kHead) != std::string_view::npos) return false;
  const auto job = ParseHex(name.substr(kTemporaryPrefix.size(), kHexDigits));
  const auto written = ParseHex(name.substr(kTemporaryPrefix.size() + kHexDigits, kHexDigits));
  // A later epoch belongs to somebody who took this job over; its files are not ours to remove.
  return removes_leftovers && job && written && *job == request.job && *written <= epoch;
}

}  // namespace smartcopy
