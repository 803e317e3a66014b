// The build compiles this file with -mavx2.
#if defined(__x86_64__)
#include "xxh3_variant.h"

namespace smartcopy {

const Xxh3 kXxh3Avx2 = {sizeof(XXH3_state_t), Reset, Update, Finish};

}  // namespace smartcopy
#endif
