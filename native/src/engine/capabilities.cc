#include <errno.h>

#include "copy_strategy.h"

namespace smartcopy {

bool Capabilities::KnownRefused(Method method, const ContentCopy& file) {
  {
    const std::lock_guard lock(mutex_);
    if (refused_between_devices_.contains({method, file.source_device, file.destination_device})) return true;
    if (refused_between_mounts_.empty()) return false;
  }
  const Mounts mounts = MountsOf(method, file);
  const std::lock_guard lock(mutex_);
  return refused_between_mounts_.contains(mounts);
}

std::optional<IoError> Capabilities::Refused(Method method, const ContentCopy& file, const IoError& error,
                                             const char* instead) {
  const Refusal refusal = JudgeRefusal(error.code);
  if (refusal == Refusal::kFinal) return error;
  transfer_.fallbacks.Add(MethodName(method), instead, error.code);
  if (refusal != Refusal::kForGood) return std::nullopt;
  const bool by_mount = error.code == EXDEV && file.source_device == file.destination_device;
  const Mounts mounts = by_mount ? MountsOf(method, file) : Mounts{};
  const std::lock_guard lock(mutex_);
  if (by_mount)
    refused_between_mounts_.insert(mounts);
  else
    refused_between_devices_.insert({method, file.source_device, file.destination_device});
  return std::nullopt;
}

// A mount that is not told is 0: at worst all mounts count as one, and bytes are moved that could have been shared.
Capabilities::Mounts Capabilities::MountsOf(Method method, const ContentCopy& file) {
  sys::ExtraStat source;
  sys::ExtraStat destination;
  sys::Statx(file.source, &source);
  sys::Statx(file.destination, &destination);
  return {method, source.mount_id, destination.mount_id};
}

Result<long> Capabilities::TypeOf(int fd, dev_t device) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = types_.find(device); known != types_.end()) return known->second;
  }
  struct statfs facts{};
  if (auto error = ErrorOf(sys::Fstatfs(fd, &facts), Syscall::kFstatfs)) return *error;
  const std::lock_guard lock(mutex_);
  types_[device] = static_cast<long>(facts.f_type);
  return static_cast<long>(facts.f_type);
}

}  // namespace smartcopy
