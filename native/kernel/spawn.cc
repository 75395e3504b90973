#include "spawn.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "new_fd.h"
#include "pidfd.h"
#include "spawn_child.h"
#include "spawn_watchdog.h"

namespace cofferdam {

namespace {

// The child's own stack until it executes: it calls little but the kernel.
constexpr size_t kStackBytes = 64 * 1024;

constexpr char kShell[] = "/bin/sh";

class Stack {
 public:
  Stack() {
    void* memory =
        mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory != MAP_FAILED) bottom_ = static_cast<char*>(memory);
  }
  ~Stack() {
    if (bottom_ != nullptr) munmap(bottom_, kStackBytes);
  }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  bool ok() const { return bottom_ != nullptr; }
  char* bottom() const { return bottom_; }
  char* top() const { return bottom_ + kStackBytes; }

 private:
  char* bottom_ = nullptr;
};

// Every signal there is, also the two that pthread_sigmask leaves out: a handler that ran in the child would
// run in the parent's memory.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    const uint64_t all = ~uint64_t{0};
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, sizeof all);
  }
  ~AllSignalsBlocked() { syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof before_); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  uint64_t before_ = 0;
};

constexpr int kFlags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD;

// Each returns the child's pid, or a negative errno.
int CloneHere(ChildPlan* plan, const Stack& stack, int* pidfd) {
  int pid = clone(RunChild, stack.top(), kFlags | SIGCHLD, plan, pidfd);
  return pid < 0 ? -errno : pid;
}

// glibc has no clone3(2), and a C function cannot call it with another stack: the child would return from
// syscall(2) on one that holds no return address.
int CloneIntoCgroup([[maybe_unused]] ChildPlan* plan, [[maybe_unused]] const Stack& stack,
                    [[maybe_unused]] int cgroup_fd, [[maybe_unused]] int* pidfd) {
#if defined(__x86_64__) || defined(__aarch64__)
  clone_args arguments = {};
  arguments.flags = uint64_t{kFlags} | CLONE_INTO_CGROUP;
  arguments.pidfd = reinterpret_cast<uintptr_t>(pidfd);
  arguments.exit_signal = SIGCHLD;
  arguments.stack = reinterpret_cast<uintptr_t>(stack.bottom());
  arguments.stack_size = kStackBytes;
  arguments.cgroup = static_cast<uint64_t>(cgroup_fd);
#if defined(__x86_64__)
  long result = SYS_clone3;
  register int (*run)(void*) asm("r12") = RunChild;
  register ChildPlan* argument asm("r13") = plan;
  asm volatile(
      "syscall\n\t"
      "testq %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xorl %%ebp, %%ebp\n\t"
      "movq %%r13, %%rdi\n\t"
      "callq *%%r12\n\t"
      "hlt\n"
      "1:"
      : "+a"(result)
      : "D"(&arguments), "S"(sizeof arguments), "r"(run), "r"(argument)
      : "rcx", "r11", "memory");
#else
  register long result asm("x0") = reinterpret_cast<long>(&arguments);
  register long size asm("x1") = sizeof arguments;
  register long number asm("x8") = SYS_clone3;
  register int (*run)(void*) asm("x19") = RunChild;
  register ChildPlan* argument asm("x20") = plan;
  asm volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x0, x20\n\t"
      "blr x19\n\t"
      "brk #0\n"
      "1:"
      : "+r"(result)
      : "r"(size), "r"(number), "r"(run), "r"(argument)
      : "x30", "memory", "cc");
#endif
  return static_cast<int>(result);
#else
  return -ENOSYS;
#endif
}

// The kernel, or a seccomp filter in front of it, does not know clone3 or its flag. Anything else is a
// refusal that must stand: one by pids.max would be got around by moving in later.
bool CannotBeBornThere(int error) {
  return error == -ENOSYS || error == -E2BIG || error == -EINVAL;
}

Result<OwnedFd> OpenIn(int directory, const char* name, int flags) {
  int fd = openat(directory, name, flags | O_CLOEXEC);
  if (fd < 0) return Errno::Last();
  return OwnedFd(NewFd(fd));
}

// Nothing that is born in it would ever run. Kernels that have no freezer say nothing of it.
bool IsFrozen(int cgroup_fd) {
  Result<OwnedFd> events = OpenIn(cgroup_fd, "cgroup.events", O_RDONLY);
  char text[256] = {};
  return events.ok() && read(events.value().get(), text, sizeof text - 1) > 0 &&
         strstr(text, "frozen 1") != nullptr;
}

// Linux before 6.3 gives what is born in a cgroup the CPUs and memory nodes of its parent process, and not
// those of the cgroup, or of the one above it, that has the controller. What moves in gets them.
bool LosesCpuset(int cgroup_fd) {
  utsname kernel = {};
  int major = 0;
  int minor = 0;
  if (uname(&kernel) != 0 || sscanf(kernel.release, "%d.%d", &major, &minor) != 2) return false;
  if (major > 6 || (major == 6 && minor >= 3)) return false;
  auto exists = [cgroup_fd](const std::string& path) {
    return faccessat(cgroup_fd, path.c_str(), F_OK, 0) == 0;
  };
  for (std::string at; exists(at + "cgroup.controllers"); at += "../") {
    if (exists(at + "cpuset.cpus")) return true;
  }
  return false;
}

// The vectors that a ChildPlan points into.
struct Pointers {
  explicit Pointers(const SpawnRequest& request) {
    for (const std::string& text : request.argv) argv.push_back(const_cast<char*>(text.c_str()));
    argv.push_back(nullptr);
    for (const std::string& text : request.env) env.push_back(const_cast<char*>(text.c_str()));
    env.push_back(nullptr);
    for (const std::string& text : request.paths) paths.push_back(text.c_str());
    shell_argv = {kShell, nullptr};
    for (size_t i = 1; i < request.argv.size(); ++i) shell_argv.push_back(request.argv[i].c_str());
    shell_argv.push_back(nullptr);
    if (!request.mounts) return;
    for (const SpawnRequest::Bind& bind : request.mounts->binds)
      binds.push_back({bind.source.c_str(), bind.target.c_str()});
  }
  std::vector<char*> argv, env;
  std::vector<const char*> paths, shell_argv;
  std::vector<ChildPlan::Bind> binds;
};

// The fds of the child, as far as they have to be made.
struct Stdio {
  // Ours, the child's, and one for all that is to be nothing.
  std::vector<Spawned::Pipe> pipes;
  std::vector<OwnedFd> ends;
  OwnedFd null;
  // For each of the child's, one of ours.
  std::vector<int> sources;

  SpawnFailure Make(const SpawnRequest& request) {
    for (size_t i = 0; i < request.stdio.size(); ++i) {
      int source = request.stdio[i];
      if (source == SpawnRequest::kNull) {
        if (!null.ok()) {
          Result<OwnedFd> opened = OwnedFd::Open("/dev/null", O_RDWR);
          if (!opened.ok()) return {opened.error(), "open", "/dev/null"};
          null = std::move(opened).value();
        }
        source = null.get();
      } else if (source == SpawnRequest::kPipe) {
        OwnedFd read_end, write_end;
        if (int error = OwnedFd::Pipe(&read_end, &write_end); error < 0) return {error, "pipe2", {}};
        bool child_reads = i == STDIN_FILENO;
        source = child_reads ? read_end.get() : write_end.get();
        ends.push_back(std::move(child_reads ? read_end : write_end));
        pipes.push_back({static_cast<int>(i), std::move(child_reads ? write_end : read_end)});
      }
      sources.push_back(source);
    }
    return {};
  }
};

}  // namespace

SpawnFailure Spawn(const SpawnRequest& request, Spawned* spawned) {
  Pointers pointers(request);
  Stdio stdio;
  if (SpawnFailure failure = stdio.Make(request); failure.error < 0) return failure;
  Stack stack;
  if (!stack.ok()) return {-errno, "mmap", {}};

  ChildPlan plan;
  plan.argv = pointers.argv.data();
  plan.env = pointers.env.data();
  plan.paths = pointers.paths.data();
  plan.path_count = pointers.paths.size();
  plan.shell_argv = pointers.shell_argv.data();
  plan.cwd = request.cwd ? request.cwd->c_str() : nullptr;
  plan.cwd_fd = request.cwd_fd;
  plan.netns_fd = request.netns_fd;
  plan.own_mounts = request.mounts.has_value();
  plan.mount_sysfs = request.mounts && request.mounts->sysfs;
  plan.binds = pointers.binds.data();
  plan.bind_count = pointers.binds.size();
  plan.death_signal = request.death_signal;
  plan.parent = getpid();

  if (request.cgroup_fd >= 0 && IsFrozen(request.cgroup_fd)) return {-EBUSY, "clone3", "cgroup.freeze"};
  OwnedFd procs;
  // Born in its cgroup where that can be, else here; see below.
  bool born_there = request.cgroup_fd >= 0 && !LosesCpuset(request.cgroup_fd);
  for (;;) {
    if (request.cgroup_fd >= 0 && !born_there) {
      Result<OwnedFd> opened = OpenIn(request.cgroup_fd, "cgroup.procs", O_WRONLY);
      if (!opened.ok()) return {opened.error(), "openat", "cgroup.procs"};
      procs = std::move(opened).value();
      plan.procs_fd = procs.get();
    }
    std::vector<int> sources = stdio.sources;
    plan.stdio = sources.data();
    plan.stdio_count = static_cast<int>(sources.size());
    std::unique_ptr<SpawnWatchdog> watchdog;
    if (request.cgroup_fd >= 0) {
      Result<std::unique_ptr<SpawnWatchdog>> started = SpawnWatchdog::Start();
      if (!started.ok()) return {started.error(), "pthread_create", {}};
      watchdog = std::move(started).value();
    }
    int number = -1;
    int* pidfd_number = watchdog != nullptr ? watchdog->pidfd() : &number;
    int pid;
    {
      AllSignalsBlocked blocked;
      pid = born_there ? CloneIntoCgroup(&plan, stack, request.cgroup_fd, pidfd_number)
                       : CloneHere(&plan, stack, pidfd_number);
    }
    bool late = watchdog != nullptr && watchdog->CallOff();
    OwnedFd pidfd;
    if (pid > 0) pidfd = NewFd(*pidfd_number);
    if (pid > 0 && late) {
      ReapEnding(pidfd.get());
      return {-ETIMEDOUT, born_there ? "clone3" : "clone", {}};
    }
    if (pid < 0 && !(born_there && CannotBeBornThere(pid))) return {pid, born_there ? "clone3" : "clone", {}};
    if (pid > 0 && plan.error < 0) {
      ReapEnding(pidfd.get());
      return {plan.error, plan.call, plan.path == nullptr ? "" : plan.path};
    }
    if (pid > 0 && (plan.started || !born_there)) {
      spawned->pid = pid;
      spawned->pidfd = std::move(pidfd);
      spawned->pipes = std::move(stdio.pipes);
      spawned->migrated = procs.ok();
      return {};
    }
    // Not born there, or killed before it ran: kernels of before August 2026 kill what is born in a cgroup
    // that was emptied by cgroup.kill once, or whose parent's own was. One that moves in lives.
    if (pid > 0) ReapEnding(pidfd.get());
    born_there = false;
  }
}

}  // namespace cofferdam
