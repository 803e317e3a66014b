#pragma once

#include "comparison.h"

namespace smartcopy {

// An entry on both sides: what it is there, and where its attributes are read.
struct EntrySides {
  // Relative to both trees.
  const std::string& path;
  const struct stat& source;
  const struct stat& destination;
};

// What people call the type of an entry, with the numbers of a device.
std::string TypeText(const struct stat& of);

// Reports what differs in mode, owner and modification time.
void CompareAttributes(Comparison& comparison, const EntrySides& sides);

// Where the extended attributes of one side are: behind an open file, or of a name that is not opened.
struct XattrPlace {
  int fd = -1;
  const char* name = nullptr;  // in the directory `fd`; null: of `fd` itself
};

// Reports which extended attributes, access control lists among them, differ: all that this process may see.
void CompareXattrs(Comparison& comparison, const std::string& path, const XattrPlace& source,
                   const XattrPlace& destination);

}  // namespace smartcopy
