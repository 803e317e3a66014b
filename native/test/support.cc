#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

namespace smartcopy::testing {
namespace fs = std::filesystem;

namespace {

std::string UsualHome() {
  const char* chosen = ::getenv("SMARTCOPY_TEST_FOLDER");
  return chosen != nullptr ? chosen : fs::exists("/dev/shm") ? "/dev/shm" : "/tmp";
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() : TemporaryDirectory(UsualHome()) {}

TemporaryDirectory::TemporaryDirectory(const std::string& home) {
  std::string pattern = home + "/smartcopy-test-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "mkdtemp of " << pattern << ": " << strerrorname_np(errno);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

LoopFileSystem::LoopFileSystem(const char* type, off_t size) {
  const std::string image = place_ / "image";
  WriteFile(image, "");
  MakeDirectory(path());
  if (::geteuid() != 0 || ::truncate(image.c_str(), size) != 0) return;
  const std::string commands = "PATH=$PATH:/usr/sbin:/sbin; mkfs." + std::string(type) + " -q " + image +
                               " >/dev/null 2>&1 && mount -o loop " + image + " " + path() + " 2>/dev/null";
  mounted_ = ::system(commands.c_str()) == 0;
}

LoopFileSystem::~LoopFileSystem() {
  // The kernel lets go of the files of a ring a moment after it is closed.
  for (int tries = 0; mounted_ && tries < 100; ++tries) {
    if (::umount2(path().c_str(), 0) == 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  if (mounted_) ADD_FAILURE() << path() << " stays mounted: " << strerrorname_np(errno);
}

size_t OpenDescriptors() {
  return static_cast<size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

std::string Bytes(size_t length, uint32_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(length, '\0');
  for (size_t at = 0; at < length; at += sizeof(uint64_t)) {
    const uint64_t word = random();
    std::memcpy(bytes.data() + at, &word, std::min(sizeof(word), length - at));
  }
  return bytes;
}

void WriteFile(const std::string& path, std::string_view content, mode_t mode) {
  std::ofstream(path, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
  ASSERT_EQ(::chmod(path.c_str(), mode), 0) << path;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

void MakeDirectory(const std::string& path, mode_t mode) {
  ASSERT_EQ(::mkdir(path.c_str(), 0700), 0) << path;
  ASSERT_EQ(::chmod(path.c_str(), mode), 0) << path;
}

void MakeLink(const std::string& target, const std::string& path) {
  ASSERT_EQ(::symlink(target.c_str(), path.c_str()), 0) << path;
}

void SetTime(const std::string& path, int64_t seconds, int64_t nanoseconds) {
  const timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0) << path;
}

bool SetXattr(const std::string& path, const std::string& name, std::string_view value) {
  return ::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) == 0;
}

std::optional<std::string> Xattr(const std::string& path, const std::string& name) {
  std::string value(65'536, '\0');
  const ssize_t length = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
  if (length < 0) return std::nullopt;
  value.resize(static_cast<size_t>(length));
  return value;
}

struct stat FileStat(const std::string& path) {
  struct stat found{};
  EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
  return found;
}

bool Exists(const std::string& path) {
  struct stat found{};
  return ::lstat(path.c_str(), &found) == 0;
}

namespace {

// In the order of their names.
std::map<std::string, std::string> XattrsOf(const std::string& path) {
  std::string names(65'536, '\0');
  const ssize_t length = ::llistxattr(path.c_str(), names.data(), names.size());
  std::map<std::string, std::string> all;
  for (size_t at = 0; length > 0 && at < static_cast<size_t>(length);) {
    const std::string name = names.c_str() + at;
    all[name] = Xattr(path, name).value_or("none");
    at += name.size() + 1;
  }
  return all;
}

std::vector<std::string> NamesIn(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = ::opendir(path.c_str());
  EXPECT_NE(directory, nullptr) << path;
  if (directory == nullptr) return names;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

class FactsGatherer {
 public:
  explicit FactsGatherer(const Lost& lost) : lost_(lost) {}

  void Gather(const std::string& path, const std::string& name) {
    Facts facts;
    facts.found = FileStat(path);
    facts.metadata = MetadataOf(path, facts.found);
    const auto key = std::pair(facts.found.st_dev, facts.found.st_ino);
    if (!S_ISDIR(facts.found.st_mode) && facts.found.st_nlink > 1)
      facts.same_file = first_names_.try_emplace(key, name).first->second;
    if (S_ISLNK(facts.found.st_mode)) facts.content = fs::read_symlink(path).string();
    if (S_ISREG(facts.found.st_mode)) facts.content = ReadFile(path);
    const bool is_directory = S_ISDIR(facts.found.st_mode);
    all.emplace(name, std::move(facts));
    if (!is_directory) return;
    for (const auto& child : NamesIn(path)) Gather(path + "/" + child, name == "." ? child : name + "/" + child);
  }

  std::map<std::string, Facts> all;

 private:
  std::string MetadataOf(const std::string& path, const struct stat& found) const {
    const auto is_lost = [&](Attribute what) { return lost_.contains(what); };
    mode_t kept = ~0U;
    // Without the owner's rights a copy gives up setuid and setgid.
    if (is_lost(Attribute::kOwner) || is_lost(Attribute::kSetuid)) kept = ~static_cast<mode_t>(S_ISUID | S_ISGID);
    // What an ACL grants to the group is a mask, which nobody gets without the ACL.
    if (is_lost(Attribute::kAcl)) kept &= ~mode_t{S_IRWXG};
    if (is_lost(Attribute::kMode)) kept = S_IFMT;
    std::ostringstream line;
    line << "mode=" << std::oct << (found.st_mode & kept) << std::dec;
    if (!is_lost(Attribute::kOwner)) line << " owner=" << found.st_uid << ':' << found.st_gid;
    if (!is_lost(Attribute::kTime)) line << " mtime=" << found.st_mtim.tv_sec << '.' << found.st_mtim.tv_nsec;
    if (S_ISCHR(found.st_mode) || S_ISBLK(found.st_mode))
      line << " device=" << major(found.st_rdev) << ':' << minor(found.st_rdev);
    if (is_lost(Attribute::kXattr) || is_lost(Attribute::kCapability) || is_lost(Attribute::kAcl)) return line.str();
    for (const auto& [attribute, value] : XattrsOf(path))
      line << ' ' << attribute << '=' << std::hash<std::string>{}(value);
    return line.str();
  }

  const Lost lost_;
  std::map<std::pair<dev_t, ino_t>, std::string> first_names_;
};

}  // namespace

std::map<std::string, Facts> FactsOf(const std::string& path, const Lost& lost) {
  FactsGatherer gatherer(lost);
  gatherer.Gather(path, ".");
  return std::move(gatherer.all);
}

std::vector<std::string> Describe(const std::string& path) {
  std::vector<std::string> lines;
  for (const auto& [name, facts] : FactsOf(path)) {
    std::ostringstream line;
    line << name << ' ' << facts.metadata;
    if (S_ISLNK(facts.found.st_mode)) line << " target=" << facts.content;
    if (S_ISREG(facts.found.st_mode))
      line << " size=" << facts.found.st_size << " hash=" << std::hash<std::string>{}(facts.content);
    if (!facts.same_file.empty()) line << " same as " << facts.same_file;
    lines.push_back(line.str());
  }
  return lines;
}

::testing::AssertionResult Clean(const Report& report) {
  if (report.clean()) return ::testing::AssertionSuccess();
  auto failed = ::testing::AssertionFailure();
  if (!report.started())
    return failed << report.start_error().path << ": " << SyscallName(report.start_error().error.call) << ": "
                  << strerrorname_np(report.start_error().error.code);
  if (report.failures.empty() && !report.result().not_kept.empty()) {
    const NotKept& lost = report.result().not_kept.front();
    return failed << AttributeName(lost.what) << " of '" << lost.path << "' not kept: " << lost.code;
  }
  if (report.failures.empty()) return failed << "not finished";
  const Failure& first = report.failures.front();
  failed << report.failures.size() << " failures, first " << FailureReasonName(first.reason) << " of '" << first.path
         << "'";
  if (first.error) failed << ": " << SyscallName(first.error->call) << ": " << strerrorname_np(first.error->code);
  return failed;
}

CopyRequest RequestFor(const std::string& source, const std::string& destination) {
  CopyRequest request;
  request.source = {source, ""};
  const auto slash = destination.rfind('/');
  request.destination = {destination.substr(0, slash), destination.substr(slash + 1)};
  request.thread_count = 2;
  request.update = UpdateMode::kAlways;
  request.job = 0xabcd1234;
  request.epoch = 7;
  request.cross_mounts = true;
  return request;
}

::testing::AssertionResult SameTree(const std::string& copy, const std::string& source) {
  const auto found = Describe(copy);
  const auto expected = Describe(source);
  const auto [a, b] = std::mismatch(found.begin(), found.end(), expected.begin(), expected.end());
  if (a == found.end() && b == expected.end()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "the copy has " << (a == found.end() ? "nothing" : *a)
                                       << "\nwhere the source has " << (b == expected.end() ? "nothing" : *b);
}

Report Copy(const CopyRequest& request, EntryLines* lines) { return CopySlowly(request, -1, {}, lines); }

Report CopySlowly(const CopyRequest& request, int64_t bytes_per_second,
                  const std::function<void(ControlBlock)>& meanwhile, EntryLines* lines) {
  Report report;
  report.words[static_cast<size_t>(Word::kBytesPerSecond)] = bytes_per_second;
  const ControlBlock control(report.words.data());
  FailureSink sink([] {});
  std::thread other;
  if (meanwhile) other = std::thread([&] { meanwhile(control); });
  {
    TreeCopy copy(request, control, sink, lines);
    report.outcome = copy.Run();
  }
  if (other.joinable()) other.join();
  report.failures = sink.Take();
  return report;
}

Report Copy(const std::string& source, const std::string& destination) { return Copy(RequestFor(source, destination)); }

void MakeSampleTree(const std::string& path) {
  MakeDirectory(path, 0751);
  WriteFile(path + "/empty", "");
  WriteFile(path + "/one", "x", 0600);
  WriteFile(path + "/unaligned", Bytes(70'001, 2), 04755);
  WriteFile(path + "/buffers", Bytes(3 * 65'536, 3), 0444);
  MakeDirectory(path + "/inner", 02755);
  WriteFile(path + "/inner/\xff\xfe not utf-8\n", "odd name");
  WriteFile(path + "/inner/" + std::string(255, 'n'), "long name");
  MakeLink("../one", path + "/inner/link");
  MakeLink("nowhere", path + "/dangling");
  ASSERT_EQ(::link((path + "/unaligned").c_str(), (path + "/inner/second name").c_str()), 0);
  ASSERT_EQ(::link((path + "/unaligned").c_str(), (path + "/inner/third name").c_str()), 0);
  MakeDirectory(path + "/inner/empty directory", 0500);
  if (::geteuid() == 0) {
    ASSERT_EQ(::lchown((path + "/one").c_str(), 1234, 4321), 0);
    ASSERT_EQ(::lchown((path + "/dangling").c_str(), 1234, 4321), 0);
  }
  SetTime(path + "/dangling", 1'000'000'000, 987'654'321);
  SetTime(path + "/one", 1'234'567'890, 123'456'789);
  SetTime(path + "/inner/empty directory", 1'111'111'111, 1);
  SetTime(path + "/inner", 1'222'222'222, 999'999'999);
  SetTime(path, 1'333'333'333, 5);
}

}  // namespace smartcopy::testing
