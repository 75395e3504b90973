#pragma once

#include <sys/types.h>

#include <cstdint>

#include "../kernel/owned_fd.h"

namespace cofferdam {

// fork(2) by clone3(2): the child has a pidfd from its first moment on, is born in namespaces of its own
// (`namespaces`, CLONE_NEW*), and in the cgroup `cgroup` is a directory of, unless that is -1.
//
// 0 in the child, -errno where there is none. Only for a process of one thread.
pid_t Fork(uint64_t namespaces, int cgroup, OwnedFd* pidfd);

}  // namespace cofferdam
