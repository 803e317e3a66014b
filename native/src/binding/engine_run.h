#pragma once

#include <errno.h>
#include <napi.h>

#include <optional>
#include <string>
#include <type_traits>
#include <variant>

#include "convert.h"
#include "engine/entry_lines.h"
#include "engine/thread.h"

namespace smartcopy {

// One run of an engine (TreeCopy, TreeCompare) started from JavaScript: runs it on a thread of its own, hands what it
// reports over in batches while it runs, and settles the promise after the last of them. Owns itself until then. When
// its environment ends before it does (a worker thread's, not the process's), it is cancelled and waited for: the
// engine writes into memory that goes with it.
template <typename Engine, typename Request, typename Item>
class EngineRun {
 public:
  // `on_items` receives the batches; `on_lines`, if it is a function, the lines of an engine that gives some.
  static Napi::Value Start(Request request, const Napi::BigInt64Array& words, const Napi::Function& on_items,
                           const Napi::Value& on_lines = {}) {
    const Napi::Env env = words.Env();
    auto* run = new EngineRun(std::move(request), words, on_items);
    if (!on_lines.IsEmpty() && on_lines.IsFunction()) run->WantLines(on_lines.As<Napi::Function>());
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

  void WantLines(const Napi::Function& on_lines) {
    on_lines_ = Napi::Persistent(on_lines);
    lines_.emplace([this] { to_javascript_.BlockingCall([this](Napi::Env js, Napi::Function) { DeliverLines(js); }); });
  }

  void RunEngine() {
    outcome_ = MakeEngine().Run();
    // Calls keep their order, so everything is delivered before the promise is settled.
    to_javascript_.BlockingCall([this](Napi::Env js, Napi::Function deliver) {
      Deliver(js, deliver);
      DeliverLines(js);
      Settle(js);
    });
    to_javascript_.Release();
  }

  Engine MakeEngine() {
    if constexpr (std::is_constructible_v<Engine, const Request&, ControlBlock, BatchSink<Item>&, EntryLines*>)
      return Engine(request_, control_, items_, lines_ ? &*lines_ : nullptr);
    else
      return Engine(request_, control_, items_);
  }

  void Deliver(Napi::Env env, Napi::Function deliver) {
    const auto batch = items_.Take();
    if (batch.empty()) return;
    const Napi::HandleScope scope(env);
    auto items = Napi::Array::New(env, batch.size());
    for (uint32_t index = 0; index < batch.size(); ++index) items.Set(index, ToJs(env, batch[index]));
    deliver.Call({items});
  }

  void DeliverLines(Napi::Env env) {
    if (!lines_) return;
    const std::string lines = lines_->Take();
    if (lines.empty()) return;
    const Napi::HandleScope scope(env);
    on_lines_.Call({Napi::Buffer<char>::Copy(env, lines.data(), lines.size())});
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
    if (run->lines_) run->lines_->Discard();
    run->thread_.reset();
  }

  const Napi::Env env_;
  const Request request_;
  const ControlBlock control_;
  const Napi::ObjectReference words_;  // keeps the shared memory
  Napi::Promise::Deferred promise_;
  Napi::ThreadSafeFunction to_javascript_;
  BatchSink<Item> items_;
  Napi::FunctionReference on_lines_;
  std::optional<EntryLines> lines_;
  decltype(std::declval<Engine>().Run()) outcome_;
  std::optional<Thread> thread_;
};

}  // namespace smartcopy
