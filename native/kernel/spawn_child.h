#pragma once

#include <sys/types.h>

#include <cstddef>

namespace cofferdam {

// What a child does between clone(2) and execve(2), while it borrows its parent's memory and its parent's
// thread stands still (CLONE_VM | CLONE_VFORK).
//
// Plain data, made ready by the parent: the child may allocate nothing, lock nothing and call nothing but the
// kernel, for other threads of the parent run on, and may hold any lock there is.
struct ChildPlan {
  struct Bind {
    const char* source;
    const char* target;
  };

  char* const* argv = nullptr;
  char* const* env = nullptr;
  // Paths to try, one after the other, as execvp(3) does.
  const char* const* paths = nullptr;
  size_t path_count = 0;
  // /bin/sh, a place for the path, and the arguments: for scripts without a first line.
  const char** shell_argv = nullptr;
  // Our fd for each of the child's from 0 on, negative for none. The child changes it.
  int* stdio = nullptr;
  int stdio_count = 0;
  const char* cwd = nullptr;
  int cwd_fd = -1;
  int netns_fd = -1;
  // cgroup.procs, opened for writing, of the group to move into.
  int procs_fd = -1;
  bool own_mounts = false;
  bool mount_sysfs = false;
  const Bind* binds = nullptr;
  size_t bind_count = 0;
  int death_signal = 0;
  pid_t parent = 0;

  // What the child says. It ran at all:
  bool started = false;
  // A negative errno, the call that failed, and what with, if it was a path.
  int error = 0;
  const char* call = nullptr;
  const char* path = nullptr;
};

// Runs in the child, with all signals blocked. Never returns: it ends in execve or exit_group.
int RunChild(void* plan);

}  // namespace cofferdam
