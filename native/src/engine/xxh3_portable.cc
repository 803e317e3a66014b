#include "xxh3_variant.h"

namespace smartcopy {

const Xxh3 kXxh3Portable = {sizeof(XXH3_state_t), Reset, Update, Finish};

}  // namespace smartcopy
