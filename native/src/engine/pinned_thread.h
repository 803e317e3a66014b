#pragma once

#include <optional>
#include <vector>

#include "transfer.h"

namespace smartcopy {

// Keeps the calling thread on the CPUs that the plan has for it, for as long as this lives; afterwards it may run where
// it could before. Without a plan, or where the kernel refuses (a CPU was switched off meanwhile), nothing changes.
class PinnedThread {
 public:
  PinnedThread(const NumaPlan& plan, size_t worker_index) {
    if (plan.worker_cpus.empty()) return;
    std::vector<unsigned> before = sys::Affinity();
    if (!before.empty() && sys::SetAffinity(plan.worker_cpus[worker_index % plan.worker_cpus.size()]) >= 0)
      before_ = std::move(before);
  }
  PinnedThread(const PinnedThread&) = delete;
  PinnedThread& operator=(const PinnedThread&) = delete;
  ~PinnedThread() {
    if (!before_.empty()) sys::SetAffinity(before_);
  }

 private:
  std::vector<unsigned> before_;
};

}  // namespace smartcopy
