#include "xattrs.h"

#include <errno.h>

#include <functional>
#include <string>

#include "convert.h"

namespace smartcopy {
namespace {

std::string BytesOf(const Napi::Value& value) {
  const auto bytes = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength()};
}

// Asks for the length first and for the bytes then; what grew in between is asked for once more.
Result<std::string> ReadAll(Syscall call, const std::function<long(char*, size_t)>& ask) {
  // The kernel allows 64 KiB, and some file systems change values all the time.
  constexpr int kTries = 10;
  for (int tries = 0; tries < kTries; ++tries) {
    const long length = ask(nullptr, 0);
    if (length < 0) return IoError{static_cast<int>(-length), call};
    std::string bytes(static_cast<size_t>(length), '\0');
    if (length == 0) return bytes;
    const long got = ask(bytes.data(), bytes.size());
    if (got == -ERANGE) continue;
    if (got < 0) return IoError{static_cast<int>(-got), call};
    bytes.resize(static_cast<size_t>(got));
    return bytes;
  }
  return IoError{ERANGE, call};
}

Napi::Value Answer(const Napi::CallbackInfo& info, const Result<std::string>& bytes, const std::string& path) {
  if (bytes) return Napi::Buffer<char>::Copy(info.Env(), bytes.value().data(), bytes.value().size());
  ToJs(info.Env(), StartError{StartError::Kind::kSystem, bytes.error(), path}).ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

}  // namespace

Napi::Value ListXattrs(const Napi::CallbackInfo& info) {
  const auto path = BytesOf(info[0]);
  const auto ask = [&](char* into, size_t length) { return sys::Listxattr(path.c_str(), into, length); };
  return Answer(info, ReadAll(Syscall::kListxattr, ask), path);
}

Napi::Value ReadXattr(const Napi::CallbackInfo& info) {
  const auto path = BytesOf(info[0]);
  const auto name = BytesOf(info[1]);
  const auto ask = [&](char* into, size_t length) { return sys::Getxattr(path.c_str(), name.c_str(), into, length); };
  return Answer(info, ReadAll(Syscall::kGetxattr, ask), path);
}

}  // namespace smartcopy
