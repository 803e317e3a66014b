#include "convert.h"

#include <string.h>

#include <algorithm>

namespace smartcopy {
namespace {

std::string Bytes(const Napi::Value& value) {
  const auto bytes = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength()};
}

RootedPath RootedPathFrom(const Napi::Value& value) {
  const auto object = value.As<Napi::Object>();
  return {Bytes(object.Get("root")), Bytes(object.Get("path"))};
}

std::string Text(const Napi::Object& object, const char* key) { return object.Get(key).As<Napi::String>().Utf8Value(); }

Napi::Value BytesToJs(Napi::Env env, const std::string& bytes) {
  return Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size());
}

Preserve PreserveFrom(const Napi::Object& value) {
  const auto wants = [&](const char* key) { return value.Get(key).As<Napi::Boolean>().Value(); };
  return {wants("owner"), wants("mode"),      wants("times"),        wants("xattrs"),
          wants("acls"),  wants("hardlinks"), wants("specialFiles"), wants("strict")};
}

void SetError(Napi::Object& object, const IoError& error) {
  object.Set("errno", ErrnoName(error.code));
  object.Set("syscall", SyscallName(error.call));
}

// The one of these whose name the value has; the first for any other.
template <typename Choice, size_t kCount>
Choice Chosen(const std::string& name, const std::pair<const char*, Choice> (&choices)[kCount]) {
  for (const auto& [known, choice] : choices) {
    if (name == known) return choice;
  }
  return choices[0].second;
}

// Leaves what is not given as it is.
template <typename Number>
void SetIfGiven(Number& field, const Napi::Value& value) {
  if (value.IsNumber()) field = value.As<Napi::Number>().Int64Value();
}

// Patterns were checked before they came here; see native/lib/copy-tree.ts.
std::vector<Glob> GlobsFrom(const Napi::Value& value) {
  std::vector<Glob> globs;
  const auto patterns = value.As<Napi::Array>();
  for (uint32_t index = 0; index < patterns.Length(); ++index) {
    auto compiled = Glob::Compile(Bytes(patterns.Get(index)));
    if (auto* glob = std::get_if<Glob>(&compiled)) globs.push_back(std::move(*glob));
  }
  return globs;
}

SelectionRules SelectionFrom(const Napi::Object& value) {
  SelectionRules rules;
  rules.include = GlobsFrom(value.Get("include"));
  rules.exclude = GlobsFrom(value.Get("exclude"));
  SetIfGiven(rules.min_bytes, value.Get("minBytes"));
  SetIfGiven(rules.max_bytes, value.Get("maxBytes"));
  return rules;
}

NumaPlan NumaPlanFrom(const Napi::Value& value) {
  NumaPlan plan;
  if (!value.IsObject()) return plan;
  const auto object = value.As<Napi::Object>();
  const auto sets = object.Get("workerCpus").As<Napi::Array>();
  for (uint32_t index = 0; index < sets.Length(); ++index) {
    const auto set = sets.Get(index).As<Napi::Array>();
    auto& cpus = plan.worker_cpus.emplace_back();
    for (uint32_t each = 0; each < set.Length(); ++each) cpus.push_back(set.Get(each).As<Napi::Number>().Uint32Value());
  }
  if (object.Get("memoryNode").IsNumber()) plan.memory_node = object.Get("memoryNode").As<Napi::Number>().Uint32Value();
  return plan;
}

}  // namespace

DigestAlgorithm DigestAlgorithmFrom(const std::string& name) {
  return Chosen<DigestAlgorithm>(name, {{"XXH3", DigestAlgorithm::kXxh3},
                                        {"XXH64", DigestAlgorithm::kXxh64},
                                        {"BLAKE3", DigestAlgorithm::kBlake3},
                                        {"SHA256", DigestAlgorithm::kSha256}});
}

CopyRequest CopyRequestFrom(const Napi::Object& value) {
  CopyRequest request;
  request.source = RootedPathFrom(value.Get("source"));
  request.destination = RootedPathFrom(value.Get("destination"));
  request.thread_count = value.Get("threadCount").As<Napi::Number>().Uint32Value();
  request.buffer_bytes = static_cast<size_t>(value.Get("bufferBytes").As<Napi::Number>().Int64Value());
  request.update = Chosen<UpdateMode>(Text(value, "update"),
                                      {{"IfDifferent", UpdateMode::kIfDifferent}, {"Always", UpdateMode::kAlways}});
  if (value.Get("digest").IsString()) request.digest = DigestAlgorithmFrom(Text(value, "digest"));
  request.verify = Chosen<VerifyLevel>(Text(value, "verify"), {{"None", VerifyLevel::kNone},
                                                               {"Source", VerifyLevel::kSource},
                                                               {"Readback", VerifyLevel::kReadback},
                                                               {"Media", VerifyLevel::kMedia}});
  request.durability =
      Chosen<Durability>(Text(value, "durability"),
                         {{"None", Durability::kNone}, {"Batch", Durability::kBatch}, {"File", Durability::kFile}});
  request.io = Chosen<IoMode>(
      Text(value, "io"),
      {{"Auto", IoMode::kAuto}, {"Posix", IoMode::kPosix}, {"IoUring", IoMode::kIoUring}, {"Mmap", IoMode::kMmap}});
  request.direct_io = Chosen<DirectIo>(
      Text(value, "directIo"), {{"Auto", DirectIo::kAuto}, {"Always", DirectIo::kAlways}, {"Never", DirectIo::kNever}});
  request.sparse =
      Chosen<SparseMode>(Text(value, "sparse"),
                         {{"Auto", SparseMode::kAuto}, {"Always", SparseMode::kAlways}, {"Never", SparseMode::kNever}});
  request.page_cache_bytes = value.Get("pageCacheBytes").As<Napi::Number>().Int64Value();
  request.ring_memory_bytes = value.Get("ringMemoryBytes").As<Napi::Number>().Int64Value();
  const auto temporaries = value.Get("temporaries").As<Napi::Object>();
  request.job = temporaries.Get("job").As<Napi::Number>().Uint32Value();
  request.epoch = temporaries.Get("epoch").As<Napi::Number>().Uint32Value();
  request.preserve = PreserveFrom(value.Get("preserve").As<Napi::Object>());
  request.keep_setuid = value.Get("keepSetuid").As<Napi::Boolean>();
  request.keep_devices = value.Get("keepDevices").As<Napi::Boolean>();
  request.keep_security_xattrs = value.Get("keepSecurityXattrs").As<Napi::Boolean>();
  request.selection = SelectionFrom(value.Get("selection").As<Napi::Object>());
  if (value.Get("filesFrom").IsObject()) {
    const auto list = value.Get("filesFrom").As<Napi::Object>();
    request.files_from = PathList{list.Get("fd").As<Napi::Number>().Int32Value(),
                                  list.Get("isNulSeparated").As<Napi::Boolean>() ? '\0' : '\n'};
  }
  request.ordering = Chosen<Ordering>(Text(value, "ordering"), {{"Auto", Ordering::kAuto},
                                                                {"SmallestFirst", Ordering::kSmallestFirst},
                                                                {"LargestFirst", Ordering::kLargestFirst},
                                                                {"Path", Ordering::kPath}});
  request.symlinks = Chosen<Symlinks>(Text(value, "symlinks"), {{"Preserve", Symlinks::kPreserve},
                                                                {"Skip", Symlinks::kSkip},
                                                                {"FollowWithinRoot", Symlinks::kFollowWithinRoot}});
  request.on_conflict = Chosen<OnConflict>(
      Text(value, "onConflict"),
      {{"Overwrite", OnConflict::kOverwrite}, {"Skip", OnConflict::kSkip}, {"Fail", OnConflict::kFail}});
  request.atomic = Chosen<Atomic>(Text(value, "atomic"), {{"Replace", Atomic::kReplace}, {"Always", Atomic::kAlways}});
  request.dry_run = value.Get("dryRun").As<Napi::Boolean>();
  request.retries = value.Get("retries").As<Napi::Number>().Int32Value();
  request.one_file_system = value.Get("oneFileSystem").As<Napi::Boolean>();
  request.cross_mounts = value.Get("crossMounts").As<Napi::Boolean>();
  request.scan_totals = value.Get("scanTotals").As<Napi::Boolean>();
  SetIfGiven(request.range_bytes, value.Get("rangeBytes"));
  SetIfGiven(request.writers_per_file, value.Get("writersPerFile"));
  SetIfGiven(request.memory_bytes, value.Get("memoryBytes"));
  request.contiguous_ranges = value.Get("contiguousRanges").ToBoolean();
  request.numa = NumaPlanFrom(value.Get("numa"));
  if (value.Get("digestsFd").IsNumber()) request.digests_fd = value.Get("digestsFd").As<Napi::Number>().Int32Value();
  return request;
}

CompareRequest CompareRequestFrom(const Napi::Object& value) {
  CompareRequest request;
  request.source = RootedPathFrom(value.Get("source"));
  request.destination = RootedPathFrom(value.Get("destination"));
  request.thread_count = value.Get("threadCount").As<Napi::Number>().Uint32Value();
  request.buffer_bytes = static_cast<size_t>(value.Get("bufferBytes").As<Napi::Number>().Int64Value());
  request.digest = DigestAlgorithmFrom(Text(value, "digest"));
  request.cross_mounts = value.Get("crossMounts").As<Napi::Boolean>();
  const auto ignored = value.Get("ignore").As<Napi::Array>();
  for (uint32_t index = 0; index < ignored.Length(); ++index) {
    const auto name = ignored.Get(index).As<Napi::String>().Utf8Value();
    const auto kind = std::find(kDifferenceKindNames.begin(), kDifferenceKindNames.end(), name);
    if (kind != kDifferenceKindNames.end())
      request.ignored.set(static_cast<size_t>(kind - kDifferenceKindNames.begin()));
  }
  if (value.Get("digestsFd").IsNumber()) request.digests_fd = value.Get("digestsFd").As<Napi::Number>().Int32Value();
  return request;
}

Napi::Value ToJs(Napi::Env env, const Failure& failure) {
  auto object = Napi::Object::New(env);
  object.Set("reason", FailureReasonName(failure.reason));
  object.Set("side", failure.side == Side::kSource ? "source" : "destination");
  object.Set("path", BytesToJs(env, failure.path));
  object.Set("refused", failure.refused);
  if (failure.error) {
    SetError(object, *failure.error);
    if (failure.error->offset) object.Set("offsetBytes", static_cast<double>(*failure.error->offset));
  }
  return object;
}

Napi::Value ToJs(Napi::Env env, const Finding& finding) {
  if (const auto* failure = std::get_if<Failure>(&finding)) return ToJs(env, *failure);
  const auto& difference = *std::get_if<Difference>(&finding);
  auto object = Napi::Object::New(env);
  object.Set("kind", DifferenceKindName(difference.kind));
  object.Set("path", BytesToJs(env, difference.path));
  object.Set("source", BytesToJs(env, difference.source));
  object.Set("destination", BytesToJs(env, difference.destination));
  if (difference.kind == DifferenceKind::kXattr) object.Set("attribute", BytesToJs(env, difference.attribute));
  return object;
}

Napi::Value ToJs(Napi::Env env, const CompareResult& result) {
  auto object = Napi::Object::New(env);
  object.Set("cancelled", result.cancelled);
  auto differences = Napi::Object::New(env);
  for (size_t kind = 0; kind < kDifferenceKindCount; ++kind)
    differences.Set(kDifferenceKindNames[kind], static_cast<double>(result.differences[kind]));
  object.Set("differences", differences);
  if (result.digests_error) {
    auto error = Napi::Object::New(env);
    SetError(error, *result.digests_error);
    object.Set("digestsError", error);
  }
  return object;
}

Napi::Value ToJs(Napi::Env env, const CopyResult& result) {
  auto object = Napi::Object::New(env);
  object.Set("end", result.end == End::kFinished    ? "Finished"
                    : result.end == End::kCancelled ? "Cancelled"
                                                    : "EndedEarly");
  auto not_kept = Napi::Array::New(env, result.not_kept.size());
  for (uint32_t index = 0; index < result.not_kept.size(); ++index) {
    const NotKept& kind = result.not_kept[index];
    auto entry = Napi::Object::New(env);
    entry.Set("what", AttributeName(kind.what));
    if (kind.code != 0) entry.Set("errno", ErrnoName(kind.code));
    entry.Set("count", static_cast<double>(kind.count));
    entry.Set("path", BytesToJs(env, kind.path));
    not_kept.Set(index, entry);
  }
  object.Set("notKept", not_kept);
  object.Set("triedAgain", static_cast<double>(result.tried_again));
  object.Set("plannedBytes", static_cast<double>(result.planned_bytes));
  object.Set("temporariesRemoved", static_cast<double>(result.temporaries_removed));
  auto fallbacks = Napi::Array::New(env, result.fallbacks.size());
  for (uint32_t index = 0; index < result.fallbacks.size(); ++index) {
    const Fallback& fallback = result.fallbacks[index];
    auto entry = Napi::Object::New(env);
    entry.Set("from", fallback.from);
    entry.Set("to", fallback.to);
    entry.Set("errno", ErrnoName(fallback.code));
    entry.Set("count", static_cast<double>(fallback.count));
    fallbacks.Set(index, entry);
  }
  object.Set("fallbacks", fallbacks);
  if (result.digests_error) {
    auto error = Napi::Object::New(env);
    SetError(error, *result.digests_error);
    object.Set("digestsError", error);
  }
  return object;
}

Napi::Error ToJs(Napi::Env env, const StartError& error) {
  std::string what;
  switch (error.kind) {
    case StartError::Kind::kSameFile:
      what = "source and destination are the same";
      break;
    case StartError::Kind::kDestinationInsideSource:
      what = "the destination lies inside the source";
      break;
    case StartError::Kind::kSystem:
      what = std::string(SyscallName(error.error.call)) + ": " + ErrnoName(error.error.code);
      break;
  }
  auto made = Napi::Error::New(env, what);
  auto fields = made.Value();
  fields.Set("path", BytesToJs(env, error.path));
  if (error.kind == StartError::Kind::kSystem)
    SetError(fields, error.error);
  else
    fields.Set("refused", error.kind == StartError::Kind::kSameFile ? "SameFile" : "DestinationInsideSource");
  return made;
}

std::string ErrnoName(int code) {
  const char* name = ::strerrorname_np(code);  // glibc 2.32
  return name != nullptr ? name : std::to_string(code);
}

}  // namespace smartcopy
