#pragma once

#include <napi.h>

#include "engine/tree_copy.h"

namespace smartcopy {

// Between JavaScript values and the engine's own. Called on the JavaScript thread alone.

DigestAlgorithm DigestAlgorithmFrom(const std::string& name);
CopyRequest CopyRequestFrom(const Napi::Object& value);
Napi::Value ToJs(Napi::Env env, const Failure& failure);
Napi::Value ToJs(Napi::Env env, const CopyResult& result);
// The one place where an engine error becomes a JavaScript error; native/lib/errors.ts gives it its class.
Napi::Error ToJs(Napi::Env env, const StartError& error);
// The name of an error number, such as EIO.
std::string ErrnoName(int code);

}  // namespace smartcopy
