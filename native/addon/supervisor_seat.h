#pragma once

#include <string>

#include "../kernel/owned_fd.h"
#include "../kernel/spawn.h"

namespace cofferdam {

// The supervisor of this process, which all of its threads share. It is started for the first of them that
// has systems, and ends by itself when the last one has left and no system is left either.
//
// A connection to it, or why there is none. Each is left once.
SpawnFailure JoinSupervisor(const std::string& program, OwnedFd* connection);
void LeaveSupervisor();

// A connection to the supervisor of another process, through its door. The kernel demands what ptrace(2)
// does: -EPERM. -EBADF where the process has no door, -ENOTSOCK where what it has is none.
SpawnFailure VisitSupervisor(int pidfd, OwnedFd* connection);

}  // namespace cofferdam
