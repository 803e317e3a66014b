#include "transfer_run.h"

#include <errno.h>

namespace smartcopy {

Napi::Value TransferRun::Start(Napi::Env env, const Napi::Object& request, const Napi::BigInt64Array& words) {
  auto* run = new TransferRun(env, request, words);
  napi_add_env_cleanup_hook(env, StopAtExit, run);
  const auto promise = run->promise_.Promise();
  run->thread_.emplace([run] { run->RunEngine(); });
  if (!run->thread_->started()) {
    run->outcome_ = StartError{StartError::Kind::kSystem, IoError{EAGAIN, Syscall::kClone}, "an engine thread"};
    run->to_javascript_.Release();
    run->Settle(env);
  }
  return promise;
}

TransferRun::TransferRun(Napi::Env env, const Napi::Object& request, const Napi::BigInt64Array& words)
    : env_(env),
      request_(CopyRequestFrom(request)),
      control_(const_cast<int64_t*>(words.Data())),
      words_(Napi::Persistent(words.As<Napi::Object>())),
      on_lines_(request.Get("onLines").IsFunction() ? Napi::Persistent(request.Get("onLines").As<Napi::Function>())
                                                    : Napi::FunctionReference()),
      promise_(Napi::Promise::Deferred::New(env)),
      to_javascript_(Napi::ThreadSafeFunction::New(env, request.Get("onFailures").As<Napi::Function>(),
                                                   "smartcopy transfer", 0, 1)),
      failures_([this] {
        to_javascript_.BlockingCall(
            [this](Napi::Env js, Napi::Function on_failures) { DeliverFailures(js, on_failures); });
      }) {
  if (on_lines_.IsEmpty()) return;
  lines_.emplace([this] { to_javascript_.BlockingCall([this](Napi::Env js, Napi::Function) { DeliverLines(js); }); });
}

void TransferRun::RunEngine() {
  TreeCopy copy(request_, control_, failures_, lines_ ? &*lines_ : nullptr);
  outcome_ = copy.Run();
  // Calls keep their order, so every failure is delivered before the promise is settled.
  to_javascript_.BlockingCall([this](Napi::Env js, Napi::Function on_failures) {
    DeliverFailures(js, on_failures);
    DeliverLines(js);
    Settle(js);
  });
  to_javascript_.Release();
}

void TransferRun::DeliverFailures(Napi::Env env, Napi::Function on_failures) {
  const auto batch = failures_.Take();
  if (batch.empty()) return;
  const Napi::HandleScope scope(env);
  auto failures = Napi::Array::New(env, batch.size());
  for (uint32_t index = 0; index < batch.size(); ++index) failures.Set(index, ToJs(env, batch[index]));
  on_failures.Call({failures});
}

void TransferRun::DeliverLines(Napi::Env env) {
  if (!lines_) return;
  const std::string lines = lines_->Take();
  if (lines.empty()) return;
  const Napi::HandleScope scope(env);
  on_lines_.Call({Napi::Buffer<char>::Copy(env, lines.data(), lines.size())});
}

void TransferRun::Settle(Napi::Env env) {
  napi_remove_env_cleanup_hook(env, StopAtExit, this);
  thread_.reset();
  if (const auto* error = std::get_if<StartError>(&outcome_))
    promise_.Reject(ToJs(env, *error).Value());
  else
    promise_.Resolve(ToJs(env, *std::get_if<CopyResult>(&outcome_)));
  delete this;
}

void TransferRun::StopAtExit(void* self) {
  auto* run = static_cast<TransferRun*>(self);
  run->control_.Set(Word::kCancel, 1);
  // The engine may be waiting for its failures to be taken; nobody is there to take them any more.
  run->failures_.Discard();
  if (run->lines_) run->lines_->Discard();
  run->thread_.reset();
}

}  // namespace smartcopy
