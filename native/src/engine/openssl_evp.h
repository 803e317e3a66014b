#pragma once

namespace smartcopy {

// The functions of OpenSSL's EVP interface that SHA-256 needs, as its manual pages declare them, found when they are
// first asked for. Node carries OpenSSL with it, or is linked to the system's, and shows its functions to addons either
// way, without headers that would fit both. OpenSSL 1.1 and later have all of these.
struct Evp {
  void* (*new_context)();
  void (*free_context)(void* context);
  const void* (*sha256)();
  // With neither type nor engine it begins anew with the type it had.
  int (*init)(void* context, const void* type, void* engine);
  int (*update)(void* context, const void* bytes, __SIZE_TYPE__ length);
  int (*finish)(void* context, unsigned char* digest, unsigned* length);
  int (*copy)(void* to, const void* from);
};

// Null where this process has no OpenSSL, and no libcrypto can be loaded.
const Evp* FindEvp();

}  // namespace smartcopy
