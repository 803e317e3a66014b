#pragma once

#include <errno.h>
#include <napi.h>

#include <optional>
#include <variant>

#include "convert.h"
#include "engine/thread.h"

namespace smartcopy {

// One run of an engine (TreeCopy, TreeCompare) started from JavaScript: runs it on a thread of its own, hands what it
// reports over in batches while it runs, and settles the promise after the last of them. Owns itself until then. When
// its environment ends before it does (a worker thread's, not the process's), it is cancelled and waited for: the
// engine writes into memory that goes with it.
template <typename Engine, typename Request, typename Item>
class EngineRun {
 public:
  // `on_items` receives the batches.
  static Napi::Value Start(Request request, const Napi::BigInt64Array& words, const Napi::Function& on_items) {
    const Napi::Env env = words.Env();
    auto* run = new EngineRun(std::move(request), words, on_items);
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

 private:
  EngineRun(Request request, const Napi::BigInt64Array& words, const Napi::Function& on_items)
      : env_(words.Env()),
        request_(std::move(request)),
        control_(const_cast<int64_t*>(words.Data())),
        words_(Napi::Persistent(words.As<Napi::Object>())),
        promise_(Napi::Promise::Deferred::New(env_)),
        to_javascript_(Napi::ThreadSafeFunction::New(env_, on_items, "smartcopy engine", 0, 1)),
        items_([this] {
          to_javascript_.BlockingCall([this](Napi::Env js, Napi::Function deliver) { Deliver(js, deliver); });
        }) {}

  void RunEngine() {
    Engine engine(request_, control_, items_);
    outcome_ = engine.Run();
    // Calls keep their order, so everything is delivered before the promise is settled.
    to_javascript_.BlockingCall([this](Napi::Env js, Napi::Function deliver) {
      Deliver(js, deliver);
      Settle(js);
    });
    to_javascript_.Release();
  }

  void Deliver(Napi::Env env, Napi::Function deliver) {
    const auto batch = items_.Take();
    if (batch.empty()) return;
    const Napi::HandleScope scope(env);
    auto items = Napi::Array::New(env, batch.size());
    for (uint32_t index = 0; index < batch.size(); ++index) items.Set(index, ToJs(env, batch[index]));
    deliver.Call({items});
  }

  void Settle(Napi::Env env) {
    napi_remove_env_cleanup_hook(env, StopAtExit, this);
    thread_.reset();
    if (const auto* error = std::get_if<StartError>(&outcome_))
      promise_.Reject(ToJs(env, *error).Value());
    else
      promise_.Resolve(ToJs(env, *std::get_if<0>(&outcome_)));
    delete this;
  }

  static void StopAtExit(void* self) {
    auto* run = static_cast<EngineRun*>(self);
    run->control_.Set(Word::kCancel, 1);
    // The engine may be waiting for its items to be taken; nobody is there to take them any more.
    run->items_.Discard();
    run->thread_.reset();
  }

  const Napi::Env env_;
  const Request request_;
  const ControlBlock control_;
  const Napi::ObjectReference words_;  // keeps the shared memory
  Napi::Promise::Deferred promise_;
  Napi::ThreadSafeFunction to_javascript_;
  BatchSink<Item> items_;
  decltype(std::declval<Engine>().Run()) outcome_;
  std::optional<Thread> thread_;
};

}  // namespace smartcopy
