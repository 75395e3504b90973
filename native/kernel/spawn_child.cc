#include "spawn_child.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

// The sanitizers' own bookkeeping is the parent's: the child leaves it alone. For the same reason everything
// here is syscall(2), which no sanitizer intercepts.
#define CHILD __attribute__((no_sanitize("address"), no_sanitize("undefined")))

namespace cofferdam {

namespace {

// Of the kernel's own signal sets, in bytes and in signals: glibc's are larger, and leave two signals out.
constexpr size_t kSignalSetBytes = 8;
constexpr int kSignals = 64;
constexpr int kExitCode = 127;

[[noreturn]] CHILD void Fail(ChildPlan& plan, const char* call, const char* path, int error) {
  plan.error = -error;
  plan.call = call;
  plan.path = path;
  for (;;) syscall(SYS_exit_group, kExitCode);
}

// The result of a system call that must go well.
CHILD int Must(ChildPlan& plan, const char* call, const char* path, long result) {
  if (result < 0) Fail(plan, call, path, errno);
  return static_cast<int>(result);
}

CHILD void PrepareMounts(ChildPlan& plan) {
  if (!plan.own_mounts) return;
  Must(plan, "unshare", nullptr, syscall(SYS_unshare, CLONE_NEWNS));
  // What the host mounts later is still seen here; what is mounted here is seen nowhere else.
  Must(plan, "mount", "/", syscall(SYS_mount, "", "/", "none", MS_SLAVE | MS_REC, nullptr));
  if (plan.mount_sysfs) {
    // sysfs shows the network namespace of who mounts it.
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (syscall(SYS_umount2, "/sys", MNT_DETACH) < 0) {
      // It will be covered then; a read-only one only by its like.
      struct statfs status;
      if (syscall(SYS_statfs, "/sys", &status) == 0 && (status.f_flags & ST_RDONLY) != 0) flags |= MS_RDONLY;
    }
    Must(plan, "mount", "/sys", syscall(SYS_mount, "sysfs", "/sys", "sysfs", flags, nullptr));
  }
  for (size_t i = 0; i < plan.bind_count; ++i) {
    const ChildPlan::Bind& bind = plan.binds[i];
    Must(plan, "mount", bind.target, syscall(SYS_mount, bind.source, bind.target, "none", MS_BIND, nullptr));
  }
}

CHILD void ArrangeFds(ChildPlan& plan) {
  const int count = plan.stdio_count;
  // Out of the way first: a source whose number is the place of another one would be overwritten.
  for (int i = 0; i < count; ++i) {
    int source = plan.stdio[i];
    if (source >= 0 && source < count && source != i)
      plan.stdio[i] = Must(plan, "fcntl", nullptr, syscall(SYS_fcntl, source, F_DUPFD_CLOEXEC, count));
  }
  for (int i = 0; i < count; ++i) {
    if (plan.stdio[i] < 0) {
      // Mostly there is none.
      syscall(SYS_close, i);
      continue;
    }
    if (plan.stdio[i] == i) {
      Must(plan, "fcntl", nullptr, syscall(SYS_fcntl, i, F_SETFD, 0));
    } else {
      Must(plan, "dup3", nullptr, syscall(SYS_dup3, plan.stdio[i], i, 0));
    }
    // Node's own streams do not block, and few programs expect that of theirs.
    int flags = i > STDERR_FILENO ? 0 : Must(plan, "fcntl", nullptr, syscall(SYS_fcntl, i, F_GETFL));
    if ((flags & O_NONBLOCK) != 0)
      Must(plan, "fcntl", nullptr, syscall(SYS_fcntl, i, F_SETFL, flags & ~O_NONBLOCK));
  }
  Must(plan, "close_range", nullptr, syscall(SYS_close_range, count, ~0U, 0));
}

CHILD void ResetSignals(ChildPlan& plan) {
  // A struct sigaction of any architecture, all zero: SIG_DFL.
  const uint64_t defaults[8] = {};
  for (int signal = 1; signal <= kSignals; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    Must(plan, "rt_sigaction", nullptr,
         syscall(SYS_rt_sigaction, signal, defaults, nullptr, kSignalSetBytes));
  }
  if (plan.death_signal != 0) {
    Must(plan, "prctl", nullptr, syscall(SYS_prctl, PR_SET_PDEATHSIG, plan.death_signal, 0, 0, 0));
    // The parent may have died before it was said, and then no signal comes.
    if (syscall(SYS_getppid) != plan.parent) Fail(plan, "prctl", nullptr, ESRCH);
  }
  const uint64_t none = 0;
  Must(plan, "rt_sigprocmask", nullptr,
       syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kSignalSetBytes));
}

[[noreturn]] CHILD void Execute(ChildPlan& plan) {
  const char* denied = nullptr;
  for (size_t i = 0; i < plan.path_count; ++i) {
    const char* path = plan.paths[i];
    syscall(SYS_execve, path, plan.argv, plan.env);
    switch (errno) {
      case EACCES:
        if (denied == nullptr) denied = path;
        break;
      case ENOENT:
      case ENOTDIR:
      case ENODEV:
      case ESTALE:
      case ETIMEDOUT:
        break;
      case ENOEXEC:
        plan.shell_argv[1] = path;
        syscall(SYS_execve, plan.shell_argv[0], plan.shell_argv, plan.env);
        Fail(plan, "execve", path, ENOEXEC);
      default:
        Fail(plan, "execve", path, errno);
    }
  }
  if (denied != nullptr) Fail(plan, "execve", denied, EACCES);
  // The last attempt's own reason where there was but one: ENOTDIR says more than ENOENT.
  Fail(plan, "execve", plan.argv[0], plan.path_count == 1 ? errno : ENOENT);
}

}  // namespace

CHILD int RunChild(void* argument) {
  ChildPlan& plan = *static_cast<ChildPlan*>(argument);
  plan.started = true;
  if (plan.procs_fd >= 0) Must(plan, "write", "cgroup.procs", syscall(SYS_write, plan.procs_fd, "0", 1));
  if (plan.netns_fd >= 0) Must(plan, "setns", nullptr, syscall(SYS_setns, plan.netns_fd, CLONE_NEWNET));
  PrepareMounts(plan);
  if (plan.cwd_fd >= 0) Must(plan, "fchdir", nullptr, syscall(SYS_fchdir, plan.cwd_fd));
  if (plan.cwd != nullptr) Must(plan, "chdir", plan.cwd, syscall(SYS_chdir, plan.cwd));
  ArrangeFds(plan);
  ResetSignals(plan);
  Execute(plan);
}

}  // namespace cofferdam
