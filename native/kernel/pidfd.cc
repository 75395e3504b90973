#include "pidfd.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace cofferdam {

namespace {

// idtype_t P_PIDFD, which older headers lack.
constexpr int kByPidfd = 3;

// struct pidfd_info in its first published size, and PIDFD_GET_INFO: headers of before 6.13 lack them.
struct PidfdInfo {
  uint64_t mask;
  uint64_t cgroupid;
  uint32_t pid, tgid, ppid;
  uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr uint64_t kInfoExit = 1 << 3;

// The raw call: only it takes an rusage.
Result<ProcessExit> WaitFor(int type, int id, bool reap) {
  siginfo_t info = {};
  ProcessExit exit = {};
  int options = WEXITED | WNOHANG | (reap ? 0 : WNOWAIT);
  long result;
  do {
    result = syscall(SYS_waitid, type, id, &info, options, &exit.usage);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return Errno::Last();
  if (info.si_pid == 0) return Errno{-EAGAIN};
  exit.reason = info.si_code;
  exit.status = info.si_status;
  exit.has_usage = true;
  return exit;
}

}  // namespace

int SendSignal(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) < 0 ? -errno : 0;
}

bool HasEnded(int pidfd) {
  pollfd entry = {pidfd, POLLIN, 0};
  return poll(&entry, 1, 0) > 0;
}

Result<ProcessExit> ChildExit(int pidfd, bool reap) {
  return WaitFor(kByPidfd, pidfd, reap);
}

Result<ProcessExit> ChildExitByPid(pid_t pid, bool reap) {
  return WaitFor(P_PID, pid, reap);
}

void ReapEnding(int pidfd) {
  while (ChildExit(pidfd, true).error() == -EAGAIN) {
    pollfd entry = {pidfd, POLLIN, 0};
    poll(&entry, 1, -1);
  }
}

Result<ProcessExit> ReapedExit(int pidfd) {
  PidfdInfo info = {};
  info.mask = kInfoExit;
  if (ioctl(pidfd, _IOWR(0xFF, 11, PidfdInfo), &info) < 0) {
    // Nothing but the exit was asked for, and of a process that still runs there is none.
    return errno == ESRCH ? Errno{-EAGAIN} : Errno::Last();
  }
  if ((info.mask & kInfoExit) == 0) return Errno{-EAGAIN};
  ProcessExit exit = {};
  if (WIFEXITED(info.exit_code)) {
    exit.reason = CLD_EXITED;
    exit.status = WEXITSTATUS(info.exit_code);
  } else {
    exit.reason = WCOREDUMP(info.exit_code) ? CLD_DUMPED : CLD_KILLED;
    exit.status = WTERMSIG(info.exit_code);
  }
  return exit;
}

int SetSubreaper(bool on) {
  return prctl(PR_SET_CHILD_SUBREAPER, on ? 1UL : 0UL, 0, 0, 0) < 0 ? -errno : 0;
}

int IsSubreaper() {
  int on = 0;
  return prctl(PR_GET_CHILD_SUBREAPER, &on, 0, 0, 0) < 0 ? -errno : on;
}

}  // namespace cofferdam
