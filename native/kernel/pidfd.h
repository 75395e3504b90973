#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include "result.h"

namespace cofferdam {

// Processes by pidfd: see pidfd_open(2), pidfd_send_signal(2), waitid(2) and uapi/linux/pidfd.h.

// How a process ended.
struct ProcessExit {
  // CLD_EXITED, CLD_KILLED or CLD_DUMPED, and the exit code or the signal that goes with it.
  int reason;
  int status;
  // False where only the status is known: of a process that somebody else has reaped.
  bool has_usage;
  // Of the process and its descendants that were waited for.
  rusage usage;
};

// 0 for `signal` sends nothing and tells whether the process could be sent one. -ESRCH once it was reaped.
int SendSignal(int pidfd, int signal);

// Whether the process has ended, reaped or not.
bool HasEnded(int pidfd);

// How a child of this process ended: -EAGAIN while it runs, -ECHILD where it is none of ours, or was reaped
// already. `reap` takes it away; without that, whoever reaps it later (libuv, say) still finds it.
Result<ProcessExit> ChildExit(int pidfd, bool reap);
// The same by number, for a child that nobody else can reap meanwhile.
Result<ProcessExit> ChildExitByPid(pid_t pid, bool reap);

// Waits for a child that was killed or is leaving, and reaps it.
void ReapEnding(int pidfd);

// How any process ended whose parent has reaped it: the kernel tells those who held a pidfd meanwhile (since
// 6.15). -EAGAIN before that, -ENOTTY or -EINVAL on kernels that do not tell.
Result<ProcessExit> ReapedExit(int pidfd);

// PR_SET_CHILD_SUBREAPER: whether orphaned descendants become children of this process. 0 or 1, or a negative
// errno.
int SetSubreaper(bool on);
int IsSubreaper();

}  // namespace cofferdam
