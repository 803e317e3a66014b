// The addon: its functions as JavaScript sees them. Values are checked on the JavaScript side; here they are only
// unpacked.
#include <napi.h>

#include "engine/io_uring_probe.h"
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

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("controlWords", ControlWords(env));
  exports.Set("copyTree", Napi::Function::New(env, CopyTree));
  exports.Set("probeIoUring", Napi::Function::New(env, ProbeIoUringForJs));
  return exports;
}

NODE_API_MODULE(smartcopy, Init)

}  // namespace
}  // namespace smartcopy
