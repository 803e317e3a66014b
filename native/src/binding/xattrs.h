#pragma once

#include <napi.h>

namespace smartcopy {

// (path, name) => value. Throws an error with the system call's name, its errno and the path.
Napi::Value ReadXattr(const Napi::CallbackInfo& info);

}  // namespace smartcopy
