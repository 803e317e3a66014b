#pragma once

#include <napi.h>

namespace smartcopy {

// (path) => names, each ended by a zero byte; (path, name) => value. Both throw an error with the system call's name,
// its errno and the path.
Napi::Value ListXattrs(const Napi::CallbackInfo& info);
Napi::Value ReadXattr(const Napi::CallbackInfo& info);

}  // namespace smartcopy
