#include "convert.h"

#include <string.h>

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

void SetError(Napi::Object& object, const IoError& error) {
  object.Set("errno", ErrnoName(error.code));
  object.Set("syscall", SyscallName(error.call));
}

}  // namespace

CopyRequest CopyRequestFrom(const Napi::Object& value) {
  CopyRequest request;
  request.source = RootedPathFrom(value.Get("source"));
  request.destination = RootedPathFrom(value.Get("destination"));
  request.thread_count = value.Get("threadCount").As<Napi::Number>().Uint32Value();
  request.buffer_bytes = static_cast<size_t>(value.Get("bufferBytes").As<Napi::Number>().Int64Value());
  request.update = Text(value, "update") == "Always" ? UpdateMode::kAlways : UpdateMode::kIfDifferent;
  if (value.Get("digest").IsString())
    request.digest = Text(value, "digest") == "BLAKE3" ? DigestAlgorithm::kBlake3 : DigestAlgorithm::kXxh3;
  const std::string verify = Text(value, "verify");
  request.verify = verify == "Readback" ? VerifyLevel::kReadback
                   : verify == "Source" ? VerifyLevel::kSource
                                        : VerifyLevel::kNone;
  const std::string durability = Text(value, "durability");
  request.durability = durability == "Batch"  ? Durability::kBatch
                       : durability == "File" ? Durability::kFile
                                              : Durability::kNone;
  const std::string io = Text(value, "io");
  request.io = io == "Posix"     ? IoMode::kPosix
               : io == "IoUring" ? IoMode::kIoUring
               : io == "Mmap"    ? IoMode::kMmap
                                 : IoMode::kAuto;
  const std::string direct_io = Text(value, "directIo");
  request.direct_io = direct_io == "Always"  ? DirectIo::kAlways
                      : direct_io == "Never" ? DirectIo::kNever
                                             : DirectIo::kAuto;
  const std::string sparse = Text(value, "sparse");
  request.sparse = sparse == "Always"  ? SparseMode::kAlways
                   : sparse == "Never" ? SparseMode::kNever
                                       : SparseMode::kAuto;
  request.page_cache_bytes = value.Get("pageCacheBytes").As<Napi::Number>().Int64Value();
  request.ring_memory_bytes = value.Get("ringMemoryBytes").As<Napi::Number>().Int64Value();
  const auto temporaries = value.Get("temporaries").As<Napi::Object>();
  request.job = temporaries.Get("job").As<Napi::Number>().Uint32Value();
  request.epoch = temporaries.Get("epoch").As<Napi::Number>().Uint32Value();
  request.cross_mounts = value.Get("crossMounts").As<Napi::Boolean>();
  request.scan_totals = value.Get("scanTotals").As<Napi::Boolean>();
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

Napi::Value ToJs(Napi::Env env, const CopyResult& result) {
  auto object = Napi::Object::New(env);
  object.Set("end", result.end == End::kFinished    ? "Finished"
                    : result.end == End::kCancelled ? "Cancelled"
                                                    : "EndedEarly");
  object.Set("ownersNotKept", static_cast<double>(result.owners_not_kept));
  object.Set("modesNotKept", static_cast<double>(result.modes_not_kept));
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
