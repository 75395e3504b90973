#pragma once

#include <vector>

#include "../kernel/owned_fd.h"
#include "message.h"

namespace cofferdam {

// Opens a pseudo-terminal of the system's own, if `request` wants one, and puts it among `fds`, which become
// 0, 1, 2 and so on. `master` is its other side. It belongs to who the program runs as.
Failure OpenPty(const MessageReader& system, const MessageReader& request, std::vector<OwnedFd>* fds,
                OwnedFd* master);

}  // namespace cofferdam
