#include "xattrs.h"

#include <errno.h>

#include <string>

#include "convert.h"

namespace smartcopy {
namespace {

std::string BytesOf(const Napi::Value& value) {
  const auto bytes = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength()};
}

// Asks for the length first and for the bytes then; what grew in between is asked for once more.
Result<std::string> ReadWhole(const std::string& path, const std::string& name) {
  // The kernel allows 64 KiB, and some file systems change values all the time.
  constexpr int kTries = 10;
  for (int tries = 0; tries < kTries; ++tries) {
    const long length = sys::Getxattr(path.c_str(), name.c_str(), nullptr, 0);
    if (length < 0) return IoError{static_cast<int>(-length), Syscall::kGetxattr};
    std::string bytes(static_cast<size_t>(length), '\0');
    if (length == 0) return bytes;
    const long got = sys::Getxattr(path.c_str(), name.c_str(), bytes.data(), bytes.size());
    if (got == -ERANGE) continue;
    if (got < 0) return IoError{static_cast<int>(-got), Syscall::kGetxattr};
    bytes.resize(static_cast<size_t>(got));
    return bytes;
  }
  return IoError{ERANGE, Syscall::kGetxattr};
}

}  // namespace

Napi::Value ReadXattr(const Napi::CallbackInfo& info) {
  const auto path = BytesOf(info[0]);
  const auto bytes = ReadWhole(path, BytesOf(info[1]));
  if (bytes) return Napi::Buffer<char>::Copy(info.Env(), bytes.value().data(), bytes.value().size());
  ToJs(info.Env(), StartError{StartError::Kind::kSystem, bytes.error(), path}).ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

}  // namespace smartcopy
