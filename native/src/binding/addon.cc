// The addon: its functions as JavaScript sees them. Values are checked on the JavaScript side; here they are only
// unpacked.
#include <napi.h>
#include <sys/file.h>
#include <time.h>

#include "engine/io_uring_probe.h"
#include "engine/sparse_map.h"
#include "transfer_run.h"

namespace smartcopy {
namespace {

Napi::Value ControlWords(Napi::Env env) {
  auto names = Napi::Array::New(env, kWordNames.size());
  for (uint32_t index = 0; index < kWordNames.size(); ++index) names.Set(index, kWordNames[index]);
  return names;
}

Napi::Value CopyTree(const Napi::CallbackInfo& info) {
  return TransferRun::Start(info.Env(), info[0].As<Napi::Object>(), info[1].As<Napi::BigInt64Array>());
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

// The error's name, or undefined when the lock was taken.
Napi::Value LockFile(const Napi::CallbackInfo& info) {
  const long answer = sys::Flock(info[0].As<Napi::Number>().Int32Value(), LOCK_EX);
  if (answer >= 0) return info.Env().Undefined();
  return Napi::String::New(info.Env(), ErrnoName(static_cast<int>(-answer)));
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
  exports.Set("lockFile", Napi::Function::New(env, LockFile));
  exports.Set("sparseFacts", Napi::Function::New(env, SparseFactsForJs));
  exports.Set("bootTimeMs", Napi::Function::New(env, BootTimeMs));
  exports.Set("probeIoUring", Napi::Function::New(env, ProbeIoUringForJs));
  return exports;
}

NODE_API_MODULE(smartcopy, Init)

}  // namespace
}  // namespace smartcopy
