#include "fork.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "../kernel/new_fd.h"

namespace cofferdam {

pid_t Fork(uint64_t namespaces, int cgroup, OwnedFd* pidfd) {
  int number = -1;
  clone_args arguments = {};
  arguments.flags = namespaces | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uintptr_t>(&number);
  arguments.exit_signal = SIGCHLD;
  if (cgroup >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(cgroup);
  }
  // Without CLONE_VM it returns twice, as fork(2): no stack of its own is needed.
  long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return -errno;
  if (pid > 0) *pidfd = NewFd(number);
  return static_cast<pid_t>(pid);
}

}  // namespace cofferdam
