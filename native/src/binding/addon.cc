// The addon: its functions as JavaScript sees them. Values are checked on the JavaScript side; here they are only
// unpacked.
#include <napi.h>
#include <sys/file.h>
#include <time.h>

#include <chrono>
#include <vector>

#include "engine/io_uring_probe.h"
#include "engine/sparse_map.h"
#include "engine_run.h"
#include "xattrs.h"

namespace smartcopy {
namespace {

Napi::Value ControlWords(Napi::Env env) {
  auto names = Napi::Array::New(env, kWordNames.size());
  for (uint32_t index = 0; index < kWordNames.size(); ++index) names.Set(index, kWordNames[index]);
  return names;
}

Napi::Value CopyTree(const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  using Run = EngineRun<TreeCopy, CopyRequest, Failure>;
  return Run::Start(CopyRequestFrom(request), info[1].As<Napi::BigInt64Array>(),
                    request.Get("onFailures").As<Napi::Function>(), request.Get("onLines"));
}

Napi::Value CompareTrees(const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  using Run = EngineRun<TreeCompare, CompareRequest, Finding>;
  return Run::Start(CompareRequestFrom(request), info[1].As<Napi::BigInt64Array>(),
                    request.Get("onFindings").As<Napi::Function>());
}

Napi::Value OffersDigest(const Napi::CallbackInfo& info) {
  const auto algorithm = DigestAlgorithmFrom(info[0].As<Napi::String>());
  return Napi::Boolean::New(info.Env(), MakeDigest(algorithm) != nullptr);
}

Napi::Value ProbeIoUringForJs(const Napi::CallbackInfo& info) {
  auto result = Napi::Object::New(info.Env());
  const auto facts = ProbeIoUring();
  result.Set("available", facts.ok());
  if (facts) {
    result.Set("features", facts.value().features);
    result.Set("operationCount", facts.value().operation_count);
  } else {
    result.Set("errno", ErrnoName(facts.error().code));
  }
  return result;
}

// (algorithm, milliseconds) => bytes per second that one thread digests of a block that stays in its cache.
Napi::Value DigestRate(const Napi::CallbackInfo& info) {
  const auto digest = MakeDigest(DigestAlgorithmFrom(info[0].As<Napi::String>().Utf8Value()));
  const std::chrono::milliseconds length(info[1].As<Napi::Number>().Int64Value());
  const std::vector<std::byte> block(256 * 1024, std::byte{0x5a});
  const auto began = std::chrono::steady_clock::now();
  double bytes = 0;
  std::chrono::duration<double> elapsed{};
  do {
    digest->Update(block);
    bytes += static_cast<double>(block.size());
    elapsed = std::chrono::steady_clock::now() - began;
  } while (elapsed < length);
  return Napi::Number::New(info.Env(), bytes / elapsed.count());
}

// The error's name, or undefined when the lock was taken.
Napi::Value LockFile(const Napi::CallbackInfo& info) {
  const long answer = sys::Flock(info[0].As<Napi::Number>().Int32Value(), LOCK_EX);
  if (answer >= 0) return info.Env().Undefined();
  return Napi::String::New(info.Env(), ErrnoName(static_cast<int>(-answer)));
}

// What is wrong with a pattern, or undefined.
Napi::Value CheckGlob(const Napi::CallbackInfo& info) {
  const auto pattern = info[0].As<Napi::Uint8Array>();
  const auto compiled = Glob::Compile({reinterpret_cast<const char*>(pattern.Data()), pattern.ByteLength()});
  const auto* wrong = std::get_if<std::string>(&compiled);
  return wrong == nullptr ? info.Env().Undefined() : Napi::String::New(info.Env(), *wrong);
}

// Whether a pattern without fault matches a path below the source.
Napi::Value GlobMatches(const Napi::CallbackInfo& info) {
  const auto bytes = [&](size_t index) {
    const auto array = info[index].As<Napi::Uint8Array>();
    return std::string_view(reinterpret_cast<const char*>(array.Data()), array.ByteLength());
  };
  const auto compiled = Glob::Compile(bytes(0));
  const auto* glob = std::get_if<Glob>(&compiled);
  const std::string_view path = bytes(1);
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return Napi::Boolean::New(info.Env(), glob != nullptr && glob->Matches(path, name, info[2].As<Napi::Boolean>()));
}

// What a file occupies and where its holes are; the error's name when it cannot be asked.
Napi::Value SparseFactsForJs(const Napi::CallbackInfo& info) {
  const auto facts = ReadSparseFacts(info[0].As<Napi::Number>().Int32Value());
  if (!facts) return Napi::String::New(info.Env(), ErrnoName(facts.error().code));
  auto result = Napi::Object::New(info.Env());
  result.Set("sizeBytes", static_cast<double>(facts.value().size));
  result.Set("allocatedBytes", static_cast<double>(facts.value().allocated_bytes));
  result.Set("holeBytes", static_cast<double>(facts.value().hole_bytes));
  result.Set("extentCount", static_cast<double>(facts.value().extent_count));
  result.Set("holeCount", static_cast<double>(facts.value().hole_count));
  return result;
}

Napi::Value BootTimeMs(const Napi::CallbackInfo& info) {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);  // cannot fail: every kernel since 2.6.39 has the clock
  return Napi::Number::New(info.Env(), static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6);
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("controlWords", ControlWords(env));
  exports.Set("copyTree", Napi::Function::New(env, CopyTree));
  exports.Set("offersDigest", Napi::Function::New(env, OffersDigest));
  exports.Set("compareTrees", Napi::Function::New(env, CompareTrees));
  exports.Set("lockFile", Napi::Function::New(env, LockFile));
  exports.Set("sparseFacts", Napi::Function::New(env, SparseFactsForJs));
  exports.Set("bootTimeMs", Napi::Function::New(env, BootTimeMs));
  exports.Set("digestRate", Napi::Function::New(env, DigestRate));
  exports.Set("readXattr", Napi::Function::New(env, ReadXattr));
  exports.Set("checkGlob", Napi::Function::New(env, CheckGlob));
  exports.Set("globMatches", Napi::Function::New(env, GlobMatches));
  exports.Set("probeIoUring", Napi::Function::New(env, ProbeIoUringForJs));
  return exports;
}

NODE_API_MODULE(smartcopy, Init)

}  // namespace
}  // namespace smartcopy
