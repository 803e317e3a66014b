#include "openssl_evp.h"

#include <dlfcn.h>

#include <optional>

namespace smartcopy {
namespace {

template <typename Function>
bool Find(void* library, const char* name, Function& function) {
  void* const found = ::dlsym(library, name);
  function = reinterpret_cast<Function>(found);
  return found != nullptr;
}

std::optional<Evp> FindIn(void* library) {
  Evp evp{};
  const bool complete = Find(library, "EVP_MD_CTX_new", evp.new_context) &&
                        Find(library, "EVP_MD_CTX_free", evp.free_context) && Find(library, "EVP_sha256", evp.sha256) &&
                        Find(library, "EVP_DigestInit_ex", evp.init) && Find(library, "EVP_DigestUpdate", evp.update) &&
                        Find(library, "EVP_DigestFinal_ex", evp.finish) &&
                        Find(library, "EVP_MD_CTX_copy_ex", evp.copy);
  return complete ? std::optional(evp) : std::nullopt;
}

// The program's own first: two OpenSSLs in one process would each have their own idea of FIPS. Programs without, such
// as the engine's tests, get the system's.
std::optional<Evp> FindAnywhere() {
  if (auto own = FindIn(RTLD_DEFAULT)) return own;
  for (const char* name : {"libcrypto.so.3", "libcrypto.so.1.1"}) {
    void* const library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) continue;
    if (auto found = FindIn(library)) return found;  // never closed: its functions are in use from now on
    ::dlclose(library);
  }
  return std::nullopt;
}

}  // namespace

const Evp* FindEvp() {
  static const std::optional<Evp> kFound = FindAnywhere();
  return kFound ? &*kFound : nullptr;
}

}  // namespace smartcopy
