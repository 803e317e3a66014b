#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "convert.h"
#include "engine/thread.h"

namespace smartcopy {

// One transfer started from JavaScript: runs the engine on a thread of its own, hands failures over in batches while it
// runs, and settles the promise after the last of them. Owns itself until then. When its environment ends before it
// does (a worker thread's, not the process's), it is cancelled and waited for: the engine writes into memory that goes
// with it.
class TransferRun {
 public:
  static Napi::Value Start(Napi::Env env, const Napi::Object& request, const Napi::BigInt64Array& words);

 private:
  TransferRun(Napi::Env env, const Napi::Object& request, const Napi::BigInt64Array& words);

  void RunEngine();
  void DeliverFailures(Napi::Env env, Napi::Function on_failures);
  void DeliverLines(Napi::Env env);
  void Settle(Napi::Env env);
  static void StopAtExit(void* self);

  const Napi::Env env_;
  const CopyRequest request_;
  const ControlBlock control_;
  const Napi::ObjectReference words_;       // keeps the shared memory
  const Napi::FunctionReference on_lines_;  // empty when nobody wants them
  Napi::Promise::Deferred promise_;
  Napi::ThreadSafeFunction to_javascript_;
  FailureSink failures_;
  std::optional<EntryLines> lines_;
  std::variant<CopyResult, StartError> outcome_;
  std::optional<Thread> thread_;
};

}  // namespace smartcopy
