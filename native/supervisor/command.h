#pragma once

#include <sys/types.h>

#include <vector>

#include "../kernel/owned_fd.h"
#include "message.h"

namespace cofferdam {

// Starts what a kRun message says, as a child of the caller. `fds` become its 0, 1, 2 and so on; it has no
// others. What confines it is in `system`, the message that the system was made by, and nowhere else: nobody
// starts anything that is confined less. Directory, user and environment there are for who says none.
// `ruleset` is what MakeRuleset has made of it, or not ok().
//
// As vfork(2): when this returns the program runs, or there is a failure and nothing is left.
Failure StartCommand(const MessageReader& system, const MessageReader& request, const OwnedFd& ruleset,
                     const std::vector<OwnedFd>& fds, pid_t* pid);

}  // namespace cofferdam
