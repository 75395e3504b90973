#pragma once

#include "owned_fd.h"

namespace cofferdam {

// An fd as the kernel has just given it, close-on-exec: for system calls that OwnedFd has no function for.
// A negative number, which is how they say no, makes one that is not ok().
class NewFd : public OwnedFd {
 public:
  explicit NewFd(int fd) : OwnedFd(fd) {}
};

}  // namespace cofferdam
